package input

import (
	"bufio"
	"context"
	"crypto/sha256"
	"errors"
	"fmt"
	"hash"
	"io"

	"layup/analyze/digest"
	"layup/analyze/source"
	"layup/analyze/source/decode"
	"layup/analyze/source/disk"
	"layup/analyze/source/document"
	"layup/tarfs"
)

// spool writes a pipe, or a compressed input without its compression, to an unlinked temporary file: layers may come
// before the manifest that names them, so they must be read again. Size is that of the input, -1 if it is not known.
func spool(ctx context.Context, src *bufio.Reader, size int64, opt *source.Options) (*Input, error) {
	head, err := src.Peek(zeroHead)
	if err != nil && err != io.EOF {
		return nil, fmt.Errorf("reading: %w", disk.Plain(err))
	}
	if err == io.EOF && size < 0 {
		size = int64(len(head))
	}
	compression, err := recognise(head, size)
	if err != nil {
		return nil, err
	}
	s := &spooler{ctx: ctx, opt: opt, src: src, compression: compression}
	if compression == decode.None {
		return s.write(s)
	}
	s.hash = sha256.New()
	return s.decompress()
}

// A spooler copies one input into its temporary file.
type spooler struct {
	ctx         context.Context
	opt         *source.Options
	src         io.Reader
	hash        hash.Hash // nil if nothing is compressed
	blocks      blocks
	read        int64 // bytes of the input
	compression string
}

// blocks looks for headers of a tar in the blocks of 512 bytes of an input.
type blocks struct {
	block  [decode.HeadSize]byte
	filled int
	number int64 // blocks before this one
	header int64 // number of the last block that is a header; 0 for none
}

func (b *blocks) Write(p []byte) (int, error) {
	for rest := p; len(rest) > 0; {
		n := copy(b.block[b.filled:], rest)
		rest, b.filled = rest[n:], b.filled+n
		if b.filled < len(b.block) {
			break
		}
		const magicAt = 257
		if string(b.block[magicAt:magicAt+5]) == "ustar" && tarfs.IsHeader(b.block[:]) {
			b.header = b.number
		}
		b.filled, b.number = 0, b.number+1
	}
	return len(p), nil
}

// Read reads the input as it is stored, counts and hashes it.
func (s *spooler) Read(p []byte) (int, error) {
	n, err := s.src.Read(p)
	if s.hash != nil {
		s.hash.Write(p[:n])
		s.blocks.Write(p[:n])
	}
	if s.read += int64(n); s.opt.Reading != nil {
		s.opt.Reading(s.read)
	}
	if err != nil && err != io.EOF {
		err = fmt.Errorf("reading: %w", disk.Plain(err))
	}
	return n, err
}

func (s *spooler) decompress() (*Input, error) {
	dec, err := decode.New(bufio.NewReaderSize(s, 64<<10), s.compression, s.opt.Limits.Window)
	if err != nil {
		return nil, err
	}
	in, err := s.write(dec)
	if err != nil {
		return nil, errors.Join(err, dec.Close())
	}
	in.Tail = dec.Tail()
	_, err = io.Copy(io.Discard, s) // the digest covers what follows the stream
	if err = errors.Join(err, dec.Close(), s.ctx.Err()); err == nil && in.Tail && s.blocks.header > 0 {
		const message = "damaged: it begins as %s and goes on as a tar, with a header at offset %d"
		err = fmt.Errorf(message, s.compression, s.blocks.header*decode.HeadSize)
	}
	if err != nil {
		return nil, errors.Join(err, in.Close())
	}
	in.Compression, in.Stored = s.compression, s.read
	in.Digest = digest.Sum(digest.SHA256, s.hash)
	return in, nil
}

// write fills a temporary file.
func (s *spooler) write(from io.Reader) (*Input, error) {
	file, err := source.Unlinked(s.opt.TempDir)
	if err != nil {
		return nil, source.NoRoom(s.opt.TempDir, err)
	}
	in := &Input{file: file}
	size, err := s.copy(file, from)
	if err != nil {
		return nil, errors.Join(err, in.Close())
	}
	in.Data = io.NewSectionReader(file, 0, size)
	return in, nil
}

func (s *spooler) copy(to io.Writer, from io.Reader) (int64, error) {
	buf := make([]byte, zeroHead)
	var size int64
	for {
		n, err := io.ReadFull(from, buf)
		end := err == io.EOF || err == io.ErrUnexpectedEOF
		if err != nil && !end {
			return 0, err
		}
		if size == 0 {
			if err := s.inner(buf[:n], end); err != nil {
				return 0, err
			}
		}
		size += int64(n)
		if err := errors.Join(s.ctx.Err(), s.bound(size)); err != nil {
			return 0, err
		}
		if _, err := to.Write(buf[:n]); err != nil {
			return 0, source.NoRoom(s.opt.TempDir, err)
		}
		if end {
			return size, nil
		}
	}
}

// inner returns an error unless the decompressed content is a tar.
func (s *spooler) inner(head []byte, whole bool) error {
	size := int64(-1)
	if whole {
		size = int64(len(head))
	}
	inner, err := recognise(head, size)
	if err == nil && inner != decode.None {
		err = fmt.Errorf("not a tar archive but %s", inner)
	}
	if err != nil {
		return fmt.Errorf("inside %s: %w", s.compression, err)
	}
	return nil
}

// bound checks the size of the temporary file against the limits.
func (s *spooler) bound(size int64) error {
	l := s.opt.Limits
	if err := document.Over(document.LimitImageBytes, size, l.ImageBytes); err != nil {
		return err
	}
	if s.compression == decode.None || l.Ratio <= 0 || size <= l.RatioFloor || size/max(1, s.read) < l.Ratio {
		return nil
	}
	return &tarfs.LimitError{Name: document.LimitRatio, Value: size/max(1, s.read) + 1, Limit: l.Ratio}
}
