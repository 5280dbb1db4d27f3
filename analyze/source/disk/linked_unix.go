//go:build unix

package disk

import (
	"io/fs"
	"syscall"
)

// Linked reports whether a file has more names than one.
func Linked(info fs.FileInfo) bool {
	stat, ok := info.Sys().(*syscall.Stat_t)
	return ok && info.Mode().IsRegular() && stat.Nlink > 1
}
