package source

import (
	"context"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"sync"
	"time"

	"layup/analyze/show"
	"layup/analyze/source/document"
	"layup/analyze/source/registry"
	"layup/tarfs"
)

// openRegistry opens what docker://REF names. A reference without tag and digest is :latest, but a list of tags where the question is what there is.
func openRegistry(ctx context.Context, a *Archive, rest string) error {
	ref, err := registry.Parse(rest)
	if err != nil {
		return fromRegistry(err)
	}
	opt := a.opt.Registry
	opt.MaxManifest = a.opt.Limits.Manifest
	client, err := registry.New(opt)
	if err != nil {
		return err
	}
	a.Kind = kindRegistry
	a.closers = append(a.closers, client.Close)
	r := &repository{ctx: ctx, client: client, ref: ref, opt: &a.opt, documents: map[string][]byte{}}
	a.shelf = r
	a.closers = append(a.closers, r.close)
	switch {
	case a.opt.List && !ref.Named():
		a.listing = r
		return nil
	case ref.Repository == "":
		return &Hinted{Err: errors.New("names a registry, no image in it"), Hint: "layup images " + show.Shell(a.Name) + "  lists its repositories, where it has a catalogue"}
	}
	r.ref = ref.Or("latest")
	return r.readImages(ctx, a)
}

// A repository is one of a registry: a shelf whose blobs are fetched.
type repository struct {
	ctx    context.Context // of Open: reading goes on for as long as the archive is open
	client *registry.Client
	ref    registry.Reference
	opt    *Options

	top       string            // digest of what the reference names
	documents map[string][]byte // by digest: manifests that were fetched already
	held      int64             // their bytes

	mu   sync.Mutex
	kept []*os.File // layers that may be read once more
}

// readImages asks for the manifest and finds the images that it reaches.
func (r *repository) readImages(ctx context.Context, a *Archive) error {
	doc, err := r.client.Manifest(r.ctx, r.ref)
	if err != nil {
		return fromRegistry(err)
	}
	if doc.MediaType == "" {
		a.warnings = append(a.warnings, tarfs.Warning{Code: ManifestTypeMissing, Layer: tarfs.NoLayer})
	}
	r.documents[doc.Digest], r.top = doc.Raw, doc.Digest
	top := document.Descriptor{MediaType: doc.MediaType, Digest: doc.Digest, Size: int64(len(doc.Raw))}
	w := &indexWalk{ctx: ctx, a: a, visited: map[string]bool{}, listed: map[listedAs]*candidate{}, refs: []string{r.ref.String()}, aliases: []string{doc.Digest}}
	return w.visit(top, 0)
}

// document fetches what a verified document names, each once.
func (r *repository) document(d document.Descriptor, what, limitName string, limit int64) ([]byte, error) {
	if err := document.Over(limitName, d.Size, limit); err != nil {
		return nil, fmt.Errorf("size: %w", err)
	}
	if doc := r.documents[d.Digest]; doc != nil {
		return doc, d.Match(doc)
	}
	doc, err := r.fetch(d, what)
	if err != nil {
		return nil, fromRegistry(err)
	}
	if err := d.Match(doc); err != nil {
		return nil, fmt.Errorf("%s: %w", r.ref, err)
	}
	if document.Hold(&r.held, len(doc)) == nil {
		r.documents[d.Digest] = doc
	}
	return doc, nil
}

func (r *repository) fetch(d document.Descriptor, what string) ([]byte, error) {
	if what == "config" {
		return r.client.Bytes(r.ctx, r.ref, registry.Descriptor{Digest: d.Digest, Size: d.Size}, d.Size)
	}
	doc, err := r.client.Manifest(r.ctx, r.ref.At(d.Digest))
	if err != nil {
		return nil, err
	}
	return doc.Raw, nil
}

func (r *repository) layer(d document.Descriptor) (blob, func() error, error) {
	return &farBlob{repository: r, descriptor: d}, nil, nil
}

func (*repository) has(string) bool { return true }

func (*repository) far() bool { return true }

func (r *repository) close() error {
	r.mu.Lock()
	defer r.mu.Unlock()
	var errs []error
	for _, file := range r.kept {
		errs = append(errs, file.Close())
	}
	r.kept = nil
	return errors.Join(errs...)
}

// A farBlob is a layer in a registry.
type farBlob struct {
	*repository
	descriptor document.Descriptor
}

// Size is what the manifest says; neither more nor fewer bytes come.
func (b *farBlob) Size() int64 { return b.descriptor.Size }

func (b *farBlob) open(ctx context.Context) (io.ReadCloser, error) {
	s, err := b.client.Stream(ctx, b.ref, registry.Descriptor{Digest: b.descriptor.Digest, Size: b.descriptor.Size}, 0)
	if registry.NotFound(err) && b.descriptor.Foreign() {
		return nil, fmt.Errorf("is a foreign layer: its content is not in the registry, and its URLs are not followed: %w", err)
	}
	if err != nil {
		return nil, fromRegistry(err)
	}
	return s, nil
}

func (b *farBlob) keep(file *os.File) {
	b.mu.Lock()
	defer b.mu.Unlock()
	b.kept = append(b.kept, file)
}

func (b *farBlob) tempDir() string { return b.opt.TempDir }

// fromRegistry adds what the client advises, and lets what a registry does not have be fs.ErrNotExist.
func fromRegistry(err error) error {
	if registry.NotFound(err) {
		err = absentThere{err}
	}
	return registry.Advised(err)
}

type absentThere struct{ error }

func (e absentThere) Unwrap() error      { return e.error }
func (absentThere) Is(target error) bool { return target == fs.ErrNotExist }

// Timing returns the limits for the network as a registry's client takes them.
func Timing(l *document.Limits) registry.Timing {
	const most = 1 << 20 // twelve days of seconds stand for no limit
	or := func(n int) int {
		if n <= 0 || n > most {
			return most
		}
		return n
	}
	return registry.Timing{
		Headers:    time.Duration(or(l.HTTPHeaders)) * time.Second,
		Stall:      time.Duration(or(l.HTTPStall)) * time.Second,
		RetryAfter: time.Duration(or(l.HTTPRetryAfter)) * time.Second,
		Tries:      or(l.HTTPTries),
		Redirects:  or(l.HTTPRedirects),
	}
}
