package call

import (
	"io"
	"iter"
	"slices"

	"layup/report/render"
)

// mostHeld is how many rows of a list are kept while other images are loaded. Longer lists are made again when they
// are written.
const mostHeld = 1000

type rows = iter.Seq[[]render.Value]

// settle makes the part hold nothing of its image's tree. Lists become plain values, unless they are long: again asks
// the question once more for these, and done is called after they are written.
func (p *Part) settle(again func() Part, done func()) {
	anew := func(of func(Part) rows) rows {
		return func(yield func([]render.Value) bool) {
			defer done()
			of(again())(yield)
		}
	}
	if all, columns, ok := held(p.Fields, p.Columns, p.Rows); ok {
		p.Rows, p.Columns = all, columns
	} else {
		p.Rows = anew(func(p Part) rows { return p.Rows })
	}
	p.Lists = slices.Clone(p.Lists)
	for i := range p.Lists {
		l := &p.Lists[i]
		all, columns, ok := held(l.Fields, l.Columns, l.Rows)
		shown, _, short := held(l.Fields, l.Columns, l.Shown)
		if ok && short {
			l.Rows, l.Shown, l.Columns = all, shown, columns
			continue
		}
		l.Rows = anew(func(p Part) rows { return p.Lists[i].Rows })
		if l.Shown != nil {
			l.Shown = anew(func(p Part) rows { return p.Lists[i].Shown })
		}
	}
	if p.Text != nil {
		p.Text = func(w io.Writer, t render.Terminal) error {
			defer done()
			return again().Text(w, t)
		}
	}
}

// held returns a list with the cells of its columns as further values of each row; false if it is too long.
func held(fields []render.Field, columns []render.Column, list rows) (_ rows, _ []render.Column, ok bool) {
	if list == nil {
		return nil, columns, true
	}
	var kept [][]render.Value
	for row := range list {
		if len(kept) == mostHeld {
			return nil, nil, false
		}
		plain := make([]render.Value, len(fields), len(fields)+len(columns))
		copy(plain, row)
		for _, c := range columns {
			plain = append(plain, render.T(c.Cell(row)))
		}
		kept = append(kept, plain)
	}
	columns = slices.Clone(columns)
	for i := range columns {
		columns[i].Cell = func(row []render.Value) string { return row[len(fields)+i].String() }
	}
	return slices.Values(kept), columns, true
}
