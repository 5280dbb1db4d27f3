package extract

import (
	"crypto/rand"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"
)

// A place is a temporary directory for a tree that is not complete. It is a sibling of a new directory, or inside an
// existing one that is empty.
type place struct {
	outer *os.Root // the parent of the temporary directory
	temp  string
	final string   // the name of the tree in outer; empty if its content moves into outer itself
	root  *os.Root // the temporary directory
	moved []string // names that have moved into outer
}

// A PlaceError says why the directory cannot be used.
type PlaceError struct{ Err error }

// Error returns the cause.
func (e *PlaceError) Error() string { return e.Err.Error() }

// Unwrap returns the cause.
func (e *PlaceError) Unwrap() error { return e.Err }

// ErrNotEmpty says that a directory is not empty.
var ErrNotEmpty = errors.New("is not empty")

// CheckDir reports why a directory cannot take a tree: it must be new or empty.
func CheckDir(dir string) error {
	info, err := os.Lstat(dir)
	if err != nil { // like mkdir, accept a slash after a new name
		dir = filepath.Clean(dir)
		info, err = os.Lstat(dir)
	}
	if errors.Is(err, fs.ErrNotExist) {
		parent, err := os.Stat(filepath.Dir(dir))
		if err == nil && !parent.IsDir() {
			err = errors.New("not a directory")
		}
		if err != nil {
			return fmt.Errorf("%q: %w", filepath.Dir(dir), plain(err))
		}
		return nil
	}
	if err == nil && info.Mode()&fs.ModeSymlink != 0 {
		if info, err = os.Stat(dir); errors.Is(err, fs.ErrNotExist) {
			err = errors.New("is a dangling symlink")
		}
	}
	if err == nil && !info.IsDir() {
		err = errors.New("exists and is not a directory")
	}
	if err != nil {
		return fmt.Errorf("%q: %w", dir, plain(err))
	}
	return checkEmpty(dir)
}

func checkEmpty(dir string) error {
	f, err := os.Open(dir)
	if err != nil {
		return fmt.Errorf("%q: %w", dir, plain(err))
	}
	defer f.Close()
	if _, err := f.Readdirnames(1); err != io.EOF {
		if err == nil {
			err = ErrNotEmpty
		}
		return fmt.Errorf("%q: %w", dir, plain(err))
	}
	return nil
}

// newPlace makes the temporary directory for a tree that will be in dir.
func newPlace(dir string) (*place, error) {
	if err := CheckDir(dir); err != nil {
		return nil, err
	}
	p := &place{temp: ".layup-" + rand.Text()}
	within := dir
	if _, err := os.Lstat(dir); err != nil {
		dir = filepath.Clean(dir)
		within, p.final = filepath.Dir(dir), filepath.Base(dir)
	}
	outer, err := os.OpenRoot(within)
	if err != nil {
		return nil, fmt.Errorf("%q: %w", within, plain(err))
	}
	p.outer = outer
	err = outer.Mkdir(p.temp, 0o700)
	if err == nil {
		p.root, err = outer.OpenRoot(p.temp)
	}
	if err != nil {
		return nil, errors.Join(fmt.Errorf("%q: %w", within, plain(err)), outer.Close())
	}
	return p, nil
}

// moves reports whether the content of the tree moves into a directory that existed before.
func (p *place) moves() bool { return p.final == "" }

// open gives the new directory the mode that mkdir gives by default.
func (p *place) open() error {
	if p.moves() {
		return nil
	}
	probe := ".layup-" + rand.Text()
	if err := p.root.Mkdir(probe, 0o777); err != nil {
		return plain(err)
	}
	info, err := p.root.Lstat(probe)
	if err := errors.Join(err, p.root.Remove(probe)); err != nil {
		return plain(err)
	}
	return plain(p.root.Chmod(".", info.Mode().Perm()))
}

// commit gives the tree its final name, or moves it into the existing directory.
func (p *place) commit() error {
	if !p.moves() {
		if _, err := p.outer.Lstat(p.final); err == nil {
			return fmt.Errorf("%q: was made by another process meanwhile", p.final)
		}
		return plain(p.outer.Rename(p.temp, p.final))
	}
	names, err := namesIn(p.root)
	if err != nil {
		return err
	}
	for _, name := range names {
		if _, err := p.outer.Lstat(name); err == nil {
			return fmt.Errorf("%q: was made by another process meanwhile", name)
		}
		if err := p.outer.Rename(filepath.Join(p.temp, name), name); err != nil {
			return fmt.Errorf("%q: %w", name, plain(err))
		}
		p.moved = append(p.moved, name)
	}
	return plain(p.outer.Remove(p.temp))
}

func namesIn(root *os.Root) ([]string, error) {
	d, err := root.Open(".")
	if err != nil {
		return nil, plain(err)
	}
	names, err := d.Readdirnames(-1)
	return names, errors.Join(err, d.Close())
}

// abandon removes everything that was made.
func (p *place) abandon() error {
	var first error
	for _, name := range append(p.moved, p.temp) {
		if err := removeTree(p.outer, name); err != nil && first == nil {
			first = fmt.Errorf("%q cannot be removed: %w", filepath.Join(p.outer.Name(), name), plain(err))
		}
	}
	return first
}

// removeTree removes a tree, even if its directories are closed to their owner.
func removeTree(root *os.Root, name string) error {
	err := root.RemoveAll(name)
	if !errors.Is(err, fs.ErrPermission) {
		return err
	}
	info, statErr := root.Lstat(name)
	if statErr != nil || !info.IsDir() {
		return err
	}
	if err := root.Chmod(name, 0o700); err != nil {
		return err
	}
	sub, err := root.OpenRoot(name)
	if err != nil {
		return err
	}
	defer sub.Close()
	names, err := namesIn(sub)
	if err != nil {
		return err
	}
	for _, n := range names {
		if err := removeTree(sub, n); err != nil {
			return err
		}
	}
	return root.Remove(name)
}

func (p *place) close() error {
	return errors.Join(p.root.Close(), p.outer.Close())
}
