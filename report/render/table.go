package render

import (
	"bufio"
	"cmp"
	"fmt"
	"iter"
	"slices"
	"strings"

	"layup/analyze/digest"
	"layup/analyze/show"
)

// writeTable writes what a person reads: one table for all images with these columns, or what a section draws itself.
func writeTable(w *bufio.Writer, d Doc, t Terminal) error {
	d.Sections = slices.DeleteFunc(slices.Clone(d.Sections), Section.unanswered)
	for i, s := range d.Sections {
		if !t.Whole && digest.Valid(s.Name) {
			d.Sections[i].Name = digest.Short(s.Name)
		}
	}
	for rest := d.Sections; len(rest) > 0; {
		n := alike(rest)
		if err := writeGroup(w, d, rest[:n], t); err != nil {
			return err
		}
		if rest = rest[n:]; len(rest) > 0 {
			w.WriteByte('\n')
		}
	}
	return nil
}

// unanswered reports whether a section has nothing to show: an error elsewhere says why.
func (s Section) unanswered() bool {
	return s.Text == nil && len(s.Columns)+len(s.Head)+len(s.Lists)+len(s.Tables) == 0 && s.Footer == ""
}

// alike counts the sections at the beginning that fit into one table.
func alike(sections []Section) int {
	n := 1
	for n < len(sections) && sections[0].separate() == sections[n].separate() && !sections[n].separate() &&
		slices.EqualFunc(sections[0].Columns, sections[n].Columns, func(a, b Column) bool { return a.Title == b.Title }) {
		n++
	}
	return n
}

// separate reports whether a section cannot share a table.
func (s Section) separate() bool { return s.Text != nil || len(s.Head)+len(s.Tables) > 0 }

func writeGroup(w *bufio.Writer, d Doc, group []Section, t Terminal) error {
	for _, line := range group[0].Head {
		w.WriteString(show.Safe(line) + "\n")
	}
	above := group[0].Largest && t.Rows > 0
	if above {
		writeFooters(w, d, group)
	}
	if err := writeBody(w, d, group, t); err != nil {
		return err
	}
	for _, s := range group {
		if err := writeLists(w, d, s, t); err != nil {
			return err
		}
	}
	if !above {
		writeFooters(w, d, group)
	}
	return nil
}

func writeFooters(w *bufio.Writer, d Doc, group []Section) {
	for _, s := range group {
		if s.Footer == "" {
			continue
		}
		line := show.Lines(s.Footer)
		if d.many() && !s.separate() {
			line = show.Safe(d.label(s)) + ": " + line
		}
		w.WriteString(line + "\n")
	}
}

// writeLists writes the further tables of a section that have rows.
func writeLists(w *bufio.Writer, d Doc, s Section, t Terminal) error {
	for below := range s.tables(s.Lists) {
		w.WriteByte('\n')
		if err := writeSheet(w, Doc{Sections: d.Sections, Many: d.many()}, []Section{below}, t); err != nil {
			return err
		}
	}
	return nil
}

// tables yields the lists that have a table and rows, as sections.
func (s Section) tables(lists []List) iter.Seq[Section] {
	return func(yield func(Section) bool) {
		for _, list := range lists {
			below := list.section()
			below.Source, below.Name = s.Source, s.Name
			if len(list.Columns) > 0 && !below.empty() && !yield(below) {
				return
			}
		}
	}
}

// section is the list as a section of its own.
func (l List) section() Section {
	s := Section{Columns: l.Columns, Rows: l.Rows, Largest: l.Largest}
	if l.Shown != nil {
		s.Rows = l.Shown
	}
	return s
}

func (s Section) empty() bool {
	for range s.rows {
		return false
	}
	return true
}

func writeBody(w *bufio.Writer, d Doc, group []Section, t Terminal) error {
	s := group[0]
	if s.Text == nil && len(s.Tables) == 0 {
		return writeSheet(w, d, group, t)
	}
	if d.many() {
		w.WriteString(show.Safe(s.label()) + ":\n")
	}
	if s.Text != nil {
		return s.Text(w, t)
	}
	first := true
	for one := range s.tables(s.Tables) {
		if !first {
			w.WriteByte('\n')
		}
		first = false
		if err := writeSheet(w, Doc{Sections: []Section{one}}, []Section{one}, t); err != nil {
			return err
		}
	}
	return nil
}

// writeSheet writes one table, and how many rows it leaves out.
func writeSheet(w *bufio.Writer, d Doc, group []Section, t Terminal) error {
	sh := sheetOf(d, group, t)
	if err := sh.write(w); err != nil || sh.more == 0 {
		return err
	}
	_, err := fmt.Fprintf(w, "%s more: --all-rows shows them\n", show.Grouped(int64(sh.more)))
	return err
}

// label is what a person calls the section's image.
func (s Section) label() string { return cmp.Or(s.Name, s.Source) }

// label is what a person calls the section's image among those of the document: with its source if there are several.
func (d Doc) label(s Section) string {
	if s.Name != "" && slices.ContainsFunc(d.Sections, func(other Section) bool { return other.Source != s.Source }) {
		return s.Source + ": " + s.Name
	}
	return s.label()
}

// sheetOf returns the table of the sections. Rows begin with the image if there are several, and with the source if
// there are several.
func sheetOf(d Doc, group []Section, t Terminal) *sheet {
	sh := &sheet{terminal: t}
	group = shortened(group, t)
	many := d.many() && len(group[0].Head) == 0
	sources := many && slices.ContainsFunc(d.Sections, func(s Section) bool { return s.Source != d.Sections[0].Source })
	if sources {
		sh.columns = append(sh.columns, Column{Title: "SOURCE", Cut: true, Path: true})
	}
	names := many && slices.ContainsFunc(group, func(s Section) bool { return s.Name != "" })
	if names {
		sh.columns = append(sh.columns, Column{Title: "IMAGE", Cut: true, Path: true})
	}
	for _, c := range group[0].Columns {
		c.Title = strings.ToUpper(c.Title)
		sh.columns = append(sh.columns, c)
	}
	sh.rows = func(yield func([]string) bool) error {
		for _, s := range group {
			n := 0
			if !s.cells(sources, names, func(row []string) bool {
				if n++; s.Largest && t.Rows > 0 && n > t.Rows {
					sh.more++
					return true
				}
				return yield(row)
			}) {
				break
			}
		}
		return nil
	}
	return sh
}

// shortened shows the digests of the sections by their first digits, unless they are to be whole.
func shortened(group []Section, t Terminal) []Section {
	if t.Whole {
		return group
	}
	group = slices.Clone(group)
	for i, s := range group {
		group[i].Columns = slices.Clone(s.Columns)
		for j, c := range s.Columns {
			if c.Hex {
				group[i].Columns[j].Cell = func(row []Value) string { return digest.Short(c.Cell(row)) }
			}
		}
	}
	return group
}

// cells yields the rows of a section as they are shown; false if yield wants no more.
func (s Section) cells(source, image bool, yield func([]string) bool) bool {
	var cells []string
	for row := range s.rows {
		cells = cells[:0]
		if source {
			cells = append(cells, show.Safe(s.Source))
		}
		if image {
			cells = append(cells, show.Safe(s.Name))
		}
		for _, c := range s.Columns {
			cells = append(cells, show.Safe(c.Cell(row)))
		}
		if !yield(cells) {
			return false
		}
	}
	return true
}
