package render

import (
	"bufio"
	"fmt"
	"io"
	"slices"
	"strings"
)

// A Named is a format with a name.
type Named struct {
	Name, About string
	write       func(*bufio.Writer, Doc, Terminal) error
}

// Formats are the formats with names; besides them there are "table TEMPLATE" and Go templates.
var Formats = []Named{
	{"table", "aligned columns for people", writeTable},
	{"json", "one document with items, warnings and errors", writeJSON},
	{"jsonl", "one item a line", writeLines},
	{"csv", "RFC 4180 with a header", writeCSV},
	{"tsv", "a row a line, cells separated by tabs", writeTSV},
}

// A Format turns documents into bytes. The zero Format is table.
type Format struct {
	named Named
}

// Parse takes the value of --format: the name of a format, "table TEMPLATE", or a Go template with docker's functions. A command may have
// more formats. The error of an unknown name suggests the nearest one; that of a template says what is wrong where.
func Parse(format string, more ...Named) (Format, error) {
	for _, f := range slices.Concat(Formats, more) {
		if f.Name == format {
			return Format{named: f}, nil
		}
	}
	if !strings.Contains(format, "{{") {
		return Format{}, unknownFormat(format, more)
	}
	source, table := strings.CutPrefix(format, "table")
	p, err := compile(strings.Trim(source, " "), table)
	if err != nil {
		return Format{}, fmt.Errorf("format %q: %w", format, err)
	}
	return Format{named: Named{Name: "template", write: p.write}}, nil
}

// Name is the format's name, or template.
func (f Format) Name() string {
	if f.named.Name == "" {
		return Formats[0].Name
	}
	return f.named.Name
}

// Whole reports whether the document itself carries warnings and errors; with all other formats they are the caller's to tell.
func (f Format) Whole() bool { return f.Name() == "json" }

// Write writes the document. Every failed write is returned as it is (errors.Is finds syscall.EPIPE); an error of a
// template says which bound it passed or which field it does not find.
func (f Format) Write(w io.Writer, d Doc, t Terminal) error {
	write := f.named.write
	if write == nil {
		write = writeTable
	}
	out := bufio.NewWriterSize(w, 64<<10)
	if err := write(out, d, t); err != nil {
		return err // what is still in the buffer belongs to an answer that is not whole
	}
	return out.Flush()
}

func unknownFormat(format string, more []Named) error {
	var names []string
	for _, f := range slices.Concat(Formats, more) {
		names = append(names, f.Name)
	}
	return fmt.Errorf("%w, or a Go template such as '{{.path}}'", unknownChoice("format", format, names...))
}

// unknownChoice is the error of a flag that takes one of few words; it suggests the nearest.
func unknownChoice(flag, value string, words ...string) error {
	meant := ""
	if near := nearest(strings.ToLower(value), words); near != "" {
		meant = fmt.Sprintf(", did you mean %q?", near)
	}
	return fmt.Errorf("unknown --%s %q%s: it is %s", flag, value, meant, strings.Join(words, ", "))
}

// nearest is the word that needs the fewest changes to become one of words, if they are at most two and fewer than its letters; else empty.
func nearest(word string, words []string) string {
	best, least := "", 3
	for _, w := range words {
		if n := distance(word, w); n < least && n < len(word) {
			best, least = w, n
		}
	}
	return best
}

// distance counts the letters to insert, delete or replace to turn a into b.
func distance(a, b string) int {
	if len(a) > 64 {
		return len(a)
	}
	row := make([]int, len(b)+1)
	for j := range row {
		row[j] = j
	}
	for i := range len(a) {
		diagonal := row[0]
		row[0] = i + 1
		for j := range len(b) {
			cost := diagonal
			if a[i] != b[j] {
				cost++
			}
			diagonal = row[j+1]
			row[j+1] = min(cost, diagonal+1, row[j]+1)
		}
	}
	return row[len(b)]
}
