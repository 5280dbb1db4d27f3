package tarfs

import "fmt"

// Limits bound what one layer may ask of the machine. Zero or negative means no limit.
type Limits struct {
	Entries    int   // entries of a layer
	Path       int   // bytes of a path
	Components int   // components of a path
	Link       int   // bytes of a link target
	Header     int   // bytes of a PAX header, a GNU long name or a sparse map
	Xattrs     int   // extended attributes of an entry
	XattrBytes int   // bytes of the attributes of an entry
	Sparse     int64 // bytes of an expanded sparse file whose content is asked for; of a layer's, where all digests are
	NameBytes  int   // bytes of all names, link targets, attributes and sparse maps of a layer
	Implied    int   // directories of an image that no layer lists
	LinkSteps  int   // components of symlinks that the parents of a layer's entries lead through
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
		Sparse:     64 << 30,
		NameBytes:  128 << 20,
		Implied:    1_000_000,
		LinkSteps:  20_000_000,
	}
}

// A LimitError says which limit an input passed.
type LimitError struct {
	Name         string // as --limit takes it
	Value, Limit int64  // what the input asks for (at least), and what is allowed
}

// Error names the value, the limit and the flag that lifts it. No number that would do can be told: reading ended at the limit.
func (e *LimitError) Error() string {
	return fmt.Sprintf("%s: %d is over the limit of %d (--limit %s=none lifts it, for trusted input)", e.Name, e.Value, e.Limit, e.Name)
}

// over returns an error where value passes limit.
func over(name string, value, limit int64) error {
	if limit <= 0 || value <= limit {
		return nil
	}
	return &LimitError{Name: name, Value: value, Limit: limit}
}
