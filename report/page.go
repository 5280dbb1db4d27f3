package report

import (
	"context"
	"io"
	"time"

	"github.com/spf13/pflag"

	"layup/analyze"
	"layup/report/call"
	"layup/report/item"
	"layup/report/render"
	"layup/report/render/html"
)

const pageDetails = `
Writes one page for a browser, to be attached to an audit or sent by mail. It needs no network and asks for none: the
layers, a map of the sizes, every file of every layer with its history, what is hidden or wasted, sensitive and setuid
files, secrets of the history, the configuration and the warnings are in the file. Nothing of the image is markup.

The same image and the same command line give the same bytes. The page names the version of layup and the command line.
Credentials in it are masked, and so are secrets of the history and the configuration unless --show-secrets is given.
`

// A pageRequest is what the flags of report ask for.
type pageRequest struct {
	showSecrets bool
}

func newPage(f *pflag.FlagSet) call.Answer {
	r := &pageRequest{}
	f.BoolVar(&r.showSecrets, "show-secrets", false, "show the values of secrets")
	return r.answer
}

func (r *pageRequest) answer(ctx context.Context, c *call.Call) (int, error) {
	needs := analyze.Needs{Digests: true, Dense: true, Secrets: true}
	return c.One(ctx, needs, func(img *analyze.Image) (int, error) {
		page := r.page(c, img)
		return call.Answered, c.Write(ctx, func(w io.Writer, _ render.Terminal) error { return page.Write(w) })
	})
}

// page is the page about one image.
func (r *pageRequest) page(c *call.Call, img *analyze.Image) html.Page {
	var layers []layer
	for _, l := range img.LayerFacts() {
		layers = append(layers, layer{l, img.LayersRead()})
	}
	return html.Page{
		Title: "layup report: " + analyze.Title(img.Image),
		Sections: []html.Section{
			{Name: "about", Section: aboutPage(c, img)},
			{Name: "layers", Section: layersTable.Section(layers)},
			{Name: "waste", Section: wasteSection(img)},
			{Name: "secrets", Section: secretsTable(r.showSecrets).Section(img.Secrets())},
			{Name: "history", Section: stepsTable.Section(img.Steps())},
			{Name: "config", Section: render.Section{Extra: []render.Extra{{Name: "config", Value: img.Docker().Config}}}},
		},
		Tables: []*html.Table{filesOf(img), unseenOf(img)},
	}
}

// pageFacts is what the head of the page says of an image.
type pageFacts struct {
	item.ImageFacts
	Container   string   `json:"container,omitempty"`
	Manifest    string   `json:"manifest,omitempty"` // its digest
	RepoDigests []string `json:"repoDigests,omitempty"`
	Created     string   `json:"created,omitempty"`
	Stored      int64    `json:"stored"`   // bytes of the layers as stored
	Unpacked    int64    `json:"unpacked"` // bytes of the tars; -1 if unknown
}

func factsOfPage(img *analyze.Image) pageFacts {
	f := pageFacts{ImageFacts: item.FactsOf(img), Manifest: img.ManifestDescriptor.Digest, RepoDigests: img.RepoDigests}
	f.Name = img.Name
	if img.Container != nil {
		f.Container = img.Container.Name
	}
	if at := img.ConfigFile.Created; !at.IsZero() {
		f.Created = at.UTC().Format(time.RFC3339Nano)
	}
	for _, l := range img.LayerFacts() {
		f.Stored += l.Size
		f.Unpacked += l.Unpacked
	}
	return f
}

// aboutPage says what was asked, by what, of which image, and what is odd in it.
func aboutPage(c *call.Call, img *analyze.Image) render.Section {
	version, commit := call.Build()
	s := render.Section{Extra: []render.Extra{
		{Name: "tool", Value: toolFacts{"layup", version, commit}},
		{Name: "line", Value: c.Line("output", "force")},
		{Name: "image", Value: factsOfPage(img)},
	}}
	for _, w := range img.Warnings() {
		s.Warnings = append(s.Warnings, item.NewWarningFacts(w))
	}
	for _, e := range img.Errors() {
		s.Errors = append(s.Errors, item.ErrorFacts{Layer: &e.Layer, Message: e.Err.Error()})
	}
	return s
}

// mostDuplicates is how many contents the page lists that are there several times.
const mostDuplicates = 1000

// wasteSection is what waste says. The page's script lists the paths from the table of files.
func wasteSection(img *analyze.Image) render.Section {
	account, duplicates := img.Account(), img.Duplicates()
	return render.Section{
		Extra: []render.Extra{{Name: "totals", Value: wasteTotalsOf(account, duplicates)},
			{Name: "contents", Value: len(duplicates)}},
		Lists: []render.List{duplicatesTable.List("duplicates", first(duplicates, mostDuplicates)),
			wasteLayersTable.List("layers", account.Layers)},
	}
}

var stepsTable = append(render.Table[analyze.Step]{
	render.IntOf("layer", func(s analyze.Step) int { return s.Layer }),
	render.TextOf("created", func(s analyze.Step) string { return s.Instruction.Created }),
	render.TextOf("author", func(s analyze.Step) string { return s.Author }),
}, item.InstructionMembers(func(s analyze.Step) analyze.Instruction { return s.Instruction })...)
