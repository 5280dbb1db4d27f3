package report

import (
	"cmp"
	"context"
	"fmt"
	"slices"
	"time"

	"github.com/spf13/pflag"

	"layup/analyze/show"
	"layup/analyze/source"
	"layup/report/call"
	"layup/report/render"
)

const imagesDetails = `
IMAGE is what --image takes (@N), or what else is there: attestations, which are never analysed as
images, and blobs that nothing refers to. "missing" is named by an index, but not in the source.

Of docker://HOST/REPOSITORY without tag and digest the tags are listed, with --detail what each holds; of
docker://HOST/ the repositories, where the registry has a catalogue. With a tag or a digest, what refers
to the image (signatures, attestations) is listed, too: "referrer".
`

var imagesFields = []render.Field{{Name: "kind"}, {Name: "number", Kind: render.Int}, {Name: "reference"}, {Name: "digest"}, {Name: "platform"},
	{Name: "size", Kind: render.Int}, {Name: "created"}, {Name: "missing", Kind: render.Bool}, {Name: "state"}, {Name: "image"}, {Name: "directory", Kind: render.Name},
	{Name: "artifactType"}, {Name: "subject"}}

func newImages(f *pflag.FlagSet) call.Answer {
	detail := f.Bool("detail", false, "of a repository in a registry: ask every tag what it holds")
	return func(ctx context.Context, c *call.Call) (int, error) {
		if c.Image != "" || c.Platform != "" {
			return call.Failed, call.Usage("layup images "+show.Shell(c.Args[0]), "images: lists all there is; --image and --platform do not apply")
		}
		if err := c.CheckTarget(c.Args); err != nil {
			return call.Failed, err
		}
		opt, err := c.Options()
		if err != nil {
			return call.Failed, err
		}
		opt.Source.Stdin, opt.Source.List, opt.Source.Detail, opt.Source.Registry.Note = c.Stdin, true, *detail, c.Note
		archive, err := source.Open(ctx, c.Args[0], opt.Source)
		if err != nil {
			return call.Failed, err
		}
		defer archive.Close()
		listed, err := archive.Contents(ctx)
		if err != nil {
			return call.Failed, err
		}
		doc := render.Doc{Command: c.Command.Name, Sections: []render.Section{imagesSection(archive.Kind, listed)}}
		return call.Answered, c.WriteDoc(ctx, doc)
	}
}

func imagesSection(kind string, listed []source.Listed) render.Section {
	rows := make([][]render.Value, 0, len(listed))
	for _, l := range listed {
		number, size, missing := render.Value{}, render.Value{}, render.Value{}
		if l.Number >= 0 {
			number = render.I(int64(l.Number))
		}
		if l.Size >= 0 {
			size = render.I(l.Size)
		}
		if l.Missing {
			missing = render.B(true)
		}
		state, image := render.Value{}, render.Value{}
		if l.Container != nil {
			state, image = render.Known(l.Container.State), render.Known(cmp.Or(l.Container.Image, l.Container.ImageID))
		}
		rows = append(rows, []render.Value{render.T(l.Kind), number, render.Known(l.Reference), render.Known(l.Digest), render.Known(l.Platform), size, render.Known(l.Created), missing, state, image, render.KnownName(l.Directory),
			render.Known(l.Type), render.Known(l.Subject)})
	}
	columns := imagesColumns()
	if slices.ContainsFunc(listed, func(l source.Listed) bool { return l.Directory != "" }) {
		f := imagesFields
		columns = slices.Insert(columns, 2, text(f, "STATE", "state"), cuttable(text(f, "OF", "image")))
		columns = append(columns, cuttable(text(f, "DIRECTORY", "directory")))
	}
	if slices.ContainsFunc(listed, func(l source.Listed) bool { return l.Type != "" }) {
		columns = append(columns, cuttable(text(imagesFields, "TYPE", "artifactType")))
	}
	if !slices.ContainsFunc(listed, func(l source.Listed) bool { return l.Size >= 0 || l.Digest != "" || l.Missing }) {
		columns = columns[:2] // names are all there is
	}
	return render.Section{Fields: imagesFields, Rows: slices.Values(rows), Columns: columns, Extra: []render.Extra{{Name: "source", Value: kind}}}
}

func imagesColumns() []render.Column {
	f := imagesFields
	kind, number, digest, created, missing := at(f, "kind"), at(f, "number"), at(f, "digest"), at(f, "created"), at(f, "missing")
	return []render.Column{
		{Title: "IMAGE", Cell: func(row []render.Value) string {
			if row[number].Absent() {
				return row[kind].String()
			}
			return fmt.Sprintf("@%d", row[number].Int())
		}},
		cuttable(text(f, "REFERENCE", "reference")),
		text(f, "PLATFORM", "platform"),
		{Title: "DIGEST", Spare: true, Cell: func(row []render.Value) string { return render.Short(row[digest].String()) }},
		{Title: "SIZE", Right: true, Cell: func(row []render.Value) string {
			if row[missing].Bool() {
				return "missing"
			}
			return sizeColumn(f, "SIZE", "size").Cell(row)
		}},
		{Title: "CREATED", Cut: true, Spare: true, Cell: func(row []render.Value) string {
			t, err := time.Parse(time.RFC3339Nano, row[created].String())
			if err != nil {
				return row[created].String()
			}
			return show.When(t.Unix())
		}},
	}
}
