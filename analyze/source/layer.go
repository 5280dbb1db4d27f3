package source

import (
	"context"
	"errors"
	"io"
	"strconv"

	"layup/analyze/cache"
	"layup/analyze/digest"
	"layup/analyze/source/document"
	"layup/tarfs"
)

// The roles of a container's layers.
const (
	RoleImage     = "image"
	RoleInit      = "init"
	RoleContainer = "container"
)

// A Layer is one layer of an image: what its image says of it, and its content.
type Layer struct {
	Index     int
	Digest    string // of the blob as stored; empty if nothing names it
	DiffID    string // of the uncompressed tar, as the config says; empty if it does not
	MediaType string // as the manifest says; empty if it does not
	Size      int64  // bytes stored; in the store of an engine, bytes of the layer's files
	Role      string // of an engine's layer: image, init, container; else empty
	Directory string // where in its store the engine keeps the layer; empty for others
	At        string // the path of Directory as the user named the store, or its name in a tar; empty for others
	Link      string // the short name under which overlay2 mounts it; empty if there is none
	Title     string // of an artifact: the name of the file that the layer is; empty if nothing names it
	Artifact  bool   // it belongs to an artifact: nothing names the digest of a tar in it, and no name hides another

	Content Content // nil if Err is not
	Kept    Kept    // nil unless an engine keeps the layer's files in a directory
	Err     error   // why the layer cannot be read: foreign without a blob, encrypted, missing, bad descriptor
	Verify  bool
	TempDir string // as Options have it
	Cache   *cache.Cache
	Limits  *document.Limits
}

// A Content is the content of a layer: a Blob, the directory of an engine, or a table of contents in place of a blob.
type Content interface {
	// Scan reads the layer once, to its last byte, checks it, and returns its table. After damage it also returns what
	// could be read; the error names the cause.
	Scan(ctx context.Context, l *Layer, opt ScanOptions) (Scanned, error)
	// Tar returns the uncompressed tar from an offset on. It checks no digest. The reader fails if the input changed.
	Tar(ctx context.Context, l *Layer, offset int64) (io.ReadCloser, error)
	// Stored is the number of stored bytes; -1 if the layer is not a blob.
	Stored() int64
	// Window is the memory, in bytes, that decoding asks for.
	Window(l *Layer) int64
	// Placed reports whether Tar can begin anywhere at once.
	Placed() bool
	// Same tells apart contents with different results of Scan. It is empty if no other content has that result.
	Same() string
}

// Kept is a layer in a directory of an engine.
type Kept interface {
	// Assembled reports whether the layer's tar is made of the files. A blob then does not prove them.
	Assembled() bool
	// Recorded reports whether the engine recorded how the files were.
	Recorded() bool
	// Place tells apart the directories of a store.
	Place() string
	// Compare lists how the directory differs from the layer, as warnings. If content is set, it also reads all content,
	// notes the digest of a tar that was assembled, and checks what in the directory is not as the engine stored it.
	Compare(ctx context.Context, l *Layer, found *Scanned, content bool) error
}

// Scanned is what one pass over a layer found.
type Scanned struct {
	Table       *tarfs.Layer    // never nil: what could be read
	Digest      string          // of the blob; computed when verifying, else the one named
	DiffID      string          // of the tar; computed when verifying, else the one named
	Compression string          // none, gzip, zstd, bzip2, xz
	Unpacked    int64           // bytes of the tar; -1 if not known
	Known       bool            // an earlier pass found it, and verified the same bytes
	Proof       *tarfs.Layer    // of a Known layer: the table with all digests that are known, for Version.DigestIn
	Named       string          // equal for equal tables of verified blobs; empty if the table is of anything else
	TOC         bool            // the builder's table of contents says it, proven by the digest in the manifest
	Fetched     int64           // bytes of that table, and of what was fetched to find it
	Warnings    []tarfs.Warning // about the stream, and about the directory of an engine
	Compared    []Check         // of the directory of an engine, if its content was read

	FoundDigest, FoundDiffID string // as computed; empty if nobody asked, or if the content was not read to its end
}

// ScanOptions say how much to do in the pass.
type ScanOptions struct {
	Digests bool          // of every file's content
	Tags    *tarfs.TagKey // with Digests keep only tags of them, else tags of contents; may be nil
	Dense   bool          // not of sparse files
	Mark    tarfs.Mark    // of small files' content; may be nil
	// Copy is what tarfs.ScanOptions call Keep; may be nil.
	Copy     func(name []byte, offset, size int64) io.Writer
	Sparse   bool          // Copy also gets sparse files
	Keep     bool          // the stored bytes of a streamed layer, in a temporary file, so that Tar can read them again
	Tars     *TempFiles    // where to keep the tar of a compressed layer, so that Tar can begin anywhere; may be nil
	Progress func(n int64) // receives the number of bytes read from the blob, in the scanning goroutine; may be nil
	// Reserve waits until there is memory for a decoder that Window did not foresee; may be nil.
	Reserve func(bytes int64)
	// Beside runs a function on an idle processor, or reports that there is none; may be nil. Scan returns after the
	// function does.
	Beside func(func()) bool
}

// Tar says how to scan the tar of a layer.
func (o *ScanOptions) Tar(l *Layer) tarfs.ScanOptions {
	return tarfs.ScanOptions{Limits: l.Limits.Limits, Digests: o.Digests, Tags: o.Tags, Dense: o.Dense, Mark: o.Mark,
		Keep: o.Copy, Sparse: o.Sparse}
}

// NewLayer returns a layer without content.
func (o *Options) NewLayer(index int) *Layer {
	l := &Layer{Index: index, Verify: o.Verify, TempDir: o.TempDir, Limits: &o.Limits}
	if o.Audit == nil {
		l.Cache = o.Cache
	}
	return l
}

// Scan reads the layer once. See Content.
func (l *Layer) Scan(ctx context.Context, opt ScanOptions) (Scanned, error) {
	if l.Err != nil {
		return Scanned{Table: new(tarfs.Layer), Digest: l.Digest, DiffID: l.DiffID}, l.Err
	}
	return l.Content.Scan(ctx, l, opt)
}

// Tar returns the uncompressed tar from an offset on. See Content.
func (l *Layer) Tar(ctx context.Context, offset int64) (io.ReadCloser, error) {
	if l.Err != nil {
		return nil, l.Err
	}
	return l.Content.Tar(ctx, l, offset)
}

// Same is equal for layers of one source that have the same result of Scan. It is empty if there is no other such
// layer.
func (l *Layer) Same() string {
	if l.Err != nil || l.Content.Same() == "" {
		return ""
	}
	name := l.Digest
	if blob, is := l.Content.(*Blob); is && name == "" {
		name = blob.Place()
	}
	if name == "" && !l.Assembled() {
		return ""
	}
	return name + " " + l.DiffID + " " + l.MediaType + " " + strconv.FormatInt(l.Size, 10) + " " + l.Content.Same()
}

// Window returns the memory, in bytes, that the layer's decoder asks for; 0 if it needs little.
func (l *Layer) Window() int64 {
	if l.Err != nil {
		return 0
	}
	return l.Content.Window(l)
}

// Placed reports whether Tar can begin anywhere at once: a file holds the tar as it is.
func (l *Layer) Placed() bool { return l.Err == nil && l.Content.Placed() }

// Own reports whether Tar reads a copy that nobody else can change.
func (l *Layer) Own() bool {
	b, ok := l.Content.(*Blob)
	return ok && b.own != nil
}

// Assembled reports whether the layer's tar is made of files when it is read. See Kept.
func (l *Layer) Assembled() bool { return l.Kept != nil && l.Kept.Assembled() }

// Seekable reports whether Tar can begin near any offset at little cost, because a cache knows the layer.
func (l *Layer) Seekable() bool {
	b, ok := l.Content.(*Blob)
	return ok && l.Err == nil && b.Seekable()
}

// Unpacked reports whether the layer is a blob that an engine unpacked.
func (l *Layer) Unpacked() bool { return l.Kept != nil && !l.Kept.Assembled() }

// errRewritten says that an input changed after it was verified.
var errRewritten = errors.New("input changed while being read: the content no longer matches its diffID")

// Reread returns the tar again, as its diffID covers it: with the padding that the layer's writer dropped. The diffID
// is the one that Scan found. The end is an error if the content no longer matches it: only io.EOF proves the content.
func (l *Layer) Reread(ctx context.Context, diffID string) (io.ReadCloser, error) {
	d, err := digest.NewSums(digest.Algorithm(diffID))
	if err != nil {
		return nil, err
	}
	tar, err := l.Tar(ctx, 0)
	if err != nil {
		return nil, err
	}
	if _, image := tar.(*imageReader); image {
		return tar, nil // the diffID is that of the image, not of the tar
	}
	return &rereader{ReadCloser: tar, digests: d, want: diffID}, nil
}

type rereader struct {
	io.ReadCloser
	digests *digest.Sums
	want    string
	count   int64
	padding int64 // zeros that were dropped and not read yet
	err     error // io.EOF once the digest was compared and is right
}

func (r *rereader) Read(p []byte) (int, error) {
	if r.err != nil {
		return r.pad(p)
	}
	n, err := r.ReadCloser.Read(p)
	r.digests.Write(p[:n])
	r.count += int64(n)
	if err != io.EOF {
		return n, err
	}
	r.err = io.EOF
	if r.digests.Sum(digest.Algorithm(r.want)) != r.want {
		if r.padding = r.digests.Pad(r.count, r.want); r.padding == 0 {
			r.err = errRewritten
			return n, r.err
		}
	}
	if n > 0 {
		return n, nil
	}
	return r.pad(p)
}

// pad returns the zeros that were dropped, then the end.
func (r *rereader) pad(p []byte) (int, error) {
	if r.padding == 0 {
		return 0, r.err
	}
	n := int(min(r.padding, int64(len(p))))
	clear(p[:n])
	r.padding -= int64(n)
	return n, nil
}
