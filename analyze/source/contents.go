package source

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"math"
	"time"

	"layup/analyze/digest"
	"layup/analyze/show"
	"layup/analyze/source/document"
)

// A Listed is a thing that an archive holds. An image that has several references is listed once for each.
type Listed struct {
	Kind      string // image, container, attestation, artifact (what a manifest describes and is no container image), blob (that nothing refers to); of a registry also repository, tag, referrer
	Number    int    // of an image: N in --image @N, from 0; -1 for others
	Reference string // empty where there is none
	Digest    string // of the manifest, or of the config where there is no manifest, or of the compressed layer; empty if unknown
	Platform  string // os/arch[/variant]
	Size      int64  // bytes stored: config, manifest and layers; of a blob itself; -1 unknown
	Created   string // RFC 3339, as the config says; empty if unknown
	Missing   bool   // named by an index, but not in the archive
	Type      string // of a referrer: its artifactType, if its registry says
	Subject   string // of a referrer: the digest it refers to

	Container *Container // of an engine's store; nil for an image
	Directory string     // likewise: where the engine keeps the topmost layer; of a container the one that it writes to
}

// Contents lists what the archive holds.
func (a *Archive) Contents(ctx context.Context) ([]Listed, error) {
	if a.listing != nil {
		list, err := a.listing.contents(ctx, a)
		return list, a.named(err)
	}
	list, err := a.listImages(ctx)
	if err != nil {
		return nil, err
	}
	if a.store != nil {
		list = append(list, a.unreferenced()...)
	}
	if r, ok := a.shelf.(*repository); ok {
		referrers, err := r.referrers(ctx, a)
		return append(list, referrers...), a.named(err)
	}
	return list, nil
}

// named begins an error with the archive's name.
func (a *Archive) named(err error) error {
	if err == nil {
		return nil
	}
	return fmt.Errorf("%s: %w", show.Safe(a.Name), err)
}

// listImages lists what documents name.
func (a *Archive) listImages(ctx context.Context) ([]Listed, error) {
	var list []Listed
	for _, c := range a.images {
		if c.intermediate {
			continue
		}
		if err := ctx.Err(); err != nil {
			return nil, err
		}
		item, err := a.list(ctx, c)
		if err != nil {
			return nil, fmt.Errorf("%s: %w", show.Safe(a.Name), a.whichOf(c, err))
		}
		if len(c.refs) == 0 {
			list = append(list, item)
		}
		for _, ref := range c.refs {
			item.Reference = ref
			list = append(list, item)
		}
	}
	return list, nil
}

// list describes one candidate. Only what is there but wrong is an error.
func (a *Archive) list(ctx context.Context, c *candidate) (Listed, error) {
	if _, ok := c.form.(storeForm); ok {
		return a.listStored(ctx, c)
	}
	item := Listed{Kind: c.kind, Number: c.number, Digest: c.manifest.Digest, Size: -1, Missing: c.absent, Platform: c.named.String()}
	if c.kind == kindAttestation || c.kind == kindArtifact {
		if c.desc == nil && c.err == nil && !c.absent { // it was not needed so far
			item.Missing = errors.Is(a.readManifest(c), fs.ErrNotExist)
		}
		item.Size = c.storedSize()
		return item, nil
	}
	if c.absent {
		return item, nil
	}
	img, err := a.load(c)
	if errors.Is(err, fs.ErrNotExist) && (c.desc != nil || a.shelf.far()) {
		item.Missing = true
		return item, nil
	}
	if err != nil {
		return item, err
	}
	if img.Config == nil {
		item.Digest, item.Size = img.Layers[0].Digest, img.Layers[0].Size
		return item, nil
	}
	if item.Digest == "" {
		item.Digest = img.ID
	}
	item.Platform = img.Platform
	if created := img.ConfigFile.Created.Time; !created.IsZero() {
		item.Created = created.UTC().Format(time.RFC3339Nano)
	}
	if n := len(img.Layers); n > 0 {
		item.Directory = img.Layers[n-1].Directory
	}
	item.Size = int64(len(img.Config)) + int64(len(img.Manifest)) + storedLayers(img.Layers)
	return item, nil
}

// storedSize adds up what a manifest names; -1 where it could not be read.
func (c *candidate) storedSize() int64 {
	if c.desc == nil {
		return -1
	}
	size := int64(len(c.desc.Raw))
	for _, l := range append([]document.Ref{{Descriptor: c.desc.Config}}, c.desc.Layers...) {
		if l.Size > math.MaxInt64-size {
			return -1 // the sizes are only claimed
		}
		size += l.Size
	}
	return size
}

// storedLayers adds up the bytes of layers, each blob once.
func storedLayers(layers []*Layer) int64 {
	var size int64
	seen := map[string]bool{}
	for _, l := range layers {
		if l.err != nil {
			continue // its size is only claimed
		}
		key := l.DiffID
		if key == "" {
			key = fmt.Sprint(l.Index)
		}
		if !seen[key] {
			seen[key] = true
			if l.blob == nil {
				size += l.Size // it is unpacked
				continue
			}
			size += l.blob.Size()
		}
	}
	return size
}

// unreferenced lists the blobs that no document names.
func (a *Archive) unreferenced() []Listed {
	named := a.referenced()
	var list []Listed
	for _, name := range a.store.glob(document.BlobPattern) {
		if named[name] {
			continue
		}
		item := Listed{Kind: kindBlob, Number: -1, Digest: document.BlobDigest(name), Size: -1}
		if item.Digest == "" {
			item.Reference = name
		}
		if m, err := a.store.open(name); err == nil {
			item.Size = m.data.Size()
		}
		list = append(list, item)
	}
	return list
}

// referenced returns the names of all members that a document names.
func (a *Archive) referenced() map[string]bool {
	named := map[string]bool{}
	add := func(d string) {
		if digest.Valid(d) {
			named[document.BlobName(d)] = true
		}
	}
	for _, d := range a.indexes {
		add(d.Digest)
	}
	for _, c := range a.images {
		add(c.manifest.Digest)
		if c.desc != nil {
			add(c.desc.Config.Digest)
			for _, l := range c.desc.Layers {
				add(l.Digest)
			}
		}
		if c.docker != nil {
			for _, name := range append([]string{c.docker.Config}, c.docker.Layers...) {
				named[a.place(name)], named[cleaned(name)] = true, true
			}
		}
	}
	return named
}
