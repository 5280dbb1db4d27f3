package tarfs

import (
	"bytes"
	"path"
	"slices"
	"strings"
)

// separate are the codes of warnings that leave the entries of one layer independent: what is at a path is then decided
// by the entries of the path, of its parents, and of what links name. Any other code may be that of an entry that is
// skipped, or led elsewhere by another one.
var separate = []Code{PAXGlobalHeader, DataAfterEnd, PathAbsolute, ParentNotListed, WhiteoutHidesNothing,
	OpaqueHidesNothing, OpaqueRootIgnored, WhiteoutNotEmptyRegular, WhiteoutAndEntry, WhiteoutThenEntry,
	SymlinkReplacedByDir, SymlinkHiddenByImplied, FileHiddenByImplied, HardlinkIntoLowerLayer, OverlayPrivateXattr,
	OverlayWhiteoutDevice, EntryTypeRefused}

// How many paths may decide, and how often links may lead to more of them.
const (
	mostDeciding = 1 << 10
	mostRounds   = 16
)

// MergePart merges as [Merge], but only those entries that decide what layers show at some paths and where symlinks
// lead from them: there, and at their parents, the tree is that of Merge, and elsewhere it may be empty. Warned are the
// warnings of Merge, which the tree has also. It returns false if only Merge can tell: warnings say that entries depend
// on one another, a path or a symlink has ".." in it, or links lead to too many paths. Merge had no error.
func MergePart(layers []*Layer, view View, warned []Warning, paths []string) (*Tree, bool) {
	for _, w := range warned {
		if !slices.ContainsFunc(separate, func(c Code) bool { return c.Name == w.Code.Name }) {
			return nil, false
		}
	}
	p := &part{near: map[string]map[string]bool{}, bases: map[string]bool{}, symlinks: map[string]bool{}}
	for _, l := range layers {
		if l == nil || l.settled != nil {
			return nil, false
		}
		p.layers = append(p.layers, newPartLayer(l))
	}
	for _, asked := range paths {
		if winding(asked) {
			return nil, false
		}
		p.add(cleanPath(asked))
	}
	for range mostRounds {
		before := len(p.deciding)
		if !p.follow() || len(p.deciding) > mostDeciding {
			return nil, false
		}
		if len(p.deciding) == before {
			return p.merge(layers, view, warned)
		}
	}
	return nil, false
}

// winding reports whether a path has ".." after another component, which may be a symlink.
func winding(name string) bool {
	inside := false
	for c := range strings.SplitSeq(name, "/") {
		if c == ".." && inside {
			return true
		}
		inside = inside || c != "" && c != "." && c != ".."
	}
	return false
}

// A part is the set of the paths that decide an answer. Paths have no slash at their ends: the root is empty.
type part struct {
	layers   []*partLayer
	deciding []string                   // what was asked for, and what links name
	near     map[string]map[string]bool // these and their parents: by directory, the names
	bases    map[string]bool            // the last names of what decides
	symlinks map[string]bool            // the last names of symlinks among them
}

// add adds a path that decides.
func (p *part) add(name string) {
	if slices.Contains(p.deciding, name) {
		return
	}
	p.deciding = append(p.deciding, name)
	for name != "" {
		dir, base := split(name)
		if p.near[dir][base] {
			return
		}
		if p.near[dir] == nil {
			p.near[dir] = map[string]bool{}
		}
		p.near[dir][base], p.bases[base] = true, true
		name = dir
	}
}

// split splits a path into its directory and its last name.
func split(name string) (dir, base string) {
	at := strings.LastIndexByte(name, '/')
	return name[:max(at, 0)], name[at+1:]
}

// follow adds where links lead from the paths that decide, in any layer, and the other names of their files. It returns
// false if it cannot tell where a symlink leads.
func (p *part) follow() bool {
	for _, l := range p.layers {
		for _, i := range l.symlinks {
			if p.decides(l, i) && (!p.symlink(l, i) || len(p.deciding) > mostDeciding) {
				return false
			}
		}
		for _, i := range l.hardlinks {
			if p.decides(l, i) || p.bases[string(l.targetBase(i))] { // the other name may be one through a symlink
				p.add(l.path(i))
				p.add(l.target(i))
			}
			if len(p.deciding) > mostDeciding {
				return false
			}
		}
	}
	return true
}

// decides reports whether an entry is at a path that decides, or at a parent of one.
func (p *part) decides(l *partLayer, i uint32) bool {
	c := l.entries.list.at(i)
	base := l.base(c)
	if !dotted(base) {
		return p.near[string(l.dir(c.dir))][string(base)]
	}
	dir, name := split(l.path(i))
	return name == "" || p.near[dir][name]
}

// symlink adds where a symlink leads; false if it cannot tell.
func (p *part) symlink(l *partLayer, i uint32) bool {
	at, e := l.path(i), l.entries.at(i)
	target := string(l.linkOf(&e))
	if winding(target) {
		return false
	}
	dir, base := split(at)
	if strings.HasPrefix(target, "/") {
		dir = ""
	}
	target = cleanPath(dir + "/" + target)
	p.symlinks[base] = true
	for _, name := range p.deciding {
		if rest, ok := strings.CutPrefix(name, at); ok && (rest == "" || rest[0] == '/') {
			p.add(strings.TrimPrefix(target+rest, "/"))
		}
	}
	return true
}

// merge merges the entries of the paths that decide.
func (p *part) merge(layers []*Layer, view View, warned []Warning) (*Tree, bool) {
	t := newTree(nil, view)
	t.layers = layers
	m := &merger{t: t}
	for i, l := range p.layers {
		for _, link := range l.hardlinks {
			if p.decides(l, link) && p.symlinks[string(l.targetBase(link))] {
				return nil, false // it is one more name of a symlink
			}
		}
		var ok bool
		if m.only, ok = p.rows(l); !ok || m.merge(i, l.Layer) != nil {
			return nil, false
		}
	}
	t.warned = warnings{all: slices.Clone(warned), n: map[string]int{}}
	for _, w := range warned {
		t.warned.n[w.Code.Name] += 1 + w.More
	}
	return t, true
}

// rows returns the entries of a layer that decide, in tar order: those at a path that decides or at a parent of it,
// what hides something there, and one below each directory, because that implies the directory. It returns false if
// only hard links imply one: not every hard link leads to a file.
func (p *part) rows(l *partLayer) ([]uint32, bool) {
	rows := []uint32{}
	implied := map[string]*bool{} // a row is below the directory; false if only hard links are
	type place struct {
		names   map[string]bool // that decide in the directory
		implied *bool           // of the deepest directory that decides at or above it; nil for the root
		known   bool
	}
	places := make([]place, len(l.dirs))
	for i := range l.entries.n {
		c := l.entries.list.at(i)
		at := &places[c.dir]
		if !at.known {
			dir := l.dir(c.dir)
			*at = place{p.near[string(dir)], nil, true}
			if top := p.above(dir); len(top) > 0 {
				if at.implied = implied[string(top)]; at.implied == nil {
					at.implied = new(bool)
					implied[string(top)] = at.implied
				}
			}
		}
		base := l.base(c)
		if at.names == nil && (at.implied == nil || *at.implied) && !dotted(base) {
			continue
		}
		if l.special(base) {
			base = base[len(whiteoutPrefix):] // of an opaque marker, a name that nothing has
		}
		opaque := at.names != nil && string(base) == opaqueMarker[len(whiteoutPrefix):]
		take := at.names[string(base)] || opaque || dotted(base)
		if at.implied != nil && !*at.implied {
			*at.implied = take || c.kind != Hardlink
			take = take || *at.implied
		}
		if take {
			rows = append(rows, i)
		}
	}
	for _, sure := range implied {
		if !*sure {
			return nil, false
		}
	}
	return rows, true
}

// above returns the deepest directory at or above a directory that is a path that decides, or a parent of one.
func (p *part) above(dir []byte) []byte {
	end := 0
	for names := p.near[""]; end < len(dir); names = p.near[string(dir[:end])] {
		from := min(end+1, len(dir))
		if end == 0 {
			from = 0
		}
		size := bytes.IndexByte(dir[from:], '/')
		if size < 0 {
			size = len(dir) - from
		}
		if !names[string(dir[from:from+size])] {
			break
		}
		end = from + size
	}
	return dir[:end]
}

// dotted reports whether a last name is none, so that the path is that of a directory.
func dotted(base []byte) bool { return len(base) == 0 || string(base) == "." || string(base) == ".." }

// A partLayer is a table with what a part asks of it again and again.
type partLayer struct {
	*Layer
	symlinks, hardlinks []uint32 // entries
}

func newPartLayer(l *Layer) *partLayer {
	p := &partLayer{Layer: l}
	for i := range l.entries.n {
		switch l.entries.list.at(i).kind {
		case Symlink:
			p.symlinks = append(p.symlinks, i)
		case Hardlink:
			p.hardlinks = append(p.hardlinks, i)
		}
	}
	return p
}

// dir is the path of a directory, by its number.
func (l *partLayer) dir(n uint32) []byte {
	d := l.dirs[n]
	name := bytes.TrimSuffix(l.bytes(d.off, int(d.len)), []byte("/"))
	from := 0
	for at := 0; at <= len(name); at++ {
		if at == len(name) || name[at] == '/' {
			if dotted(name[from:at]) {
				return []byte(cleanPath(string(name)))
			}
			from = at + 1
		}
	}
	return name
}

// base is the last name of an entry.
func (l *partLayer) base(c *compact) []byte {
	return bytes.TrimRight(l.bytes(c.name, int(c.nameLen)), "/")
}

// path is that of an entry, unless symlinks of its layer lead elsewhere.
func (l *partLayer) path(i uint32) string {
	c := l.entries.list.at(i)
	return cleanPath(string(l.dir(c.dir)) + "/" + string(l.base(c)))
}

// cleanPath is a path from the root without "." and "..", and without a slash at its ends.
func cleanPath(name string) string { return path.Clean("/" + name)[1:] }

// target is the path that a hard link names.
func (l *partLayer) target(i uint32) string {
	e := l.entries.at(i)
	return cleanPath(string(l.linkOf(&e)))
}

// targetBase is the last name of a hard link's target; empty if the target ends otherwise and is not a file.
func (l *partLayer) targetBase(i uint32) []byte {
	e := l.entries.at(i)
	base := bytes.TrimRight(l.linkOf(&e), "/")
	if base = base[bytes.LastIndexByte(base, '/')+1:]; dotted(base) {
		return nil
	}
	return base
}
