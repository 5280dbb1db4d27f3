// Package v1image reads an image that a program holds as a v1.Image of go-containerregistry: from a registry, a daemon
// or an archive, or made in memory.
package v1image

import (
	"context"
	"fmt"
	"io"

	v1 "github.com/google/go-containerregistry/pkg/v1"

	"layup/analyze/source"
	"layup/analyze/source/document"
)

// Kind is the kind of such a source.
const Kind = "v1.Image"

// An Image is a source with one image. Its layers are read as the v1.Image gives them, compressed, and verified.
type Image struct {
	image v1.Image
	name  string // the digest of the manifest
	raw   []byte // manifest
	*source.Graph

	temp source.TempFiles // layers that may be read again
}

// Open reads the manifest. Its digest and that of the config are checked if opt.Verify is set.
func Open(ctx context.Context, image v1.Image, opt source.Options) (*Image, error) {
	raw, err := image.RawManifest()
	if err != nil {
		return nil, fmt.Errorf("manifest: %w", err)
	}
	hash, err := image.Digest()
	if err != nil {
		return nil, fmt.Errorf("digest of the manifest: %w", err)
	}
	mediaType, err := image.MediaType()
	if err != nil {
		return nil, fmt.Errorf("media type of the manifest: %w", err)
	}
	s := &Image{image: image, name: hash.String(), raw: raw, temp: source.TempFiles{Dir: opt.TempDir}}
	s.Graph = &source.Graph{Blobs: s, Opt: &opt}
	top := document.Descriptor{MediaType: string(mediaType), Digest: s.name, Size: int64(len(raw))}
	if err := s.WalkOne(ctx, top, ""); err != nil {
		return nil, err
	}
	source.Number(s.Graph.Entries)
	return s, nil
}

// Kind is v1.Image.
func (*Image) Kind() string { return Kind }

// Name is the digest of the manifest.
func (s *Image) Name() string { return s.name }

// Entries returns the image.
func (s *Image) Entries() []*source.Entry { return s.Graph.Entries }

// Load reads and checks the config, and finds the layers.
func (s *Image) Load(_ context.Context, e *source.Entry) (*source.Image, error) {
	img, err := source.Load(s, e, s.Opt)
	img.Name, img.Remote = s.name, true // perhaps not: nothing says where the layers are
	return img, err
}

// Unreferenced is empty: a v1.Image gives only what its manifest names.
func (*Image) Unreferenced(context.Context) ([]source.Listed, error) { return nil, nil }

// Close closes the layers that were kept.
func (s *Image) Close() error { return s.temp.Close() }

// Document returns the manifest or the config.
func (s *Image) Document(d document.Descriptor, _, limitName string, limit int64) ([]byte, error) {
	doc := s.raw
	if d.Digest != s.name {
		var err error
		if doc, err = s.image.RawConfigFile(); err != nil {
			return nil, err
		}
	}
	if err := document.Over(limitName, int64(len(doc)), limit); err != nil {
		return nil, fmt.Errorf("size: %w", err)
	}
	if !s.Opt.Verify {
		return doc, nil
	}
	return doc, d.Match(doc)
}

// Layer returns a blob without reading it.
func (s *Image) Layer(d document.Descriptor) (*source.Blob, error) {
	hash, err := v1.NewHash(d.Digest)
	if err != nil {
		return nil, err
	}
	layer, err := s.image.LayerByDigest(hash)
	if err != nil {
		return nil, err
	}
	return &source.Blob{Bytes: &blob{s, layer, d.Size}}, nil
}

// Has assumes that every blob exists.
func (*Image) Has(string) bool { return true }

// Far is true: reading may cost a request.
func (*Image) Far() bool { return true }

// Missing says that the image does not have a blob.
func (*Image) Missing(digest string) error { return source.MissingBlob(digest) }

// A blob is the compressed content of a layer.
type blob struct {
	image *Image
	layer v1.Layer
	size  int64
}

// Size is what the manifest says.
func (b *blob) Size() int64 { return b.size }

// Open begins to read the layer.
func (b *blob) Open(context.Context) (io.ReadCloser, error) {
	r, err := b.layer.Compressed()
	return &exact{ReadCloser: r, want: b.size}, err
}

// Temp is closed with the image.
func (b *blob) Temp() *source.TempFiles { return &b.image.temp }

// exact reads as many bytes as the manifest says. More or fewer are an error.
type exact struct {
	io.ReadCloser
	want, read int64
}

func (e *exact) Read(p []byte) (int, error) {
	n, err := e.ReadCloser.Read(p)
	e.read += int64(n)
	switch {
	case e.read > e.want:
		return 0, fmt.Errorf("size: want %d bytes, the image gives more", e.want)
	case err == io.EOF && e.read < e.want:
		return 0, fmt.Errorf("size: want %d bytes, the image gives %d", e.want, e.read)
	}
	return n, err
}
