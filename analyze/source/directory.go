package source

import (
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"slices"
	"strings"
	"sync"
	"syscall"
)

// maxOpen is how many files of a directory stay open; an image has up to a thousand layers.
const maxOpen = 32

// A directory is the members of an unpacked archive. All access goes through an os.Root, so no link leads out of it.
type directory struct {
	root *os.Root

	mu    sync.Mutex
	files map[string]*blobFile // opened before, by name
	live  []*blobFile          // those that are open, oldest first
}

func newDirectory(root *os.Root) *directory {
	return &directory{root: root, files: map[string]*blobFile{}}
}

func (d *directory) has(name string) bool {
	_, err := d.root.Lstat(name)
	return err == nil
}

func (d *directory) glob(pattern string) []string {
	list, _ := fs.Glob(d.root.FS(), pattern) // our patterns are sound: there is no error
	slices.Sort(list)
	return list
}

func (d *directory) damage() error { return nil }

func (d *directory) open(name string) (*stored, error) {
	clean, ok := cleanMember(name)
	if !ok {
		return nil, fs.ErrNotExist
	}
	d.mu.Lock()
	defer d.mu.Unlock()
	b := d.files[clean]
	if b == nil {
		b = &blobFile{dir: d, name: clean}
		if err := d.reopen(b); err != nil {
			return nil, d.explain(clean, err)
		}
		d.files[clean] = b
	}
	return &stored{name: clean, data: io.NewSectionReader(b, 0, b.info.Size()), check: b.check}, nil
}

// explain names a link that leads out, which os.Root only refuses.
func (d *directory) explain(name string, err error) error {
	info, e := d.root.Lstat(name)
	linked := e == nil && info.Mode()&fs.ModeSymlink != 0
	switch {
	case linked && errors.Is(err, fs.ErrNotExist):
		return errors.New("is a link to what does not exist")
	case errors.Is(err, fs.ErrNotExist):
		return fs.ErrNotExist
	case strings.Contains(err.Error(), "escapes"): // os has no name for this error
		err = errors.New("is no regular file of the directory: a link leads out of it")
	}
	if linked {
		to, _ := d.root.Readlink(name)
		return fmt.Errorf("link to %q: %w", to, plainError(err))
	}
	return plainError(err)
}

// reopen opens a file and makes sure that it is regular, and the one it was at first. The caller holds the lock.
func (d *directory) reopen(b *blobFile) error {
	info, err := d.root.Stat(b.name) // before opening: to open a device can have effects
	if err != nil {
		return err
	}
	if !info.Mode().IsRegular() {
		return irregular(info.Mode())
	}
	file, err := d.root.OpenFile(b.name, os.O_RDONLY|syscall.O_NONBLOCK, 0)
	if err != nil {
		return err
	}
	info, err = file.Stat()
	switch {
	case err != nil:
	case !info.Mode().IsRegular():
		err = irregular(info.Mode())
	case b.info != nil && !sameFile(b.info, info):
		err = errChanged
	}
	if err != nil {
		return errors.Join(err, file.Close())
	}
	b.file, b.info = file, info
	d.live = append(d.live, b)
	if len(d.live) <= maxOpen {
		return nil
	}
	oldest := d.live[0]
	d.live = slices.Delete(d.live, 0, 1)
	return oldest.shut()
}

func (d *directory) close() error {
	d.mu.Lock()
	defer d.mu.Unlock()
	var errs []error
	for _, b := range d.live {
		errs = append(errs, b.shut())
	}
	d.live = nil
	return errors.Join(errs...)
}

// A blobFile is a file that is opened when it is read, and may be closed in between.
type blobFile struct {
	dir  *directory
	name string
	info os.FileInfo
	file *os.File // nil while closed
}

func (b *blobFile) shut() error {
	file := b.file
	b.file = nil
	return file.Close()
}

// handle returns the open file.
func (b *blobFile) handle() (*os.File, error) {
	b.dir.mu.Lock()
	defer b.dir.mu.Unlock()
	if b.file == nil {
		if err := b.dir.reopen(b); err != nil {
			return nil, plainError(err)
		}
	}
	return b.file, nil
}

// ReadAt reads the file, opening it again where it was closed to make room for others.
func (b *blobFile) ReadAt(p []byte, off int64) (int, error) {
	for {
		file, err := b.handle()
		if err != nil {
			return 0, err
		}
		n, err := file.ReadAt(p, off)
		if !errors.Is(err, fs.ErrClosed) {
			return n, err
		}
	}
}

// check tells whether the file is still the one that was opened first.
func (b *blobFile) check() error {
	b.dir.mu.Lock()
	defer b.dir.mu.Unlock()
	if b.file == nil {
		return b.dir.reopen(b) // which compares
	}
	return unchanged(b.file, b.info)()
}
