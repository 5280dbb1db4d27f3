package tree

import (
	"bufio"
	"context"
	"errors"
	"fmt"
	"io"
	"io/fs"

	"layup/analyze/source"
	"layup/analyze/source/document"
	"layup/analyze/source/store"
)

// Blobs are the blobs on the disk of a store, each a file. They are a source.Blobs.
type Blobs struct {
	Files store.Files
	place func(digest string) string
	opt   *source.Options
	temp  source.TempFiles // blobs of a compressed tar that may be read again
}

// NewBlobs returns the blobs among the files of a store. Place returns the file of a digest, which is valid.
func NewBlobs(files store.Files, place func(digest string) string, opt *source.Options) *Blobs {
	return &Blobs{Files: files, place: place, opt: opt, temp: source.TempFiles{Dir: opt.TempDir}}
}

// Document reads a blob that is JSON.
func (b *Blobs) Document(d document.Descriptor, _, limitName string, limit int64) ([]byte, error) {
	if err := document.Over(limitName, d.Size, limit); err != nil {
		return nil, fmt.Errorf("size: %w", err)
	}
	doc, err := store.ReadFile(b.Files, b.place(d.Digest), limit)
	if err != nil || !b.opt.Verify {
		return doc, absent(err)
	}
	return doc, d.Match(doc)
}

// absent makes what is not in the store a blob that is missing.
func absent(err error) error {
	if errors.Is(err, fs.ErrNotExist) {
		return fs.ErrNotExist
	}
	return err
}

// Layer opens a blob.
func (b *Blobs) Layer(d document.Descriptor) (*source.Blob, error) {
	file, err := b.Files.Open(b.place(d.Digest))
	if err != nil {
		return nil, absent(err)
	}
	if at, ok := file.(source.Bytes); ok { // it is open until another file needs the room, or the store is closed
		return &source.Blob{Bytes: at}, nil
	}
	size, err := b.Size(d.Digest)
	return &source.Blob{Bytes: &stream{b, d.Digest, size}}, errors.Join(err, file.Close())
}

// Size returns how many bytes a blob has.
func (b *Blobs) Size(digest string) (int64, error) {
	info, err := b.Files.Stat(b.place(digest))
	return info.Size, absent(err)
}

// Has reports whether a blob is there.
func (b *Blobs) Has(digest string) bool {
	_, err := b.Size(digest)
	return err == nil
}

// Far is false: reading a blob costs no request.
func (*Blobs) Far() bool { return false }

// Missing says that a blob is not on the disk.
func (*Blobs) Missing(digest string) error { return source.MissingBlob(digest) }

// Close closes the files that hold streamed blobs.
func (b *Blobs) Close() error { return b.temp.Close() }

// A stream is a blob in a compressed tar of the store.
type stream struct {
	blobs  *Blobs
	digest string
	size   int64
}

func (s *stream) Size() int64 { return s.size }

// Open reads the blob from its beginning.
func (s *stream) Open(context.Context) (io.ReadCloser, error) {
	body, err := s.blobs.Files.Open(s.blobs.place(s.digest))
	if err != nil {
		return nil, err
	}
	return struct {
		io.Reader
		io.Closer
	}{bufio.NewReader(body), body}, nil
}

// Temp is closed with the blobs.
func (s *stream) Temp() *source.TempFiles { return &s.blobs.temp }
