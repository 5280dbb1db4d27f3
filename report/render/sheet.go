package render

import (
	"bufio"
	"bytes"
	"slices"
)

const (
	// measured is how many rows decide on the widths of the columns; a longer table is streamed, and a wider cell further
	// down moves only its own line. It is also the most that tablewriter is given.
	measured = 1000
	// gap stands between columns.
	gap = "  "
	// narrowest is the width below which no column is cut.
	narrowest = 8
)

// A sheet is a table of safe cells before it is written.
type sheet struct {
	titles            []string
	right, cut, spare []bool
	rows              func(yield func([]string) bool) error // the slice is used again for the next row
	terminal          Terminal
}

func (sh *sheet) add(title string, right, cut bool) {
	sh.titles = append(sh.titles, title)
	sh.right = append(sh.right, right)
	sh.cut = append(sh.cut, cut)
	sh.spare = append(sh.spare, false)
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
			failed = lines.writeAll(w, first)
		}
		if failed == nil {
			failed = lines.write(w, only(row, keep))
		}
		return failed == nil
	})
	if err != nil || failed != nil || lines != nil {
		return firstError(err, failed)
	}
	sh.narrow(first)
	return sh.writeSmall(w, first)
}

func firstError(errs ...error) error {
	for _, err := range errs {
		if err != nil {
			return err
		}
	}
	return nil
}

// lay decides on the widths: as wide as the widest cell, and on a terminal no wider than that by cutting the columns
// that may be cut, the last one first.
func (sh *sheet) lay(first [][]string) *lineWriter {
	l := &lineWriter{titles: sh.titles, right: sh.right, limit: sh.terminal.Width, bold: sh.terminal.Color}
	l.widths = sh.measure(first)
	if l.limit > 0 {
		l.most = sh.fit(l.widths)
	}
	return l
}

// measure returns how wide each column is.
func (sh *sheet) measure(rows [][]string) []int {
	widths := make([]int, len(sh.titles))
	for i, title := range sh.titles {
		widths[i] = displayWidth(title)
	}
	for _, row := range rows {
		for i, cell := range row[:min(len(row), len(widths))] {
			widths[i] = max(widths[i], displayWidth(cell))
		}
	}
	return widths
}

// fit narrows the widths to those of the terminal and returns how wide the cells of each column may be; 0 is no limit.
func (sh *sheet) fit(widths []int) []int {
	spare := sh.terminal.Width - len(gap)*(len(widths)-1)
	for _, w := range widths {
		spare -= w
	}
	most := make([]int, len(widths))
	for i, cut := range slices.Backward(sh.cut) {
		if !cut {
			continue
		}
		if spare < 0 {
			less := min(-spare, max(0, widths[i]-narrowest))
			widths[i] -= less
			spare += less
		}
		most[i] = widths[i] + max(0, spare)
		spare = min(spare, 0)
	}
	return most
}

// A lineWriter writes the rows of a table whose widths are known.
type lineWriter struct {
	titles []string
	right  []bool
	widths []int
	most   []int // nil: no cell is cut
	limit  int   // columns of the terminal; 0: no line is cut
	bold   bool
	buf    []byte
}

// writeAll writes the header and the rows.
func (l *lineWriter) writeAll(w *bufio.Writer, rows [][]string) error {
	if err := l.writeHeader(w); err != nil {
		return err
	}
	for _, row := range rows {
		if err := l.write(w, row); err != nil {
			return err
		}
	}
	return nil
}

func (l *lineWriter) writeHeader(w *bufio.Writer) error {
	l.append(l.titles)
	return l.flush(w, l.bold)
}

func (l *lineWriter) write(w *bufio.Writer, row []string) error {
	l.append(row)
	return l.flush(w, false)
}

// append makes the line of a row. Padding is owed until the next cell that is not empty, so that no line ends in spaces.
func (l *lineWriter) append(row []string) {
	l.buf = l.buf[:0]
	owed := 0
	for i, cell := range row {
		if i > 0 {
			owed += len(gap)
		}
		cell, width := l.shorten(i, cell)
		room := 0
		if i < len(l.widths) {
			room = max(0, l.widths[i]-width)
		}
		if cell == "" {
			owed += room
			continue
		}
		if i < len(l.right) && l.right[i] {
			owed, room = owed+room, 0
		}
		l.buf = append(appendSpaces(l.buf, owed), cell...)
		owed = room
	}
}

// shorten cuts a cell of column i to the column's limit, and returns its width.
func (l *lineWriter) shorten(i int, cell string) (string, int) {
	width := displayWidth(cell)
	if i >= len(l.most) || l.most[i] == 0 || width <= l.most[i] {
		return cell, width
	}
	cell = cutTo(cell, l.most[i])
	return cell, displayWidth(cell)
}

// flush writes the line in the buffer.
func (l *lineWriter) flush(w *bufio.Writer, bold bool) error {
	line := l.buf
	if l.limit > 0 && len(line) > l.limit {
		line = []byte(cutTo(string(line), l.limit))
	}
	return writeLine(w, line, bold)
}

// writeLine writes a line without the spaces at its end.
func writeLine(w *bufio.Writer, line []byte, bold bool) error {
	line = bytes.TrimRight(line, " ")
	if bold && len(line) > 0 {
		line = slices.Concat([]byte("\x1b[1m"), line, []byte("\x1b[0m"))
	}
	if _, err := w.Write(line); err != nil {
		return err
	}
	return w.WriteByte('\n')
}

func appendSpaces(b []byte, n int) []byte {
	const spaces = "                                                                "
	for ; n > len(spaces); n -= len(spaces) {
		b = append(b, spaces...)
	}
	return append(b, spaces[:max(n, 0)]...)
}
