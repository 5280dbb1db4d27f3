package catalogue

import (
	"path"

	"layup/tarfs"
)

// The names of columns are stable: queries of users hold them.

// A FileRow is a row of files/: what one layer says of one path, after the rules inside a layer were applied. Rows are
// sorted by base, path and layer. A name holds U+FFFD for each byte that is not UTF-8; the column with its exact bytes
// is empty if it is UTF-8.
type FileRow struct {
	Base          string   `parquet:"base,delta"`
	Path          string   `parquet:"path,delta"`
	Layer         string   `parquet:"layer,dict"`   // its key, as in layers/
	Kind          string   `parquet:"kind,dict"`    // file dir symlink hardlink char block fifo whiteout opaque
	Implied       bool     `parquet:"implied"`      // a directory that only what is below it implies
	Mode          int32    `parquet:"mode,dict"`    // the lower twelve bits
	UID           int64    `parquet:"uid,dict"`     // 32 bits, unsigned
	GID           int64    `parquet:"gid,dict"`     // 32 bits, unsigned
	Size          int64    `parquet:"size"`         // bytes of a file
	MTime         int64    `parquet:"mtime,dict"`   // seconds since 1970
	MTimeNS       int32    `parquet:"mtimeNS,dict"` // nanoseconds to add
	Link          string   `parquet:"link,dict"`    // the target of a symlink; the path that a hardlink means; see Own
	Major         int64    `parquet:"major,dict"`   // of a device
	Minor         int64    `parquet:"minor,dict"`   // of a device
	SHA256        string   `parquet:"sha256"`       // of a file's content, 64 digits; empty without --digests
	Xattrs        []string `parquet:"xattrs,list"`  // names of extended attributes
	XattrValues   [][]byte `parquet:"xattrValues,list"`
	Inode         int64    `parquet:"inode,dict"`    // a number above 0 that the names of one file in a layer share
	Hardlink      string   `parquet:"hardlink,dict"` // the next of these names; after the last, the first
	PathBytes     []byte   `parquet:"pathBytes,dict"`
	LinkBytes     []byte   `parquet:"linkBytes,dict"`
	HardlinkBytes []byte   `parquet:"hardlinkBytes,dict"`
}

// The kinds of rows that are not types of files.
const (
	kindHardlink = "hardlink" // one more name of a file that lower layers show, if they do
	kindWhiteout = "whiteout"
	kindOpaque   = "opaque"
)

// A LayerRow is a row of layers/: a layer that was read, or could not be.
type LayerRow struct {
	Key         string `parquet:"key"`    // the diffID, else the blob's digest, else of the rows; or unread:
	DiffID      string `parquet:"diffID"` // of the uncompressed tar; empty if unknown
	Digest      string `parquet:"digest"` // of the blob that was read, or unnamed:, or empty
	MediaType   string `parquet:"mediaType,dict"`
	Compression string `parquet:"compression,dict"`
	Size        int64  `parquet:"size"`         // bytes stored
	Unpacked    int64  `parquet:"unpackedSize"` // bytes of the tar; -1 if unknown
	Entries     int64  `parquet:"entries"`      // rows in files/
	Linked      int64  `parquet:"linked"`       // of them of the kind hardlink
	Part        string `parquet:"part,dict"`    // the file in files/ that has these rows; empty if there are none
	Error       string `parquet:"error"`        // why it could not be read; empty if it was
}

// An ImageRow is a row of images/: an image of one platform where it was found, or a container of an engine's store.
type ImageRow struct {
	Source     string   `parquet:"source"`          // as layup takes it
	Reference  string   `parquet:"reference"`       // the first of its references; empty if it has none
	References []string `parquet:"references,list"` // all of them
	ID         string   `parquet:"id"`              // the digest of the config; empty if there is none
	Manifest   string   `parquet:"manifest"`        // the digest of the manifest; empty if there is none
	Platform   string   `parquet:"platform,dict"`   // os/arch[/variant]; empty if unknown
	Kind       string   `parquet:"kind,dict"`       // image, container, artifact, directory, volume
	Store      string   `parquet:"store,dict"`      // the kind of the source: docker-archive, oci, registry
	Created    string   `parquet:"created"`         // RFC 3339; empty if unknown
	Layers     []string `parquet:"layers,list"`     // keys of layers/, the oldest first
	CreatedBy  []string `parquet:"createdBy,list"`  // the instruction of each layer; none if the history does not say
	Seen       string   `parquet:"seen,dict"`       // when it was indexed first, RFC 3339
	Error      string   `parquet:"error"`           // why its layers are unknown; empty if they are known
}

// rowOf returns the row of what a layer says.
func rowOf(layer string, o *tarfs.Own) FileRow {
	r := FileRow{Layer: layer, Mode: int32(o.Mode), UID: int64(o.UID), GID: int64(o.GID), Size: o.Size, MTime: o.MTime,
		MTimeNS: int32(o.MTimeNS), Major: int64(o.Major), Minor: int64(o.Minor), Inode: int64(o.Inode)}
	r.Path, r.PathBytes = named(o.Path)
	r.Base = path.Base(r.Path)
	r.Link, r.LinkBytes = named(o.Link)
	r.Hardlink, r.HardlinkBytes = named(o.Next)
	switch o.Saying {
	case tarfs.Hides:
		r.Kind = kindWhiteout
	case tarfs.Clears:
		r.Kind = kindOpaque
	default:
		r.Kind, r.Implied = o.Type.String(), o.Saying == tarfs.Implies
	}
	if o.Digest != [32]byte{} {
		r.SHA256 = hexOf(o.Digest)
	}
	for _, x := range o.Xattrs {
		r.Xattrs, r.XattrValues = append(r.Xattrs, x.Name), append(r.XattrValues, []byte(x.Value))
	}
	return r
}

func (r *FileRow) fill(g *group, at int64) { *r, _ = g.row(at, true) }

func (r *LayerRow) fill(g *group, at int64) {
	key := string(g.text("key", at))
	*r = LayerRow{Key: key, DiffID: g.str("diffID", at, key), Digest: g.str("digest", at, key),
		MediaType: string(g.text("mediaType", at)), Compression: string(g.text("compression", at)),
		Size: g.integer("size", at), Unpacked: g.integer("unpackedSize", at), Entries: g.integer("entries", at),
		Linked: g.integer("linked", at), Part: string(g.text("part", at)), Error: string(g.text("error", at))}
}

func (r *ImageRow) fill(g *group, at int64) {
	reference := string(g.text("reference", at))
	*r = ImageRow{Source: string(g.text("source", at)), Reference: reference, References: g.list("references", at),
		ID: string(g.text("id", at)), Manifest: string(g.text("manifest", at)), Platform: string(g.text("platform", at)),
		Kind: string(g.text("kind", at)), Store: string(g.text("store", at)), Created: string(g.text("created", at)),
		Layers: g.list("layers", at), CreatedBy: g.list("createdBy", at), Seen: string(g.text("seen", at)),
		Error: string(g.text("error", at))}
}

// named returns a name as text, and its exact bytes if they differ.
func named(name string) (text string, exact []byte) {
	if text = tarfs.Named(name); text != name {
		exact = []byte(name)
	}
	return text, exact
}

// exactly returns a name from its two columns.
func exactly(text string, exact []byte) string {
	if len(exact) > 0 {
		return string(exact)
	}
	return text
}

// own returns what a layer says in a row.
func (r *FileRow) own() (o tarfs.Own, ok bool) {
	o = tarfs.Own{Path: exactly(r.Path, r.PathBytes), Size: r.Size, Link: exactly(r.Link, r.LinkBytes),
		Major: uint32(r.Major), Minor: uint32(r.Minor), Inode: uint32(r.Inode),
		Next: exactly(r.Hardlink, r.HardlinkBytes)}
	o.Meta = tarfs.Meta{Mode: uint16(r.Mode), UID: uint32(r.UID), GID: uint32(r.GID), MTime: r.MTime,
		MTimeNS: uint32(r.MTimeNS)}
	switch {
	case r.Kind == kindWhiteout:
		o.Saying = tarfs.Hides
	case r.Kind == kindOpaque:
		o.Saying = tarfs.Clears
	default:
		if o.Type, ok = typeOf[r.Kind]; !ok {
			return o, false
		}
		if r.Implied {
			o.Saying = tarfs.Implies
		}
	}
	for i, name := range r.Xattrs {
		if i < len(r.XattrValues) {
			o.Xattrs = append(o.Xattrs, tarfs.Xattr{Name: name, Value: string(r.XattrValues[i])})
		}
	}
	o.Digest = sumOf(r.SHA256)
	return o, len(o.Path) > 0 && o.Path[0] == '/'
}

// typeOf are the types of files by their names.
var typeOf = map[string]tarfs.Type{
	tarfs.File.String(): tarfs.File, tarfs.Dir.String(): tarfs.Dir, tarfs.Symlink.String(): tarfs.Symlink,
	tarfs.Char.String(): tarfs.Char, tarfs.Block.String(): tarfs.Block, tarfs.Fifo.String(): tarfs.Fifo,
	kindHardlink: tarfs.Hardlink,
}
