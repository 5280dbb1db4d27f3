package report

import (
	"context"
	"fmt"
	"math"
	"slices"
	"strconv"

	"github.com/spf13/pflag"

	"layup/analyze"
	"layup/analyze/show"
	"layup/report/arg"
	"layup/report/call"
	"layup/report/item"
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
	top := arg.Count(f, "top", "only the `N` that cost most, of paths and of duplicates")
	var base call.BaseFlags
	base.Flags(f, true)
	return func(ctx context.Context, c *call.Call) (int, error) {
		// Metadata only and duplicates are told by content, but not that of holes.
		needs := analyze.Needs{Digests: true, Dense: true}
		if err := base.Find(ctx, c, &needs); err != nil {
			return call.Failed, err
		}
		return c.Ask(ctx, c.Args, nil, needs, func(_ *call.Call, img *analyze.Image, _ []string) (call.Part, error) {
			return wastePart(img, top.Or(math.MaxInt)), nil
		})
	}
}

// wastePart is the answer for one image, with the most costly paths and duplicates.
func wastePart(img *analyze.Image, most int) call.Part {
	account := img.Account()
	duplicates := img.Duplicates() // before Wasted: its memory is free again then
	wasted := img.Wasted()
	totals := wasteTotalsOf(account, duplicates)
	var p call.Part
	p.Section = wastedTable(img, account.Stored).Section(first(wasted, most))
	p.Footer, p.Largest = wasteFooter(account, totals.Duplicates), most == math.MaxInt
	p.Extra = []render.Extra{{Name: "totals", Value: totals}}
	layers := wasteLayersTable.List("layers", account.Layers)
	layers.Shown = wasteLayersTable.Rows(hiding(account.Layers))
	copies := duplicatesTable.List("duplicates", first(duplicates, most))
	copies.Largest = p.Largest
	p.Lists = []render.List{copies, layers}
	return p
}

func wasteTotalsOf(a analyze.Account, duplicates []analyze.Duplicate) wasteTotals {
	twice := int64(0)
	for _, d := range duplicates {
		twice += d.Bytes
	}
	return wasteTotals{a.Stored, a.Live, a.Hidden, show.Percent(a.Hidden, a.Stored), a.MetadataOnly, twice, a.Repeated}
}

func first[T any](list []T, n int) []T { return list[:min(n, len(list))] }

func wasteFooter(a analyze.Account, duplicates int64) string {
	line := fmt.Sprintf("%s bytes stored = %s live + %s hidden (%s%%)", show.Grouped(a.Stored), show.Grouped(a.Live),
		show.Grouped(a.Hidden), show.PercentText(a.Hidden, a.Stored))
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

func wastedTable(img *analyze.Image, stored int64) render.Table[analyze.Wasted] {
	path := func(w analyze.Wasted) string { return w.Hit.Version.Node().Path() }
	return append(render.Table[analyze.Wasted]{
		render.NameOf("path", path),
		render.IntOf("layer", analyze.Wasted.Layer),
		render.IntOf("hiddenBy", func(w analyze.Wasted) int32 { return w.Hit.HiddenBy }),
		render.IntOf("bytes", func(w analyze.Wasted) int64 { return w.Bytes }).Column("HIDDEN", render.Sized),
		percentOf(func(w analyze.Wasted) (int64, int64) { return w.Bytes, stored }),
		render.Cell("%", func(w analyze.Wasted) string { return show.PercentText(w.Bytes, stored) }).Right(),
		render.Cell("LAYER", func(w analyze.Wasted) string { return strconv.Itoa(w.Layer()) }).Right(),
		render.TextOf("why", func(w analyze.Wasted) string { return whyWasted(w.Hit) }),
		render.Cell("WHY", func(w analyze.Wasted) string {
			if int(w.Hit.HiddenBy) == w.Layer() {
				return whyWasted(w.Hit)
			}
			return fmt.Sprintf("%s by %d", whyWasted(w.Hit), w.Hit.HiddenBy)
		}),
		render.Cell("PATH", path).Path(),
	}, item.InstructionMembers(func(w analyze.Wasted) analyze.Instruction { return img.Instruction(w.Layer()) })...)
}

func percentOf[T any](of func(T) (part, whole int64)) render.Member[T] {
	return render.Of("percent", render.Object, func(thing T) render.Value { return render.O(show.Percent(of(thing))) })
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

// hiding leaves out the layers that have nothing hidden.
func hiding(layers []analyze.LayerAccount) []analyze.LayerAccount {
	return slices.DeleteFunc(slices.Clone(layers), func(l analyze.LayerAccount) bool { return l.Hidden == 0 })
}

type wasteLayer = analyze.LayerAccount

var wasteLayersTable = slices.Concat(render.Table[wasteLayer]{
	render.IntOf("layer", func(l wasteLayer) int { return l.Layer }).Column("LAYER"),
	render.IntOf("stored", func(l wasteLayer) int64 { return l.Stored }).Column("STORED", render.Sized),
	render.IntOf("live", func(l wasteLayer) int64 { return l.Live }).Column("LIVE", render.Sized),
	render.IntOf("hidden", func(l wasteLayer) int64 { return l.Hidden }).Column("HIDDEN", render.Sized),
	render.Cell("%", func(l wasteLayer) string { return show.PercentText(l.Hidden, l.Stored) }).Right(),
	render.IntOf("metadataOnly", func(l wasteLayer) int64 { return l.MetadataOnly }).Column("METADATA",
		render.Sized).Spare(),
	percentOf(func(l wasteLayer) (int64, int64) { return l.Hidden, l.Stored }),
	render.IntOf("repeats", func(l wasteLayer) int { return l.Repeats }),
	render.Cell("INSTRUCTION", func(l wasteLayer) string {
		line := l.Instruction.Short()
		if l.Repeats != tarfs.NoLayer {
			line = fmt.Sprintf("(layer %d again) %s", l.Repeats, line)
		}
		return line
	}).Cut(),
}, item.InstructionMembers(func(l wasteLayer) analyze.Instruction { return l.Instruction }))

var duplicatesTable = render.Table[analyze.Duplicate]{
	render.NameOf("path", func(d analyze.Duplicate) string { return d.First.Node().Path() }),
	render.IntOf("layer", func(d analyze.Duplicate) int { return d.First.ContentLayer() }),
	render.Cell("DUPLICATE", func(d analyze.Duplicate) string { return show.Size(d.Bytes) }).Right(),
	render.IntOf("copies", func(d analyze.Duplicate) int { return d.Copies }).Column("COPIES"),
	render.IntOf("size", func(d analyze.Duplicate) int64 { return d.First.Size() }).Column("SIZE", render.Sized),
	render.IntOf("bytes", func(d analyze.Duplicate) int64 { return d.Bytes }),
	render.TextOf("sha256", func(d analyze.Duplicate) string {
		sum, _ := d.First.Digest()
		return fmt.Sprintf("%x", sum)
	}).Column("SHA256").Hex().Spare(),
	render.Cell("PATH", func(d analyze.Duplicate) string { return d.First.Node().Path() }).Path(),
}
