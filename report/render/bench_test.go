package render

import (
	"fmt"
	"io"
	"strconv"
	"testing"

	"layup/analyze/show"
)

// listing is a document of n items such as ls makes.
func listing(n int) Doc {
	rows := func(yield func([]Value) bool) {
		row := make([]Value, 11)
		for i := range n {
			path := "/usr/share/doc/package-" + strconv.Itoa(i%5000) + "/file-" + strconv.Itoa(i)
			row[0], row[1], row[2] = N(path), T("file"), T("0644")
			row[3], row[4], row[5] = I(0), I(0), I(int64(i))
			row[6], row[7], row[8] = At(1600000000+int64(i), 0), I(int64(i%7)), I(int64(i%7))
			row[9], row[10] = Value{}, Value{}
			if i%50 == 0 {
				row[9] = N("../target")
			}
			if !yield(row) {
				return
			}
		}
	}
	fields := []Field{{"path", Name}, {"type", Text}, {"mode", Text}, {"uid", Int}, {"gid", Int}, {"size", Int},
		{"mtime", Time}, {"layer", Int}, {"metaLayer", Int}, {"link", Name}, {"implied", Bool}}
	cell := func(i int) func([]Value) string { return func(row []Value) string { return row[i].String() } }
	columns := []Column{
		{Title: "Mode", Cell: cell(2)},
		{Title: "Owner", Cell: func(row []Value) string { return row[3].String() + ":" + row[4].String() }},
		{Title: "Size", Right: true, Cell: func(row []Value) string { return show.Size(row[5].Int()) }},
		{Title: "Modified", Cell: func(row []Value) string { return show.When(row[6].Int()) }},
		{Title: "Layer", Right: true, Cell: cell(7)},
		{Title: "Path", Cut: true, Cell: cell(0)},
	}
	return Doc{Command: "ls", Sections: []Section{{Source: "big.tar", Name: "big:1", Fields: fields, Rows: rows,
		Columns: columns}}}
}

// BenchmarkMillion writes a million items in each format.
func BenchmarkMillion(b *testing.B) {
	for _, format := range []string{"table", "json", "jsonl", "csv", "tsv", "{{.path}}", `table {{.path}}\t{{.size}}`} {
		b.Run(fmt.Sprintf("%q", format), func(b *testing.B) {
			f, err := Parse(format, Formats)
			if err != nil {
				b.Fatal(err)
			}
			d := listing(1_000_000)
			for b.Loop() {
				if err := f.Write(io.Discard, d, Terminal{}); err != nil {
					b.Fatal(err)
				}
			}
		})
	}
}

// BenchmarkThousand writes the largest table that tablewriter is given.
func BenchmarkThousand(b *testing.B) {
	d := listing(measured)
	for b.Loop() {
		if err := (Format{}).Write(io.Discard, d, Terminal{Width: 100}); err != nil {
			b.Fatal(err)
		}
	}
}
