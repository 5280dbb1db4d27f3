package diff

import (
	"cmp"
	"context"
	"fmt"
	"iter"
	"slices"
	"time"

	"layup/analyze"
	"layup/analyze/digest"
	"layup/report/call"
	"layup/report/item"
	"layup/report/render"
	"layup/tarfs"
)

// The fields of an item of diff, and of the entry on each of its sides.
var (
	diffFields = slices.Concat(item.PathField, []render.Field{{Name: "change"}, {Name: "what", Kind: render.Object},
		{Name: "deletedBy", Kind: render.Int}, {Name: "a", Kind: render.Object}, {Name: "b", Kind: render.Object}})
	sideEntryFields = slices.Concat(item.MetaFields, item.LayerField, item.EntryFields)
	textFields      = []render.Field{{Name: "diff", Kind: render.Name}, {Name: "noDiff"}}
	byLayerFields   = slices.Concat([]render.Field{{Name: "side"}, {Name: "layer", Kind: render.Int}}, diffFields)
)

// section is the answer as every format has it.
func (a *diffAnswer) section(ctx context.Context) render.Section {
	s := render.Section{Extra: a.extra(), Fields: diffFields, Rows: a.rows(ctx)}
	switch {
	case a.asked.stat && a.asked.byLayer:
		s.Fields, s.Rows = layerCountsTable.Fields(), layerCountsTable.Rows(a.layerCounts())
	case a.asked.stat:
		s.Fields, s.Rows = countsTable.Fields(), countsTable.Rows(a.counts())
	case a.asked.byLayer:
		s.Fields = byLayerFields
	}
	if a.asked.content {
		s.Fields = slices.Concat(s.Fields, textFields)
	}
	a.show(ctx, &s)
	a.remark(&s)
	return s
}

// Facts is what the document of diff says of two images besides their paths: layers, sizes, config, warnings and
// errors.
func Facts(list call.Images, compared *analyze.Comparison) render.Section {
	a := &diffAnswer{Comparison: compared, asked: &comparing{}, list: list, stat: compared.Stat(),
		growth: compared.Growth()}
	s := render.Section{Extra: a.extra(), Fields: countsTable.Fields(), Rows: countsTable.Rows(a.counts())}
	a.remark(&s)
	return s
}

// remark adds warnings and errors.
func (a *diffAnswer) remark(s *render.Section) {
	for i, l := range a.list {
		side := ""
		if !a.stages() {
			side = [...]string{"a", "b"}[i]
		}
		for _, w := range l.Image.Warnings() {
			s.Warnings = append(s.Warnings, sideWarning{side, item.NewWarningFacts(w)})
		}
		for _, e := range l.Image.Errors() {
			s.Errors = append(s.Errors, sideError{side, item.ErrorFacts{Layer: &e.Layer, Message: e.Err.Error()}})
		}
	}
}

// A sideWarning is a warning about one of two images; its side is empty if there is only one image.
type sideWarning struct {
	Side string `json:"side,omitempty"`
	item.WarningFacts
}

type sideError struct {
	Side string `json:"side,omitempty"`
	item.ErrorFacts
}

// sideFacts is what the document says of each image.
type sideFacts struct {
	item.ImageFacts
	Created string `json:"created,omitempty"`
	Upto    *int   `json:"upto,omitempty"` // of --layers
}

// layerSide is what the document says of a layer on one side.
type layerSide struct {
	Layer       int    `json:"layer"`
	Digest      string `json:"digest,omitempty"`
	Size        int64  `json:"size"`
	Stored      *int64 `json:"stored,omitempty"` // content, as in waste; of two images
	CreatedBy   string `json:"createdBy,omitempty"`
	Comment     string `json:"comment,omitempty"`
	Instruction string `json:"instruction,omitempty"`
	Created     string `json:"created,omitempty"`
}

type layerFacts struct {
	Status string     `json:"status"`
	DiffID string     `json:"diffID,omitempty"`
	A      *layerSide `json:"a,omitempty"`
	B      *layerSide `json:"b,omitempty"`
}

type configFacts struct {
	Field  string `json:"field"`
	Name   string `json:"name,omitempty"`
	Change string `json:"change"`
	A      any    `json:"a,omitempty"`
	B      any    `json:"b,omitempty"`
}

// extra is what the document says besides items.
func (a *diffAnswer) extra() []render.Extra {
	layers, config := []layerFacts{}, []configFacts{}
	for _, m := range a.Layers {
		layers = append(layers, layerFacts{m.Status, m.DiffID, a.sideOfLayer(0, m.A), a.sideOfLayer(1, m.B)})
	}
	for _, c := range a.Config {
		config = append(config, configFacts(c))
	}
	list := []render.Extra{{Name: "a", Value: a.side(a.A)}, {Name: "b", Value: a.side(a.B)}, {Name: "equal",
		Value: a.equal()}, {Name: "layers", Value: layers}, {Name: "config", Value: config}}
	if a.stages() {
		return list
	}
	directories := []directoryFacts{}
	for _, g := range a.growth.Directories {
		directories = append(directories, directoryFacts{g.Path, g.Bytes[0], g.Bytes[1]})
	}
	return append(list, render.Extra{Name: "totals", Value: totals{a.total(0), a.total(1)}},
		render.Extra{Name: "directories", Value: directories})
}

// totals are the bytes of both images.
type totals struct {
	A total `json:"a"`
	B total `json:"b"`
}

type total struct {
	Stored int64 `json:"stored"`
	Live   int64 `json:"live"`
}

// directoryFacts is what the document says of a directory at the top of the tree with other sizes in A and B.
type directoryFacts struct {
	Path string `json:"path"`
	A    int64  `json:"a"`
	B    int64  `json:"b"`
}

func (a *diffAnswer) total(side int) total { return total{a.growth.Stored[side], a.growth.Live[side]} }

func (a *diffAnswer) side(s analyze.Side) sideFacts {
	f := sideFacts{ImageFacts: item.FactsOf(s.Image), Created: createdOf(s.Image)}
	f.Name = s.Image.Name
	if a.stages() {
		f.Upto = &s.Upto
	}
	return f
}

func (a *diffAnswer) sideOfLayer(side, i int) *layerSide {
	if i < 0 {
		return nil
	}
	img := [2]analyze.Side{a.A, a.B}[side].Image
	in := img.Instruction(i)
	f := &layerSide{i, img.Layers[i].Digest, img.Layers[i].Size, nil, in.Raw, in.Comment, in.Readable, in.Created}
	if stored := a.stored(side, i); stored >= 0 {
		f.Stored = &stored
	}
	return f
}

func createdOf(img *analyze.Image) string {
	if at := img.ConfigFile.Created; !at.IsZero() {
		return at.UTC().Format(time.RFC3339Nano)
	}
	return ""
}

// A fact is something that may differ between equal images.
type fact struct{ name, a, b string }

// facts lists them.
func (a *diffAnswer) facts() []fact {
	one, two := a.A.Image, a.B.Image
	var list []fact
	for _, f := range []fact{
		{"reference", one.Reference, two.Reference},
		{"image ID", one.ID, two.ID},
		{"date", createdOf(one), createdOf(two)},
		{"blob digests", a.blobs(one, func(m analyze.LayerMatch) int { return m.A }), a.blobs(two,
			func(m analyze.LayerMatch) int { return m.B })},
	} {
		if f.a != f.b {
			list = append(list, f)
		}
	}
	return list
}

// blobs counts the shared layers that are stored differently, by one side's compression.
func (a *diffAnswer) blobs(img *analyze.Image, of func(analyze.LayerMatch) int) string {
	n, first := 0, ""
	for _, m := range a.Layers {
		if m.A < 0 || m.B < 0 || m.Status == analyze.Rebuilt {
			continue
		}
		one, two := a.A.Image.Layers[m.A].Digest, a.B.Image.Layers[m.B].Digest
		if one != "" && two != "" && one != two {
			n, first = n+1, cmp.Or(first, img.Layers[of(m)].Digest)
		}
	}
	switch n {
	case 0:
		return ""
	case 1:
		return digest.Short(first)
	}
	return fmt.Sprintf("%s and %d more", digest.Short(first), n-1)
}

// rows are the items, in path order or layer by layer.
func (a *diffAnswer) rows(ctx context.Context) iter.Seq[[]render.Value] {
	shape := render.NewShape(sideEntryFields)
	return func(yield func([]render.Value) bool) {
		var row, entry []render.Value
		for d := range a.differences() {
			row = row[:0]
			if a.asked.byLayer {
				side, layer := a.put(d)
				row = append(row, render.T(side), render.I(int64(layer)))
			}
			what := render.Value{}
			if d.What != 0 {
				what = render.O(d.What.Names())
			}
			deleted := render.Value{}
			if by := a.DeletedBy(d); by != tarfs.NoLayer {
				deleted = render.I(int64(by))
			}
			row = append(row, render.N(d.Path()), render.T(d.Change), what, deleted)
			for i, s := range []analyze.Side{a.A, a.B} {
				v, there := [...]tarfs.Version{d.A, d.B}[i], [...]bool{d.InA, d.InB}[i]
				value := render.Value{}
				if there {
					entry = a.entry(entry[:0], v, s)
					value = shape.Value(entry)
				}
				row = append(row, value)
			}
			if a.asked.content {
				row = a.appendText(ctx, row, d)
			}
			if !yield(row) {
				return
			}
		}
	}
}

// entry appends sideEntryFields. Digests are left out unless asked for: which are known depends on the layers.
func (a *diffAnswer) entry(row []render.Value, v tarfs.Version, s analyze.Side) []render.Value {
	row = append(item.AppendMeta(row, v), render.I(int64(v.Layer())))
	row = item.AppendEntry(row, v, s.View())
	if !a.asked.needs.Digests {
		row[len(row)-1] = render.Value{}
	}
	return row
}

// put returns the layer that a difference comes from: the owner in B; if B does not show the path, the layer of B that
// deleted it; else the owner in A.
func (a *diffAnswer) put(d analyze.Difference) (side string, layer int) {
	if d.InB {
		return "b", d.B.Layer()
	}
	if by := a.DeletedBy(d); by != tarfs.NoLayer {
		return "b", by
	}
	return "a", d.A.Layer()
}

// differences are the paths that differ, in path order, or by side and layer: what B's layers did first.
func (a *diffAnswer) differences() iter.Seq[analyze.Difference] {
	if !a.asked.byLayer {
		return a.Paths()
	}
	type placed struct {
		analyze.Difference
		side  string
		layer int
	}
	var list []placed
	for d := range a.Paths() {
		side, layer := a.put(d)
		list = append(list, placed{d, side, layer})
	}
	slices.SortStableFunc(list, func(x, y placed) int {
		return cmp.Or(cmp.Compare(y.side, x.side), cmp.Compare(x.layer, y.layer))
	})
	return func(yield func(analyze.Difference) bool) {
		for _, p := range list {
			if !yield(p.Difference) {
				return
			}
		}
	}
}
