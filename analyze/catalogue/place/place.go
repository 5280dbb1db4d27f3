// Package place keeps the files of a catalogue, in a directory or in a store that speaks S3. Files are written once and
// never changed: a reader sees a whole file or none.
package place

import (
	"context"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"path"
	"strings"
)

// A Place holds files in folders. Names are relative, with slashes, as files/part.parquet. Several goroutines and
// processes may use one place at the same time.
type Place interface {
	// List returns the files of a folder in order of their names, without those of its folders. A folder that does not
	// exist has none; "." is the place itself.
	List(ctx context.Context, folder string) ([]Info, error)
	// Put writes a file: afterwards it is there whole, or as before. It replaces a file of this name.
	Put(ctx context.Context, name string, write func(io.Writer) error) error
	// Open opens a file for reads at any offset. The error is fs.ErrNotExist if there is none.
	Open(ctx context.Context, name string) (File, error)
	// Remove removes a file. It is not an error if there is none.
	Remove(ctx context.Context, name string) error
	// String returns the location as the user wrote it.
	String() string
}

// A File is open. Its content does not change.
type File interface {
	io.ReaderAt
	io.Closer
	Size() int64 // bytes
}

// Info describes a file of a place.
type Info struct {
	Name string // relative to the place
	Size int64  // bytes
}

// Open returns the place at a location: the path of a directory, which need not exist yet, or s3://BUCKET/PREFIX.
func Open(ctx context.Context, location string) (Place, error) {
	if location == "" {
		return nil, errors.New("the location of a catalogue is empty")
	}
	if Remote(location) {
		return openBucket(ctx, location, usualTiming())
	}
	if other, _, ok := strings.Cut(location, "://"); ok {
		return nil, fmt.Errorf("%s: a catalogue cannot be at %s://", location, other)
	}
	return &directory{location: location}, nil
}

// checkName returns an error unless a name stays within a place.
func checkName(name string) error {
	if !fs.ValidPath(name) || path.Base(name)[0] == '.' {
		return fmt.Errorf("%q: is not the name of a file of a catalogue", name)
	}
	return nil
}
