package store

import (
	"errors"
	"io"

	"layup/tarfs"
)

// A part is a file that can be read at any place.
type part struct {
	*io.SectionReader
	io.Closer
}

// content returns what the extents of a tar hold, with zeros between them.
func (a *archive) content(size int64, extents []tarfs.Extent) (io.ReadCloser, error) {
	x := &content{a: a, extents: extents, size: size}
	if a.at == nil && len(extents) > 0 {
		c, err := a.cursor(extents[0].TarOffset)
		if err != nil {
			return nil, err
		}
		x.cursor = c
	}
	return x, nil
}

// content reads one file of a tar.
type content struct {
	a       *archive
	cursor  *cursor // nil where the tar can be read at any place
	extents []tarfs.Extent
	size    int64
	at      int64
}

func (x *content) Read(b []byte) (int, error) {
	if x.at == x.size {
		return 0, io.EOF
	}
	for len(x.extents) > 0 && x.at == x.extents[0].FileOffset+x.extents[0].Size {
		x.extents = x.extents[1:]
	}
	if len(x.extents) > 0 && x.at >= x.extents[0].FileOffset {
		e := x.extents[0]
		within := x.at - e.FileOffset
		n, err := x.read(b[:min(int64(len(b)), e.Size-within)], e.TarOffset+within)
		x.at += int64(n)
		return n, err
	}
	end := x.size
	if len(x.extents) > 0 {
		end = x.extents[0].FileOffset
	}
	n := int(min(int64(len(b)), end-x.at))
	clear(b[:n])
	x.at += int64(n)
	return n, nil
}

func (x *content) read(b []byte, offset int64) (int, error) {
	if x.cursor == nil {
		n, err := x.a.at.ReadAt(b, offset)
		if n > 0 {
			err = nil
		}
		return n, shortened(err)
	}
	if err := x.cursor.skip(offset); err != nil {
		return 0, err
	}
	n, err := x.cursor.Read(b)
	if n > 0 {
		err = nil
	}
	return n, shortened(err)
}

// shortened names the end of a tar that was longer when it was listed.
func shortened(err error) error {
	if err == io.EOF || err == io.ErrUnexpectedEOF {
		return errors.New("input changed while being read: it has become shorter")
	}
	return err
}

// Close lets the next file that lies further on go on from here.
func (x *content) Close() error {
	if x.cursor == nil {
		return nil
	}
	c := x.cursor
	x.cursor = nil
	return x.a.rest(c)
}

// A cursor is a place in a stream that is read from its beginning to its end.
type cursor struct {
	stream io.ReadCloser
	at     int64
}

func (c *cursor) Read(b []byte) (int, error) {
	n, err := c.stream.Read(b)
	c.at += int64(n)
	return n, err
}

func (c *cursor) skip(to int64) error {
	_, err := io.CopyN(io.Discard, c, to-c.at)
	return shortened(err)
}

// cursor returns one that has not passed an offset.
func (a *archive) cursor(offset int64) (*cursor, error) {
	a.mu.Lock()
	c := a.idle
	if c != nil && c.at <= offset {
		a.idle = nil
		a.mu.Unlock()
		return c, nil
	}
	a.mu.Unlock()
	stream, err := a.open(a.ctx)
	if err != nil {
		return nil, err
	}
	return &cursor{stream: stream}, nil
}

// rest keeps the cursor that is furthest back of two: it serves more.
func (a *archive) rest(c *cursor) error {
	a.mu.Lock()
	defer a.mu.Unlock()
	old := a.idle
	a.idle = c
	if old == nil {
		return nil
	}
	return old.stream.Close()
}
