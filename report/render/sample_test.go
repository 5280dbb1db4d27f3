package render

import (
	"strings"
	"testing"
)

// write writes a document in a format.
func write(t *testing.T, format string, d Doc, term Terminal) string {
	t.Helper()
	f, err := Parse(format, Formats)
	if err != nil {
		t.Fatalf("Parse(%q): %v", format, err)
	}
	var b strings.Builder
	if err := f.Write(&b, d, term); err != nil {
		t.Fatalf("Write as %q: %v", format, err)
	}
	return b.String()
}

// rowsOf yields rows in one slice, as documents do.
func rowsOf(rows ...[]Value) func(func([]Value) bool) {
	return func(yield func([]Value) bool) {
		var row []Value
		for _, r := range rows {
			if row = append(row[:0], r...); !yield(row) {
				return
			}
		}
	}
}

// sample has a value of each kind, absent ones, and bytes that are not UTF-8.
func sample() Doc {
	return Doc{Command: "ls", Sections: []Section{{
		Image:  map[string]any{"reference": "shop:1.2", "layers": 3},
		Source: "shop.tar", Name: "shop:1.2",
		Fields: []Field{
			{"path", Name}, {"size", Int}, {"mtime", Time}, {"implied", Bool}, {"xattrs", Object}, {"createdBy", Text},
		},
		Rows: rowsOf(
			[]Value{N("/a\xff<&>"), I(-5), At(1600000000, 5), {}, O(map[string]string{"user.a": "\u202e\U000e0041\x7f"}),
				T("=1+1")},
			[]Value{N("/b,\"\n"), {}, At(lastSecond+1, 0), B(true)},
		),
		Columns: []Column{
			{Title: "Path", Cut: true, Cell: func(row []Value) string { return row[0].String() }},
			{Title: "Size", Right: true, Cell: func(row []Value) string { return row[1].String() }},
		},
	}}}
}

func two() Doc {
	d := sample()
	other := d.Sections[0]
	other.Name = "shop:1.3"
	d.Many, d.Sections = true, append(d.Sections, other)
	return d
}

// ugly are texts that images have been made with.
var ugly = []string{
	"", "/etc/nginx/nginx.conf", "My Documents  (old)", `a\x2db`, "cafe\u0301", "/世界/🎉", "שלום", "a\x1b[31mred", "\x9b31m",
	"\u009b31m", "good\rbad", "\a\b\x7f\x00", "a\nb\tc", "it's\\\n", "caf\xe9", "\xed\xa0\x80", "a\ufffd",
	"fdp.\u202eexe", "a\u200bb\u200d", "\ufeffa", "a\u2028b", "a\U000e0041", "a\ufe0f", "\u3164", "a\u00a0b\u3000",
	"\u2800", "\ue000", " a ", "$'a'", "\u0301a", "\n\u0301",
}

const (
	firstSecond = -62167219200 // 0000-01-01T00:00:00Z
	lastSecond  = 253402300799 // 9999-12-31T23:59:59Z
)
