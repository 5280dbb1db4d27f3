//go:build unix

package oci

import (
	"os"
	"syscall"
)

// lock makes a file this process's own until it is closed, also by kill -9.
func lock(f *os.File) error { return syscall.Flock(int(f.Fd()), syscall.LOCK_EX|syscall.LOCK_NB) }
