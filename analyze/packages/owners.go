package packages

import (
	"slices"

	"layup/analyze/packages/dpkg"
	"layup/tarfs"
)

// claims say which packages named a path. They are small, because an image may have millions.
type claims struct {
	first []int32 // by node: the claim that comes first, plus one
	list  []claim
	trees map[int]int32 // by node of a directory that packages own as a whole: as first
	below []int32       // by node: the nearest of these directories, itself or above; -1 for none

	owners map[treeAt][]*Package // what was asked of trees before
}

// A treeAt is a directory that packages own, at a layer or now.
type treeAt struct {
	node  int32
	layer int
}

// now is the final tree, as opposed to that after a layer.
const now = -1

// A claim is that of a package for a path.
type claim struct{ owner, next int32 }

func (c *claims) add(to *int32, owner int) {
	c.list = append(c.list, claim{int32(owner), *to})
	*to = int32(len(c.list))
}

// of returns the packages that named a path, or own the nearest directory above it: those that were there after a
// layer, or that are there now.
func (s *Set) of(n tarfs.Node, layer int) (list []*Package) {
	list = s.wanted(s.claims.first[n.Number()], layer)
	if len(s.claims.trees) == 0 {
		return list
	}
	for at := s.claims.below[n.Number()]; at >= 0; {
		key := treeAt{at, layer}
		owners, known := s.claims.owners[key]
		if !known {
			owners = s.wanted(s.claims.trees[int(at)], layer)
			s.claims.owners[key] = owners
		}
		if len(owners) > 0 {
			for _, p := range owners { // a record may name what also lies in the package's directory
				if !slices.Contains(list, p) {
					list = append(list, p)
				}
			}
			return list
		}
		dir := s.img.Tree().Numbered(int(at))
		if at = -1; !dir.IsRoot() {
			at = s.claims.below[dir.Parent().Number()]
		}
	}
	return list
}

// wanted returns the packages of a chain of claims.
func (s *Set) wanted(at int32, layer int) (list []*Package) {
	for ; at > 0; at = s.claims.list[at-1].next {
		if p := s.List[s.claims.list[at-1].owner]; layer == now && p.live() || layer != now && p.covers(layer) {
			list = append(list, p)
		}
	}
	return list
}

// own finds the paths of all packages in the image, as it was when they were there.
func (s *Set) own() error {
	s.claims = claims{first: make([]int32, s.img.Tree().Len()), trees: map[int]int32{},
		owners: map[treeAt][]*Package{}}
	views := map[int]*view{}
	var lists []tarfs.Version
	for _, p := range s.List {
		if views[p.end()] == nil {
			views[p.end()] = newView(s, p.end())
		}
		if v, ok := views[p.end()].file(p.Lists, p.Sums); ok {
			lists = append(lists, v)
		}
	}
	for _, v := range views {
		if v.moved, v.hasMoved = fileAt(v.view, dpkg.DiversionsFile); v.hasMoved {
			lists = append(lists, v.moved)
		}
	}
	if err := s.reader.prepare(lists); err != nil {
		return err
	}
	for i := len(s.List) - 1; i >= 0; i-- { // the first comes first in a chain of claims
		if err := s.reader.ctx.Err(); err != nil {
			return err
		}
		s.claim(i, views[s.List[i].end()])
	}
	if len(s.claims.trees) > 0 {
		s.nearest()
	}
	return nil
}

// nearest finds for each path the nearest directory that packages own as a whole. A directory has a lower number than
// what is in it.
func (s *Set) nearest() {
	tree := s.img.Tree()
	s.claims.below = make([]int32, tree.Len())
	for i := range s.claims.below {
		n := tree.Numbered(i)
		switch s.claims.below[i] = -1; {
		case s.claims.trees[i] > 0:
			s.claims.below[i] = int32(i)
		case !n.IsRoot():
			s.claims.below[i] = s.claims.below[n.Parent().Number()]
		}
	}
}

// claim notes the paths of one package.
func (s *Set) claim(i int, v *view) {
	p := s.List[i]
	seen := map[int]bool{}
	for name := range v.paths(p) {
		if len(s.claims.list) >= mostClaims {
			s.reader.full(p.Layer, "more paths of packages than are looked at")
			break
		}
		n, there := v.of(p, name.Path)
		if !there && !name.Ghost {
			p.Missing++
		}
		if there && !seen[n.Number()] {
			seen[n.Number()] = true
			s.claims.add(&s.claims.first[n.Number()], i)
		}
	}
	if n, there := s.img.Tree().Lookup(p.Tree); p.Tree != "" && there {
		at := s.claims.trees[n.Number()]
		s.claims.add(&at, i)
		s.claims.trees[n.Number()] = at
	}
}

// account counts the files of all packages, and their bytes.
func (s *Set) account() {
	if len(s.List) == 0 {
		return
	}
	for n := range s.img.Tree().Unordered() {
		v, ok := s.img.Top().Of(n)
		if !ok || v.Type() == tarfs.Dir {
			continue
		}
		for _, p := range s.Owners(n) {
			p.Paths++
		}
	}
	for b := range s.img.Tree().Bodies() {
		v := b.Version()
		if _, how := v.HiddenBy(); how > tarfs.ReplacedByOtherType {
			continue // no version ever showed it
		}
		for _, p := range s.Of(v) {
			if b.Live() {
				p.Size += b.Stored()
			} else {
				p.Wasted += b.Stored()
			}
		}
	}
}
