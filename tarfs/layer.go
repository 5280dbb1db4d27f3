package tarfs

import (
	"iter"
	"slices"
	"sort"
	"strings"
)

// A Layer is the table of contents of one layer: immutable and in tar order. Its entries hold no pointers, so a million
// of them cost the garbage collector nothing.
type Layer struct {
	entries entries
	arena          // names, links and attributes
	dirs    []span // directory parts of names; neighbours mostly share theirs
	xattrs  slabs[xattr]
	sparse  []sparseFile
	regions slabs[region]
	digests slabs[[32]byte] // by entry, or empty
	tags    slabs[uint64]   // by entry, or empty
	marks   []uint8         // by entry, or nil
	settled []Saying        // by entry; nil unless Settle made the layer
	inodes  []uint32        // by entry: as Own has them; nil unless Settle made the layer

	dialect Dialect
	lim     Limits // of the scan; merging obeys them also
	size    int64
	endMark bool
	global  bool  // has a PAX global header
	tail    int64 // offset of data after its end; 0 for none
	second  bool  // that is a tar
}

// span is a piece of a layer's arena.
type span struct {
	off uint32
	len uint16
}

// entry is one header of the tar.
type entry struct {
	offset           int64 // of the content in the tar; of a device its numbers, major<<32 | minor
	size             int64 // of the content, with the holes of sparse files
	mtime            int64
	dir              uint32 // index into dirs
	name, link       uint32 // offsets in the arena; the name without its directory, with trailing slashes
	mtimeNS          uint32
	uid, gid         uint32
	nameLen, linkLen uint16
	mode             uint16
	kind             Type
	flags            flag
}

type flag uint8

const (
	flagXattrs  flag = 1 << iota // has extended attributes
	flagSparse                   // has regions
	flagRefused                  // is a file of a type that engines refuse
	flagOverlay                  // has attributes private to overlayfs
	flagFar                      // is distant; only of a compact entry
)

// entries are the headers of a tar. Each takes 24 bytes, and 32 more unless its facts are those of an entry before it.
type entries struct {
	n     uint32
	list  slabs[compact]
	facts slabs[facts]
	far   slabs[distant]
}

// compact is an entry without its facts.
type compact struct {
	offset  uint32 // in blocks, or the number of its distant; of a device the major number
	size    uint32 // of a device the minor number
	dir     uint32
	name    uint32
	facts   uint32
	nameLen uint16
	kind    Type
	flags   flag
}

// facts are what many entries of a tar have in common.
type facts struct {
	mtime    int64
	mtimeNS  uint32
	uid, gid uint32
	link     uint32
	linkLen  uint16
	mode     uint16
}

// distant is where a content lies if compact has no room for the numbers.
type distant struct{ offset, size int64 }

// recent are the numbers of facts that came lately, plus one, by their hash.
type recent [256]uint32

// at returns an entry.
func (t *entries) at(i uint32) entry {
	p := t.list.at(i)
	f := t.facts.at(p.facts)
	offset, size := t.place(p)
	return entry{offset: offset, size: size, mtime: f.mtime, dir: p.dir, name: p.name, link: f.link, mtimeNS: f.mtimeNS,
		uid: f.uid, gid: f.gid, nameLen: p.nameLen, linkLen: f.linkLen, mode: f.mode, kind: p.kind,
		flags: p.flags &^ flagFar}
}

// place returns where the content of an entry is, and its size.
func (t *entries) place(p *compact) (offset, size int64) {
	switch {
	case p.kind == Char || p.kind == Block:
		return int64(p.offset)<<32 | int64(p.size), 0
	case p.flags&flagFar != 0:
		where := t.far.at(p.offset)
		return where.offset, where.size
	}
	return int64(p.offset) * blockSize, int64(p.size)
}

// size is that of an entry.
func (t *entries) size(i uint32) int64 {
	_, size := t.place(t.list.at(i))
	return size
}

// flags are those of an entry.
func (t *entries) flags(i uint32) flag { return t.list.at(i).flags }

// add appends an entry.
func (t *entries) add(e *entry, known *recent) {
	p := compact{offset: uint32(e.offset / blockSize), size: uint32(e.size), dir: e.dir, name: e.name, nameLen: e.nameLen,
		kind: e.kind, flags: e.flags}
	switch {
	case e.kind == Char || e.kind == Block:
		p.offset, p.size = uint32(e.offset>>32), uint32(e.offset)
	case int64(p.offset)*blockSize != e.offset || int64(p.size) != e.size:
		p.offset, p.flags = t.far.add(distant{e.offset, e.size}), p.flags|flagFar
	}
	f := facts{e.mtime, e.mtimeNS, e.uid, e.gid, e.link, e.linkLen, e.mode}
	at := &known[f.hash()]
	if *at == 0 || *t.facts.at(*at - 1) != f {
		*at = t.facts.add(f) + 1
	}
	p.facts = *at - 1
	t.list.add(p)
	t.n++
}

// hash spreads facts over the recent ones. Bad luck only costs room.
func (f *facts) hash() uint8 {
	h := uint64(f.mtime)*0x9e3779b97f4a7c15 + uint64(f.mtimeNS)<<16 + uint64(f.link)
	h = (h ^ uint64(f.uid)<<32 ^ uint64(f.gid)<<12 ^ uint64(f.mode)) * 0xff51afd7ed558ccd
	return uint8(h >> 56)
}

type xattr struct {
	entry       uint32
	name, value uint32
	nameLen     uint32
	valueLen    uint32
}

// sparseFile names the regions of an entry's content.
type sparseFile struct{ entry, first, n uint32 }

// region is stored data of a sparse file, never empty. In the tar it follows the data of the region before.
type region struct{ offset, size int64 }

// Len returns the number of entries, whiteouts included.
func (l *Layer) Len() int { return int(l.entries.n) }

// Size returns the length of the uncompressed tar in bytes, including what follows its end mark.
func (l *Layer) Size() int64 { return l.size }

// Stored returns how many bytes of content the layer's tar holds for its regular entries, whatever becomes of them: as
// many as [Tree.Bodies] has of the layer.
func (l *Layer) Stored() (sum int64) {
	for i := range l.entries.n {
		if l.entries.at(i).kind == File {
			sum += l.stored(i)
		}
	}
	return sum
}

// EndMark reports whether the archive ended with two zero blocks.
func (l *Layer) EndMark() bool { return l.endMark }

// Tail reports whether more than zeros follow the end mark.
func (l *Layer) Tail() bool { return l.tail > 0 }

// Hashed reports whether the digests of the content of all files are known, or tags of them.
func (l *Layer) Hashed() bool {
	return (l.digests.n == l.entries.n || l.tags.n == l.entries.n) && len(l.sparse) == 0
}

func (l *Layer) dirOf(e *entry) []byte {
	d := l.dirs[e.dir]
	return l.bytes(d.off, int(d.len))
}

func (l *Layer) nameOf(e *entry) []byte { return l.bytes(e.name, int(e.nameLen)) }
func (l *Layer) linkOf(e *entry) []byte { return l.bytes(e.link, int(e.linkLen)) }

// written returns the name as the tar has it.
func (l *Layer) written(e *entry) string { return string(l.dirOf(e)) + string(l.nameOf(e)) }

// everyAttribute returns all extended attributes of an entry, sorted by name.
func (l *Layer) everyAttribute(i uint32) []Xattr {
	if l.entries.flags(i)&flagXattrs == 0 {
		return nil
	}
	n := int(l.xattrs.n)
	at := sort.Search(n, func(k int) bool { return l.xattrs.at(uint32(k)).entry >= i })
	var list []Xattr
	for ; at < n && l.xattrs.at(uint32(at)).entry == i; at++ {
		x := l.xattrs.at(uint32(at))
		list = append(list, Xattr{
			Name:  string(l.bytes(x.name, int(x.nameLen))),
			Value: string(l.bytes(x.value, int(x.valueLen))),
		})
	}
	slices.SortStableFunc(list, func(a, b Xattr) int { return strings.Compare(a.Name, b.Name) })
	return list
}

// A TarEntry is one header as the tar lists it, for readers of a tar that is not a layer.
type TarEntry struct {
	Name   string // as written, without trailing slashes
	Type   Type   // by the typeflag alone
	Link   string
	Size   int64 // bytes of the content, with the holes of sparse files
	Offset int64 // of the content in the tar
	Sparse bool
}

// RawAt returns the entry of a number below Len, in tar order, as it is written.
func (l *Layer) RawAt(i int) TarEntry {
	e := l.entries.at(uint32(i))
	return TarEntry{
		Name: strings.TrimRight(l.written(&e), "/"), Type: e.kind, Link: string(l.linkOf(&e)),
		Size: e.size, Offset: e.offset, Sparse: e.flags&flagSparse != 0,
	}
}

// Raw yields the entries in tar order as they are written.
func (l *Layer) Raw() iter.Seq[TarEntry] {
	return func(yield func(TarEntry) bool) {
		for i := range l.Len() {
			if !yield(l.RawAt(i)) {
				return
			}
		}
	}
}

// Files returns the number of entries that are not whiteouts in the view.
func (l *Layer) Files(view View) int {
	n := 0
	for i := range l.entries.n {
		e := l.entries.at(i)
		if !l.hides(&e, view) && !l.special(l.nameOf(&e)) {
			n++
		}
	}
	return n
}
