//go:build unix

package temporary

import (
	"os"
	"time"

	"golang.org/x/sys/unix"
)

// openRename says that an open file can be renamed: its lock then covers that also.
const openRename = true

// Lock locks a file or directory for this process, until it is closed or the process ends. The error is ErrBusy if
// another process holds the lock, another one if the file system has no locks.
func Lock(f *os.File) error {
	err := unix.Flock(int(f.Fd()), unix.LOCK_EX|unix.LOCK_NB)
	if err == unix.EWOULDBLOCK {
		return ErrBusy
	}
	return err
}

func stat(dir *os.Root, name string) (st unix.Stat_t, err error) {
	d, err := dir.Open(".")
	if err != nil {
		return st, err
	}
	defer d.Close()
	return st, unix.Fstatat(int(d.Fd()), name, &st, unix.AT_SYMLINK_NOFOLLOW)
}

// ours reports whether a name is a file or a directory of this user that was last changed by a write. Extraction sets
// the times of files, which changes them later than the time it sets, and directories get the mode of the image.
func ours(dir *os.Root, name string) bool {
	st, err := stat(dir, name)
	kind := st.Mode & unix.S_IFMT
	return err == nil && int(st.Uid) == os.Geteuid() && st.Mtim == st.Ctim &&
		(kind == unix.S_IFREG || kind == unix.S_IFDIR && st.Mode&0o7777 == dirMode)
}

// settling is how long it takes at most to give moved directories their modes and times.
const settling = 10 * time.Second

// untouched reports whether a name has not changed since it was moved out of a tree.
func untouched(dir *os.Root, name, tree string) bool {
	from, err := stat(dir, tree)
	if err != nil {
		return false
	}
	st, err := stat(dir, name)
	return err == nil && time.Unix(st.Ctim.Unix()).Before(time.Unix(from.Mtim.Unix()).Add(settling))
}
