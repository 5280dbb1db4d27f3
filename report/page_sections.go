package report

import (
	"bytes"
	"encoding/json"
	"iter"
	"slices"
	"time"

	"layup/analyze"
	"layup/report/call"
	"layup/report/item"
	"layup/report/render"
	"layup/report/render/html"
	"layup/report/verify"
)

// pageFacts is what the head of the page says of an image.
type pageFacts struct {
	item.ImageFacts
	Container   string   `json:"container,omitempty"`
	Manifest    string   `json:"manifest,omitempty"` // its digest
	RepoDigests []string `json:"repoDigests,omitempty"`
	Created     string   `json:"created,omitempty"`
	Stored      int64    `json:"stored"` // bytes of the layers as stored
}

func factsOfPage(img *analyze.Image) pageFacts {
	f := pageFacts{ImageFacts: item.FactsOf(img), Manifest: img.ManifestDescriptor.Digest, RepoDigests: img.RepoDigests}
	f.Name = call.Masked([]string{img.Name})[0]
	if img.Container != nil {
		f.Container = img.Container.Name
	}
	if at := img.ConfigFile.Created; !at.IsZero() {
		f.Created = at.UTC().Format(time.RFC3339Nano)
	}
	for _, l := range img.Layers {
		f.Stored += l.Size
	}
	return f
}

// aboutPages says what was asked, by what, and of which images.
func aboutPages(c *call.Call, list call.Images) html.Section {
	var images []pageFacts
	for _, l := range list {
		images = append(images, factsOfPage(l.Image))
	}
	return html.Section{Name: "about", Section: render.Section{Extra: []render.Extra{
		{Name: "tool", Value: verify.Tool("")},
		{Name: "line", Value: c.Line("output", "force")},
		{Name: "images", Value: images},
		{Name: "aspects", Value: aspectNames()},
	}}}
}

// aspectNames are the words for what differs, by the bit of each.
func aspectNames() (names []string) {
	for bit := analyze.Content; bit < analyze.LayerStack; bit <<= 1 {
		names = append(names, bit.Names()[0])
	}
	return names
}

// aboutPage is aboutPages of one image, with what is odd in it.
func aboutPage(c *call.Call, img *analyze.Image) html.Section {
	s := aboutPages(c, call.Images{{Image: img}})
	for _, w := range img.Warnings() {
		s.Warnings = append(s.Warnings, item.NewWarningFacts(w))
	}
	for _, e := range img.Errors() {
		s.Errors = append(s.Errors, item.ErrorFacts{Layer: &e.Layer, Message: e.Err.Error()})
	}
	return s
}

// pageLayers is the table of layers with each instruction as tables show it.
var pageLayers = append(slices.Clone(layersTable),
	render.TextOf("short", func(l layer) string { return l.Instruction.Short() }))

// mostDuplicates is how many contents the page lists that are there several times.
const mostDuplicates = 1000

// wasteSection is what waste says. The page's script lists the paths from the table of files.
func wasteSection(img *analyze.Image, digests bool) render.Section {
	account, duplicates := img.Account(), img.Duplicates()
	totals := wasteTotalsOf(account, duplicates)
	left := 0 // layers of the base that do not count
	for left < len(img.Layers) && !img.Counts(left) {
		left++
	}
	return render.Section{
		Extra: []render.Extra{{Name: "totals", Value: totals}, {Name: "line", Value: wasteFooter(account, totals.Duplicates) +
			call.WithoutBase(img)},
			{Name: "contents", Value: len(duplicates)}, {Name: "digests", Value: digests},
			{Name: "left", Value: left}},
		Lists: []render.List{duplicatesTable.List("duplicates", first(duplicates, mostDuplicates)),
			wasteLayersTable.List("layers", account.Layers)},
	}
}

var stepsTable = append(render.Table[analyze.Step]{
	render.IntOf("layer", func(s analyze.Step) int { return s.Layer }),
	render.TextOf("created", func(s analyze.Step) string { return s.Instruction.Created }),
	render.TextOf("author", func(s analyze.Step) string { return s.Author }),
	render.TextOf("short", func(s analyze.Step) string { return s.Instruction.Short() }),
}, item.InstructionMembers(func(s analyze.Step) analyze.Instruction { return s.Instruction })...)

// configSection is what a container of the image begins with.
func configSection(img *analyze.Image) render.Section {
	var settings any
	if doc, err := json.Marshal(img.Settings()); err == nil { // made of what was JSON
		_ = json.Unmarshal(doc, &settings)
	}
	return render.Section{Extra: []render.Extra{{Name: "config", Value: settings}}}
}

// maskSection masks secrets in the texts of a section.
func maskSection(s *render.Section, mask func(string) string) {
	s.Rows = maskRows(s.Rows, s.Fields, mask)
	for i := range s.Lists {
		s.Lists[i].Rows = maskRows(s.Lists[i].Rows, s.Lists[i].Fields, mask)
	}
	for i := range s.Extra {
		s.Extra[i].Value = maskValue(s.Extra[i].Value, mask)
	}
}

func maskRows(rows iter.Seq[[]render.Value], fields []render.Field, mask func(string) string) iter.Seq[[]render.Value] {
	if rows == nil {
		return nil
	}
	return func(yield func([]render.Value) bool) {
		for row := range rows {
			for i, f := range fields {
				if f.Kind == render.Text && !row[i].Absent() {
					row[i] = render.T(mask(row[i].String()))
				}
			}
			if !yield(row) {
				return
			}
		}
	}
}

// maskValue masks the texts of what was decoded from JSON.
func maskValue(v any, mask func(string) string) any {
	switch v := v.(type) {
	case string:
		return mask(v)
	case []any:
		for i := range v {
			v[i] = maskValue(v[i], mask)
		}
	case map[string]any:
		for k := range v {
			v[k] = maskValue(v[k], mask)
		}
	}
	return v
}

// plainExtras turns values into what JSON says of them, so that their texts can be masked.
func plainExtras(list []render.Extra) error {
	for i := range list {
		doc, err := json.Marshal(list[i].Value)
		if err != nil {
			return err
		}
		decoder := json.NewDecoder(bytes.NewReader(doc))
		decoder.UseNumber()
		list[i].Value = nil
		if err := decoder.Decode(&list[i].Value); err != nil {
			return err
		}
	}
	return nil
}
