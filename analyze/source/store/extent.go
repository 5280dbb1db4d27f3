package store

import (
	"io"

	"layup/tarfs"
)

// A part is a file that can be read at any offset.
type part struct {
	*io.SectionReader
	io.Closer
}

// content returns what the extents of a tar hold, with zeros between them.
func (a *archive) content(size int64, extents []tarfs.Extent) (io.ReadCloser, error) {
	if a.at != nil || len(extents) == 0 {
		return io.NopCloser(tarfs.Expand(tarfs.Stored(a.at, extents), extents, size)), nil
	}
	c, err := a.cursor(extents[0].TarOffset)
	if err != nil {
		return nil, err
	}
	return &content{tarfs.Expand(tarfs.Stored(c, extents), extents, size), a, c}, nil
}

// content reads one file of a stream.
type content struct {
	io.Reader
	a *archive
	c *cursor
}

// Close keeps the cursor for a file that comes later in the stream.
func (x *content) Close() error { return x.a.rest(x.c) }

// A cursor is a place in a stream.
type cursor struct {
	*tarfs.Forward
	stream io.Closer
}

// cursor returns a cursor that has not passed the offset.
func (a *archive) cursor(offset int64) (*cursor, error) {
	a.mu.Lock()
	if c := a.idle; c != nil && c.Offset() <= offset {
		a.idle = nil
		a.mu.Unlock()
		return c, nil
	}
	a.mu.Unlock()
	stream, err := a.open(a.ctx)
	if err != nil {
		return nil, err
	}
	return &cursor{tarfs.NewForward(stream, 0), stream}, nil
}

// rest keeps a cursor for the next file and closes the one that was kept before.
func (a *archive) rest(c *cursor) error {
	a.mu.Lock()
	defer a.mu.Unlock()
	old := a.idle
	a.idle = c
	if old == nil || old == c {
		return nil
	}
	return old.stream.Close()
}
