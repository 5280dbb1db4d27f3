package analyze

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"iter"
	"os"
	"path/filepath"

	"layup/analyze/source"
)

// An Opened is an image of an input, or the reason why there is none.
type Opened struct {
	Name    string // of the input: as given, or that of a file in a folder
	Image   *Image
	Err     error
	Skipped string // why a file of a folder is skipped; then there is neither an image nor an error
}

// OpenFolder yields what OpenAll does. For a folder that is not an image itself, it yields the images of each regular
// file in it, by name. It does not enter subdirectories. It skips what is not an archive, but not a damaged one.
func OpenFolder(ctx context.Context, name string, opt Options) iter.Seq[Opened] {
	return func(yield func(Opened) bool) {
		for img, err := range OpenAll(ctx, name, opt) {
			if isFolder(name, err) {
				openFiles(ctx, name, opt, err, yield)
				return
			}
			if !yield(Opened{Name: name, Image: img, Err: err}) {
				return
			}
		}
	}
}

// isFolder reports whether a name that could not be opened is a directory, but not an image.
func isFolder(name string, err error) bool {
	if _, other := errors.AsType[*source.NoArchiveError](err); !other {
		return false
	}
	info, statErr := os.Stat(name)
	return statErr == nil && info.IsDir()
}

// openFiles opens every file of a folder; cause says why the folder is not an image.
func openFiles(ctx context.Context, dir string, opt Options, cause error, yield func(Opened) bool) {
	entries, err := os.ReadDir(dir) // by name
	if err != nil {
		yield(Opened{Name: dir, Err: err})
		return
	}
	found := false
	for _, e := range entries {
		name := filepath.Join(dir, e.Name())
		if !filepath.IsAbs(name) && filepath.Dir(name) == "." {
			name = "." + string(filepath.Separator) + name // else the name may be read as more than a file
		}
		if !e.Type().IsRegular() {
			if !yield(Opened{Name: name, Skipped: kindOf(e.Type())}) {
				return
			}
			continue
		}
		for img, err := range OpenAll(ctx, name, opt) {
			one := Opened{Name: name, Image: img, Err: err}
			if other, ok := errors.AsType[*source.NoArchiveError](err); ok {
				one = Opened{Name: name, Skipped: other.Error()}
			}
			found = found || one.Skipped == ""
			if !yield(one) {
				return
			}
		}
	}
	if !found && ctx.Err() == nil {
		yield(Opened{Name: dir, Err: fmt.Errorf("%w; nor is any of its files an image", cause)})
	}
}

func kindOf(mode fs.FileMode) string {
	switch {
	case mode.IsDir():
		return "a directory"
	case mode&fs.ModeSymlink != 0:
		return "a symlink"
	}
	return "not a regular file"
}
