package disk

import (
	"io/fs"
	"syscall"
	"time"
)

// inodeOf returns which inode a file is, and when it changed last; false if it has no name.
func inodeOf(info fs.FileInfo) (device, inode uint64, changed time.Time, ok bool) {
	stat, ok := info.Sys().(*syscall.Stat_t)
	if !ok || stat.Nlink == 0 {
		return 0, 0, time.Time{}, false
	}
	return uint64(stat.Dev), stat.Ino, time.Unix(stat.Ctimespec.Sec, stat.Ctimespec.Nsec), true
}
