package packages

import (
	"iter"
	"path"
	"strings"

	"layup/analyze"
	"layup/analyze/packages/dpkg"
	"layup/analyze/packages/record"
	"layup/tarfs"
)

// A view is the image after a layer, with what is known of its directories and lists.
type view struct {
	set      *Set
	view     *tarfs.Snapshot
	last     string // the directory that was looked up last, and where it is
	at       place
	links    map[int]place // by node of a symlink to a directory
	moved    tarfs.Version // the file of diversions, if hasMoved
	hasMoved bool
	diverted dpkg.Diversions // nil before the first use
}

// A place is where a directory is.
type place struct {
	node tarfs.Node
	ok   bool
}

func newView(s *Set, layer int) *view {
	v := &view{set: s, view: s.img.Tree().At(layer), links: map[int]place{}}
	if layer == analyze.Last {
		v.view = s.img.Top()
	}
	return v
}

// file returns the first of several files that is there.
func (v *view) file(names ...[]string) (tarfs.Version, bool) {
	for _, list := range names {
		for _, name := range list {
			if n, ok := v.node(name); ok {
				if f, ok := v.view.Of(n); ok && f.Type() == tarfs.File {
					return f, true
				}
			}
		}
	}
	return tarfs.Version{}, false
}

// node returns what is visible at a path. It follows symlinks of directories, not one at the end.
func (v *view) node(name string) (tarfs.Node, bool) {
	dir, base := path.Split(path.Clean("/" + name))
	at := v.dir(path.Clean(dir))
	if !at.ok || base == "" {
		return at.node, at.ok
	}
	n, ok := at.node.Child(base)
	if ok {
		_, ok = v.view.Of(n)
	}
	return n, ok
}

// dir returns the directory to which a path leads.
func (v *view) dir(name string) place {
	if name != v.last {
		v.last, v.at = name, v.walk(name)
	}
	return v.at
}

// walk follows a path from the root.
func (v *view) walk(name string) place {
	at := place{v.set.img.Tree().Root(), true}
	for part := range strings.SplitSeq(name, "/") {
		if part == "" {
			continue
		}
		if v.set.reader.steps++; v.set.reader.steps > mostSteps {
			v.unresolved(at.node)
			return place{}
		}
		n, ok := at.node.Child(part)
		if !ok {
			return place{}
		}
		found, ok := v.view.Of(n)
		switch at = (place{n, ok && found.Type() == tarfs.Dir}); {
		case ok && found.Type() == tarfs.Symlink:
			at = v.follow(n)
		}
		if !at.ok {
			return place{}
		}
	}
	return at
}

// follow returns the directory to which a symlink leads.
func (v *view) follow(n tarfs.Node) place {
	at, known := v.links[n.Number()]
	if known {
		return at
	}
	if v.set.reader.links++; v.set.reader.links > mostLinks {
		v.unresolved(n)
		return place{}
	}
	found, err := v.view.Resolve(n.Path(), true)
	if err == nil && found.Type() == tarfs.Dir {
		at = place{found.Node(), true}
	}
	v.links[n.Number()] = at
	return at
}

// unresolved warns once that not all paths are looked up.
func (v *view) unresolved(n tarfs.Node) {
	if r := v.set.reader; !r.lost {
		r.lost = true
		r.warn(PathsUnresolved, tarfs.NoLayer, n.Path(), "")
	}
}

// of returns what is visible at a path of a package, which another package may have moved.
func (v *view) of(p *Package, name string) (tarfs.Node, bool) {
	if p.Manager == Dpkg {
		name = v.diversions().Path(name, p.Name)
	}
	return v.node(name)
}

// paths yields the paths of a package as its database has them, with what is known of their content.
func (v *view) paths(p *Package) iter.Seq[record.File] {
	return func(yield func(record.File) bool) {
		if len(p.Lists)+len(p.Sums) == 0 {
			for _, f := range p.Files {
				if !yield(f) {
					return
				}
			}
			return
		}
		for _, f := range v.listed(p) {
			if !yield(f) {
				return
			}
		}
	}
}

// listed reads the list of a package of dpkg.
func (v *view) listed(p *Package) (files []record.File) {
	r := v.set.reader
	list, isList := v.file(p.Lists)
	if !isList {
		sums, ok := v.file(p.Sums)
		if !ok {
			if p.Status == Installed {
				r.warn(ListMissing, p.Layer, p.Lists[0], "")
			}
			return nil
		}
		text, err := r.text(sums)
		if err == nil {
			files, err = dpkg.Sums(text)
		}
		r.complain(sums, err)
		return files
	}
	text, err := r.text(list)
	var names []string
	if err == nil {
		names, err = dpkg.Paths(text)
	}
	r.complain(list, err)
	for _, name := range names {
		files = append(files, record.File{Path: strings.TrimSuffix(name, "/.")})
	}
	return files
}

func (v *view) diversions() dpkg.Diversions {
	if v.diverted != nil {
		return v.diverted
	}
	v.diverted = dpkg.Diversions{}
	if v.hasMoved {
		r := v.set.reader
		text, err := r.text(v.moved)
		if err == nil {
			v.diverted, err = dpkg.ReadDiversions(text)
		}
		r.complain(v.moved, err)
	}
	return v.diverted
}
