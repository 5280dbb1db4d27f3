package render

import (
	"bufio"
	"bytes"
	"cmp"
	"slices"
)

const (
	// measured is how many rows decide on the widths of the columns, and the most that tablewriter is given. A longer
	// table is streamed, and a wider cell further down moves only its own line. tablewriter lays out 17,000 rows of five
	// columns a second, all in memory; a lineWriter writes 1,700,000, and lists have millions.
	measured = 1000
	// gap stands between columns.
	gap = "  "
	// narrowest is the width below which no column is cut.
	narrowest = 8
	// readable is the width of a column that holds the answer that is worth more than a column that can be spared.
	readable = 24
	// telling is the width of such a column that is worth more than the cells of the other columns.
	telling = 16
)

// A sheet is a table of safe cells before it is written.
type sheet struct {
	columns  []Column                              // their cells are made
	rows     func(yield func([]string) bool) error // the slice is used again for the next row
	terminal Terminal
	more     int // rows that were left out
}

// write measures the first rows, and writes them with all that follow.
func (sh *sheet) write(w *bufio.Writer) error {
	var first [][]string
	var lines *lineWriter
	var failed error
	var keep []int
	err := sh.rows(func(row []string) bool {
		if len(first) < measured {
			first = append(first, slices.Clone(row))
			return true
		}
		if lines == nil {
			keep = sh.narrow(first)
			lines = sh.lay(first)
			failed = lines.stream(w, first)
		}
		if failed == nil {
			row = only(row, keep)
			failed = lines.write(w, row, lines.style(row))
		}
		return failed == nil
	})
	if err == nil && lines == nil {
		sh.narrow(first)
		return sh.lay(first).draw(w, first)
	}
	return cmp.Or(err, failed)
}

// titles is the row above all others.
func (sh *sheet) titles() []string {
	titles := make([]string, len(sh.columns))
	for i, c := range sh.columns {
		titles[i] = c.Title
	}
	return titles
}

// measure returns how wide each column is.
func (sh *sheet) measure(rows [][]string) []int {
	widths := make([]int, len(sh.columns))
	for i, c := range sh.columns {
		widths[i] = displayWidth(c.Title)
	}
	for _, row := range rows {
		for i, cell := range row[:min(len(row), len(widths))] {
			widths[i] = max(widths[i], displayWidth(cell))
		}
	}
	return widths
}

// lay decides on the widths: as wide as the widest cell, and no wider than the terminal as far as cutting can help.
func (sh *sheet) lay(first [][]string) *lineWriter {
	l := &lineWriter{sheet: sh, widths: sh.measure(first), most: make([]int, len(sh.columns))}
	if sh.terminal.Width > 0 {
		l.fit()
	}
	return l
}

// A lineWriter writes the rows of a table with known widths.
type lineWriter struct {
	*sheet
	widths []int
	most   []int // how wide the cells of each column may be; 0 sets no limit
	buf    []byte
}

// fit cuts the columns that may be cut to the terminal's width, the last one first: at first none below its floor, then
// all others before those that hold the answer.
func (l *lineWriter) fit() {
	spare := l.terminal.Width - len(gap)*(len(l.widths)-1)
	for _, w := range l.widths {
		spare -= w
	}
	for _, answer := range []int{readable, telling, narrowest} {
		for i, c := range slices.Backward(l.columns) {
			if !c.cuts() || spare >= 0 {
				continue
			}
			less := min(-spare, max(0, l.widths[i]-l.floor(i, answer)))
			l.widths[i] -= less
			spare += less
		}
	}
	for i, c := range slices.Backward(l.columns) {
		if c.cuts() {
			l.most[i] = l.widths[i] + max(0, spare)
			spare = min(spare, 0)
		}
	}
}

// cuts reports whether the column may be made narrower than its cells.
func (c Column) cuts() bool { return c.Cut || c.Wrap }

// stream writes the header and the first rows.
func (l *lineWriter) stream(w *bufio.Writer, rows [][]string) error {
	err := l.writePart(w, l.shortTitles(), headerStyle)
	for _, row := range rows {
		err = cmp.Or(err, l.write(w, row, l.style(row)))
	}
	return err
}

// The styles of lines, as terminals take them.
const headerStyle = "1"

var toneStyles = [...]string{Plain: "", Added: "32", Notable: "33", Removed: "31"}

// style is how a row is coloured: by the strongest tone of its cells.
func (l *lineWriter) style(row []string) string {
	tone := Plain
	for i, c := range l.columns {
		if c.Tone != nil && i < len(row) {
			tone = max(tone, c.Tone(row[i]))
		}
	}
	return toneStyles[tone]
}

// parts divides a row into lines if its last cell wraps; nil if it is one line.
func (l *lineWriter) parts(row []string) [][]string {
	last := len(l.columns) - 1
	if last < 0 || !l.columns[last].Wrap || len(row) <= last || l.most[last] == 0 ||
		displayWidth(row[last]) <= l.most[last] {
		return nil
	}
	var parts [][]string
	for i, text := range wrapTo(row[last], l.most[last]) {
		part := make([]string, len(row))
		if i == 0 {
			copy(part, row)
		}
		part[last] = text
		parts = append(parts, part)
	}
	return parts
}

// write writes a row.
func (l *lineWriter) write(w *bufio.Writer, row []string, style string) (err error) {
	parts := l.parts(row)
	if parts == nil {
		return l.writePart(w, row, style)
	}
	for _, part := range parts {
		err = l.writePart(w, part, style)
	}
	return err
}

// writePart writes a row that is one line. Padding is owed until the next cell that is not empty, so that no line ends
// in spaces.
func (l *lineWriter) writePart(w *bufio.Writer, row []string, style string) error {
	l.buf = l.buf[:0]
	owed := 0
	for i, cell := range row[:min(len(row), len(l.columns))] {
		if i > 0 {
			owed += len(gap)
		}
		cell, width := l.shorten(i, cell)
		room := max(0, l.widths[i]-width)
		if cell == "" {
			owed += room
			continue
		}
		if l.columns[i].Right {
			owed, room = owed+room, 0
		}
		l.buf = append(appendSpaces(l.buf, owed), cell...)
		owed = room
	}
	return l.writeLine(w, l.buf, style)
}

// shorten cuts a cell of column i to the column's limit, and returns its width.
func (l *lineWriter) shorten(i int, cell string) (string, int) {
	width := displayWidth(cell)
	if l.most[i] == 0 || width <= l.most[i] {
		return cell, width
	}
	if l.columns[i].Path {
		cell = cutPath(cell, l.most[i])
	} else {
		cell = cutWords(cell, l.most[i])
	}
	return cell, displayWidth(cell)
}

// writeLine writes a line without the spaces at its end, cut to the terminal.
func (l *lineWriter) writeLine(w *bufio.Writer, line []byte, style string) error {
	line = bytes.TrimRight(line, " ")
	if limit := l.terminal.Width; limit > 0 && len(line) > limit {
		line = []byte(cutTo(string(line), limit))
	}
	if l.terminal.Color && style != "" && len(line) > 0 {
		line = slices.Concat([]byte("\x1b["+style+"m"), line, []byte("\x1b[0m"))
	}
	w.Write(line)
	return w.WriteByte('\n') // fails if something before failed
}

func appendSpaces(b []byte, n int) []byte {
	const spaces = "                                                                "
	for ; n > len(spaces); n -= len(spaces) {
		b = append(b, spaces...)
	}
	return append(b, spaces[:max(n, 0)]...)
}
