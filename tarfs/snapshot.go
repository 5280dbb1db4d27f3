package tarfs

import (
	"bytes"
	"errors"
	"fmt"
	"io/fs"
	"iter"
	"strings"
	"sync"
)

// A Snapshot is the tree as it is visible after one layer.
type Snapshot struct {
	tree  *Tree
	upto  int
	named sync.Once
	names map[uint32]uint32 // group of hard links -> first visible name, if there are several
}

// At returns what is visible after layer n. If n is greater than the last layer, it means the last layer. NoLayer means
// the time before the first layer, with a root directory that no layer lists.
func (t *Tree) At(n int) *Snapshot {
	return &Snapshot{tree: t, upto: max(NoLayer, min(n, len(t.layers)-1))}
}

// Top returns what is visible after the last layer.
func (t *Tree) Top() *Snapshot { return t.At(len(t.layers)) }

// visible returns the record that the snapshot shows of a path, or 0.
func (s *Snapshot) visible(id uint32) uint32 {
	if id&unseen != 0 {
		return 0
	}
	r := s.tree.nodes.at(id).record
	for r != 0 && int(s.tree.records.at(r).layer) > s.upto && r != rootRecord {
		r = s.tree.records.at(r).older
	}
	if by := int(s.tree.records.at(r).hiddenBy); by != 0 && by-1 <= s.upto {
		return 0
	}
	return r
}

// Of returns what is visible at the node.
func (s *Snapshot) Of(n Node) (Version, bool) {
	r := s.visible(n.id)
	return Version{s.tree, r}, r != 0
}

// Lookup returns what is visible at exactly this path, without following symlinks.
func (s *Snapshot) Lookup(path string) (Version, bool) {
	n, ok := s.tree.Lookup(path)
	if !ok {
		return Version{}, false
	}
	return s.Of(n)
}

// Walk yields what is visible at a node and below it in path order, at most depth levels below it; all if depth is
// negative.
func (s *Snapshot) Walk(from Node, depth int) iter.Seq[Version] {
	return func(yield func(Version) bool) {
		visible := func(id uint32) bool { return s.visible(id) != 0 }
		show := func(id uint32) bool { return yield(Version{s.tree, s.visible(id)}) }
		s.tree.walk(from.id, depth, visible, show)
	}
}

// Unordered yields what is visible, in the order of the nodes' numbers. Walk sorts them first.
func (s *Snapshot) Unordered() iter.Seq[Version] {
	return func(yield func(Version) bool) {
		for n := range s.tree.Unordered() {
			if v, ok := s.Of(n); ok && !yield(v) {
				return
			}
		}
	}
}

// FirstName returns the first name, in path order, of a file that has several visible names.
func (s *Snapshot) FirstName(v Version) (Node, bool) {
	g := v.record().group
	if g == 0 {
		return Node{}, false
	}
	s.named.Do(s.nameGroups)
	first, ok := s.names[g]
	return Node{s.tree, first}, ok
}

// nameGroups finds the first names of all groups.
func (s *Snapshot) nameGroups() {
	s.names = map[uint32]uint32{}
	first := map[uint32]Node{}
	for id := uint32(1); id < s.tree.records.n; id++ {
		r := s.tree.records.at(id)
		if r.group == 0 || s.visible(r.node) != id {
			continue
		}
		n := Node{s.tree, r.node}
		one, several := first[r.group]
		if !several || ComparePaths(n.Path(), one.Path()) < 0 {
			first[r.group] = n
		}
		if several {
			s.names[r.group] = first[r.group].id
		}
	}
}

// maxLinks is the number of symlinks that one path may have, as in Linux.
const maxLinks = 40

// ErrLoop says that a path leads through more than 40 symlinks.
var ErrLoop = errors.New("symlink loop")

// Resolve returns what is visible at path. It follows the symlinks of directories, and of the last component if follow
// is set, inside the image: nothing leads above the root. The error is ErrLoop or fs.ErrNotExist.
func (s *Snapshot) Resolve(path string, follow bool) (Version, error) {
	at, rest, err := s.resolve(path, follow)
	if err != nil {
		return Version{}, err
	}
	if rest != "" {
		return Version{}, fs.ErrNotExist
	}
	return Version{s.tree, s.visible(at)}, nil
}

// Canonical returns path after following symlinks as Resolve does, as far as the path exists. The error is ErrLoop.
func (s *Snapshot) Canonical(path string, follow bool) (string, error) {
	at, rest, err := s.resolve(path, follow)
	if err != nil {
		return "", err
	}
	if at == root {
		return "/" + rest, nil
	}
	if rest != "" {
		rest = "/" + rest
	}
	return Node{s.tree, at}.Path() + rest, nil
}

// resolve walks as far as the path exists, and returns the rest.
func (s *Snapshot) resolve(path string, follow bool) (at uint32, rest string, err error) {
	links := 0
	for rest = path; rest != ""; {
		name, more, _ := strings.Cut(rest, "/")
		kind := s.tree.records.at(s.visible(at)).kind
		switch {
		case name == "" || name == "." && kind == Dir:
			rest = more
			continue
		case kind != Dir:
			return at, rest, nil
		case name == "..":
			at, rest = s.tree.nodes.at(at).parent, more
			continue
		}
		id := s.tree.child(at, []byte(name))
		if id == 0 || s.visible(id) == 0 {
			return at, strings.Trim(rest, "/"), nil
		}
		v := Version{s.tree, s.visible(id)}
		if v.Type() != Symlink || strings.Trim(more, "/") == "" && !follow {
			at, rest = id, more
			continue
		}
		if links++; links > maxLinks {
			return 0, "", fmt.Errorf("%w: more than %d links", ErrLoop, maxLinks)
		}
		switch target := v.Link(); {
		case target == "": // a link that no kernel makes leads nowhere
			return at, strings.Trim(rest, "/"), nil
		case target[0] == '/':
			at, rest = root, target+"/"+more
		default:
			rest = target + "/" + more
		}
	}
	return at, "", nil
}

// A Pair is one path that one or both of two snapshots show.
type Pair struct {
	A, B     Version
	InA, InB bool
}

// Pairs walks two snapshots together, of one tree or of two, and yields every path that one of them shows, in path
// order.
func Pairs(a, b *Snapshot) iter.Seq[Pair] {
	return func(yield func(Pair) bool) {
		a.tree.order()
		b.tree.order()
		p := a.pair(b, root, root)
		if !yield(p) {
			return
		}
		stack := []twoRanges{{a.kidsOf(root), b.kidsOf(root)}}
		for len(stack) > 0 {
			ida, idb, more := stack[len(stack)-1].next(a, b)
			if !more {
				stack = stack[:len(stack)-1]
				continue
			}
			if !yield(a.pair(b, ida, idb)) {
				return
			}
			if r := (twoRanges{a.kidsOf(ida), b.kidsOf(idb)}); len(r.a)+len(r.b) > 0 {
				stack = append(stack, r)
			}
		}
	}
}

// nowhere stands for a path that a snapshot does not show.
const nowhere = noEntry

func (s *Snapshot) pair(b *Snapshot, ida, idb uint32) Pair {
	p := Pair{InA: ida != nowhere, InB: idb != nowhere}
	if p.InA {
		p.A = Version{s.tree, s.visible(ida)}
	}
	if p.InB {
		p.B = Version{b.tree, b.visible(idb)}
	}
	return p
}

// kidsOf returns the children that any layer ever had in a directory, by name.
func (s *Snapshot) kidsOf(id uint32) []uint32 {
	if id == nowhere {
		return nil
	}
	return s.tree.children(id)
}

// twoRanges are the children of a directory in two trees that the walk has not reached yet.
type twoRanges struct{ a, b []uint32 }

// next takes the first name that is visible on either side.
func (r *twoRanges) next(a, b *Snapshot) (ida, idb uint32, more bool) {
	r.a, r.b = a.skipHidden(r.a), b.skipHidden(r.b)
	order := 0
	switch {
	case len(r.a) == 0 && len(r.b) == 0:
		return nowhere, nowhere, false
	case len(r.a) == 0:
		order = 1
	case len(r.b) == 0:
		order = -1
	default:
		order = bytes.Compare(a.tree.nameOf(r.a[0]), b.tree.nameOf(r.b[0]))
	}
	ida, idb = nowhere, nowhere
	if order <= 0 {
		ida, r.a = r.a[0], r.a[1:]
	}
	if order >= 0 {
		idb, r.b = r.b[0], r.b[1:]
	}
	return ida, idb, true
}

func (s *Snapshot) skipHidden(ids []uint32) []uint32 {
	for len(ids) > 0 && s.visible(ids[0]) == 0 {
		ids = ids[1:]
	}
	return ids
}
