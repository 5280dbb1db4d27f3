// Package space adds up how many bytes the directories of a tree hold.
package space

import (
	"slices"

	"layup/tarfs"
)

// Directories says how many bytes are at and below each directory of a tree, each body once, however many names it
// has there.
type Directories struct {
	bytes  []int64 // by number of the node
	layers []int32 // the layer that stores most of it, + 1
}

// Bytes returns how many bytes are at and below a directory.
func (d *Directories) Bytes(n tarfs.Node) int64 { return d.bytes[n.Number()] }

// Layer returns the layer that stores most of a directory's bytes, of equal ones the oldest; [tarfs.NoLayer] if it has
// none.
func (d *Directories) Layer(n tarfs.Node) int { return int(d.layers[n.Number()]) - 1 }

// Visible adds up what a snapshot shows: the bytes that the tar holds of each file, without holes. Counted tells which
// layers count; nil means all.
func Visible(tree *tarfs.Tree, snap *tarfs.Snapshot, counted func(layer int) bool) *Directories {
	s := NewSum(tree)
	last := linked(snap) // when the last of its names came
	for v := range snap.Walk(tree.Root(), -1) {
		if v.Type() != tarfs.File || counted != nil && !counted(v.ContentLayer()) {
			continue
		}
		s.Add(v.Node().Parent(), v.ContentLayer(), v.Stored())
		id, _ := v.Inode()
		if when, several := last[id]; several {
			s.again(when, v)
			last[id] = s.clock
		}
	}
	return s.Directories()
}

// linked has each body with several names, with 0.
func linked(snap *tarfs.Snapshot) map[uint64]int {
	list := map[uint64]int{}
	for v := range snap.Unordered() {
		if _, several := v.LinkGroup(); several {
			id, _ := v.Inode()
			list[id] = 0
		}
	}
	return list
}

// Tops returns how many bytes are visible at and below the root and each directory in it, by path. It needs less memory
// than Visible.
func Tops(tree *tarfs.Tree, snap *tarfs.Snapshot) map[string]int64 {
	tops := map[string]int64{"/": 0}
	last := linked(snap) // the number of the directory that counted it; -1 is the root alone
	top, number := "", 0
	for v := range snap.Walk(tree.Root(), -1) {
		if v.Node().Parent().IsRoot() {
			if top, number = "/", -1; v.Type() == tarfs.Dir && !v.Node().IsRoot() {
				top, number = v.Node().Path(), v.Node().Number()
				tops[top] = 0
			}
		}
		if v.Type() != tarfs.File {
			continue
		}
		id, _ := v.Inode()
		by, several := last[id]
		if by == 0 {
			tops["/"] += v.Stored()
		}
		if top != "/" && by != number {
			tops[top] += v.Stored()
		}
		if several {
			last[id] = number
		}
	}
	return tops
}

// A Sum takes bytes, directory by directory in the order of a walk, and adds them up.
type Sum struct {
	result *Directories
	layers int
	open   []level      // the directories from the root to that of the last bytes
	depths []int32      // by number of the node: its place in open + 1; 0 if it is not there
	climb  []tarfs.Node // used again by each call of reach
	free   [][]int64    // sums of layers, all zero
	clock  int          // counts the calls of Add
}

// A level is a directory that the walk has not left.
type level struct {
	node    tarfs.Node
	entered int     // the clock when the walk entered it
	layers  []int64 // the bytes of each layer
}

// NewSum returns a sum of nothing.
func NewSum(tree *tarfs.Tree) *Sum {
	return &Sum{
		result: &Directories{bytes: make([]int64, tree.Len()), layers: make([]int32, tree.Len())},
		layers: tree.Layers(), depths: make([]int32, tree.Len()),
	}
}

// again takes the bytes of a file off the deepest directory that counted them already, under a name that came at a time
// before; never if it is 0.
func (s *Sum) again(before int, v tarfs.Version) {
	// The directories that the walk entered before that name, and has not left, are above both names.
	i, _ := slices.BinarySearchFunc(s.open, before, func(l level, at int) int { return l.entered - at })
	if i > 0 {
		s.open[i-1].layers[v.ContentLayer()] -= v.Stored()
	}
}

// Add adds bytes of a layer to a directory and to all above it.
func (s *Sum) Add(dir tarfs.Node, layer int, bytes int64) {
	s.reach(dir)
	s.open[len(s.open)-1].layers[layer] += bytes
	s.clock++
}

// reach leaves the directories that are not above dir, and enters those that are.
func (s *Sum) reach(dir tarfs.Node) {
	s.climb = s.climb[:0]
	for s.depths[dir.Number()] == 0 {
		s.climb = append(s.climb, dir)
		if dir.IsRoot() {
			break
		}
		dir = dir.Parent()
	}
	s.leave(int(s.depths[dir.Number()]))
	for _, n := range slices.Backward(s.climb) {
		s.open = append(s.open, level{n, s.clock, s.zeros()})
		s.depths[n.Number()] = int32(len(s.open))
	}
}

// leave ends the directories below the first depth of those that are open, and adds each to the one above it.
func (s *Sum) leave(depth int) {
	for len(s.open) > depth {
		last := len(s.open) - 1
		l := s.open[last]
		s.open = s.open[:last]
		n := l.node.Number()
		s.depths[n] = 0
		most := int64(0)
		for layer, bytes := range l.layers {
			s.result.bytes[n] += bytes
			if bytes > most {
				most, s.result.layers[n] = bytes, int32(layer)+1
			}
			if last > 0 {
				s.open[last-1].layers[layer] += bytes
			}
		}
		clear(l.layers)
		s.free = append(s.free, l.layers)
	}
}

func (s *Sum) zeros() []int64 {
	if last := len(s.free) - 1; last >= 0 {
		list := s.free[last]
		s.free = s.free[:last]
		return list
	}
	return make([]int64, s.layers)
}

// Directories returns the sums. The Sum takes no more.
func (s *Sum) Directories() *Directories {
	s.leave(0)
	return s.result
}
