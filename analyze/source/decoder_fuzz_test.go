package source

import (
	"bufio"
	"bytes"
	"io"
	"strings"
	"testing"
)

// Whatever the bytes are, a decoder ends, within its bounds, and its errors name the compression.
func FuzzDecoders(f *testing.F) {
	plain := tarOf(f, "a", "b")
	for _, seed := range [][]byte{
		gzipOf(f, plain), concat(gzipOf(f, plain), gzipOf(f, nil), []byte("tail")),
		zstdOf(f, plain), concat(skippable(4, "meta"), zstdOf(f, plain)), fromHex(f, zstdDictionary),
		xzOf(f, plain), fromHex(f, helloBzip2), plain,
	} {
		f.Add(seed)
	}
	limits := DefaultLimits()
	limits.Window = 1 << 20
	f.Fuzz(func(t *testing.T, data []byte) {
		compression := sniff(data[:min(len(data), blockSize)], int64(len(data)))
		if compression == "" || compression == compressionNone {
			return
		}
		d, err := newDecoder(bufio.NewReader(bytes.NewReader(data)), compression, &limits)
		if err != nil {
			t.Fatal(err)
		}
		defer d.Close()
		if _, err := io.Copy(io.Discard, io.LimitReader(d, 1<<24)); err != nil && !strings.HasPrefix(err.Error(), compression+": ") {
			t.Errorf("%v does not name %s", err, compression)
		}
	})
}
