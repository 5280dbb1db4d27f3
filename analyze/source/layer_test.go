package source

import (
	"bytes"
	"errors"
	"fmt"
	"io"
	"slices"
	"strings"
	"testing"

	"layup/analyze/source/document"
	"layup/fixtures/sample"
)

// layerOf is a layer of this blob, named truthfully.
func layerOf(blob, plain []byte) *Layer {
	limits := document.DefaultLimits()
	return &Layer{
		Index: 3, Digest: sample.Digest(blob), DiffID: sample.Digest(plain), Size: int64(len(blob)),
		Content: Embedded(blob), Verify: true, Limits: &limits,
	}
}

// blobOf returns the content of a layer that layerOf made.
func blobOf(l *Layer) *Blob { return l.Content.(*Blob) }

func codes(s Scanned) string {
	var all []string
	for _, w := range s.Warnings {
		all = append(all, fmt.Sprintf("%d:%s", w.Layer, w.Code))
	}
	return strings.Join(all, " ")
}

// compressed returns a tar in every compression that there is a writer for.
func compressed(t *testing.T, plain []byte) map[string][]byte {
	return map[string][]byte{"none": plain, "gzip": sample.Gzip(t, plain), "zstd": sample.Zstd(t, plain),
		"xz": sample.Xz(t, plain)}
}

func TestALayerIsOneInEveryCompression(t *testing.T) {
	plain := sample.Tar(t, "etc/a", "etc/b")
	for compression, blob := range compressed(t, plain) {
		for _, verify := range []bool{true, false} {
			for _, digests := range []bool{true, false} {
				l := layerOf(blob, plain)
				l.Verify = verify
				var read int64
				got, err := l.Scan(t.Context(), ScanOptions{Digests: digests, Progress: func(n int64) { read += n }})
				if err != nil {
					t.Errorf("%s: %v", compression, err)
				}
				if want := []string{"etc/a", "etc/b"}; !slices.Equal(sample.Names(got.Table), want) {
					t.Errorf("%s: got %q, want %q", compression, sample.Names(got.Table), want)
				}
				if got.Compression != compression || got.Unpacked != int64(len(plain)) || read != int64(len(blob)) {
					t.Errorf("%s: got %s, %d bytes of %d read, want %d of %d", compression, got.Compression, got.Unpacked,
						read, len(plain), len(blob))
				}
				if got.Digest != l.Digest || got.DiffID != l.DiffID || len(got.Warnings) > 0 {
					t.Errorf("%s: got digest %s, diffID %s, warnings %v", compression, got.Digest, got.DiffID, got.Warnings)
				}
			}
		}
	}
}

func TestNoFlippedByteOfALayerGoesUnnoticed(t *testing.T) {
	plain := sample.Tar(t, "a", "b")
	for name, blob := range compressed(t, plain) {
		for i := range blob {
			l := layerOf(blob, plain)
			bad := sample.Flip(blob, i)
			blobOf(l).Bytes = io.NewSectionReader(bytes.NewReader(bad), 0, int64(len(bad)))
			want := "content does not match its digest: want " + l.Digest + ", got " + sample.Digest(bad)
			if _, err := l.Scan(t.Context(), ScanOptions{}); err == nil || err.Error() != want {
				t.Fatalf("%s, byte %d: got %v, want %q", name, i, err, want)
			}
			l.Digest = "" // as in archives that name only the diffID
			got, err := l.Scan(t.Context(), ScanOptions{})
			names := sample.Names(got.Table)
			if err == nil && (name == "none" || !slices.Equal(names, []string{"a", "b"}) || got.DiffID != l.DiffID) {
				t.Fatalf("%s, byte %d, by diffID alone: no error", name, i)
			}
			if got.Table == nil {
				t.Fatalf("%s, byte %d: no table", name, i)
			}
		}
	}
}

func TestNoTruncatedLayerGoesUnnoticed(t *testing.T) {
	plain := sample.Tar(t, "a", "b")
	for name, blob := range compressed(t, plain) {
		for i := range blob {
			l := layerOf(blob, plain)
			blobOf(l).Bytes = io.NewSectionReader(bytes.NewReader(blob), 0, int64(i))
			if _, err := l.Scan(t.Context(), ScanOptions{}); err == nil || !strings.Contains(err.Error(), "size is") {
				t.Fatalf("%s cut after %d bytes: got %v", name, i, err)
			}
		}
	}
}

func TestALayerTellsTheCause(t *testing.T) {
	plain := sample.Tar(t, "etc/a", "etc/b")
	gz, zs := sample.Gzip(t, plain), sample.Zstd(t, plain)
	badHeader := sample.Flip(plain, 1024+5)
	other := sample.Tar(t, "other")
	const tail, mismatch = "3:compressed-stream-damaged-tail", "3:diff-id-mismatch"
	for _, tt := range []struct {
		case_       string
		blob, plain []byte // what the digest and the diffID are of
		stored      []byte // if it is not the blob
		want        string // the error
		codes       string
	}{
		{"gzip cut in the trailer", gz[:len(gz)-4], plain, nil, "gzip: unexpected end in the trailer", tail},
		{"gzip of a wrong checksum", sample.Flip(gz, len(gz)-8), plain, nil, "gzip: content does not match its", tail},
		{"gzip cut in an entry", gz[:len(gz)-20], plain, nil, "unexpected end in the compressed data", ""},
		{"gzip with zeros after it", slices.Concat(gz, make([]byte, 100)), plain, nil, "", tail},
		{"zstd cut", zs[:len(zs)-20], plain, nil, "zstd: unexpected end in a block", ""},
		{"a bad header", badHeader, badHeader, nil, "tar header at offset 1024: ", ""},
		{"a bad header in gzip", sample.Gzip(t, badHeader), badHeader, nil, "tar header at offset 1024: ", ""},
		{"another tar", plain, other, nil,
			"content does not match its diffID: want " + sample.Digest(other) + ", got " + sample.Digest(plain), mismatch},
		{"another tar in gzip", gz, other, nil, "content does not match its diffID: want ", mismatch},
		{"another tar of a bad header", badHeader, plain, nil, "content does not match its diffID: want ", mismatch},
		{"another blob", gz, plain, sample.Gzip(t, other),
			"content does not match its digest: want " + sample.Digest(gz) + ", got ", ""},
		{"gzip inside gzip", sample.Gzip(t, gz), gz, nil, "not a tar (gzip inside gzip)", ""},
		{"zstd inside gzip", sample.Gzip(t, zs), plain, nil, "not a tar (zstd inside gzip)", ""},
		{"text inside gzip", sample.Gzip(t, []byte("text")), []byte("text"), nil, "not a tar (inside gzip)", ""},
		{"text", []byte("{}"), plain, nil, "not a tar but JSON", ""},
		{"nothing", nil, nil, nil, "", ""},
		{"nothing instead of a tar", nil, plain, nil, "content does not match its diffID", mismatch},
		{"nothing in gzip", sample.Gzip(t, nil), nil, nil, "", ""},
		{"an empty tar", make([]byte, 1024), make([]byte, 1024), nil, "", ""},
		{"a dictionary", sample.FromHex(t, sample.ZstdDictionary), plain, nil, "zstd: frame needs dictionary 7", ""},
		{"a window", sample.FromHex(t, sample.ZstdWindow2GiB), plain, nil, "zstd: window: 2147483648 is over the limit", ""},
	} {
		l := layerOf(tt.blob, tt.plain)
		if tt.stored != nil {
			blobOf(l).Bytes = io.NewSectionReader(bytes.NewReader(tt.stored), 0, int64(len(tt.stored)))
		}
		got, err := l.Scan(t.Context(), ScanOptions{})
		switch {
		case (err == nil) != (tt.want == ""):
			t.Errorf("%s: got %v, want %q", tt.case_, err, tt.want)
		case err != nil && !strings.Contains(err.Error(), tt.want):
			t.Errorf("%s: got %q, want %q", tt.case_, err, tt.want)
		case codes(got) != tt.codes:
			t.Errorf("%s: got warnings %q, want %q", tt.case_, codes(got), tt.codes)
		}
	}
}

func TestEntriesBeforeTheDamageAreRead(t *testing.T) {
	plain := sample.Tar(t, "a", "b", "c")
	cutC := plain[:2*1024+700]
	gz := sample.Gzip(t, plain)
	for _, tt := range []struct {
		case_ string
		blob  []byte
		want  []string
	}{
		{"a tar cut in the third file", cutC, []string{"a", "b"}},
		{"a tar cut in the third file, in gzip", sample.Gzip(t, cutC), []string{"a", "b"}},
		{"a tar cut in the third file, in zstd", sample.Zstd(t, cutC), []string{"a", "b"}},
		{"gzip cut in the trailer", gz[:len(gz)-1], []string{"a", "b", "c"}},
	} {
		for _, verify := range []bool{true, false} {
			l := layerOf(tt.blob, plain)
			l.Verify = verify
			l.DiffID = ""
			got, err := l.Scan(t.Context(), ScanOptions{})
			if names := sample.Names(got.Table); err == nil || !slices.Equal(names, tt.want) {
				t.Errorf("%s, verify %v: got %q and %v, want %q", tt.case_, verify, names, err, tt.want)
			}
		}
	}
}

func TestALayerThatCannotBeReadSaysWhy(t *testing.T) {
	why := errors.New("layer is encrypted")
	l := &Layer{Err: why, Digest: "sha256:00"}
	got, err := l.Scan(t.Context(), ScanOptions{})
	if err != why || got.Table == nil || got.Table.Len() != 0 || got.Digest != l.Digest {
		t.Errorf("Scan: got %+v, %v", got, err)
	}
	if _, err := l.Tar(t.Context(), 0); err != why {
		t.Errorf("Tar: got %v", err)
	}
	if got := l.Window(); got != 0 {
		t.Errorf("Window: got %d", got)
	}
}
