package analyze

import (
	"iter"
	"strings"

	"layup/tarfs"
)

// Own yields what one layer wrote at and below a path, whatever later layers did, in path order. It also yields the
// topmost paths that the layer's whiteouts and opaque markers deleted there. The path is absolute and clean.
func (img *Image) Own(layer int, top string) iter.Seq[Hit] {
	return func(yield func(Hit) bool) {
		deleted := "" // the last path that the layer deleted, with everything below
		for n := range img.Tree().Nodes() {
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

// ownVersion returns the version that a layer wrote at a path, else the one that the layer removed.
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

// Names yields the names in a directory after layer upto. Names of directories, and of symlinks to one, end in a slash.
func (img *Image) Names(dir string, upto int) iter.Seq[string] {
	return func(yield func(string) bool) {
		at, err := img.Owner(dir, true, upto)
		if err != nil || at.Version.Type() != tarfs.Dir {
			return
		}
		view, top := img.Tree().At(upto), at.Version.Node()
		for v := range view.Walk(top, 1) {
			if v.Node() == top {
				continue
			}
			name := v.Node().Name()
			if v.Type() == tarfs.Symlink {
				if to, err := view.Resolve(v.Node().Path(), true); err == nil {
					v = to
				}
			}
			if v.Type() == tarfs.Dir {
				name += "/"
			}
			if !yield(name) {
				return
			}
		}
	}
}

// EveryName yields the names that any layer put into a directory. A name that was ever a directory ends in a slash.
func (img *Image) EveryName(dir string) iter.Seq[string] {
	return func(yield func(string) bool) {
		top, ok := img.Tree().Lookup(dir)
		if at, err := img.Owner(dir, true, Last); err == nil {
			top, ok = at.Version.Node(), true
		}
		for n := range img.Tree().Nodes() {
			if !ok || n.IsRoot() || n.Parent() != top {
				continue
			}
			name := n.Name()
			for v := range n.Versions() {
				if v.Type() == tarfs.Dir {
					name += "/"
					break
				}
			}
			if !yield(name) {
				return
			}
		}
	}
}
