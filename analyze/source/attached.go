package source

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"slices"

	"layup/analyze/source/document"
)

// An Attached is a blob of an attestation in a source: perhaps a signature. Whoever wrote the source attached it.
type Attached struct {
	document.Descriptor          // of the blob
	Of                  string   // digest of the manifest that names the blob
	About               []string // digests that the source says it is about; empty if it does not say

	graph *Graph
}

// Read returns the blob, compared with its digest. Its size has the limit of a statement.
func (a *Attached) Read() ([]byte, error) {
	if !a.graph.Blobs.Far() { // so that a large blob is not read for each small size that is said of it
		if b, err := a.graph.Blobs.Layer(a.Descriptor); err == nil && b.Bytes.Size() != a.Size {
			return nil, a.MatchSize(b.Bytes.Size())
		}
	}
	doc, err := a.graph.blob(a.Descriptor, "signature", document.LimitStatement, a.graph.Opt.Limits.Statement)
	if errors.Is(err, fs.ErrNotExist) {
		err = a.graph.Blobs.Missing(a.Digest)
	}
	return doc, err
}

// An attacher is a source that must be asked for what is attached to its images.
type attacher interface {
	// Attach adds entries for what is attached to the documents of these digests.
	Attach(ctx context.Context, digests []string) error
}

// AttachedBlobs lists the blobs of all attestations in a source, and those that a registry attaches to the images. An
// attestation that cannot be read has no blobs: Others says why.
func AttachedBlobs(ctx context.Context, s Source, images []*Image) ([]*Attached, error) {
	if far, ok := s.(attacher); ok {
		var digests []string
		for _, img := range images {
			for _, v := range img.Vouched() {
				digests = append(digests, v.Digest)
			}
		}
		if err := far.Attach(ctx, digests); err != nil {
			return nil, err
		}
	}
	var list []*Attached
	held := map[string][]*Attached{} // by manifest
	for _, e := range s.Entries() {
		g, ok := e.Form.(*Graph)
		if e.Kind != KindAttestation || !ok || e.Err != nil || e.Absent || g.readManifest(e) != nil {
			continue
		}
		about := e.subjects()
		if twice, ok := held[e.Descriptor.Digest]; ok {
			for _, a := range twice {
				a.About = append(a.About, about...)
			}
			continue
		}
		before := len(list)
		for _, l := range e.Manifest.Layers {
			if l.Err == nil {
				list = append(list, &Attached{l.Descriptor, e.Descriptor.Digest, slices.Clone(about), g})
			}
		}
		held[e.Descriptor.Digest] = list[before:]
	}
	return list, ctx.Err()
}

// subjects returns the digests that an attestation is about, as its manifest, its tags and its descriptor say.
func (e *Entry) subjects() (list []string) {
	said := []string{e.Manifest.Subject, e.Descriptor.Annotations[subjectAnnotation]}
	for _, ref := range e.References {
		said = append(said, document.AttachedTo(ref))
	}
	for _, d := range said {
		if d != "" {
			list = append(list, d)
		}
	}
	return list
}

// A Vouched is a document of an image. Whoever signs its digest signs the image.
type Vouched struct {
	document.Descriptor
	What string // manifest or index
}

// Vouched returns the image's manifest, and the indexes that reach it, the nearest first. Each was compared with its
// digest when it was read. There is none if no manifest describes the image.
func (img *Image) Vouched() []Vouched {
	if img.graph == nil || len(img.Manifest) == 0 {
		return nil
	}
	list := []Vouched{{img.entry.Descriptor, document.ManifestKind}}
	seen := map[string]bool{img.entry.Descriptor.Digest: true}
	for i := 0; i < len(list); i++ {
		for _, d := range img.graph.above[list[i].Digest] {
			if !seen[d.Digest] {
				seen[d.Digest] = true
				list = append(list, Vouched{d, document.IndexKind})
			}
		}
	}
	return list
}

// ReadVouched returns the bytes of a document of the image.
func (img *Image) ReadVouched(v Vouched) ([]byte, error) {
	if img.graph == nil {
		return nil, fmt.Errorf("%s %s: %w", v.What, v.Digest, fs.ErrNotExist)
	}
	return img.graph.blob(v.Descriptor, v.What, document.LimitManifest, img.graph.Opt.Limits.Manifest)
}
