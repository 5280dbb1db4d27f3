package report

import (
	"errors"
	"fmt"
	"io/fs"
	"net"
	"os"
	"path/filepath"
	"sync"
	"syscall"
	"time"
)

// checkSocket says whether a socket can come to be at a path, and why not.
func checkSocket(path string) error {
	if len(path) > longestAddress {
		return fmt.Errorf("its path has %d bytes, and %d is the most for a socket", len(path), longestAddress)
	}
	if info, err := os.Stat(filepath.Dir(path)); err != nil || !info.IsDir() {
		return fmt.Errorf("%q is no directory", filepath.Dir(path))
	}
	info, err := os.Lstat(path)
	switch {
	case errors.Is(err, fs.ErrNotExist):
		return nil
	case err != nil:
		return plainCause(err)
	case info.Mode().Type() != fs.ModeSocket:
		return errors.New("it exists, and is no socket")
	case info.Mode().Perm() != socketMode || !ownedByUs(info):
		return errors.New("it exists, and is no socket that layup left")
	}
	conn, err := net.DialTimeout("unix", path, time.Second)
	if err == nil {
		conn.Close() // nothing was asked
		return errors.New("a program is listening there")
	}
	if !errors.Is(err, syscall.ECONNREFUSED) {
		return errors.New("it exists, and is no socket that layup left")
	}
	return nil
}

const socketMode fs.FileMode = 0o600

// listenPrivately listens on a socket that is the user's alone from the first moment: it is made in a directory nobody else may enter, and
// gets its name when it has its mode. A socket that an earlier run left is removed before.
func listenPrivately(path string) (net.Listener, error) {
	if err := checkSocket(path); err != nil {
		return nil, err
	}
	dir, err := os.MkdirTemp(filepath.Dir(path), ".lu")
	if err != nil {
		return nil, plainCause(err)
	}
	defer os.RemoveAll(dir) // the socket has another name by then
	made := filepath.Join(dir, "s")
	listener, err := net.ListenUnix("unix", &net.UnixAddr{Name: made, Net: "unix"})
	if err != nil {
		return nil, socketCause(err)
	}
	listener.SetUnlinkOnClose(false)
	err = os.Chmod(made, socketMode)
	if err == nil {
		err = place(made, path)
	}
	if err != nil {
		return nil, errors.Join(plainCause(err), listener.Close())
	}
	info, err := os.Lstat(path)
	if err != nil {
		return nil, errors.Join(plainCause(err), listener.Close())
	}
	return &private{Listener: listener, path: path, info: info}, nil
}

// place gives a socket its name, and replaces nothing but what an earlier run left.
func place(made, path string) error {
	if _, err := os.Lstat(path); err == nil { // checkSocket found it dead
		if err := os.Remove(path); err != nil {
			return err
		}
	}
	return os.Link(made, path) // unlike a rename, it fails where something has come to be there
}

// plainCause leaves out the paths, which the message has already.
func plainCause(err error) error {
	if e, ok := errors.AsType[*fs.PathError](err); ok {
		return e.Err
	}
	if e, ok := errors.AsType[*os.LinkError](err); ok {
		return e.Err
	}
	return err
}

// socketCause is plainCause for the errors of sockets.
func socketCause(err error) error {
	if e, ok := errors.AsType[*net.OpError](err); ok {
		err = e.Err
	}
	if e, ok := errors.AsType[*os.SyscallError](err); ok {
		err = e.Err
	}
	return err
}

// A private listener removes its socket when it is closed, but not another that has taken its place.
type private struct {
	net.Listener
	path string
	info fs.FileInfo
	once sync.Once
}

// Close ends the listening.
func (p *private) Close() error {
	var err error
	p.once.Do(func() {
		if info, statErr := os.Lstat(p.path); statErr == nil && os.SameFile(info, p.info) {
			err = os.Remove(p.path)
		}
		err = errors.Join(err, p.Listener.Close())
	})
	return err
}

// A seated connection gives its place back when it is closed.
type seated struct {
	net.Conn
	free chan struct{}
	once sync.Once
}

// Close ends the connection.
func (c *seated) Close() error {
	c.once.Do(func() { <-c.free })
	return c.Conn.Close()
}
