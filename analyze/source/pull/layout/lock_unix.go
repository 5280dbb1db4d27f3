//go:build unix

package layout

import (
	"os"
	"syscall"
)

// lock locks a file for this process until it is closed or the process ends.
func lock(f *os.File) error { return syscall.Flock(int(f.Fd()), syscall.LOCK_EX|syscall.LOCK_NB) }
