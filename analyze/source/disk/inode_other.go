//go:build !linux && !darwin

package disk

import (
	"io/fs"
	"time"
)

// inodeOf is false: this system does not tell when an inode changed.
func inodeOf(fs.FileInfo) (device, inode uint64, changed time.Time, ok bool) {
	return 0, 0, time.Time{}, false
}
