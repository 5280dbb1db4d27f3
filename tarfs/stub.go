package tarfs

import (
	"io/fs"
	"iter"
)

// Reader is what Scan reads: a *bufio.Reader is one. Peek may return fewer bytes only together with an error.
type Reader interface {
	Peek(n int) ([]byte, error)
	Discard(n int) (int, error)
}

// Limits bound what one layer may ask of the reader. Zero or negative means none.
type Limits struct {
	Entries    int // entries of a layer
	Path       int // bytes of a path
	Components int // components of a path
	Link       int // bytes of a link target
	Header     int // bytes of a PAX header, a GNU long name or a sparse map
	Xattrs     int // extended attributes of an entry
	XattrBytes int // bytes of the attributes of an entry
}

// DefaultLimits returns the limits for hostile input.
func DefaultLimits() Limits { panic("stub") }

// ScanOptions say how to scan.
type ScanOptions struct {
	Limits  Limits
	Digests bool // also compute the SHA-256 of every file's content
}

// A Layer is the table of contents of one layer: immutable, without pointers, in tar order.
type Layer struct{}

// Scan reads one layer's tar to its end. When the archive is damaged it returns the entries before the damage together with a *ScanError (or *LimitError within).
func Scan(r Reader, opt ScanOptions) (*Layer, error) { panic("stub") }

// Len returns the number of entries, whiteouts included.
func (l *Layer) Len() int { panic("stub") }

// Size returns the bytes of the tar read, with what follows its end mark.
func (l *Layer) Size() int64 { panic("stub") }

// EndMark reports whether the archive ended with two zero blocks (what zstd:chunked writers keep when they drop the padding).
func (l *Layer) EndMark() bool { panic("stub") }

// TarEntry is one header as the tar lists it, for those who read a tar that is no layer (docker save archives).
type TarEntry struct {
	Name   string  // as written, without trailing slashes
	Type   TarType // by the typeflag alone
	Link   string
	Size   int64 // bytes of the content, expanded where sparse
	Offset int64 // of the content in the tar
	Sparse bool
}

// TarType is the kind of a raw entry.
type TarType uint8

const (
	TarFile TarType = iota
	TarDir
	TarSymlink
	TarHardlink
	TarOther // device, fifo
)

// Raw yields the entries in tar order as written.
func (l *Layer) Raw() iter.Seq[TarEntry] { panic("stub") }

// ScanError says where in the uncompressed tar reading ended.
type ScanError struct {
	Offset int64  // of the header
	Name   string // of the entry, if known
	Err    error
}

func (e *ScanError) Error() string { return e.Name + ": " + e.Err.Error() }
func (e *ScanError) Unwrap() error { return e.Err }

// LimitError says which limit was passed.
type LimitError struct {
	Name         string // as --limit takes it
	Value, Limit int64
}

func (e *LimitError) Error() string { panic("stub") }

// LayerError says which layer could not be merged whole.
type LayerError struct {
	Layer int
	Err   error
}

func (e *LayerError) Error() string { panic("stub") }
func (e *LayerError) Unwrap() error { return e.Err }

// A Tree is what layers merge to, with the whole history of every path.
type Tree struct{}

// Merge stacks the layers, oldest first; a nil layer is one that could not be read. The errors name layers of which only the entries before the error are in the tree.
func Merge(layers []*Layer, view View) (*Tree, []*LayerError) { panic("stub") }

// Layers returns the number of layers.
func (t *Tree) Layers() int { panic("stub") }

// Warnings returns the oddities found, by layer, then in tar order; at most 1,000 a code.
func (t *Tree) Warnings() []Warning { panic("stub") }

// Lookup finds a path that any layer ever held, exactly as given, no symlink followed; leading and trailing slashes do not matter.
func (t *Tree) Lookup(path string) (Node, bool) { panic("stub") }

// Nodes yields every path that any layer ever held, in path order (the root first, children by name, bytewise, depth first).
func (t *Tree) Nodes() iter.Seq[Node] { panic("stub") }

// A Node is a path of the tree, whether or not anything is visible there.
type Node struct{}

// Path returns the exact bytes of the path, beginning with '/'; "/" for the root.
func (n Node) Path() string { panic("stub") }

// Name returns the last component; "/" for the root.
func (n Node) Name() string { panic("stub") }

// Versions yields every version of the path, oldest first. A directory listed again is a further version, though the older is not hidden.
func (n Node) Versions() iter.Seq[Version] { panic("stub") }

// A Version is what one layer put at a path.
type Version struct{}

func (v Version) Node() Node                     { panic("stub") }
func (v Version) Layer() int                     { panic("stub") } // layer that wrote it, owner; NoLayer for the root
func (v Version) MetaLayer() int                 { panic("stub") } // layer whose entry supplied the metadata; NoLayer when implied
func (v Version) ContentLayer() int              { panic("stub") } // layer that holds the bytes; differs from Layer only for hard links into a lower layer
func (v Version) Implied() bool                  { panic("stub") } // a directory that the layer does not list
func (v Version) Relisted() bool                 { panic("stub") } // a directory listed again: the older version is not hidden
func (v Version) Type() Type                     { panic("stub") }
func (v Version) Meta() Meta                     { panic("stub") } // implied: 0755 0:0
func (v Version) HasMTime() bool                 { panic("stub") } // false when implied
func (v Version) Size() int64                    { panic("stub") } // bytes of a file's content, expanded where sparse; 0 for others
func (v Version) Link() string                   { panic("stub") } // target of a symlink
func (v Version) Device() (major, minor uint32)  { panic("stub") }
func (v Version) Xattrs() []Xattr                { panic("stub") } // sorted by name
func (v Version) Digest() ([32]byte, bool)       { panic("stub") } // SHA-256 of a file's content, if scanned with Digests
func (v Version) HiddenBy() (layer int, how How) { panic("stub") } // NoLayer, NotHidden while visible
func (v Version) SameInode(w Version) bool       { panic("stub") } // hard links of one another

// Extent is a piece of a file's content in the uncompressed tar of a layer; gaps between extents are zeros.
type Extent struct{ FileOffset, TarOffset, Size int64 }

// Extents returns where the content lies, in ContentLayer's tar, in file order.
func (v Version) Extents() []Extent { panic("stub") }

// At returns the view of the tree after layer n (0 to Layers()-1; others are clamped, so -1 is the empty image... use Last for the top).
func (t *Tree) At(n int) *Snapshot { panic("stub") }

// A Snapshot is the tree as it is visible after one layer.
type Snapshot struct{}

// Lookup finds what is visible at exactly this path, no symlink followed.
func (s *Snapshot) Lookup(path string) (Version, bool) { panic("stub") }

// Of returns what is visible at the node.
func (s *Snapshot) Of(n Node) (Version, bool) { panic("stub") }

// Resolve follows the symlinks of the path's directories, and of its last component if follow is set, inside the image: the root is never left, 40 links at most.
func (s *Snapshot) Resolve(path string, follow bool) (Version, error) { panic("stub") }

// Walk yields what is visible at and below a node, in path order; depth 0 is the node alone, negative means no bound.
func (s *Snapshot) Walk(from Node, depth int) iter.Seq[Version] { panic("stub") }

// FirstName returns the first name, in path order, of a file that has several visible names.
func (s *Snapshot) FirstName(v Version) (Node, bool) { panic("stub") }

// Versions yields every version of every path, live and hidden, in path order, each path's oldest first; of a directory listed again only the newest.
func (t *Tree) Versions() iter.Seq[Version] { panic("stub") }

// FS returns the snapshot as an io/fs file system; open reads the content of a file.
func (s *Snapshot) FS(open func(Version) (fs.File, error)) fs.FS { panic("stub") }
