package diff

import (
	"bufio"
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"strings"

	"layup/analyze"
	"layup/analyze/show"
	"layup/analyze/unified"
	"layup/report/item"
	"layup/report/render"
	"layup/tarfs"
)

// Why a content is not compared line by line.
const (
	isBinary   = "binary"
	isTooLarge = "too large"
)

// compares reports whether two contents are compared and, if there is something to compare, why not.
func (a *diffAnswer) compares(d analyze.Difference) (yes bool, whyNot string) {
	onA, onB := d.InA && d.A.Type() == tarfs.File, d.InB && d.B.Type() == tarfs.File
	switch {
	case d.Change == analyze.Changed && d.What&analyze.Content == 0:
		return false, ""
	case d.Change != analyze.Changed && (!a.asked.newFile || !onA && !onB):
		return false, ""
	case onA && d.A.Size() > a.asked.limit, onB && d.B.Size() > a.asked.limit:
		return false, isTooLarge
	}
	return true, ""
}

// readContents reads what is to be compared line by line, every layer of each image once, before anything is written.
func (a *diffAnswer) readContents(ctx context.Context) error {
	if !a.asked.content {
		return nil
	}
	var files [2][]tarfs.Version
	for d := range a.Paths() {
		if yes, _ := a.compares(d); !yes {
			continue
		}
		if d.InA && d.A.Size() > 0 {
			files[0] = append(files[0], d.A)
		}
		if d.InB && d.B.Size() > 0 {
			files[1] = append(files[1], d.B)
		}
	}
	for i, s := range []analyze.Side{a.A, a.B} {
		var err error
		if a.contents[i], err = s.Image.Contents(ctx, files[i]); err != nil {
			return fmt.Errorf("%s: %w", s.Image.Name, err)
		}
	}
	return nil
}

func (a *diffAnswer) closeContents() {
	for _, c := range a.contents {
		c.Close() // only read from: nothing is lost by a failing close
	}
}

// hunks compares the two contents of a path; a side that is not there is empty. If they are not compared, whyNot says
// why.
func (a *diffAnswer) hunks(ctx context.Context, d analyze.Difference) (hunks []unified.Hunk, whyNot string, err error) {
	yes, whyNot := a.compares(d)
	if !yes {
		return nil, whyNot, nil
	}
	var content [2][]byte
	for i, v := range []tarfs.Version{d.A, d.B} {
		if there := [...]bool{d.InA, d.InB}[i]; there && v.Size() > 0 {
			if content[i], err = read(ctx, a.contents[i], v); err != nil {
				return nil, "", err
			}
		}
		if !unified.Text(content[i]) {
			return nil, isBinary, nil
		}
	}
	return unified.Hunks(content[0], content[1]), "", nil
}

// read returns a content.
func read(ctx context.Context, c *analyze.Contents, v tarfs.Version) ([]byte, error) {
	body, err := c.Open(ctx, v)
	if err != nil {
		return nil, err
	}
	content, err := io.ReadAll(body.Expanded())
	return content, errors.Join(err, body.Close())
}

// A patch is written for the program patch, or for a person at a terminal, who gets no byte of an image as it is.
type patch struct {
	w     *bufio.Writer
	seen  bool
	color bool
}

// line writes a line of an image's text after a sign.
func (p *patch) line(sign byte, text []byte) {
	text, ended := bytes.CutSuffix(text, []byte{'\n'})
	if !p.seen {
		p.w.WriteByte(sign)
		p.w.Write(text)
	} else {
		p.paint(sign, string(sign)+legible(string(text)))
	}
	p.w.WriteByte('\n')
	if !ended {
		p.w.WriteString("\\ No newline at end of file\n")
	}
}

// paint writes a line in the colour that its sign has in other tools.
func (p *patch) paint(sign byte, line string) {
	colors := map[byte]string{'-': "\x1b[31m", '+': "\x1b[32m", '@': "\x1b[36m"}
	if !p.color || colors[sign] == "" {
		p.w.WriteString(line)
		return
	}
	p.w.WriteString(colors[sign] + line + "\x1b[0m")
}

// legible escapes what a terminal would obey, except tabs.
func legible(text string) string {
	parts := strings.Split(text, "\t")
	for i, part := range parts {
		parts[i] = show.Line(part)
	}
	return strings.Join(parts, "\t")
}

// file writes the two lines that name what hunks belong to.
func (p *patch) file(d analyze.Difference) {
	from, to := fileName("a", d), fileName("b", d)
	if !d.InA {
		from = "/dev/null"
	}
	if !d.InB {
		to = "/dev/null"
	}
	for _, line := range []string{"--- " + from, "+++ " + to} {
		if p.seen {
			line = legible(line)
		}
		p.w.WriteString(line + "\n")
	}
}

// fileName is a name as patch reads it: in quotes if it holds control characters, quotes or backslashes; ended by a tab
// if it holds a space.
func fileName(side string, d analyze.Difference) string {
	name := side + d.Path()
	if strings.IndexFunc(name, func(r rune) bool { return r < ' ' || r == 0x7f || r == '"' || r == '\\' }) >= 0 {
		return `"` + show.Octal(name, '"') + `"` // as C does
	}
	if strings.Contains(name, " ") {
		name += "\t"
	}
	return name
}

func (p *patch) hunks(d analyze.Difference, hunks []unified.Hunk) {
	p.file(d)
	for _, h := range hunks {
		if p.seen {
			p.paint('@', h.Header())
		} else {
			p.w.WriteString(h.Header())
		}
		p.w.WriteByte('\n')
		for _, l := range h.Lines {
			p.line(l.Sign, l.Text)
		}
	}
}

// drawContent writes what differs in every path: hunks of a text, else a line that patch passes over.
func (a *diffAnswer) drawContent(ctx context.Context, w io.Writer, t render.Terminal) error {
	p := &patch{w: bufio.NewWriterSize(w, 64<<10), seen: t.TTY || t.Width > 0, color: t.Color}
	for d := range a.differences() {
		hunks, whyNot, err := a.hunks(ctx, d)
		if err == nil {
			err = ctx.Err()
		}
		if err != nil {
			return err
		}
		if line := a.besides(d, whyNot, len(hunks) > 0); line != "" {
			p.w.WriteString(line + "\n")
		}
		if len(hunks) > 0 {
			p.hunks(d, hunks)
		}
	}
	p.w.WriteString(a.summary() + "\n")
	return p.w.Flush()
}

// besides is a line about what hunks do not show, or nothing.
func (a *diffAnswer) besides(d analyze.Difference, whyNot string, hunks bool) string {
	path := show.Safe(pathOf(d))
	switch {
	case d.Change == analyze.Added && !hunks:
		return fmt.Sprintf("Only in B: %s (%s%s, layer %s)", path, d.B.Type(), comma(whyNot), index(d.B.Layer()))
	case d.Change == analyze.Removed && !hunks:
		deleted := ""
		if by := a.DeletedBy(d); by != tarfs.NoLayer {
			deleted = fmt.Sprintf(", deleted by layer %d", by)
		}
		return fmt.Sprintf("Only in A: %s (%s%s, layer %s%s)", path, d.A.Type(), comma(whyNot), index(d.A.Layer()), deleted)
	case d.Change != analyze.Changed:
		return ""
	}
	var parts []string
	for _, name := range d.What.Names() {
		if part := a.changedFrom(d, name, whyNot); part != "" {
			parts = append(parts, part)
		}
	}
	if len(parts) == 0 {
		return ""
	}
	return "Changed: " + path + ": " + strings.Join(parts, ", ")
}

func comma(s string) string {
	if s == "" {
		return ""
	}
	return ", " + s
}

// changedFrom says how one aspect of a path changed.
func (a *diffAnswer) changedFrom(d analyze.Difference, name, whyNot string) string {
	one, two := d.A.Meta(), d.B.Meta()
	switch name {
	case "content":
		if whyNot == "" {
			return ""
		}
		return fmt.Sprintf("content (%s, %s)", whyNot, sizes(d.A.Size(), d.B.Size()))
	case "mode":
		return fmt.Sprintf("mode %s -> %s", item.Mode(d.A), item.Mode(d.B))
	case "owner":
		return fmt.Sprintf("owner %d:%d -> %d:%d", one.UID, one.GID, two.UID, two.GID)
	case "mtime":
		return "mtime " + show.When(one.MTime) + " -> " + show.When(two.MTime)
	case "type":
		return fmt.Sprintf("type %s -> %s", d.A.Type(), d.B.Type())
	}
	return name
}

// appendText appends textFields.
func (a *diffAnswer) appendText(ctx context.Context, row []render.Value, d analyze.Difference) []render.Value {
	hunks, whyNot, err := a.hunks(ctx, d)
	switch {
	case err != nil: // of the temporary file; the command fails after it
		a.broken = err
		return append(row, render.Value{}, render.Value{})
	case len(hunks) == 0:
		return append(row, render.Value{}, render.Known(whyNot))
	}
	var b bytes.Buffer
	p := &patch{w: bufio.NewWriter(&b)}
	p.hunks(d, hunks)
	p.w.Flush() // into memory
	return append(row, render.N(b.String()), render.Value{})
}
