package source

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"slices"
	"strings"

	"layup/analyze/show"
	"layup/analyze/source/document"
	"layup/analyze/source/registry"
)

// An indexWalk goes over index.json and the indexes below it.
type indexWalk struct {
	ctx     context.Context
	a       *Archive
	count   int                     // of descriptors
	tops    map[string]int          // group of each digest that index.json names
	visited map[string]bool         // indexes of the group at hand
	listed  map[listedAs]*candidate // manifests of the group at hand

	group   int
	refs    []string
	aliases []string
}

// top visits what index.json lists: each digest is a group of its own, under all the names it has.
func (w *indexWalk) top(d *document.Document) error {
	list, err := d.Children()
	if err != nil {
		return err
	}
	for i, raw := range list {
		desc, err := document.ParseDescriptor(raw)
		if err != nil {
			return fmt.Errorf("manifests[%d]: %w", i, err)
		}
		refs, aliases := annotatedNames(desc)
		group, twice := w.tops[desc.Digest]
		if twice {
			for _, c := range w.a.images {
				if c.group == group {
					c.name(refs...)
					c.aliases = append(c.aliases, aliases...)
				}
			}
			continue
		}
		w.group, w.tops[desc.Digest] = len(w.tops), len(w.tops)
		w.visited, w.listed = map[string]bool{}, map[listedAs]*candidate{}
		w.refs, w.aliases = refs, append(aliases, desc.Digest)
		if err := w.visit(desc, 0); err != nil {
			return err
		}
	}
	w.a.joinPlatforms()
	return nil
}

// annotatedNames returns the references that an index gives to an entry, and the tag alone where it is a part of one.
func annotatedNames(d document.Descriptor) (refs, aliases []string) {
	name := d.Annotations["io.containerd.image.name"]
	tag := d.Annotations["org.opencontainers.image.ref.name"]
	if name != "" {
		refs = append(refs, name)
	}
	switch {
	case tag == "" || tag == name:
	case name != "" && strings.HasSuffix(registry.Familiar(name), ":"+tag):
		aliases = append(aliases, tag)
	default:
		refs = append(refs, tag)
	}
	return refs, aliases
}

// visit takes up one descriptor. Its errors are limits; what else is wrong belongs to the candidate.
func (w *indexWalk) visit(d document.Descriptor, depth int) error {
	w.count++
	if err := errors.Join(w.ctx.Err(), document.Over(document.LimitDescriptors, int64(w.count), int64(w.a.opt.Limits.Descriptors))); err != nil {
		return err
	}
	c := &candidate{kind: kindImage, form: ociForm{w.a}, group: w.group, manifest: d, refs: slices.Clone(w.refs), aliases: slices.Clone(w.aliases)}
	if d.Platform != nil {
		c.named = *d.Platform
	}
	if document.KindOf(d.MediaType) == "" && d.MediaType != "" {
		c.kind = kindArtifact
		c.err = fmt.Errorf("not a container image: media type %s", show.Cut(d.MediaType))
	} else if w.later(d) {
		// it is read when it is chosen
	} else if nested, err := w.a.readDescribed(c); err != nil {
		c.err, c.absent = err, errors.Is(err, fs.ErrNotExist)
	} else if nested != nil {
		return w.descend(d, nested, c, depth+1)
	}
	if d.IsAttestation() || w.about(c) {
		c.kind = kindAttestation
	}
	w.add(c)
	return nil
}

// about reports whether a manifest without a name says something of another one that is here, as signatures do (OCI image specification 1.1, subject).
func (w *indexWalk) about(c *candidate) bool {
	return c.desc != nil && c.desc.Subject != "" && len(c.refs) == 0 && !w.a.shelf.far() && w.a.shelf.has(c.desc.Subject)
}

// listedAs is what may stand in a group once.
type listedAs struct {
	kind, digest string
	platform     document.Platform
}

// add lists a candidate, but not what the group holds already for the same platform or for one that nobody named.
func (w *indexWalk) add(c *candidate) {
	unnamed := listedAs{kind: c.kind, digest: c.manifest.Digest}
	named := unnamed
	named.platform = c.named.Normal()
	first := w.listed[unnamed] // of any platform
	switch {
	case first != nil && (w.listed[named] != nil || !c.named.Known()):
		return
	case first != nil && !first.named.Known():
		first.named = c.named
	default:
		w.a.images = append(w.a.images, c)
	}
	if first == nil {
		w.listed[unnamed] = c
	}
	w.listed[named] = c
}

// later reports whether the descriptor says enough of an image to choose by, where to read its manifest costs a request.
func (w *indexWalk) later(d document.Descriptor) bool {
	return w.a.shelf.far() && document.KindOf(d.MediaType) == document.ManifestKind && d.Platform != nil && d.Platform.Known()
}

// readManifest fills the candidate from its manifest, if that was not done yet.
func (a *Archive) readManifest(c *candidate) error {
	if c.desc != nil {
		return nil
	}
	nested, err := a.readDescribed(c)
	if err == nil && nested != nil {
		err = fmt.Errorf("manifest %s: is an index", c.manifest.Digest)
	}
	return err
}

// readDescribed fills the candidate from its manifest, or returns the index that stands in its place.
func (a *Archive) readDescribed(c *candidate) (*document.Document, error) {
	d := c.manifest
	what := document.What(d.MediaType)
	limits := &a.opt.Limits
	doc, err := a.document(d, what, document.LimitManifest, limits.Manifest)
	if err != nil {
		return nil, err
	}
	parsed, kind, err := document.Parse(doc, d.MediaType, limits.JSONDepth)
	if err == nil && kind == document.IndexKind {
		return parsed, nil
	}
	if err == nil {
		c.desc, err = document.NewManifest(parsed, doc, limits)
	}
	if err != nil {
		return nil, fmt.Errorf("%s %s: %w", what, d.Digest, err)
	}
	if err := c.desc.NotImage(); err != nil {
		c.kind = kindArtifact
		return nil, fmt.Errorf("%s %s: %w", what, d.Digest, err)
	}
	return nil, nil
}

// descend visits a nested index, once in each group.
func (w *indexWalk) descend(d document.Descriptor, nested *document.Document, c *candidate, depth int) error {
	w.a.indexes = append(w.a.indexes, d)
	if w.visited[d.Digest] {
		return nil
	}
	w.visited[d.Digest] = true
	if err := document.Over(document.LimitIndexDepth, int64(depth), int64(w.a.opt.Limits.IndexDepth)); err != nil {
		return err
	}
	list, err := nested.Children()
	for i := 0; err == nil && i < len(list); i++ {
		var child document.Descriptor
		if child, err = document.ParseDescriptor(list[i]); err != nil {
			err = fmt.Errorf("manifests[%d]: %w", i, err)
			break
		}
		if err := w.visit(child, depth); err != nil {
			return err
		}
	}
	if err == nil && len(list) == 0 {
		err = errors.New("lists no image")
	}
	if err != nil {
		c.err = fmt.Errorf("index %s: %w", d.Digest, err)
		w.a.images = append(w.a.images, c)
	}
	return nil
}

// joinPlatforms makes one group of entries that have one name and differ in platform.
func (a *Archive) joinPlatforms() {
	type member struct{ ref, platform string }
	first := map[string]int{}
	taken := map[member]bool{}
	for _, c := range a.images {
		if c.kind != kindImage || len(c.refs) == 0 || !c.named.Known() {
			continue
		}
		ref := c.refs[0]
		group, named := first[ref]
		key := member{ref, c.named.Normal().String()}
		if !named {
			first[ref] = c.group
		} else if !taken[key] {
			c.group = group
		}
		taken[key] = true
	}
}
