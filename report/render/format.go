package render

import (
	"bufio"
	"fmt"
	"io"
	"slices"
	"strings"

	"layup/analyze/near"
)

// A Format turns documents into bytes. The zero Format is table.
type Format struct {
	Name, About string
	Whole       bool  // the document carries warnings, errors and totals; with other formats the caller tells them
	Only        Items // the items that it is for; AnyItems if it is for all
	Brief       bool  // made to be read: of answers with the largest rows first, those alone
	write       func(*bufio.Writer, Doc, Terminal) error
}

// Items say what the items of a document are. Some formats are for one kind of items only.
type Items int

const (
	AnyItems   Items = iota
	Findings         // results of checks
	Versions         // versions of paths, with their times
	Components       // packages
)

// Formats are the formats with names, the default first. To add one, add a file to this package and a line here.
// "table TEMPLATE" and Go templates are formats without a name.
var Formats = []Format{
	{Name: "table", About: "aligned columns for people", write: writeTable},
	{Name: "json", About: "one document with items, warnings and errors", Whole: true, write: writeJSON},
	{Name: "jsonl", About: "one item a line", write: writeLines},
	{Name: "csv", About: "RFC 4180 with a header", write: writeCSV},
	{Name: "tsv", About: "a row a line, cells separated by tabs", write: writeTSV},
	{Name: "markdown", About: "tables for a comment on GitHub or GitLab", Brief: true, write: writeMarkdown},
	{Name: "schema", About: "the JSON Schema of the document that json writes", Whole: true, write: writeSchema},
	{Name: "sarif", About: "SARIF 2.1.0, as code scanning takes it", Only: Findings, write: writeSARIF},
	{Name: "junit", About: "JUnit XML, as CI servers show it", Only: Findings, write: writeJUnit},
	{Name: "cyclonedx", About: "CycloneDX 1.6, a software bill of materials", Only: Components, write: writeCycloneDX},
	{Name: "spdx", About: "SPDX 2.3, a software bill of materials", Only: Components, write: writeSPDX},
	{Name: "bodyfile", About: "the body file of a timeline, as mactime takes it", Only: Versions, write: writeBodyfile},
}

// For returns the named formats for items of a kind.
func For(items Items) []Format {
	return slices.DeleteFunc(slices.Clone(Formats), func(f Format) bool { return f.Only != AnyItems && f.Only != items })
}

// Usage is the help of --format for a command with items of a kind.
func Usage(items Items) string {
	list := names(For(items))
	return "`FORMAT` of the answer: " + list[0] + " (the default), " + strings.Join(list[1:], ", ") +
		", a Go template, or 'table TEMPLATE'"
}

func names(list []Format) (names []string) {
	for _, f := range list {
		names = append(names, f.Name)
	}
	return names
}

// Parse takes the value of --format: the name of one of the formats, "table TEMPLATE", or a Go template with docker's
// functions. The error of an unknown name suggests the nearest one; that of a template says what is wrong, and its
// place.
func Parse(format string, formats []Format) (Format, error) {
	for _, f := range formats {
		if f.Name == format {
			return f, nil
		}
	}
	if !strings.Contains(format, "{{") {
		return Format{}, unknown(format, names(formats))
	}
	source, table := strings.CutPrefix(format, "table")
	p, err := compile(strings.Trim(source, " "), table)
	if err != nil {
		return Format{}, fmt.Errorf("format %q: %w", format, err)
	}
	return Format{Name: "template", write: p.write}, nil
}

func unknown(format string, names []string) error {
	hint := near.Hint(format, names)
	if hint != "" {
		hint = "; " + hint
	}
	return fmt.Errorf("unknown --format %q: it is %s, or a Go template such as '{{.path}}'%s",
		format, strings.Join(names, ", "), hint)
}

// Write writes the document. Every failed write is returned as it is (errors.Is finds syscall.EPIPE); an error of a
// template says which bound it passed or which field it does not find.
func (f Format) Write(w io.Writer, d Doc, t Terminal) error {
	write := f.write
	if write == nil {
		write = writeTable
	}
	out := bufio.NewWriterSize(w, 64<<10) // keeps its first error: only what writes many rows looks at it
	if err := write(out, d, t); err != nil {
		return err // what is still in the buffer belongs to an answer that is not whole
	}
	return out.Flush()
}
