package call

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

// Width returns the columns of the terminal that w is, 0 if it is none.
func Width(w io.Writer) int {
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

// Terminal says what the standard output can show.
func (c *Call) Terminal() render.Terminal {
	columns := Width(c.Stdout)
	t := render.Terminal{Width: columns, TTY: columns > 0, Color: render.UseColor(c.color.Word, columns > 0, os.Getenv)}
	if c.NoTrunc {
		t.Width = 0
	}
	return t
}

// OnTerminal reports whether the answer is shown on a terminal.
func (c *Call) OnTerminal() bool { return (c.Output == "" || c.Output == "-") && c.Terminal().TTY }

// ToTerminal is a text of an image with nothing in it that a terminal obeys but line feeds, where it is shown on one.
func (c *Call) ToTerminal(text string) string {
	if !c.OnTerminal() {
		return text
	}
	return show.Lines(text)
}

// fileTerminal says what a file can show: all, without colour unless asked for.
func (c *Call) fileTerminal() render.Terminal {
	return render.Terminal{Color: c.color.Word == "always"}
}

// status begins a status line, or lines, as --progress says; nil for neither.
func (c *console) status(how string) *render.Progress {
	columns := Width(c.w)
	if c.Quiet || how == "none" || how == "auto" && columns == 0 {
		return nil
	}
	p := render.NewProgress(c.w, how, func() int { return Width(c.w) })
	c.mu.Lock()
	c.progress = p
	c.mu.Unlock()
	return p
}

// reading says how far loading has come; of what is fetched, how fast.
func reading(at analyze.Progress, since time.Duration) string {
	verb, pace := "reading", ""
	if at.Remote {
		verb, pace = "fetching", Rate(at.Read, since)
	}
	return fmt.Sprintf("%s: %s of %s%s, layers to go: %d", verb, show.Size(at.Read), show.Size(at.Bytes), pace, at.Layers-at.Done)
}

// Rate is how fast bytes came, behind a comma; nothing before that can be said.
func Rate(bytes int64, since time.Duration) string {
	if s := since.Seconds(); s > 0.1 && bytes >= 0 {
		return ", " + show.Size(int64(float64(bytes)/s)) + "/s"
	}
	return ""
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

// StatusLine begins a status line, or lines, as --progress says; nil for neither.
func (c *Call) StatusLine() *render.Progress { return c.Console.status(c.progress.Word) }

// Track begins to show how far loading has come.
func (c *Call) Track() func(analyze.Progress) { return c.Console.track(c.progress.Word) }
