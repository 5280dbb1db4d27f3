package report

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"

	"layup/analyze"
	"layup/analyze/source"
)

// loadAll loads every image of a source, or of a directory of sources.
func (c *Call) loadAll(ctx context.Context, name string, opt analyze.Options) imageList {
	var list imageList
	for img, err := range analyze.OpenAll(ctx, name, opt) {
		if isHandover(name, err) {
			return c.loadFiles(ctx, name, opt, err)
		}
		list = append(list, loaded{name: name, image: img, err: err})
	}
	return list
}

// isHandover reports whether a name that could not be opened is a directory which is no image by itself.
func isHandover(name string, err error) bool {
	if _, other := errors.AsType[*source.NoArchiveError](err); !other {
		return false
	}
	info, statErr := os.Stat(name)
	return statErr == nil && info.IsDir()
}

// loadFiles loads every image of every regular file of a directory, and says what else lies there. It never descends. What is no archive
// is passed over; a damaged one is not.
func (c *Call) loadFiles(ctx context.Context, dir string, opt analyze.Options, cause error) imageList {
	entries, err := os.ReadDir(dir) // by name
	if err != nil {
		return imageList{{name: dir, err: err}}
	}
	var list imageList
	for _, e := range entries {
		name := filepath.Join(dir, e.Name())
		if !filepath.IsAbs(name) && filepath.Dir(name) == "." {
			name = "." + string(filepath.Separator) + name // so that no name of a file means more than the file
		}
		if !e.Type().IsRegular() {
			c.console.note("skipped " + quoted(name) + ": " + kindOf(e.Type()))
			continue
		}
		for img, err := range analyze.OpenAll(ctx, name, opt) {
			if other, ok := errors.AsType[*source.NoArchiveError](err); ok {
				c.console.note("skipped " + quoted(name) + ": " + other.Error())
				continue
			}
			list = append(list, loaded{name: name, image: img, err: err})
		}
	}
	if len(list) == 0 && ctx.Err() == nil {
		return imageList{{name: dir, err: fmt.Errorf("%w; nor is any of its files an image", cause)}}
	}
	return list
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
