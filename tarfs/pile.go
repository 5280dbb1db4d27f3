package tarfs

import (
	"errors"
	"iter"
	"math"
)

// A Pile is a stack of merged layers that grows and shrinks at its top. Images that share their lower layers are merged
// with it one after another, and each layer is merged once.
type Pile struct {
	m      *merger
	frames []frame
}

// A frame is what a Pile needs to take a layer off again.
type frame struct {
	nodes, records            uint32
	groups, replaced, implied int
	changes                   changes
	warned                    warnings // see warnings.mark
}

// changes are nodes and records of lower layers as they were before a layer changed them. The same one may come again.
type changes struct {
	end     uint32 // of the nodes of lower layers
	nodes   []changedNode
	records []changedRecord
}

type changedNode struct {
	id  uint32
	was node
}

type changedRecord struct {
	id  uint32
	was record
}

// NewPile returns a pile without layers.
func NewPile(view View) *Pile { return &Pile{m: &merger{t: newTree(nil, view), log: new(changes)}} }

// Depth returns the number of layers.
func (p *Pile) Depth() int { return len(p.frames) }

// Tree returns what is merged now, as [Merge] would. It and all its versions are valid until Push or Pop.
func (p *Pile) Tree() *Tree { return p.m.t }

// Push merges one more layer. With an error, only the entries before the error are merged.
func (p *Pile) Push(l *Layer) error {
	t := p.m.t
	f := frame{nodes: t.nodes.n, records: t.records.n, groups: len(t.groups), replaced: len(t.replaced),
		implied: p.m.implied, warned: t.warned.mark()}
	p.makeRoom(2 * (int(t.nodes.n) + l.Len()))
	size := len(t.index)
	p.m.log = &changes{end: f.nodes}
	t.layers = append(t.layers, l)
	var err error
	if len(t.layers) > math.MaxUint16 {
		err = errors.New("too many layers")
	} else {
		err = p.m.merge(len(t.layers)-1, l)
	}
	f.changes = *p.m.log
	p.frames = append(p.frames, f)
	if len(t.index) != size {
		t.reindex()
	}
	p.again()
	return err
}

// makeRoom gives the index at least so many places, so that it rarely grows while a layer is merged.
func (p *Pile) makeRoom(places int) {
	t := p.m.t
	size := len(t.index)
	for size < places {
		size *= 2
	}
	if size > len(t.index) {
		t.index = make([]uint64, size)
		t.reindex()
	}
}

// Pop takes the top layer off.
func (p *Pile) Pop() {
	t := p.m.t
	f := p.frames[len(p.frames)-1]
	p.frames = p.frames[:len(p.frames)-1]
	if len(t.index) < 8*int(t.nodes.n-f.nodes) && len(p.frames) == 0 {
		clear(t.index)
	} else {
		t.forget(f.nodes)
	}
	for i := range f.changes.nodes {
		c := &f.changes.nodes[len(f.changes.nodes)-1-i]
		*t.nodes.at(c.id) = c.was
	}
	for i := range f.changes.records {
		c := &f.changes.records[len(f.changes.records)-1-i]
		*t.records.at(c.id) = c.was
	}
	t.nodes.cut(f.nodes)
	t.records.cut(f.records)
	t.groups, t.replaced, p.m.implied = t.groups[:f.groups], t.replaced[:f.replaced], f.implied
	t.layers = t.layers[:len(t.layers)-1]
	t.warned.restore(f.warned)
	p.again()
}

// again lets the tree find anew what it finds once.
func (p *Pile) again() {
	p.m.t.once = new(once)
	p.m.t.unclaimed.reset()
}

// Added yields the versions that the top layer wrote. A directory that it lists again is one of them; the version that
// it stands for is [Version.Older].
func (p *Pile) Added() iter.Seq[Version] {
	return func(yield func(Version) bool) {
		t := p.m.t
		for r := p.frames[len(p.frames)-1].records; r < t.records.n; r++ {
			if !yield(Version{t, r}) {
				return
			}
		}
	}
}

// Hidden yields the versions of lower layers that the top layer hid.
func (p *Pile) Hidden() iter.Seq[Version] {
	return func(yield func(Version) bool) {
		for _, c := range p.frames[len(p.frames)-1].changes.records {
			if !yield(Version{p.m.t, c.id}) {
				return
			}
		}
	}
}

// forget takes the nodes from one number on out of the index, the newest first: each leaves the place that was free
// before it came.
func (t *Tree) forget(from uint32) {
	for id := t.nodes.n - 1; id >= from; id-- {
		i, _ := t.slot(t.nodes.at(id).parent, t.nameOf(id))
		t.index[i] = 0
	}
}

// reindex builds the index anew, with the nodes in the order in which they came. Forget needs that order.
func (t *Tree) reindex() {
	clear(t.index)
	for id := uint32(1); id < t.nodes.n; id++ {
		i, half := t.slot(t.nodes.at(id).parent, t.nameOf(id))
		t.index[i] = half<<32 | uint64(id)
	}
}

// node returns a node to change.
func (m *merger) node(id uint32) *node {
	n := m.t.nodes.at(id)
	if log := m.log; log != nil && id < log.end {
		if last := len(log.nodes) - 1; last < 0 || log.nodes[last].id != id {
			log.nodes = append(log.nodes, changedNode{id, *n})
		}
	}
	return n
}

// conceal notes that the layer hides a record.
func (m *merger) conceal(id uint32, how How) {
	r := m.t.records.at(id)
	if m.log != nil {
		m.log.records = append(m.log.records, changedRecord{id, *r})
	}
	r.hiddenBy, r.how = uint16(m.layer)+1, how
}
