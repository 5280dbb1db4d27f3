package store

import (
	"context"
	"io"
	"iter"
	"path"
)

// Below returns the files below a directory as a tree of their own.
func Below(files Files, dir string) Files {
	if dir == "" {
		return files
	}
	return &below{files, dir}
}

type below struct {
	Files
	dir string
}

func (b *below) List(name string) ([]string, error)      { return b.Files.List(path.Join(b.dir, name)) }
func (b *below) Stat(name string) (Info, error)          { return b.Files.Stat(path.Join(b.dir, name)) }
func (b *below) Open(name string) (io.ReadCloser, error) { return b.Files.Open(path.Join(b.dir, name)) }
func (b *below) Walk(ctx context.Context, name string) iter.Seq2[Entry, error] {
	return b.Files.Walk(ctx, path.Join(b.dir, name))
}

// Top returns the directory that holds one of the markers, or the top if there is none. It descends while a directory
// has only one entry, as in a tar that was made from a parent directory.
func Top(files Files, markers ...string) string {
	const deepest = 8
	at := ""
	for range deepest {
		for _, marker := range markers {
			if _, err := files.Stat(path.Join(at, marker)); err == nil {
				return at
			}
		}
		names, err := files.List(at)
		if err != nil || len(names) != 1 {
			return ""
		}
		at = path.Join(at, names[0])
	}
	return ""
}
