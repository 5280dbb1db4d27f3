package source

import (
	"bufio"
	"context"
	"errors"
	"io"

	"layup/analyze/source/decode"
)

// Tar returns the uncompressed tar from an offset on. It checks no digest; the reader fails if the input changed since Open.
func (l *Layer) Tar(ctx context.Context, offset int64) (io.ReadCloser, error) {
	if l.err != nil {
		return nil, l.err
	}
	if l.tar != nil {
		r := l.tar.Open(ctx)
		if err := decode.Discard(r, offset); err != nil && err != io.EOF {
			return nil, errors.Join(err, r.Close())
		}
		return r, nil
	}
	at, placed := l.blob.(io.ReaderAt)
	if !placed {
		return nil, errNotKept
	}
	section := io.NewSectionReader(at, 0, l.blob.Size())
	head, err := headOf(section)
	if err != nil {
		return nil, err
	}
	blob := &blobReader{ctx: ctx, src: section, size: l.blob.Size()}
	t := &tarReader{src: blob, check: l.check}
	switch compression := decode.Sniff(head, blob.size); compression {
	case "":
		return nil, errNoTar
	case decode.None:
		blob.read, err = section.Seek(min(offset, blob.size), io.SeekStart)
		return t, err
	default:
		t.decoder, err = decode.New(bufio.NewReaderSize(blob, blobBuffer), compression, l.limits.Window)
	}
	if err != nil {
		return nil, err
	}
	r := bufio.NewReaderSize(&meter{ctx: ctx, src: t.decoder, blob: blob, limits: l.limits}, blobBuffer)
	t.src = r
	if err := decode.Discard(r, offset); err != nil && err != io.EOF { // beyond the end there is nothing to read, which is no error
		return nil, errors.Join(err, t.Close())
	}
	return t, nil
}

// Placed reports whether Tar can begin anywhere at once: the layer lies in a file and is not compressed.
func (l *Layer) Placed() bool {
	if l.err != nil || l.tar != nil {
		return false
	}
	at, ok := l.blob.(io.ReaderAt)
	if !ok {
		return false
	}
	head, err := headOf(io.NewSectionReader(at, 0, l.blob.Size()))
	return err == nil && decode.Sniff(head, l.blob.Size()) == decode.None
}

// errNotKept says that a layer was fetched for its list of files alone.
var errNotKept = errors.New("its bytes were not kept when it was fetched")

// A tarReader is a part of a layer's tar. Its end and its Close tell whether the input changed meanwhile.
type tarReader struct {
	src     io.Reader
	decoder decode.Decoder // nil where the layer is not compressed
	check   func() error
}

func (t *tarReader) Read(p []byte) (int, error) {
	n, err := t.src.Read(p)
	if err == io.EOF && t.check != nil {
		if changed := t.check(); changed != nil {
			return n, changed
		}
	}
	return n, err
}

func (t *tarReader) Close() error {
	var err error
	if t.check != nil {
		err = t.check()
	}
	if t.decoder != nil {
		err = errors.Join(err, t.decoder.Close())
	}
	return err
}
