package render

import (
	"bufio"
	"fmt"
	"io"
	"slices"
	"strings"
	"testing"

	"layup/analyze/show"
)

func TestTableIsPlain(t *testing.T) {
	d := sample()
	d.Sections[0].Footer = "2 of 7 files"
	got := write(t, "table", d, Terminal{})
	want := "" +
		"PATH          SIZE\n" +
		"$'/a\\xff<&>'    -5\n" +
		"$'/b,\"\\n'\n" +
		"2 of 7 files\n"
	if got != want {
		t.Errorf("got\n%swant\n%s", got, want)
	}
}

func TestTableOfNothingIsItsHeader(t *testing.T) {
	d := sample()
	d.Sections[0].Rows = nil
	if got := write(t, "table", d, Terminal{}); got != "PATH  SIZE\n" {
		t.Errorf("got %q", got)
	}
}

func TestOneTableHoldsTheRowsOfSeveralImages(t *testing.T) {
	d := two()
	d.Sections[1].Footer = "done"
	lines := strings.Split(write(t, "table", d, Terminal{}), "\n")
	if lines[0] != "IMAGE     PATH          SIZE" || !strings.HasPrefix(lines[1], "shop:1.2  ") ||
		!strings.HasPrefix(lines[3], "shop:1.3  ") || lines[5] != "shop:1.3: done" {
		t.Errorf("got %q", lines)
	}
	d.Sections[1].Source = "other.tar"
	if got := write(t, "table", d, Terminal{}); !strings.HasPrefix(got, "SOURCE     IMAGE     PATH") ||
		!strings.Contains(got, "\nother.tar  shop:1.3  $'/a") {
		t.Errorf("two sources: got %s", got)
	}
}

func TestASectionMayDrawItself(t *testing.T) {
	d := two()
	for i := range d.Sections {
		d.Sections[i].Text = func(w io.Writer, _ Terminal) error {
			_, err := fmt.Fprintln(w, "drawn")
			return err
		}
	}
	if got, want := write(t, "table", d, Terminal{}), "shop:1.2:\ndrawn\n\nshop:1.3:\ndrawn\n"; got != want {
		t.Errorf("got %q, want %q", got, want)
	}
}

// uglySheet has n rows of ugly cells.
func uglySheet(n int, term Terminal) *sheet {
	columns := []Column{{Title: "NAME", Cut: true}, {Title: "N", Right: true}, {Title: "SHORT", Cut: true},
		{Title: "LAST"}}
	sh := &sheet{terminal: term, columns: columns}
	sh.rows = func(yield func([]string) bool) error {
		for i := range n {
			c, e := ugly[i%len(ugly)], ugly[i*7%len(ugly)]
			if !yield([]string{show.Safe(c), fmt.Sprint(i * i), show.Safe(e), show.Safe(c + e)}) {
				break
			}
		}
		return nil
	}
	return sh
}

func text(t *testing.T, write func(*bufio.Writer) error) string {
	t.Helper()
	var b strings.Builder
	w := bufio.NewWriter(&b)
	if err := write(w); err != nil {
		t.Fatal(err)
	}
	if err := w.Flush(); err != nil {
		t.Fatal(err)
	}
	return b.String()
}

func TestSmallAndStreamedTablesLookTheSame(t *testing.T) {
	for _, term := range []Terminal{{}, {Width: 70}, {Width: 40, Color: true}, {Width: 9}, {Width: 1}} {
		var rows [][]string
		sh := uglySheet(2*len(ugly), term)
		_ = sh.rows(func(row []string) bool {
			rows = append(rows, row)
			return true
		})
		small := text(t, sh.write)
		streamed := text(t, func(w *bufio.Writer) error { return sh.lay(rows).stream(w, rows) })
		if small != streamed {
			t.Errorf("%+v: small\n%sstreamed\n%s", term, small, streamed)
		}
	}
}

func TestTablesFitTheTerminal(t *testing.T) {
	for _, width := range []int{1, 2, 9, 30, 80} {
		for _, rows := range []int{len(ugly), measured + 100} {
			for line := range strings.Lines(text(t, uglySheet(rows, Terminal{Width: width}).write)) {
				if got := displayWidth(strings.TrimSuffix(line, "\n")); got > width {
					t.Errorf("%d rows: %q takes %d columns of %d", rows, line, got, width)
				}
			}
		}
	}
}

func TestTheLastColumnThatMayBeCutIsCutFirst(t *testing.T) {
	sh := &sheet{terminal: Terminal{Width: 40}, columns: []Column{{Title: "A", Cut: true}, {Title: "B", Cut: true}}}
	sh.rows = func(yield func([]string) bool) error {
		yield([]string{"0123456789", "0123456789012345678901234567890"})
		return nil
	}
	if got, want := text(t, sh.write), "A           B\n0123456789  012345678901234567890123456…\n"; got != want {
		t.Errorf("got\n%swant\n%s", got, want)
	}
}

func TestOnATerminalAPathKeepsItsEndAndTheInstructionItsBeginning(t *testing.T) {
	cell := func(s string) func([]Value) string { return func([]Value) string { return s } }
	columns := []Column{{Title: "Path", Cut: true, Path: true, Cell: cell("/usr/lib/node_modules/left-pad/package.json")},
		{Title: "Sum", Hex: true, Cell: cell("sha256:" + strings.Repeat("0123456789abcdef", 4))},
		{Title: "Instruction", Cut: true, Cell: cell("RUN npm install --global left-pad")}}
	for term, want := range map[Terminal]string{
		{Width: 64}: "…s/left-pad/package.json  0123456789ab  RUN npm install …",
		{}:          "/usr/lib/node_modules/left-pad/package.json  0123456789ab  RUN npm install --global left-pad",
		{Whole: true}: "/usr/lib/node_modules/left-pad/package.json  sha256:" + strings.Repeat("0123456789abcdef", 4) +
			"  RUN npm install --global left-pad",
	} {
		d := Doc{Sections: []Section{{Columns: columns, Rows: rowsOf([]Value{I(1)})}}}
		_, row, _ := strings.Cut(write(t, "table", d, term), "\n")
		if row != want+"\n" {
			t.Errorf("%+v: got\n%swant\n%s", term, row, want)
		}
	}
}

func TestATerminalShowsTheLargestRowsBelowTheTotal(t *testing.T) {
	number := func(row []Value) string { return row[0].String() }
	s := Section{Largest: true, Footer: "6 in all", Columns: []Column{{Title: "N", Cell: number}},
		Rows: rowsOf([]Value{I(3)}, []Value{I(2)}, []Value{I(1)})}
	for term, want := range map[Terminal]string{
		{Rows: 2}: "6 in all\nN\n3\n2\n1 more: --all-rows shows them\n",
		{Rows: 3}: "6 in all\nN\n3\n2\n1\n",
		{}:        "N\n3\n2\n1\n6 in all\n",
	} {
		if got := write(t, "table", Doc{Sections: []Section{s}}, term); got != want {
			t.Errorf("%+v: got\n%swant\n%s", term, got, want)
		}
	}
}

func TestColoursSayWhatWordsSay(t *testing.T) {
	change := func(row []Value) string { return row[0].String() }
	s := Section{Columns: []Column{{Title: "Change", Tone: ToneOf, Cell: change}},
		Rows: rowsOf([]Value{T("added")}, []Value{T("deleted by 3")}, []Value{T("live")})}
	for term, want := range map[Terminal]string{
		{Color: true}: "\x1b[1mCHANGE\x1b[0m\n\x1b[32madded\x1b[0m\n\x1b[31mdeleted by 3\x1b[0m\nlive\n",
		{}:            "CHANGE\nadded\ndeleted by 3\nlive\n",
	} {
		if got := write(t, "table", Doc{Sections: []Section{s}}, term); got != want {
			t.Errorf("%+v: got %q want %q", term, got, want)
		}
	}
}

func TestNarrowTerminalsSpareColumnsBeforeTheAnswer(t *testing.T) {
	cell := func(s string) func([]Value) string { return func([]Value) string { return s } }
	columns := []Column{{Title: "Layer", Right: true, Cell: cell("3")},
		{Title: "Mode", Spare: true, Cell: cell("-rw-r--r--")}, {Title: "Owner", Spare: true, Cell: cell("0:0")},
		{Title: "Path", Cell: cell("/etc/nginx/nginx.conf.default")}}
	for width, want := range map[int]string{
		0:  "LAYER  MODE        OWNER  PATH\n    3  -rw-r--r--  0:0    /etc/nginx/nginx.conf.default\n",
		50: "LAYER  MODE        OWNER  PATH\n    3  -rw-r--r--  0:0    /etc/nginx/nginx.conf.d…\n",
		45: "LAYER  MODE        PATH\n    3  -rw-r--r--  /etc/nginx/nginx.conf.def…\n",
		36: "LAYER  PATH\n    3  /etc/nginx/nginx.conf.default\n",
		12: "LAYER  PATH\n    3  /etc…\n",
	} {
		for _, rows := range []int{1, measured + 1} { // drawn small, and streamed
			d := Doc{Sections: []Section{{Columns: columns, Rows: rowsOf(slices.Repeat([][]Value{{I(1)}}, rows)...)}}}
			header, row, _ := strings.Cut(want, "\n")
			if got := write(t, "table", d, Terminal{Width: width}); got != header+"\n"+strings.Repeat(row, rows) {
				t.Errorf("%d rows, width %d: got\n%.200s\nwant\n%s", rows, width, got, want)
			}
		}
	}
}

func TestAPathAndWhatARowIsAboutStayReadable(t *testing.T) {
	cell := func(s string) func([]Value) string { return func([]Value) string { return s } }
	long := "0 RUN apt-get install --yes something"
	name := Column{Title: "Name", Cut: true, Cell: cell("node-undici-types")}
	path := Column{Title: "Path", Cut: true, Path: true, Cell: cell("/root/.aws/credentials")}
	a, b := Column{Title: "A", Cut: true, Cell: cell(long)}, Column{Title: "B", Cut: true, Cell: cell(long)}
	for _, c := range []struct {
		width   int
		columns []Column
		want    string
	}{
		{53, []Column{{Title: "Change", Cell: cell("removed")}, path, a, b},
			"CHANGE   PATH              A        B\nremoved  …aws/credentials  0 RUN …  0 RUN apt-get …\n"},
		{44, []Column{name, a, {Title: "Place", Cut: true, Path: true, Spare: true, Cell: path.Cell}},
			"NAME               A\nnode-undici-types  0 RUN apt-get install …\n"},
	} {
		d := Doc{Sections: []Section{{Columns: c.columns, Rows: rowsOf([]Value{I(1)})}}}
		if got := write(t, "table", d, Terminal{Width: c.width}); got != c.want {
			t.Errorf("got\n%swant\n%s", got, c.want)
		}
	}
}

func TestPipedTablesAreWhole(t *testing.T) {
	long := "/" + strings.Repeat("long/", 500)
	d := Doc{Sections: []Section{{Columns: []Column{{Title: "Path", Cut: true,
		Cell: func([]Value) string { return long }}},
		Rows: rowsOf([]Value{I(1)})}}}
	if got := write(t, "table", d, Terminal{}); got != "PATH\n"+long+"\n" {
		t.Errorf("got %d bytes", len(got))
	}
	if got := write(t, "table", d, Terminal{Width: 10}); got != "PATH\n/long/lon…\n" {
		t.Errorf("on a terminal: got %q", got)
	}
}

func TestNoLineEndsInSpaces(t *testing.T) {
	for _, rows := range []int{3 * len(ugly), measured + 200} {
		for _, term := range []Terminal{{}, {Width: 50}} {
			for line := range strings.Lines(text(t, uglySheet(rows, term).write)) {
				if strings.HasSuffix(line, " \n") {
					t.Errorf("%d rows, %+v: %q", rows, term, line)
				}
			}
		}
	}
}

func TestLongTablesAreStreamedWhole(t *testing.T) {
	const n = 3 * measured
	lines := strings.Split(write(t, "table", listing(n), Terminal{}), "\n")
	if len(lines) != n+2 || !strings.HasSuffix(lines[n], fmt.Sprintf("file-%d", n-1)) {
		t.Errorf("%d lines, the last %q", len(lines), lines[n])
	}
}

func TestOnlyTheHeaderIsBoldAndOnlyInColour(t *testing.T) {
	for _, rows := range []int{2, measured + 2} {
		got := write(t, "table", listing(rows), Terminal{Color: true})
		header, _, _ := strings.Cut(got, "\n")
		if !strings.HasPrefix(header, "\x1b[1mMODE") || !strings.HasSuffix(header, "PATH\x1b[0m") ||
			strings.Count(got, "\x1b") != 2 {
			t.Errorf("%d rows: header %q, %d escapes", rows, header, strings.Count(got, "\x1b"))
		}
		if plain := write(t, "table", listing(rows), Terminal{}); strings.Contains(plain, "\x1b") {
			t.Errorf("%d rows: colour without colour", rows)
		}
	}
}

func TestWidthIsThatOfTerminals(t *testing.T) {
	for s, want := range map[string]int{"": 0, "abc": 3, "世界": 4, "cafe\u0301": 4, "a世b": 4, "🎉": 2,
		"e" + strings.Repeat("\u0301", 8): 1, "…": 1} {
		if got := displayWidth(s); got != want {
			t.Errorf("%q: got %d, want %d", s, got, want)
		}
	}
	for _, c := range []struct {
		s    string
		most int
		want string
	}{{"abc", 3, "abc"}, {"abcd", 3, "ab…"}, {"世界世界", 4, "世…"}, {"世界世界", 5, "世界…"},
		{"e\u0301e\u0301e\u0301", 2, "e\u0301…"}, {"abc", 1, "…"}, {"abc", 0, ""}, {"abc", -1, ""}} {
		if got := cutTo(c.s, c.most); got != c.want {
			t.Errorf("cutTo(%q, %d) = %q, want %q", c.s, c.most, got, c.want)
		}
	}
}
