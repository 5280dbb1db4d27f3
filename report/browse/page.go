package browse

import (
	"bytes"
	"context"
	"encoding/hex"
	"fmt"
	"io"
	"iter"
	"slices"
	"strconv"
	"strings"

	tea "charm.land/bubbletea/v2"

	"layup/analyze"
	"layup/analyze/extract"
	"layup/analyze/show"
	"layup/tarfs"
)

// A page is a text over the whole screen.
type page struct {
	title string
	lines []string // safe for a terminal
	top   int
}

// limited is a first line that leaves no empty screen.
func (p *page) limited(top, height int) int {
	return max(0, min(top, len(p.lines)-max(1, height-2)))
}

// turn moves in the page or leaves it.
func (b *browser) turn(key string) {
	screen := max(1, b.height-2)
	moves := map[string]int{"up": -1, "k": -1, "down": 1, "j": 1, "enter": 1, "pgup": -screen, "u": -screen,
		"pgdown": screen, "space": screen, "d": screen, "home": -far, "g": -far, "end": far, "G": far}
	if rows, ok := moves[key]; ok {
		b.page.top = b.page.limited(b.page.top+rows, b.height)
		return
	}
	if slices.Contains([]string{"q", "esc", "left", "h", "v", "i", "?"}, key) {
		b.page = nil
	}
}

// mostRead is how many bytes of a file are shown.
const mostRead = 4 << 20

// read shows the content of the selected file.
func (b *browser) read() tea.Cmd {
	v, state := b.selected()
	if state == absent || v.Type() != tarfs.File {
		b.note = "not a file: its content cannot be read"
		return nil
	}
	img, ctx := b.of(v), b.ctx
	b.note = "reading…"
	return func() tea.Msg {
		var head []byte
		err := img.Bodies(ctx, []tarfs.Version{v}, func(_ []int, body *analyze.Body) error {
			var err error
			head, err = io.ReadAll(io.LimitReader(body.Expanded(), mostRead))
			return err
		})
		if err != nil {
			return told(show.Line(err.Error()))
		}
		return &page{title: title(v), lines: lines(head, v.Size())}
	}
}

// of is the image that has a version.
func (b *browser) of(v tarfs.Version) *analyze.Image {
	if v.Node() != b.image.Tree().Numbered(v.Node().Number()) {
		return b.difference.A.Image
	}
	return b.image
}

func title(v tarfs.Version) string {
	return fmt.Sprintf("%s, %s, layer %d", show.Safe(v.Node().Path()), show.Size(v.Size()), v.Layer())
}

// lines are the content of a file as text, or as numbers if it holds a NUL byte.
func lines(head []byte, size int64) []string {
	var list []string
	if bytes.IndexByte(head, 0) >= 0 {
		list = strings.Split(strings.TrimSuffix(hex.Dump(head[:min(len(head), mostRead/16)]), "\n"), "\n")
		size -= int64(min(len(head), mostRead/16))
	} else {
		for line := range bytes.SplitSeq(bytes.TrimSuffix(head, []byte("\n")), []byte("\n")) {
			list = append(list, show.Line(strings.ReplaceAll(string(line), "\t", "        ")))
		}
		size -= int64(len(head))
	}
	if size > 0 {
		list = append(list, "", show.Grouped(size)+" more bytes: layup cat reads them")
	}
	return list
}

// help lists the keys.
func (b *browser) help() tea.Cmd {
	p := &page{title: "keys"}
	for _, k := range keys() {
		p.lines = append(p.lines, fmt.Sprintf("  %-14s %s", k.names, k.about))
	}
	b.page = p
	return nil
}

// explain shows all that is known of the selected path.
func (b *browser) explain() tea.Cmd {
	if v, state := b.selected(); state != absent {
		b.page = &page{title: show.Safe(v.Node().Path()), lines: b.facts(v)}
	}
	return nil
}

// facts says what is known of a version: the first lines are below the tree.
func (b *browser) facts(v tarfs.Version) []string {
	img := b.of(v)
	list := []string{b.ownership(img, v), describe(v)}
	if set := b.packages[img]; set != nil {
		for _, p := range set.Of(v) {
			list = append(list, fmt.Sprintf("package  %s (%s, layer %d)", show.Line(p.Name+" "+p.Version), p.Manager, p.Layer))
		}
	}
	for _, x := range v.Xattrs() {
		list = append(list, "xattr    "+show.Safe(x.Name)+" = "+show.Safe(x.Value))
	}
	for _, c := range img.Log(v.Node().Path()) {
		line := fmt.Sprintf("layer %-3d %s", c.Layer, c.Kind)
		if c.Version.Type() == tarfs.File && c.Kind != "delete" {
			line += " " + show.Size(c.Version.Size())
		}
		list = append(list, line+"  "+show.Safe(img.Instruction(c.Layer).Short()))
	}
	return list
}

func (b *browser) ownership(img *analyze.Image, v tarfs.Version) string {
	if v.Layer() == tarfs.NoLayer {
		return "no layer owns it"
	}
	line := "owner    layer " + strconv.Itoa(v.Layer())
	if by, how := v.HiddenBy(); how != tarfs.NotHidden {
		line += fmt.Sprintf(", hidden by layer %d (%s)", by, how)
	}
	if made := img.Instruction(v.Layer()).Short(); made != "" {
		line += ": " + show.Safe(made)
	}
	return line
}

// describe says what an entry says of a file.
func describe(v tarfs.Version) string {
	m := v.Meta()
	line := fmt.Sprintf("%-8s %04o  %d:%d", v.Type(), m.Mode, m.UID, m.GID)
	if v.Type() == tarfs.File {
		line += "  " + show.Grouped(v.Size()) + " bytes"
	}
	if v.HasMTime() {
		line += "  " + show.When(m.MTime)
	}
	if v.Type() == tarfs.Symlink {
		line += "  -> " + show.Safe(v.Link())
	}
	return line
}

// extract asks for a new directory and writes the selected path there.
func (b *browser) extract() tea.Cmd {
	v, state := b.selected()
	if state == absent {
		return nil
	}
	img, ctx := b.of(v), b.ctx
	b.prompt = &prompt{label: "extract into the new directory: ", text: "extracted", do: func(dir string) tea.Cmd {
		if dir == "" {
			return nil
		}
		b.note = "extracting…"
		versions := b.below(v, state)
		return func() tea.Msg {
			result, err := extracted(ctx, img, versions, strings.Count(v.Node().Path(), "/")-1, dir)
			if err != nil {
				return told(show.Line(err.Error()))
			}
			return told(result)
		}
	}}
	return nil
}

// below are a version and, of a directory that the stage shows, what it holds.
func (b *browser) below(v tarfs.Version, state state) iter.Seq[tarfs.Version] {
	switch {
	case b.found == nil && state == visible:
		return b.tree.after.View().Walk(v.Node(), -1)
	case b.found == nil && state == gone:
		return b.tree.before.View().Walk(v.Node(), -1)
	case state == visible:
		return b.of(v).Top().Walk(v.Node(), -1)
	}
	return func(yield func(tarfs.Version) bool) { yield(v) }
}

func extracted(ctx context.Context, img *analyze.Image, versions iter.Seq[tarfs.Version], strip int,
	dir string) (string, error) {
	plan, err := extract.NewPlan(img, versions, strip)
	if err != nil {
		return "", err
	}
	result, err := plan.Into(ctx, dir, extract.Options{})
	if err != nil {
		return "", err
	}
	line := fmt.Sprintf("%s: %s", show.Safe(dir), show.Count(result.Count[tarfs.File], "file"))
	for _, l := range result.LeftOut {
		line += fmt.Sprintf("; left out: %s", show.Count(l.Count, "path"))
	}
	return line, nil
}
