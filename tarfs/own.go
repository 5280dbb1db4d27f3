package tarfs

import (
	"bytes"
	"cmp"
	"encoding/binary"
	"errors"
	"iter"
	"slices"
	"strings"
	"unicode/utf8"
)

// A Saying is what a layer does at a path.
type Saying uint8

const (
	Lists   Saying = iota // has an entry there
	Implies               // has only something below it: it is a directory
	Hides                 // has a whiteout: lower layers show nothing there
	Clears                // has an opaque marker: lower layers show nothing below it
)

// An Own is what one layer alone says of a path, after the rules inside a layer were applied: a path without symlinks,
// the last of several entries, the content of a hard link.
type Own struct {
	Path   string // exact bytes, beginning with '/'
	Saying Saying
	Type   Type // Hardlink: the file that lower layers show at Link has one more name here, if there is one
	Meta
	Size int64 // of a file
	// Link is the target of a symlink. For Hardlink it is the path that is meant. Of an implied directory it is the hard
	// link to a lower layer that implies it, if that link leads to anything and nothing else implies it.
	Link         string
	Major, Minor uint32 // of a device
	Digest       [32]byte
	Xattrs       []Xattr
	Inode        uint32 // a number above 0 that all names of one file share; 0 for a file with one name
	Next         string // the next of its names in the order of bytes; after the last, the first
}

// ErrDependent says that what a layer holds depends on the layers below it. Engines refuse such a layer.
var ErrDependent = errors.New("a hard link to a file of a lower layer decides what else the layer holds")

// Owns is all that one layer says. See [Layer.Own].
type Owns struct {
	m     *merger
	order []told
	next  map[uint32]uint32 // by local: the next name of the file
	above map[uint32]string // paths of some directories, with a slash at the end
}

// told is one Own: a local, and what of it.
type told struct {
	local  uint32
	saying Saying
	link   uint32 // the local of a hard link to a lower layer that alone implies the directory; 0 for none
}

// Own returns what a layer alone says of its paths. [Settle] makes a layer of it that merges equally. The error is that
// of [Merge], or ErrDependent.
func (l *Layer) Own(view View) (*Owns, error) {
	o, err := l.own(view, true)
	if err != nil || len(o.m.alone.meant) == 0 {
		return o, err
	}
	without, err := l.own(view, false)
	if err == nil && (o.m.alone.odd || !o.agrees(without)) {
		err = ErrDependent
	}
	return o, err
}

// agrees reports whether the layer says the same if hard links to lower layers lead nowhere, except for directories
// that only such links imply. Those get a note of the links.
func (o *Owns) agrees(without *Owns) bool {
	there := map[string]bool{}
	bare := without.firm()
	for _, f := range bare {
		there[f.path] = true
	}
	var firm []firm
	only := map[string]bool{}
	for _, f := range o.firm() {
		if f.saying == Implies && !there[f.path] {
			only[f.path] = true
			continue
		}
		firm = append(firm, f)
	}
	if !slices.Equal(firm, bare) || !slices.Equal(o.m.alone.tried, without.m.alone.tried) {
		return false
	}
	var order []told
	for _, t := range o.order {
		if t.saying != Implies || !only[o.m.path(t.local)] {
			order = append(order, t)
			continue
		}
		for _, link := range o.order {
			if l := o.m.locals.at(link.local); link.saying == Lists && l.kind == Hardlink && o.below(link.local, t.local) {
				t.link = link.local
				order = append(order, t)
			}
		}
	}
	o.order = order
	return true
}

// below reports whether a local is below another.
func (o *Owns) below(at, top uint32) bool {
	for at != 0 && at != top {
		at = o.m.locals.at(at).parent
	}
	return at == top
}

// alone is how a layer is merged without those below it.
type alone struct {
	found bool              // lower layers show what hard links lead to
	meant map[uint32]string // by group: what a hard link to a lower layer leads to
	tried []string          // what such links would lead to, in their order
	odd   bool              // another entry leads to such a link or through it
}

func (l *Layer) own(view View, found bool) (*Owns, error) {
	m := &merger{t: newTree([]*Layer{l}, view), alone: &alone{found: found, meant: map[uint32]string{}}}
	m.begin(0, l)
	if err := m.entries(); err != nil {
		return nil, err
	}
	o := &Owns{m: m, next: map[uint32]uint32{}, above: map[uint32]string{}}
	for i := range m.locals.n {
		s := m.locals.at(i).state
		for _, what := range []struct {
			state  state
			saying Saying
		}{{listed, Lists}, {implied, Implies}, {whiteout, Hides}, {opaqued, Clears}} {
			if s&what.state != 0 && (i > 0 || what.state != implied) {
				o.order = append(o.order, told{local: i, saying: what.saying})
			}
		}
	}
	o.sort()
	o.link()
	return o, nil
}

// lowerAlone is lower without lower layers: it notes what the link leads to.
func (m *merger) lowerAlone(steps []step, hidden bool) (group uint32, kind Type, code Code) {
	last := len(steps) - 1
	if !hidden {
		m.alone.tried = append(m.alone.tried, m.meant(steps[:last], steps[last].name))
	}
	if hidden || !m.alone.found {
		return 0, 0, HardlinkTargetMissing
	}
	group = m.newGroup(uint32(m.layer), noEntry)
	m.alone.meant[group] = m.alone.tried[len(m.alone.tried)-1]
	return group, Hardlink, HardlinkIntoLowerLayer
}

// A firm is what does not depend on lower layers.
type firm struct {
	path, next           string
	saying               Saying
	entry, content, meta uint32
}

// firm returns what the layer says, without hard links to lower layers.
func (o *Owns) firm() (list []firm) {
	for _, t := range o.order {
		l := o.m.locals.at(t.local)
		if t.saying == Lists && l.kind == Hardlink {
			continue
		}
		one := firm{path: o.m.path(t.local), saying: t.saying, entry: l.entry}
		if g := o.m.links[t.local]; g != 0 {
			one.content, one.meta = o.m.t.groups[g].content, o.m.t.groups[g].meta
		}
		if next, several := o.next[t.local]; several {
			one.next = o.m.path(next)
		}
		list = append(list, one)
	}
	return list
}

// Len returns the number of what the layer says.
func (o *Owns) Len() int { return len(o.order) }

// Links returns the number of hard links to files of lower layers.
func (o *Owns) Links() (n int) {
	for _, t := range o.order {
		if t.saying == Lists && o.m.locals.at(t.local).kind == Hardlink {
			n++
		}
	}
	return n
}

// Named returns a name as text: U+FFFD stands for each byte that is not UTF-8.
func Named(name string) string {
	if utf8.ValidString(name) {
		return name
	}
	return string([]rune(name))
}

// name returns the last component of a local, as Named has it.
func (o *Owns) name(at uint32) []byte {
	if at == 0 {
		return []byte("/")
	}
	b := o.m.t.nameOf(o.m.locals.at(at).node)
	if !utf8.Valid(b) {
		return []byte(Named(string(b)))
	}
	return b
}

// sort puts what the layer says in the order of All.
func (o *Owns) sort() {
	type first struct { // the first bytes of a name decide most comparisons
		key, more uint64
		told
	}
	list := make([]first, len(o.order))
	for i, t := range o.order {
		var b [16]byte
		copy(b[:], o.name(t.local))
		list[i] = first{binary.BigEndian.Uint64(b[:]), binary.BigEndian.Uint64(b[8:]), t}
	}
	compare := func(a, b first) int {
		if a.key != b.key || a.more != b.more {
			return cmp.Or(cmp.Compare(a.key, b.key), cmp.Compare(a.more, b.more))
		}
		return bytes.Compare(o.name(a.local), o.name(b.local))
	}
	slices.SortFunc(list, compare)
	for i, f := range list {
		o.order[i] = f.told
	}
	for from := 0; from < len(list); {
		to := from + 1
		for to < len(list) && compare(list[from], list[to]) == 0 {
			to++
		}
		if to-from > 1 {
			o.sortPaths(o.order[from:to])
		}
		from = to
	}
}

// sortPaths sorts what is said of paths with one base name.
func (o *Owns) sortPaths(run []told) {
	type placed struct {
		told
		path, exact string
	}
	list := make([]placed, len(run))
	for i, t := range run {
		exact := o.m.path(t.local)
		list[i] = placed{t, Named(exact), exact}
	}
	slices.SortFunc(list, func(a, b placed) int {
		if c := strings.Compare(a.path, b.path); c != 0 {
			return c
		}
		if c := strings.Compare(a.exact, b.exact); c != 0 {
			return c
		}
		return int(a.saying) - int(b.saying)
	})
	for i, p := range list {
		run[i] = p.told
	}
}

// link finds for each name of a file with several the next one.
func (o *Owns) link() {
	names := map[uint32][]uint32{}
	for at, g := range o.m.links {
		if l := o.m.locals.at(at); l.state&listed != 0 && l.kind != Hardlink {
			names[g] = append(names[g], at)
		}
	}
	for _, list := range names {
		if len(list) == 1 {
			continue
		}
		slices.SortFunc(list, func(a, b uint32) int { return strings.Compare(o.m.path(a), o.m.path(b)) })
		for i, at := range list {
			o.next[at] = list[(i+1)%len(list)]
		}
	}
}

// All yields what the layer says: by base name, then by path, both as [Named] has them.
func (o *Owns) All() iter.Seq[Own] {
	return func(yield func(Own) bool) {
		var list gathered
		for part := range slices.Chunk(o.order, len(list.of)) {
			o.gather(part, &list)
			for i, t := range part {
				if !yield(o.at(t, &list.of[i])) {
					return
				}
			}
		}
	}
}

// gathered is what is known of neighbours in the order of All. They lie anywhere in memory: to read the same of all of
// them, then the next, lets the processor wait for many at once.
type gathered struct {
	of    [256]found
	paths []byte
}

// A found is what a row of All is made of.
type found struct {
	local local
	entry entry // of what the layer lists
	path  string
}

// gather looks up what is told.
func (o *Owns) gather(part []told, list *gathered) {
	for i, t := range part {
		list.of[i].local = *o.m.locals.at(t.local)
	}
	var names [len(list.of)][]byte
	for i := range part {
		names[i] = o.m.t.nameOf(list.of[i].local.node)
	}
	for i, t := range part {
		if t.saying == Lists {
			list.of[i].entry = o.m.table.entries.at(list.of[i].local.entry)
		}
	}
	list.paths = list.paths[:0]
	var ends [len(list.of)]int
	for i, t := range part {
		if t.local != 0 {
			list.paths = append(append(list.paths, o.over(list.of[i].local.parent)...), names[i]...)
		} else {
			list.paths = append(list.paths, '/')
		}
		ends[i] = len(list.paths)
	}
	paths, from := string(list.paths), 0
	for i := range part {
		list.of[i].path, from = paths[from:ends[i]], ends[i]
	}
}

// mostAbove is how many paths of directories are kept: neighbours in the order of All lie anywhere.
const mostAbove = 1 << 16

// over returns the path of a local, with a slash at its end.
func (o *Owns) over(at uint32) string {
	if at == 0 {
		return "/"
	}
	above, there := o.above[at]
	if !there {
		if len(o.above) >= mostAbove {
			clear(o.above)
		}
		above = o.m.path(at) + "/"
		o.above[at] = above
	}
	return above
}

func (o *Owns) at(t told, f *found) Own {
	table := o.m.table
	own := Own{Path: f.path, Saying: t.saying, Type: Dir}
	if t.saying != Lists {
		if t.saying == Implies {
			own.Mode = 0o755
		}
		if t.link != 0 {
			own.Link = o.m.path(t.link)
		}
		return own
	}
	content, e, meta, g := f.local.entry, f.entry, f.entry, o.m.links[t.local]
	if own.Type = f.local.kind; own.Type == Hardlink {
		own.Link = o.m.alone.meant[g]
	} else if g != 0 {
		content, meta = o.m.t.groups[g].content, table.entries.at(o.m.t.groups[g].meta)
		e = table.entries.at(content)
		if next, several := o.next[t.local]; several {
			own.Inode, own.Next = g, o.m.path(next)
		}
	}
	own.Meta = Meta{Mode: meta.mode, UID: meta.uid, GID: meta.gid, MTime: meta.mtime, MTimeNS: meta.mtimeNS}
	switch own.Type {
	case Hardlink:
		return own
	case File:
		own.Size = e.size
		if table.digests.n > 0 {
			own.Digest = *table.digests.at(content)
		}
	case Symlink:
		own.Link = string(table.linkOf(&e))
	case Char, Block:
		own.Major, own.Minor = uint32(e.offset>>32), uint32(e.offset)
	}
	own.Xattrs = table.attributes(content)
	return own
}

// Settle makes a layer of what [Layer.Own] returned, or of a part. Merging it has the effect of merging that layer: on
// the paths that it has and, if it also has the directories above a path, below that path.
func Settle(list iter.Seq[Own]) *Layer {
	l := &Layer{settled: []Saying{}}
	var known recent
	dir := ""
	for o := range list {
		at := strings.LastIndexByte(o.Path, '/') + 1
		if len(l.dirs) == 0 || o.Path[:at] != dir {
			dir = o.Path[:at]
			l.dirs = append(l.dirs, span{l.arena.put([]byte(dir)), uint16(at)})
		}
		e := entry{kind: o.Type, size: o.Size, mode: o.Mode, uid: o.UID, gid: o.GID, mtime: o.MTime, mtimeNS: o.MTimeNS,
			dir: uint32(len(l.dirs) - 1), name: l.arena.put([]byte(o.Path[at:])), nameLen: uint16(len(o.Path) - at)}
		if o.Type == Char || o.Type == Block {
			e.offset = int64(o.Major)<<32 | int64(o.Minor)
		}
		if o.Link != "" {
			e.link, e.linkLen = l.arena.put([]byte(o.Link)), uint16(len(o.Link))
		}
		for _, x := range o.Xattrs {
			e.flags |= flagXattrs
			l.xattrs.add(xattr{
				entry: l.entries.n,
				name:  l.arena.put([]byte(x.Name)), nameLen: uint32(len(x.Name)),
				value: l.arena.put([]byte(x.Value)), valueLen: uint32(len(x.Value)),
			})
		}
		l.digests.add(o.Digest)
		l.inodes = append(l.inodes, o.Inode)
		l.settled = append(l.settled, o.Saying)
		l.entries.add(&e, &known)
	}
	return l
}

// settled applies what a settled layer says. Hard links to lower layers come first: what else the layer says has no
// effect on them.
func (m *merger) settled() {
	inodes := map[uint32]uint32{} // groups
	for _, links := range []bool{true, false} {
		for i := range m.table.entries.n {
			if e := m.table.entries.at(i); (e.kind == Hardlink) == links {
				m.say(&e, i, inodes)
			}
		}
	}
}

func (m *merger) say(e *entry, i uint32, inodes map[uint32]uint32) {
	full, _ := m.split(e)
	kind, group := e.kind, uint32(0)
	if e.kind == Dir && e.linkLen > 0 {
		return // the hard link implies it
	}
	if kind == Hardlink {
		if group, kind = m.linked(e, i); group == 0 {
			return
		}
	}
	at := uint32(0)
	for _, name := range full.parts {
		if l := m.locals.at(at); e.kind == Hardlink && l.state&listed == 0 {
			l.state, l.kind = l.state|implied, Dir
		}
		at = m.at(at, name)
	}
	l := m.locals.at(at)
	switch m.table.settled[i] {
	case Hides:
		l.state |= whiteout
		m.whiteouts = append(m.whiteouts, at)
		return
	case Clears:
		m.hideBelow(at, full.parts)
		return
	case Implies:
		l.state, l.kind = l.state|implied, Dir
		return
	}
	if n := m.table.inodes[i]; n != 0 {
		if inodes[n] == 0 {
			inodes[n] = m.newGroup(uint32(m.layer), i)
			m.t.groups[inodes[n]].meta, m.t.groups[inodes[n]].metaLayer = i, uint16(m.layer)
		}
		group = inodes[n]
	}
	l.state, l.entry, l.kind = l.state&^implied|listed, i, kind
	if group != 0 {
		m.links[at] = group
	}
}

// linked returns the group of a hard link to a file that lower layers show, or 0.
func (m *merger) linked(e *entry, i uint32) (group uint32, kind Type) {
	link := m.clean(nil, ref{e.link, e.linkLen, uint16(m.layer)})
	var steps []step
	for _, name := range link.parts {
		steps = append(steps, step{name: name})
	}
	group, kind, _ = m.lower(steps)
	if group != 0 {
		m.t.groups[group].meta, m.t.groups[group].metaLayer = i, uint16(m.layer)
	}
	return group, kind
}
