package report

import (
	"errors"
	"fmt"
	"iter"
	"slices"

	"github.com/spf13/pflag"

	"layup/analyze"
	"layup/report/call"
	"layup/report/item"
	"layup/report/render"
)

const logDetails = `
Changes are add, modify (a file written again), metadata (a directory listed again), delete, opaque
(deleted by an opaque marker of a directory above) and replace (by another type than before).
An entry's fields are there where the layer wrote the path, not where it deleted it.
`

var logFields = slices.Concat(item.PathField, item.LayerField, []render.Field{{Name: "change"}, {Name: "contentSame",
	Kind: render.Bool}}, item.MetaFields, item.EntryFields, item.LineField)

func newLog(f *pflag.FlagSet) call.Answer {
	needs := analyze.Needs{Origin: true}
	f.BoolVar(&needs.Digests, "digests", false, "show the SHA-256 of the files' content, and whether it changed")
	return call.About(&needs, func(c *call.Call, img *analyze.Image, paths []string) (call.Part, error) {
		var p call.Part
		var changes []analyze.Change
		for _, path := range paths {
			found := img.Log(path)
			if len(found) == 0 {
				err := fmt.Errorf("%q: no layer ever held it", path)
				_, why := img.Owner(path, false, analyze.Last)
				if e, ok := errors.AsType[*analyze.NotFoundError](why); ok {
					err = c.NeverThere(img, e, err)
				}
				p.Missing = append(p.Missing, err)
			}
			changes = append(changes, found...)
		}
		p.Fields, p.Rows, p.Columns = logFields, logRows(img, changes), logColumns(img, needs.Digests)
		return p, nil
	})
}

func logRows(img *analyze.Image, changes []analyze.Change) iter.Seq[[]render.Value] {
	snap := img.Tree().At(analyze.Last)
	return func(yield func([]render.Value) bool) {
		var row []render.Value
		for _, c := range changes {
			same := render.Value{}
			if c.Same != nil {
				same = render.B(*c.Same)
			}
			row = append(row[:0], render.N(c.Version.Node().Path()), render.I(int64(c.Layer)), render.T(c.Kind), same)
			if c.Kind != "delete" && c.Kind != "opaque" {
				row = item.AppendEntry(item.AppendMeta(row, c.Version), c.Version, snap)
			}
			for len(row) < len(logFields)-len(item.LineField) {
				row = append(row, render.Value{})
			}
			if !yield(item.AppendLine(row, img.Instruction(c.Layer))) {
				return
			}
		}
	}
}

func logColumns(img *analyze.Image, digests bool) []render.Column {
	layer, same := item.At(logFields, "layer"), item.At(logFields, "contentSame")
	change := item.Column(logFields, "CHANGE", "change")
	change.Tone = render.ToneOf
	inner := change.Cell
	change.Cell = func(row []render.Value) string {
		if row[same].Bool() {
			return inner(row) + " (same content)"
		}
		return inner(row)
	}
	path := item.PathColumn(logFields)
	path.Cut, path.Path = true, true
	columns := []render.Column{item.Column(logFields, "LAYER", "layer", render.Dashed), change,
		item.Spare(item.ModeColumn(logFields)), item.Spare(item.IDsColumn(logFields)),
		item.Column(logFields, "SIZE", "size", render.Sized), path}
	if digests {
		columns = append(columns, item.DigestColumn(logFields))
	}
	return append(columns, render.Column{Title: "INSTRUCTION", Cut: true, Cell: func(row []render.Value) string {
		return img.Instruction(int(row[layer].Int())).Short()
	}})
}
