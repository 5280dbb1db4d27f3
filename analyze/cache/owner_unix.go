//go:build unix

package cache

import (
	"io/fs"
	"os"
	"syscall"
)

// owned reports whether a directory belongs to the user of this process.
func owned(info fs.FileInfo) bool {
	stat, ok := info.Sys().(*syscall.Stat_t)
	return ok && int(stat.Uid) == os.Geteuid()
}

// writable reports whether other users may write to a directory.
func writable(info fs.FileInfo) bool { return info.Mode().Perm()&0o022 != 0 }
