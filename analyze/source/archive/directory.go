package archive

import (
	"errors"
	"fmt"
	"io"
	"io/fs"
	"slices"
	"strings"
	"sync"

	"layup/analyze/source/disk"
)

// A directory is an unpacked archive.
type directory struct {
	*disk.Dir
	mu    sync.Mutex
	files map[string]*disk.File // opened before, by name
}

func (d *directory) has(name string) bool {
	_, err := d.Root.Lstat(name)
	return err == nil
}

func (d *directory) glob(pattern string) []string {
	list, _ := fs.Glob(d.Root.FS(), pattern) // our patterns are sound: there is no error
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
	f := d.files[clean]
	if f == nil {
		var err error
		if f, err = d.Open(clean); err != nil {
			return nil, d.explain(clean, err)
		}
		d.files[clean] = f
	}
	return &stored{name: clean, data: io.NewSectionReader(f, 0, f.Size()), check: f.Check}, nil
}

// explain says what is wrong with a file that does not open: os.Root does not say that a link leads out.
func (d *directory) explain(name string, err error) error {
	info, e := d.Root.Lstat(name)
	linked := e == nil && info.Mode()&fs.ModeSymlink != 0
	switch {
	case linked && errors.Is(err, fs.ErrNotExist):
		return errors.New("is a link to a file that does not exist")
	case errors.Is(err, fs.ErrNotExist):
		return fs.ErrNotExist
	case strings.Contains(err.Error(), "escapes"): // os has no name for this error
		err = errors.New("is not a regular file of the directory: a link leads out of it")
	}
	if linked {
		to, _ := d.Root.Readlink(name)
		return fmt.Errorf("link to %q: %w", to, disk.Plain(err))
	}
	return disk.Plain(err)
}
