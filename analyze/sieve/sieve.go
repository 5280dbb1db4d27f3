// Package sieve sets aside what a question needs of files' content while the layers are read, so that no layer is read
// twice. What is set aside is as trustworthy as its layer.
package sieve

import (
	"io"
	"sort"
	"sync"

	"layup/analyze/source"
	"layup/tarfs"
)

// A Choice says what to set aside of a file, by its name in the tar and its size in bytes. Nil means nothing. The name
// is valid only during the call. Several goroutines call a Choice at once.
type Choice func(name []byte, size int64) Filter

// A Filter gets the content of one file, piece by piece, and returns what to set aside of it, and whether it wants the
// next piece. The pieces are valid only during the call.
type Filter func(piece []byte) (taken []byte, more bool)

// Whole sets all content aside.
func Whole(piece []byte) ([]byte, bool) { return piece, true }

// How many bytes a Set keeps in memory, and how many a layer collects before it hands them over.
const (
	memory = 16 << 20
	batch  = 64 << 10
)

// A Set is what was set aside of the layers of a source. Several goroutines may use it at once.
type Set struct {
	choice Choice
	mu     sync.Mutex
	file   *source.Scratch
	end    int64
	err    error // of the temporary file: nothing more is set aside
}

// NewSet returns an empty set. Dir is the directory of its temporary file; empty means the system's.
func NewSet(choice Choice, dir string) *Set {
	s := &Set{choice: choice, file: source.NewScratch(dir)}
	s.file.Memory = memory
	return s
}

// Close frees the memory or the file.
func (s *Set) Close() error {
	if s == nil {
		return nil
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.file.Close()
}

// put writes bytes and returns where they are.
func (s *Set) put(b []byte) (at int64, ok bool) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.err == nil {
		_, s.err = s.file.Write(b)
	}
	at = s.end
	s.end += int64(len(b))
	return at, s.err == nil
}

func (s *Set) readAt(b []byte, at int64) error {
	s.mu.Lock()
	defer s.mu.Unlock()
	_, err := s.file.ReadAt(b, at)
	return err
}

// A Layer is what was set aside of one layer. One goroutine fills it.
type Layer struct {
	set   *Set
	files map[int64]*Content // by the offset of their content in the tar
	now   *Content           // the file that comes at the moment; nil if none
	pass  Filter
	rest  []byte // of now, not in the set yet
}

// NewLayer returns an empty layer.
func (s *Set) NewLayer() *Layer { return &Layer{set: s, files: map[int64]*Content{}} }

// Keep is for source.ScanOptions.
func (l *Layer) Keep(name []byte, offset, size int64) io.Writer {
	l.flush()
	if l.now, l.pass = nil, l.set.choice(name, size); l.pass == nil || size == 0 {
		return nil
	}
	l.now = &Content{set: l.set}
	l.files[offset] = l.now
	return l
}

// Write takes a piece of the file at hand.
func (l *Layer) Write(b []byte) (int, error) {
	taken, more := l.pass(b)
	if l.rest = append(l.rest, taken...); len(l.rest) >= batch {
		l.flush()
	}
	if !more {
		return len(b), tarfs.ErrEnough
	}
	return len(b), nil
}

// flush hands the rest over. A file of which a piece is lost is not set aside.
func (l *Layer) flush() {
	if len(l.rest) == 0 {
		return
	}
	at, ok := l.set.put(l.rest)
	c, n := l.now, int64(len(l.rest))
	l.rest = l.rest[:0]
	if last := len(c.pieces) - 1; last >= 0 && c.pieces[last].at+c.Size-c.pieces[last].from == at {
		c.Size += n
	} else {
		c.pieces, c.Size = append(c.pieces, piece{c.Size, at}), c.Size+n
	}
	c.lost = c.lost || !ok
}

// End says that the layer was read. It does nothing for nil.
func (l *Layer) End() {
	if l == nil {
		return
	}
	l.flush()
	l.now, l.pass, l.rest = nil, nil, nil
}

// Of returns what was set aside of the file with content at an offset of the tar; nil if nothing was.
func (l *Layer) Of(offset int64) *Content {
	if l == nil {
		return nil
	}
	c := l.files[offset]
	if c == nil || c.lost || c.Size == 0 {
		return nil
	}
	return c
}

// A Content is what was set aside of one file.
type Content struct {
	Size   int64 // bytes
	set    *Set
	pieces []piece
	lost   bool
}

// A piece begins at a byte of the content and lies at an offset of the set.
type piece struct{ from, at int64 }

// ReadAt reads from an offset on.
func (c *Content) ReadAt(b []byte, offset int64) (n int, err error) {
	i := sort.Search(len(c.pieces), func(i int) bool { return c.pieces[i].from > offset }) - 1
	for n < len(b) && offset < c.Size && i >= 0 {
		end := c.Size
		if i+1 < len(c.pieces) {
			end = c.pieces[i+1].from
		}
		part := b[n:min(int64(len(b)), int64(n)+end-offset)]
		if err := c.set.readAt(part, c.pieces[i].at+offset-c.pieces[i].from); err != nil {
			return n, err
		}
		n, offset, i = n+len(part), offset+int64(len(part)), i+1
	}
	if n < len(b) {
		return n, io.EOF
	}
	return n, nil
}
