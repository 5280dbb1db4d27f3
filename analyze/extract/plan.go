// Package extract writes files of an image to a directory or a tar, and layers as Docker's overlay2 driver stores them.
// It does not trust the image: it makes every file through the descriptor of its directory, never through a path with
// symlinks.
package extract

import (
	"fmt"
	"iter"
	"strings"

	"layup/analyze"
	"layup/tarfs"
)

// A Plan is what to extract from an image: in path order, each directory before its content.
type Plan struct {
	img   *analyze.Image
	items []item
	strip int // components to cut off at the beginning of each path
	told  func(done, all int64)
	done  int64 // bytes of contents that are written
	all   int64 // bytes of contents to write; set by files
}

// Tell sets a function to call during extraction with the bytes of contents that are written, and with the total.
func (p *Plan) Tell(told func(done, all int64)) { p.told = told }

func (p *Plan) wrote(n int64) {
	if p.done += n; p.told != nil {
		p.told(p.done, p.all)
	}
}

// An item is a path of the plan.
type item struct {
	version tarfs.Version
	first   int32 // the index of the item with the file's first name; its own index if it is the first
}

// NewPlan makes a plan of versions in path order, with directories before their content. Strip is the number of
// components to cut off every path; paths without further components are left out. The error is a *CollisionError if
// two paths become one.
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
					continue // keep mode and time of the first
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

// A CollisionError says that stripping makes one path of two.
type CollisionError struct{ First, Second, Path string }

// Error names the paths.
func (e *CollisionError) Error() string {
	return fmt.Sprintf("%q and %q both become %q", e.First, e.Second, e.Path)
}

// Len returns the number of paths.
func (p *Plan) Len() int { return len(p.items) }

// stripped returns a path below the target, without a leading slash; false if nothing is left.
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

// isFile reports whether the item is the first name of a regular file.
func (p *Plan) isFile(i int) bool {
	return p.items[i].first == int32(i) && p.items[i].version.Type() == tarfs.File
}

// files returns the items that are the first names of regular files, and their versions. It checks the bytes to write
// against the limit of an image: many files may share one body.
func (p *Plan) files() (items []int, versions []tarfs.Version, err error) {
	limit := p.img.Limits().ImageBytes
	p.done, p.all = 0, 0
	for i, it := range p.items {
		if !p.isFile(i) {
			continue
		}
		items, versions = append(items, i), append(versions, it.version)
		if p.all += it.version.Stored(); limit > 0 && p.all > limit {
			return nil, nil, &tarfs.LimitError{Name: "image-bytes", Value: p.all, Limit: limit}
		}
	}
	return items, versions, nil
}

// depth returns the number of components of a path below the target.
func (p *Plan) depth(n tarfs.Node) int {
	d := -p.strip
	for ; !n.IsRoot(); n = n.Parent() {
		d++
	}
	return d
}
