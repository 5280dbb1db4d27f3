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

// A Found is what was made of an input, or the reason why nothing was.
type Found[T any] struct {
	Name    string // of the input: as given, or that of a file or directory in a folder
	Value   T
	Err     error
	Skipped string // why an entry of a folder is skipped; then there is neither a value nor an error
}

// OpenFolder yields what OpenAll does, for each input in a folder. See Folder.
func OpenFolder(ctx context.Context, name string, opt Options) iter.Seq[Found[*Image]] {
	return Folder(ctx, name, func(name string) iter.Seq2[*Image, error] { return OpenAll(ctx, name, opt) })
}

// Folder yields what open makes of a name. If the name is a folder that is not an image itself, Folder yields what open
// makes of each regular file and each directory in it, by name. It does not enter directories further down. It skips
// what is not an archive or a layout, but not a damaged one: open tells by a *source.NoArchiveError.
func Folder[T any](ctx context.Context, name string, open func(name string) iter.Seq2[T, error]) iter.Seq[Found[T]] {
	return func(yield func(Found[T]) bool) {
		for value, err := range open(name) {
			if isFolder(name, err) {
				openEntries(ctx, name, open, err, yield)
				return
			}
			if !yield(Found[T]{Name: name, Value: value, Err: err}) {
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

// openEntries opens everything in a folder; cause says why the folder is not an image.
func openEntries[T any](ctx context.Context, dir string, open func(name string) iter.Seq2[T, error], cause error,
	yield func(Found[T]) bool) {
	entries, err := os.ReadDir(dir) // by name
	if err != nil {
		yield(Found[T]{Name: dir, Err: err})
		return
	}
	found := false
	for _, e := range entries {
		name := filepath.Join(dir, e.Name())
		if !filepath.IsAbs(name) && filepath.Dir(name) == "." {
			name = "." + string(filepath.Separator) + name // else the name may be read as more than a file
		}
		if !e.Type().IsRegular() && !e.IsDir() {
			if !yield(Found[T]{Name: name, Skipped: kindOf(e.Type())}) {
				return
			}
			continue
		}
		for value, err := range open(name) {
			one := Found[T]{Name: name, Value: value, Err: err}
			if other, ok := errors.AsType[*source.NoArchiveError](err); ok {
				one = Found[T]{Name: name, Skipped: other.Error()}
				if e.IsDir() {
					one.Skipped = kindOf(e.Type())
				}
			}
			found = found || one.Skipped == ""
			if !yield(one) {
				return
			}
		}
	}
	if !found && ctx.Err() == nil {
		yield(Found[T]{Name: dir, Err: fmt.Errorf("%w; nor is anything in it an image", cause)})
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
