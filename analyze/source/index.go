package source

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"slices"
	"strings"
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
func (w *indexWalk) top(d *rawDocument) error {
	list, err := rawList(d.Manifests, "manifests")
	if err != nil {
		return err
	}
	for i, raw := range list {
		desc, err := parseDescriptor(raw)
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
func annotatedNames(d descriptor) (refs, aliases []string) {
	name := d.Annotations["io.containerd.image.name"]
	tag := d.Annotations["org.opencontainers.image.ref.name"]
	if name != "" {
		refs = append(refs, name)
	}
	switch {
	case tag == "" || tag == name:
	case name != "" && strings.HasSuffix(familiar(name), ":"+tag):
		aliases = append(aliases, tag)
	default:
		refs = append(refs, tag)
	}
	return refs, aliases
}

// visit takes up one descriptor. Its errors are limits; what else is wrong belongs to the candidate.
func (w *indexWalk) visit(d descriptor, depth int) error {
	w.count++
	if err := errors.Join(w.ctx.Err(), over(limitDescriptors, int64(w.count), int64(w.a.opt.Limits.Descriptors))); err != nil {
		return err
	}
	c := &candidate{kind: kindImage, form: ociForm{w.a}, group: w.group, manifest: d, refs: slices.Clone(w.refs), aliases: slices.Clone(w.aliases)}
	if d.Platform != nil {
		c.named = *d.Platform
	}
	if mediaKinds[d.MediaType] == "" && d.MediaType != "" {
		c.kind = kindArtifact
		c.err = fmt.Errorf("not a container image: media type %s", shortened(d.MediaType))
	} else if w.later(d) {
		// it is read when it is chosen
	} else if nested, err := w.a.readDescribed(c); err != nil {
		c.err, c.absent = err, errors.Is(err, fs.ErrNotExist)
	} else if nested != nil {
		return w.descend(d, nested, c, depth+1)
	}
	if isAttestation(d) || w.about(c) {
		c.kind = kindAttestation
	}
	w.add(c)
	return nil
}

// about reports whether a manifest without a name says something of another one that is here, as signatures do (OCI image specification 1.1, subject).
func (w *indexWalk) about(c *candidate) bool {
	return c.desc != nil && c.desc.subject != "" && len(c.refs) == 0 && !w.a.shelf.far() && w.a.shelf.has(c.desc.subject)
}

// listedAs is what may stand in a group once.
type listedAs struct {
	kind, digest string
	platform     platform
}

// add lists a candidate, but not what the group holds already for the same platform or for one that nobody named.
func (w *indexWalk) add(c *candidate) {
	unnamed := listedAs{kind: c.kind, digest: c.manifest.Digest}
	named := unnamed
	named.platform = c.named.normal()
	first := w.listed[unnamed] // of any platform
	switch {
	case first != nil && (w.listed[named] != nil || !c.named.known()):
		return
	case first != nil && !first.named.known():
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
func (w *indexWalk) later(d descriptor) bool {
	return w.a.shelf.far() && mediaKinds[d.MediaType] == docManifest && d.Platform != nil && d.Platform.known()
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
func (a *Archive) readDescribed(c *candidate) (*rawDocument, error) {
	d := c.manifest
	what := firstWord(mediaKinds[d.MediaType], docManifest)
	limits := &a.opt.Limits
	doc, err := a.document(d, what, limitManifest, limits.Manifest)
	if err != nil {
		return nil, err
	}
	parsed, kind, err := parseDocument(doc, d.MediaType, limits.JSONDepth)
	if err == nil && kind == docIndex {
		return parsed, nil
	}
	if err == nil {
		c.desc, err = newManifest(parsed, doc, limits)
	}
	if err != nil {
		return nil, fmt.Errorf("%s %s: %w", what, d.Digest, err)
	}
	if err := c.desc.notImage(); err != nil {
		c.kind = kindArtifact
		return nil, fmt.Errorf("%s %s: %w", what, d.Digest, err)
	}
	return nil, nil
}

// descend visits a nested index, once in each group.
func (w *indexWalk) descend(d descriptor, nested *rawDocument, c *candidate, depth int) error {
	w.a.indexes = append(w.a.indexes, d)
	if w.visited[d.Digest] {
		return nil
	}
	w.visited[d.Digest] = true
	if err := over(limitIndexDepth, int64(depth), int64(w.a.opt.Limits.IndexDepth)); err != nil {
		return err
	}
	list, err := rawList(nested.Manifests, "manifests")
	for i := 0; err == nil && i < len(list); i++ {
		var child descriptor
		if child, err = parseDescriptor(list[i]); err != nil {
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

// isAttestation reports whether a descriptor is BuildKit's for a statement about another image.
func isAttestation(d descriptor) bool {
	return strings.HasPrefix(d.Annotations["vnd.docker.reference.type"], "attestation") ||
		d.Platform != nil && d.Platform.OS == "unknown" && d.Platform.Architecture == "unknown"
}

// joinPlatforms makes one group of entries that have one name and differ in platform.
func (a *Archive) joinPlatforms() {
	type member struct{ ref, platform string }
	first := map[string]int{}
	taken := map[member]bool{}
	for _, c := range a.images {
		if c.kind != kindImage || len(c.refs) == 0 || !c.named.known() {
			continue
		}
		ref := c.refs[0]
		group, named := first[ref]
		key := member{ref, c.named.normal().String()}
		if !named {
			first[ref] = c.group
		} else if !taken[key] {
			c.group = group
		}
		taken[key] = true
	}
}
