package tarfs_test

import (
	"bufio"
	"errors"
	"io"
	"strings"
	"testing"
	"testing/iotest"

	"layup/tarfs"
)

// A file's content comes out of a tar whether it is read at any place or from its beginning to its end.
func TestExpandPutsExtentsTogether(t *testing.T) {
	const tar = "......abc..defg."
	for _, c := range []struct {
		name         string
		extents      []tarfs.Extent
		size         int64
		stored, want string
	}{
		{"an empty file", nil, 0, "", ""},
		{"one piece", []tarfs.Extent{{TarOffset: 6, Size: 3}}, 3, "abc", "abc"},
		{"nothing but a hole", nil, 5, "", "\x00\x00\x00\x00\x00"},
		{"a hole before", []tarfs.Extent{{2, 6, 3}}, 5, "abc", "\x00\x00abc"},
		{"a hole after", []tarfs.Extent{{0, 6, 3}}, 5, "abc", "abc\x00\x00"},
		{"a hole between", []tarfs.Extent{{0, 6, 3}, {5, 11, 4}}, 9, "abcdefg", "abc\x00\x00defg"},
		{"an empty extent", []tarfs.Extent{{0, 6, 2}, {2, 8, 0}, {2, 8, 1}}, 3, "abc", "abc"},
	} {
		for how, open := range map[string]func() io.ReaderAt{
			"at any place":        func() io.ReaderAt { return strings.NewReader(tar) },
			"forward":             func() io.ReaderAt { return tarfs.NewForward(bufio.NewReader(strings.NewReader(tar)), 0) },
			"forward, byte-wise":  func() io.ReaderAt { return tarfs.NewForward(iotest.OneByteReader(strings.NewReader(tar)), 0) },
			"forward, from later": func() io.ReaderAt { return tarfs.NewForward(strings.NewReader(tar[6:]), 6) },
		} {
			if err := iotest.TestReader(tarfs.Stored(open(), c.extents), []byte(c.stored)); err != nil {
				t.Errorf("%s, stored, %s: %v", c.name, how, err)
			}
			whole := tarfs.Expand(tarfs.Stored(open(), c.extents), c.extents, c.size)
			if err := iotest.TestReader(whole, []byte(c.want)); err != nil {
				t.Errorf("%s, expanded, %s: %v", c.name, how, err)
			}
		}
	}
}

func TestExpandMissesWhatATarLost(t *testing.T) {
	extents := []tarfs.Extent{{0, 6, 3}, {5, 11, 4}}
	for _, tar := range []string{"......abc..def", "......abc..", "......abc", "......", ""} {
		for how, at := range map[string]io.ReaderAt{
			"at any place": strings.NewReader(tar),
			"forward":      tarfs.NewForward(strings.NewReader(tar), 0),
			"discarding":   tarfs.NewForward(bufio.NewReader(strings.NewReader(tar)), 0),
		} {
			b, err := io.ReadAll(tarfs.Expand(tarfs.Stored(at, extents), extents, 10))
			if want := "abc\x00\x00def"; !errors.Is(err, tarfs.ErrShort) || !strings.HasPrefix(want, string(b)) {
				t.Errorf("%q, %s: got %q, %v; want %v", tar, how, b, err, tarfs.ErrShort)
			}
		}
	}
	if _, err := tarfs.NewForward(strings.NewReader("abc"), 2).ReadAt(nil, 1); err == nil {
		t.Error("a Forward went back")
	}
}
