package temporary

import (
	"errors"
	"io/fs"
	"os"
	"path/filepath"
	"sync"
)

// A File is written under a temporary name.
type File struct {
	*os.File
	path string // of the target
	mu   sync.Mutex
	over bool // it has its name, or is removed
}

// Create makes a temporary file for a target, with the mode of the target if that exists. A target that is a symlink
// stays one. Create removes what killed processes left of the target.
func Create(target string) (*File, error) {
	path, err := filepath.EvalSymlinks(target)
	if err != nil {
		path = target
	}
	mode, keep := fs.FileMode(0o666), false
	if info, err := os.Stat(path); err == nil {
		mode, keep = info.Mode().Perm(), true
	}
	dir, base := filepath.Dir(path), filepath.Base(path)
	sweepBeside(path)
	for range tries {
		f, err := os.OpenFile(filepath.Join(dir, newName(base)), os.O_WRONLY|os.O_CREATE|os.O_EXCL, mode)
		if err != nil {
			return nil, plain(err)
		}
		t := &File{File: f, path: path}
		if !t.held() {
			t.Discard()
			continue
		}
		if keep {
			if err := t.chmod(mode); err != nil {
				t.Discard()
				return nil, plain(err)
			}
		}
		return t, nil
	}
	return nil, ErrBusy
}

// held takes the lock. It returns false if another process took the new file for a leftover.
func (f *File) held() bool {
	if Lock(f.File) == ErrBusy {
		return false
	}
	own, err := f.Stat()
	named, nameErr := os.Lstat(f.Name())
	return err == nil && nameErr == nil && os.SameFile(own, named)
}

// chmod gives the file a mode, whatever the umask. It does nothing to a file that has it: a leftover is known by its
// times.
func (f *File) chmod(mode fs.FileMode) error {
	if info, err := f.Stat(); err == nil && info.Mode().Perm() == mode {
		return nil
	}
	return f.Chmod(mode)
}

// Commit writes the content to the disk, and then gives the file its name.
func (f *File) Commit() error {
	if err := f.Sync(); err != nil {
		return plain(err)
	}
	f.mu.Lock()
	defer f.mu.Unlock()
	if f.over {
		return fs.ErrClosed
	}
	if !openRename {
		if err := f.Close(); err != nil {
			return plain(err)
		}
	}
	if err := os.Rename(f.Name(), f.path); err != nil {
		return plain(err)
	}
	f.over = true
	if openRename {
		return plain(f.Close())
	}
	return nil
}

// Discard removes the file unless it has its name. Other methods may be at work meanwhile, and fail then.
func (f *File) Discard() {
	f.mu.Lock()
	defer f.mu.Unlock()
	if f.over {
		return
	}
	f.over = true
	err := os.Remove(f.Name())
	f.Close()
	if err != nil && !errors.Is(err, fs.ErrNotExist) {
		_ = os.Remove(f.Name()) // some systems remove no open file
	}
}
