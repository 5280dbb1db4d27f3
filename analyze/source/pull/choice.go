package pull

import (
	"context"
	"encoding/json"
	"fmt"
	"maps"
	"slices"

	"layup/analyze/source/advice"
	"layup/analyze/source/document"
	"layup/analyze/source/registry"
)

// platform returns the platform of an index to fetch; empty for all.
func (p *plan) platform(e *entry, parsed *document.Document) (string, error) {
	if p.opt.Platform != "" || !p.opt.Docker {
		return p.opt.Platform, nil
	}
	leaves, err := p.children(e.desc, parsed)
	if err != nil {
		return "", err
	}
	for _, want := range document.Machine() {
		if _, ok := fitting(leaves, want); ok {
			p.note(fmt.Sprintf("platform %s (this machine's; --platform chooses another): docker load takes one", want))
			return want.String(), nil
		}
	}
	const none = "docker load takes one platform, and none is this machine's (%s): choose one"
	return "", &advice.ChoiceError{Message: fmt.Sprintf(none, document.Machine()[0]), Choices: leafChoices(leaves)}
}

func noPlatform(name string, choices []advice.Choice) error {
	return &advice.ChoiceError{Message: fmt.Sprintf("there is no image for platform %q", name), Choices: choices}
}

// fitting returns the one image that runs on a platform.
func fitting(leaves []child, want document.Platform) (child, bool) {
	for _, exact := range []bool{true, false} {
		for _, l := range leaves {
			if l.Platform != nil && !l.Descriptor.IsAttestation() && want.Fits(*l.Platform, exact) {
				return l, true
			}
		}
	}
	return child{}, false
}

func leafChoices(leaves []child) []advice.Choice {
	var list []advice.Choice
	for _, l := range leaves {
		if l.Platform != nil && !l.Descriptor.IsAttestation() && l.Platform.IsWord() {
			list = append(list, advice.Choice{Flag: "--platform " + l.Platform.String(), What: l.Digest})
		}
	}
	return list
}

// choose makes the image of one platform the entry, in place of its index. Its attestations become entries also.
func (p *plan) choose(ctx context.Context, e *entry, parsed *document.Document, name string) error {
	want, err := document.ParsePlatform(name)
	if err != nil {
		return err
	}
	leaves, err := p.leaves(ctx, e, e.desc, parsed, 0)
	if err != nil {
		return err
	}
	found, ok := fitting(leaves, want)
	if !ok {
		return noPlatform(name, leafChoices(leaves))
	}
	e.desc, e.platform = found.Descriptor, found.platform
	if err := p.enter(ctx, e); err != nil {
		return err
	}
	for _, l := range leaves {
		if !p.opt.All || !l.Descriptor.IsAttestation() || l.Annotations["vnd.docker.reference.digest"] != found.Digest {
			continue
		}
		about := e.about(l)
		if err := p.enter(ctx, about); err != nil {
			return err
		}
		p.entries = append(p.entries, about)
	}
	return nil
}

// enter plans the manifest that an entry names.
func (p *plan) enter(ctx context.Context, e *entry) error {
	raw, err := p.document(ctx, e, e.desc)
	if err != nil || raw == nil {
		return err
	}
	e.desc.Size = int64(len(raw))
	return p.walk(ctx, e, e.desc, raw, 0)
}

// leaves returns the manifests below an index.
func (p *plan) leaves(ctx context.Context, e *entry, d document.Descriptor, parsed *document.Document,
	depth int) ([]child, error) {
	if err := document.Over(document.LimitIndexDepth, depth, p.opt.Limits.IndexDepth); err != nil {
		return nil, err
	}
	children, err := p.children(d, parsed)
	if err != nil {
		return nil, err
	}
	var list []child
	for _, c := range children {
		if document.KindOf(c.MediaType) != document.IndexKind {
			list = append(list, c)
			continue
		}
		raw, err := p.document(ctx, e, c.Descriptor)
		if err != nil {
			return nil, err
		}
		nested, err := document.ParseIndex(raw, c.MediaType, p.opt.Limits.JSONDepth)
		if err != nil {
			return nil, fmt.Errorf("index %s: %w", c.Digest, err)
		}
		below, err := p.leaves(ctx, e, c.Descriptor, nested, depth+1)
		if err != nil {
			return nil, err
		}
		list = append(list, below...)
	}
	return list, nil
}

// fits compares the platform that the user wants with that of an image without an index. The config names it.
func (p *plan) fits(ctx context.Context, e *entry) error {
	if p.opt.Platform == "" || e.image.NotImage() != nil {
		return nil
	}
	want, err := document.ParsePlatform(p.opt.Platform)
	if err != nil {
		return err
	}
	c := e.image.Config
	raw, err := p.client.Bytes(ctx, e.ref, registry.Descriptor{Digest: c.Digest, Size: c.Size}, p.opt.Limits.Config)
	if err != nil {
		return err
	}
	b := p.blobs[c.Digest]
	b.Content = raw
	p.blobs[c.Digest] = b
	config, err := document.ParseConfig(raw, &p.opt.Limits)
	if err != nil {
		return err
	}
	if have := document.PlatformOf(config.File); have.Known() && !want.Fits(have, false) {
		return noPlatform(p.opt.Platform, []advice.Choice{{Flag: "--platform " + have.String(), What: "the only one"}})
	}
	return nil
}

// shownPlatform is the platform of an entry that is one image.
func (e *entry) shownPlatform() string {
	var pl document.Platform
	if e.platform == nil || json.Unmarshal(e.platform, &pl) != nil {
		return ""
	}
	return pl.String()
}

// addReferrers plans what refers to the manifests of an entry, and what refers to that.
func (p *plan) addReferrers(ctx context.Context, e *entry) error {
	for _, digest := range slices.Sorted(maps.Keys(e.fetched)) {
		if err := p.ask(1); err != nil {
			return err
		}
		pages, err := p.client.Referrers(ctx, e.ref, digest)
		if err != nil {
			return err
		}
		for _, page := range pages {
			if err := p.addPage(ctx, e, digest, page); err != nil {
				return err
			}
		}
	}
	return nil
}

// addAttached plans what cosign keeps about the manifests of an entry under tags of its own. The layout keeps the tags:
// cosign finds signatures by them.
func (p *plan) addAttached(ctx context.Context, e *entry) error {
	for _, digest := range slices.Sorted(maps.Keys(e.fetched)) {
		for _, tag := range document.AttachedTags(digest) {
			if err := p.ask(1); err != nil {
				return err
			}
			doc, err := p.client.Attached(ctx, e.ref, tag)
			if err != nil {
				return err
			}
			about := &entry{ref: e.ref.At(""), fetched: map[string]string{}}
			about.ref.Tag = tag
			same := func(other *entry) bool { return other.ref.Tag == tag && other.name() == about.name() }
			if doc == nil || slices.ContainsFunc(p.entries, same) {
				continue
			}
			about.desc = document.Descriptor{MediaType: doc.MediaType, Digest: doc.Digest, Size: int64(len(doc.Raw))}
			if err := p.enterRaw(ctx, about, doc.Raw); err != nil {
				return fmt.Errorf("%s: %w", about.name(), err)
			}
			p.entries = append(p.entries, about)
		}
	}
	return nil
}

// enterRaw plans everything that an entry's document names.
func (p *plan) enterRaw(ctx context.Context, e *entry, raw []byte) error {
	if _, _, err := p.parse(e, raw); err != nil {
		return err
	}
	return p.walk(ctx, e, e.desc, raw, 0)
}

// addPage plans what a page of a list of referrers names.
func (p *plan) addPage(ctx context.Context, e *entry, digest string, page []byte) error {
	parsed, err := document.ParseIndex(page, document.OCIIndex, p.opt.Limits.JSONDepth)
	if err != nil {
		return fmt.Errorf("referrers of %s: %w", digest, err)
	}
	children, err := p.children(document.Descriptor{Digest: digest}, parsed)
	if err != nil {
		return fmt.Errorf("referrers of %s: %w", digest, err)
	}
	for _, c := range children {
		if err := p.addReferrer(ctx, e, c); err != nil {
			return err
		}
	}
	return nil
}

// addReferrer plans a referrer, unless the plan has it.
func (p *plan) addReferrer(ctx context.Context, e *entry, c child) error {
	if _, there := p.blobs[c.Digest]; there {
		return nil
	}
	about := e.about(c)
	if err := p.enter(ctx, about); err != nil {
		return err
	}
	if len(about.fetched) == 0 {
		return nil
	}
	p.entries = append(p.entries, about)
	return p.addReferrers(ctx, about)
}
