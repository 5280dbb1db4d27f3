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

// width returns the columns of a terminal, 0 if w is not one.
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

// Interactive reports whether a person can see the answer and type.
func (c *Call) Interactive() bool {
	return width(c.stdout) > 0 && term.IsTerminal(int(c.stdin.Fd())) && !c.toFile()
}

// Screen returns the terminal for an interactive command. It clears the status line.
func (c *Call) Screen() (in io.Reader, out io.Writer) {
	c.console.close()
	return c.stdin, c.stdout
}

// Stdin is the standard input.
func (c *Call) Stdin() io.Reader { return c.stdin }

// toFile reports whether the answer goes to the file that -o names.
func (c *Call) toFile() bool { return c.Output != "" && c.Output != "-" && !c.Command.Target }

// Terminal says what the reader of the answer can see. A file takes everything, with colour only if asked for.
func (c *Call) Terminal() render.Terminal {
	columns := width(c.stdout)
	if c.toFile() {
		columns = 0
	}
	t := render.Terminal{Width: columns, TTY: columns > 0, Color: render.UseColor(c.color.Word, columns > 0, os.Getenv)}
	if (columns > 0 || c.formatter.Brief) && !c.allRows {
		t.Rows = 20
	}
	if c.noTrunc {
		t.Width, t.Rows, t.Whole = 0, 0, true
	}
	return t
}

// status begins a status line, or lines, as --progress says; nil for neither. There is one at a time, whoever asks.
func (c *console) status(how string) *render.Progress {
	columns := width(c.w)
	if c.quiet || how == "none" || how == "auto" && columns == 0 {
		return nil
	}
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.progress == nil {
		c.progress = render.NewProgress(c.w, how, func() int { return width(c.w) })
	}
	return c.progress
}

// reading says how far loading has come, and how fast if the bytes are fetched or the layers are not known yet.
func reading(at analyze.Progress, since time.Duration) string {
	verb, pace := "reading", ""
	switch {
	case at.Comparing:
		return fmt.Sprintf("comparing with the engine's directories, layers to go: %d", at.Layers-at.Done)
	case at.Remote:
		verb, pace = "fetching", Rate(at.Read, since)
	}
	if at.Layers == 0 {
		return fmt.Sprintf("%s: %s%s", verb, show.Size(at.Read), Rate(at.Read, since))
	}
	return fmt.Sprintf("%s: %s of %s%s, layers to go: %d", verb, show.Size(at.Read), show.Size(at.Bytes), pace,
		at.Layers-at.Done)
}

// Rate says how fast bytes came, after a comma; nothing until that is known.
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
		switch {
		case at.Images > 1 && at.Finished >= 0:
			p.Line(fmt.Sprintf("layup: %d of %d layers: read", at.Done, at.Layers))
		case at.Finished >= 0:
			p.Line(fmt.Sprintf("layup: layer %d: read", at.Finished))
		case at.Comparing:
			p.Line(fmt.Sprintf("layup: %d of %d layers: compared with their directories", at.Done, at.Layers))
		}
		if how == "auto" {
			p.Update("layup: " + reading(at, time.Since(began)))
		}
	}
}

// Progress begins a status line, or lines, as --progress says. It is nil if nothing is to be shown.
func (c *Call) Progress() *render.Progress { return c.console.status(c.progress.Word) }
