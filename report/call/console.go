package call

import (
	"io"
	"strings"
	"sync"

	"layup/analyze/show"
	"layup/analyze/temporary"
	"layup/report/render"
)

// A console is the standard error: each message is a whole line in which a terminal finds nothing to obey.
type console struct {
	commands       []Command
	mu             sync.Mutex
	w              io.Writer
	progress       *render.Progress // nil before loading begins
	ended          bool
	quiet, verbose bool
	plugin         bool     // the user types our commands after docker
	typed          []string // the command line
	undoing        gate     // held by work that must end even if the command is interrupted
	unfinished     map[*temporary.File]bool
}

// line prints a message.
func (c *console) line(text string) {
	if c.plugin && strings.HasPrefix(text, "hint: ") {
		text = afterDocker(c.commands, text)
	}
	c.plain("layup: " + text)
}

// plain prints a message without the program's name.
func (c *console) plain(text string) {
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.ended {
		return
	}
	if c.progress != nil {
		c.progress.Clear()
	}
	io.WriteString(c.w, show.Line(WithoutPasswords(text))+"\n") // nobody could be told of an error here
}

// note prints what the user should know of a choice made for them, unless -q is given.
func (c *console) note(text string) {
	if !c.quiet {
		c.line(text)
	}
}

// fail prints an error and the next commands it advises.
func (c *console) fail(err error) {
	c.line(err.Error())
	for _, h := range hints(err, c.typed) {
		c.line("hint: " + h)
	}
}

// close clears the status line.
func (c *console) close() {
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.progress != nil {
		c.progress.Clear()
	}
	c.progress = nil
}

// end clears the status line and silences the console, so that a command that was abandoned cannot write below the
// shell's prompt.
func (c *console) end() {
	c.close()
	c.mu.Lock()
	defer c.mu.Unlock()
	c.ended = true
}

// Note prints what the user should know of a choice made for them, unless -q is given.
func (c *Call) Note(text string) { c.console.note(text) }

// Hint prints a next command, or what else helps.
func (c *Call) Hint(text string) { c.console.line("hint: " + text) }

// Fail prints an error, and the hints that it holds.
func (c *Call) Fail(err error) { c.console.fail(err) }

// Verbatim prints a message that is not in the program's words.
func (c *Call) Verbatim(text string) { c.console.plain(text) }

// Undoing lets the program wait, also after an interruption, for what follows, until done is called. If the program is
// about to end, Undoing does not return.
func (c *Call) Undoing() (done func()) { return c.console.undoing.hold() }

// A gate is open until it is closed for ever. The zero value is open.
type gate struct {
	mu    sync.Mutex
	holds int
	door  sync.Mutex // locked while anybody holds the gate, and after it is closed
}

// hold keeps the gate open until release is called. If it is closed, hold never returns.
func (g *gate) hold() (release func()) {
	g.mu.Lock()
	defer g.mu.Unlock()
	if g.holds == 0 {
		g.door.Lock()
	}
	g.holds++
	return g.release
}

func (g *gate) release() {
	g.mu.Lock()
	defer g.mu.Unlock()
	if g.holds--; g.holds == 0 {
		g.door.Unlock()
	}
}

// close waits until nobody holds the gate.
func (g *gate) close() { g.door.Lock() }

// remember lets the end of the program discard a file.
func (c *console) remember(f *temporary.File) {
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.unfinished == nil {
		c.unfinished = map[*temporary.File]bool{}
	}
	c.unfinished[f] = true
}

// forget discards a file unless it is complete.
func (c *console) forget(f *temporary.File) {
	f.Discard()
	c.mu.Lock()
	defer c.mu.Unlock()
	delete(c.unfinished, f)
}

// undo waits for what is being undone, lets nothing else begin, and discards unfinished files.
func (c *console) undo() {
	c.undoing.close()
	c.mu.Lock()
	defer c.mu.Unlock()
	for f := range c.unfinished {
		f.Discard()
	}
}
