package tarfs

// A Type is what a tree node is.
type Type uint8

const (
	File Type = iota
	Dir
	Symlink
	Char
	Block
	Fifo
)

var typeNames = [...]string{"file", "dir", "symlink", "char", "block", "fifo"}

// String returns file, dir, symlink, char, block or fifo.
func (t Type) String() string { return typeNames[t] }

// How says by what means a version of a path was hidden.
type How uint8

const (
	NotHidden           How = iota
	ByWhiteout              // a whiteout of the path or of a directory above it
	ByOpaque                // an opaque marker of a directory above it
	Replaced                // another entry of the same type at the path
	ReplacedByOtherType     // an entry of another type at the path or above it

	// Of what no version ever showed:
	ReplacedInLayer // a later entry of the same layer
	WhiteoutContent // a whiteout's own content, which nobody reads
	Ignored         // the entry is skipped, or was not reached
)

var howNames = [...]string{"", "whiteout", "opaque", "replaced", "replaced-by-other-type", "replaced-in-layer", "whiteout-content", "ignored"}

// String returns the name of the means, as whiteout or replaced-by-other-type, or nothing for NotHidden.
func (h How) String() string { return howNames[h] }

// An Xattr is one extended attribute.
type Xattr struct{ Name, Value string }

// A View chooses the rules by which layers merge where engines and the specification differ.
type View uint8

const (
	Runtime View = iota // as overlay engines (Docker, containerd, podman) show the image
	Spec                // as the OCI image specification describes it
)
