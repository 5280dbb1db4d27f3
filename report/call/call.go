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

	"layup/analyze/show"
	"layup/report/render"
)

// A Command is a row in the list of commands.
type Command struct {
	Name, Args, About string
	Group             Group  // where the overview lists it; empty if it does not
	Brief             string // what the overview says of it, at most 25 characters
	Several           string // a second form of the arguments, for several images; empty if Args says it
	Min, Max          int    // number of arguments; without a bound if Max is negative
	Details           string // paragraphs for the help
	No                string // what exit status 1 means; empty if the command never answers no
	Examples          []string
	New               func(*pflag.FlagSet) Answer // adds the command's own flags and returns what answers

	Plain    bool         // writes no document: --format does not apply
	Target   bool         // -o names what the command makes, not a file for its answer
	Hidden   bool         // not listed
	Fleet    bool         // --catalogue stands for the first argument
	Items    render.Items // what its items are: some have formats of their own
	Docker   bool         // keeps docker's --format and exit statuses
	Statuses string       // what the help says of the exit statuses; empty if they are the usual ones
	Refuses  []Refusal    // flags of every command that do not apply to this one
}

// A Refusal says why a flag that every command knows does not apply to a command.
type Refusal struct {
	Flag, Why string
	Hint      string // what to do instead; %s is the first argument
}

// What several commands refuse.
var (
	OneImage = Refusal{"all", "it takes one image", "layup images %s  lists them"}
	NoTOC    = Refusal{"toc", "it rests on what layers hold, not on the builder's index",
		"without --toc the layers are fetched and verified"}
)

// readsImages reports whether the first argument of the command names an image.
func (r Command) readsImages() bool {
	return strings.HasPrefix(r.Args, "IMAGE") || strings.HasPrefix(r.Args, "SOURCE") || strings.HasPrefix(r.Args,
		"docker://")
}

// An Answer does the work of a command and returns the exit status. With an error the status is Failed.
type Answer func(ctx context.Context, c *Call) (int, error)

// A Call is one parsed command line: all that a question gets.
type Call struct {
	*common
	Command Command
	Args    []string

	commands  []Command
	own       *pflag.FlagSet // the command's own flags and those of every command
	stdin     *os.File
	stdout    io.Writer
	console   *console
	formatter render.Format
}

// Commands are all commands of the program, in the order of the help.
func (c *Call) Commands() []Command { return c.commands }

// grace is how long an interrupted command may take to clean up: it promises to exit 100 ms after the signal.
const grace = 70 * time.Millisecond

// Main runs one command line and returns the exit status: 0 answered, 1 the answer is no, 2 could not answer, 3
// answered in part. It closes stdout if it can, because a failed close is a failed answer. When ctx ends, it returns
// within a tenth of a second.
func Main(ctx context.Context, commands []Command, args []string, stdin *os.File, stdout, stderr io.Writer) int {
	con := &console{commands: commands, w: stderr, plugin: isPlugin(ctx), typed: args}
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
	con.undo() // removing a tree that is half made may take longer
	con.end()
	return Failed
}

// guarded turns a panic into one line.
func guarded(con *console, f func() int) (status int) {
	defer func() {
		if r := recover(); r != nil {
			con.fail(fmt.Errorf("internal error: %v; please report", r))
			status = Failed
		}
	}()
	return f()
}

// run parses the command line, answers it, and prints what went wrong.
func run(ctx context.Context, args []string, stdin *os.File, stdout io.Writer, con *console) int {
	c, answer, err := parse(con.commands, args)
	if err != nil {
		con.fail(err)
		return Failed
	}
	c.stdin, c.stdout, c.console = stdin, stdout, con
	con.quiet, con.verbose = c.quiet, c.verbose
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
		return Answered // only the caller knows the status of an interrupted command
	case err != nil:
		con.fail(err)
		return Failed
	}
	return status
}

// checkFlags refuses common flags that do not apply, before an image is read.
func (c *Call) checkFlags() error {
	for _, r := range c.Command.Refuses {
		if c.Given(r.Flag) {
			hint := strings.Replace(r.Hint, "%s", show.Shell(strings.Join(c.Args[:min(1, len(c.Args))], "")), 1)
			return Usage(hint, "%s: --%s does not apply: %s", c.Command.Name, r.Flag, r.Why)
		}
	}
	if c.Command.Docker {
		if !c.Given("format") {
			c.Format = ""
		}
		return c.checkOutput()
	}
	formatter, err := render.Parse(c.Format, render.For(c.Command.Items))
	if err != nil {
		return err
	}
	if c.formatter = formatter; c.Command.Plain && c.Format != "table" {
		return Usage("", "%s: --format does not apply: it writes no document", c.Command.Name)
	}
	if c.Command.Target {
		return nil
	}
	return c.checkOutput()
}
