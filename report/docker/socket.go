package docker

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

// checkSocket checks whether a socket can be made at a path. It returns the socket that an earlier run left there, if
// there is one.
func checkSocket(path string) (dead fs.FileInfo, err error) {
	if len(path) > longestAddress {
		return nil, fmt.Errorf("its path has %d bytes, and %d is the most for a socket", len(path), longestAddress)
	}
	if n := len(filepath.Dir(path)); n > longestAddress-len(birthplace) {
		return nil, fmt.Errorf("its directory's path has %d bytes, and %d is the most for a socket in it", n,
			longestAddress-len(birthplace))
	}
	if info, err := os.Stat(filepath.Dir(path)); err != nil || !info.IsDir() {
		return nil, fmt.Errorf("%q is not a directory", filepath.Dir(path))
	}
	info, err := os.Lstat(path)
	switch {
	case errors.Is(err, fs.ErrNotExist):
		return nil, nil
	case err != nil:
		return nil, plainCause(err)
	case info.Mode().Type() != fs.ModeSocket:
		return nil, errors.New("it exists, and is not a socket")
	case info.Mode().Perm() != socketMode || !ownedByUs(info):
		return nil, errors.New("it exists, and is not a socket that layup left")
	}
	conn, err := net.DialTimeout("unix", path, time.Second)
	if err == nil {
		conn.Close() // nothing was asked
		return nil, errListening
	}
	if !errors.Is(err, syscall.ECONNREFUSED) {
		return nil, errors.New("it exists, and is not a socket that layup left")
	}
	return info, nil
}

const socketMode fs.FileMode = 0o600

// birthplace is the longest path, below the directory, by which a socket is made.
const birthplace = "/.lu4294967295/s"

var errListening = errors.New("a program is listening there")

// listenPrivately listens on a socket that nobody else can use at any time. The socket is made in a directory that only
// the user may enter, and gets its name after its mode. A socket that an earlier run left is removed.
func listenPrivately(path string) (net.Listener, error) {
	defer lockDirectory(filepath.Dir(path))()
	dead, err := checkSocket(path)
	if err != nil {
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
		err = place(made, path, dead)
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

// place gives a socket its name, and replaces only the dead socket that was found there. Another program may have
// replaced that one since, so it is moved and compared first; if it is another, it gets its name back.
func place(made, path string, dead fs.FileInfo) error {
	if dead != nil {
		taken := made + ".old"
		if err := os.Rename(path, taken); err != nil && !errors.Is(err, fs.ErrNotExist) {
			return err
		}
		if info, err := os.Lstat(taken); err == nil && !os.SameFile(info, dead) {
			return errors.Join(errListening, os.Rename(taken, path))
		}
	}
	err := os.Link(made, path) // unlike a rename, it fails if the name is taken by now
	if errors.Is(err, fs.ErrExist) {
		return errListening
	}
	return err
}

// plainCause leaves out the paths, as the message names them.
func plainCause(err error) error {
	if e, ok := errors.AsType[*fs.PathError](err); ok {
		return e.Err
	}
	if e, ok := errors.AsType[*os.LinkError](err); ok {
		return e.Err
	}
	return err
}

// socketCause leaves out the addresses, as the message names them.
func socketCause(err error) error {
	if e, ok := errors.AsType[*net.OpError](err); ok {
		err = e.Err
	}
	if e, ok := errors.AsType[*os.SyscallError](err); ok {
		err = e.Err
	}
	return err
}

// A private listener removes its socket when it is closed, unless another socket has replaced it.
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

// A seated connection gives its place in a limited listener back when it is closed.
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
