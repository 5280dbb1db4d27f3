package tarfs

import (
	"fmt"
	"sync/atomic"
)

// Limits bound what one layer may ask of the machine. Zero or negative means no limit.
type Limits struct {
	Entries    int   // entries of a layer
	Path       int   // bytes of a path
	Components int   // components of a path
	Link       int   // bytes of a link target
	Header     int   // bytes of a PAX header, a GNU long name or a sparse map
	Xattrs     int   // extended attributes of an entry
	XattrBytes int   // bytes of the attributes of an entry
	Records    int   // records of all PAX headers, and regions of all sparse maps
	Sparse     int64 // expanded bytes of a sparse file that is read; if digests are wanted, of all of a layer
	NameBytes  int   // bytes of all names, link targets, attributes and sparse maps
	Implied    int   // directories of an image that no layer lists
	// LinkSteps bounds the components of what is followed to the parents of a layer's entries: of symlinks, of paths
	// through them, and of paths of more than 64 components.
	LinkSteps int

	// Held counts what NameBytes bounds, for all layers of an image. Nil means that a layer counts for itself.
	Held *atomic.Int64
}

// DefaultLimits returns the limits for hostile input.
func DefaultLimits() Limits {
	return Limits{
		Entries:    5_000_000,
		Path:       4096,
		Components: 2048,
		Link:       4096,
		Header:     1 << 20,
		Xattrs:     1000,
		XattrBytes: 1 << 20,
		Records:    40_000_000,
		Sparse:     64 << 30,
		NameBytes:  128 << 20,
		Implied:    1_000_000,
		LinkSteps:  20_000_000,
	}
}

// A LimitError says which limit an input exceeds.
type LimitError struct {
	Name         string // as the option --limit takes it
	Value, Limit int64  // what the input needs (at least), and what is allowed
}

// Error names the value, the limit and the option that lifts it. It cannot say which limit would be enough, because
// reading ended here.
func (e *LimitError) Error() string {
	return fmt.Sprintf("%s: %d is over the limit of %d (--limit %s=none lifts it, for trusted input)",
		e.Name, e.Value, e.Limit, e.Name)
}

// over returns an error if value exceeds limit.
func over(name string, value, limit int64) error {
	if limit <= 0 || value <= limit {
		return nil
	}
	return &LimitError{Name: name, Value: value, Limit: limit}
}
