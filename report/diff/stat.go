package diff

import (
	"fmt"
	"iter"
	"slices"

	"layup/analyze"
	"layup/analyze/show"
	"layup/report/item"
	"layup/report/render"
)

var (
	statFields = []render.Field{{Name: "change"}, {Name: "what"}, {Name: "paths", Kind: render.Int}, {Name: "sizeA", Kind: render.Int}, {Name: "sizeB", Kind: render.Int}}
	// layerStatFields count what is put down to one layer.
	layerStatFields = slices.Concat([]render.Field{{Name: "side"}, {Name: "layer", Kind: render.Int}, {Name: "status"}, {Name: "added", Kind: render.Int}, {Name: "removed", Kind: render.Int},
		{Name: "changed", Kind: render.Int}, {Name: "sizeA", Kind: render.Int}, {Name: "sizeB", Kind: render.Int}, {Name: "diffID"}}, item.InstructionFields)
)

// statRows count the paths by change, then those changed by what changed.
func (a *diffAnswer) statRows() iter.Seq[[]render.Value] {
	s := a.stat
	count := func(change string, n int, before, after render.Value) []render.Value {
		return []render.Value{render.T(change), {}, render.I(int64(n)), before, after}
	}
	rows := [][]render.Value{
		count(analyze.Added, s.Added, render.Value{}, render.I(s.BytesAdded)),
		count(analyze.Removed, s.Removed, render.I(s.BytesRemoved), render.Value{}),
		count(analyze.Changed, s.Changed, render.I(s.BytesBefore), render.I(s.BytesAfter)),
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
			rows = append(rows, []render.Value{render.T(analyze.Changed), render.T(name), render.I(int64(n)), {}, {}})
		}
	}
	return slices.Values(rows)
}

// layerStatRows count the paths by the layer that they are put down to, B's layers first; layers without any are left out.
func (a *diffAnswer) layerStatRows() iter.Seq[[]render.Value] {
	stats := [2]map[int]*analyze.DiffStat{{}, {}}
	for d := range a.Paths() {
		side, layer := a.put(d)
		of := stats[1]
		if side == "a" {
			of = stats[0]
		}
		if of[layer] == nil {
			of[layer] = &analyze.DiffStat{}
		}
		of[layer].Count(d)
	}
	var rows [][]render.Value
	for _, i := range []int{1, 0} {
		s := [...]analyze.Side{a.A, a.B}[i]
		for layer := -1; layer <= s.Upto; layer++ {
			if stat := stats[i][layer]; stat != nil {
				rows = append(rows, a.layerStatRow([...]string{"a", "b"}[i], s.Image, layer, stat))
			}
		}
	}
	return slices.Values(rows)
}

func (a *diffAnswer) layerStatRow(side string, img *analyze.Image, layer int, s *analyze.DiffStat) []render.Value {
	status, diffID := "", ""
	for _, m := range a.Layers {
		if layer >= 0 && (side == "a" && m.A == layer || side == "b" && m.B == layer) {
			status, diffID = m.Status, m.DiffID
		}
	}
	row := []render.Value{render.T(side), render.I(int64(layer)), render.Known(status), render.I(int64(s.Added)), render.I(int64(s.Removed)), render.I(int64(s.Changed)),
		render.I(s.BytesRemoved + s.BytesBefore), render.I(s.BytesAdded + s.BytesAfter), render.Known(diffID)}
	return item.AppendInstruction(row, img.Instruction(layer))
}

func statColumns() []render.Column {
	f := statFields
	change, what := item.At(f, "change"), item.At(f, "what")
	return []render.Column{
		{Title: "CHANGE", Cell: func(row []render.Value) string {
			if row[what].Absent() {
				return row[change].String()
			}
			return row[change].String() + " " + row[what].String()
		}},
		{Title: "PATHS", Right: true, Cell: item.Text(f, "", "paths").Cell},
		sizesColumn(f),
	}
}

// sizesColumn shows the bytes on both sides.
func sizesColumn(f []render.Field) render.Column {
	a, b := item.At(f, "sizeA"), item.At(f, "sizeB")
	return render.Column{Title: "BYTES", Right: true, Cell: func(row []render.Value) string {
		switch {
		case row[a].Absent() && row[b].Absent():
			return ""
		case row[a].Absent():
			return "+" + show.Size(row[b].Int())
		case row[b].Absent():
			return "-" + show.Size(row[a].Int())
		}
		return sizes(row[a].Int(), row[b].Int())
	}}
}

func sizes(a, b int64) string {
	if a == b {
		return show.Size(a)
	}
	return show.Size(a) + " -> " + show.Size(b)
}

func layerStatColumns() []render.Column {
	f := layerStatFields
	added, removed, changed := item.At(f, "added"), item.At(f, "removed"), item.At(f, "changed")
	return []render.Column{
		sideLayerColumn(f),
		item.Spare(item.Text(f, "STATUS", "status")),
		{Title: "PATHS", Cell: func(row []render.Value) string {
			return fmt.Sprintf("+%d ~%d -%d", row[added].Int(), row[changed].Int(), row[removed].Int())
		}},
		sizesColumn(f),
		item.InstructionColumn(f),
	}
}

// sideLayerColumn shows a layer of A or B.
func sideLayerColumn(f []render.Field) render.Column {
	side := item.At(f, "side")
	layer := item.LayerColumn(f, "LAYER", "layer")
	return render.Column{Title: "LAYER", Cell: func(row []render.Value) string {
		if row[side].String() == "a" {
			return "A " + layer.Cell(row)
		}
		return "B " + layer.Cell(row)
	}}
}
