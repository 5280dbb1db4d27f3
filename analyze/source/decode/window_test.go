package decode

import (
	"bufio"
	"bytes"
	"io"
	"runtime"
	"testing"
)

// frame is a zstd frame of one raw block with a window of (8+eighths)/8 of 64 MiB.
func frame(eighths byte, content string) []byte {
	b := append(zstdMagic[:4:4], 0, 16<<3|eighths) // RFC 8878, 3.1.1.1: no content size, no checksum; 10+16 = 26 bits
	b = append(b, byte(len(content))<<3|1, 0, 0)
	return append(b, content...)
}

// Frames that ask for ever larger windows hold no more than the largest, and give their content and their errors.
func TestLargeWindowsTakeTheirMemoryOnce(t *testing.T) {
	var stream []byte
	for eighths := range byte(8) {
		stream = append(stream, frame(eighths, string('a'+rune(eighths)))...)
	}
	runtime.GC()
	for _, c := range []struct {
		tail []byte
		fail bool
	}{{nil, false}, {frame(0, "i"), false}, {[]byte("no frame"), true}, {frame(7, "i")[:7], true}} {
		d, err := New(bufio.NewReader(bytes.NewReader(append(bytes.Clone(stream), c.tail...))), Zstd, 128<<20)
		if err != nil {
			t.Fatal(err)
		}
		got := make([]byte, 0, 16)
		most := uint64(0)
		for err == nil {
			var n int
			n, err = d.Read(got[len(got) : len(got)+1])
			got = got[:len(got)+n]
			var m runtime.MemStats
			runtime.ReadMemStats(&m)
			most = max(most, m.HeapAlloc)
		}
		if !bytes.HasPrefix(got, []byte("abcdefgh")) || (err == io.EOF) == c.fail || most > 200<<20 {
			t.Errorf("%q after %q: %d bytes, %v", c.tail, got, most, err)
		}
		d.Close()
		var m runtime.MemStats
		if runtime.ReadMemStats(&m); m.HeapAlloc > 32<<20 {
			t.Errorf("%d bytes after the end", m.HeapAlloc)
		}
		if _, err := d.Read(make([]byte, 1)); err == nil || err == io.EOF {
			t.Errorf("after the end: %v", err)
		}
	}
}
