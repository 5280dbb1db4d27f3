package report

import (
	"context"
	"fmt"
	"iter"
	"math"
	"slices"

	"github.com/spf13/pflag"

	"layup/analyze"
	"layup/analyze/show"
	"layup/report/call"
	"layup/report/render"
	"layup/tarfs"
)

const wasteDetails = `
Stored are the bytes of every regular entry of every layer, layer by layer: one that stands twice in
the stack counts twice, and what the file saves by holding it once is said apart. Live are those that a
path of the final tree shows, however many hard links lead there. Hidden is the rest: what a later
layer deleted or overwrote, what its own layer replaced, and what whiteouts and ignored entries carry.
    stored = live + hidden
An image that stores 8,009,143 bytes, of which two layers wrote five each that were removed again, has
8,009,133 live and 10 hidden.

Metadata only is the part of hidden whose successor has the same content (chmod, chown, touch).
Duplicates are live: the same content in several files (layup find --sha256 HEX names them).
Headers, padding and directories count nowhere. Sparse files count with what is stored of them.
`

var (
	wasteFields = append([]render.Field{{Name: "path", Kind: render.Name}, {Name: "layer", Kind: render.Int}, {Name: "hiddenBy", Kind: render.Int},
		{Name: "bytes", Kind: render.Int}, {Name: "percent", Kind: render.Object}, {Name: "why"}}, instructionFields...)
	wasteLayerFields = append([]render.Field{{Name: "layer", Kind: render.Int}, {Name: "stored", Kind: render.Int}, {Name: "live", Kind: render.Int},
		{Name: "hidden", Kind: render.Int}, {Name: "metadataOnly", Kind: render.Int}, {Name: "percent", Kind: render.Object}, {Name: "repeats", Kind: render.Int}}, instructionFields...)
	duplicateFields = []render.Field{{Name: "path", Kind: render.Name}, {Name: "layer", Kind: render.Int}, {Name: "copies", Kind: render.Int},
		{Name: "size", Kind: render.Int}, {Name: "bytes", Kind: render.Int}, {Name: "sha256"}}
)

// wasteTotals is the document's "totals".
type wasteTotals struct {
	Stored       int64   `json:"stored"`
	Live         int64   `json:"live"`
	Hidden       int64   `json:"hidden"`
	Percent      float64 `json:"percent"` // hidden, of stored
	MetadataOnly int64   `json:"metadataOnly"`
	Duplicates   int64   `json:"duplicates"`
	Repeated     int64   `json:"repeatedLayers"`
}

func newWaste(f *pflag.FlagSet) call.Answer {
	top := call.Count(f, "top", "only the `N` that cost most, of paths and of duplicates")
	return func(ctx context.Context, c *call.Call) (int, error) {
		c.Dense = true // metadata only and duplicates are told by content, but not that of holes
		return c.Answer(ctx, c.Args, nil, true, func(_ *call.Call, img *analyze.Image, _ []string) (call.Part, error) {
			return wastePart(img, top.Or(math.MaxInt)), nil
		})
	}
}

// wastePart is the answer for one image, with the most costly paths and duplicates.
func wastePart(img *analyze.Image, most int) call.Part {
	account, duplicates := img.Account(), img.Duplicates() // before what is wasted: what they need to be found is free again then
	wasted := img.Wasted()
	twice := int64(0)
	for _, d := range duplicates {
		twice += d.Bytes
	}
	var p call.Part
	p.Fields, p.Columns = wasteFields, wasteColumns(account.Stored)
	p.Rows = wastedRows(img, first(wasted, most), account.Stored)
	p.Extra = []render.Extra{{Name: "totals", Value: wasteTotals{account.Stored, account.Live, account.Hidden, show.Percent(account.Hidden, account.Stored),
		account.MetadataOnly, twice, account.Repeated}}}
	p.Lists = []render.List{
		{Name: "duplicates", Fields: duplicateFields, Rows: duplicateRows(first(duplicates, most)), Columns: duplicateColumns()},
		{Name: "layers", Fields: wasteLayerFields, Rows: wasteLayerRows(account.Layers), Shown: wasteLayerRows(hiding(account.Layers)), Columns: wasteLayerColumns()},
	}
	p.Footer = wasteFooter(account, twice)
	return p
}

func first[T any](list []T, n int) []T { return list[:min(n, len(list))] }

func wasteFooter(a analyze.Account, duplicates int64) string {
	line := fmt.Sprintf("%s bytes stored = %s live + %s hidden (%s%%)", show.Grouped(a.Stored), show.Grouped(a.Live), show.Grouped(a.Hidden), show.PercentText(a.Hidden, a.Stored))
	if a.MetadataOnly > 0 {
		line += fmt.Sprintf("; of hidden %s metadata only", show.Grouped(a.MetadataOnly))
	}
	if duplicates > 0 {
		line += fmt.Sprintf("; of live %s duplicates", show.Grouped(duplicates))
	}
	if a.Repeated > 0 {
		line += fmt.Sprintf("; the file holds %s of them once for several layers", show.Grouped(a.Repeated))
	}
	return line
}

func wastedRows(img *analyze.Image, list []analyze.Wasted, stored int64) iter.Seq[[]render.Value] {
	return func(yield func([]render.Value) bool) {
		var row []render.Value
		for _, w := range list {
			row = append(row[:0], render.N(w.Hit.Version.Node().Path()), render.I(int64(w.Layer())), render.I(int64(w.Hit.HiddenBy)),
				render.I(w.Bytes), render.O(show.Percent(w.Bytes, stored)), render.T(whyWasted(w.Hit)))
			if !yield(appendInstruction(row, img.Instruction(w.Layer()))) {
				return
			}
		}
	}
}

// whyWasted says what became of content: deleted, overwritten, metadata-only, or why no version ever showed it.
func whyWasted(h analyze.Hit) string {
	switch {
	case h.Same:
		return "metadata-only"
	case h.Status == analyze.Unseen:
		return h.How.String()
	}
	return h.Status.String()
}

// hiding leaves out the layers of which nothing is hidden: a person looks for the others.
func hiding(layers []analyze.LayerAccount) []analyze.LayerAccount {
	return slices.DeleteFunc(slices.Clone(layers), func(l analyze.LayerAccount) bool { return l.Hidden == 0 })
}

func wasteLayerRows(layers []analyze.LayerAccount) iter.Seq[[]render.Value] {
	return func(yield func([]render.Value) bool) {
		var row []render.Value
		for _, l := range layers {
			repeats := render.Value{}
			if l.Repeats != tarfs.NoLayer {
				repeats = render.I(int64(l.Repeats))
			}
			row = append(row[:0], render.I(int64(l.Layer)), render.I(l.Stored), render.I(l.Live), render.I(l.Hidden), render.I(l.MetadataOnly),
				render.O(show.Percent(l.Hidden, l.Stored)), repeats)
			if !yield(appendInstruction(row, l.Instruction)) {
				return
			}
		}
	}
}

func duplicateRows(list []analyze.Duplicate) iter.Seq[[]render.Value] {
	return func(yield func([]render.Value) bool) {
		for _, d := range list {
			sum, _ := d.First.Digest()
			row := []render.Value{render.N(d.First.Node().Path()), render.I(int64(d.First.ContentLayer())), render.I(int64(d.Copies)),
				render.I(d.First.Size()), render.I(d.Bytes), render.T(fmt.Sprintf("%x", sum))}
			if !yield(row) {
				return
			}
		}
	}
}

func wasteColumns(stored int64) []render.Column {
	f := wasteFields
	why, by, layer, bytes := at(f, "why"), at(f, "hiddenBy"), at(f, "layer"), at(f, "bytes")
	return []render.Column{sizeColumn(f, "HIDDEN", "bytes"), percentColumn(func(row []render.Value) string { return show.PercentText(row[bytes].Int(), stored) }), layerColumn(f, "LAYER", "layer"),
		{Title: "WHY", Cell: func(row []render.Value) string {
			if row[by].Int() == row[layer].Int() { // its own layer
				return row[why].String()
			}
			return row[why].String() + " by " + row[by].String()
		}}, text(f, "PATH", "path")}
}

func wasteLayerColumns() []render.Column {
	f := wasteLayerFields
	repeats, hidden, stored := at(f, "repeats"), at(f, "hidden"), at(f, "stored")
	return []render.Column{layerColumn(f, "LAYER", "layer"), sizeColumn(f, "STORED", "stored"), sizeColumn(f, "LIVE", "live"), sizeColumn(f, "HIDDEN", "hidden"),
		percentColumn(func(row []render.Value) string { return show.PercentText(row[hidden].Int(), row[stored].Int()) }), spare(sizeColumn(f, "METADATA", "metadataOnly")),
		cuttable(render.Column{Title: "INSTRUCTION", Cell: func(row []render.Value) string {
			line := instructionColumn(f).Cell(row)
			if !row[repeats].Absent() {
				line = "(layer " + row[repeats].String() + " again) " + line
			}
			return line
		}})}
}

func duplicateColumns() []render.Column {
	f := duplicateFields
	return []render.Column{sizeColumn(f, "DUPLICATE", "bytes"), {Title: "COPIES", Right: true, Cell: text(f, "", "copies").Cell}, sizeColumn(f, "SIZE", "size"),
		{Title: "SHA256", Spare: true, Cell: func(row []render.Value) string { return render.Short(row[at(f, "sha256")].String()) }}, text(f, "PATH", "path")}
}

func percentColumn(cell func([]render.Value) string) render.Column {
	return render.Column{Title: "%", Right: true, Cell: cell}
}
