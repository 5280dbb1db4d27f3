package report

import (
	"context"
	"fmt"
	"iter"
	"slices"

	"github.com/spf13/pflag"

	"layup/analyze"
	"layup/report/call"
	"layup/report/render"
)

const layersDetails = `
Oldest first. CHANGES are the paths that the merge created (+), replaced or re-listed (~), and hid
without a replacement (-). HIDDEN are bytes that the layer wrote and no longer shows. DIGEST names the
stored blob; where nothing names it, the tar inside (the diffID). --no-files answers from the manifest and
the config alone, which are verified; the layers are not.
`

var layersFields = slices.Concat([]render.Field{{Name: "index", Kind: render.Int}, {Name: "digest"}, {Name: "diffID"}, {Name: "chainID"}, {Name: "mediaType"}, {Name: "compression"},
	{Name: "size", Kind: render.Int}, {Name: "unpackedSize", Kind: render.Int}, {Name: "files", Kind: render.Int}, {Name: "added", Kind: render.Int},
	{Name: "modified", Kind: render.Int}, {Name: "deleted", Kind: render.Int}, {Name: "hiddenBytes", Kind: render.Int}}, instructionFields, []render.Field{{Name: "created"}, {Name: "role"}, {Name: "directory", Kind: render.Name}, {Name: "link"}})

func newLayers(f *pflag.FlagSet) call.Answer {
	noFiles := f.Bool("no-files", false, "read no layer: what the manifest and the config say of them (of a registry the layers are not fetched)")
	answer := call.About(nil, func(c *call.Call, img *analyze.Image, _ []string) (call.Part, error) {
		var p call.Part
		p.Fields, p.Rows, p.Columns = layersFields, layersRows(img.LayerFacts(), img.LayersRead()), layersColumns()
		if !img.LayersRead() {
			p.Columns = namedColumns(p.Columns)
		}
		if len(img.Layers) > 0 && img.Layers[0].Directory != "" {
			p.Columns = storeColumns(p.Columns)
		}
		return p, nil
	})
	return func(ctx context.Context, c *call.Call) (int, error) {
		if *noFiles {
			c.Reading = analyze.Never
		}
		return answer(ctx, c)
	}
}

// namedColumns leaves out of the table what only reading a layer tells.
func namedColumns(columns []render.Column) []render.Column {
	return slices.DeleteFunc(columns, func(c render.Column) bool {
		return slices.Contains([]string{"PACKED", "UNPACKED", "CHANGES", "HIDDEN"}, c.Title)
	})
}

// layersRows yields a row for each layer. Of layers that were not read nothing is counted.
func layersRows(facts []analyze.LayerFacts, read bool) iter.Seq[[]render.Value] {
	counted := func(n int64) render.Value {
		if !read || n < 0 {
			return render.Value{}
		}
		return render.I(n)
	}
	return func(yield func([]render.Value) bool) {
		var row []render.Value
		for _, l := range facts {
			row = append(row[:0], render.I(int64(l.Index)), known(l.Digest), known(l.DiffID), known(l.ChainID), known(l.MediaType), known(l.Compression),
				render.I(l.Size), counted(l.Unpacked), counted(int64(l.Files)), counted(int64(l.Added)), counted(int64(l.Modified)), counted(int64(l.Deleted)), counted(l.HiddenBytes))
			row = append(appendInstruction(row, l.Instruction), known(l.Instruction.Created), known(l.Role), knownName(l.Directory), known(l.Link))
			if !yield(row) {
				return
			}
		}
	}
}

// known is a text, absent where it is empty.
func known(s string) render.Value {
	if s == "" {
		return render.Value{}
	}
	return render.T(s)
}

// knownName is a path, absent where it is empty.
func knownName(s string) render.Value {
	if s == "" {
		return render.Value{}
	}
	return render.N(s)
}

// storeColumns show where an engine keeps the layers.
func storeColumns(columns []render.Column) []render.Column {
	f := layersFields
	return slices.Insert(columns, len(columns)-1, spare(text(f, "ROLE", "role")), spare(text(f, "LINK", "link")), cuttable(text(f, "DIRECTORY", "directory")))
}

func layersColumns() []render.Column {
	f := layersFields
	digest, diffID := at(f, "digest"), at(f, "diffID")
	added, modified, deleted := at(f, "added"), at(f, "modified"), at(f, "deleted")
	return []render.Column{
		layerColumn(f, "LAYER", "index"),
		{Title: "DIGEST", Spare: true, Cell: func(row []render.Value) string {
			if row[digest].Absent() {
				return render.Short(row[diffID].String())
			}
			return render.Short(row[digest].String())
		}},
		spare(text(f, "PACKED", "compression")),
		sizeColumn(f, "STORED", "size"),
		spare(sizeColumn(f, "UNPACKED", "unpackedSize")),
		{Title: "CHANGES", Cell: func(row []render.Value) string {
			return fmt.Sprintf("+%d ~%d -%d", row[added].Int(), row[modified].Int(), row[deleted].Int())
		}},
		sizeColumn(f, "HIDDEN", "hiddenBytes"),
		instructionColumn(f),
	}
}
