package tarfs

import (
	"bytes"
	"cmp"
	"errors"
	"fmt"
	"hash/maphash"
	"math"
)

// A LayerError says which layer could not be merged completely, and why.
type LayerError struct {
	Layer int
	Err   error
}

// Error names the layer by its position from 0.
func (e *LayerError) Error() string { return fmt.Sprintf("layer %d: %v", e.Layer, e.Err) }

// Unwrap returns the cause.
func (e *LayerError) Unwrap() error { return e.Err }

// Merge stacks layers, oldest first, and keeps the history of every path. A nil layer stands for a layer that could not
// be read. If a layer has an error, the tree holds only its entries before the error. Merge follows the rules of
// overlay engines. If engines disagree or refuse the image, the OCI image specification decides. The tree's warnings
// name every such case.
func Merge(layers []*Layer, view View) (*Tree, []*LayerError) {
	var errs []*LayerError
	if len(layers) > math.MaxUint16 {
		errs = append(errs, &LayerError{Layer: math.MaxUint16, Err: errors.New("too many layers")})
		layers = nil
	}
	t := newTree(layers, view)
	m := &merger{t: t}
	for i, l := range layers {
		if l == nil {
			continue
		}
		if err := m.merge(i, l); err != nil {
			errs = append(errs, &LayerError{Layer: i, Err: err})
		}
	}
	return t, errs
}

// newTree returns a tree that holds only the root, with room for the biggest layer.
func newTree(layers []*Layer, view View) *Tree {
	biggest, size := uint32(0), 16
	for _, l := range layers {
		if l != nil {
			biggest = max(biggest, l.entries.n)
		}
	}
	for size < int(2*biggest) {
		size *= 2
	}
	t := &Tree{layers: layers, view: view, seed: maphash.MakeSeed(), once: new(once)}
	t.records.add(record{}) // 0 stands for none
	t.nodes.add(node{record: t.records.add(record{node: root, entry: noEntry, kind: Dir})})
	t.groups = append(t.groups, group{})
	t.grow(size)
	return t
}

// merger merges layers onto the tree, one after another. First it builds the layer's own tree of locals, in tar order.
// The node of a path holds the number of its local, which is valid if that local refers back to the node.
type merger struct {
	t      *Tree
	layer  int
	table  *Layer
	locals slabs[local]

	whiteouts []uint32 // locals, in tar order
	opaques   []opaque
	links     map[uint32]uint32 // local -> group

	parent place             // of the last entry; the next one is mostly in the same directory
	deep   map[string]uint32 // locals of directories with long names that no symlinks lead to
	folder folder
	steps  []step // a buffer for resolve
	todo   []ref  // a buffer for resolve

	alone     *alone   // for [Layer.Own]; else nil
	implied   int      // directories made in all layers
	log       *changes // of what lower layers left, for a Pile; else nil
	only      []uint32 // the entries of the layer that are read, for MergePart; nil for all
	linkSteps int      // components of symlinks and of paths through them, in this layer
}

// local is what the current layer says of a path.
type local struct {
	node, parent, first, next uint32 // first and next make the list of children
	entry                     uint32 // noEntry unless listed
	state                     state
	kind                      Type
}

type state uint8

const (
	listed    state = 1 << iota // has an entry
	implied                     // is a directory that only its children imply
	whiteout                    // hides what lower layers have here
	opaqued                     // hides what lower layers have below
	inList                      // is in its parent's list
	overtaken                   // an entry followed its whiteout
)

// opaque is an opaque marker: the directory it marks and its own name.
type opaque struct {
	local uint32
	path  string
	over  bool // it hides something
}

func (m *merger) warn(code Code, path string) { m.t.warned.add(code, m.layer, path) }

// merge reads the layer's entries into a tree of its own, then lays it onto the tree of the layers so far.
func (m *merger) merge(layer int, table *Layer) error {
	m.begin(layer, table)
	err := m.entries()
	m.hide()
	m.add()
	if table.tail > 0 {
		m.t.warned.addNoted(DataAfterEnd, m.layer, "", AfterEnd(table.tail, table.size, table.second))
	}
	return err
}

// begin prepares a tree of the layer's own.
func (m *merger) begin(layer int, table *Layer) {
	m.layer, m.table = layer, table
	m.locals.reset()
	m.locals.add(local{node: root, entry: noEntry, state: implied, kind: Dir})
	m.t.nodes.at(root).local = 0
	m.linkSteps = 0
	m.whiteouts, m.opaques, m.links, m.parent = m.whiteouts[:0], m.opaques[:0], map[uint32]uint32{}, place{}
	m.folder.ok, m.deep = false, nil
	if table.global {
		m.warn(PAXGlobalHeader, "")
	}
}

// entries reads the layer's entries. With an error, it read those before the error.
func (m *merger) entries() error {
	if m.table.settled != nil {
		m.settled()
		return nil
	}
	for _, i := range m.only {
		if err := m.entry(i); err != nil {
			return err
		}
	}
	if m.only != nil {
		return nil
	}
	for i := range m.table.entries.n {
		if err := m.entry(i); err != nil {
			return err
		}
	}
	return nil
}

// of returns the local of a node; false if the current layer has not named it.
func (m *merger) of(id uint32) (uint32, bool) {
	i := m.t.nodes.at(id).local
	return i, i < m.locals.n && m.locals.at(i).node == id
}

// at returns the local of a child, and makes one if there is none.
func (m *merger) at(parent uint32, name ref) uint32 {
	id := m.t.intern(m.locals.at(parent).node, name)
	i, ok := m.of(id)
	if !ok {
		i = m.locals.add(local{node: id, parent: parent, entry: noEntry})
		m.t.nodes.at(id).local = i
	}
	if l := m.locals.at(i); l.state&inList == 0 {
		l.state |= inList
		l.next = m.locals.at(parent).first
		m.locals.at(parent).first = i
	}
	return i
}

// place is a directory of the layer's own tree, found by the name of an entry.
type place struct {
	ok   bool
	dir  uint32 // the directory part of the name
	at   uint32 // local
	link bool   // a symlink was followed
}

var errLoop = fmt.Errorf("%w: the path of its parent has more than %d symlinks of this layer", ErrLoop, maxLinks)

// step is a component of a path resolved in the layer's own tree.
type step struct {
	name  ref
	local uint32
	found bool
}

// deepDir is the number of components of a directory from which on it counts how often it is looked for.
const deepDir = 64

// errNotDir says that a component is neither a directory nor a symlink.
var errNotDir = errors.New("not a directory")

// resolve follows components through the symlinks of this layer, never above the root. It makes nothing. If the error
// is errNotDir, the steps are the path that was meant.
func (m *merger) resolve(parts []ref) (steps []step, links int, err error) {
	steps, m.todo = m.steps[:0], m.todo[:0]
	defer func() { m.steps = steps[:0] }()
	if len(parts) > deepDir {
		m.linkSteps += len(parts)
		if err := over("link-steps", int64(m.linkSteps), int64(m.table.lim.LinkSteps)); err != nil {
			return steps, links, err
		}
	}
	for i := len(parts) - 1; i >= 0; i-- {
		m.todo = append(m.todo, parts[i])
	}
	for len(m.todo) > 0 {
		name := m.todo[len(m.todo)-1]
		m.todo = m.todo[:len(m.todo)-1]
		switch b := m.t.text(name); {
		case len(b) == 0 || string(b) == ".":
			continue
		case string(b) == "..":
			steps = steps[:max(len(steps)-1, 0)]
			continue
		}
		if err != nil { // only the path that was meant is still wanted
			steps = append(steps, step{name: name})
			continue
		}
		s := m.step(steps, name)
		l := m.locals.at(s.local)
		if !s.found || l.kind == Dir || l.state&(listed|implied) == 0 {
			steps = append(steps, s)
			continue
		}
		if l.kind != Symlink {
			if err = errNotDir; l.kind == Hardlink {
				m.alone.odd = true
			}
			steps = append(steps, s)
			continue
		}
		if links++; links > maxLinks {
			return steps, links, errLoop
		}
		before := len(m.todo)
		steps = m.follow(s.local, steps)
		m.linkSteps += len(m.todo) - before
		if err := over("link-steps", int64(m.linkSteps), int64(m.table.lim.LinkSteps)); err != nil {
			return steps, links, err
		}
	}
	if links > 0 && err == nil {
		m.linkSteps += len(parts) // nobody remembers where such a path leads
		err = m.bounded(steps)
	}
	return steps, links, err
}

// bounded checks a path that symlinks led to against the limits of a path.
func (m *merger) bounded(steps []step) error {
	size := 0
	for _, s := range steps {
		size += 1 + int(s.name.len)
	}
	lim := &m.table.lim
	return cmp.Or(over("components", int64(len(steps)), int64(lim.Components)), over("path", int64(size), int64(lim.Path)))
}

// step finds the local of a name after the steps so far.
func (m *merger) step(steps []step, name ref) step {
	dir := step{found: true} // the root
	if len(steps) > 0 {
		dir = steps[len(steps)-1]
	}
	if dir.found {
		if id := m.t.child(m.locals.at(dir.local).node, m.t.text(name)); id != 0 {
			if i, ok := m.of(id); ok {
				return step{name, i, true}
			}
		}
	}
	return step{name: name}
}

// follow puts the target of a symlink before the components that are left.
func (m *merger) follow(at uint32, steps []step) []step {
	layer, entry := m.layer, m.locals.at(at).entry
	if g := m.links[at]; g != 0 {
		layer, entry = int(m.t.groups[g].contentLayer), m.t.groups[g].content
	}
	e := m.t.layers[layer].entries.at(entry)
	target := ref{e.link, e.linkLen, uint16(layer)}
	b := m.t.text(target)
	if len(b) > 0 && b[0] == '/' {
		steps = steps[:0]
	}
	for len(b) > 0 {
		from := bytes.LastIndexByte(b, '/') + 1
		m.todo = append(m.todo, ref{target.off + uint32(from), uint16(len(b) - from), target.layer})
		b = b[:max(from-1, 0)]
	}
	return steps
}

// make creates the missing directories of steps and returns the local of the last one.
func (m *merger) make(steps []step) (uint32, error) {
	at := uint32(0)
	for _, s := range steps {
		if s.found && m.locals.at(s.local).state&(listed|implied) != 0 {
			at = s.local
			continue
		}
		at = m.at(at, s.name)
		if l := m.locals.at(at); l.state&(listed|implied) == 0 {
			l.state |= implied
			l.kind = Dir
			m.implied++
		}
	}
	return at, over("implied", int64(m.implied), int64(m.table.lim.Implied))
}

// meant returns the path made of steps and a last component.
func (m *merger) meant(steps []step, base ref) string {
	parts := make([]ref, 0, len(steps)+1)
	for _, s := range steps {
		parts = append(parts, s.name)
	}
	return m.join(append(parts, base))
}

// path returns the path of a local.
func (m *merger) path(at uint32) string { return Node{m.t, m.locals.at(at).node}.Path() }
