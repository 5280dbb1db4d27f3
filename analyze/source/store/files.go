// Package store reads the stores of engines: Docker's data-root, containers-storage and containerd's root, each a
// directory or a tar of one. It turns the directories of their layers into tars.
package store

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"iter"
	"strings"

	"layup/analyze/show"
	"layup/tarfs"
)

// Files is the tree of a store. Names are relative to its top, with slashes, and cleaned. The error is fs.ErrNotExist
// if a name does not exist, and a *PrivilegeError if it may not be read.
type Files interface {
	// List returns the names in a directory, sorted by their bytes.
	List(name string) ([]string, error)
	// Stat describes a name. It does not follow a link at the end.
	Stat(name string) (Info, error)
	// Walk yields everything below a directory, each directory before its entries. It ends with the first error.
	Walk(ctx context.Context, name string) iter.Seq2[Entry, error]
	// Open returns the content of a regular file. It is also an io.ReaderAt and has a Size, unless the store is a
	// compressed tar.
	Open(name string) (io.ReadCloser, error)
	Close() error
	// Sight says what the reader can see of the store.
	Sight() Sight
}

// Sight says what a reader can see of a store's file system.
type Sight struct {
	Trusted bool // the attributes trusted.*, in which overlayfs keeps what a directory hides
	Mapped  bool // users and groups are those of a user namespace: root may be anybody
}

// An Entry is something that a walk found.
type Entry struct {
	Path string // relative to where the walk began
	Info
}

// Info is what a store's file system says about a file.
type Info struct {
	Type         tarfs.Type
	Socket       bool // it is a socket, which a tar cannot hold; Type is then Fifo
	Mode         uint16
	UID, GID     uint32
	Size         int64 // of a regular file
	MTime        int64 // seconds of the Unix epoch
	MTimeNS      uint32
	Link         string
	Major, Minor uint32
	Xattrs       []tarfs.Xattr // sorted by name
	Inode        Inode         // what the names of one file have in common; zero if it has one name
}

// An Inode identifies a file that has several names.
type Inode struct{ Device, Number uint64 }

// A PrivilegeError says that a part of a store may not be read, and which privilege that needs.
type PrivilegeError struct {
	Name string // in the store
	Need string // the privilege
	Err  error
}

// Error names the file and the privilege.
func (e *PrivilegeError) Error() string {
	return show.Path(e.Name) + ": " + e.Err.Error() + ": reading it needs " + e.Need
}

// Unwrap returns the cause.
func (e *PrivilegeError) Unwrap() error { return e.Err }

// A RecordError says that a record of a store cannot be read: a list of names, images, containers or layers.
type RecordError struct {
	Name string // in the store
	Err  error  // names the record
}

// Error says what is wrong with the record.
func (e *RecordError) Error() string { return e.Err.Error() }

// Unwrap returns the cause.
func (e *RecordError) Unwrap() error { return e.Err }

// ErrChanged says that a file changed after it was listed: somebody writes to the store.
var ErrChanged = errors.New("changed while being read: is the engine running?")

// walk calls f for everything below a directory until it returns an error.
func walk(ctx context.Context, files Files, dir string, f func(Entry) error) error {
	for e, err := range files.Walk(ctx, dir) {
		if err == nil {
			err = f(e)
		}
		if err != nil {
			return err
		}
	}
	return nil
}

// ReadFile returns the content of a regular file of at most limit bytes.
func ReadFile(files Files, name string, limit int64) ([]byte, error) {
	body, err := files.Open(name)
	if err != nil {
		return nil, err
	}
	defer body.Close() // opened for reading: nothing is lost
	return readAll(body, name, limit)
}

// word returns the text of a small file, empty if it cannot be read: nothing depends on such a file.
func word(files Files, name string) string {
	text, _ := ReadFile(files, name, maxWord)
	return strings.TrimSpace(string(text))
}

// readJSON parses a document.
func readJSON(files Files, name string, limit int64, into any) error {
	doc, err := ReadFile(files, name, limit)
	if err == nil && len(doc) == 0 {
		err = fmt.Errorf("%s: is empty", show.Path(name))
	}
	if err != nil {
		return err
	}
	if err := json.Unmarshal(doc, into); err != nil {
		return fmt.Errorf("%s: %w", show.Path(name), jsonCause(err))
	}
	return nil
}

// readAll reads a document that must not be longer than limit.
func readAll(r io.Reader, name string, limit int64) ([]byte, error) {
	doc, err := io.ReadAll(io.LimitReader(r, limit+1))
	if err != nil {
		return nil, fmt.Errorf("%s: %w", show.Path(name), err)
	}
	if int64(len(doc)) > limit {
		return nil, fmt.Errorf("%s: is longer than %d bytes", show.Path(name), limit)
	}
	return doc, nil
}
