package pull

import (
	"cmp"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"strings"

	"layup/analyze/show"
	"layup/analyze/source/advice"
	"layup/analyze/source/document"
	"layup/analyze/source/pull/layout"
	"layup/analyze/source/registry"
)

// A plan is what a pull will fetch.
type plan struct {
	client *registry.Client
	opt    Options

	entries []*entry
	blobs   map[string]download // by digest
	held    int64               // bytes of documents in memory
	visited int                 // descriptors
	asked   int                 // requests for what is about manifests
}

// An entry is a line of index.json.
type entry struct {
	ref      registry.Reference // without tag and digest if it only refers to another entry and has no tag of its own
	named    bool               // by the user
	desc     document.Descriptor
	platform json.RawMessage    // from the index; nil if it has none
	image    *document.Manifest // nil for an index
	fetched  map[string]string  // media types of the entry's manifests and indexes, by digest
}

// about returns the entry of something that refers to e.
func (e *entry) about(c child) *entry {
	ref := registry.Reference{Host: e.ref.Host, Repository: e.ref.Repository}
	return &entry{ref: ref, desc: c.Descriptor, platform: c.platform, fetched: map[string]string{}}
}

// add plans one reference.
func (p *plan) add(ctx context.Context, name string) error {
	ref, err := parsePulled(name)
	if err != nil {
		return err
	}
	doc, err := p.client.Manifest(ctx, ref)
	if err != nil {
		return err
	}
	desc := document.Descriptor{MediaType: doc.MediaType, Digest: doc.Digest, Size: int64(len(doc.Raw))}
	e := &entry{ref: ref, named: true, desc: desc, fetched: map[string]string{}}
	p.entries = append(p.entries, e)
	if err := p.resolve(ctx, e, doc.Raw); err != nil {
		return err
	}
	if !p.opt.All {
		return nil
	}
	if err := p.addReferrers(ctx, e); err != nil {
		return err
	}
	return p.addAttached(ctx, e)
}

// parsePulled reads the name of an image in a registry.
func parsePulled(name string) (registry.Reference, error) {
	for _, prefix := range []string{"docker://", "registry:"} {
		if rest, ok := strings.CutPrefix(name, prefix); ok {
			ref, err := registry.Parse(rest)
			if err == nil && ref.Repository == "" {
				err = errors.New("names a registry, not an image")
			}
			return ref.Or("latest"), err
		}
	}
	hint := "docker://" + strings.TrimPrefix(show.Shell(name), "docker.io://") + "  names an image in a registry"
	return registry.Reference{}, &advice.Hinted{Err: errors.New("is not in a registry"), Hint: hint}
}

// resolve plans what an entry's document names. If one platform of an index is wanted, its manifest becomes the entry.
func (p *plan) resolve(ctx context.Context, e *entry, raw []byte) error {
	parsed, kind, err := p.parse(e, raw)
	if err != nil {
		return err
	}
	if kind == document.ManifestKind {
		if err := p.image(e, e.desc, raw, parsed); err != nil {
			return err
		}
		return p.fits(ctx, e)
	}
	want, err := p.platform(e, parsed)
	if err != nil {
		return err
	}
	if want == "" {
		return p.walk(ctx, e, e.desc, raw, 0)
	}
	return p.choose(ctx, e, parsed, want)
}

// parse reads an entry's document and notes its media type.
func (p *plan) parse(e *entry, raw []byte) (*document.Document, string, error) {
	parsed, kind, err := document.Parse(raw, e.desc.MediaType, p.opt.Limits.JSONDepth)
	if err != nil {
		return nil, "", fmt.Errorf("%s %s: %w", document.What(e.desc.MediaType), e.desc.Digest, err)
	}
	e.desc.MediaType = mediaTypeOf(parsed, kind, e.desc.MediaType)
	return parsed, kind, nil
}

// mediaTypeOf returns the media type of a document for index.json.
func mediaTypeOf(d *document.Document, kind, said string) string {
	usual := map[string]string{document.IndexKind: document.OCIIndex, document.ManifestKind: document.OCIManifest}[kind]
	return cmp.Or(d.MediaType, said, usual)
}

// hold keeps a document as a blob of the plan.
func (p *plan) hold(e *entry, d document.Descriptor, raw []byte) error {
	if _, there := p.blobs[d.Digest]; there {
		return nil
	}
	if err := document.Hold(&p.held, raw); err != nil {
		return err
	}
	blob := layout.Blob{Digest: d.Digest, Size: int64(len(raw)), Content: raw}
	return p.take(download{Blob: blob, ref: e.ref})
}

// take adds a blob, which costs a request.
func (p *plan) take(b download) error {
	p.blobs[b.Digest] = b
	return p.ask(0)
}

// ask counts more requests, beside one for each blob.
func (p *plan) ask(more int) error {
	p.asked += more
	return document.Over(document.LimitRequests, p.asked+len(p.blobs), p.opt.Limits.Requests)
}

// walk plans an index and everything that it names: images, and with All attestations.
func (p *plan) walk(ctx context.Context, e *entry, d document.Descriptor, raw []byte, depth int) error {
	parsed, kind, err := document.Parse(raw, d.MediaType, p.opt.Limits.JSONDepth)
	if err != nil {
		return fmt.Errorf("%s %s: %w", document.What(d.MediaType), d.Digest, err)
	}
	if kind == document.ManifestKind {
		return p.image(e, d, raw, parsed)
	}
	if err := document.Over(document.LimitIndexDepth, depth, p.opt.Limits.IndexDepth); err != nil {
		return err
	}
	if err := p.hold(e, d, raw); err != nil {
		return err
	}
	e.fetched[d.Digest] = d.MediaType
	children, err := p.children(d, parsed)
	if err != nil {
		return err
	}
	for _, child := range children {
		if _, done := e.fetched[child.Digest]; done || !p.opt.All && child.Descriptor.IsAttestation() {
			continue
		}
		raw, err := p.document(ctx, e, child.Descriptor)
		if err != nil {
			return err
		}
		if raw == nil {
			continue
		}
		if err := p.walk(ctx, e, child.Descriptor, raw, depth+1); err != nil {
			return err
		}
	}
	return nil
}

// A child is a manifest or index that an index lists.
type child struct {
	document.Descriptor
	platform json.RawMessage
}

// children reads the descriptors of an index.
func (p *plan) children(d document.Descriptor, parsed *document.Document) ([]child, error) {
	list, err := parsed.Children()
	if err != nil {
		return nil, fmt.Errorf("index %s: %w", d.Digest, err)
	}
	p.visited += len(list)
	if err := document.Over(document.LimitDescriptors, p.visited, p.opt.Limits.Descriptors); err != nil {
		return nil, err
	}
	var children []child
	for i, raw := range list {
		desc, err := document.ParseDescriptor(raw)
		if err != nil {
			return nil, fmt.Errorf("index %s: manifests[%d]: %w", d.Digest, i, err)
		}
		var as struct{ Platform json.RawMessage }
		if err := json.Unmarshal(raw, &as); err != nil {
			return nil, fmt.Errorf("index %s: manifests[%d]: %w", d.Digest, i, document.Typed(err))
		}
		if !document.Present(as.Platform) {
			as.Platform = nil
		}
		children = append(children, child{desc, as.Platform})
	}
	return children, nil
}

// document fetches a manifest or an index that another document names; nil if it is neither.
func (p *plan) document(ctx context.Context, e *entry, d document.Descriptor) ([]byte, error) {
	if held, there := p.blobs[d.Digest]; there && held.Content != nil {
		return held.Content, nil
	}
	if d.MediaType != "" && document.KindOf(d.MediaType) == "" {
		p.note(fmt.Sprintf("left out: %s is not a manifest but of type %s", d.Digest, show.Cut(d.MediaType)))
		return nil, nil
	}
	if err := document.Over(document.LimitManifest, d.Size, p.opt.Limits.Manifest); err != nil {
		return nil, fmt.Errorf("manifest %s: size: %w", d.Digest, err)
	}
	doc, err := p.client.Manifest(ctx, e.ref.At(d.Digest))
	if err != nil {
		return nil, err
	}
	if err := d.MatchSize(int64(len(doc.Raw))); err != nil {
		return nil, fmt.Errorf("manifest %s: %w", d.Digest, err)
	}
	return doc.Raw, nil
}

// image plans a manifest with its config and layers.
func (p *plan) image(e *entry, d document.Descriptor, raw []byte, parsed *document.Document) error {
	m, err := document.NewManifest(parsed, raw, &p.opt.Limits)
	if err == nil {
		err = document.Over(document.LimitConfig, m.Config.Size, p.opt.Limits.Config)
	}
	if err == nil {
		err = p.hold(e, d, raw)
	}
	for i := 0; err == nil && i < len(m.Layers); i++ {
		if err = m.Layers[i].Err; err == nil {
			err = p.want(e, m.Layers[i].Descriptor)
		}
		if err != nil {
			err = fmt.Errorf("layer %d: %w", i, err)
		}
	}
	if err == nil {
		err = p.want(e, m.Config)
	}
	if err != nil {
		return fmt.Errorf("manifest %s: %w", d.Digest, err)
	}
	e.fetched[d.Digest] = d.MediaType
	if d.Digest == e.desc.Digest {
		e.image = m
	}
	return nil
}

// want plans a blob.
func (p *plan) want(e *entry, d document.Descriptor) error {
	before, there := p.blobs[d.Digest]
	if there && before.Size != d.Size {
		return fmt.Errorf("blob %s: one document says it has %d bytes, another %d", d.Digest, before.Size, d.Size)
	}
	if there {
		return nil
	}
	return p.take(download{Blob: layout.Blob{Digest: d.Digest, Size: d.Size}, ref: e.ref, foreign: d.Foreign()})
}
