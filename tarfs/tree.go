package tarfs

import (
	"bytes"
	"cmp"
	"encoding/binary"
	"hash/maphash"
	"iter"
	"path"
	"slices"
	"sync"
)

// A Tree is the result of merging layers: every path that any layer ever held, with its whole history. It is immutable,
// and several goroutines may use it at once.
type Tree struct {
	layers  []*Layer
	view    View
	nodes   slabs[node]
	records slabs[record]
	groups  []group
	index   []uint64 // open addressing by (parent, name): upper half of the hash, node; 0 is free
	seed    maphash.Seed
	warned  warnings

	*once
	starts []uint32 // by node: where its children begin in kids
	kids   []uint32 // the children of all nodes, by name, one parent after another

	replaced  []uint64      // entries that a later entry of their own layer replaced: layer<<32 | entry
	claims    [][]uint32    // by layer and entry: the version that stands for the entry's body, or 0
	unclaimed slabs[record] // for bodies that no version ever showed
}

// once says what was found in a tree, on the first demand.
type once struct{ sorted, accounted sync.Once }

// node is a path. Its list of children holds those that may be visible; only the index finds the others. So hiding a
// directory again and again does not visit its hidden children each time.
type node struct {
	parent, first, next uint32
	name                uint32 // in the arena of nameLayer
	record              uint32 // the newest; 0 if no layer has put anything here
	local               uint32 // what the layer that is being merged says of this path; see merger
	nameLen, nameLayer  uint16
	listed              bool // is in its parent's list
}

// record is a version of a path: what one layer put there.
type record struct {
	node     uint32
	entry    uint32 // in the layer's table; noEntry for an implied directory
	older    uint32 // the record before it at the path; 0 for none
	group    uint32 // of hard links; 0 for none
	layer    uint16
	hiddenBy uint16 // layer + 1; 0 if visible
	how      How
	kind     Type
	relists  bool // a directory is listed again: the older record is not hidden
}

// group is an inode with several names, or with content in a lower layer.
type group struct {
	content, meta uint32 // entries: content has type, bytes, target and attributes; meta has mode, owner and time
	contentLayer  uint16
	metaLayer     uint16
}

// origin returns the layer and the entry that have the content of a record.
func (t *Tree) origin(r *record) (layer, entry uint32) {
	if r.group == 0 {
		return uint32(r.layer), r.entry
	}
	g := &t.groups[r.group]
	return uint32(g.contentLayer), g.content
}

const (
	noEntry    = ^uint32(0)
	root       = 0
	rootRecord = 1 // the root before the first layer
)

// Layers returns the number of layers.
func (t *Tree) Layers() int { return len(t.layers) }

// Warnings returns the warnings of all layers, by layer and then roughly in tar order. It holds at most 1,000 of each
// code; the last of these counts the rest.
func (t *Tree) Warnings() []Warning { return t.warned.list() }

func (t *Tree) nameOf(id uint32) []byte {
	n := t.nodes.at(id)
	if id == root {
		return nil
	}
	return t.layers[n.nameLayer].bytes(n.name, int(n.nameLen))
}

// slot returns the place in the index where the child is, or would be, and the upper half of its hash. The half decides
// the place, and tells most other children apart without reading their names.
func (t *Tree) slot(parent uint32, name []byte) (i int, half uint64) {
	h := maphash.Bytes(t.seed, name) ^ uint64(parent)*0x9e3779b97f4a7c15
	h *= 0xff51afd7ed558ccd
	half = h >> 32
	mask := len(t.index) - 1
	for i = int(half) & mask; ; i = (i + 1) & mask {
		found := t.index[i]
		if found == 0 {
			return i, half
		}
		if found>>32 != half {
			continue
		}
		if id := uint32(found); t.nodes.at(id).parent == parent && bytes.Equal(t.nameOf(id), name) {
			return i, half
		}
	}
}

// Settle frees what is needed to merge more layers. Lookup then takes a little longer. Call it before other goroutines
// use the tree.
func (t *Tree) Settle() {
	t.order()
	t.index = nil
}

// child returns a path's child, or 0.
func (t *Tree) child(parent uint32, name []byte) uint32 {
	if t.index == nil {
		return t.settled(parent, name)
	}
	i, _ := t.slot(parent, name)
	return uint32(t.index[i])
}

// settled is child without the index.
func (t *Tree) settled(parent uint32, name []byte) uint32 {
	kids := t.children(parent)
	byName := func(id uint32, name []byte) int { return bytes.Compare(t.nameOf(id), name) }
	i, ok := slices.BinarySearchFunc(kids, name, byName)
	if !ok {
		return 0
	}
	return kids[i]
}

// intern returns a path's child, and makes one if there is none.
func (t *Tree) intern(parent uint32, name ref) uint32 {
	i, half := t.slot(parent, t.text(name))
	if found := t.index[i]; found != 0 {
		return uint32(found)
	}
	id := t.nodes.add(node{parent: parent, name: name.off, nameLen: name.len, nameLayer: name.layer})
	t.index[i] = half<<32 | uint64(id)
	if int(t.nodes.n)*2 > len(t.index) {
		t.grow(len(t.index) * 2)
	}
	return id
}

func (t *Tree) grow(size int) {
	old := t.index
	t.index = make([]uint64, size)
	for _, found := range old {
		if found == 0 {
			continue
		}
		i := int(found>>32) & (size - 1)
		for t.index[i] != 0 {
			i = (i + 1) & (size - 1)
		}
		t.index[i] = found
	}
}

// ref is a piece of some layer's arena.
type ref struct {
	off   uint32
	len   uint16
	layer uint16
}

func (t *Tree) text(r ref) []byte { return t.layers[r.layer].bytes(r.off, int(r.len)) }

// Lookup finds a path that any layer ever held, exactly as given, without following symlinks. Slashes at both ends do
// not matter.
func (t *Tree) Lookup(path string) (Node, bool) {
	at := uint32(root)
	for name := range bytes.SplitSeq([]byte(path), []byte{'/'}) {
		if len(name) == 0 {
			continue
		}
		if at = t.child(at, name); at == 0 {
			return Node{}, false
		}
	}
	return Node{t, at}, at == root || t.nodes.at(at).record != 0
}

// Root returns the root directory.
func (t *Tree) Root() Node { return Node{t, root} }

// order sorts the children of every directory once.
func (t *Tree) order() {
	t.sorted.Do(func() {
		t.starts = make([]uint32, t.nodes.n+2)
		for id := uint32(1); id < t.nodes.n; id++ {
			t.starts[t.nodes.at(id).parent+2]++
		}
		for i := 1; i < len(t.starts); i++ {
			t.starts[i] += t.starts[i-1]
		}
		t.kids = make([]uint32, t.nodes.n-1)
		for id := uint32(1); id < t.nodes.n; id++ {
			next := &t.starts[t.nodes.at(id).parent+1] // at last it is where the children of the next node begin
			t.kids[*next] = id
			*next++
		}
		var list []keyed
		for id := range t.nodes.n {
			if kids := t.children(id); len(kids) > 1 {
				list = t.sort(kids, list[:0])
			}
		}
	})
}

// keyed is a child with the first bytes of its name, which decide most comparisons.
type keyed struct {
	key   uint64
	child uint32
}

// sort sorts children by their names. It returns its buffer for the next call.
func (t *Tree) sort(kids []uint32, list []keyed) []keyed {
	for _, id := range kids {
		var first [8]byte
		copy(first[:], t.nameOf(id))
		list = append(list, keyed{binary.BigEndian.Uint64(first[:]), id})
	}
	slices.SortFunc(list, func(a, b keyed) int {
		if a.key != b.key {
			return cmp.Compare(a.key, b.key)
		}
		return bytes.Compare(t.nameOf(a.child), t.nameOf(b.child))
	})
	for i, k := range list {
		kids[i] = k.child
	}
	return list
}

func (t *Tree) children(id uint32) []uint32 { return t.kids[t.starts[id]:t.starts[id+1]] }

// walk yields a path and the paths below it, depth first, children by name, at most depth levels below it; all if depth
// is negative. If enter returns false, it yields neither the path nor what is below it. It does not recurse: a path may
// have thousands of components.
func (t *Tree) walk(from uint32, depth int, enter func(uint32) bool, yield func(uint32) bool) {
	t.order()
	type frame struct{ at, end uint32 }
	if !enter(from) || !yield(from) || depth == 0 {
		return
	}
	stack := []frame{{t.starts[from], t.starts[from+1]}}
	for len(stack) > 0 {
		top := &stack[len(stack)-1]
		if top.at == top.end {
			stack = stack[:len(stack)-1]
			continue
		}
		id := t.kids[top.at]
		top.at++
		if !enter(id) {
			continue
		}
		if !yield(id) {
			return
		}
		if depth < 0 || len(stack) < depth {
			stack = append(stack, frame{t.starts[id], t.starts[id+1]})
		}
	}
}

// Nodes yields every path that any layer ever held in path order: the root first, then depth first, siblings by the
// bytes of their names.
func (t *Tree) Nodes() iter.Seq[Node] { return t.Root().Walk(-1) }

// Versions yields every version of every path, visible or not, in path order, the versions of one path oldest first. A
// directory that several layers list is one version, the newest.
func (t *Tree) Versions() iter.Seq[Version] { return t.versions(t.Nodes()) }

// UnorderedVersions is Versions with the paths in the order of their numbers. Versions sorts them first.
func (t *Tree) UnorderedVersions() iter.Seq[Version] { return t.versions(t.Unordered()) }

func (t *Tree) versions(of iter.Seq[Node]) iter.Seq[Version] {
	return func(yield func(Version) bool) {
		var list []uint32
		for n := range of {
			list = t.history(n.id, list[:0], false)
			for _, r := range slices.Backward(list) {
				if !yield(Version{t, r}) {
					return
				}
			}
		}
	}
}

// Numbered returns the node with a number.
func (t *Tree) Numbered(n int) Node { return Node{t, uint32(n)} }

// Hides returns how many versions layers hid. A directory that several layers list may count several times.
func (t *Tree) Hides() (n int) {
	for id := range t.records.n {
		if t.records.at(id).hiddenBy != 0 {
			n++
		}
	}
	return n
}

// Len returns a number above that of every node.
func (t *Tree) Len() int { return int(t.nodes.n) }

// Unordered yields every path that any layer ever held, in the order of their numbers. Nodes sorts them first.
func (t *Tree) Unordered() iter.Seq[Node] {
	return func(yield func(Node) bool) {
		for id := range t.nodes.n {
			if (id == root || t.nodes.at(id).record != 0) && !yield(Node{t, id}) {
				return
			}
		}
	}
}

// A Node is a path of a tree, whether or not anything is visible there.
type Node struct {
	tree *Tree
	id   uint32
}

// IsRoot reports whether the node is the root.
func (n Node) IsRoot() bool { return n.id == root }

// Number is below [Tree.Len], and no other node of the tree has it.
func (n Node) Number() int { return int(n.id) }

// Child finds a path one level below that any layer ever held, as [Tree.Lookup] does.
func (n Node) Child(name string) (Node, bool) {
	id := n.tree.child(n.id, []byte(name))
	return Node{n.tree, id}, id != 0 && n.tree.nodes.at(id).record != 0
}

// ChildAfter is Child. It is fast if the child is the node that layers named next after another one.
func (n Node) ChildAfter(other Node, name string) (Node, bool) {
	t, id := n.tree, other.id+1
	if other.id&unseen == 0 && id < t.nodes.n && t.nodes.at(id).parent == n.id && string(t.nameOf(id)) == name {
		return Node{t, id}, t.nodes.at(id).record != 0
	}
	return n.Child(name)
}

// Name returns the exact bytes of the last component; "/" for the root.
func (n Node) Name() string {
	switch {
	case n.id == root:
		return "/"
	case n.id&unseen != 0:
		return path.Base(n.tree.unseenPath(n.id))
	}
	return string(n.tree.nameOf(n.id))
}

// Parent returns the directory of the path. The parent of the root, and of a version of [Tree.Unseen], is the root.
func (n Node) Parent() Node {
	if n.id&unseen != 0 {
		return n.tree.Root()
	}
	return Node{n.tree, n.tree.nodes.at(n.id).parent}
}

// Walk yields the path and every path below it that any layer ever held in path order, at most depth levels below it;
// all if depth is negative.
func (n Node) Walk(depth int) iter.Seq[Node] {
	t := n.tree
	return func(yield func(Node) bool) {
		t.walk(n.id, depth, func(uint32) bool { return true }, func(id uint32) bool {
			return id != root && t.nodes.at(id).record == 0 || yield(Node{t, id})
		})
	}
}

// Within reports whether the path is dir or below it.
func (n Node) Within(dir Node) bool {
	for n != dir && !n.IsRoot() {
		n = n.Parent()
	}
	return n == dir
}

// Path returns the exact bytes of the path, beginning with '/'.
func (n Node) Path() string {
	switch {
	case n.id == root:
		return "/"
	case n.id&unseen != 0:
		return n.tree.unseenPath(n.id)
	}
	t, size := n.tree, 0
	for at := n.id; at != root; at = t.nodes.at(at).parent {
		size += 1 + int(t.nodes.at(at).nameLen)
	}
	var short [256]byte // enough for most paths
	b := slices.Grow(short[:0], size)[:size]
	for at := n.id; at != root; at = t.nodes.at(at).parent {
		name := t.nameOf(at)
		size -= 1 + len(name)
		b[size] = '/'
		copy(b[size+1:], name)
	}
	return string(b)
}

// ComparePaths orders paths as walks do: a directory before what is below it, siblings by their bytes.
func ComparePaths(a, b string) int {
	for i := range min(len(a), len(b)) {
		switch {
		case a[i] == b[i]:
		case a[i] == '/':
			return -1
		case b[i] == '/':
			return 1
		default:
			return cmp.Compare(a[i], b[i])
		}
	}
	return cmp.Compare(len(a), len(b))
}

// Versions yields every version of the path, oldest first. If several layers list a directory, each has a version here,
// although the older ones are not hidden.
func (n Node) Versions() iter.Seq[Version] {
	return func(yield func(Version) bool) {
		if n.id&unseen != 0 {
			yield(Version(n))
			return
		}
		for _, r := range slices.Backward(n.tree.history(n.id, nil, true)) {
			if !yield(Version{n.tree, r}) {
				return
			}
		}
	}
}

// history appends the records of a path, newest first. Unless relisted is set, it leaves out records of a directory
// that a later layer listed again.
func (t *Tree) history(id uint32, list []uint32, relisted bool) []uint32 {
	superseded := false
	for r := t.nodes.at(id).record; r != 0; r = t.records.at(r).older {
		if relisted || !superseded {
			list = append(list, r)
		}
		superseded = t.records.at(r).relists
	}
	return list
}
