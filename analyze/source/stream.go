package source

import (
	"context"
	"fmt"
	"io"

	"layup/analyze/digest"
	"layup/analyze/source/decode"
	"layup/analyze/source/document"
	"layup/tarfs"
)

// The buffers of a layer's reader: of stored bytes before a decoder, and of the tar.
const (
	blobBuffer = 64 << 10
	tarBuffer  = 256 << 10
)

// A blobReader reads the stored bytes of a layer from the first to the last, whoever else reads them.
type blobReader struct {
	ctx      context.Context
	src      io.Reader
	size     int64
	read     int64
	digests  *digest.Sums // nil where nothing is to be hashed
	progress func(int64)
	err      error // why reading stopped before the end
}

func (b *blobReader) Read(p []byte) (int, error) {
	if b.err == nil {
		b.err = b.ctx.Err()
	}
	if b.err != nil {
		return 0, b.err
	}
	if b.read == b.size {
		return 0, io.EOF
	}
	n, err := b.src.Read(p[:min(int64(len(p)), b.size-b.read)])
	b.read += int64(n)
	if b.digests != nil {
		b.digests.Write(p[:n])
	}
	if b.progress != nil {
		b.progress(int64(n))
	}
	if n > 0 {
		return n, nil
	}
	b.err = Shrunk(err)
	return 0, b.err
}

// Shrunk names the end of a file that had more bytes when it was opened.
func Shrunk(err error) error {
	if err == io.EOF || err == io.ErrUnexpectedEOF {
		return errShrunk
	}
	return err
}

// errShrunk is deliberately no io.ErrUnexpectedEOF: the layer may be sound, its file is not the one that was opened.
var errShrunk = fmt.Errorf("the input ends before the layer does: it changed while being read")

// A meter counts the bytes of a tar against the limits and hashes them. Damage that comes after all content looks like the end to
// who reads on, and is kept for the verdict.
type meter struct {
	ctx     context.Context
	src     io.Reader
	blob    *blobReader // what the tar is decompressed from; nil where there is no ratio to keep
	limits  *document.Limits
	digests *digest.Sums // nil where nothing is to be hashed
	count   int64
	err     error // io.EOF at a sound end
}

func (m *meter) Read(p []byte) (int, error) {
	if m.err == nil {
		m.err = m.ctx.Err()
	}
	if m.err != nil {
		return 0, hideTrailer(m.err)
	}
	n, err := m.src.Read(p)
	m.err = err
	m.count += int64(n)
	if over := m.over(); over != nil {
		m.err = over
		return 0, over
	}
	if m.digests != nil {
		m.digests.Write(p[:n])
	}
	return n, hideTrailer(err)
}

func hideTrailer(err error) error {
	if decode.IsTrailer(err) {
		return io.EOF
	}
	return err
}

// over tells whether more came out than an honest layer holds: too much, or too much for what went in.
func (m *meter) over() error {
	l := m.limits
	if l.LayerBytes > 0 && m.count > l.LayerBytes {
		return &tarfs.LimitError{Name: document.LimitLayerBytes, Value: m.count, Limit: l.LayerBytes}
	}
	if l.Ratio <= 0 || m.blob == nil || m.count <= l.RatioFloor {
		return nil
	}
	read := max(m.blob.read, 1) // what was read so far, or a bomb would burn on to 5,000 times its size
	if (m.count-1)/l.Ratio < read {
		return nil
	}
	return &tarfs.LimitError{Name: document.LimitRatio, Value: (m.count-1)/read + 1, Limit: l.Ratio}
}

// damage returns what stopped the stream, nil at a sound end or before any.
func (m *meter) damage() error {
	if m.err == io.EOF {
		return nil
	}
	return m.err
}
