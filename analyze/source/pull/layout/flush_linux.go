package layout

import (
	"os"

	"golang.org/x/sys/unix"
)

// flush waits until all that was written to the file system of a file is on the disk.
func flush(f *os.File) error { return unix.Syncfs(int(f.Fd())) }

// flushes says whether flush can do what it says.
const flushes = true
