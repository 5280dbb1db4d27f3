package call

import (
	"fmt"
	"iter"
	"slices"
	"testing"

	"layup/report/render"
)

// countedPart has so many rows, each with a thing that only its column shows; asked counts who looks at them.
func countedPart(n int, asked *int) Part {
	var p Part
	p.Fields = []render.Field{{Name: "number", Kind: render.Int}}
	p.Rows = func(yield func([]render.Value) bool) {
		*asked++
		for i := range n {
			if !yield([]render.Value{render.I(int64(i)), render.O(&i)}) {
				return
			}
		}
	}
	p.Columns = []render.Column{{Title: "THING", Cell: func(row []render.Value) string {
		return fmt.Sprint("thing ", *row[1].Object().(*int))
	}}}
	p.Lists = []render.List{{Name: "more", Fields: p.Fields, Rows: p.Rows, Shown: p.Rows, Columns: p.Columns}}
	return p
}

func cellsOf(list iter.Seq[[]render.Value], columns []render.Column) (cells []string) {
	for row := range list {
		cells = append(cells, fmt.Sprint(row[0].Int(), " ", columns[0].Cell(row)))
	}
	return cells
}

// A settled part shows what it showed before, and asks again only for long lists.
func TestSettledPartsShowTheSame(t *testing.T) {
	for n, want := range map[int]int{0: 0, 3: 0, mostHeld: 0, mostHeld + 1: 1} {
		ignored, asked, done := 0, 0, 0
		p := countedPart(n, &ignored)
		rows, short := cellsOf(p.Rows, p.Columns), cellsOf(p.Lists[0].Shown, p.Lists[0].Columns)
		p.settle(func() Part { return countedPart(n, &asked) }, func() { done++ })
		if got := cellsOf(p.Rows, p.Columns); !slices.Equal(got, rows) || asked != want || done != want {
			t.Errorf("%d rows: asked %d times, done %d, want %d; got %d rows", n, asked, done, want, len(got))
		}
		if got := cellsOf(p.Lists[0].Shown, p.Lists[0].Columns); !slices.Equal(got, short) || asked != 2*want {
			t.Errorf("%d rows of a list: asked %d times, got %d rows", n, asked, len(got))
		}
	}
}
