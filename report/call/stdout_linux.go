package call

import (
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
	"syscall"
)

const null = "/dev/null"

// closedAtStart reports whether the program was started with its standard output closed, as a shell's >&- does. Go's
// runtime then puts /dev/null in its place, open for reading and writing, so that every write would succeed and the
// answer be lost with exit status 0. Nearly all programs that mean /dev/null open it for writing only. If the parent
// has it, it is inherited. libuv and Python's subprocess open it both ways on purpose, so below them only what a shell
// started counts as closed.
func closedAtStart(stdout io.Writer) bool {
	if stdout != io.Writer(os.Stdout) {
		return false
	}
	target, err := os.Readlink("/proc/self/fd/1")
	if err != nil || target != null {
		return false
	}
	flags, _, errno := syscall.Syscall(syscall.SYS_FCNTL, 1, syscall.F_GETFL, 0)
	if errno != 0 || flags&(syscall.O_ACCMODE|syscall.O_APPEND) != syscall.O_RDWR {
		return false
	}
	parent := fmt.Sprintf("/proc/%d", os.Getppid())
	inherited, err := os.Readlink(parent + "/fd/1")
	switch {
	case errors.Is(err, fs.ErrNotExist): // also closed there, if the parent can be seen
		_, err := os.Stat(parent + "/fd")
		return err == nil
	case err != nil, inherited == null:
		return false
	}
	program, err := os.Readlink(parent + "/exe")
	return err == nil && (!meansBothWays(filepath.Base(program)) || startedByShell())
}

// meansBothWays reports whether a program opens /dev/null for reading and writing when it gives it to a child.
func meansBothWays(program string) bool {
	for _, name := range []string{"python", "pypy", "node"} {
		if strings.HasPrefix(program, name) {
			return true
		}
	}
	return false
}

// startedByShell reports whether a shell that replaced itself with this program has left its mark, the program's path
// in _.
func startedByShell() bool {
	self, err := os.Stat("/proc/self/exe")
	if err != nil {
		return false
	}
	named, err := os.Stat(os.Getenv("_"))
	return err == nil && os.SameFile(self, named)
}
