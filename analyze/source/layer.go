package source

import (
	"context"
	"io"
	"strconv"

	"layup/analyze/source/document"
	"layup/tarfs"
)

// The roles of a container's layers.
const (
	RoleImage     = "image"
	RoleInit      = "init"
	RoleContainer = "container"
)

// A Layer is one layer of an image: what is said of it, and how its content is had.
type Layer struct {
	Index     int
	Digest    string // of the blob as stored; empty if nothing names it
	DiffID    string // of the uncompressed tar, as the config says; empty if it does not
	MediaType string // as the manifest says; empty if it does not
	Size      int64  // bytes stored; in the store of an engine, bytes of the layer's files
	Role      string // of an engine's layer: image, init, container; else empty
	Directory string // where in its store the engine keeps the layer; empty for others
	Link      string // the short name under which overlay2 mounts it; empty if there is none

	Content Content // nil if Err is not
	Kept    Kept    // nil unless an engine keeps the layer's files in a directory
	Err     error   // why the layer cannot be read at all: foreign without blob, encrypted, missing, bad descriptor
	Verify  bool
	Limits  *document.Limits
}

// A Content is the content of a layer: a Blob, the directory of an engine, or a table of contents in place of a blob.
type Content interface {
	// Scan reads the layer once, to its last byte, checks it, and returns its table. On damage the error names the cause
	// and what could be read is returned with it.
	Scan(ctx context.Context, l *Layer, opt ScanOptions) (Scanned, error)
	// Tar returns the uncompressed tar from an offset on. It checks no digest. The reader fails if the input changed.
	Tar(ctx context.Context, l *Layer, offset int64) (io.ReadCloser, error)
	// Stored is the number of stored bytes; -1 if the layer is not a blob.
	Stored() int64
	// Window is the memory, in bytes, that decoding asks for.
	Window(l *Layer) int64
	// Placed reports whether Tar can begin anywhere at once.
	Placed() bool
	// Same tells contents with other results of Scan apart; empty if the content is like no other.
	Same() string
}

// Kept is what an engine keeps of a layer in a directory.
type Kept interface {
	// Assembled reports whether the layer's tar is made of the files: each content then proves itself, or nothing does.
	Assembled() bool
	// Recorded reports whether the engine recorded how the files were.
	Recorded() bool
	// Strayed lists what is not in the directory as the layer has it. It does not read content.
	Strayed(ctx context.Context, l *Layer, table *tarfs.Layer) ([]tarfs.Warning, error)
	// Rebuild reads all content, and notes the digest of a tar that was assembled. The checks name what in the directory
	// is not as the engine stored it.
	Rebuild(ctx context.Context, l *Layer, found *Scanned) ([]Check, error)
}

// Scanned is what one pass over a layer found.
type Scanned struct {
	Table       *tarfs.Layer    // never nil: what could be read
	Digest      string          // of the blob; computed when verifying, else the one named
	DiffID      string          // of the tar; computed when verifying, else the one named
	Compression string          // none, gzip, zstd, bzip2, xz
	Unpacked    int64           // bytes of the tar; -1 if not known
	TOC         bool            // the builder's table of contents says it, proven by the digest in the manifest
	Fetched     int64           // bytes of that table, and of what was fetched to find it
	Warnings    []tarfs.Warning // about the stream

	FoundDigest, FoundDiffID string // as computed; empty if nobody asked, or if the content was not read to its end
}

// ScanOptions say how much to do in the pass.
type ScanOptions struct {
	Digests  bool          // of every file's content
	Dense    bool          // not of sparse files
	Mark     tarfs.Mark    // of small files' content; may be nil
	Keep     bool          // the stored bytes of a streamed layer, in a temporary file, so that Tar can read them again
	Progress func(n int64) // receives the number of bytes read from the blob, in the scanning goroutine; may be nil
	// Reserve waits until there is memory for a decoder that Window did not foresee; may be nil.
	Reserve func(bytes int64)
	// Beside runs a function on an idle processor, or reports that there is none; may be nil. Scan returns after the
	// function does.
	Beside func(func()) bool
}

// NewLayer returns a layer without content.
func (o *Options) NewLayer(index int) *Layer {
	return &Layer{Index: index, Verify: o.Verify, Limits: &o.Limits}
}

// Scan reads the layer once, as its content does.
func (l *Layer) Scan(ctx context.Context, opt ScanOptions) (Scanned, error) {
	if l.Err != nil {
		return Scanned{Table: new(tarfs.Layer), Digest: l.Digest, DiffID: l.DiffID}, l.Err
	}
	return l.Content.Scan(ctx, l, opt)
}

// Tar returns the uncompressed tar from an offset on. It checks no digest. The reader fails if the input changed.
func (l *Layer) Tar(ctx context.Context, offset int64) (io.ReadCloser, error) {
	if l.Err != nil {
		return nil, l.Err
	}
	return l.Content.Tar(ctx, l, offset)
}

// Same names the result of Scan before it is done. Layers of one source with the same name are the same; it is empty if
// the layer is like no other.
func (l *Layer) Same() string {
	if l.Err != nil || l.Digest == "" || l.Content.Same() == "" {
		return ""
	}
	return l.Digest + " " + l.DiffID + " " + l.MediaType + " " + strconv.FormatInt(l.Size, 10) + " " + l.Content.Same()
}

// ReadAs lets Tar read the bytes of a layer that is the same and was kept.
func (l *Layer) ReadAs(other *Layer) { l.Content = other.Content }

// Window returns the memory, in bytes, that the layer's decoder asks for; 0 for decoders that need little.
func (l *Layer) Window() int64 {
	if l.Err != nil {
		return 0
	}
	return l.Content.Window(l)
}

// Placed reports whether Tar can begin anywhere at once: the layer lies in a file and is not compressed.
func (l *Layer) Placed() bool { return l.Err == nil && l.Content.Placed() }

// Assembled reports whether the layer's tar is made of files when it is read: each content then proves itself, or nothing
// does.
func (l *Layer) Assembled() bool { return l.Kept != nil && l.Kept.Assembled() }

// Unpacked reports whether the layer is a blob that an engine unpacked.
func (l *Layer) Unpacked() bool { return l.Kept != nil && !l.Kept.Assembled() }

// Strayed lists what is not in the directory of the engine as the layer's blob has it. It does not read content.
func (l *Layer) Strayed(ctx context.Context, table *tarfs.Layer) ([]tarfs.Warning, error) {
	if !l.Unpacked() || !l.Verify {
		return nil, nil
	}
	return l.Kept.Strayed(ctx, l, table)
}

// Rebuild reads all content that an engine keeps of the layer. See Kept.
func (l *Layer) Rebuild(ctx context.Context, found *Scanned) ([]Check, error) {
	if l.Kept == nil {
		return nil, nil
	}
	return l.Kept.Rebuild(ctx, l, found)
}
