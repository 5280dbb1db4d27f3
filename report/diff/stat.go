package diff

import (
	"fmt"
	"slices"
	"strings"

	"layup/analyze"
	"layup/analyze/show"
	"layup/report/item"
	"layup/report/render"
)

// A count is the number of paths of one kind of change, and their bytes on each side; -1 if a side does not count.
type count struct {
	change, what string
	paths        int
	a, b         int64
}

var countsTable = render.Table[count]{
	render.TextOf("change", func(c count) string { return c.change }),
	render.Cell("CHANGE", func(c count) string { return strings.TrimSpace(c.change + " " + c.what) }),
	render.TextOf("what", func(c count) string { return c.what }),
	render.IntOf("paths", func(c count) int { return c.paths }).Column("PATHS"),
	render.IntOf("sizeA", func(c count) int64 { return c.a }),
	render.IntOf("sizeB", func(c count) int64 { return c.b }),
	render.Cell("BYTES", func(c count) string { return sizes(c.a, c.b) }).Right(),
}

// counts counts the paths by change, then those changed by what changed.
func (a *diffAnswer) counts() []count {
	s := a.stat
	list := []count{
		{change: analyze.Added, paths: s.Added, a: -1, b: s.BytesAdded},
		{change: analyze.Removed, paths: s.Removed, a: s.BytesRemoved, b: -1},
		{change: analyze.Changed, paths: s.Changed, a: s.BytesBefore, b: s.BytesAfter},
	}
	for _, name := range analyze.AspectNames() {
		aspect, _ := analyze.AspectNamed(name)
		n := 0
		for bit, times := range s.By {
			if aspect&bit != 0 {
				n += times // an item has one of the two times
			}
		}
		if n > 0 {
			list = append(list, count{change: analyze.Changed, what: name, paths: n, a: -1, b: -1})
		}
	}
	return list
}

// A layerCount counts the differences that come from one layer of a side.
type layerCount struct {
	side           string
	layer          int // -1 is the empty tree below all layers
	status, diffID string
	*analyze.DiffStat
	instruction analyze.Instruction
}

var layerCountsTable = slices.Concat(render.Table[layerCount]{
	render.TextOf("side", func(c layerCount) string { return c.side }),
	render.Cell("LAYER", func(c layerCount) string { return strings.ToUpper(c.side) + " " + index(c.layer) }),
	render.Of("layer", render.Int, func(c layerCount) render.Value { return render.I(int64(c.layer)) }),
	render.TextOf("status", func(c layerCount) string { return c.status }).Column("STATUS").Spare(),
	render.IntOf("added", func(c layerCount) int { return c.Added }),
	render.IntOf("removed", func(c layerCount) int { return c.Removed }),
	render.IntOf("changed", func(c layerCount) int { return c.Changed }),
	render.Cell("PATHS", func(c layerCount) string { return fmt.Sprintf("+%d ~%d -%d", c.Added, c.Changed, c.Removed) }),
	render.IntOf("sizeA", layerCount.before),
	render.IntOf("sizeB", layerCount.after),
	render.Cell("BYTES", func(c layerCount) string { return sizes(c.before(), c.after()) }).Right(),
	render.TextOf("diffID", func(c layerCount) string { return c.diffID }),
}, item.InstructionMembers(func(c layerCount) analyze.Instruction { return c.instruction }), render.Table[layerCount]{
	render.Cell("INSTRUCTION", func(c layerCount) string { return c.instruction.Short() }).Cut(),
})

func (c layerCount) before() int64 { return c.BytesRemoved + c.BytesBefore }
func (c layerCount) after() int64  { return c.BytesAdded + c.BytesAfter }

// layerCounts counts the paths by their layer, B's layers first. Layers without any are left out.
func (a *diffAnswer) layerCounts() (list []layerCount) {
	stats := map[string]map[int]*analyze.DiffStat{"a": {}, "b": {}}
	for d := range a.Paths() {
		side, layer := a.put(d)
		if stats[side][layer] == nil {
			stats[side][layer] = &analyze.DiffStat{}
		}
		stats[side][layer].Count(d)
	}
	for _, of := range []struct {
		side string
		analyze.Side
	}{{"b", a.B}, {"a", a.A}} {
		for layer := -1; layer <= of.Upto; layer++ {
			if stat := stats[of.side][layer]; stat != nil {
				c := layerCount{side: of.side, layer: layer, DiffStat: stat, instruction: of.Image.Instruction(layer)}
				c.status, c.diffID = a.statusOf(of.side, layer)
				list = append(list, c)
			}
		}
	}
	return list
}

// statusOf is what became of a layer of one side, and its diffID.
func (a *diffAnswer) statusOf(side string, layer int) (status, diffID string) {
	for _, m := range a.Layers {
		if layer >= 0 && (side == "a" && m.A == layer || side == "b" && m.B == layer) {
			status, diffID = m.Status, m.DiffID
		}
	}
	return status, diffID
}

// sizes are the bytes on both sides, or on the one that is not negative.
func sizes(a, b int64) string {
	switch {
	case a < 0 && b < 0:
		return ""
	case max(a, b) == 0:
		return "0B"
	case a < 0:
		return "+" + show.Size(b)
	case b < 0:
		return "-" + show.Size(a)
	case a == b:
		return show.Size(a)
	}
	return show.Size(a) + " -> " + show.Size(b)
}
