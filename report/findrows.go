package report

import (
	"iter"
	"slices"

	"layup/analyze"
	"layup/report/item"
	"layup/report/render"
	"layup/tarfs"
)

// findFields are those of versions, then the file in an engine's store, the rule of a sensitive file, and the name in a
// list of digests.
var findFields = slices.Concat(item.VersionFields, []render.Field{{Name: "storedAt", Kind: render.Name},
	{Name: "sensitive"}, {Name: "listed", Kind: render.Name}})

// append appends findFields.
func (s *search) append(row []render.Value, img *analyze.Image, top *tarfs.Snapshot, h analyze.Hit) []render.Value {
	row = item.AppendStatus(item.Append(row, h.Version, top), h)
	sensitive, listed := "", ""
	if s.sensitive {
		sensitive = analyze.Sensitive(h.Version)
	}
	if s.digests != nil {
		listed = s.digests.Name(h.Version)
	}
	return append(row, render.KnownName(img.StoredAt(h)), render.Known(sensitive), render.KnownName(listed))
}

// rows are the rows of hits in one image.
func (s *search) rows(img *analyze.Image, hits iter.Seq[analyze.Hit]) iter.Seq[[]render.Value] {
	top := img.Top()
	return func(yield func([]render.Value) bool) {
		var row []render.Value
		for h := range hits {
			if row = s.append(row[:0], img, top, h); !yield(row) {
				return
			}
		}
	}
}

// sorted puts hits, which come in path order, in the order of --sort.
func (s *search) sorted(hits iter.Seq[analyze.Hit]) iter.Seq[analyze.Hit] {
	order := orderOf(s.sort.Word)
	if order == nil {
		return hits
	}
	return slices.Values(slices.SortedStableFunc(hits, func(a, b analyze.Hit) int {
		return order(stampOf(a.Version), stampOf(b.Version))
	}))
}

// columns are those of versions, and what the flags ask for. Only in an engine's store versions are files.
func (s *search) columns(fields []render.Field, stored bool) []render.Column {
	columns := hitColumns(s.needs.Digests)
	last := len(columns) - 1
	path, columns := columns[last], columns[:last]
	if s.long {
		columns = append(columns, item.Spare(item.Column(fields, "MODIFIED", "mtime", render.Moment)))
	}
	if s.sensitive {
		sensitive := item.Column(fields, "SENSITIVE", "sensitive")
		sensitive.Tone = render.Alarming
		columns = append(columns, sensitive)
	}
	if s.digests.Named() {
		columns = append(columns, item.Column(fields, "LISTED AS", "listed"))
	}
	if columns = append(columns, path); s.long && stored {
		at := item.Column(fields, "STORED AT", "storedAt")
		at.Path, at.Cut = true, true
		columns = append(columns, at)
	}
	return columns
}
