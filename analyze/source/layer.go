package source

import (
	"cmp"
	"context"
	"errors"
	"io"
	"math"
	"os"
	"strconv"

	"layup/analyze/source/decode"
	"layup/analyze/source/document"
	"layup/analyze/source/registry"
	"layup/analyze/source/store"
	"layup/tarfs"
)

// A Layer is one layer of an image, where it is stored.
type Layer struct {
	Index     int
	Digest    string // of the blob as stored; empty where nothing names it
	DiffID    string // of the uncompressed tar, as the config says; empty where it does not
	MediaType string // as the manifest says; empty where it does not
	Size      int64  // bytes stored; in the store of an engine, bytes of the layer's files
	Role      string // of an engine's layer: image, init, container; else empty
	Directory string // where in its store the engine keeps the layer; empty for others
	Link      string // the short name under which overlay2 mounts it; empty where there is none

	blob     blob            // the stored bytes; nil when err or tar is set
	toc      *toc            // of a streamed blob: the builder's table, which stands in for it; else nil
	tar      *store.Tar      // of an engine's layer, which is no blob
	engine   *engine         // likewise
	place    string          // likewise: what tells it from other layers of the store
	differ   differ          // likewise; nil where nothing records how it was
	unpacked *unpacked       // of a blob in the store of an engine; nil where it is not unpacked
	found    []tarfs.Warning // what reading it came across
	err      error           // why the layer cannot be read at all: foreign without blob, encrypted, missing, bad digest or size in the descriptor
	verify   bool
	limits   *document.Limits
	check    func() error // nil, or: has the input changed since it was opened (stat of the opened file: device, inode, size, mtime)? called after reading a layer and by Tar's reader
	hint     string       // media type or file name suffix that claims a compression: checked by content only, mismatch is a warning
	outer    string       // compression of the whole input around a bare layer that was already undone by spooling ("" none): Scan reports it as Compression, and Digest/Size of the layer are then already known
}

// A differ holds the directory of an engine's layer against the table that its record gave.
type differ func(context.Context, *tarfs.Layer) ([]store.Difference, error)

// A blob is the stored bytes of a layer. It is also one of two things: an io.ReaderAt, whose bytes lie in a file and can be read at any place as often as
// wanted, or a streamed blob, which is read once from the first byte to the last.
type blob interface{ Size() int64 }

// A streamed blob comes from far away.
type streamed interface {
	blob
	// open begins to fetch the bytes.
	open(ctx context.Context) (io.ReadCloser, error)
	// keep takes charge of a file that holds the bytes: it is closed with the archive.
	keep(file *os.File)
	tempDir() string
}

// Scanned is what one pass over a layer found.
type Scanned struct {
	Table       *tarfs.Layer    // never nil: what could be read
	Digest      string          // of the blob; computed when verifying, else the one named
	DiffID      string          // of the tar; computed when verifying, else the one named
	Compression string          // none, gzip, zstd, bzip2, xz
	Unpacked    int64           // bytes of the tar; -1 where that is not known
	TOC         bool            // it is what the builder's table of contents says, by the digest in the manifest
	Fetched     int64           // bytes of that table, and of what was fetched to find it
	Warnings    []tarfs.Warning // about the stream: media-type-mismatch, compressed-stream-damaged-tail, diff-id-mismatch …

	FoundDigest, FoundDiffID string // as computed; empty where that was not asked for, or what they are of was not read to its end
}

// ScanOptions say how much to do in the pass.
type ScanOptions struct {
	Digests  bool          // of every file's content
	Dense    bool          // but of no sparse file
	Mark     tarfs.Mark    // of small files' content; may be nil
	Keep     bool          // the stored bytes of a streamed layer, in a temporary file, so that Tar can read them once more
	Progress func(n int64) // told of bytes read from the blob, from the scanning goroutine; may be nil
	// Reserve waits until there is memory for a decoder that Window did not foresee; may be nil.
	Reserve func(bytes int64)
	// Beside runs a function on an idle processor, or reports that there is none; may be nil. Scan returns after the function does.
	Beside func(func()) bool
}

// Scan reads the layer once, to its last byte, checks it, and returns its table of contents. On damage the error names the cause
// and what could be read is returned with it.
func (l *Layer) Scan(ctx context.Context, opt ScanOptions) (Scanned, error) {
	out := Scanned{Table: new(tarfs.Layer), Digest: l.Digest, DiffID: l.DiffID}
	if l.err != nil {
		return out, l.err
	}
	if l.tar != nil {
		return l.scanStore(ctx, opt)
	}
	if l.toc != nil {
		if found, err := l.toc.scan(ctx, l, opt); !errors.Is(err, registry.ErrNoRange) {
			return found, err
		}
	}
	p := &pass{ctx: ctx, layer: l, opt: opt, out: &out}
	err := p.keep(p.run())
	if p.hashes != nil {
		p.hashes.Wait()
	}
	return out, err
}

// Same returns what names the result of Scan before it is done: layers of one archive that have it in common are the same. It is empty where
// nothing does.
func (l *Layer) Same() string {
	if l.err != nil || l.Digest == "" || l.blob == nil {
		return ""
	}
	name := l.Digest + " " + l.DiffID + " " + l.hint + " " + strconv.FormatInt(l.Size, 10)
	if l.toc != nil {
		name += " " + l.toc.digest
	}
	return name
}

// ReadAs lets Tar read the bytes of a layer that is the same and was kept.
func (l *Layer) ReadAs(other *Layer) { l.blob, l.check = other.blob, other.check }

// Window returns the memory that the layer's decoder asks for, in bytes: of a zstd stream the largest window of any of its frames,
// which stands in the frames' headers; of xz, where it stands behind the data, what the limits allow; 0 for others, which need little.
func (l *Layer) Window() int64 {
	if l.err != nil || l.tar != nil || l.toc != nil {
		return 0
	}
	at, placed := l.blob.(io.ReaderAt)
	if !placed {
		return l.streamWindow()
	}
	head, err := headOf(io.NewSectionReader(at, 0, l.blob.Size()))
	if err != nil {
		return 0
	}
	switch decode.Sniff(head, l.blob.Size()) {
	case decode.Zstd:
		r := newHeaderReader(context.Background(), at, l.blob.Size())
		return decode.ZstdWindow(r, l.mostWindow())
	case decode.Xz:
		return l.mostWindow()
	}
	return 0
}

// mostWindow is what a decoder may ask for.
func (l *Layer) mostWindow() int64 { return cmp.Or(l.limits.Window, math.MaxInt64) }

// headOf returns the first bytes of a blob in a file, as many as decode.Sniff wants.
func headOf(at *io.SectionReader) ([]byte, error) {
	head := make([]byte, min(decode.HeadSize, at.Size()))
	if _, err := at.ReadAt(head, 0); err != nil && err != io.EOF {
		return nil, err
	}
	return head, nil
}
