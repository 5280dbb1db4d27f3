package tarfs

import (
	"crypto/aes"
	"crypto/cipher"
	"crypto/hmac"
	"crypto/sha256"
	"encoding/binary"
	"hash"
)

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

// content returns the table and the entry that have the type, the bytes, the target and the attributes.
func (v Version) content() (*Layer, uint32) {
	layer, i := v.tree.origin(v.record())
	return v.tree.layers[layer], i
}

func (v Version) entry() entry {
	l, i := v.content()
	return l.entries.at(i)
}

// Node returns the path.
func (v Version) Node() Node { return Node{v.tree, v.record().node} }

// Type returns what the version is.
func (v Version) Type() Type { return v.record().kind }

// Layer returns the layer that wrote the version, its owner. If several layers list a directory, it is the last of
// them; if no layer lists it, the first that implies it. Nobody owns the root: its layer is NoLayer.
func (v Version) Layer() int { return layerOf(v.record()) }

func layerOf(r *record) int {
	if r.node == root {
		return NoLayer
	}
	return int(r.layer)
}

// MetaLayer returns the layer with the entry that says mode, owner and time; NoLayer for an implied directory.
func (v Version) MetaLayer() int {
	if v.Implied() {
		return NoLayer
	}
	return int(v.record().layer)
}

// ContentLayer returns the layer that stores the bytes: a lower one for a hard link into a lower layer.
func (v Version) ContentLayer() int {
	if r := v.record(); r.group != 0 {
		return int(v.tree.groups[r.group].contentLayer)
	}
	return v.Layer()
}

// Implied reports whether the version is a directory that its layer does not list.
func (v Version) Implied() bool { return v.record().entry == noEntry }

// Relists reports whether the version only gives new metadata to a directory of an older layer.
func (v Version) Relists() bool { return v.record().relists }

// Older returns the version that an older layer put at the path; false if there is none.
func (v Version) Older() (Version, bool) {
	older := v.record().older
	return Version{v.tree, older}, older != 0
}

// Since returns the layer that first put the version at the path. It is older than Layer if several layers list a
// directory.
func (v Version) Since() int {
	r := v.record()
	for r.relists && r.node != root {
		r = v.tree.records.at(r.older)
	}
	return layerOf(r)
}

// Meta is what an entry says of a file besides its content.
type Meta struct {
	Mode     uint16 // the lower twelve bits: permissions, setuid, setgid, sticky
	UID, GID uint32
	MTime    int64  // seconds since 1970, of any year
	MTimeNS  uint32 // nanoseconds to add
}

// Meta returns mode, owner and time. An implied directory has the mode 0755, the owner root and no time.
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

// HasMTime reports whether the version has a time: an implied directory has none.
func (v Version) HasMTime() bool { return !v.Implied() }

// Size returns the bytes of a file's content, with the holes of a sparse file; 0 for other types.
func (v Version) Size() int64 {
	if v.Type() != File {
		return 0
	}
	l, i := v.content()
	return l.entries.size(i)
}

// Link returns the exact target of a symlink; empty for other types.
func (v Version) Link() string {
	if v.Type() != Symlink {
		return ""
	}
	l, i := v.content()
	e := l.entries.at(i)
	return string(l.linkOf(&e))
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

// Digest returns the SHA-256 of a file's content; false if the layer's scan did not compute it. See [ScanOptions].
func (v Version) Digest() (sum [32]byte, ok bool) {
	if v.Type() != File {
		return sum, false
	}
	l, i := v.content()
	return l.digest(i)
}

// DigestIn returns the digest that another table of the version's content layer has of the content.
func (v Version) DigestIn(table *Layer) (sum [32]byte, ok bool) {
	l, i := v.content()
	if v.Type() != File || table.Len() != l.Len() {
		return sum, false
	}
	return table.digest(i)
}

func (l *Layer) digest(i uint32) (sum [32]byte, ok bool) {
	if l.digests.n > 0 {
		sum = *l.digests.at(i)
	}
	return sum, sum != [32]byte{}
}

// A TagKey is the secret key of tags: random bytes that nobody knows who wrote an image.
type TagKey [32]byte

// Tag returns a number that is equal for equal digests; 0 for no digest. Whoever does not know the key cannot choose
// two contents with one tag: they have one with a probability of 2^-64.
func (k *TagKey) Tag(digest [32]byte) uint64 {
	if digest == [32]byte{} {
		return 0
	}
	var keyed [2 * len(k)]byte
	copy(keyed[:], k[:])
	copy(keyed[len(k):], digest[:])
	sum := sha256.Sum256(keyed[:])
	return TagOf(sum[:])
}

// Hash returns a hash of content under the key: 128 bits or more, of which TagOf makes the tag. Whoever does not know
// the key cannot choose two contents with one tag. On processors that help with AES it costs a seventh of SHA-256.
func (k *TagKey) Hash() hash.Hash {
	block, err := aes.NewCipher(k[:])
	if err == nil {
		var mac cipher.AEAD
		if mac, err = cipher.NewGCM(block); err == nil {
			return &fingerprint{mac: mac}
		}
	}
	return hmac.New(sha256.New, k[:]) // if only what FIPS 140 allows may run
}

// A fingerprint is GMAC in a chain (NIST SP 800-38D): each chunk is authenticated together with the tag of the one
// before, under a nonce that counts the chunks and tells the last from the others. Its tags are never shown.
type fingerprint struct {
	mac    cipher.AEAD
	nonce  [12]byte // the number of the chunk; its last byte is set for the last one
	chunks uint64
	used   int // bytes in the buffer after the tag
	buf    [16 + 4<<10]byte
	sum    [16]byte
}

func (f *fingerprint) Write(p []byte) (int, error) {
	for rest := p; len(rest) > 0; {
		if f.used == len(f.buf)-16 {
			copy(f.buf[:16], f.seal(0))
			f.chunks, f.used = f.chunks+1, 0
		}
		n := copy(f.buf[16+f.used:], rest)
		f.used, rest = f.used+n, rest[n:]
	}
	return len(p), nil
}

// seal authenticates the chunk at hand.
func (f *fingerprint) seal(last byte) []byte {
	binary.BigEndian.PutUint64(f.nonce[:], f.chunks)
	f.nonce[11] = last
	return f.mac.Seal(f.sum[:0], f.nonce[:], nil, f.buf[:16+f.used])
}

func (f *fingerprint) Sum(b []byte) []byte { return append(b, f.seal(1)...) }
func (f *fingerprint) Size() int           { return 16 }
func (f *fingerprint) BlockSize() int      { return 16 }

func (f *fingerprint) Reset() {
	f.chunks, f.used = 0, 0
	clear(f.buf[:16])
}

// TagOf makes a tag of the sum of a key's Hash.
func TagOf(sum []byte) uint64 { return max(binary.BigEndian.Uint64(sum), 1) }

// Tag returns the tag of a file's content or of its digest; false if the layer's scan did not compute it. See
// [ScanOptions].
func (v Version) Tag() (tag uint64, ok bool) {
	if v.Type() != File {
		return 0, false
	}
	if l, i := v.content(); l.tags.n > 0 {
		tag = *l.tags.at(i)
	}
	return tag, tag != 0
}

// Mark returns what the [Mark] of the layer's scan said of a file's content; 0 if it was not called.
func (v Version) Mark() uint8 {
	if v.Type() == File {
		if l, i := v.content(); l.marks != nil {
			return l.marks[i]
		}
	}
	return 0
}

// Extents returns where a file's content is in the tar of ContentLayer, in file order; gaps are zeros.
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

// HiddenBy returns the layer that hid the version, and how; NoLayer and NotHidden if it is visible after the last
// layer.
func (v Version) HiddenBy() (layer int, how How) {
	r := v.record()
	return int(r.hiddenBy) - 1, r.how
}

// Inode identifies the entry that stores the content. It is equal for hard links, and for versions that show one file
// of a lower layer. An implied directory has none.
func (v Version) Inode() (id uint64, ok bool) {
	if v.Implied() {
		return 0, false
	}
	layer, i := v.tree.origin(v.record())
	return uint64(layer)<<32 | uint64(i), true
}

// LinkGroup identifies a file with hard links. It is equal for all names of the file, and differs from that of any
// other file with the same content; false if no hard link names the file.
func (v Version) LinkGroup() (id uint32, ok bool) {
	g := v.record().group
	return g, g != 0
}

// A Type is what a version or an entry is, as a file or a directory.
type Type uint8

const (
	File Type = iota
	Dir
	Symlink
	Char
	Block
	Fifo

	// Only of a [TarEntry]:
	Hardlink
	Other // of unknown type
)

var typeNames = [...]string{"file", "dir", "symlink", "char", "block", "fifo", "hardlink", "other"}

// String returns file, dir, symlink, char, block, fifo, hardlink or other.
func (t Type) String() string { return typeNames[t] }

// How says what hid a version of a path.
type How uint8

const (
	NotHidden           How = iota
	ByWhiteout              // a whiteout of the path or of a directory above it
	ByOpaque                // an opaque marker of a directory above it
	Replaced                // another entry of the same type at the path
	ReplacedByOtherType     // an entry of another type at the path or above it

	// Only of versions of [Tree.Unseen]:
	ReplacedInLayer // a later entry of the same layer
	WhiteoutContent // nothing: it is the content of a whiteout, which nobody reads
	Ignored         // nothing: the entry was skipped, or not reached
)

var howNames = [...]string{
	"", "whiteout", "opaque", "replaced", "replaced-by-other-type", "replaced-in-layer", "whiteout-content", "ignored",
}

// String returns whiteout, opaque, replaced, replaced-by-other-type, replaced-in-layer, whiteout-content, ignored, or
// nothing.
func (h How) String() string { return howNames[h] }

// An Xattr is one extended attribute.
type Xattr struct{ Name, Value string }

// A View chooses the rules for merging layers if engines and the specification differ.
type View uint8

const (
	Runtime View = iota // as overlay engines (Docker, containerd, podman) show the image
	Spec                // as the OCI image specification describes it
)
