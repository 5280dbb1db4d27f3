package report

import (
	"bufio"
	"context"
	"crypto/rand"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"syscall"

	"layup/report/render"
)

// errClosedPipe says that the reader of the answer went away, which ends the command quietly.
var errClosedPipe = &outputError{errors.New("closed pipe")}

// A body writes an answer to what shows it.
type body func(w io.Writer, t render.Terminal) error

// A sink is what takes the answer. It keeps its first error, whatever becomes of it on the way back, and refuses when the command is interrupted.
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

// fill runs a body into w and returns what went wrong: with w, of which where is the name, or else with the body.
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

// write hands the answer to the standard output or to the file that -o names.
func (c *Call) write(ctx context.Context, b body) error {
	if c.output != "" && c.output != "-" {
		return c.writeFile(ctx, b)
	}
	if closedAtStart(c.stdout) {
		return &outputError{errors.New("write stdout: it is closed")}
	}
	err := fill(ctx, c.stdout, "stdout", c.terminal(), b)
	if closer, ok := c.stdout.(io.Closer); ok && err == nil {
		err = writeError("stdout", closer.Close())
	}
	if errors.Is(err, syscall.EPIPE) {
		return errClosedPipe
	}
	return err
}

// print writes a text of ours.
func (c *Call) print(ctx context.Context, text string) error {
	return c.write(ctx, func(w io.Writer, _ render.Terminal) error {
		_, err := io.WriteString(w, text)
		return err
	})
}

// checkOutput refuses what -o cannot mean before an image is read for it.
func (c *Call) checkOutput() error {
	if c.output == "" && c.outputGiven {
		return usage("- is the standard output; a variable of a script may be unset", "-o: the name of the file is empty")
	}
	if c.output == "" || c.output == "-" {
		return nil
	}
	if info, err := os.Stat(c.output); err == nil {
		if info.IsDir() {
			return fmt.Errorf("-o %q: is a directory; name a file", c.output)
		}
		return nil
	}
	dir := filepath.Dir(c.output)
	info, err := os.Stat(dir)
	if err != nil || !info.IsDir() {
		return fmt.Errorf("-o %q: %q is no directory", c.output, dir)
	}
	return nil
}

// writeFile replaces the file that -o names when the answer is whole. What is no regular file (/dev/null, a FIFO) is written to as it is.
func (c *Call) writeFile(ctx context.Context, b body) error {
	if info, err := os.Stat(c.output); err == nil && !info.Mode().IsRegular() {
		return c.writeDevice(ctx, c.output, b)
	}
	return c.replaceFile(func(f *os.File) error { return fill(ctx, f, c.output, c.fileTerminal(), b) })
}

// replaceFile puts what is written into a temporary file in place of the one that -o names.
func (c *Call) replaceFile(write func(f *os.File) error) error {
	path, err := filepath.EvalSymlinks(c.output) // a link stays a link
	if err != nil {
		path = c.output
	}
	mode, keep := fs.FileMode(0o666), false
	if info, err := os.Stat(path); err == nil {
		mode, keep = info.Mode().Perm(), true
	}
	temp := filepath.Join(filepath.Dir(path), "."+filepath.Base(path)+".layup-"+rand.Text()[:8])
	f, err := os.OpenFile(temp, os.O_WRONLY|os.O_CREATE|os.O_EXCL, mode)
	if err != nil {
		return writeError(c.output, err)
	}
	defer os.Remove(temp) // finds nothing after the rename
	err = write(f)
	if err == nil && keep {
		err = writeError(c.output, f.Chmod(mode)) // whatever the umask
	}
	if err == nil {
		err = writeError(c.output, f.Sync())
	}
	if closeErr := f.Close(); err == nil {
		err = writeError(c.output, closeErr)
	}
	if err == nil {
		err = writeError(c.output, os.Rename(temp, path))
	}
	return err
}

func (c *Call) writeDevice(ctx context.Context, path string, b body) error {
	f, err := os.OpenFile(path, os.O_WRONLY, 0)
	if err != nil {
		return writeError(c.output, err)
	}
	err = fill(ctx, f, c.output, c.fileTerminal(), b)
	if closeErr := f.Close(); err == nil {
		err = writeError(c.output, closeErr)
	}
	return err
}
