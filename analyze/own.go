package analyze

import (
	"iter"
	"strings"

	"layup/tarfs"
)

// Own yields what one layer wrote at and below a path, and the top-most paths that its whiteouts and opaque markers
// deleted there, in path order, whatever later layers did. The path is absolute and clean.
func (img *Image) Own(layer int, top string) iter.Seq[Hit] {
	return func(yield func(Hit) bool) {
		deleted := "" // the last path that the layer deleted: what lies below goes with it
		for n := range img.tree.Nodes() {
			p := n.Path()
			if !below(p, top) {
				continue
			}
			v, removed, ok := ownVersion(n, layer)
			if !ok || removed && deleted != "" && below(p, deleted) {
				continue
			}
			if removed {
				deleted = p
			}
			if !yield(HitOf(v)) {
				return
			}
		}
	}
}

// ownVersion returns the version that a layer wrote at a path, else the one that it removed.
func ownVersion(n tarfs.Node, layer int) (own tarfs.Version, removed, ok bool) {
	for v := range n.Versions() {
		if v.MetaLayer() == layer {
			return v, false, true
		}
		if by, how := v.HiddenBy(); by == layer && (how == tarfs.ByWhiteout || how == tarfs.ByOpaque) {
			own, removed, ok = v, true, true
		}
	}
	return own, removed, ok
}

// below reports whether a path is the directory or lies below it.
func below(p, dir string) bool {
	return dir == "/" || p == dir || strings.HasPrefix(p, dir) && p[len(dir)] == '/'
}
