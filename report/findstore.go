package report

import (
	"context"
	"fmt"
	"io"
	"iter"
	"slices"
	"strings"

	"layup/analyze"
	"layup/analyze/filter"
	"layup/report/call"
	"layup/report/item"
	"layup/report/render"
)

// storeHitFields are the fields of what a search of a whole store finds.
var storeHitFields = slices.Concat(findFields, []render.Field{{Name: "images", Kind: render.Object},
	{Name: "directory", Kind: render.Name}})

// A storeHit is a hit with findFields.
type storeHit = analyze.StoreHit[found]

// found is what is kept of a hit in a store.
type found struct {
	row []render.Value
	stamp
}

// everywhere searches a whole store: each layer is read once, and what several images share is one hit.
func (s *search) everywhere(ctx context.Context, c *call.Call, name string, keep filter.Test, patterns []string) (int,
	error) {
	opt, err := c.Options([]string{name}, s.needed())
	if err != nil {
		return call.Failed, err
	}
	all, err := analyze.SearchStore(ctx, name, opt, analyze.Search{Wanted: keep, Unseen: s.unseen},
		func(img *analyze.Image, h analyze.Hit) (found, string) {
			row := s.append(nil, img, img.Top(), h)
			return found{row, stampOf(h.Version)}, fmt.Sprintf("%q", row)
		})
	if err != nil {
		if all != nil {
			for _, e := range all.Errors[:len(all.Errors)-1] {
				c.Fail(e)
			}
		}
		return call.Failed, err
	}
	if order := orderOf(s.sort.Word); order != nil {
		slices.SortStableFunc(all.Hits, func(a, b *storeHit) int { return order(a.Item.stamp, b.Item.stamp) })
	}
	section := render.Section{
		Image: item.ImageFacts{Source: all.Kind}, Fields: storeHitFields, Columns: s.storeColumns(),
		Rows: storeHitRows(all.Hits, all.Titles()),
	}
	status := call.Answered
	for _, err := range all.Errors {
		status = call.Partly
		section.Errors = append(section.Errors, item.ErrorFacts{Message: err.Error()})
		c.Fail(err)
	}
	for _, w := range all.Warnings {
		section.Warnings = append(section.Warnings, item.NewWarningFacts(w))
	}
	if s.zero {
		section.Text = func(w io.Writer, _ render.Terminal) error {
			return writeRaw(w, slices.Values(all.Hits), func(h *storeHit) string { return h.Path })
		}
	}
	if err := c.WriteDoc(ctx, render.Doc{Command: c.Command.Name, Sections: []render.Section{section}}); err != nil {
		return call.Failed, err
	}
	if len(all.Hits) == 0 {
		c.Fail(fmt.Errorf("%s: %w", name, nothing(len(all.Errors) > 0, patterns)))
		status = call.Worst(status, call.Refuted)
	}
	return status, nil
}

func storeHitRows(hits []*storeHit, titles []string) iter.Seq[[]render.Value] {
	return func(yield func([]render.Value) bool) {
		for _, h := range hits {
			images := make([]string, len(h.Images))
			for i, n := range h.Images {
				images[i] = titles[n]
			}
			if !yield(append(slices.Clone(h.Item.row), render.O(images), render.KnownName(h.Directory))) {
				return
			}
		}
	}
}

func (s *search) storeColumns() []render.Column {
	columns := s.columns(storeHitFields, true)
	images := item.At(storeHitFields, "images")
	in := render.Column{Title: "IN", Cell: func(row []render.Value) string {
		list, _ := row[images].Object().([]string)
		return strings.Join(list, ", ")
	}}
	if s.long { // where a version is stored comes last
		in.Cut = true
		return slices.Insert(columns, len(columns)-1, in)
	}
	return append(columns, in)
}
