package tarfs

import (
	"bytes"
	"iter"
)

// A Pair is one path as two snapshots show it: in one of them, or in both.
type Pair struct {
	A, B     Version
	InA, InB bool
}

// Pairs walks two snapshots side by side, of one tree or of two, and yields every path that either shows in path order.
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

// nowhere is the number of a path that a tree does not hold or a snapshot does not show.
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

// kidsOf returns what any layer ever held in a directory, by name.
func (s *Snapshot) kidsOf(id uint32) []uint32 {
	if id == nowhere {
		return nil
	}
	return s.tree.children(id)
}

// twoRanges are the children of a directory in two trees that have not been met yet.
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

// Linked names the inode of a version that has, or had, several names: equal for all names of one. Unlike Inode it tells a hard link
// from another file with the same bytes.
func (v Version) Linked() (inode uint32, ok bool) {
	g := v.record().group
	return g, g != 0
}
