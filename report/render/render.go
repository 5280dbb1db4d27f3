// Package render writes documents as tables, JSON, CSV and templates. It knows nothing of images.
//
// table: columns two spaces apart under a header in capitals, every cell made safe by [show.Safe], cut only on a
// terminal.
//
// json, jsonl: valid UTF-8 for any bytes. What a terminal would obey is written as \uNNNN; a name that is not UTF-8 has
// U+FFFD for each bad byte and its exact bytes in NAMEBase64; a time outside the years 0000 to 9999 is NAMEUnix in
// seconds.
//
// csv, tsv: a header of the JSON names, with a column NAMEBase64 after each name and NAMEUnix after each time. csv is
// RFC 4180, so rows end with CR LF; tsv rows end with LF, and \t, \n, \r and \\ stand for tab, LF, CR and backslash. A
// text that begins with one of = + - @ TAB CR gets a leading quote. If a person reads them, cells are also made safe.
//
// markdown: the tables, each section below its summary, with code spans around all that might be markup.
//
// Templates: docker's functions, run for each item, within 5 s (and 0.1 ms more for each item), 16 MiB of output for an
// item, and 1000 templates that call each other. They get strings as JSON has them, made safe if a person reads the
// output or if it becomes a table.
package render

import (
	"io"
	"iter"
	"strings"
)

// A Doc is one answer: what a question found in one image or in several.
type Doc struct {
	Command  string
	Version  string // of the program
	Sections []Section
	Many     bool // it is about several images: JSON has "images", rows begin with source and image
}

// A Section is the answer for one image.
type Section struct {
	Image    any                                 // the "image" object of JSON; nil leaves it out
	Source   string                              // for the first columns of rows if Many
	Name     string                              // of the image, for the second columns
	Fields   []Field                             // the fields of a row, by their JSON names
	Rows     iter.Seq[[]Value]                   // the slice is used again for the next row
	Columns  []Column                            // what the table shows
	Tables   []List                              // what tables show in place of Columns
	Text     func(w io.Writer, t Terminal) error // replaces the table if a question draws its own (tree)
	Extra    []Extra                             // further members of the JSON document, before items
	Lists    []List                              // further members after items, and further tables
	Warnings []any                               // marshalled as they are
	Errors   []any
	Head     []string // lines above the table, only there; they say which image it is about
	Footer   string   // lines below the table, only there
	Subject  Subject  // of a bill of materials
	Largest  bool     // the largest rows come first: Terminal.Rows says how many are shown, below the Footer
}

// A List is a list besides the items: a member of the JSON document and a table of its own below theirs. Formats of a
// row a line hold only items.
type List struct {
	Name    string
	Fields  []Field
	Rows    iter.Seq[[]Value]
	Shown   iter.Seq[[]Value] // the rows of the table if they are fewer; nil is Rows
	Columns []Column          // none: no table
	Largest bool              // as of a Section
}

// An Extra is a member of the JSON document besides items.
type Extra struct {
	Name  string
	Value any
}

// A Field names a member of an item.
type Field struct {
	Name string
	Kind Kind
}

// A Kind says how a value is written.
type Kind uint8

const (
	Text Kind = iota // a string of ours or of an image; escaped in tables
	Name             // exact bytes: if they are not UTF-8, a further member NameBase64 holds them
	Int
	Bool
	Time   // seconds and nanoseconds; outside the years 0000 to 9999 the member is NameUnix instead
	Object // anything that encoding/json takes
)

// A Column is one column of a table.
type Column struct {
	Title string
	Right bool                     // aligned to the right
	Cut   bool                     // may be cut to the terminal's width (the last such column first)
	Path  bool                     // a path: if it is cut, at its beginning
	Wrap  bool                     // instead of being cut, the last column goes on in further lines
	Hex   bool                     // a digest: shown by its first twelve digits, unless Terminal.Whole
	Spare bool                     // left out if a terminal is too narrow even for cut columns (the last one first)
	Cell  func(row []Value) string // unescaped: render escapes it
	Tone  func(cell string) Tone   // nil: none
}

// A Tone colours a row of a table on a terminal, beside the words that say the same.
type Tone int

const (
	Plain   Tone = iota
	Added        // green
	Notable      // yellow
	Removed      // red: removed, deleted, failed
)

// ToneOf is the tone of what happened to a path, or of a verdict, by the first word of a cell.
func ToneOf(cell string) Tone {
	switch word, _, _ := strings.Cut(cell, " "); word {
	case "add", "added", "A":
		return Added
	case "modify", "replace", "changed", "moved", "overwritten", "C":
		return Notable
	case "delete", "deleted", "opaque", "removed", "D", "FAIL":
		return Removed
	}
	return Plain
}

// Alarming is the tone of a column that has a cell only if there is something to see.
func Alarming(cell string) Tone {
	if cell == "" {
		return Plain
	}
	return Removed
}

// A Terminal says what the output can show.
type Terminal struct {
	Width int  // columns; 0: nothing is cut
	Color bool // bold headers
	Whole bool // digests are shown whole
	Rows  int  // how many rows are shown of each table of a Largest section; 0: all
	TTY   bool // a person sees every byte: text cells of csv, tsv and templates are escaped, as with a Width
}

// Fit cuts a safe line to the terminal.
func (t Terminal) Fit(line string) string {
	if t.Width == 0 {
		return line
	}
	return cutTo(line, t.Width)
}

// seen reports whether a person sees what is written.
func (t Terminal) seen() bool { return t.TTY || t.Width > 0 }

// many reports whether the answer speaks of several images.
func (d Doc) many() bool { return d.Many || len(d.Sections) > 1 }

// rows yields the rows of a section, if it has any.
func (s Section) rows(yield func([]Value) bool) {
	if s.Rows != nil {
		s.Rows(yield)
	}
}
