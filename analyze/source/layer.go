package source

import (
	"context"
	"io"

	"layup/tarfs"
)

// A Layer is one layer of an image, where it is stored.
type Layer struct {
	Index     int
	Digest    string // of the blob as stored; empty where nothing names it
	DiffID    string // of the uncompressed tar, as the config says; empty where it does not
	MediaType string // as the manifest says; empty where it does not
	Size      int64  // bytes stored

	blob   *io.SectionReader // the stored bytes; nil when err is set
	err    error             // why the layer cannot be read at all: foreign without blob, encrypted, missing, bad digest or size in the descriptor
	verify bool
	limits *Limits
	check  func() error // nil, or: has the input changed since it was opened (stat of the opened file: device, inode, size, mtime)? called after reading a layer and by Tar's reader
	hint   string       // media type or file name suffix that claims a compression: checked by content only, mismatch is a warning
	outer  string       // compression of the whole input around a bare layer that was already undone by spooling ("" none): Scan reports it as Compression, and Digest/Size of the layer are then already known
}

// Scanned is what one pass over a layer found.
type Scanned struct {
	Table       *tarfs.Layer    // never nil: what could be read
	Digest      string          // of the blob; computed when verifying, else the one named
	DiffID      string          // of the tar; computed when verifying, else the one named
	Compression string          // none, gzip, zstd, bzip2, xz
	Unpacked    int64           // bytes of the tar
	Warnings    []tarfs.Warning // about the stream: media-type-mismatch, compressed-stream-damaged-tail, diff-id-mismatch …
}

// ScanOptions say how much to do in the pass.
type ScanOptions struct {
	Digests  bool          // of every file's content
	Progress func(n int64) // told of bytes read from the blob, from the scanning goroutine; may be nil
}

// Scan reads the layer once, to its last byte, checks it, and returns its table of contents. On damage the error names the cause
// and what could be read is returned with it.
func (l *Layer) Scan(ctx context.Context, opt ScanOptions) (Scanned, error) { panic("stub") }

// Window returns the memory that the layer's decoder asks for, in bytes: a zstd frame's window; 0 for other compressions.
func (l *Layer) Window() int64 { panic("stub") }

// Tar returns the uncompressed tar from an offset on. It checks no digest; the reader fails if the input changed since Open.
func (l *Layer) Tar(ctx context.Context, offset int64) (io.ReadCloser, error) { panic("stub") }
