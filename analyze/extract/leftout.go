package extract

import (
	"errors"
	"io/fs"
	"os"
	"syscall"

	"layup/tarfs"
)

// Options say what is made beyond files, directories, symlinks and FIFOs that belong to whoever runs the program.
type Options struct {
	SameOwner bool // owners and groups of the image, and attributes other than the user's
	Devices   bool
	Setuid    bool // setuid and setgid bits, and file capabilities
	KeepGoing bool // leave out what the target cannot hold, instead of giving up
}

// A Kind is a reason to leave something out.
type Kind int

const (
	LeftDevices    Kind = iota // not asked for
	LeftSetuid                 // likewise
	LeftCapability             // likewise
	LeftOwners                 // likewise
	LeftXattrs                 // likewise
	Unsupported                // attributes that the target's file system does not take
	Times                      // times that it cannot hold
	Unstorable                 // paths that it does not take; what lies below them went with them
)

// A LeftOut counts what one reason kept from being made.
type LeftOut struct {
	Kind  Kind
	Count int
	Paths []string // of the image; the first ones
	Err   error    // of the first; nil where nothing was tried
}

// shown is how many paths of a kind are remembered.
const shown = 5

// A Result says what was made.
type Result struct {
	Count   [tarfs.Fifo + 1]int // by type; hard links count as what they name
	Bytes   int64               // of files, without holes
	LeftOut []LeftOut           // by kind
}

// leave notes that something was left out of a path.
func (r *Result) leave(k Kind, path string, err error) {
	at := 0
	for at < len(r.LeftOut) && r.LeftOut[at].Kind < k {
		at++
	}
	if at == len(r.LeftOut) || r.LeftOut[at].Kind != k {
		r.LeftOut = append(r.LeftOut[:at], append([]LeftOut{{Kind: k, Err: err}}, r.LeftOut[at:]...)...)
	}
	l := &r.LeftOut[at]
	if l.Count++; len(l.Paths) < shown {
		l.Paths = append(l.Paths, path)
	}
}

// Refused reports whether the error is that the target refuses a path for what it is called, or for another that it takes to be the same.
func Refused(err error) bool {
	if _, ok := errors.AsType[*makeError](err); !ok {
		return false
	}
	for _, e := range []error{syscall.ENAMETOOLONG, syscall.EINVAL, syscall.EILSEQ, fs.ErrExist, fs.ErrNotExist, errName} {
		if errors.Is(err, e) {
			return true
		}
	}
	return false
}

// errName is a name that the system would take for something else.
var errName = errors.New("a name that this system cannot hold")

// plain takes the names of our temporary directory out of a system's error.
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
