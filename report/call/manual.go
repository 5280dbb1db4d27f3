package call

import (
	"fmt"
	"strings"

	"github.com/spf13/pflag"

	"layup/report/render"
)

// Manual returns the pages of section 1 of the manual, in roff with the macros man(7), by the names of their files:
// layup.1, and layup-COMMAND.1 for each command that the help lists. They say what the help says. The day (YYYY-MM-DD)
// and the version stand in their headers and footers.
func Manual(commands []Command, day, version string) map[string]string {
	pages := map[string]string{}
	for _, r := range commands {
		if !r.Hidden {
			m := manual{}
			m.begin("layup-"+r.Name, day, version, r.About)
			m.command(r)
			pages["layup-"+r.Name+".1"] = m.String()
		}
	}
	m := manual{}
	m.begin("layup", day, version, "say which layer of a container image owns each file")
	m.program(commands)
	pages["layup.1"] = m.String()
	return pages
}

// A manual is a page that is being written.
type manual struct{ strings.Builder }

func (m *manual) begin(name, day, version, about string) {
	fmt.Fprintf(m, ".TH %s 1 %s \"layup %s\" \"layup\"\n", strings.ToUpper(name), day, version)
	m.section("NAME")
	m.text(name + " \\- " + roff(about))
}

func (m *manual) section(title string) { fmt.Fprintf(m, ".SH %s\n", title) }

// text writes lines that are roff already.
func (m *manual) text(lines string) { m.WriteString(lines + "\n") }

// paragraphs writes what wrapped takes: paragraphs, and lines that stand alone.
func (m *manual) paragraphs(text string) {
	for i, paragraph := range strings.Split(strings.TrimSpace(text), "\n\n") {
		if i > 0 {
			m.text(".PP")
		}
		alone := false
		for line := range strings.Lines(paragraph) {
			if strings.HasPrefix(line, indent) != alone {
				alone = !alone
				m.text(map[bool]string{true: ".nf", false: ".fi"}[alone])
			}
			m.text(roff(strings.TrimSuffix(line, "\n")))
		}
		if alone {
			m.text(".fi")
		}
	}
}

// literal writes lines that are not filled.
func (m *manual) literal(lines []string) {
	m.text(".nf")
	for _, line := range lines {
		m.text(roff(line))
	}
	m.text(".fi")
}

func (m *manual) flags(set *pflag.FlagSet) {
	set.VisitAll(func(f *pflag.Flag) {
		if f.Hidden {
			return
		}
		left, usage := spelled(f)
		m.text(".TP\n.B " + roff(strings.TrimSpace(left)))
		m.text(roff(usage))
	})
}

// command is the page of one command.
func (m *manual) command(r Command) {
	m.section("SYNOPSIS")
	m.text(".B " + roff(r.usage(r.Args)))
	if r.Several != "" {
		m.text(".br\n.B " + roff(r.usage(r.Several)))
	}
	if r.Details != "" {
		m.section("DESCRIPTION")
		m.paragraphs(r.Details)
	}
	m.section("OPTIONS")
	own := newFlagSet()
	r.New(own)
	if !r.Plain && own.Lookup("format") == nil {
		own.StringP("format", "f", "table", render.Usage(r.Items))
	}
	if m.flags(own); own.HasAvailableFlags() {
		m.text(".PP")
	}
	m.text("The options of every command are in\n.BR layup (1).")
	m.section("EXAMPLES")
	m.literal(r.Examples)
	m.exit(r.statuses())
	m.section("SEE ALSO")
	m.text(".BR layup (1)")
}

// program is the page of the program.
func (m *manual) program(commands []Command) {
	m.section("SYNOPSIS")
	m.text(".B layup\n.I COMMAND\n.RI [ flags ]\n.I IMAGE\n.RI [ args ]")
	m.section("DESCRIPTION")
	m.paragraphs(aboutImages)
	m.section("COMMANDS")
	for _, r := range commands {
		if !r.Hidden {
			m.text(".TP\n.BR layup\\-" + roff(r.Name) + " (1)\n" + roff(r.About))
		}
	}
	m.section("OPTIONS")
	for _, g := range newCommon().groups {
		m.text(".SS " + g.title)
		m.flags(g.flags)
	}
	m.exit(fmt.Sprintf(statuses, ": not found, or another no"))
}

func (m *manual) exit(statuses string) {
	m.section("EXIT STATUS")
	for line := range strings.Lines(strings.TrimPrefix(statuses, "Exit status:\n")) {
		line = strings.TrimSpace(line)
		status, meaning, ok := strings.Cut(line, "  ")
		if !ok {
			status, meaning, _ = strings.Cut(line, " after ")
			meaning = "after " + meaning
		}
		m.text(".TP\n.B " + status + "\n" + roff(meaning))
	}
}

// roff writes text so that roff shows it as it is: a backslash, a hyphen that may be typed, a line that begins as a
// macro does.
func roff(text string) string {
	text = strings.NewReplacer(`\`, `\e`, "-", `\-`, "'", `\(aq`, "`", "\\(ga", "~", `\(ti`, "^", `\(ha`).Replace(text)
	if strings.HasPrefix(text, ".") {
		text = `\&` + text
	}
	return text
}
