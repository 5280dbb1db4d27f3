package store

import (
	"context"
	"hash/crc64"
	"io"
	"io/fs"
	"iter"

	"layup/tarfs"
)

// A Segment is a piece of a tar: bytes, or the content of a file of the store.
type Segment struct {
	Bytes []byte
	File  string // its name if Bytes is nil; empty for Size zeros
	Size  int64  // of the file's content
	Sum   []byte // CRC-64 of the content, eight bytes (ISO polynomial); nil if unknown
}

func (s Segment) length() int64 {
	if s.Bytes != nil {
		return int64(len(s.Bytes))
	}
	return s.Size
}

// A Tar is a tar that is assembled while it is read.
type Tar struct {
	Files    Files
	Dialect  tarfs.Dialect
	Copied   bool // the directory also holds the layers below
	Segments func(ctx context.Context) iter.Seq2[Segment, error]
	// pull is set in place of Segments. Next returns a segment, which is valid until the next call; false after the last.
	pull   func(ctx context.Context) (next func() (Segment, error, bool), stop func())
	layout Layout // of the directory
}

// A Reader reads a Tar from the beginning, for tarfs.Scan. It does not read content that is discarded.
type Reader struct {
	tar    *Tar
	next   func() (Segment, error, bool)
	stop   func()
	buffer []byte        // bytes that were read but not consumed
	spare  []byte        // the array of buffer, unless it is borrowed
	lent   bool          // the buffer is a piece of the current segment
	rest   Segment       // the current segment
	done   int64         // bytes of the segment that are consumed or in the buffer
	body   io.ReadCloser // its open file
	sum    uint64        // CRC-64 of what was read from the file
	whole  bool          // the file was read from its beginning, without a gap
	past   int64         // bytes of the segments before this one
	err    error
}

// Done returns how many bytes were read or discarded.
func (r *Reader) Done() int64 { return r.past + r.done - int64(len(r.buffer)) }

// Open begins to read the tar.
func (t *Tar) Open(ctx context.Context) *Reader {
	r := &Reader{tar: t}
	if t.pull != nil {
		r.next, r.stop = t.pull(ctx)
	} else {
		r.next, r.stop = iter.Pull2(t.Segments(ctx))
	}
	return r
}

// Close ends the reading. To close twice is harmless: what stop gave up may serve another Reader already.
func (r *Reader) Close() error {
	r.stop()
	r.next, r.stop = closed, func() {}
	return r.shut()
}

func closed() (Segment, error, bool) { return Segment{}, fs.ErrClosed, true }

func (r *Reader) shut() error {
	if r.body == nil {
		return nil
	}
	body := r.body
	r.body = nil
	return body.Close()
}

// Peek returns the next n bytes without consuming them; it returns fewer only with an error.
func (r *Reader) Peek(n int) ([]byte, error) {
	for len(r.buffer) < n && r.err == nil {
		r.err = r.fill(n - len(r.buffer))
	}
	if len(r.buffer) < n {
		return r.buffer, r.err
	}
	return r.buffer[:n], nil
}

// fill appends at most want bytes of the current segment to the buffer, or all if the segment is bytes.
func (r *Reader) fill(want int) error {
	if r.lent { // the next segment may overwrite it
		r.buffer, r.lent = append(r.spare[:0], r.buffer...), false
	}
	if r.done == r.rest.length() {
		if err := r.advance(); err != nil {
			return err
		}
	}
	if len(r.buffer) == 0 {
		r.buffer = r.spare[:0]
	}
	if r.rest.Bytes != nil {
		if more := r.rest.Bytes[r.done:]; len(r.buffer) == 0 {
			r.buffer, r.lent = more, true
		} else {
			r.buffer = append(r.buffer, more...)
			r.spare = r.buffer[:0]
		}
		r.done = r.rest.length()
		return nil
	}
	from := len(r.buffer)
	r.buffer = append(r.buffer, make([]byte, min(int64(want), r.rest.Size-r.done))...)
	n, err := r.read(r.buffer[from:])
	r.buffer = r.buffer[:from+n]
	r.spare = r.buffer[:0]
	return err
}

// advance goes to the next segment that is not empty.
func (r *Reader) advance() error {
	for {
		if err := r.shut(); err != nil {
			return err
		}
		s, err, ok := r.next()
		if err != nil {
			return err
		}
		if !ok {
			return io.EOF
		}
		r.past += r.rest.length()
		if r.rest, r.done, r.sum, r.whole = s, 0, 0, true; s.length() > 0 {
			return nil
		}
	}
}

// read reads the current segment, which is a file or zeros.
func (r *Reader) read(b []byte) (int, error) {
	b = b[:min(int64(len(b)), r.rest.Size-r.done)]
	if r.rest.File == "" {
		clear(b)
		r.done += int64(len(b))
		return len(b), nil
	}
	if r.body == nil {
		body, err := r.tar.open(r.rest, r.done)
		if err != nil {
			return 0, err
		}
		r.body = body
	}
	n, err := io.ReadFull(r.body, b)
	r.done += int64(n)
	r.sum = crc64.Update(r.sum, crcTable, b[:n])
	if err == io.EOF || err == io.ErrUnexpectedEOF {
		err = ErrChanged
	}
	if err != nil {
		return n, &ContentError{Name: r.rest.File, Err: err}
	}
	if r.done == r.rest.Size {
		return n, r.check()
	}
	return n, nil
}

// Discard skips n bytes without reading files.
func (r *Reader) Discard(n int) (int, error) {
	left := int64(n)
	for left > 0 {
		if len(r.buffer) > 0 {
			k := min(left, int64(len(r.buffer)))
			r.buffer = r.buffer[k:]
			left -= k
			continue
		}
		if r.err == nil && r.done == r.rest.length() {
			r.err = r.advance()
		}
		if r.err != nil {
			return n - int(left), r.err
		}
		k := min(left, r.rest.length()-r.done)
		r.done += k
		left -= k
		if r.err = r.shut(); r.err != nil {
			return n - int(left), r.err
		}
		r.whole = false
	}
	return n, nil
}

// Read reads headers and content.
func (r *Reader) Read(b []byte) (int, error) {
	if len(b) == 0 {
		return 0, nil
	}
	if len(r.buffer) > 0 {
		n := copy(b, r.buffer)
		r.buffer = r.buffer[n:]
		return n, nil
	}
	if r.err == nil && r.done == r.rest.length() {
		r.err = r.advance()
	}
	if r.err != nil {
		return 0, r.err
	}
	if r.rest.Bytes != nil {
		n := copy(b, r.rest.Bytes[r.done:])
		r.done += int64(n)
		return n, nil
	}
	var n int
	n, r.err = r.read(b)
	return n, r.err
}
