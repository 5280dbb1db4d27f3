package render

import (
	"encoding/csv"
	"slices"
	"strings"
	"testing"

	"layup/analyze/show"
)

func TestCSVHasNamesAndPlainNumbers(t *testing.T) {
	got := write(t, "csv", sample(), Terminal{})
	want := "path,pathBase64,size,mtime,mtimeUnix,implied,xattrs,createdBy\r\n" +
		"/a\ufffd<&>,L2H/PCY+,-5,2020-09-13T12:26:40.000000005Z,,," +
		"\"{\"\"user.a\"\":\"\"\\u202e\\udb40\\udc41\\u007f\"\"}\",'=1+1\r\n" +
		"\"/b,\"\"\n\",,,,253402300800,true,,\r\n"
	if got != want {
		t.Errorf("got  %q\nwant %q", got, want)
	}
}

func TestTSVKeepsRowsOnOneLine(t *testing.T) {
	d := Doc{Sections: []Section{{Fields: []Field{{"a", Text}, {"b", Int}},
		Rows: rowsOf([]Value{T("tab\tline\nreturn\rback\\slash"), I(1)}, []Value{T("\t="), {}})}}}
	got := write(t, "tsv", d, Terminal{})
	if want := "a\tb\n" + `tab\tline\nreturn\rback\\slash` + "\t1\n" + `'\t=` + "\t\n"; got != want {
		t.Errorf("got %q, want %q", got, want)
	}
}

func TestRowsOfSeveralImagesBeginWithSourceAndImage(t *testing.T) {
	for _, format := range []string{"csv", "tsv"} {
		lines := strings.SplitAfter(write(t, format, two(), Terminal{}), "\n")
		comma := map[string]string{"csv": ",", "tsv": "\t"}[format]
		if !strings.HasPrefix(lines[0], "source"+comma+"image"+comma+"path") {
			t.Errorf("%s: header %q", format, lines[0])
		}
		all := strings.Join(lines[1:], "")
		if strings.Contains(all, "source") || !strings.Contains(all, "\nshop.tar"+comma+"shop:1.3"+comma) {
			t.Errorf("%s: rows %q", format, all)
		}
	}
}

func TestFormulasGetAQuoteAndNumbersDoNot(t *testing.T) {
	for text, want := range map[string]string{
		"=cmd": "'=cmd", "+1": "'+1", "-1": "'-1", "@a": "'@a", "\ta": "'\ta", "\ra": "'\ra", "a=": "a=", "'=": "'=", "": "",
		"/=": "/=",
	} {
		for _, v := range []Value{T(text), N(text)} {
			d := Doc{Sections: []Section{{Fields: []Field{{"a", Text}, {"n", Int}}, Rows: rowsOf([]Value{v, I(-1)})}}}
			rows, err := csv.NewReader(strings.NewReader(write(t, "csv", d, Terminal{}))).ReadAll()
			if err != nil || len(rows) != 2 || rows[1][0] != want || rows[1][1] != "-1" {
				t.Errorf("%q: got %q, %v, want %q", text, rows, err, want)
			}
		}
	}
}

func FuzzCSVReadsBackExactly(f *testing.F) {
	for _, c := range ugly {
		f.Add(c, " x")
	}
	f.Add(`"`, ",")
	f.Fuzz(func(t *testing.T, a, b string) {
		if strings.Contains(a+b, "\r\n") {
			t.Skip("encoding/csv reads CR LF within a cell as LF")
		}
		d := Doc{Sections: []Section{{Fields: []Field{{"a", Text}, {"b", Text}}, Rows: rowsOf([]Value{T(a), T(b)})}}}
		text := write(t, "csv", d, Terminal{})
		rows, err := csv.NewReader(strings.NewReader(text)).ReadAll()
		if err != nil || len(rows) != 2 {
			t.Fatalf("%q: %v, %q", text, err, rows)
		}
		if want := []string{guarded(a), guarded(b)}; !slices.Equal(rows[1], want) {
			t.Errorf("got %q, want %q", rows[1], want)
		}
	})
}

// guarded is a cell as a reader of csv gets it.
func guarded(s string) string {
	s = string([]rune(s))
	if s != "" && strings.ContainsRune("=+-@\t\r", rune(s[0])) {
		return "'" + s
	}
	return s
}

func TestARowOfOneEmptyCellIsARow(t *testing.T) {
	d := Doc{Sections: []Section{{Fields: []Field{{"a", Text}}, Rows: rowsOf([]Value{{}}, []Value{T("x")})}}}
	rows, err := csv.NewReader(strings.NewReader(write(t, "csv", d, Terminal{}))).ReadAll()
	if err != nil || len(rows) != 3 || rows[1][0] != "" {
		t.Errorf("got %q, %v", rows, err)
	}
}

func TestCellsAreHarmlessOnATerminal(t *testing.T) {
	for _, c := range ugly {
		d := Doc{Many: true, Sections: []Section{{Source: c, Name: c, Fields: []Field{{"a", Name}, {"b", Text}},
			Rows: rowsOf([]Value{N(c), T(c)})}}}
		for _, format := range []string{"csv", "tsv", "table {{.a}}", "{{.a}}{{.b}}{{.image}}{{.}}"} {
			for _, r := range write(t, format, d, Terminal{TTY: true}) {
				if show.Odd(r) && !strings.ContainsRune("\r\n\t", r) {
					t.Errorf("%q: %s shows %U", c, format, r)
				}
			}
		}
	}
}
