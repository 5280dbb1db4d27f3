package render

import (
	"bufio"
	"fmt"
	"io"
	"slices"
	"strings"
)

// A Format turns documents into bytes. The zero Format is table.
type Format struct {
	Name, About string
	Whole       bool // the document carries warnings, errors and totals; with other formats the caller tells them
	Findings    bool // only for documents whose items are results of checks
	write       func(*bufio.Writer, Doc, Terminal) error
}

// Formats are the formats with names, the default first. To add one, add a file to this package and a line here.
// "table TEMPLATE" and Go templates are formats without a name.
var Formats = []Format{
	{Name: "table", About: "aligned columns for people", write: writeTable},
	{Name: "json", About: "one document with items, warnings and errors", Whole: true, write: writeJSON},
	{Name: "jsonl", About: "one item a line", write: writeLines},
	{Name: "csv", About: "RFC 4180 with a header", write: writeCSV},
	{Name: "tsv", About: "a row a line, cells separated by tabs", write: writeTSV},
	{Name: "sarif", About: "SARIF 2.1.0, as code scanning takes it", Findings: true, write: writeSARIF},
	{Name: "junit", About: "JUnit XML, as CI servers show it", Findings: true, write: writeJUnit},
}

// For returns the named formats of a command; findings says whether its items are results of checks.
func For(findings bool) []Format {
	return slices.DeleteFunc(slices.Clone(Formats), func(f Format) bool { return f.Findings && !findings })
}

// Usage is the help of --format for a command.
func Usage(findings bool) string {
	list := names(For(findings))
	return "`FORMAT` of the answer: " + list[0] + " (the default), " + strings.Join(list[1:], ", ") + ", a Go template, or 'table TEMPLATE'"
}

func names(list []Format) (names []string) {
	for _, f := range list {
		names = append(names, f.Name)
	}
	return names
}

// Parse takes the value of --format: the name of one of the formats, "table TEMPLATE", or a Go template with docker's
// functions. The error of an unknown name suggests the nearest one; that of a template says what is wrong where.
func Parse(format string, formats []Format) (Format, error) {
	for _, f := range formats {
		if f.Name == format {
			return f, nil
		}
	}
	if !strings.Contains(format, "{{") {
		err := unknownChoice("format", format, names(formats)...)
		return Format{}, fmt.Errorf("%w, or a Go template such as '{{.path}}'", err)
	}
	source, table := strings.CutPrefix(format, "table")
	p, err := compile(strings.Trim(source, " "), table)
	if err != nil {
		return Format{}, fmt.Errorf("format %q: %w", format, err)
	}
	return Format{Name: "template", write: p.write}, nil
}

// Write writes the document. Every failed write is returned as it is (errors.Is finds syscall.EPIPE); an error of a
// template says which bound it passed or which field it does not find.
func (f Format) Write(w io.Writer, d Doc, t Terminal) error {
	write := f.write
	if write == nil {
		write = writeTable
	}
	out := bufio.NewWriterSize(w, 64<<10)
	if err := write(out, d, t); err != nil {
		return err // what is still in the buffer belongs to an answer that is not whole
	}
	return out.Flush()
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
