package analyze

import (
	"maps"
	"slices"

	"layup/analyze/space"
	"layup/analyze/unified"
)

// The statuses of a layer, besides Added and Removed.
const (
	Shared  = "shared"
	Moved   = "moved"   // in both, in another order
	Rebuilt = "rebuilt" // the same instruction made another layer
	Unknown = "unknown" // nothing says which layer it is: only paths are compared
)

// A LayerMatch is a layer of both images or of one.
type LayerMatch struct {
	Status string // Shared, Moved, Rebuilt, Added, Removed, Unknown
	DiffID string // of A if only A has the layer; empty if Status is Unknown
	A, B   int    // its index on each side; tarfs.NoLayer if a side does not have it
}

// matchLayers aligns the layers by their diffIDs and finds the ones with certainly equal bytes.
func (c *Comparison) matchLayers() {
	ids := map[string]int{}
	var lists [2][]int
	for side, s := range []Side{c.A, c.B} {
		c.same[side] = make([]int, len(s.Image.Layers))
		for i := range s.Upto + 1 {
			id := s.Image.scans[i].DiffID
			if ids[id] == 0 {
				ids[id] = len(ids) + 1
			}
			lists[side] = append(lists[side], ids[id])
			// The entries of an assembled layer have another order, and no digest proves them.
			if id != "" && !s.Image.damaged[i] && !s.Image.Layers[i].Assembled() {
				c.same[side][i] = ids[id]
			}
		}
		if c.stages { // each layer is equal to itself, with or without a diffID
			for i := range c.same[side] {
				c.same[side][i] = i + 1
			}
			lists[side] = c.same[side][:s.Upto+1]
		}
	}
	a, b := 0, 0
	for _, m := range unified.Align(lists[0], lists[1]) {
		c.unaligned(&a, m.A, &b, m.B)
		for range m.Len {
			c.match(Shared, a, b)
			a, b = a+1, b+1
		}
	}
	c.unaligned(&a, len(lists[0]), &b, len(lists[1]))
	c.pairMoved()
	c.pairRebuilt()
}

// unaligned adds the layers that only one side has at its position.
func (c *Comparison) unaligned(a *int, toA int, b *int, toB int) {
	for ; *a < toA; *a++ {
		c.match(Removed, *a, -1)
	}
	for ; *b < toB; *b++ {
		c.match(Added, -1, *b)
	}
}

func (c *Comparison) match(status string, a, b int) {
	m := LayerMatch{Status: status, A: a, B: b}
	if a >= 0 {
		m.DiffID = c.A.Image.scans[a].DiffID
	} else {
		m.DiffID = c.B.Image.scans[b].DiffID
	}
	if m.DiffID == "" && !c.stages {
		m.Status = Unknown
	}
	c.Layers = append(c.Layers, m)
}

// pairMoved turns a layer that was removed and added into one that moved.
func (c *Comparison) pairMoved() {
	added := map[string][]int{} // places in c.Layers by diffID
	for i, m := range c.Layers {
		if m.Status == Added {
			added[m.DiffID] = append(added[m.DiffID], i)
		}
	}
	for i := range c.Layers {
		m := &c.Layers[i]
		if list := added[m.DiffID]; m.Status == Removed && len(list) > 0 {
			to := &c.Layers[list[0]]
			to.Status, to.A = Moved, m.A
			added[m.DiffID], m.Status = list[1:], ""
		}
	}
	c.Layers = slices.DeleteFunc(c.Layers, func(m LayerMatch) bool { return m.Status == "" })
}

// pairRebuilt turns a layer that was removed, and the next one that the same instruction added before the following
// shared layer, into one that was built again.
func (c *Comparison) pairRebuilt() {
	instruction := func(side Side, layer int) string { return side.Image.Instruction(layer).Short() }
	for from := 0; from < len(c.Layers); {
		to := from
		for to < len(c.Layers) && c.Layers[to].Status != Shared {
			to++
		}
		var old []*LayerMatch // removed and not paired
		for i := from; i < to; i++ {
			m := &c.Layers[i]
			if m.Status == Removed {
				old = append(old, m)
			}
			if m.Status != Added || instruction(c.B, m.B) == "" {
				continue
			}
			k := slices.IndexFunc(old, func(a *LayerMatch) bool { return instruction(c.A, a.A) == instruction(c.B, m.B) })
			if k >= 0 {
				m.Status, m.A, old[k].Status = Rebuilt, old[k].A, ""
				old = old[k+1:] // the order of the stack stays
			}
		}
		from = to + 1
	}
	c.Layers = slices.DeleteFunc(c.Layers, func(m LayerMatch) bool { return m.Status == "" })
}

// A Growth says how many bytes two images hold.
type Growth struct {
	Stored, Live [2]int64   // of A and B, as in Account
	Layers       [2][]int64 // stored by each layer
	Directories  []Grown    // at the top of the tree, if their live bytes differ, by path
}

// Grown is a directory with its live bytes in A and B.
type Grown struct {
	Path  string
	Bytes [2]int64
}

// Growth adds up both images.
func (c *Comparison) Growth() Growth {
	var g Growth
	tops := map[string][2]int64{}
	for side, s := range []Side{c.A, c.B} {
		g.Layers[side] = make([]int64, len(s.Image.Layers))
		for i, one := range s.Image.scans {
			g.Layers[side][i] = one.Table.Stored()
			g.Stored[side] += g.Layers[side][i]
		}
		for path, bytes := range space.Tops(s.Image.Tree(), s.View()) {
			both := tops[path]
			both[side] = bytes
			tops[path] = both
		}
	}
	g.Live = tops["/"]
	delete(tops, "/")
	for _, path := range slices.Sorted(maps.Keys(tops)) {
		if both := tops[path]; both[0] != both[1] {
			g.Directories = append(g.Directories, Grown{path, both})
		}
	}
	return g
}

// SameLayers reports whether the stacks of layers are equal, except for what is ignored.
func (c *Comparison) SameLayers() bool {
	for _, m := range c.Layers {
		switch {
		case c.stages, c.ignore&LayerStack != 0:
		case m.Status == Added, m.Status == Removed, m.Status == Rebuilt, m.Status == Moved && c.ignore&Order == 0:
			return false
		}
	}
	return true
}
