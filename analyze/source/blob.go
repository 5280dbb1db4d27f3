package source

import (
	"bufio"
	"cmp"
	"context"
	"errors"
	"fmt"
	"io"
	"math"
	"os"
	"strings"
	"sync/atomic"

	"layup/analyze/source/decode"
	"layup/analyze/source/document"
	"layup/tarfs"
)

// Bytes are the stored bytes of a layer. They are also either an io.ReaderAt, if they lie in a file, or Streamed.
type Bytes interface{ Size() int64 }

// Streamed bytes are read once, from the first to the last.
type Streamed interface {
	Bytes
	// Open begins to fetch the bytes.
	Open(ctx context.Context) (io.ReadCloser, error)
	// Temp is where the source keeps the bytes if they are read again.
	Temp() *TempFiles
}

// A Blob is a layer's content as one piece: a tar, perhaps compressed.
type Blob struct {
	Bytes Bytes
	Check func() error // called after reading: an error if the input changed since it was opened; may be nil
	Hint  string       // media type that claims a compression; a mismatch with the content is a warning
	// Outer is the compression around the whole input, of a bare layer that was decompressed when it was opened; else
	// empty. The layer's digest and size are then those of the compressed input.
	Outer string
	// File is the header of the tar that is made of the blob, which is the only file there; nil if the blob is a tar.
	File []byte

	recalled bool                       // a cache knows what an earlier pass found
	plain    bool                       // that it is not compressed
	placed   atomic.Bool                // Placed was true
	own      *io.SectionReader          // the tar, in a temporary file; nil if a pass was not asked to keep it
	points   func() *decode.Checkpoints // that the cache has of the stream; nil if there are none
}

// errNotKept says that a layer was fetched only for its list of files.
var errNotKept = errors.New("its bytes were not kept when it was fetched")

// Scan reads the blob once.
func (b *Blob) Scan(ctx context.Context, l *Layer, opt ScanOptions) (Scanned, error) {
	k := b.known(l)
	if opt.Tags != nil && opt.Digests {
		k = nil // tags do not outlive the process, and nothing has them
	}
	if found, ok := b.recall(k, l, &opt); ok {
		return found, nil
	}
	if !l.Verify {
		k = nil // what was not verified is not remembered
	}
	asked := opt.variant()
	k.ask(&opt)
	p := &pass{ctx: ctx, layer: l, from: b, opt: opt, known: k}
	p.out.Table, p.out.Digest, p.out.DiffID = new(tarfs.Layer), l.Digest, l.DiffID
	err := p.keepTar(p.keep(p.run()))
	defer p.points.Discard() // unless it is remembered
	if p.hashes != nil {
		p.hashes.Wait()
	}
	switch {
	case err == nil && p.erofs:
		err = p.scanImage()
	case err == nil:
		k.remember(l, &opt, &p.out, p.points)
		if l.Cache != nil && l.Verify && l.Kept == nil && cmp.Or(l.Digest, l.DiffID) != "" {
			p.out.Named = b.named(l)
		}
	}
	if !asked.Digests && opt.Digests {
		p.out.Table = p.out.Table.Without(true, false)
	}
	return p.out, err
}

// Stored returns the size of the blob. For a compressed bare layer it is the size after decompression.
func (b *Blob) Stored() int64 { return b.Bytes.Size() }

// Same tells blobs apart by their digests, and files made of them by their names.
func (b *Blob) Same() string { return "blob" + string(b.File) }

// Place tells blobs without digests apart by where they lie in a file; it is empty if that is unknown.
func (b *Blob) Place() string {
	section, ok := b.Bytes.(*io.SectionReader)
	if !ok {
		return ""
	}
	file, offset, size := outermost(section)
	if _, ok := file.(*os.File); !ok {
		return ""
	}
	return fmt.Sprintf("%p %d %d %s %s", file, offset, size, b.Hint, b.Outer)
}

// Placed reports whether the blob lies in a file and is not compressed, or its tar is kept.
func (b *Blob) Placed() bool {
	if b.own != nil || b.placed.Load() {
		return true
	}
	section, head, err := b.section()
	placed := err == nil && section != nil && b.sniff(head) == decode.None && !b.isImage(context.Background(), nil)
	b.placed.Store(placed)
	return placed
}

// sniff returns the compression to undo, or "" if the content is not a tar.
func (b *Blob) sniff(head []byte) string {
	if b.File != nil {
		return decode.None
	}
	return decode.Sniff(head, b.Bytes.Size())
}

// section returns the bytes that lie in a file, and the first of them; nil for streamed bytes.
func (b *Blob) section() (*io.SectionReader, []byte, error) {
	at, placed := b.Bytes.(io.ReaderAt)
	if !placed {
		return nil, nil, nil
	}
	section := io.NewSectionReader(at, 0, b.Bytes.Size())
	head := make([]byte, min(decode.HeadSize, section.Size()))
	if _, err := section.ReadAt(head, 0); err != nil && err != io.EOF {
		return nil, nil, err
	}
	return section, head, nil
}

// Window returns the window that the frames of zstd ask for. For xz and for streamed zstd it is what the limits allow.
func (b *Blob) Window(l *Layer) int64 {
	section, head, err := b.section()
	switch {
	case err != nil:
		return 0
	case section == nil:
		return l.streamWindow()
	}
	switch b.sniff(head) {
	case decode.Zstd:
		return decode.ZstdWindow(NewHeaderReader(context.Background(), section, section.Size()), l.mostWindow())
	case decode.Xz:
		return l.mostWindow()
	}
	return 0
}

// mostWindow returns what a decoder may ask for, in bytes.
func (l *Layer) mostWindow() int64 { return cmp.Or(l.Limits.Window, math.MaxInt64) }

// streamWindow returns what the decoder of a streamed layer may ask for, if its media type names zstd.
func (l *Layer) streamWindow() int64 {
	if strings.Contains(l.MediaType, decode.Zstd) {
		return l.mostWindow()
	}
	return 0
}

// Reserve asks for the memory of a decoder that the media type of a streamed layer did not announce.
func (l *Layer) Reserve(opt *ScanOptions) {
	if n := l.mostWindow() - l.streamWindow(); n > 0 && opt.Reserve != nil {
		opt.Reserve(n)
	}
}

// Tar returns the uncompressed tar from an offset on, unless the bytes were streamed and not kept.
func (b *Blob) Tar(ctx context.Context, l *Layer, offset int64) (io.ReadCloser, error) {
	if b.Placed() {
		return b.tarAt(ctx, offset)
	}
	section, head, err := b.section()
	switch {
	case err != nil:
		return nil, err
	case section == nil && b.recalled:
		return b.far(ctx, l, offset)
	case section == nil:
		return nil, errNotKept
	}
	if b.isImage(ctx, l) {
		return b.openImage(ctx, l, offset)
	}
	t := &tarReader{check: b.Check}
	compression := b.sniff(head)
	if compression == "" {
		return nil, errNoTar
	}
	if p, ok := b.before(offset); ok {
		section = io.NewSectionReader(section, p.In, section.Size()-p.In)
		return t, b.resume(ctx, t, section, p, offset, l.Limits)
	}
	if err := t.decompress(ctx, section, compression, l.Limits); err != nil {
		return nil, err
	}
	return t, t.skip(offset)
}

// tarAt is Tar of a blob that is placed.
func (b *Blob) tarAt(ctx context.Context, offset int64) (t *tarReader, err error) {
	var at io.ReaderAt
	if t = new(tarReader); b.own != nil {
		at = b.own
	} else {
		at, t.check = b.Bytes.(io.ReaderAt), b.Check
	}
	section := io.NewSectionReader(at, 0, at.(Bytes).Size())
	blob := &blobReader{ctx: ctx, src: section, size: section.Size()}
	if b.File != nil {
		t.src, err = b.tarFrom(blob, section, offset)
		return t, err
	}
	blob.read, err = section.Seek(min(offset, blob.size), io.SeekStart)
	t.src = blob
	return t, err
}

// Decompress undoes one compression of a stream and counts the bytes against the limits.
func Decompress(ctx context.Context, src *io.SectionReader, compression string, o *Options) (io.ReadCloser, error) {
	t := new(tarReader)
	return t, t.decompress(ctx, src, compression, &o.Limits)
}

// A tarReader is a part of a layer's tar. Its end and its Close tell whether the input changed meanwhile.
type tarReader struct {
	src     io.Reader
	decoder decode.Decoder // nil if the layer is not compressed
	check   func() error   // may be nil
	body    io.Closer      // of a request; nil if the layer is here
}

func (t *tarReader) decompress(ctx context.Context, src *io.SectionReader, compression string,
	limits *document.Limits) (err error) {
	blob := &blobReader{ctx: ctx, src: src, size: src.Size()}
	t.decoder, err = decode.New(bufio.NewReaderSize(blob, blobBuffer), compression, limits.Window)
	t.src = &meter{ctx: ctx, src: t.decoder, blob: blob, limits: limits}
	return err
}

func (t *tarReader) Read(p []byte) (int, error) {
	n, err := t.src.Read(p)
	if err == io.EOF && t.check != nil {
		if changed := t.check(); changed != nil {
			return n, changed
		}
	}
	return n, err
}

func (t *tarReader) Close() error {
	var err error
	if t.check != nil {
		err = t.check()
	}
	if t.decoder != nil {
		err = errors.Join(err, t.decoder.Close())
	}
	if t.body != nil {
		err = errors.Join(err, t.body.Close())
	}
	return err
}
