package report

import (
	"fmt"
	"io"
	"os"
	"time"

	"golang.org/x/term"

	"layup/analyze"
	"layup/analyze/show"
	"layup/report/render"
)

// width returns the columns of the terminal that w is, 0 if it is none.
func width(w io.Writer) int {
	f, ok := w.(*os.File)
	if !ok || !term.IsTerminal(int(f.Fd())) {
		return 0
	}
	columns, _, err := term.GetSize(int(f.Fd()))
	if err != nil || columns <= 0 {
		return 80
	}
	return columns
}

// terminal says what the standard output can show.
func (c *Call) terminal() render.Terminal {
	columns := width(c.stdout)
	color, _ := render.UseColor(c.color.word, columns > 0, os.Getenv) // the flag took no other word
	t := render.Terminal{Width: columns, TTY: columns > 0, Color: color}
	if c.noTrunc {
		t.Width = 0
	}
	return t
}

// onTerminal reports whether the answer is shown on a terminal.
func (c *Call) onTerminal() bool { return (c.output == "" || c.output == "-") && c.terminal().TTY }

// toTerminal is a text of an image with nothing in it that a terminal obeys but line feeds, where it is shown on one.
func (c *Call) toTerminal(text string) string {
	if !c.onTerminal() {
		return text
	}
	return show.Lines(text)
}

// fileTerminal says what a file can show: all, without colour unless asked for.
func (c *Call) fileTerminal() render.Terminal {
	return render.Terminal{Color: c.color.word == "always"}
}

// status begins a status line, or lines, as --progress says; nil for neither.
func (c *console) status(how string) *render.Progress {
	columns := width(c.w)
	if c.quiet || how == "none" || how == "auto" && columns == 0 {
		return nil
	}
	p, err := render.NewProgress(c.w, how, func() int { return width(c.w) })
	if err != nil {
		return nil
	}
	c.mu.Lock()
	c.progress = p
	c.mu.Unlock()
	return p
}

// reading says how far loading has come; of what is fetched, how fast.
func reading(at analyze.Progress, since time.Duration) string {
	verb, pace := "reading", ""
	if at.Remote {
		verb, pace = "fetching", rate(at.Read, since)
	}
	return fmt.Sprintf("%s: %s of %s%s, layers to go: %d", verb, show.Size(at.Read), show.Size(at.Bytes), pace, at.Layers-at.Done)
}

// rate is how fast bytes came, behind a comma; nothing before that can be said.
func rate(bytes int64, since time.Duration) string {
	if s := since.Seconds(); s > 0.1 && bytes >= 0 {
		return ", " + show.Size(int64(float64(bytes)/s)) + "/s"
	}
	return ""
}

// trackExtract begins to show how much of what is extracted is written; there are no lines to write plainly.
func (c *console) trackExtract(how string) func(done, all int64) {
	line := c.status(how)
	if line == nil || how != "auto" {
		return nil
	}
	return func(done, all int64) {
		line.Update(fmt.Sprintf("layup: extracting: %s of %s", show.Size(done), show.Size(all)))
	}
}

// track begins to show how far loading has come, as --progress says.
func (c *console) track(how string) func(analyze.Progress) {
	p := c.status(how)
	if p == nil {
		return nil
	}
	began := time.Now()
	return func(at analyze.Progress) {
		if at.Finished >= 0 {
			p.Line(fmt.Sprintf("layup: layer %d: read", at.Finished))
		}
		if how == "auto" {
			p.Update("layup: " + reading(at, time.Since(began)))
		}
	}
}
