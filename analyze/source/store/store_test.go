package store

import (
	"bufio"
	"bytes"
	"compress/gzip"
	"encoding/base64"
	"errors"
	"io"
	"io/fs"
	"strings"
	"testing"
)

// blind is a store whose reader may not see the attributes trusted.*.
type blind struct{ Files }

func (blind) Sight() Sight { return Sight{} }

// Without them a directory that hides something would look as if it hid nothing.
func TestWhatIsHiddenMustBeSeen(t *testing.T) {
	r := Overlay(blind{}, "diff", Layout{}).Open(t.Context())
	defer r.Close()
	_, err := r.Peek(1)
	if _, ok := errors.AsType[*PrivilegeError](err); !ok {
		t.Errorf("got %v, want a privilege", err)
	}
	if err := (&Layout{Rootless: true}).visible(blind{}, "diff"); err != nil {
		t.Errorf("an engine without root keeps it elsewhere: %v", err)
	}
}

// Whatever a line holds, it is a record or an error.
func FuzzRecord(f *testing.F) {
	for _, seed := range []string{
		`{"type":2,"payload":"AAAA"}`, `{"type":1,"name":"a/b","size":3,"payload":"AAAAAAAAAAA="}`,
		`{"type":1,"name_raw":"/w==","size":-1}`, `{"type":2,"payload":"=`, "", "\n\n",
	} {
		f.Add([]byte(seed))
	}
	f.Fuzz(func(t *testing.T, data []byte) {
		lines := bufio.NewReaderSize(bytes.NewReader(data), 16)
		for {
			line, err := readLine(lines)
			if err == io.EOF {
				return
			}
			if err != nil {
				t.Fatal(err)
			}
			var rec record
			if parseRecord(line, &rec) != nil {
				continue
			}
			if s, ok := rec.segment("dir"); ok && s.File != "" && (s.Size < 0 || len(s.File) < 3 || s.File[:3] != "dir") {
				t.Errorf("%q leads to %q", line, s.File)
			}
		}
	})
}

// vfs copies the layers below into each directory: its metadata is not that of the layer alone.
func TestDirectoryOfAllLayersSaysThatMetadataIsNotCompared(t *testing.T) {
	l := stacked(nil, Layer{Directory: "vfs/dir/a", Split: "tar-split.json.gz"}, nil, "vfs", Layout{})[0]
	found, err := l.Differences(t.Context(), nil)
	if err != nil || len(found) != 1 || !found[0].Note || found[0].Code != "layer-metadata-not-compared" {
		t.Errorf("got %v, %v", found, err)
	}
}

// Zeros are not decoded but written: the result is that of decoding all.
func TestHeadersAreDecodedWithTheirZeros(t *testing.T) {
	for _, header := range []string{"", "a", "usr/bin/x", strings.Repeat("\x00", 512), "a" + strings.Repeat("\x00", 100) +
		"0000644\x00" + strings.Repeat("\x00", 404), strings.Repeat("\x00", 7) + "x" + strings.Repeat("\x00", 23)} {
		var r record
		if err := r.decode([]byte(base64.StdEncoding.EncodeToString([]byte(header)))); err != nil ||
			string(r.Payload) != header {
			t.Errorf("%q: got %q, %v", header, r.Payload, err)
		}
	}
	for _, text := range []string{"AAAAAAAAAAA", "AAAAAAA=AAAAAAAAAAAAAAAA", "AAAAAA==AAAAAAAAxxxxxxxx", "AAAAAAAA\x00AAA",
		"xxxxxx==AAAAAAAA"} {
		if err := new(record).decode([]byte(text)); err == nil {
			t.Errorf("%q: no error", text)
		}
	}
}

// oneFile is a store with one file.
type oneFile struct {
	Files
	content []byte
}

func (f oneFile) Open(string) (io.ReadCloser, error) {
	return io.NopCloser(bytes.NewReader(f.content)), nil
}

// A Reader that is closed twice does not take the memory of another, to which it went in between.
func TestReadersMayBeClosedTwice(t *testing.T) {
	var b bytes.Buffer
	z := gzip.NewWriter(&b)
	segment := `{"type":2,"payload":"` + base64.StdEncoding.EncodeToString([]byte("12345678")) + `"}` + "\n"
	if _, err := io.WriteString(z, strings.Repeat(segment, 1000)); err != nil {
		t.Fatal(err)
	}
	if err := z.Close(); err != nil {
		t.Fatal(err)
	}
	layer := TarSplit(oneFile{content: b.Bytes()}, "split", "diff", Layout{Spare: new(Spare)})
	first := layer.Open(t.Context())
	if _, err := first.Peek(1); err != nil {
		t.Fatal(err)
	}
	first.Close()
	second := layer.Open(t.Context())
	if _, err := second.Peek(1); err != nil {
		t.Fatal(err)
	}
	first.Close()
	third := layer.Open(t.Context())
	if _, err := third.Peek(1); err != nil {
		t.Fatal(err)
	}
	for range 10 {
		if got, err := second.Peek(9); err != nil || string(got) != "123456781" {
			t.Fatalf("%q, %v", got, err)
		}
		if _, err := second.Discard(8); err != nil {
			t.Fatal(err)
		}
	}
	if _, err := first.Peek(99); !errors.Is(err, fs.ErrClosed) {
		t.Errorf("a closed reader: %v", err)
	}
}
