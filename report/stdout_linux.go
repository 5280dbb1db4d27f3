package report

import (
	"io"
	"os"

	"golang.org/x/sys/unix"
)

// closedAtStart reports whether the program was started with its standard output closed. Go's runtime puts /dev/null there, opened for
// reading and writing and without O_CLOEXEC, so that a write to it would succeed and the answer would be lost with exit status 0;
// shells and most programs that mean /dev/null open it otherwise.
func closedAtStart(stdout io.Writer) bool {
	if stdout != io.Writer(os.Stdout) {
		return false
	}
	var out, null unix.Stat_t
	if unix.Fstat(1, &out) != nil || unix.Stat("/dev/null", &null) != nil || out.Rdev != null.Rdev || out.Mode&unix.S_IFMT != unix.S_IFCHR {
		return false
	}
	flags, err := unix.FcntlInt(1, unix.F_GETFL, 0)
	return err == nil && flags&(unix.O_ACCMODE|unix.O_CLOEXEC|unix.O_APPEND) == unix.O_RDWR
}
