package tarfs

import (
	"encoding/binary"
	"errors"
	"io"
	"math"
	"slices"
)

// errTable says that bytes are not a table.
var errTable = errors.New("not the table of a layer")

// WriteBinary writes the table, for [ParseLayer]: column by column, because neighbours in a column resemble one another
// and compress well. Limits are not stored. A table of tags cannot be stored: their key is not known later.
func (l *Layer) WriteBinary(w io.Writer) error {
	if l.tags.n > 0 {
		return errors.New("tags of digests cannot be stored")
	}
	c := &columns{w: w}
	c.layer(l)
	c.flush(0)
	return c.err
}

// ParseLayer reads a table that WriteBinary wrote. The layer obeys the limits, as if it had been scanned with them:
// the error is a *LimitError if its names are too many for limits.Held. Bytes that are not a table are an error, and
// never a panic later.
func ParseLayer(b []byte, limits Limits) (*Layer, error) {
	l := &Layer{lim: limits}
	c := &columns{in: b, read: true}
	c.layer(l)
	switch {
	case c.bad || len(c.in) > 0 || !l.sound():
		return nil, errTable
	case limits.Held == nil:
		return l, over("name-bytes", int64(l.held()), int64(limits.NameBytes))
	}
	return l, over("name-bytes", limits.Held.Add(int64(l.held())), int64(limits.NameBytes))
}

// Without returns the table as a scan without digests and tags, or without marks, makes it. The layer itself stays as
// it is.
func (l *Layer) Without(digests, marks bool) *Layer {
	digests, marks = digests && l.digests.n+l.tags.n > 0, marks && l.marks != nil
	if !digests && !marks {
		return l
	}
	less := *l
	if digests {
		less.digests, less.tags = slabs[[32]byte]{}, slabs[uint64]{}
	}
	if marks {
		less.marks = nil
	}
	return &less
}

// Marked reports whether the content of small files was shown to a Mark.
func (l *Layer) Marked() bool { return l.marks != nil || l.entries.n == 0 }

// held is what the limit of names counts for the table.
func (l *Layer) held() int {
	return l.arena.total + int(l.xattrs.n)*xattrSize + int(l.regions.n)*regionSize
}

// columns write or read a table: one description of the format serves both.
type columns struct {
	read bool
	in   []byte // what is left to read
	bad  bool   // in is not a table
	out  []byte // what is left to write to w
	w    io.Writer
	err  error // of w
}

// piece is how many bytes are written at once, or more.
const piece = 32 << 10

// flush writes what there is, if it has more than so many bytes.
func (c *columns) flush(most int) {
	if len(c.out) > most {
		if c.err == nil {
			_, c.err = c.w.Write(c.out)
		}
		c.out = c.out[:0]
	}
}

// put writes bytes.
func (c *columns) put(b []byte) {
	c.out = append(c.out, b...)
	c.flush(piece)
}

// number is one number, as a varint.
func (c *columns) number(n uint64) uint64 {
	if !c.read {
		c.out = binary.AppendUvarint(c.out, n)
		c.flush(piece)
		return n
	}
	n, k := binary.Uvarint(c.in)
	if k <= 0 {
		c.bad, c.in = true, nil
		return 0
	}
	c.in = c.in[k:]
	return n
}

// count is the number of items that follow. Each needs a byte at least, unless there are no bytes for any.
func (c *columns) count(n int) int {
	m := c.number(uint64(n))
	if c.read && m > uint64(len(c.in)) {
		c.bad, c.in = true, nil
		return 0
	}
	return int(m)
}

// bytes is a text of its own length.
func (c *columns) bytes(b []byte) []byte {
	n := c.count(len(b))
	if !c.read {
		c.put(b)
		return b
	}
	b = slices.Clone(c.in[:n])
	c.in = c.in[n:]
	return b
}

// integer is any type of a column.
type integer interface {
	~uint8 | ~uint16 | ~uint32 | ~int64
}

// column is a field of all items. It stores the difference from the item before, which is small in most columns.
func column[T any, N integer](c *columns, list *slabs[T], field func(*T) *N) {
	var before uint64
	for i := range list.n {
		p := field(list.at(i))
		d := int64(uint64(*p) - before)
		d = unzigzag(c.number(zigzag(d)))
		if c.bad {
			return
		}
		before += uint64(d)
		if c.read {
			*p = N(before)
			c.bad = uint64(*p) != before
		}
	}
}

func zigzag(n int64) uint64   { return uint64(n<<1) ^ uint64(n>>63) }
func unzigzag(n uint64) int64 { return int64(n>>1) ^ -int64(n&1) }

// room is the number of items of a list, with room for them.
func room[T any](c *columns, list *slabs[T]) {
	n := c.count(int(list.n))
	if !c.read {
		return
	}
	for left := n; left > 0; left -= slabSize {
		list.list = append(list.list, make([]T, min(left, slabSize)))
	}
	list.n = uint32(n)
}

// layer is the whole table.
func (c *columns) layer(l *Layer) {
	l.dialect = Dialect(c.number(uint64(l.dialect)))
	l.size, l.tail = int64(c.number(uint64(l.size))), int64(c.number(uint64(l.tail)))
	for _, b := range []*bool{&l.endMark, &l.global, &l.second} {
		*b = c.number(map[bool]uint64{true: 1}[*b]) == 1
	}
	c.texts(l)
	c.entries(&l.entries)
	room(c, &l.xattrs)
	column(c, &l.xattrs, func(x *xattr) *uint32 { return &x.entry })
	column(c, &l.xattrs, func(x *xattr) *uint32 { return &x.name })
	column(c, &l.xattrs, func(x *xattr) *uint32 { return &x.nameLen })
	column(c, &l.xattrs, func(x *xattr) *uint32 { return &x.value })
	column(c, &l.xattrs, func(x *xattr) *uint32 { return &x.valueLen })
	n := c.count(len(l.sparse))
	if c.read {
		l.sparse = make([]sparseFile, n)
	}
	for i := range l.sparse {
		s := &l.sparse[i]
		for _, p := range []*uint32{&s.entry, &s.first, &s.n} {
			*p = uint32(c.number(uint64(*p)))
		}
	}
	room(c, &l.regions)
	column(c, &l.regions, func(r *region) *int64 { return &r.offset })
	column(c, &l.regions, func(r *region) *int64 { return &r.size })
	room(c, &l.digests)
	for i := range l.digests.n {
		c.raw(l.digests.at(i)[:])
	}
	if l.marks = c.bytes(l.marks); len(l.marks) == 0 {
		l.marks = nil
	}
}

// raw is a text of a known length.
func (c *columns) raw(b []byte) {
	if !c.read {
		c.put(b)
		return
	}
	if len(c.in) < len(b) {
		c.bad, c.in = true, nil
		return
	}
	c.in = c.in[copy(b, c.in):]
}

// texts are the arena, chunk by chunk, and the directory parts.
func (c *columns) texts(l *Layer) {
	n := c.count(len(l.arena.chunks))
	if c.read {
		l.arena.chunks = make([][]byte, n)
	}
	for i, chunk := range l.arena.chunks {
		l.arena.chunks[i] = c.bytes(chunk)
		if c.read {
			l.arena.total += len(l.arena.chunks[i])
		}
	}
	n = c.count(len(l.dirs))
	if c.read {
		l.dirs = make([]span, n)
	}
	var before uint32
	for i := range l.dirs {
		d := &l.dirs[i]
		d.off = before + uint32(unzigzag(c.number(zigzag(int64(int32(d.off-before))))))
		d.len, before = uint16(c.number(uint64(d.len))), d.off
	}
}

func (c *columns) entries(t *entries) {
	room(c, &t.facts)
	column(c, &t.facts, func(f *facts) *int64 { return &f.mtime })
	column(c, &t.facts, func(f *facts) *uint32 { return &f.mtimeNS })
	column(c, &t.facts, func(f *facts) *uint32 { return &f.uid })
	column(c, &t.facts, func(f *facts) *uint32 { return &f.gid })
	column(c, &t.facts, func(f *facts) *uint32 { return &f.link })
	column(c, &t.facts, func(f *facts) *uint16 { return &f.linkLen })
	column(c, &t.facts, func(f *facts) *uint16 { return &f.mode })
	room(c, &t.far)
	column(c, &t.far, func(d *distant) *int64 { return &d.offset })
	column(c, &t.far, func(d *distant) *int64 { return &d.size })
	room(c, &t.list)
	column(c, &t.list, func(p *compact) *uint32 { return &p.offset })
	column(c, &t.list, func(p *compact) *uint32 { return &p.size })
	column(c, &t.list, func(p *compact) *uint32 { return &p.dir })
	column(c, &t.list, func(p *compact) *uint32 { return &p.name })
	column(c, &t.list, func(p *compact) *uint32 { return &p.facts })
	column(c, &t.list, func(p *compact) *uint16 { return &p.nameLen })
	column(c, &t.list, func(p *compact) *Type { return &p.kind })
	column(c, &t.list, func(p *compact) *flag { return &p.flags })
	t.n = t.list.n
}

// sound reports whether every number of a table that was read leads to something.
func (l *Layer) sound() bool {
	n := l.entries.n
	counts := (l.digests.n == 0 || l.digests.n == n) && (l.marks == nil || len(l.marks) == int(n)) && l.size >= 0
	if !counts || len(l.dirs) > math.MaxUint32 {
		return false
	}
	for _, d := range l.dirs {
		if !l.arena.holds(d.off, int(d.len)) {
			return false
		}
	}
	for i := range l.entries.facts.n {
		if f := l.entries.facts.at(i); !l.arena.holds(f.link, int(f.linkLen)) {
			return false
		}
	}
	sparse := 0
	for i := range n {
		p := l.entries.list.at(i)
		if p.flags&flagSparse != 0 {
			sparse++
		}
		device := p.kind == Char || p.kind == Block
		if int(p.dir) >= len(l.dirs) || p.facts >= l.entries.facts.n || !l.arena.holds(p.name, int(p.nameLen)) ||
			p.kind > Other || p.flags&flagFar != 0 && !device && p.offset >= l.entries.far.n {
			return false
		}
	}
	return sparse == len(l.sparse) && l.soundParts()
}

// soundParts is sound for attributes and sparse files.
func (l *Layer) soundParts() bool {
	before := uint32(0)
	for i := range l.xattrs.n {
		x := l.xattrs.at(i)
		if x.entry < before || x.entry >= l.entries.n || !l.arena.holds(x.name, int(x.nameLen)) ||
			!l.arena.holds(x.value, int(x.valueLen)) {
			return false
		}
		before = x.entry
	}
	next := uint32(0)
	for _, s := range l.sparse {
		if s.entry < next || s.entry >= l.entries.n || l.entries.flags(s.entry)&flagSparse == 0 ||
			uint64(s.first)+uint64(s.n) > uint64(l.regions.n) {
			return false
		}
		next = s.entry + 1
	}
	return true
}

// holds reports whether a text is there.
func (a *arena) holds(off uint32, n int) bool {
	if n == 0 {
		return true
	}
	k := int(off >> chunkBits)
	return k < len(a.chunks) && int(off&(chunkSize-1))+n <= len(a.chunks[k])
}
