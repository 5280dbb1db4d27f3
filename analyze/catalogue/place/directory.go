package place

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path"
	"path/filepath"
	"slices"
	"strings"

	"layup/analyze/temporary"
)

// A directory is a place on a disk, also one that several machines mount.
type directory struct{ location string }

func (d *directory) String() string { return d.location }

func (d *directory) path(name string) string {
	return filepath.Join(d.location, filepath.FromSlash(name))
}

// List leaves out names that begin with a dot, which unfinished files have, and what is not a regular file.
func (d *directory) List(ctx context.Context, folder string) ([]Info, error) {
	if !fs.ValidPath(folder) {
		return nil, fmt.Errorf("%q: is not the name of a folder of a catalogue", folder)
	}
	entries, err := os.ReadDir(d.path(folder))
	if errors.Is(err, fs.ErrNotExist) {
		return nil, ctx.Err()
	}
	if err != nil {
		return nil, d.failed(folder, err)
	}
	var files []Info
	for _, e := range entries {
		if strings.HasPrefix(e.Name(), ".") {
			continue
		}
		info, err := e.Info()
		if errors.Is(err, fs.ErrNotExist) { // removed meanwhile
			continue
		}
		if err != nil {
			return nil, d.failed(path.Join(folder, e.Name()), err)
		}
		if info.Mode().IsRegular() {
			files = append(files, Info{Name: path.Join(folder, e.Name()), Size: info.Size()})
		}
	}
	slices.SortFunc(files, func(a, b Info) int { return strings.Compare(a.Name, b.Name) })
	return files, ctx.Err()
}

func (d *directory) Put(ctx context.Context, name string, write func(io.Writer) error) error {
	if err := checkName(name); err != nil {
		return err
	}
	target := d.path(name)
	if err := os.MkdirAll(filepath.Dir(target), 0o777); err != nil {
		return d.failed(name, err)
	}
	file, err := temporary.Create(target)
	if err != nil {
		return d.failed(name, err)
	}
	defer file.Discard()
	if err := write(file); err != nil {
		return d.failed(name, err)
	}
	if err := ctx.Err(); err != nil {
		return err
	}
	if err := file.Commit(); err != nil {
		return d.failed(name, err)
	}
	return nil
}

func (d *directory) Open(ctx context.Context, name string) (File, error) {
	if err := cmp.Or(ctx.Err(), checkName(name)); err != nil {
		return nil, err
	}
	file, err := os.Open(d.path(name))
	if err != nil {
		return nil, d.failed(name, err)
	}
	info, err := file.Stat()
	if err == nil && !info.Mode().IsRegular() {
		err = errors.New("is not a regular file")
	}
	if err != nil {
		return nil, errors.Join(d.failed(name, err), file.Close())
	}
	return &diskFile{File: file, size: info.Size()}, nil
}

func (d *directory) Remove(ctx context.Context, name string) error {
	if err := cmp.Or(ctx.Err(), checkName(name)); err != nil {
		return err
	}
	if err := os.Remove(d.path(name)); err != nil && !errors.Is(err, fs.ErrNotExist) {
		return d.failed(name, err)
	}
	return nil
}

// failed names the file of an error.
func (d *directory) failed(name string, err error) error {
	if e, ok := errors.AsType[*fs.PathError](err); ok {
		err = e.Err
	}
	return fmt.Errorf("%s: %w", d.path(name), err)
}

type diskFile struct {
	*os.File
	size int64
}

func (f *diskFile) Size() int64 { return f.size }
