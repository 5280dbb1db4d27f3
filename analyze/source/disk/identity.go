package disk

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
	"time"
)

// An Identity tells one state of a file on this machine from every other: device, inode, size, and the times of the
// last change of its content and of its inode. A program can set the latter only through the clock or the raw device.
// Text is empty if the system does not tell all of these, or if the file has no name any more.
type Identity struct {
	Text    string
	Changed time.Time // the later of the two times
}

// IdentityOf returns the identity of an open file, *os.File or *File; false for anything else.
func IdentityOf(file any) (Identity, bool) {
	var info fs.FileInfo
	var err error
	switch f := file.(type) {
	case *os.File:
		info, err = f.Stat()
	case *File:
		info, err = f.stat()
	default:
		return Identity{}, false
	}
	if err != nil || !info.Mode().IsRegular() {
		return Identity{}, false
	}
	device, inode, changed, ok := inodeOf(info)
	if !ok {
		return Identity{}, false
	}
	id := Identity{Text: fmt.Sprint(device, inode, info.Size(), info.ModTime().UnixNano(), changed.UnixNano()),
		Changed: changed}
	if info.ModTime().After(changed) {
		id.Changed = info.ModTime()
	}
	return id, true
}

// stat opens the file again if it was closed to make room.
func (f *File) stat() (fs.FileInfo, error) {
	for {
		file, err := f.handle()
		if err != nil {
			return nil, err
		}
		info, err := file.Stat()
		if !errors.Is(err, fs.ErrClosed) {
			return info, err
		}
	}
}
