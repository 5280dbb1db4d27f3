package report

import (
	"iter"
	"slices"

	"layup/analyze"
	"layup/report/item"
	"layup/report/render"
	"layup/tarfs"
)

// findFields are those of versions, then the file in an engine's store, the rule of a sensitive file, the name in a
// list of digests, and the archive that a file is in.
var findFields = slices.Concat(item.VersionFields, []render.Field{{Name: "storedAt", Kind: render.Name},
	{Name: "sensitive"}, {Name: "listed", Kind: render.Name},
	{Name: "archive", Kind: render.Name}})

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
	return append(row, render.KnownName(img.StoredAt(h)), render.Known(sensitive), render.KnownName(listed),
		render.Value{})
}

// rows are the rows of what was found in one image.
func (s *search) rows(img *analyze.Image, found iter.Seq[match]) iter.Seq[[]render.Value] {
	top := img.Top()
	return func(yield func([]render.Value) bool) {
		var row []render.Value
		for m := range found {
			if m.in == nil {
				row = s.append(row[:0], img, top, m.Hit)
			} else {
				row = s.append(row[:0], img, m.in.tree.Top(), m.Hit)
				m.within(row)
			}
			if !yield(row) {
				return
			}
		}
	}
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
