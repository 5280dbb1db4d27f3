package render

import (
	"slices"
	"strings"
	"testing"
)

func TestTextWrapsBetweenWords(t *testing.T) {
	for _, c := range []struct {
		s    string
		most int
		want string // lines divided by |
	}{
		{"", 5, ""},
		{"one", 5, "one"},
		{"one two", 5, "one|two"},
		{"one two three", 7, "one two|three"},
		{"one two three", 8, "one two|three"},
		{"abcdefghij", 4, "abcd|efgh|ij"},
		{"a abcdefghij", 4, "a|abcd|efgh|ij"},
		{"世界 世界", 4, "世界|世界"},
		{"世界", 1, "世|界"},
		{"one  two", 4, "one|two"},
	} {
		if got := strings.Join(wrapTo(c.s, c.most), "|"); got != c.want {
			t.Errorf("wrapTo(%q, %d): got %q, want %q", c.s, c.most, got, c.want)
		}
	}
}

func TestTextIsCutBetweenWordsIfASpaceIsNear(t *testing.T) {
	for _, c := range []struct {
		s    string
		most int
		want string
	}{
		{"one two three", 13, "one two three"}, {"one two three", 12, "one two …"}, {"one two three", 9, "one two …"},
		{"one two three", 8, "one two…"}, {"one twothreefourfivesix", 20, "one twothreefourfiv…"},
		{"RUN a > /tmp/file0", 16, "RUN a > …"}, {"abcdef", 4, "abc…"}, {"abc", 0, ""},
	} {
		if got := cutWords(c.s, c.most); got != c.want {
			t.Errorf("cutWords(%q, %d): got %q, want %q", c.s, c.most, got, c.want)
		}
	}
}

func TestPathsAreCutAtTheirBeginning(t *testing.T) {
	for _, c := range []struct {
		s    string
		most int
		want string
	}{
		{"/usr/share/doc", 20, "/usr/share/doc"},
		{"/usr/share/doc", 10, "…share/doc"},
		{"/lib -> usr/lib/x86_64", 16, "/lib -> usr/lib…"},
		{"/usr/share/doc/link -> a", 10, "…/doc/link"},
		{"/usr/link -> a", 14, "/usr/link -> a"},
	} {
		if got := cutPath(c.s, c.most); got != c.want {
			t.Errorf("cutPath(%q, %d): got %q, want %q", c.s, c.most, got, c.want)
		}
	}
}

// A last column that wraps loses nothing on a narrow terminal, in short tables and in streamed ones.
func TestTheLastColumnWraps(t *testing.T) {
	const text = "a sentence that is longer than the terminal is wide, with averylongwordthatnobodycanbreakinanygoodplace"
	for _, rows := range []int{3, measured + 5} {
		s := Section{Fields: []Field{{Name: "name"}, {Name: "text"}}, Columns: []Column{
			{Title: "name", Cell: func(row []Value) string { return row[0].String() }},
			{Title: "text", Wrap: true, Cell: func(row []Value) string { return row[1].String() }}},
			Rows: func(yield func([]Value) bool) {
				for range rows {
					if !yield([]Value{T("name"), T(text)}) {
						return
					}
				}
			}}
		for _, width := range []int{0, 40} {
			var b strings.Builder
			if err := (Format{}).Write(&b, Doc{Sections: []Section{s}}, Terminal{Width: width}); err != nil {
				t.Fatal(err)
			}
			lines := strings.Split(strings.TrimSuffix(b.String(), "\n"), "\n")
			if slices.ContainsFunc(lines, func(l string) bool { return width > 0 && displayWidth(l) > width }) {
				t.Errorf("%d rows: a line is wider than %d:\n%s", rows, width, b.String()[:300])
			}
			words := strings.Fields(strings.ReplaceAll(b.String(), "name", ""))
			if got := strings.Join(words, ""); strings.Count(got, strings.ReplaceAll(text, " ", "")) != rows {
				t.Errorf("%d rows, width %d: something is lost:\n%s", rows, width, b.String()[:300])
			}
			if width > 0 && !strings.HasPrefix(lines[2], "      ") {
				t.Errorf("the second line of a row is not in its column: %q", lines[2])
			}
		}
	}
}
