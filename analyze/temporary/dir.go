package temporary

import (
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
)

// A Dir is a tree that is not complete. It is built in a temporary directory: a sibling of a new directory, or inside
// an existing one that is empty.
type Dir struct {
	Root *os.Root // the tree

	outer *os.Root // the parent of the temporary directory
	name  string   // of the temporary directory
	held  *os.File // its lock
	final string   // the name of the tree in outer; empty if its content moves into outer itself
	moved []string // names that have moved into outer
}

// What is in a temporary directory.
const (
	tree   = "tree"
	moving = "moving" // the names that move into outer, each followed by NUL; only while they move
)

// dirMode is the mode of a temporary directory.
const dirMode = 0o700

// ErrNotEmpty says that a directory is not empty.
var ErrNotEmpty = errors.New("is not empty")

// CheckDir reports why a directory cannot take a tree: it must be new or empty. It removes what killed processes left
// in it or beside it.
func CheckDir(dir string) error {
	sweepBeside(dir)
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
	if err == nil {
		err = checkEmpty(dir)
	}
	if err != nil {
		return fmt.Errorf("%q: %w", dir, plain(err))
	}
	return nil
}

func checkEmpty(dir string) error {
	root, err := os.OpenRoot(dir)
	if err != nil {
		return err
	}
	defer root.Close()
	sweep(root, "")
	f, err := root.Open(".")
	if err != nil {
		return err
	}
	defer f.Close()
	if _, err = f.Readdirnames(1); err == nil {
		return ErrNotEmpty
	}
	if err == io.EOF {
		return nil
	}
	return err
}

// NewDir makes the temporary directory for a tree that will be in dir, after CheckDir.
func NewDir(dir string) (*Dir, error) {
	if err := CheckDir(dir); err != nil {
		return nil, err
	}
	d := &Dir{}
	within := dir
	if _, err := os.Lstat(dir); err != nil {
		dir = filepath.Clean(dir)
		within, d.final = filepath.Dir(dir), filepath.Base(dir)
	}
	outer, err := os.OpenRoot(within)
	if err != nil {
		return nil, fmt.Errorf("%q: %w", within, plain(err))
	}
	d.outer = outer
	if err := d.make(); err != nil {
		return nil, errors.Join(fmt.Errorf("%q: %w", within, plain(err)), outer.Close())
	}
	return d, nil
}

// make makes the temporary directory, locks it, and makes the tree in it.
func (d *Dir) make() (err error) {
	for range tries {
		d.name = newName(d.final)
		if err := d.outer.Mkdir(d.name, dirMode); err != nil {
			return err
		}
		if d.held, err = d.outer.Open(d.name); err == nil {
			if err = Lock(d.held); err != ErrBusy { // a file system without locks will do
				err = d.outer.Mkdir(filepath.Join(d.name, tree), dirMode)
			}
			if err == nil {
				d.Root, err = d.outer.OpenRoot(filepath.Join(d.name, tree))
			}
			if err == nil {
				return nil
			}
			d.held.Close()
		}
		if err != ErrBusy && !errors.Is(err, fs.ErrNotExist) {
			return errors.Join(err, removeTree(d.outer, d.name))
		}
		// another process took it for a leftover
	}
	return err
}

// Moves reports whether the content of the tree moves into a directory that existed before.
func (d *Dir) Moves() bool { return d.final == "" }

// Outer is the directory that holds the tree after Commit, or that the content moved into.
func (d *Dir) Outer() *os.Root { return d.outer }

// Path is the path of the tree before Commit.
func (d *Dir) Path() string { return filepath.Join(d.outer.Name(), d.name, tree) }

// Open gives a new directory the mode that mkdir gives by default.
func (d *Dir) Open() error {
	if d.Moves() {
		return nil
	}
	probe := newName("")
	if err := d.Root.Mkdir(probe, 0o777); err != nil {
		return plain(err)
	}
	info, err := d.Root.Lstat(probe)
	if err := errors.Join(err, d.Root.Remove(probe)); err != nil {
		return plain(err)
	}
	return plain(d.Root.Chmod(".", info.Mode().Perm()))
}

// Commit gives the tree its final name, or moves it into the existing directory. Until Close, a process that is killed
// leaves what the next one removes.
func (d *Dir) Commit() error {
	if !d.Moves() {
		if _, err := d.outer.Lstat(d.final); err == nil {
			return fmt.Errorf("%q: was made by another process meanwhile", d.final)
		}
		return plain(d.outer.Rename(filepath.Join(d.name, tree), d.final))
	}
	names, err := namesIn(d.Root)
	if err != nil {
		return plain(err)
	}
	text := strings.Join(append(names, ""), "\x00")
	if err := d.outer.WriteFile(filepath.Join(d.name, moving), []byte(text), 0o600); err != nil {
		return plain(err)
	}
	for _, name := range names {
		if _, err := d.outer.Lstat(name); err == nil {
			return fmt.Errorf("%q: was made by another process meanwhile", name)
		}
		if err := d.outer.Rename(filepath.Join(d.name, tree, name), name); err != nil {
			return fmt.Errorf("%q: %w", name, plain(err))
		}
		d.moved = append(d.moved, name)
	}
	return nil
}

// Discard removes everything that was made or moved. Close must follow.
func (d *Dir) Discard() error {
	var first error
	for _, name := range append(d.moved, d.name) {
		if err := removeTree(d.outer, name); err != nil && first == nil {
			first = fmt.Errorf("%q cannot be removed: %w", filepath.Join(d.outer.Name(), name), plain(err))
		}
	}
	return first
}

// Close removes the temporary directory.
func (d *Dir) Close() error {
	_ = removeTree(d.outer, d.name) // at worst the next process removes it
	return errors.Join(d.Root.Close(), d.held.Close(), d.outer.Close())
}

func namesIn(root *os.Root) ([]string, error) {
	d, err := root.Open(".")
	if err != nil {
		return nil, err
	}
	names, err := d.Readdirnames(-1)
	return names, errors.Join(err, d.Close())
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
