package call

import (
	"strings"
	"unicode/utf8"

	"github.com/spf13/pflag"
)

const (
	helpWidth = 79 // what help is wrapped to, whatever the terminal's width
	flagWidth = 27 // columns of a flag's name before its explanation
)

// indent begins a line that stands alone, as in a list.
const indent = "    "

// wrapped breaks paragraphs, which a blank line divides, into lines of at most helpWidth columns. A line that begins
// with indent stays one.
func wrapped(text string) string {
	var b strings.Builder
	for i, paragraph := range strings.Split(strings.TrimSpace(text), "\n\n") {
		if i > 0 {
			b.WriteString("\n")
		}
		running := ""
		for line := range strings.Lines(paragraph) {
			if !strings.HasPrefix(line, indent) {
				running += line
				continue
			}
			writeFolded(&b, running)
			b.WriteString(strings.TrimRight(line, "\n") + "\n")
			running = ""
		}
		writeFolded(&b, running)
	}
	return b.String()
}

func writeFolded(b *strings.Builder, text string) {
	if strings.TrimSpace(text) == "" {
		return
	}
	for _, line := range fold(text, helpWidth) {
		b.WriteString(line + "\n")
	}
}

// fold breaks a text between words into lines of at most width columns.
func fold(text string, width int) []string {
	var lines []string
	line := ""
	for _, word := range strings.Fields(text) {
		if line != "" && utf8.RuneCountInString(line)+1+utf8.RuneCountInString(word) > width {
			lines, line = append(lines, line), ""
		}
		if line != "" {
			line += " "
		}
		line += word
	}
	return append(lines, line)
}

// flagLines explains each flag of a set, except those that the command defines itself.
func flagLines(flags, own *pflag.FlagSet) string {
	var b strings.Builder
	flags.VisitAll(func(f *pflag.Flag) {
		if f.Hidden || own.Lookup(f.Name) != nil {
			return
		}
		left, usage := spelled(f)
		if utf8.RuneCountInString(left) > flagWidth-2 {
			b.WriteString(left + "\n")
			left = ""
		}
		for _, line := range fold(usage, helpWidth-flagWidth) {
			b.WriteString(left + strings.Repeat(" ", flagWidth-utf8.RuneCountInString(left)) + line + "\n")
			left = ""
		}
	})
	return b.String()
}

// spelled returns how a flag is written, with its value, and what it does.
func spelled(f *pflag.Flag) (left, usage string) {
	value, usage := pflag.UnquoteUsage(f)
	if f.Value.Type() == "bool" {
		value = ""
	}
	left = "      --" + f.Name
	if f.Shorthand != "" {
		left = "  -" + f.Shorthand + ", --" + f.Name
	}
	return strings.TrimRight(left+" "+value, " "), usage
}
