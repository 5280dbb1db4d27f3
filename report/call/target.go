package call

import (
	"os"
	"path/filepath"
	"strings"

	"layup/analyze/source/kinds"
)

// checkTarget refuses an output that would replace one of the named sources.
func (c *Call) checkTarget(names []string) error {
	if !c.toFile() {
		return nil
	}
	target, err := os.Stat(c.Output)
	if err != nil || !target.Mode().IsRegular() {
		return nil // nothing is replaced
	}
	path, err := filepath.EvalSymlinks(c.Output)
	if err != nil {
		return err
	}
	for _, name := range names {
		if c.reads(name, path, target) {
			return Usage("choose another name for the answer", "-o %q: is part of %q, which is read: it would be lost", c.Output,
				name)
		}
	}
	return nil
}

// CheckOutside refuses to build a tree inside the source, which must not change.
func (c *Call) CheckOutside(flag, dir string) error {
	path, err := filepath.Abs(dir)
	if err != nil {
		return err
	}
	if parent, err := filepath.EvalSymlinks(filepath.Dir(path)); err == nil {
		path = filepath.Join(parent, filepath.Base(path))
	}
	if linked, err := filepath.EvalSymlinks(path); err == nil {
		path = linked
	}
	for _, name := range FilesOf(c.Args[0]) {
		if info, err := os.Stat(name); err == nil && info.IsDir() && above(info, path) {
			return Usage("choose a directory elsewhere", "%s%q: lies in %q, which is read and not to be changed", flag, dir,
				c.Args[0])
		}
	}
	return nil
}

// reads reports whether the source is the file, or a directory above it.
func (c *Call) reads(source, path string, target os.FileInfo) bool {
	if source == "-" {
		info, err := c.stdin.Stat()
		return err == nil && os.SameFile(info, target)
	}
	for _, name := range FilesOf(source) {
		info, err := os.Stat(name)
		switch {
		case err != nil:
		case os.SameFile(info, target), info.IsDir() && above(info, path):
			return true
		}
	}
	return false
}

// FilesOf returns the file names that an argument may mean: the argument itself and, after the prefix of a kind, every
// beginning that ends before a colon or an @.
func FilesOf(arg string) []string {
	names := []string{arg}
	_, rest, found := strings.Cut(kinds.Whole(arg), ":")
	for found && rest != "" {
		names = append(names, rest)
		cut := strings.LastIndexAny(rest, ":@")
		rest = rest[:max(cut, 0)]
	}
	return names
}

// above reports whether the directory lies above the path.
func above(dir os.FileInfo, path string) bool {
	path, err := filepath.Abs(path)
	for err == nil {
		parent := filepath.Dir(path)
		if info, err := os.Stat(parent); err == nil && os.SameFile(info, dir) {
			return true
		}
		if parent == path {
			return false
		}
		path = parent
	}
	return false
}
