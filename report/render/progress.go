package render

import (
	"fmt"
	"io"
	"sync"
	"time"

	"layup/analyze/show"
)

const (
	// patience is how long a command works before it says so.
	patience = 300 * time.Millisecond
	// redraw is the least time between two states of the status line.
	redraw = 100 * time.Millisecond
)

// Progress tells a person how far a long command has come: by a status line on a terminal that is drawn again and
// again, or by a line for each finished part. Its methods may be called from several goroutines. It runs none of its
// own except a timer, which Clear stops.
type Progress struct {
	w      io.Writer
	width  func() int // of the terminal; nil if there is no status line
	plain  bool
	mu     sync.Mutex
	text   string
	timer  *time.Timer
	due    time.Time // when the timer draws; zero if it is not to draw
	drawn  time.Time // when the line was drawn last
	onView bool      // the line is on the terminal
}

// NewProgress makes the progress that --progress asks for: auto is the status line if w is a terminal, plain is lines,
// none is nothing. width returns the columns of the terminal, 0 if w is not a terminal.
func NewProgress(w io.Writer, how string, width func() int) *Progress {
	p := &Progress{w: w, plain: how == "plain"}
	if how == "auto" && width() > 0 {
		p.width = width
	}
	return p
}

// Update sets the text of the status line. It is drawn once the command has worked for 300 ms.
func (p *Progress) Update(text string) {
	if p.width == nil {
		return
	}
	p.mu.Lock()
	defer p.mu.Unlock()
	p.text = text
	if !p.due.IsZero() {
		return
	}
	wait := patience
	if p.onView {
		wait = redraw - time.Since(p.drawn)
	}
	if wait <= 0 {
		p.draw()
		return
	}
	p.due = time.Now().Add(wait)
	p.timer = time.AfterFunc(wait, p.ring)
}

// ring draws what was set last.
func (p *Progress) ring() {
	p.mu.Lock()
	defer p.mu.Unlock()
	if p.due.IsZero() || time.Now().Before(p.due) { // cleared since
		return
	}
	p.due = time.Time{}
	p.draw()
}

// draw writes the line over the one before, and leaves the last column free: terminals would wrap there.
func (p *Progress) draw() {
	line := cutTo(show.Safe(p.text), p.width()-1)
	_, _ = fmt.Fprint(p.w, "\r"+line+"\x1b[K") // a status line that cannot be written is not a failure
	p.drawn, p.onView = time.Now(), true
}

// Line writes a line of its own if --progress is plain.
func (p *Progress) Line(text string) {
	if !p.plain {
		return
	}
	p.mu.Lock()
	defer p.mu.Unlock()
	_, _ = fmt.Fprintln(p.w, show.Safe(text))
}

// Clear removes the status line. Call it before anything else is printed and at the end. A later Update begins anew.
func (p *Progress) Clear() {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.due = time.Time{}
	if p.timer != nil {
		p.timer.Stop()
	}
	if p.onView {
		_, _ = fmt.Fprint(p.w, "\r\x1b[K")
		p.onView = false
	}
}

// UseColor resolves --color: always, never, or auto, which is colour on a terminal unless NO_COLOR is set to anything
// or the terminal is dumb.
func UseColor(how string, terminal bool, getenv func(string) string) bool {
	return how == "always" || how == "auto" && terminal && getenv("NO_COLOR") == "" && getenv("TERM") != "dumb"
}
