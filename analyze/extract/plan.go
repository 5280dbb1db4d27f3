// Package extract takes files out of an image: into a directory, or into a tar. Nothing in an image is trusted: what it names is made through
// the descriptor of the directory that it belongs into, never through a path that anything in the tree could bend.
package extract

import (
	"fmt"
	"iter"
	"strings"

	"layup/analyze"
	"layup/tarfs"
)

// A Plan is what is taken out of an image: in path order, each directory before what lies in it.
type Plan struct {
	img   *analyze.Image
	items []item
	strip int // components that are cut off at the beginning of each path
	told  func(done, all int64)
	done  int64 // bytes of contents that are written
	all   int64 // to be written; known once checkSize was asked
}

// Tell has a function told, while the plan is carried out, how many bytes of contents are written, and of how many.
func (p *Plan) Tell(told func(done, all int64)) { p.told = told }

// wrote counts bytes of contents.
func (p *Plan) wrote(n int64) {
	if p.done += n; p.told != nil {
		p.told(p.done, p.all)
	}
}

// item is a path of the plan.
type item struct {
	version tarfs.Version
	first   int32 // the item that is the first name of the same file; its own index where it is that
}

// NewPlan makes a plan of versions in path order, of each directory that holds one a version before. Strip cuts components off every path;
// what has no more than these is left out. The error is a *CollisionError where two paths become the same.
func NewPlan(img *analyze.Image, versions iter.Seq[tarfs.Version], strip int) (*Plan, error) {
	p := &Plan{img: img, strip: strip}
	groups := map[uint32]int32{}
	taken := map[string]int32{}
	for v := range versions {
		i := int32(len(p.items))
		if strip > 0 {
			name, ok := p.stripped(v.Node())
			if !ok {
				continue
			}
			if other, twice := taken[name]; twice {
				if v.Type() == tarfs.Dir && p.items[other].version.Type() == tarfs.Dir {
					continue // the first one's mode and time stand
				}
				return nil, &CollisionError{p.items[other].version.Node().Path(), v.Node().Path(), "/" + name}
			}
			taken[name] = i
		}
		first := i
		if g, ok := v.LinkGroup(); ok && v.Type() != tarfs.Dir {
			if other, known := groups[g]; known {
				first = other
			} else {
				groups[g] = i
			}
		}
		p.items = append(p.items, item{v, first})
	}
	return p, nil
}

// A CollisionError says that two paths become the same.
type CollisionError struct{ First, Second, Path string }

// Error names the paths.
func (e *CollisionError) Error() string {
	return fmt.Sprintf("%q and %q both become %q", e.First, e.Second, e.Path)
}

// Len returns the number of paths.
func (p *Plan) Len() int { return len(p.items) }

// stripped returns a path below the target, without a leading slash; false where nothing is left of it.
func (p *Plan) stripped(n tarfs.Node) (string, bool) {
	name := n.Path()[1:]
	for range p.strip {
		_, rest, found := strings.Cut(name, "/")
		if !found {
			return "", false
		}
		name = rest
	}
	return name, true
}

// name returns the path of an item below the target, without a leading slash; empty for the root.
func (p *Plan) name(i int) string {
	name, _ := p.stripped(p.items[i].version.Node())
	return name
}

// is reports whether the item is the first name of something of that type.
func (p *Plan) is(i int, t tarfs.Type) bool {
	return p.items[i].first == int32(i) && p.items[i].version.Type() == t
}

// files returns the items that are the first names of regular files, and their versions.
func (p *Plan) files() (items []int, versions []tarfs.Version) {
	for i := range p.items {
		if p.is(i, tarfs.File) {
			items, versions = append(items, i), append(versions, p.items[i].version)
		}
	}
	return items, versions
}

// checkSize holds what is to be written against the limit of an image: a body may belong to many files.
func (p *Plan) checkSize() error {
	limit := p.img.Limits().ImageBytes
	p.done, p.all = 0, 0
	for i := range p.items {
		if !p.is(i, tarfs.File) {
			continue
		}
		if p.all += p.items[i].version.Stored(); limit > 0 && p.all > limit {
			return &tarfs.LimitError{Name: "image-bytes", Value: p.all, Limit: limit}
		}
	}
	return nil
}

// depth returns how many components of a path are below the target.
func (p *Plan) depth(n tarfs.Node) int {
	d := -p.strip
	for ; !n.IsRoot(); n = n.Parent() {
		d++
	}
	return d
}
