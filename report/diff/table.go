package diff

import (
	"bytes"
	"cmp"
	"context"
	"fmt"
	"io"
	"iter"
	"slices"
	"strings"

	"layup/analyze"
	"layup/analyze/digest"
	"layup/analyze/show"
	"layup/report/render"
	"layup/tarfs"
)

// tables are what a person reads: facts, layers, configuration, directories, paths. There is none if only times differ.
func (a *diffAnswer) tables(ctx context.Context) (list []render.List) {
	if a.onlyTimes() {
		return nil
	}
	if !a.stages() {
		for _, one := range []table{a.factsTable(), a.layersTable(), a.configTable(), a.directoriesTable()} {
			list = append(list, render.List{Rows: slices.Values(one.rows), Columns: one.columns})
		}
	}
	paths := a.pathsTable(ctx)
	return append(list, render.List{Rows: paths.Rows, Columns: paths.Columns})
}

// show gives the section what a person reads; nothing if the images are equal. Changed content follows the tables.
func (a *diffAnswer) show(ctx context.Context, s *render.Section) {
	if a.equal() {
		s.Text = func(io.Writer, render.Terminal) error { return nil }
		return
	}
	s.Tables = a.tables(ctx)
	if !a.asked.content || a.asked.stat {
		s.Footer = a.summary()
		return
	}
	facts := render.Section{Tables: s.Tables[:len(s.Tables)-1]}
	s.Text = func(w io.Writer, t render.Terminal) error {
		var drawn bytes.Buffer
		if err := (render.Format{}).Write(&drawn, render.Doc{Sections: []render.Section{facts}}, t); err != nil {
			return err
		}
		if drawn.Len() > 0 {
			drawn.WriteByte('\n')
		}
		if _, err := w.Write(drawn.Bytes()); err != nil {
			return err
		}
		return a.drawContent(ctx, w, t)
	}
}

// A table has few rows, and is left out if it has none.
type table struct {
	rows    [][]render.Value
	columns []render.Column
}

// texts are the columns of a table of texts; the last ones may be cut.
func texts(cut int, titles ...string) []render.Column {
	columns := make([]render.Column, len(titles))
	for i, title := range titles {
		columns[i] = render.Column{Title: title, Cut: i >= len(titles)-cut,
			Cell: func(row []render.Value) string { return row[i].String() }}
	}
	return columns
}

func textRow(cells ...string) []render.Value {
	row := make([]render.Value, len(cells))
	for i, c := range cells {
		row[i] = render.T(c)
	}
	return row
}

func (a *diffAnswer) factsTable() table {
	var rows [][]render.Value
	for _, f := range a.facts() {
		if f.name == "image ID" {
			f.a, f.b = digest.Short(f.a), digest.Short(f.b)
		}
		rows = append(rows, textRow(f.name, cmp.Or(f.a, "-"), cmp.Or(f.b, "-")))
	}
	return table{rows, texts(2, "IMAGE", "A", "B")}
}

// layersTable lists the layers that are not shared.
func (a *diffAnswer) layersTable() table {
	var rows [][]render.Value
	for _, m := range a.Layers {
		if m.Status == analyze.Shared || a.ignores(analyze.LayerStack) || m.Status == analyze.Moved &&
			a.ignores(analyze.Order) {
			continue
		}
		img, layer := a.B.Image, m.B
		if layer < 0 {
			img, layer = a.A.Image, m.A
		}
		stored := [2]int64{a.stored(0, m.A), a.stored(1, m.B)}
		size := sizes(stored[0], stored[1])
		if m.Status == analyze.Rebuilt {
			size = fmt.Sprintf("%s (%s)", show.Size(stored[1]), grown(stored))
		}
		rows = append(rows, textRow(m.Status, index(m.A), index(m.B), size, m.DiffID,
			img.Instruction(layer).Short()))
	}
	columns := texts(1, "LAYERS", "A", "B", "STORED", "DIFFID", "INSTRUCTION")
	columns[1].Right, columns[2].Right, columns[3].Right, columns[4].Spare = true, true, true, true
	columns[4].Hex, columns[0].Tone = true, render.ToneOf
	return table{rows, columns}
}

// stored is how many bytes a layer of a side stores; -1 if there is none.
func (a *diffAnswer) stored(side, layer int) int64 {
	if layer < 0 || a.stages() {
		return -1
	}
	return a.growth.Layers[side][layer]
}

// mostDirectories is how many directories the table of what grew lists.
const mostDirectories = 10

// directoriesTable lists the directories at the top that grew or shrank most.
func (a *diffAnswer) directoriesTable() table {
	list := slices.Clone(a.growth.Directories)
	by := func(g analyze.Grown) int64 { return max(g.Bytes[1]-g.Bytes[0], g.Bytes[0]-g.Bytes[1]) }
	slices.SortStableFunc(list, func(x, y analyze.Grown) int { return cmp.Compare(by(y), by(x)) })
	var rows [][]render.Value
	for _, g := range list[:min(len(list), mostDirectories)] {
		rows = append(rows, textRow(grown(g.Bytes), show.Size(g.Bytes[0]), show.Size(g.Bytes[1]), g.Path))
	}
	columns := texts(1, "GREW", "A", "B", "DIRECTORY")
	columns[0].Right, columns[1].Right, columns[2].Right = true, true, true
	return table{rows, columns}
}

// grown is by how many bytes a sum grew, with its sign.
func grown(bytes [2]int64) string { return fmt.Sprintf("%+d", bytes[1]-bytes[0]) }

func (a *diffAnswer) ignores(aspect analyze.Aspect) bool { return a.asked.aspects&aspect != 0 }

func index(layer int) string {
	if layer < 0 {
		return "-"
	}
	return fmt.Sprint(layer)
}

func (a *diffAnswer) configTable() table {
	var rows [][]render.Value
	for _, c := range a.Config {
		rows = append(rows, textRow(strings.TrimSpace(c.Field+" "+c.Name), c.Change, shownValue(c.A), shownValue(c.B)))
	}
	columns := texts(2, "CONFIG", "CHANGE", "A", "B")
	columns[1].Tone = render.ToneOf
	return table{rows, columns}
}

// shownValue is a value of the configuration as a person reads it: lists and objects as JSON.
func shownValue(v any) string {
	if s, ok := v.(string); ok {
		return s
	}
	if v == nil {
		return "-"
	}
	return render.O(v).String()
}

// pathsTable lists the paths, or counts them.
func (a *diffAnswer) pathsTable(ctx context.Context) render.Section {
	switch {
	case a.asked.stat && a.asked.byLayer:
		return layerCountsTable.Section(a.layerCounts())
	case a.asked.stat:
		return countsTable.Section(a.counts())
	}
	columns := texts(2, "LAYER", "CHANGE", "WHAT", "SIZE", "PATH", "A", "B")
	columns[3].Right, columns[3].Spare = true, true
	columns[4].Cut, columns[4].Path = true, true
	columns[1].Tone = render.ToneOf
	if !a.asked.byLayer {
		columns = columns[1:]
	}
	return render.Section{Rows: a.pathRows(ctx), Columns: columns}
}

// pathRows are the rows of the table of paths.
func (a *diffAnswer) pathRows(ctx context.Context) iter.Seq[[]render.Value] {
	return func(yield func([]render.Value) bool) {
		row := make([]render.Value, 7)
		for d := range a.differences() {
			if d.OnlyTime() && a.folded() {
				continue
			}
			side, layer := a.put(d)
			row[0] = render.T(strings.ToUpper(side) + " " + index(layer))
			change := d.Change
			if a.asked.container {
				change = letters[change]
			}
			row[1], row[2], row[3], row[4] = render.T(change), render.T(whatOf(d)), render.T(sizeOf(d)), render.T(pathOf(d))
			row[5], row[6] = render.T(a.owned(a.A, d.A, d.InA)), render.T(a.ownedB(d))
			if ctx.Err() != nil || !yield(row) {
				return
			}
		}
	}
}

// whatOf says what changed; of a path that is on one side only, what it is.
func whatOf(d analyze.Difference) string {
	switch {
	case d.What != 0:
		return strings.Join(d.What.Names(), ",")
	case d.Change == analyze.Changed: // a directory, for what changed in it
		return "-"
	case d.InB:
		return d.B.Type().String()
	}
	return d.A.Type().String()
}

func sizeOf(d analyze.Difference) string {
	a, b := d.InA && d.A.Type() == tarfs.File, d.InB && d.B.Type() == tarfs.File
	switch {
	case a && b:
		return sizes(d.A.Size(), d.B.Size())
	case a:
		return show.Size(d.A.Size())
	case b:
		return show.Size(d.B.Size())
	}
	return "-"
}

// pathOf shows the path, and where a symlink points, on both sides if that changed.
func pathOf(d analyze.Difference) string {
	var to []string
	for i, v := range []tarfs.Version{d.A, d.B} {
		if there := [...]bool{d.InA, d.InB}[i]; there && v.Type() == tarfs.Symlink {
			to = append(to, v.Link())
		}
	}
	path := d.Path()
	if len(to) == 0 {
		return path
	}
	if d.What&analyze.Link == 0 {
		to = to[:1]
	}
	if show.Safe(path) == path { // so that a name stays plain beside an odd target
		for i := range to {
			to[i] = show.Safe(to[i])
		}
	}
	return path + " -> " + strings.Join(to, " => ")
}

// owned names the layer that owns a path on one side, with its instruction.
func (a *diffAnswer) owned(s analyze.Side, v tarfs.Version, there bool) string {
	if !there || v.Layer() < 0 {
		return "-"
	}
	return layerText(s.Image, v.Layer())
}

func layerText(img *analyze.Image, layer int) string {
	return strings.TrimSpace(fmt.Sprint(layer) + " " + img.Instruction(layer).Short())
}

// ownedB is owned for B, which may have deleted the path.
func (a *diffAnswer) ownedB(d analyze.Difference) string {
	if by := a.DeletedBy(d); by != tarfs.NoLayer {
		return "deleted by " + layerText(a.B.Image, by)
	}
	return a.owned(a.B, d.B, d.InB)
}
