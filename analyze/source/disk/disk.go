// Package disk opens untrusted files: no link leads out of their directory, only regular files are opened, and few of
// them stay open.
package disk

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
	"slices"
	"sync"
	"syscall"
)

// MaxOpen is how many files of a Dir are open at a time: an image has up to a thousand layers, a store has many images.
const MaxOpen = 32

var (
	// ErrChanged says that a file changed after it was first opened.
	ErrChanged = errors.New("input changed while being read")
	// ErrGrown is an ErrChanged of a file that became longer. The bytes before may be unchanged.
	ErrGrown = fmt.Errorf("%w", ErrChanged)
)

// A Dir opens the files of a directory.
type Dir struct {
	Root  *os.Root
	Links bool // whether a name may be a link

	mu   sync.Mutex
	live []*File           // those that are open, oldest first
	seen map[string]string // directories, and links with their targets, that Resolve looked at
	work int               // of Resolve: bytes of paths, and names of deep paths
}

// Open opens a regular file.
func (d *Dir) Open(name string) (*File, error) {
	d.mu.Lock()
	defer d.mu.Unlock()
	f := &File{dir: d, name: name}
	if err := d.open(f); err != nil {
		return nil, err
	}
	return f, nil
}

// open opens a file and makes sure that it is regular and has not changed. The caller holds the lock.
func (d *Dir) open(f *File) error {
	look := d.Root.Lstat
	if d.Links {
		look = d.Root.Stat
	}
	before, err := look(f.name) // opening a device can have effects
	if f.info != nil && errors.Is(err, fs.ErrNotExist) {
		return ErrChanged
	}
	if err != nil {
		return err
	}
	if !before.Mode().IsRegular() {
		return Irregular(before.Mode())
	}
	// The file may have become a FIFO since: a non-blocking open does not wait for its other end.
	file, err := d.Root.OpenFile(f.name, os.O_RDONLY|syscall.O_NONBLOCK, 0)
	if err != nil {
		return err
	}
	info, err := file.Stat()
	switch {
	case err != nil:
	case !info.Mode().IsRegular():
		err = Irregular(info.Mode())
	case !os.SameFile(before, info):
		err = ErrChanged
	case f.info != nil:
		err = compare(f.info, info)
	}
	if err != nil {
		return errors.Join(err, file.Close())
	}
	f.file, f.info = file, info
	if d.live = append(d.live, f); len(d.live) > MaxOpen {
		return d.live[0].shut()
	}
	return nil
}

// Close closes the files and the directory.
func (d *Dir) Close() error {
	d.mu.Lock()
	defer d.mu.Unlock()
	var errs []error
	for len(d.live) > 0 {
		errs = append(errs, d.live[0].shut())
	}
	return errors.Join(append(errs, d.Root.Close())...)
}

// A File is a file of a Dir. It is closed to make room for others, and opened again when it is read.
type File struct {
	dir  *Dir
	name string
	info os.FileInfo // as it was at first
	file *os.File    // nil while closed
}

// Size is the length of the file in bytes when it was first opened.
func (f *File) Size() int64 { return f.info.Size() }

// ReadAt reads the file. The error is ErrChanged if another file now has its name.
func (f *File) ReadAt(p []byte, off int64) (int, error) {
	for {
		file, err := f.handle()
		if err != nil {
			return 0, Plain(err)
		}
		n, err := file.ReadAt(p, off)
		if !errors.Is(err, fs.ErrClosed) { // closed to make room for another
			return n, Plain(err)
		}
	}
}

func (f *File) handle() (*os.File, error) {
	f.dir.mu.Lock()
	defer f.dir.mu.Unlock()
	if f.file == nil {
		if err := f.dir.open(f); err != nil {
			return nil, err
		}
	}
	return f.file, nil
}

// Check returns ErrChanged if the file changed after it was first opened.
func (f *File) Check() error {
	f.dir.mu.Lock()
	defer f.dir.mu.Unlock()
	if f.file == nil {
		return Plain(f.dir.open(f)) // open compares
	}
	return Unchanged(f.file, f.info)()
}

// Close makes room for others. The file can still be read.
func (f *File) Close() error {
	f.dir.mu.Lock()
	defer f.dir.mu.Unlock()
	if f.file == nil {
		return nil
	}
	return f.shut()
}

// shut closes an open file. The caller holds the lock.
func (f *File) shut() error {
	i := slices.Index(f.dir.live, f)
	f.dir.live = slices.Delete(f.dir.live, i, i+1)
	file := f.file
	f.file = nil
	return file.Close()
}

// Unchanged returns a check that an open file still has the size and the modification time that it had before.
func Unchanged(file *os.File, before os.FileInfo) func() error {
	return func() error {
		now, err := file.Stat()
		if err != nil {
			return Plain(err)
		}
		return compare(before, now)
	}
}

func compare(before, now os.FileInfo) error {
	switch {
	case os.SameFile(before, now) && before.Size() == now.Size() && before.ModTime().Equal(now.ModTime()):
		return nil
	case os.SameFile(before, now) && now.Size() > before.Size():
		return ErrGrown
	}
	return ErrChanged
}

// Plain drops the path from a file error: the message already has it.
func Plain(err error) error {
	if e, ok := errors.AsType[*fs.PathError](err); ok {
		return e.Err
	}
	return err
}

// Irregular returns the error for a file that is not regular.
func Irregular(mode fs.FileMode) error {
	what := "not a regular file"
	switch {
	case mode&fs.ModeNamedPipe != 0:
		what = "is a named pipe (FIFO), not a regular file"
	case mode&fs.ModeSocket != 0:
		what = "is a socket, not a regular file"
	case mode&fs.ModeDevice != 0:
		what = "is a device, not a regular file"
	case mode.IsDir():
		what = "is a directory, not a regular file"
	case mode&fs.ModeSymlink != 0:
		what = "is a symlink, not a regular file"
	}
	return errors.New(what)
}
