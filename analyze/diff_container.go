package analyze

import (
	"context"

	"layup/tarfs"
)

// CompareContainer compares what a container began with and what it shows, as Docker does. A directory counts if its
// mode, owner or capability differs, or something in it; its time alone does not count. Of a removed directory only the
// directory itself counts. Unlike Docker, it also finds another content of the same size and time. Source: moby,
// go-archive/changes.go and changes_unix.go.
func CompareContainer(ctx context.Context, a, b Side, ignore Aspect) (*Comparison, error) {
	c := &Comparison{A: a, B: b, ignore: ignore, stages: true, own: true, key: newTagKey()}
	c.matchLayers()
	return c, c.settleDoubts(ctx)
}

// A parent is a directory above a path. It is told unless it was already.
type parent struct {
	Difference
	told bool
}

// containerPaths yields the paths that a container changed, in path order: a directory before what changed in it.
func (c *Comparison) containerPaths(yield func(Difference) bool) {
	var above []parent
	for p := range tarfs.Pairs(c.A.view, c.B.view) {
		if !p.InA && !p.InB {
			continue
		}
		one := p.B
		if !p.InB {
			one = p.A
		}
		node := one.Node()
		if node.IsRoot() { // Docker does not compare it
			continue
		}
		for len(above) > 0 && above[len(above)-1].B.Node() != node.Parent() {
			above = above[:len(above)-1]
		}
		d, counts := c.changed(p)
		if counts {
			for i := range above {
				if !above[i].told && !yield(above[i].Difference) {
					return
				}
				above[i].told = true
			}
			if !yield(d) {
				return
			}
		}
		if p.InA && p.InB && p.B.Type() == tarfs.Dir {
			above = append(above, parent{d, counts})
		}
	}
}

// changed reports whether a container changed a path by itself.
func (c *Comparison) changed(p tarfs.Pair) (Difference, bool) {
	d := Difference{Change: Changed, Pair: p}
	switch {
	case !p.InA:
		d.Change = Added
		return d, true
	case !p.InB:
		d.Change = Removed
		return d, !c.within(p)
	}
	d.What = c.compare(p.A, p.B) &^ c.ignore
	if sameTime(p.A.Meta(), p.B.Meta()) {
		d.What &^= MTime
	}
	counts := d.What &^ (DirMTime | Xattrs)
	if c.ignore&Xattrs == 0 && capability(p.A) != capability(p.B) {
		counts |= Xattrs
	}
	return d, counts != 0
}

// within reports whether a removed path lies in a directory that is also gone.
func (c *Comparison) within(p tarfs.Pair) bool {
	parent, ok := c.B.view.Of(p.A.Node().Parent())
	return !ok || parent.Type() != tarfs.Dir
}

// sameTime reports whether Docker takes two times as equal: a tar may hold seconds only.
func sameTime(a, b tarfs.Meta) bool {
	return a.MTime == b.MTime && (a.MTimeNS == b.MTimeNS || a.MTimeNS == 0 || b.MTimeNS == 0)
}

// capability returns the attribute that gives a program rights of root.
func capability(v tarfs.Version) string {
	for _, x := range v.Xattrs() {
		if x.Name == "security.capability" {
			return x.Value
		}
	}
	return ""
}
