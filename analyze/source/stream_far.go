package source

import (
	"bufio"
	"errors"
	"io"
	"os"

	"layup/analyze/source/decode"
)

// A stream is the bytes of a streamed blob while they are fetched.
type stream struct {
	body io.ReadCloser
	r    *bufio.Reader
	kept *os.File // nil where the bytes are not kept
	dir  string   // of kept
}

// fetch opens a streamed blob and reads its first bytes. With Keep all go to a temporary file, too, which becomes the blob once the pass is done.
func (p *pass) fetch(far Streamed) (*stream, []byte, error) {
	s := &stream{dir: far.TempDir()}
	var err error
	if p.opt.Keep {
		if s.kept, err = Unlinked(s.dir); err != nil {
			return nil, nil, NoRoom(s.dir, err)
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

// Read reads on. What cannot be kept is an error.
func (s *stream) Read(p []byte) (int, error) {
	n, err := s.r.Read(p)
	if s.kept != nil && n > 0 {
		if _, failed := s.kept.Write(p[:n]); failed != nil {
			return 0, NoRoom(s.dir, failed)
		}
	}
	return n, err
}

// Close ends the request.
func (s *stream) Close() error { return s.body.Close() }

// discard gives the temporary file back.
func (s *stream) discard() error {
	if s.kept == nil {
		return nil
	}
	return s.kept.Close()
}

// end makes sure that nothing follows the last byte. It belongs to the pass, for who reads the blob stops there.
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
	far.Keep(s.kept)
	p.from.Bytes = io.NewSectionReader(s.kept, 0, far.Size())
	return nil
}

// reserve asks for the memory of a decoder that a streamed layer's type did not tell of.
func (p *pass) reserve(found string) {
	if p.stream == nil || p.opt.Reserve == nil || found != decode.Zstd && found != decode.Xz {
		return
	}
	if n := MostWindow(p.layer) - StreamWindow(p.layer); n > 0 {
		p.opt.Reserve(n)
	}
}
