package extract

import (
	"errors"
	"io/fs"
	"os"
	"slices"
	"syscall"

	"layup/tarfs"
)

// Options say what to make besides the current user's files, directories, symlinks and FIFOs.
type Options struct {
	SameOwner bool // keep owners and groups of the image, and attributes outside user.*
	Devices   bool // make devices
	Setuid    bool // keep setuid and setgid bits, and file capabilities
	KeepGoing bool // leave out what the target cannot hold, instead of failing
}

// A Kind is a reason for leaving something out.
type Kind int

const (
	LeftDevices    Kind = iota // devices, without Options.Devices
	LeftSetuid                 // setuid and setgid bits, without Options.Setuid
	LeftCapability             // file capabilities, without Options.Setuid
	LeftOwners                 // owners and groups, without Options.SameOwner
	LeftXattrs                 // attributes outside user.*, without Options.SameOwner
	Unsupported                // attributes that the target's file system does not support
	Times                      // times that the target's file system cannot store
	Unstorable                 // paths that the target cannot store, with everything below them
)

// A LeftOut counts what was left out for one reason.
type LeftOut struct {
	Kind  Kind
	Count int
	Paths []string // the first paths in the image, at most five
	Err   error    // of the first path; nil if it was not tried
}

// A Result says what was made.
type Result struct {
	Count   [tarfs.Fifo + 1]int // by type; a hard link counts as what it names
	Bytes   int64               // of files, without holes
	LeftOut []LeftOut           // by kind
}

// leave notes that a path, or something about it, was left out.
func (r *Result) leave(k Kind, path string, err error) {
	at, found := slices.BinarySearchFunc(r.LeftOut, k, func(l LeftOut, k Kind) int { return int(l.Kind - k) })
	if !found {
		r.LeftOut = slices.Insert(r.LeftOut, at, LeftOut{Kind: k, Err: err})
	}
	l := &r.LeftOut[at]
	if l.Count++; len(l.Paths) < 5 {
		l.Paths = append(l.Paths, path)
	}
}

// refusals are the errors of a system that cannot store a name, or confuses it with another.
var refusals = []error{syscall.ENAMETOOLONG, syscall.EINVAL, syscall.EILSEQ, fs.ErrExist, fs.ErrNotExist, errName}

// Refused reports whether the error says that the target cannot store a path because of its name.
func Refused(err error) bool {
	_, made := errors.AsType[*makeError](err)
	return made && slices.ContainsFunc(refusals, func(e error) bool { return errors.Is(err, e) })
}

var errName = errors.New("a name that this system cannot hold")

// A PlaceError says why the directory cannot be used.
type PlaceError struct{ Err error }

// Error returns the cause.
func (e *PlaceError) Error() string { return e.Err.Error() }

// Unwrap returns the cause.
func (e *PlaceError) Unwrap() error { return e.Err }

// plain removes the names of the temporary directory from an error of the system.
func plain(err error) error {
	if e, ok := errors.AsType[*fs.PathError](err); ok {
		return e.Err
	}
	if e, ok := errors.AsType[*os.LinkError](err); ok {
		return e.Err
	}
	if e, ok := errors.AsType[*os.SyscallError](err); ok {
		return e.Err
	}
	return err
}
