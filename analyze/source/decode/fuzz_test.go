package decode

import (
	"bufio"
	"bytes"
	"io"
	"strings"
	"testing"

	"layup/fixtures/sample"
)

// Whatever the bytes are, a decoder ends, within its bounds, and its errors name the compression.
func FuzzDecoders(f *testing.F) {
	plain := sample.Tar(f, "a", "b")
	for _, seed := range [][]byte{
		sample.Gzip(f, plain), concat(sample.Gzip(f, plain), sample.Gzip(f, nil), []byte("tail")),
		sample.Zstd(f, plain), concat(sample.Skippable(4, "meta"), sample.Zstd(f, plain)),
		sample.FromHex(f, sample.ZstdDictionary), sample.Xz(f, plain), sample.FromHex(f, helloBzip2), plain,
	} {
		f.Add(seed)
	}
	const window = 1 << 20
	f.Fuzz(func(t *testing.T, data []byte) {
		compression := Sniff(data[:min(len(data), HeadSize)], int64(len(data)))
		if compression == "" || compression == None {
			return
		}
		d, err := New(bufio.NewReader(bytes.NewReader(data)), compression, window)
		if err != nil {
			t.Fatal(err)
		}
		defer d.Close()
		_, err = io.Copy(io.Discard, io.LimitReader(d, 1<<24))
		if err != nil && !strings.HasPrefix(err.Error(), compression+": ") {
			t.Errorf("%v does not name %s", err, compression)
		}
	})
}
