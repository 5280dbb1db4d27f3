package browse

import (
	"fmt"
	"strconv"
	"strings"

	tea "charm.land/bubbletea/v2"
	"github.com/charmbracelet/x/ansi"

	"layup/analyze/show"
	"layup/tarfs"
)

const (
	headers      = 1 // lines above the rows of both sides, below the title
	leastWidth   = 40
	leastHeight  = 12
	widestLayers = 48
)

// The styles of terminals. Letters and words say the same.
const (
	plain    = "\x1b[m"
	bold     = "\x1b[1m"
	faint    = "\x1b[2m"
	reversed = "\x1b[7m"
	red      = "\x1b[31m"
	green    = "\x1b[32m"
	yellow   = "\x1b[33m"
)

func (b *browser) detailHeight() int { return max(3, min(8, b.height/5)) }
func (b *browser) paneHeight() int   { return max(1, b.height-3-headers-b.detailHeight()) }
func (b *browser) layersWidth() int  { return max(18, min(widestLayers, b.width*2/5)) }

// View draws the screen. It visits the rows that are on it and no others.
func (b *browser) View() tea.View {
	v := tea.View{Content: b.screen(), AltScreen: true, MouseMode: tea.MouseModeCellMotion}
	return v
}

// screen is what the terminal shows, line by line.
func (b *browser) screen() string {
	switch {
	case b.width < leastWidth || b.height < leastHeight:
		return fmt.Sprintf("too small: %d×%d is needed; q quits", leastWidth, leastHeight)
	case b.page != nil:
		return b.pageScreen()
	}
	wide := b.layersWidth()
	right := b.width - wide - 1
	lines := []string{styled(fit(b.title(), b.width), bold)}
	left := b.layerRow("LAYER", "SIZE", "HIDDEN", "INSTRUCTION")
	lines = append(lines, styled(fit(left, wide), faint)+"│"+styled(fit(b.header(), right), faint))
	for i := range b.paneHeight() {
		lines = append(lines, b.layerLine(b.layer.top+i, wide)+"│"+b.rightLine(b.cursor().top+i, right))
	}
	lines = append(lines, b.details()...)
	return strings.Join(append(lines, b.lastLine()), "\n")
}

func (b *browser) title() string {
	if c := b.difference; c != nil {
		return fmt.Sprintf("%s → %s: what differs", show.Safe(c.A.Image.Name), show.Safe(c.B.Image.Name))
	}
	line := show.Safe(b.image.Name)
	if n := b.tree.after.Upto; b.tree.compared() {
		line += fmt.Sprintf(": after layer %d", n)
	}
	if s := b.tree.sizes; s != nil {
		line += ": " + show.Size(s.Bytes(b.image.Tree().Root()))
	}
	return line
}

// layerRow lays out a line on the left; names of two images' layers are longer.
func (b *browser) layerRow(name, size, hidden, instruction string) string {
	if b.difference != nil {
		return fmt.Sprintf("%-10s %7s %s", name, size, instruction)
	}
	return fmt.Sprintf("%5s %7s %7s %s", name, size, hidden, instruction)
}

func (b *browser) layerLine(i, width int) string {
	if i >= len(b.layers) {
		return strings.Repeat(" ", width)
	}
	l := b.layers[i]
	line := fit(b.layerRow(l.name, show.Size(l.size), show.Size(l.hidden), show.Safe(l.instruction)), width)
	return b.emphasized(line, i == b.layer.row, b.inLayers)
}

// emphasized shows whether a row is selected, and whether the keys move there.
func (b *browser) emphasized(line string, selected, active bool) string {
	switch {
	case selected && active:
		return reversed + line + plain
	case selected:
		return bold + line + plain
	}
	return line
}

func (b *browser) header() string {
	if b.found != nil {
		return "STATUS               LAYER PATH"
	}
	order := "by name"
	if b.tree.bySize {
		order = "by size"
	}
	var only []string
	for i, word := range []string{"added", "modified", "deleted"} {
		if b.tree.filter&(added<<i) != 0 {
			only = append(only, word)
		}
	}
	if len(only) > 0 {
		order = "only " + strings.Join(only, ", ")
	}
	if b.tree.old {
		order += ", hidden too"
	}
	return fmt.Sprintf("  LAYER %7s PATH %s", "SIZE", order)
}

func (b *browser) rightLine(i, width int) string {
	if i >= b.listed() {
		return strings.Repeat(" ", width)
	}
	if b.found != nil {
		h := b.found.hits[i]
		status := h.Status.String()
		if h.HiddenBy != tarfs.NoLayer {
			status += fmt.Sprintf(" by %d", h.HiddenBy)
		}
		line := fit(fmt.Sprintf("%-20s %5d %s", status, h.Version.Layer(), show.Safe(h.Version.Node().Path())), width)
		return b.emphasized(line, i == b.found.at.row, !b.inLayers)
	}
	return b.treeLine(i, width)
}

func (b *browser) treeLine(i, width int) string {
	r := b.tree.rows[i]
	v, state := b.tree.shown(r.place)
	letter, colour := sign(b.tree.marks.of(r.place), state)
	layer := "-"
	if v.Layer() != tarfs.NoLayer {
		layer = strconv.Itoa(v.Layer())
	}
	size := ""
	if n := b.tree.size(r.place); n >= 0 && (v.Type() == tarfs.File || v.Type() == tarfs.Dir) {
		size = show.Size(n)
	}
	indent := strings.Repeat(" ", min(2*int(r.depth), width/2))
	line := fmt.Sprintf("%s %5s %7s %s%s", letter, layer, size, indent, label(r, v))
	if by, how := v.HiddenBy(); state == hidden || state == gone && b.tree.oneTree() {
		line += fmt.Sprintf(" (%s by %d)", how, by)
	}
	line = fit(line, width)
	if i == b.at.row {
		return b.emphasized(line, true, !b.inLayers)
	}
	return styled(line, colour)
}

// sign is the letter and the colour of what happened to a path.
func sign(m mark, s state) (letter, colour string) {
	switch {
	case s == hidden:
		return "h", faint
	case m&added != 0:
		return "A", green
	case m&deleted != 0:
		return "D", red
	case m&modified != 0:
		return "M", yellow
	case m>>below != 0:
		return "·", ""
	}
	return " ", ""
}

// label is the name in a row, with a sign if it is a directory, and where a symlink points.
func label(r row, v tarfs.Version) string {
	name := show.Safe(v.Node().Name())
	switch {
	case v.Type() == tarfs.Symlink:
		return "  " + name + " -> " + show.Safe(v.Link())
	case v.Type() != tarfs.Dir:
		return "  " + name
	case r.open:
		return "▾ " + name
	}
	return "▸ " + name
}

// details are the lines below both sides.
func (b *browser) details() []string {
	v, state := b.selected()
	if state == absent {
		return make([]string, b.detailHeight()+1)
	}
	lines := []string{styled(fit("── "+show.Safe(v.Node().Path())+" "+strings.Repeat("─", b.width), b.width), faint)}
	for _, line := range b.facts(v) {
		lines = append(lines, fit(line, b.width))
	}
	for len(lines) <= b.detailHeight() {
		lines = append(lines, "")
	}
	if more := len(lines) - b.detailHeight() - 1; more > 0 {
		lines = lines[:b.detailHeight()+1]
		lines[b.detailHeight()] = fit(fmt.Sprintf("… %d more lines: i", more+1), b.width)
	}
	return lines
}

// lastLine is a question, a note, or the keys that matter most.
func (b *browser) lastLine() string {
	switch {
	case b.prompt != nil:
		return fit(b.prompt.label+show.Line(b.prompt.text)+"█", b.width)
	case b.next != nil:
		return styled(fit("listing…", b.width), bold)
	case b.note != "":
		return styled(fit(b.note, b.width), bold)
	}
	return styled(fit("? keys  / find  tab layers, tree  enter open  v read  e extract  q quit", b.width), faint)
}

// pageScreen shows a text.
func (b *browser) pageScreen() string {
	lines := []string{styled(fit(b.page.title, b.width), bold)}
	for i := range b.height - 2 {
		line := ""
		if at := b.page.top + i; at < len(b.page.lines) {
			line = fit(b.page.lines[at], b.width)
		}
		lines = append(lines, line)
	}
	return strings.Join(append(lines, styled(fit("↑ ↓ page up, page down; q leaves", b.width), faint)), "\n")
}

func styled(line, style string) string {
	if style == "" {
		return line
	}
	return style + line + plain
}

// fit cuts or pads a safe text to a width.
func fit(s string, width int) string {
	if len(s) > 4*width { // no terminal shows more, and names may be long
		s = strings.ToValidUTF8(s[:4*width], "")
	}
	s = ansi.Truncate(s, width, "…")
	return s + strings.Repeat(" ", max(0, width-ansi.StringWidth(s)))
}
