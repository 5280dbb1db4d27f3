package tarfs

import (
	"cmp"
	"errors"
	"io"
	"math"
	"slices"
)

// An Extent is a piece of a file's content in the uncompressed tar. Extents are in file order and do not overlap; what
// lies between them is zeros.
type Extent struct{ FileOffset, TarOffset, Size int64 }

// ErrShort says that a tar ends inside a file's content, although it was longer when it was scanned.
var ErrShort = errors.New("input changed while being read: it has become shorter")

// Stored reads what the tar stores of a file: its extents one after another, without the holes. It reads tar at offsets
// that never decrease, so tar may be a [Forward]. The error is ErrShort if the tar ends before the last extent.
func Stored(tar io.ReaderAt, extents []Extent) io.Reader {
	return &storedReader{tar: tar, extents: extents}
}

type storedReader struct {
	tar     io.ReaderAt
	extents []Extent
	done    int64 // bytes of the first extent
}

func (s *storedReader) Read(b []byte) (int, error) {
	for len(s.extents) > 0 && s.done == s.extents[0].Size {
		s.extents, s.done = s.extents[1:], 0
	}
	if len(s.extents) == 0 {
		return 0, io.EOF
	}
	e := s.extents[0]
	n, err := s.tar.ReadAt(b[:min(int64(len(b)), e.Size-s.done)], e.TarOffset+s.done)
	s.done += int64(n)
	return n, short(n, err)
}

// short returns the error of a read that got n bytes of a content. An end of its input is ErrShort.
func short(n int, err error) error {
	switch {
	case err != io.EOF && err != io.ErrUnexpectedEOF:
		return err
	case n > 0:
		return nil // the next read meets it again
	}
	return ErrShort
}

// Expand reads a file of size bytes as programs see it: the bytes of stored, a reader like [Stored], and zeros in the
// holes. The error is ErrShort if stored ends before the last extent.
func Expand(stored io.Reader, extents []Extent, size int64) io.Reader {
	return &expandedReader{stored: stored, extents: extents, size: size}
}

type expandedReader struct {
	stored   io.Reader
	extents  []Extent
	at, size int64
}

func (x *expandedReader) Read(b []byte) (int, error) {
	if x.at == x.size {
		return 0, io.EOF
	}
	for len(x.extents) > 0 && x.at == x.extents[0].FileOffset+x.extents[0].Size {
		x.extents = x.extents[1:]
	}
	hole := x.size
	if len(x.extents) > 0 {
		e := x.extents[0]
		if x.at >= e.FileOffset {
			n, err := x.stored.Read(b[:min(int64(len(b)), e.FileOffset+e.Size-x.at)])
			x.at += int64(n)
			return n, short(n, err)
		}
		hole = e.FileOffset
	}
	n := int(min(int64(len(b)), hole-x.at))
	clear(b[:n])
	x.at += int64(n)
	return n, nil
}

// A Forward reads a tar that can only be read forward, at offsets that never decrease.
type Forward struct {
	r  io.Reader
	at int64
}

// NewForward returns a Forward over r, if the next byte of r is at offset at. If r has a method Discard, as a
// bufio.Reader has, it skips what nobody reads.
func NewForward(r io.Reader, at int64) *Forward { return &Forward{r, at} }

// Offset returns the number of bytes of the tar that were read or passed over.
func (f *Forward) Offset() int64 { return f.at }

// ReadAt passes over what lies before the offset and reads len(b) bytes. The error is ErrShort if the tar ends before
// that.
func (f *Forward) ReadAt(b []byte, offset int64) (int, error) {
	if offset < f.at {
		return 0, errors.New("tarfs: a Forward cannot go back")
	}
	for f.at < offset {
		n, err := f.discard(offset - f.at)
		f.at += n
		if err != nil {
			return 0, short(0, err)
		}
	}
	n, err := io.ReadFull(f.r, b)
	f.at += int64(n)
	return n, short(0, err)
}

func (f *Forward) discard(n int64) (int64, error) {
	if r, ok := f.r.(interface{ Discard(n int) (int, error) }); ok {
		k, err := r.Discard(int(min(n, math.MaxInt)))
		return int64(k), err
	}
	return io.CopyN(io.Discard, f.r, n)
}

// extents returns where the content of an entry lies.
func (l *Layer) extents(i uint32) []Extent {
	e := l.entries.at(i)
	if e.flags&flagSparse == 0 {
		if e.size == 0 {
			return nil
		}
		return []Extent{{TarOffset: e.offset, Size: e.size}}
	}
	at, _ := slices.BinarySearchFunc(l.sparse, i, func(s sparseFile, i uint32) int { return cmp.Compare(s.entry, i) })
	s := l.sparse[at]
	list := make([]Extent, 0, s.n)
	offset := e.offset
	for k := range s.n {
		r := l.regions.at(s.first + k)
		list = append(list, Extent{FileOffset: r.offset, TarOffset: offset, Size: r.size})
		offset += r.size
	}
	return list
}

// stored returns the bytes that the tar holds of an entry's content.
func (l *Layer) stored(i uint32) int64 {
	if l.entries.flags(i)&flagSparse == 0 {
		return l.entries.size(i)
	}
	var n int64
	for _, x := range l.extents(i) {
		n += x.Size
	}
	return n
}
