// Package repository reads images from a registry: a repository's tags, manifests, layers, and what refers to them.
package repository

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"time"

	"layup/analyze/cache"
	"layup/analyze/digest"
	"layup/analyze/show"
	"layup/analyze/source"
	"layup/analyze/source/advice"
	"layup/analyze/source/document"
	"layup/analyze/source/registry"
	"layup/tarfs"
)

// Kind is the kind of such a source.
const Kind = "registry"

// Options say how a repository is read.
type Options struct {
	Client registry.Options // its MaxManifest is that of the limits
	List   bool             // the question is what there is: a name without a tag means its tags, not :latest
	Detail bool             // with List: what each tag holds, not only its name
	TOC    bool             // of lazy layers read the builder's table of contents alone
}

// A Repository is one of a registry: its blobs are fetched.
type Repository struct {
	ctx    context.Context // of Open: it bounds all reading until Close
	client *registry.Client
	ref    registry.Reference
	name   string // as the user named it
	opt    Options
	*source.Graph

	top       string            // digest that the reference names; empty if tags or repositories are listed
	documents map[string][]byte // by digest: manifests, indexes and configs that were fetched
	held      int64             // their bytes
	warnings  []tarfs.Warning   // for each image

	temp source.TempFiles // layers that may be read again
}

// newRepository makes a repository that has read nothing yet.
func newRepository(ctx context.Context, client *registry.Client, ref registry.Reference, name string,
	base *source.Options, opt Options) *Repository {
	r := &Repository{ctx: ctx, client: client, ref: ref, name: name, opt: opt, documents: map[string][]byte{},
		temp: source.TempFiles{Dir: base.TempDir}}
	r.Graph = &source.Graph{Blobs: r, Opt: base}
	return r
}

// Open opens what docker://REF names; rest follows the prefix. A reference without tag and digest is :latest, but a
// list of tags if the question is what there is. Errors do not begin with the name.
func Open(ctx context.Context, name, rest string, base *source.Options, opt Options) (*Repository, error) {
	ref, err := registry.Parse(rest)
	if err != nil {
		return nil, fromRegistry(err)
	}
	opt.Client.MaxManifest = base.Limits.Manifest
	client, err := registry.New(opt.Client)
	if err != nil {
		return nil, err
	}
	r := newRepository(ctx, client, ref, name, base, opt)
	switch {
	case opt.List && !ref.Named():
		return r, nil
	case ref.Repository == "":
		err = &advice.Hinted{Err: errors.New("names a registry, not an image in it"),
			Hint: "layup images " + show.Shell(name) + "  lists its repositories, if it has a catalogue"}
	default:
		r.ref = ref.Or("latest")
		err = r.readImages(ctx)
	}
	if err != nil {
		return nil, errors.Join(err, r.Close())
	}
	return r, nil
}

// readImages asks for the manifest and finds the images that it reaches.
func (r *Repository) readImages(ctx context.Context) error {
	doc, err := r.manifest()
	if err != nil {
		return fromRegistry(err)
	}
	if doc.MediaType == "" {
		r.warnings = append(r.warnings, tarfs.Warning{Code: source.ManifestTypeMissing, Layer: tarfs.NoLayer})
	}
	r.documents[doc.Digest], r.top = doc.Raw, doc.Digest
	top := document.Descriptor{MediaType: doc.MediaType, Digest: doc.Digest, Size: int64(len(doc.Raw))}
	err = r.WalkOne(ctx, top, r.ref.String())
	source.Number(r.Graph.Entries)
	return err
}

// Kind is registry.
func (*Repository) Kind() string { return Kind }

// Entries returns the images that the reference reaches; none if tags or repositories are listed.
func (r *Repository) Entries() []*source.Entry { return r.Graph.Entries }

// Load fetches the config and finds the layers.
func (r *Repository) Load(_ context.Context, e *source.Entry) (*source.Image, error) {
	img, err := source.Load(r, e, r.Opt)
	img.Name, img.Remote = r.name, true
	if err != nil {
		return img, err
	}
	img.RepoDigests = []string{document.Familiar(r.ref.At(r.top).String())}
	img.Warnings = append(r.warnings[:len(r.warnings):len(r.warnings)], img.Warnings...)
	for _, l := range img.Layers {
		if blob, ok := l.Content.(*source.Blob); ok && r.opt.TOC {
			l.Content = withTOC(blob)
		}
	}
	return img, nil
}

// Document fetches what a verified document names, each once. What is a kind of document, or says which blob it is.
func (r *Repository) Document(d document.Descriptor, what, limitName string, limit int64) ([]byte, error) {
	if err := document.Over(limitName, d.Size, limit); err != nil {
		return nil, fmt.Errorf("size: %w", err)
	}
	if doc := r.documents[d.Digest]; doc != nil {
		return doc, d.Match(doc)
	}
	doc, known := r.known().Get(kindDocument, d.Digest)
	if !known || d.Match(doc) != nil {
		var err error
		if doc, err = r.fetch(d, what); err != nil {
			return nil, fromRegistry(err)
		}
		if err := d.Match(doc); err != nil {
			return nil, fmt.Errorf("%s: %w", r.ref, err)
		}
		r.known().Put(kindDocument, d.Digest, what+" "+d.Digest, doc)
	}
	if document.Hold(&r.held, doc) == nil {
		r.documents[d.Digest] = doc
	}
	return doc, nil
}

// The kinds of documents in the cache: by digest, the second with their media types.
const (
	kindDocument = "document"
	kindManifest = "manifest"
)

// known is the cache; nil if none is used.
func (r *Repository) known() *cache.Cache {
	if r.Opt.Audit != nil || !r.Opt.Verify {
		return nil
	}
	return r.Opt.Cache
}

// manifest asks for what the reference names. If no registry may be asked, a digest names a document of the cache.
func (r *Repository) manifest() (*registry.Document, error) {
	named := r.ref.Digest
	if r.opt.Client.Offline && named != "" {
		if raw, ok := r.known().Get(kindManifest, named); ok {
			mediaType, doc, _ := bytes.Cut(raw, []byte("\n"))
			if digest.Match(doc, named) == nil {
				return &registry.Document{Raw: doc, MediaType: string(mediaType), Digest: named}, nil
			}
		}
	}
	doc, err := r.client.Manifest(r.ctx, r.ref)
	if err != nil {
		return doc, err
	}
	text := append([]byte(doc.MediaType+"\n"), doc.Raw...)
	if kept, ok := r.known().Get(kindManifest, doc.Digest); !ok || !bytes.Equal(kept, text) {
		r.known().Put(kindManifest, doc.Digest, "manifest "+doc.Digest, text)
	}
	return doc, nil
}

func (r *Repository) fetch(d document.Descriptor, what string) ([]byte, error) {
	if what != document.IndexKind && what != document.ManifestKind {
		return r.client.Bytes(r.ctx, r.ref, registry.Descriptor{Digest: d.Digest, Size: d.Size}, d.Size)
	}
	doc, err := r.client.Manifest(r.ctx, r.ref.At(d.Digest))
	if err != nil {
		return nil, err
	}
	return doc.Raw, nil
}

// Layer returns a blob that is fetched when it is read.
func (r *Repository) Layer(d document.Descriptor) (*source.Blob, error) {
	return &source.Blob{Bytes: &farBlob{repository: r, descriptor: d}}, nil
}

// Has is true: asking costs a request.
func (*Repository) Has(string) bool { return true }

// Far is true.
func (*Repository) Far() bool { return true }

// Missing says that the registry does not have a blob.
func (*Repository) Missing(digest string) error { return source.MissingBlob(digest) }

// Close ends the reading of all images.
func (r *Repository) Close() error {
	return errors.Join(r.client.Close(), r.temp.Close())
}

// A farBlob is a layer in a registry.
type farBlob struct {
	repository *Repository
	descriptor document.Descriptor
}

// Size is what the manifest says; neither more nor fewer bytes come.
func (b *farBlob) Size() int64 { return b.descriptor.Size }

// Open begins to fetch the layer.
func (b *farBlob) Open(ctx context.Context) (io.ReadCloser, error) {
	r, d := b.repository, b.descriptor
	s, err := r.client.Stream(ctx, r.ref, registry.Descriptor{Digest: d.Digest, Size: d.Size}, 0)
	if registry.NotFound(err) && d.Foreign() {
		const message = "is a foreign layer: its content is not in the registry, and its URLs are not followed"
		return nil, fmt.Errorf("%s: %w", message, err)
	}
	if err != nil {
		return nil, fromRegistry(err)
	}
	return s, nil
}

// From fetches the bytes from an offset on in parts, each when it is needed.
func (b *farBlob) From(ctx context.Context, offset int64) (io.ReadCloser, error) {
	if offset == 0 {
		return b.Open(ctx)
	}
	return &parts{ctx: ctx, blob: b, at: offset}, nil
}

// Temp is closed with the repository.
func (b *farBlob) Temp() *source.TempFiles { return &b.repository.temp }

// fromRegistry adds what the client advises. What a registry does not have is fs.ErrNotExist.
func fromRegistry(err error) error {
	if registry.NotFound(err) {
		err = absent{err}
	}
	return registry.Advised(err)
}

type absent struct{ error }

func (e absent) Unwrap() error      { return e.error }
func (absent) Is(target error) bool { return target == fs.ErrNotExist }

// Timing returns the limits for the network as a registry's client takes them.
func Timing(l *document.Limits) registry.Timing {
	const most = 1 << 20 // twelve days of seconds stand for no limit
	or := func(n int) int {
		if n <= 0 || n > most {
			return most
		}
		return n
	}
	seconds := func(n int) time.Duration { return time.Duration(or(n)) * time.Second }
	return registry.Timing{
		Headers: seconds(l.HTTPHeaders), Stall: seconds(l.HTTPStall), RetryAfter: seconds(l.HTTPRetryAfter),
		Tries: or(l.HTTPTries), Redirects: or(l.HTTPRedirects),
	}
}
