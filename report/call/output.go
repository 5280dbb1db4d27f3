package call

import (
	"bufio"
	"cmp"
	"context"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"syscall"

	"layup/analyze/temporary"
	"layup/report/render"
)

// errClosedPipe says that the reader of the answer went away, which ends the command quietly.
var errClosedPipe = &outputError{errors.New("closed pipe")}

// A body writes an answer for a terminal or another reader.
type body func(w io.Writer, t render.Terminal) error

// A sink takes the answer. It keeps its first error, and refuses to write after an interruption.
type sink struct {
	ctx context.Context
	w   io.Writer
	err error
}

func (s *sink) Write(p []byte) (int, error) {
	if s.err == nil {
		s.err = s.ctx.Err()
	}
	if s.err != nil {
		return 0, s.err
	}
	n, err := s.w.Write(p)
	s.err = err
	return n, err
}

// fill runs a body into w. It returns the error of w, with where as its name, else that of the body.
func fill(ctx context.Context, w io.Writer, where string, t render.Terminal, b body) error {
	s := &sink{ctx: ctx, w: w}
	buffered := bufio.NewWriterSize(s, 1<<16)
	err := b(buffered, t)
	if err == nil {
		err = buffered.Flush()
	}
	if s.err != nil {
		return writeError(where, s.err)
	}
	return err
}

// writeError names the target once; the path that the system's error holds says /dev/stdout.
func writeError(where string, err error) error {
	if err == nil {
		return nil
	}
	if pathErr, ok := errors.AsType[*fs.PathError](err); ok {
		err = pathErr.Err
	}
	return &outputError{fmt.Errorf("write %s: %w", where, err)}
}

// An outputError says that the answer could not be written.
type outputError struct{ error }

func (e *outputError) Unwrap() error { return e.error }

// Write writes the answer to the standard output or to the file that -o names.
func (c *Call) Write(ctx context.Context, b body) error {
	c.console.close()
	if c.toFile() {
		return c.writeFile(ctx, b)
	}
	if closedAtStart(c.stdout) {
		return &outputError{errors.New("write stdout: it is closed")}
	}
	err := fill(ctx, c.stdout, "stdout", c.Terminal(), b)
	if closer, ok := c.stdout.(io.Closer); ok && err == nil {
		err = writeError("stdout", closer.Close())
	}
	if errors.Is(err, syscall.EPIPE) {
		return errClosedPipe
	}
	return err
}

// Print writes a text as the answer.
func (c *Call) Print(ctx context.Context, text string) error {
	return c.Write(ctx, func(w io.Writer, _ render.Terminal) error {
		_, err := io.WriteString(w, text)
		return err
	})
}

// checkOutput refuses a value of -o that cannot be written to, before an image is read.
func (c *Call) checkOutput() error {
	if c.Output == "" && c.Given("output") {
		return Usage("- is the standard output; a variable of a script may be unset", "-o: the name of the file is empty")
	}
	if c.Output == "" || c.Output == "-" {
		return nil
	}
	if info, err := os.Stat(c.Output); err == nil {
		if info.IsDir() {
			return fmt.Errorf("-o %q: is a directory; name a file", c.Output)
		}
		return nil
	}
	format := func(f render.Format) bool { return f.Name == c.Output }
	if !c.Command.Plain && slices.ContainsFunc(render.For(c.Command.Items), format) {
		return Usage("--format "+c.Output+"; a file of that name is ./"+c.Output, "-o %s: names a file, not a format",
			c.Output)
	}
	dir := filepath.Dir(c.Output)
	info, err := os.Stat(dir)
	if err != nil || !info.IsDir() {
		return fmt.Errorf("-o %q: %q is not a directory", c.Output, dir)
	}
	return nil
}

// writeFile replaces the file that -o names when the answer is whole. What is not a regular file (/dev/null, a FIFO) is
// written to as it is.
func (c *Call) writeFile(ctx context.Context, b body) error {
	if info, err := os.Stat(c.Output); err == nil && !info.Mode().IsRegular() {
		return c.writeDevice(ctx, c.Output, b)
	}
	return c.replaceFile(ctx, func(f io.Writer, _ io.WriterAt) error {
		return fill(ctx, f, c.Output, c.Terminal(), b)
	})
}

// replaceFile puts what is written into a temporary file in place of the one that -o names. The end of the program
// removes the temporary file, even while it is being written to.
func (c *Call) replaceFile(ctx context.Context, write func(w io.Writer, at io.WriterAt) error) error {
	f, err := c.temporary()
	if err != nil {
		return writeError(c.Output, err)
	}
	defer c.console.forget(f)
	if err := cmp.Or(write(f, f), ctx.Err()); err != nil {
		return err
	}
	return writeError(c.Output, f.Commit())
}

// temporary makes a temporary file for the one that -o names.
func (c *Call) temporary() (*temporary.File, error) {
	defer c.Undoing()()
	f, err := temporary.Create(c.Output)
	if err == nil {
		c.console.remember(f)
	}
	return f, err
}

// WriteAt puts what is written, at any place, into the regular file that -o names, when it is whole.
func (c *Call) WriteAt(ctx context.Context, write func(w io.WriterAt) error) error {
	return c.replaceFile(ctx, func(_ io.Writer, at io.WriterAt) error {
		w := &writerAt{w: at}
		err := write(w)
		if w.err != nil {
			return writeError(c.Output, w.err)
		}
		return err
	})
}

// A writerAt keeps the first error of what it writes to.
type writerAt struct {
	w   io.WriterAt
	err error
}

func (w *writerAt) WriteAt(p []byte, at int64) (int, error) {
	n, err := w.w.WriteAt(p, at)
	if w.err == nil {
		w.err = err
	}
	return n, err
}

func (c *Call) writeDevice(ctx context.Context, path string, b body) error {
	f, err := os.OpenFile(path, os.O_WRONLY, 0)
	if err != nil {
		return writeError(c.Output, err)
	}
	err = fill(ctx, f, c.Output, c.Terminal(), b)
	if closeErr := f.Close(); err == nil {
		err = writeError(c.Output, closeErr)
	}
	return err
}
