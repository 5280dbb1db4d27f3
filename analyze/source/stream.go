package source

import (
	"bufio"
	"context"
	"errors"
	"io"
	"os"

	"layup/analyze/digest"
	"layup/analyze/source/decode"
	"layup/analyze/source/document"
	"layup/tarfs"
)

// The buffers of a layer's reader: of stored bytes before a decoder, and of the tar.
const (
	blobBuffer  = 64 << 10
	tarBuffer   = 256 << 10
	leastBuffer = 4 << 10
)

// A blobReader reads the stored bytes of a layer from the first to the last.
type blobReader struct {
	ctx      context.Context
	src      io.Reader
	size     int64
	read     int64
	digests  *digest.Sums // nil if nothing is hashed
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

// errShrunk is not an io.ErrUnexpectedEOF: the layer may be sound, but its file changed after it was opened.
var errShrunk = errors.New("the input ends before the layer does: it changed while being read")

// A meter counts the bytes of a tar against the limits and hashes them. Readers see damage after all content as the end
// of the tar; the meter keeps it for the verdict.
type meter struct {
	ctx     context.Context
	src     io.Reader
	blob    *blobReader // what the tar is decompressed from; nil if there is no limit of the ratio
	limits  *document.Limits
	digests *digest.Sums // nil if nothing is hashed
	copy    *Scratch     // nil if the tar is not kept
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
	if m.copy != nil {
		if _, failed := m.copy.Write(p[:n]); failed != nil {
			_ = m.copy.Close() // the layer itself is read again then, which needs less room
			m.copy = nil
		}
	}
	return n, hideTrailer(err)
}

func hideTrailer(err error) error {
	if decode.IsTrailer(err) {
		return io.EOF
	}
	return err
}

// over returns an error if more came out than an honest layer holds: too much at all, or too much for what went in.
func (m *meter) over() error {
	l := m.limits
	if l.LayerBytes > 0 && m.count > l.LayerBytes {
		return &tarfs.LimitError{Name: document.LimitLayerBytes, Value: m.count, Limit: l.LayerBytes}
	}
	if l.Ratio <= 0 || m.blob == nil || m.count <= l.RatioFloor {
		return nil
	}
	read := max(m.blob.read, 1) // not the blob's size: a bomb must end early
	if (m.count-1)/l.Ratio < read {
		return nil
	}
	return &tarfs.LimitError{Name: document.LimitRatio, Value: (m.count-1)/read + 1, Limit: l.Ratio}
}

// damage returns what stopped the stream, or nil if it ended well or has not ended.
func (m *meter) damage() error {
	if m.err == io.EOF {
		return nil
	}
	return m.err
}

// A stream is the bytes of a streamed blob while they are fetched.
type stream struct {
	body io.ReadCloser
	r    *bufio.Reader
	kept *os.File // nil if the bytes are not kept
	of   *TempFiles
}

// fetch opens a streamed blob and reads its first bytes. With Keep, all bytes also go to a temporary file, which
// becomes the blob after the pass.
func (p *pass) fetch(far Streamed) (*stream, []byte, error) {
	s := &stream{of: far.Temp()}
	var err error
	if p.opt.Keep || isImageType(p.layer.MediaType) { // such an image is not read from the first byte to the last
		if s.kept, err = Unlinked(s.of.Dir); err != nil {
			return nil, nil, NoRoom(s.of.Dir, err)
		}
	}
	if s.body, err = far.Open(p.ctx); err != nil {
		return nil, nil, errors.Join(err, s.discard())
	}
	s.r = bufio.NewReaderSize(s.body, blobBuffer)
	head, err := s.r.Peek(int(min(decode.HeadSize, far.Size())))
	if err != nil && err != io.EOF {
		return nil, nil, errors.Join(err, s.discard(), s.Close())
	}
	p.stream = s
	return s, head, nil
}

// Read fails if the bytes cannot be kept.
func (s *stream) Read(p []byte) (int, error) {
	n, err := s.r.Read(p)
	if s.kept != nil && n > 0 {
		if _, failed := s.kept.Write(p[:n]); failed != nil {
			return 0, NoRoom(s.of.Dir, failed)
		}
	}
	return n, err
}

// Close ends the request.
func (s *stream) Close() error { return s.body.Close() }

// discard closes the temporary file.
func (s *stream) discard() error {
	if s.kept == nil {
		return nil
	}
	return s.kept.Close()
}

// end makes sure that nothing follows the last byte: the reader of the blob stops there.
func (s *stream) end() error {
	if _, err := s.r.ReadByte(); err != io.EOF {
		return err
	}
	return nil
}

// keep makes the temporary file the layer's blob, if the pass went well, so that Tar can read it.
func (p *pass) keep(err error) error {
	s := p.stream
	if s == nil || s.kept == nil {
		return err
	}
	if err != nil {
		return errors.Join(err, s.discard())
	}
	far := p.from.Bytes.(Streamed)
	far.Temp().add(s.kept)
	p.from.Bytes = io.NewSectionReader(s.kept, 0, far.Size())
	return nil
}

// keepTar makes the copy of the tar what Tar reads, if the pass went well.
func (p *pass) keepTar(err error) error {
	if p.tar == nil || p.tar.copy == nil {
		return err
	}
	if err != nil || p.erofs {
		_ = p.tar.copy.Close() // nobody reads it
		return err
	}
	p.opt.Tars.add(p.tar.copy)
	p.from.own = io.NewSectionReader(p.tar.copy, 0, p.tar.count)
	return nil
}
