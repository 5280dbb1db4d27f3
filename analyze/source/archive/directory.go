package archive

import (
	"cmp"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"path"
	"slices"
	"sync"

	"layup/analyze/show"
	"layup/analyze/source/advice"
	"layup/analyze/source/disk"
)

// A directory is an unpacked archive.
type directory struct {
	*disk.Dir
	below string // where in Dir the archive is
	mu    sync.Mutex
	files map[string]*disk.File // opened before, by name
}

func newDirectory(dir *disk.Dir, below string) *directory {
	return &directory{Dir: dir, below: below, files: map[string]*disk.File{}}
}

func (d *directory) has(name string) bool {
	dir, base := path.Split(path.Join(d.below, name))
	in, err := d.Resolve(dir)
	if err == nil {
		_, err = d.Root.Lstat(path.Join(in.Real, base))
	}
	return err == nil
}

func (d *directory) glob(pattern string) []string {
	sub, err := fs.Sub(d.Root.FS(), cmp.Or(d.below, "."))
	if err != nil {
		return nil // the name of the directory is not UTF-8
	}
	list, _ := fs.Glob(sub, pattern) // our patterns are sound: there is no error
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
		at, err := d.Resolve(path.Join(d.below, clean))
		if err == nil {
			f, err = d.Open(at.Real)
		}
		if err != nil {
			return nil, d.explain(at, err)
		}
		d.files[clean] = f
	}
	return &stored{name: clean, data: io.NewSectionReader(f, 0, f.Size()), check: f.Check}, nil
}

// explain says what is wrong with a file that does not open.
func (d *directory) explain(at disk.Path, err error) error {
	switch {
	case at.Link != "" && errors.Is(err, fs.ErrNotExist):
		return errors.New("is a link to a file that does not exist")
	case errors.Is(err, fs.ErrNotExist):
		return fs.ErrNotExist
	case errors.Is(err, disk.ErrOutside):
		err = &advice.Hinted{Err: errors.New("is not a regular file of the directory: a link leads out of it"),
			Hint: "tar -C " + show.Shell(path.Join(d.Root.Name(), d.below)) + " -chf - . | layup COMMAND -"}
	}
	if at.Link != "" {
		return fmt.Errorf("link to %q: %w", at.Link, disk.Plain(err))
	}
	return disk.Plain(err)
}
