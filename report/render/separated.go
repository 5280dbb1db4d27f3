package render

import (
	"bufio"
	"bytes"
	"strconv"
	"strings"
	"unicode/utf8"

	"layup/analyze/show"
)

// A dialect is a way to write cells separated by a character.
type dialect struct {
	separator byte
	end       string // of a row
	cell      func(b []byte, s string) []byte
}

// writeCSV writes RFC 4180: rows end with CR LF, cells with a comma, a quote, CR, LF or a space at an end are in
// quotes.
func writeCSV(w *bufio.Writer, d Doc, t Terminal) error {
	return writeSeparated(w, d, t, dialect{',', "\r\n", appendQuoted})
}

// writeTSV writes rows that end with LF and never hold a tab or a line break within a cell: \t, \n, \r and \\ stand for
// tab, LF, CR and backslash.
func writeTSV(w *bufio.Writer, d Doc, t Terminal) error {
	return writeSeparated(w, d, t, dialect{'\t', "\n", appendBackslashed})
}

// writeSeparated writes a header of the JSON names and the items. Each field of kind Name is followed by a column
// NameBase64, each of kind Time by NameUnix. Both are empty if the field is exact.
func writeSeparated(w *bufio.Writer, d Doc, t Terminal, how dialect) error {
	var header []byte
	for i, s := range d.Sections {
		if names := how.names(d, s); !bytes.Equal(header, names) {
			if i > 0 {
				w.WriteString(how.end)
			}
			w.Write(names)
			header = names
		}
		if err := how.writeSection(w, s, d.many(), t.seen()); err != nil {
			return err
		}
	}
	return nil
}

// names is the header row of a section.
func (how dialect) names(d Doc, s Section) []byte {
	r := rowText{dialect: how}
	for _, name := range fieldNames(s, d.many()) {
		r.plain(name)
	}
	return r.ended()
}

func (how dialect) writeSection(w *bufio.Writer, s Section, many, seen bool) error {
	r := rowText{dialect: how, seen: seen}
	for row := range s.rows {
		r.b, r.cells = r.b[:0], 0
		if many {
			r.text(s.Source)
			r.text(s.Name)
		}
		for i, f := range s.Fields {
			if i >= len(row) {
				r.absent(f.Kind)
				continue
			}
			if err := r.value(f.Kind, &row[i]); err != nil {
				return err
			}
		}
		if _, err := w.Write(r.ended()); err != nil {
			return err
		}
	}
	return nil
}

// A rowText is a row while it is written.
type rowText struct {
	dialect
	b     []byte
	cells int
	seen  bool // by a person on a terminal
}

// next begins a cell.
func (r *rowText) next() {
	if r.cells++; r.cells > 1 {
		r.b = append(r.b, r.separator)
	}
}

func (r *rowText) plain(s string) {
	r.next()
	r.b = r.cell(r.b, s)
}

// text writes a text that may be from an image. What a spreadsheet could take for a formula gets a leading quote.
func (r *rowText) text(s string) {
	if isWord(s) {
		r.next()
		r.b = append(r.b, s...)
		return
	}
	if !utf8.ValidString(s) && !r.seen {
		s = string([]rune(s)) // a U+FFFD for each byte
	}
	guard := s != "" && strings.IndexByte("=+-@\t\r", s[0]) >= 0
	if r.seen {
		s = show.Safe(s)
	}
	if guard {
		s = "'" + s
	}
	r.plain(s)
}

// isWord reports whether a text means itself in every dialect, spreadsheet and terminal. Nearly all texts do.
func isWord(s string) bool {
	for i := range len(s) {
		if !wordBytes[s[i]] {
			return false
		}
	}
	return s != "" && s[0] != '+' && s[0] != '-' && s[0] != '@'
}

var wordBytes = func() (words [256]bool) {
	for _, c := range []byte("0123456789abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ/._-+@:~%#") {
		words[c] = true
	}
	return words
}()

func (r *rowText) value(kind Kind, v *Value) error {
	switch v.tag {
	case 0:
		r.absent(kind)
		return nil
	case uint8(Text) + 1, uint8(Name) + 1:
		r.text(v.str)
	case uint8(Int) + 1:
		r.next()
		r.b = strconv.AppendInt(r.b, v.num, 10)
	case uint8(Time) + 1:
		r.time(kind, v)
	case uint8(Object) + 1:
		json, err := appendObject(nil, v.obj)
		if err != nil {
			return err
		}
		r.plain(string(json))
	default:
		r.plain(v.String())
	}
	r.besides(kind, v)
	return nil
}

// absent writes the cells of a field without a value.
func (r *rowText) absent(kind Kind) {
	r.next()
	if kind.besides() != "" {
		r.next()
	}
}

// time writes a time in a column of times, and nothing if RFC 3339 cannot say it.
func (r *rowText) time(kind Kind, v *Value) {
	switch {
	case show.Dated(v.num):
		r.next()
		r.b = appendTime(r.b, v.num, v.nsec)
	case kind == Time:
		r.next()
	default:
		r.plain(v.String())
	}
}

// besides writes the further column of a field.
func (r *rowText) besides(kind Kind, v *Value) {
	if kind != Name && kind != Time {
		return
	}
	r.next()
	switch {
	case kind == Name && v.text() && !utf8.ValidString(v.str):
		r.b = appendBase64(r.b, v.str)
	case kind == Time && v.is(Time) && !show.Dated(v.num):
		r.b = strconv.AppendInt(r.b, v.num, 10)
	}
}

func (r *rowText) ended() []byte {
	if r.cells == 1 && len(r.b) == 0 {
		r.b = append(r.b, `""`...) // else readers would skip the row
	}
	r.b = append(r.b, r.end...)
	return r.b
}

func appendQuoted(b []byte, s string) []byte {
	if s == "" || !strings.ContainsAny(s, ",\"\r\n") && s[0] != ' ' && s[len(s)-1] != ' ' {
		return append(b, s...)
	}
	b = append(b, '"')
	for i := range len(s) {
		if s[i] == '"' {
			b = append(b, '"')
		}
		b = append(b, s[i])
	}
	return append(b, '"')
}

func appendBackslashed(b []byte, s string) []byte {
	for i := range len(s) {
		switch s[i] {
		case '\t':
			b = append(b, `\t`...)
		case '\n':
			b = append(b, `\n`...)
		case '\r':
			b = append(b, `\r`...)
		case '\\':
			b = append(b, `\\`...)
		default:
			b = append(b, s[i])
		}
	}
	return b
}
