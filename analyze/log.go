package analyze

import (
	"slices"

	"layup/tarfs"
)

// A Change is what one layer did to a path.
type Change struct {
	Layer   int
	Kind    string        // add, modify, metadata, delete, opaque, replace
	Version tarfs.Version // the new version; for delete and opaque the hidden one
	Same    *bool         // for modify: whether the content is as before; nil if unknown
}

// Log returns what every layer did to a path, oldest first; nil if no layer ever held it. If the path itself was never
// there, Log follows the symlinks among its directories, in the newest layer in which they lead to a path.
func (img *Image) Log(asked string) []Change {
	n, ok := img.everThere(absolute(asked))
	if !ok {
		return nil
	}
	return AppendChanges(nil, n)
}

// AppendChanges appends what every layer did to a path, oldest first.
func AppendChanges(log []Change, n tarfs.Node) []Change {
	versions := slices.Collect(n.Versions())
	if n.IsRoot() {
		versions = versions[1:] // no layer makes the root
	}
	for i, v := range versions {
		c := Change{Layer: v.MetaLayer(), Kind: "add", Version: v}
		if v.Implied() {
			c.Layer = v.Layer()
		}
		if i > 0 {
			c.Kind, c.Same = changed(versions[i-1], v, c.Layer)
		} else if n.IsRoot() {
			c.Kind = "metadata"
		}
		log = append(log, c)
		if hidden, ok := gone(v, versions[i+1:]); ok {
			log = append(log, hidden)
		}
	}
	return log
}

// everThere finds a path that some layer held.
func (img *Image) everThere(asked string) (tarfs.Node, bool) {
	n, ok := img.Tree().Lookup(asked)
	for upto := img.Tree().Layers() - 1; upto >= 0 && !ok; upto-- {
		if meant, err := img.Tree().At(upto).Canonical(asked, false); err == nil {
			n, ok = img.Tree().Lookup(meant)
		}
	}
	return n, ok
}

// changed says what a layer did when it put a version in place of an older one.
func changed(old, v tarfs.Version, layer int) (kind string, same *bool) {
	by, how := old.HiddenBy()
	switch {
	case v.Relists():
		return "metadata", nil
	case by != layer || how != tarfs.Replaced && how != tarfs.ReplacedByOtherType:
		return "add", nil
	case how == tarfs.ReplacedByOtherType:
		return "replace", nil
	}
	a, ok := old.Digest()
	b, ok2 := v.Digest()
	if ok && ok2 {
		same = new(a == b)
	}
	return "modify", same
}

// gone returns the change that hid a version without putting another in its place.
func gone(v tarfs.Version, later []tarfs.Version) (Change, bool) {
	by, how := v.HiddenBy()
	switch {
	case how == tarfs.ByOpaque:
		return Change{Layer: by, Kind: "opaque", Version: v}, true
	case how == tarfs.ByWhiteout,
		how == tarfs.ReplacedByOtherType && (len(later) == 0 || later[0].Layer() != by): // together with its directory
		return Change{Layer: by, Kind: "delete", Version: v}, true
	}
	return Change{}, false
}
