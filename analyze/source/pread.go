package source

import (
	"context"
	"io"
)

// The bytes that a HeaderReader asks for at once: two blocks after skipped content, many among small files, because the
// next header is near. A system call costs about as much as a copy of farJump bytes.
const (
	smallWindow = 1 << 10
	largeWindow = 64 << 10
	farJump     = 8 << 10
)

// A HeaderReader is a tarfs.Reader that reads only what is peeked at: skipping content moves an offset.
type HeaderReader struct {
	ctx      context.Context
	src      io.ReaderAt
	size     int64
	next     int64 // offset of the first byte after the buffer
	buf      []byte
	rest     []byte // of buf, not consumed yet
	window   int
	progress func(int64) // nil, or told of bytes passed, read or not
}

// NewHeaderReader returns a reader of size bytes from the first one on.
func NewHeaderReader(ctx context.Context, src io.ReaderAt, size int64) *HeaderReader {
	return &HeaderReader{ctx: ctx, src: src, size: size, window: smallWindow}
}

// Peek returns the next n bytes without consuming them, or fewer with an error. The error is io.EOF at the end. The
// bytes are valid until the next call.
func (h *HeaderReader) Peek(n int) ([]byte, error) {
	if len(h.rest) >= n {
		return h.rest[:n], nil
	}
	if err := h.fill(n); err != nil {
		return h.rest, err
	}
	if len(h.rest) < n {
		return h.rest, io.EOF
	}
	return h.rest[:n], nil
}

// fill reads a window, at least n bytes if the source has them.
func (h *HeaderReader) fill(n int) error {
	if err := h.ctx.Err(); err != nil {
		return err
	}
	kept := len(h.rest)
	want := int(min(int64(max(n, h.window)-kept), h.size-h.next))
	if want <= 0 {
		return nil
	}
	h.window = min(4*h.window, largeWindow)
	if cap(h.buf) < kept+want {
		h.buf = append(make([]byte, 0, kept+want), h.rest...)
	} else {
		h.buf = h.buf[:copy(h.buf[:kept], h.rest)]
	}
	read, err := h.src.ReadAt(h.buf[kept:kept+want], h.next)
	h.buf = h.buf[:kept+read]
	h.rest = h.buf
	h.next += int64(read)
	if read < want {
		return Shrunk(err)
	}
	return nil
}

// Discard skips n bytes, or those up to the end with io.EOF.
func (h *HeaderReader) Discard(n int) (int, error) {
	buffered := min(n, len(h.rest))
	h.rest = h.rest[buffered:]
	skipped := min(int64(n-buffered), h.size-h.next)
	h.next += skipped
	if skipped > 0 && n > farJump {
		h.window = smallWindow
	}
	done := buffered + int(skipped)
	if h.progress != nil {
		h.progress(int64(done))
	}
	if done < n {
		return done, io.EOF
	}
	return done, nil
}
