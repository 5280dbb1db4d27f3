package decode

import (
	"compress/bzip2"
	"errors"
	"io"
)

// A bzip2Decoder names the errors of the standard library's reader, which reads one stream after the other.
type bzip2Decoder struct {
	plain
	r io.Reader
}

func (d *bzip2Decoder) Read(p []byte) (int, error) {
	n, err := d.r.Read(p)
	if err == nil || err == io.EOF {
		return n, err
	}
	if structural, ok := errors.AsType[bzip2.StructuralError](err); ok {
		return n, errors.New("bzip2: " + string(structural))
	}
	return n, cut(err, Bzip2, "in the compressed data")
}
