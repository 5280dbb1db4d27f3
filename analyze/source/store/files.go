// Package store reads the file trees of engines' stores, in a directory or in a tar of one, and turns the directories
// in which they keep layers into the tars those stand for.
package store

import (
	"context"
	"errors"
	"fmt"
	"io"
	"iter"

	"layup/tarfs"
)

// Files is the tree of a store. Names are relative to its top, with slashes, cleaned. What is not there is
// fs.ErrNotExist; what may not be read is a *PrivilegeError.
type Files interface {
	// List returns the names in a directory, sorted by their bytes.
	List(name string) ([]string, error)
	// Stat describes what the name is, following no link at its end.
	Stat(name string) (Info, error)
	// Walk yields everything below a directory, each directory before what it holds. It ends with the first error.
	Walk(ctx context.Context, name string) iter.Seq2[Entry, error]
	// Open returns the content of a regular file. It is also an io.ReaderAt and has a Size, unless it lies in a compressed
	// tar.
	Open(name string) (io.ReadCloser, error)
	Close() error
	// Sight says what of the store can be seen at all.
	Sight() Sight
}

// Sight says what a reader can see of a store's file system.
type Sight struct {
	Trusted bool // the attributes trusted.*, in which overlayfs keeps what a directory hides
	Mapped  bool // users and groups are those of a user namespace: what belongs to root may be anybody's
}

// An Entry is something that a walk came across.
type Entry struct {
	Path string // relative to where the walk began
	Info
}

// Info is what a store's file system says of a file.
type Info struct {
	Type         tarfs.Type
	Socket       bool // it is a socket, of which no tar tells; Type is then Fifo
	Mode         uint16
	UID, GID     uint32
	Size         int64 // of a regular file
	MTime        int64 // seconds of the Unix epoch
	MTimeNS      uint32
	Link         string
	Major, Minor uint32
	Xattrs       []tarfs.Xattr // sorted by name
	Inode        Inode         // what names of one file have in common; zero where it has one name
}

// An Inode tells hard links of one file from other files.
type Inode struct{ Device, Number uint64 }

// A PrivilegeError says that a part of a store may not be read, and what is needed for it.
type PrivilegeError struct {
	Name string // within the store
	Need string // the privilege
	Err  error
}

// Error names the file and the privilege.
func (e *PrivilegeError) Error() string {
	return shown(e.Name) + ": " + e.Err.Error() + ": reading it needs " + e.Need
}

// Unwrap returns the cause.
func (e *PrivilegeError) Unwrap() error { return e.Err }

// ErrChanged says that a file is not any more what it was when it was listed: somebody writes into the store.
var ErrChanged = errors.New("changed while being read: is the engine running?")

// ReadFile returns the content of a regular file of at most limit bytes.
func ReadFile(files Files, name string, limit int64) ([]byte, error) {
	body, err := files.Open(name)
	if err != nil {
		return nil, err
	}
	defer body.Close() // opened for reading: nothing is lost
	return readAll(body, name, limit)
}

// readAll reads a document that must not be longer than limit.
func readAll(r io.Reader, name string, limit int64) ([]byte, error) {
	doc, err := io.ReadAll(io.LimitReader(r, limit+1))
	if err != nil {
		return nil, fmt.Errorf("%s: %w", shown(name), err)
	}
	if int64(len(doc)) > limit {
		return nil, fmt.Errorf("%s: is longer than %d bytes", shown(name), limit)
	}
	return doc, nil
}
