package source

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"io/fs"
	"slices"
	"strings"

	"layup/analyze/show"
	"layup/analyze/source/advice"
	"layup/analyze/source/document"
)

// A walk goes over an index and the indexes below it.
type walk struct {
	*Graph
	ctx     context.Context
	count   int                 // of descriptors
	tops    map[string][]*Entry // the group of each digest that the index at the top names
	visited map[string]bool     // indexes of the current group
	listed  map[listedAs]*Entry // manifests of the current group

	group   int
	refs    []string
	aliases []string
	digest  string // of the descriptor at the top
}

// Walk adds the entries that an index reaches. Each digest that the index lists is a group, under all the names it has.
func (g *Graph) Walk(ctx context.Context, index *document.Document) error {
	w := &walk{Graph: g, ctx: ctx, tops: map[string][]*Entry{}}
	list, err := index.Children()
	if err != nil {
		return err
	}
	for i, raw := range list {
		desc, err := document.ParseDescriptor(raw)
		if err != nil {
			return fmt.Errorf("manifests[%d]: %w", i, err)
		}
		refs, aliases := annotatedNames(desc)
		if group, twice := w.tops[desc.Digest]; twice {
			for _, e := range group {
				if err := g.Name(e, refs, aliases...); err != nil {
					return err
				}
			}
			continue
		}
		before := len(g.Entries)
		if err := w.top(desc, len(w.tops), refs, append(aliases, desc.Digest)); err != nil {
			return err
		}
		w.tops[desc.Digest] = g.Entries[before:]
	}
	g.joinPlatforms()
	return nil
}

// Name gives an entry further names. The error is a limit: an input may give thousands of names to thousands of images.
func (g *Graph) Name(e *Entry, refs []string, aliases ...string) error {
	g.names += len(refs) + len(aliases)
	e.name(refs...)
	e.Aliases = append(e.Aliases, aliases...)
	return document.Over(document.LimitReferences, g.names, g.Opt.Limits.References)
}

// WalkOne adds the entries that one descriptor reaches, under one reference.
func (g *Graph) WalkOne(ctx context.Context, d document.Descriptor, ref string) error {
	w := &walk{Graph: g, ctx: ctx}
	return w.top(d, 0, []string{ref}, []string{d.Digest})
}

// top visits a descriptor that begins a group.
func (w *walk) top(d document.Descriptor, group int, refs, aliases []string) error {
	w.group, w.refs, w.aliases, w.digest = group, refs, aliases, d.Digest
	w.visited, w.listed = map[string]bool{}, map[listedAs]*Entry{}
	return w.visit(d, 0)
}

// annotatedNames returns the references that an index gives to an entry. A tag that is part of a reference is an alias.
func annotatedNames(d document.Descriptor) (refs, aliases []string) {
	tag := d.Annotations[document.TagAnnotation]
	name := cmp.Or(d.Annotations[document.NameAnnotation], d.SavedAs())
	if name != "" {
		refs = append(refs, name)
	}
	switch {
	case tag == "" || tag == name:
	case name != "" && strings.HasSuffix(document.Familiar(name), ":"+tag):
		aliases = append(aliases, tag)
	default:
		refs = append(refs, tag)
	}
	return refs, aliases
}

// visit adds what one descriptor names. It returns exceeded limits and interruptions; other errors go to the entry.
func (w *walk) visit(d document.Descriptor, depth int) error {
	w.count++
	err := document.Over(document.LimitDescriptors, w.count, w.Opt.Limits.Descriptors)
	if err := errors.Join(w.ctx.Err(), err); err != nil {
		return err
	}
	e := &Entry{Kind: KindImage, Form: w.Graph, Group: w.group, Descriptor: d,
		References: slices.Clone(w.refs), Aliases: slices.Clone(w.aliases), Top: w.digest}
	if d.Platform != nil {
		e.Platform = *d.Platform
	}
	if strings.HasPrefix(d.MediaType, "application/vnd.docker.distribution.manifest.v1+") {
		e.Err = &advice.Hinted{Err: errors.New("is an image of schema 1: its manifest names no config and no diffIDs"),
			Hint: "skopeo copy --format v2s2 SOURCE docker-archive:FILE.tar converts it"}
	} else if document.KindOf(d.MediaType) == "" && d.MediaType != "" {
		e.Kind = KindArtifact
		e.Err = fmt.Errorf("not a container image: media type %s", show.Cut(d.MediaType))
	} else if w.later(d) {
		// the manifest is read when the entry is chosen
	} else if nested, err := w.readDescribed(e); err != nil {
		e.Err, e.Absent = err, errors.Is(err, fs.ErrNotExist)
	} else if nested != nil {
		return w.descend(d, nested, e, depth+1)
	}
	if d.IsAttestation() || w.about(e) {
		e.Kind = KindAttestation
	}
	w.add(e)
	return nil
}

// about reports whether an entry is a statement about an image: a signature, an attestation, the index of referrers.
// An artifact with a subject always is. A manifest with an image's config is one by its content, by the tag that cosign
// gives it, or if it has no name and its subject is here.
// Source: OCI image specification 1.1, manifest.md, subject; cosign, specs/SIGNATURE_SPEC.md.
func (w *walk) about(e *Entry) bool {
	if slices.ContainsFunc(e.References, func(ref string) bool { return document.AttachedTo(ref) != "" }) {
		return true
	}
	m := e.Manifest
	switch {
	case m == nil:
		return false
	case m.IsStatement(), m.Subject != "" && e.Kind == KindArtifact:
		return true
	}
	tagged := slices.ContainsFunc(e.References, func(ref string) bool { return !strings.Contains(ref, "@") })
	return m.Subject != "" && !tagged && !w.Blobs.Far() && w.Blobs.Has(m.Subject)
}

// listedAs identifies an entry. A group lists it once.
type listedAs struct {
	kind, digest string
	platform     document.Platform
}

// add lists an entry, unless the group has its manifest for that platform, or one of the two does not name a platform.
func (w *walk) add(e *Entry) {
	unnamed := listedAs{kind: e.Kind, digest: e.Descriptor.Digest}
	named := unnamed
	named.platform = e.Platform.Normal()
	first := w.listed[unnamed] // of any platform
	switch {
	case first != nil && (w.listed[named] != nil || !e.Platform.Known()):
		return
	case first != nil && !first.Platform.Known():
		first.Platform = e.Platform
	default:
		w.Entries = append(w.Entries, e)
	}
	if first == nil {
		w.listed[unnamed] = e
	}
	w.listed[named] = e
}

// later reports whether the manifest costs a request that a choice does not need: the descriptor says enough.
func (w *walk) later(d document.Descriptor) bool {
	return w.Blobs.Far() && document.KindOf(d.MediaType) == document.ManifestKind &&
		d.Platform != nil && d.Platform.Known()
}

// descend visits a nested index, once in each group.
func (w *walk) descend(d document.Descriptor, nested *document.Document, e *Entry, depth int) error {
	w.Indexes = append(w.Indexes, d)
	if w.visited[d.Digest] {
		return nil
	}
	w.visited[d.Digest] = true
	limits := &w.Opt.Limits
	if err := document.Over(document.LimitIndexDepth, depth, limits.IndexDepth); err != nil {
		return err
	}
	list, err := nested.Children()
	for i := 0; err == nil && i < len(list); i++ {
		var child document.Descriptor
		if child, err = document.ParseDescriptor(list[i]); err != nil {
			err = fmt.Errorf("manifests[%d]: %w", i, err)
			break
		}
		w.listedIn(child.Digest, d)
		if err := w.visit(child, depth); err != nil {
			return err
		}
	}
	if err == nil && len(list) == 0 {
		err = errors.New("lists no image")
	}
	if err != nil {
		e.Err = fmt.Errorf("index %s: %w", d.Digest, err)
		w.Entries = append(w.Entries, e)
	}
	return nil
}

// listedIn notes that an index lists a digest.
func (g *Graph) listedIn(digest string, index document.Descriptor) {
	if g.above == nil {
		g.above = map[string][]document.Descriptor{}
	}
	same := func(other document.Descriptor) bool { return other.Digest == index.Digest }
	if !slices.ContainsFunc(g.above[digest], same) {
		g.above[digest] = append(g.above[digest], index)
	}
}

// joinPlatforms makes one group of entries that have one name and differ in platform.
func (g *Graph) joinPlatforms() {
	type member struct{ ref, platform string }
	first := map[string]int{}
	taken := map[member]bool{}
	for _, e := range g.Entries {
		if e.Kind != KindImage || len(e.References) == 0 || !e.Platform.Known() {
			continue
		}
		ref := e.References[0]
		group, named := first[ref]
		key := member{ref, e.Platform.Normal().String()}
		if !named {
			first[ref] = e.Group
		} else if !taken[key] {
			e.Group = group
		}
		taken[key] = true
	}
}
