package render

import (
	"bufio"
	"fmt"
	"slices"
	"strings"

	"layup/analyze/show"
)

// writeMarkdown writes the tables as GitHub and GitLab show them, each section below its summary. Everything that might
// mean more to them than itself is in a code span, and every cell is safe for a terminal.
func writeMarkdown(w *bufio.Writer, d Doc, t Terminal) error {
	t.Width = 0
	d.Sections = slices.DeleteFunc(slices.Clone(d.Sections), Section.unanswered)
	for i, s := range d.Sections {
		if i > 0 {
			w.WriteByte('\n')
		}
		if err := writeMarkdownSection(w, d, s, t); err != nil {
			return err
		}
	}
	return nil
}

func writeMarkdownSection(w *bufio.Writer, d Doc, s Section, t Terminal) error {
	w.WriteString("**layup " + d.Command + "**")
	if label := d.label(s); label != "" {
		w.WriteString(" of " + code(show.Safe(label)))
	}
	if s.Footer != "" {
		w.WriteString(": " + inert(show.Safe(strings.ReplaceAll(s.Footer, "\n", "; "))))
	}
	w.WriteByte('\n')
	if len(s.Head) > 0 {
		writeBlock(w, s.Head)
	}
	tables := []Section{s}
	if len(s.Tables) > 0 {
		tables = slices.Collect(s.tables(s.Tables))
	}
	for _, one := range slices.AppendSeq(tables, s.tables(s.Lists)) {
		if err := sheetOf(Doc{Sections: []Section{one}}, []Section{one}, t).writeMarkdown(w); err != nil {
			return err
		}
	}
	for _, e := range s.Errors {
		w.WriteString("\nError: " + inert(show.Safe(fmt.Sprint(e))) + "\n")
	}
	return nil
}

// writeBlock writes lines as a code block.
func writeBlock(w *bufio.Writer, lines []string) {
	text := show.Lines(strings.Join(lines, "\n"))
	ticks := fence(text, 3)
	w.WriteString("\n" + ticks + "\n" + strings.Trim(text, "\n") + "\n" + ticks + "\n")
}

// writeMarkdown writes a table after an empty line, and how many rows it leaves out; nothing if it has no rows.
func (sh *sheet) writeMarkdown(w *bufio.Writer) error {
	first := true
	err := sh.rows(func(row []string) bool {
		if first {
			sh.writeMarkdownHeader(w)
			first = false
		}
		for _, cell := range row {
			w.WriteString("| " + strings.ReplaceAll(inert(cell), "|", `\|`) + " ") // a bar ends a cell, even in a code span
		}
		_, err := w.WriteString("|\n")
		return err == nil
	})
	if err == nil && sh.more > 0 {
		fmt.Fprintf(w, "\n%s more: `--all-rows` shows them\n", show.Grouped(int64(sh.more)))
	}
	return err
}

func (sh *sheet) writeMarkdownHeader(w *bufio.Writer) {
	w.WriteByte('\n')
	for _, c := range sh.columns {
		w.WriteString("| " + c.Title + " ")
	}
	w.WriteString("|\n")
	for _, c := range sh.columns {
		if c.Right {
			w.WriteString("| ---: ")
		} else {
			w.WriteString("| --- ")
		}
	}
	w.WriteString("|\n")
}

// inert is a text that Markdown shows as it is: words, numbers and a few marks that mean nothing to it, or a code span.
func inert(s string) string {
	for i, r := range s {
		next := byte(' ')
		if i+1 < len(s) {
			next = s[i+1]
		}
		switch {
		case r >= '0' && r <= '9', r >= 'a' && r <= 'z', r >= 'A' && r <= 'Z', strings.ContainsRune(" ,%=;()", r):
		case r == '.' && (next == ' ' || next >= '0' && next <= '9'), r == ':' && next == ' ': // not in a name
		case (r == '-' || r == '+') && (i > 0 || next != ' ' || s == "-"): // not what begins a list
		case r == '>' && i > 0: // not what begins a quotation
		default:
			return code(s)
		}
	}
	return s
}

// code is a text as a code span, in which nothing has a meaning.
func code(s string) string {
	if s == "" {
		return ""
	}
	ticks, space := fence(s, 1), ""
	if s[0] == '`' || s[len(s)-1] == '`' || s[0] == ' ' && s[len(s)-1] == ' ' {
		space = " "
	}
	return ticks + space + s + space + ticks
}

// fence returns more backticks than follow each other in a text, and at least least.
func fence(s string, least int) string {
	run := 0
	for _, r := range s {
		if run++; r != '`' {
			run = 0
		}
		least = max(least, run+1)
	}
	return strings.Repeat("`", least)
}
