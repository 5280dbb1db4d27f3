package report

import (
	"cmp"
	"context"
	"fmt"
	"io"
	"iter"
	"slices"
	"strings"

	"layup/analyze"
	"layup/analyze/digest"
	"layup/analyze/filter"
	"layup/analyze/source"
	"layup/report/call"
	"layup/report/render"
)

// storeHitFields are the fields of what a search of a whole store finds.
var storeHitFields = slices.Concat(versionFields, []render.Field{{Name: "images", Kind: render.Object}, {Name: "directory", Kind: render.Name}})

// A storeHit is a version that one or more images and containers of a store hold, in one layer.
type storeHit struct {
	row       []render.Value // versionFields
	path      string
	layer     int
	images    []int // of storeSearch's titles
	directory string
}

// A storeSearch gathers what is found in the images and containers of a store, one after the other.
type storeSearch struct {
	c      *call.Call
	hits   []*storeHit
	byKey  map[string]*storeHit
	odd    []any // warnings, each once
	seen   map[string]bool
	errs   []any
	status int
	kind   string

	titles, platforms []string // of the images
}

// everywhere searches a whole store: each layer is read once, and what several images share is one hit.
func (s *search) everywhere(ctx context.Context, c *call.Call, name string, keep filter.Test, patterns []string) (int, error) {
	opt, err := c.Loading([]string{name}, s.digests || s.digest != "")
	if err != nil {
		return call.Failed, err
	}
	opt.Select.All = true
	defer c.Clear()
	var last error
	found := &storeSearch{c: c, byKey: map[string]*storeHit{}, seen: map[string]bool{}}
	for img, err := range analyze.OpenAll(ctx, name, opt) {
		if ctx.Err() != nil {
			return call.Failed, ctx.Err()
		}
		if err != nil && !c.KeepGoing {
			return call.Failed, err
		}
		if err != nil {
			last = err
			found.failed(err)
			continue
		}
		found.add(img, s.hits(img, keep))
		if err := img.Close(); err != nil {
			return call.Failed, err
		}
	}
	c.Clear()
	if len(found.titles) == 0 && last != nil {
		return call.Failed, last
	}
	return found.answer(ctx, s, name, patterns)
}

func (f *storeSearch) failed(err error) {
	f.status = call.Worst(f.status, call.Partly)
	f.errs = append(f.errs, call.ErrorFacts{Message: err.Error()})
	f.c.Fail(err)
}

// add takes in what was found in one image.
func (f *storeSearch) add(img *analyze.Image, hits iter.Seq[analyze.Hit]) {
	f.kind = img.Source
	name := digest.Short(img.ID)
	if img.Container != nil || img.Reference != "" {
		name = analyze.Title(img.Image)
	}
	f.titles, f.platforms = append(f.titles, name), append(f.platforms, img.Platform)
	snap := img.Tree().At(analyze.Last)
	where := func(layer int) string {
		if layer < 0 || layer >= len(img.Layers) {
			return ""
		}
		return img.Layers[layer].Directory
	}
	for h := range hits {
		row := appendStatus(appendItem(nil, h.Version, snap), h)
		key := fmt.Sprintf("%s\x00%s\x00%q", where(h.Version.Layer()), where(int(h.HiddenBy)), row)
		hit := f.byKey[key]
		if hit == nil {
			hit = &storeHit{row: row, path: h.Version.Node().Path(), layer: h.Version.Layer(), directory: where(h.Version.Layer())}
			f.byKey[key] = hit
			f.hits = append(f.hits, hit)
		}
		if this := len(f.titles) - 1; !slices.Contains(hit.images, this) {
			hit.images = append(hit.images, this)
		}
	}
	for _, w := range img.Warnings() {
		if key := fmt.Sprintf("%s\x00%s\x00%s", w.Code, where(w.Layer), w.Path); !f.seen[key] {
			f.seen[key] = true
			f.odd = append(f.odd, call.NewWarningFacts(w))
		}
	}
	for _, e := range img.Errors() {
		f.failed(e)
	}
}

// answer writes what was found.
func (f *storeSearch) answer(ctx context.Context, s *search, name string, patterns []string) (int, error) {
	slices.SortStableFunc(f.hits, func(a, b *storeHit) int {
		return cmp.Or(comparePaths(a.path, b.path), cmp.Compare(a.layer, b.layer), cmp.Compare(a.directory, b.directory))
	})
	section := render.Section{
		Image: call.ImageFacts{Source: f.kind}, Fields: storeHitFields, Columns: storeHitColumns(s.digests), Warnings: f.odd, Errors: f.errs,
		Rows: call.Interruptible(ctx, f.rows()),
	}
	if s.zero {
		section.Text = f.writeRaw
	}
	err := f.c.WriteDoc(ctx, render.Doc{Command: f.c.Command.Name, Sections: []render.Section{section}})
	if err != nil {
		return call.Failed, err
	}
	if len(f.hits) == 0 {
		f.c.Fail(fmt.Errorf("%s: %w", name, nothing(len(f.errs) > 0, patterns)))
		f.status = call.Worst(f.status, call.Refuted)
	}
	return f.status, nil
}

func (f *storeSearch) rows() iter.Seq[[]render.Value] {
	return func(yield func([]render.Value) bool) {
		for _, h := range f.hits {
			if !yield(append(slices.Clone(h.row), render.O(f.names(h)), render.KnownName(h.directory))) {
				return
			}
		}
	}
}

// names are those of the images that hold a version, with the platform where a name is not enough.
func (f *storeSearch) names(h *storeHit) []string {
	list := make([]string, len(h.images))
	for i, n := range h.images {
		list[i] = f.titles[n]
		if f.platforms[n] != "" && f.repeated(f.titles[n]) {
			list[i] += " " + f.platforms[n]
		}
	}
	return list
}

// repeated reports whether several images have a title.
func (f *storeSearch) repeated(title string) bool {
	first := slices.Index(f.titles, title)
	return slices.Contains(f.titles[first+1:], title)
}

func storeHitColumns(digests bool) []render.Column {
	columns := hitColumns(digests)
	images := at(storeHitFields, "images")
	in := render.Column{Title: "IN", Cell: func(row []render.Value) string {
		list, _ := row[images].Object().([]string)
		return strings.Join(list, ", ")
	}}
	return append(columns, in)
}

// writeRaw writes each path once, however many versions of it were found.
func (f *storeSearch) writeRaw(w io.Writer, _ render.Terminal) error {
	last := ""
	for _, h := range f.hits {
		if h.path == last {
			continue
		}
		if _, err := io.WriteString(w, h.path+"\x00"); err != nil {
			return err
		}
		last = h.path
	}
	return nil
}

// comparePaths puts paths into the order of listings: a directory before what it holds, siblings by their bytes.
func comparePaths(a, b string) int {
	for i := range min(len(a), len(b)) {
		switch {
		case a[i] == b[i]:
		case a[i] == '/':
			return -1
		case b[i] == '/':
			return 1
		default:
			return cmp.Compare(a[i], b[i])
		}
	}
	return cmp.Compare(len(a), len(b))
}

// wholeStore reports whether a name means an engine's store and nothing in it.
func wholeStore(c *call.Call, name string) bool { return c.Image == "" && source.IsWholeStore(name) }
