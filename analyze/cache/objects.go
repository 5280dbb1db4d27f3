package cache

import (
	"cmp"
	"crypto/rand"
	"errors"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"time"
)

// An Object is a file of the cache.
type Object struct {
	Name    string
	Kind    string // empty if it is not known, as what follows
	About   string
	Version string    // of the program that made it
	Made    time.Time // zero if it is not known
	Used    time.Time // to the hour
	Size    int64     // bytes of the file
	Err     error     // why it is not believed; ErrOther of another build
}

// Objects returns the objects, those used last first. Each is read, and its checksum compared.
func (c *Cache) Objects() ([]Object, error) {
	files, err := c.files()
	if err != nil {
		return nil, err
	}
	list := make([]Object, 0, len(files))
	for _, f := range files {
		o := Object{Name: f.Name(), Used: f.ModTime(), Size: f.Size()}
		if strings.HasPrefix(o.Name, tempPrefix) {
			continue // another process writes it, or was killed
		}
		raw, err := os.ReadFile(filepath.Join(c.dir, o.Name))
		if errors.Is(err, fs.ErrNotExist) {
			continue // another process removed it
		}
		var l label
		if err == nil {
			l, _, err = open(raw)
		}
		o.Kind, o.About, o.Version, o.Made = l.Kind, l.About, l.Version, l.Made
		if err == nil && nameOf(l.Kind, l.Key) != o.Name {
			err = errors.New("has the name of another object")
		}
		if err == nil && l.Version != c.version {
			err = ErrOther
		}
		if o.Err = plain(err); err == ErrOther {
			o.Kind, _, _ = strings.Cut(o.Name, "-")
		}
		list = append(list, o)
	}
	slices.SortFunc(list, func(a, b Object) int { return cmp.Or(b.Used.Compare(a.Used), cmp.Compare(a.Name, b.Name)) })
	return list, nil
}

// files lists the files of the directory. Nothing else is the cache's.
func (c *Cache) files() ([]fs.FileInfo, error) {
	entries, err := os.ReadDir(c.dir)
	if errors.Is(err, fs.ErrNotExist) {
		return nil, nil
	}
	var list []fs.FileInfo
	for _, e := range entries {
		if info, err := e.Info(); err == nil && info.Mode().IsRegular() && c.named(e.Name()) {
			list = append(list, info)
		}
	}
	return list, plain(err)
}

// named reports whether a name is one that the cache gives: whoever names a directory of other files loses none.
func (c *Cache) named(name string) bool {
	if text, ok := strings.CutPrefix(name, tempPrefix); ok {
		return len(text) == len(rand.Text())
	}
	kind, sum, ok := strings.Cut(name, "-")
	return ok && slices.Contains(kinds, kind) && len(sum) == 64 && strings.Trim(sum, "0123456789abcdef") == ""
}

// abandoned is after which time a temporary file is one that a killed process left.
const abandoned = 10 * time.Minute

// Prune removes objects, those not used for the longest time first, until the rest has at most so many bytes. It also
// removes what killed processes left. It returns how many files and bytes it removed. A file counts as whole blocks.
func (c *Cache) Prune(most int64) (files int, bytes int64, err error) {
	files, bytes, _, err = c.prune(most)
	return files, bytes, err
}

// room is what a file of so many bytes takes on a disk.
func room(n int64) int64 {
	const block = 4096
	return (n + block - 1) / block * block
}

// prune is Prune; it also returns how many bytes are left.
func (c *Cache) prune(most int64) (files int, bytes, all int64, err error) {
	list, err := c.files()
	if err != nil {
		return 0, 0, 0, err
	}
	left := func(f fs.FileInfo) int { // 0 of what a killed process left, which goes first
		if strings.HasPrefix(f.Name(), tempPrefix) && time.Since(f.ModTime()) > abandoned {
			return 0
		}
		return 1
	}
	slices.SortFunc(list, func(a, b fs.FileInfo) int {
		return cmp.Or(left(a)-left(b), a.ModTime().Compare(b.ModTime()))
	})
	for _, f := range list {
		all += room(f.Size())
	}
	for _, f := range list {
		if all <= most && left(f) > 0 {
			continue
		}
		if rmErr := os.Remove(filepath.Join(c.dir, f.Name())); rmErr != nil && !errors.Is(rmErr, fs.ErrNotExist) {
			err = cmp.Or(err, plain(rmErr))
			continue
		}
		all, files, bytes = all-room(f.Size()), files+1, bytes+f.Size()
	}
	return files, bytes, all, err
}

// Remove removes an object.
func (c *Cache) Remove(o Object) error { return plain(os.Remove(filepath.Join(c.dir, o.Name))) }
