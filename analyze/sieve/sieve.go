// Package sieve sets aside what a question needs of files' content while the layers are read, so that no layer is read
// twice. What is set aside is as trustworthy as its layer.
package sieve

import (
	"cmp"
	"io"
	"slices"
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

// Err returns why something that was chosen is not in the set; nil if all is.
func (s *Set) Err() error {
	if s == nil {
		return nil
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.err
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
	files []*Content // by the offset of their content in the tar; the last may be the file that comes at the moment
	room  []Content  // for more files: there may be very many
	pass  Filter
	rest  []byte // of the last file, not in the set yet
}

// NewLayer returns an empty layer.
func (s *Set) NewLayer() *Layer { return &Layer{set: s} }

// Keep is for source.ScanOptions.
func (l *Layer) Keep(name []byte, offset, size int64) io.Writer {
	l.flush()
	if n := len(l.files); n > 0 && l.files[n-1].Size == 0 {
		l.files, l.room = l.files[:n-1], l.room[:len(l.room)-1] // nothing was set aside
	}
	if l.pass = l.set.choice(name, size); l.pass == nil || size == 0 {
		return nil
	}
	if len(l.room) == cap(l.room) {
		l.room = make([]Content, 0, min(max(2*cap(l.room), 16), 1024))
	}
	l.room = append(l.room, Content{set: l.set, offset: offset})
	l.files = append(l.files, &l.room[len(l.room)-1])
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
	c, n := l.files[len(l.files)-1], int64(len(l.rest))
	l.rest = l.rest[:0]
	switch last := c.last(); {
	case c.Size == 0:
		c.at = at
	case last.at+c.Size-last.from != at:
		c.more = append(c.more, piece{c.Size, at})
	}
	c.Size += n
	c.lost = c.lost || !ok
}

// End says that the layer was read. It does nothing for nil.
func (l *Layer) End() {
	if l == nil {
		return
	}
	l.flush()
	l.pass, l.rest = nil, nil
}

// Of returns what was set aside of the file with content at an offset of the tar; nil if nothing was.
func (l *Layer) Of(offset int64) *Content {
	if l == nil {
		return nil
	}
	i, found := slices.BinarySearchFunc(l.files, offset, func(c *Content, offset int64) int {
		return cmp.Compare(c.offset, offset)
	})
	if !found || l.files[i].lost || l.files[i].Size == 0 {
		return nil
	}
	return l.files[i]
}

// A Content is what was set aside of one file.
type Content struct {
	Size   int64 // bytes
	set    *Set
	offset int64   // in the tar
	at     int64   // where the first piece lies in the set
	more   []piece // those that do not follow it there
	lost   bool
}

// A piece begins at a byte of the content and lies at an offset of the set.
type piece struct{ from, at int64 }

// last returns the last piece.
func (c *Content) last() piece { return c.piece(len(c.more)) }

func (c *Content) piece(i int) piece {
	if i == 0 {
		return piece{0, c.at}
	}
	return c.more[i-1]
}

// ReadAt reads from an offset on.
func (c *Content) ReadAt(b []byte, offset int64) (n int, err error) {
	i := sort.Search(len(c.more), func(i int) bool { return c.more[i].from > offset })
	for n < len(b) && offset < c.Size && offset >= 0 {
		end, p := c.Size, c.piece(i)
		if i < len(c.more) {
			end = c.more[i].from
		}
		part := b[n:min(int64(len(b)), int64(n)+end-offset)]
		if err := c.set.readAt(part, p.at+offset-p.from); err != nil {
			return n, err
		}
		n, offset, i = n+len(part), offset+int64(len(part)), i+1
	}
	if n < len(b) {
		return n, io.EOF
	}
	return n, nil
}
