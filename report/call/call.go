// Package call is what every question of the command line shares: flags, parsing, hints, loading of images, output and
// messages.
package call

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"strings"
	"time"

	"github.com/spf13/pflag"

	"layup/analyze"
	"layup/report/render"
)

// A Command is one command.
type Command struct {
	Name, Args, About string
	Min, Max          int    // number of arguments; a negative Max is no bound
	Details           string // paragraphs for the help, wrapped by hand
	No                string // what exit status 1 means for it; empty where it never answers no
	Examples          []string
	Plain             bool // writes no document: --format does not apply
	Target            bool // -o names what the command makes, and not a file for its answer
	Hidden            bool // not listed
	Findings          bool // its items are results of checks, which have formats of their own
	New               func(*pflag.FlagSet) Answer

	Docker   bool   // keeps docker's --format and, said in Statuses, its exit statuses
	Statuses string // instead of those of all commands
}

// ReadsImages reports whether the first argument of the command names an image.
func (r Command) ReadsImages() bool {
	return strings.HasPrefix(r.Args, "IMAGE") || strings.HasPrefix(r.Args, "SOURCE") || strings.HasPrefix(r.Args, "docker://")
}

// An Answer does the work of a command and returns the exit status where there is no error.
type Answer func(ctx context.Context, c *Call) (int, error)

// A Call is one command line, understood.
type Call struct {
	*Common
	Command  Command
	Args     []string
	commands []Command
	Stdin    *os.File
	Stdout   io.Writer
	Console  *console

	Formatter render.Format
	Secrets   bool           // images are loaded with what small files hold looked at
	Dense     bool           // and without digests of sparse files
	Bodies    analyze.Bodies // the content of files that is read
	WhereTo   string         // the flag that a next command of the same name needs, behind a space
}

// Commands are all commands of the program, in the order of the help.
func (c *Call) Commands() []Command { return c.commands }

// grace is how long an interrupted command may take to clean up: 100 ms from the signal to the exit is promised.
const grace = 70 * time.Millisecond

// Main runs one command line and returns the exit status: 0 answered, 1 the answer is no, 2 could not answer, 3 answered in part. It closes
// stdout if it can, for a failed close is a failed answer. When ctx ends, it returns within a tenth of a second, whatever is going on.
func Main(ctx context.Context, commands []Command, args []string, stdin *os.File, stdout, stderr io.Writer) int {
	con := &console{commands: commands, w: stderr, plugin: isPlugin(ctx)}
	done := make(chan int, 1)
	go func() { done <- guarded(con, func() int { return run(ctx, args, stdin, stdout, con) }) }()
	select {
	case status := <-done:
		return status
	case <-ctx.Done():
	}
	select { // a blocked read cannot be interrupted, and need not be waited for
	case <-done:
	case <-time.After(grace):
	}
	con.undoing.Wait() // what removes a tree half made may take longer
	con.end()
	return Failed
}

// guarded is the last resort: a mistake of ours ends as one line, too.
func guarded(con *console, f func() int) (status int) {
	defer func() {
		if r := recover(); r != nil {
			con.fail(fmt.Errorf("internal error: %v; please report", r))
			status = Failed
		}
	}()
	return f()
}

// run understands the command line, answers it, and says what went wrong.
func run(ctx context.Context, args []string, stdin *os.File, stdout io.Writer, con *console) int {
	c, answer, err := parse(con.commands, args)
	if err != nil {
		con.fail(err)
		return Failed
	}
	c.Stdin, c.Stdout, c.Console = stdin, stdout, con
	con.Quiet, con.verbose = c.Quiet, c.Verbose
	status, err := Failed, c.checkFlags()
	if err == nil {
		err = c.profiles.start()
	}
	if err == nil {
		status, err = answer(ctx, c)
	}
	err = cmp.Or(err, c.profiles.stop())
	con.close()
	switch {
	case ctx.Err() != nil, errors.Is(err, errClosedPipe):
		return Answered // of an interrupted command only the caller knows the status
	case err != nil:
		con.fail(err)
		return Failed
	}
	return status
}

// checkFlags refuses what the common flags cannot mean before an image is read for them.
func (c *Call) checkFlags() error {
	if c.Command.Docker {
		if !c.FormatGiven {
			c.Format = ""
		}
		return c.checkOutput()
	}
	formatter, err := render.Parse(c.Format, render.For(c.Command.Findings))
	if err != nil {
		return err
	}
	if c.Formatter = formatter; c.Command.Plain && c.Format != "table" {
		return Usage("", "%s: --format does not apply: it writes no document", c.Command.Name)
	}
	if c.Command.Target {
		return nil
	}
	if err := c.checkTOC(); err != nil {
		return err
	}
	return c.checkOutput()
}
