//go:build unix

package docker

import (
	"io/fs"
	"os"
	"syscall"
)

// ownedByUs reports whether a file belongs to the user who runs the program.
func ownedByUs(info fs.FileInfo) bool {
	stat, ok := info.Sys().(*syscall.Stat_t)
	return ok && int(stat.Uid) == os.Geteuid()
}

// lockDirectory keeps other runs of layup from making a socket in a directory until unlock is called. It does nothing
// if the file system has no locks.
func lockDirectory(dir string) (unlock func()) {
	file, err := os.Open(dir)
	if err != nil {
		return func() {}
	}
	_ = syscall.Flock(int(file.Fd()), syscall.LOCK_EX) // without it place decides alone
	return func() { file.Close() }
}
