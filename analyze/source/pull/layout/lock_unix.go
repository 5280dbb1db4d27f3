//go:build unix

package layout

import (
	"os"
	"syscall"
)

// lock locks a file for this process until it is closed, also by kill -9.
func lock(f *os.File) error { return syscall.Flock(int(f.Fd()), syscall.LOCK_EX|syscall.LOCK_NB) }
