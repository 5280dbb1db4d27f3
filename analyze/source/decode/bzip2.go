package decode

import (
	"bufio"
	"compress/bzip2"
	"errors"
	"io"
)

// A bzip2Decoder names the errors of the standard library's reader, which reads several streams on.
type bzip2Decoder struct{ r io.Reader }

func newBzip2Decoder(src *bufio.Reader) *bzip2Decoder { return &bzip2Decoder{bzip2.NewReader(src)} }

func (d *bzip2Decoder) Close() error { return nil }

func (d *bzip2Decoder) Tail() bool { return false }

func (d *bzip2Decoder) Read(p []byte) (int, error) {
	n, err := d.r.Read(p)
	var structural bzip2.StructuralError
	switch {
	case err == nil || err == io.EOF:
		return n, err
	case errors.As(err, &structural):
		return n, errors.New("bzip2: " + string(structural))
	}
	return n, cut(err, Bzip2, "in the compressed data")
}
