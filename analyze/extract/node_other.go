//go:build !linux

package extract

import (
	"errors"
	"os"
	"runtime"
	"strings"
	"time"

	"layup/tarfs"
)

// canDevices says that this system does not have the devices of images.
const canDevices = false

var errUnsupported = errors.New("not on this system")

// checkName reports why this system cannot hold a name: some characters separate paths and streams on Windows.
func checkName(name string) error {
	if runtime.GOOS == "windows" && (strings.ContainsAny(name, `\/:*?"<>|`) || strings.TrimRight(name, ". ") != name) {
		return making(errName)
	}
	return nil
}

func (at *folder) beneath(string) (*os.Root, error) { return nil, nil }

// mknod would make a FIFO, but os.Root cannot.
func (at *folder) mknod(string, tarfs.Version) error { return errName }

func (at *folder) directory(name string) (*os.File, error) { return at.root.Open(name) }

func (at *folder) chown(name string, _ *os.File, uid, gid uint32) error {
	return at.root.Lchown(name, int(uid), int(gid))
}

func (at *folder) chmod(name string, f *os.File, mode uint32) error {
	if f == nil || runtime.GOOS == "windows" {
		return nil
	}
	m := os.FileMode(mode & 0o777)
	for bit, of := range map[uint32]os.FileMode{setuidBit: os.ModeSetuid, setgidBit: os.ModeSetgid,
		0o1000: os.ModeSticky} {
		if mode&bit != 0 {
			m |= of
		}
	}
	return f.Chmod(m)
}

// touch sets the time of an open file only: os.Root would follow a symlink.
func (at *folder) touch(name string, f *os.File, m tarfs.Meta) error {
	if f == nil || runtime.GOOS == "windows" && name == "." {
		return nil
	}
	t := time.Unix(m.MTime, int64(m.MTimeNS))
	return at.root.Chtimes(name, t, t)
}

func (at *folder) setXattr(string, *os.File, tarfs.Xattr) error { return errUnsupported }

func (at *folder) touched(string, tarfs.Meta) bool { return true }
