package tarfs

// A Version is what one layer put at a path.
type Version struct {
	tree *Tree
	id   uint32
}

func (v Version) record() *record {
	if v.id&unseen != 0 {
		return v.tree.unclaimed.at(v.id &^ unseen)
	}
	return v.tree.records.at(v.id)
}

// content returns the table and the entry that hold the type, the bytes, the target and the attributes.
func (v Version) content() (*Layer, uint32) {
	r := v.record()
	if r.group == 0 {
		return v.tree.layers[r.layer], r.entry
	}
	g := v.tree.groups[r.group]
	return v.tree.layers[g.contentLayer], g.content
}

func (v Version) entry() *entry {
	l, i := v.content()
	return l.entries.at(i)
}

// Node returns the path.
func (v Version) Node() Node { return Node{v.tree, v.record().node} }

// Type returns what the version is.
func (v Version) Type() Type { return v.record().kind }

// Layer returns the layer that wrote the version, its owner: of a directory listed again the last to list it, of one that no layer lists
// the first to imply it; NoLayer for the root, which nobody owns.
func (v Version) Layer() int {
	return layerOf(v.record())
}

func layerOf(r *record) int {
	if r.node == root {
		return NoLayer
	}
	return int(r.layer)
}

// MetaLayer returns the layer whose entry says mode, owner and time; NoLayer for an implied directory.
func (v Version) MetaLayer() int {
	if v.Implied() {
		return NoLayer
	}
	return int(v.record().layer)
}

// ContentLayer returns the layer that holds the bytes: a lower one for a hard link into a lower layer.
func (v Version) ContentLayer() int {
	if r := v.record(); r.group != 0 {
		return int(v.tree.groups[r.group].contentLayer)
	}
	return v.Layer()
}

// Implied reports whether the version is a directory that its layer does not list.
func (v Version) Implied() bool { return v.record().entry == noEntry }

// Relists reports whether the version is a directory of which an older layer's stands and only the metadata is new.
func (v Version) Relists() bool { return v.record().relists }

// Since returns the layer that first put at the path what the version still is: of a directory listed again an older one than Layer.
func (v Version) Since() int {
	r := v.record()
	for r.relists && r.node != root {
		r = v.tree.records.at(r.older)
	}
	return layerOf(r)
}

// Meta is what an entry says of its path besides the content.
type Meta struct {
	Mode     uint16 // the lower twelve bits: permissions, setuid, setgid, sticky
	UID, GID uint32
	MTime    int64  // seconds since 1970, of any year
	MTimeNS  uint32 // nanoseconds to add
}

// Meta returns mode, owner and time; 0755, root and no time for an implied directory.
func (v Version) Meta() Meta {
	r := v.record()
	if r.entry == noEntry {
		return Meta{Mode: 0o755}
	}
	e := v.tree.layers[r.layer].entries.at(r.entry)
	if r.group != 0 {
		g := v.tree.groups[r.group]
		e = v.tree.layers[g.metaLayer].entries.at(g.meta)
	}
	return Meta{Mode: e.mode, UID: e.uid, GID: e.gid, MTime: e.mtime, MTimeNS: e.mtimeNS}
}

// HasMTime reports whether Meta's time means anything: an implied directory has none.
func (v Version) HasMTime() bool { return !v.Implied() }

// Size returns the bytes of a file's content, expanded where sparse; 0 for other types.
func (v Version) Size() int64 {
	if v.Type() != File {
		return 0
	}
	return v.entry().size
}

// Link returns the exact target of a symlink; empty for other types.
func (v Version) Link() string {
	if v.Type() != Symlink {
		return ""
	}
	l, i := v.content()
	return string(l.linkOf(l.entries.at(i)))
}

// Device returns the numbers of a device; 0, 0 for other types.
func (v Version) Device() (major, minor uint32) {
	if v.Type() != Char && v.Type() != Block {
		return 0, 0
	}
	n := v.entry().offset
	return uint32(n >> 32), uint32(n)
}

// Xattrs returns the extended attributes, sorted by name.
func (v Version) Xattrs() []Xattr {
	if v.Implied() {
		return nil
	}
	l, i := v.content()
	return l.attributes(i)
}

// Digest returns the SHA-256 of a file's content; false unless the layer was scanned with digests, and for files that were left out then.
func (v Version) Digest() ([32]byte, bool) {
	if v.Type() != File {
		return [32]byte{}, false
	}
	l, i := v.content()
	if l.digests.n == 0 {
		return [32]byte{}, false
	}
	sum := *l.digests.at(i)
	return sum, sum != [32]byte{}
}

// Mark returns what the layer's scan marked a file's content with; 0 for other types, for long files, and unless marks were wanted.
func (v Version) Mark() uint8 {
	if v.Type() != File {
		return 0
	}
	l, i := v.content()
	if l.marks == nil {
		return 0
	}
	return l.marks[i]
}

// Extents returns where a file's content lies in the tar of ContentLayer, in file order; gaps are zeros.
func (v Version) Extents() []Extent {
	if v.Type() != File {
		return nil
	}
	l, i := v.content()
	return l.extents(i)
}

// Stored returns how many bytes of a file's content the tar holds: all but its holes.
func (v Version) Stored() int64 {
	if v.Type() != File {
		return 0
	}
	l, i := v.content()
	return l.stored(i)
}

// HiddenBy returns the layer that hid the version and how; NoLayer and NotHidden while it is visible at the top.
func (v Version) HiddenBy() (layer int, how How) {
	r := v.record()
	return int(r.hiddenBy) - 1, r.how
}

// Inode identifies the content: equal for hard links and for whatever else shows the same bytes of the same layer. An implied directory has none.
func (v Version) Inode() (id uint64, ok bool) {
	if v.Implied() {
		return 0, false
	}
	r := v.record()
	layer, i := r.layer, r.entry
	if r.group != 0 {
		g := v.tree.groups[r.group]
		layer, i = g.contentLayer, g.content
	}
	return uint64(layer)<<32 | uint64(i), true
}

// LinkGroup identifies a file that hard links name: equal for all its names, whatever else shows the same bytes. False where no link names it.
func (v Version) LinkGroup() (id uint32, ok bool) {
	g := v.record().group
	return g, g != 0
}

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
