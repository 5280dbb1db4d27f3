package repository

import (
	"context"
	"fmt"

	"layup/analyze/source"
	"layup/analyze/source/advice"
	"layup/analyze/source/document"
	"layup/analyze/source/registry"
)

// mostDetailed is the most tags that are asked what they hold: each costs some requests.
const mostDetailed = 500

// Unreferenced lists what refers to the images. Without a tag it lists the tags of a repository or the repositories of
// a registry.
func (r *Repository) Unreferenced(ctx context.Context) ([]source.Listed, error) {
	switch {
	case r.top != "":
		return r.referrers(ctx)
	case r.ref.Repository == "":
		return r.catalog(ctx)
	}
	tags, err := r.client.Tags(ctx, r.ref)
	if err != nil {
		return nil, fromRegistry(err)
	}
	if err := document.Over(document.LimitDescriptors, len(tags), r.Opt.Limits.Descriptors); err != nil {
		return nil, fmt.Errorf("tags: %w", err)
	}
	if r.opt.Detail && len(tags) > mostDetailed {
		err := fmt.Errorf("has %d tags, more than the %d that are asked one by one", len(tags), mostDetailed)
		return nil, &advice.Hinted{Err: err, Hint: "without --detail their names are listed"}
	}
	var list []source.Listed
	for _, tag := range tags {
		ref := r.ref.Or(tag)
		if !r.opt.Detail {
			list = append(list, source.Listed{Kind: source.KindTag, Number: -1, Reference: ref.String(), Size: -1})
			continue
		}
		items, err := r.tagged(ctx, ref)
		if err != nil {
			return nil, err
		}
		list = append(list, items...)
	}
	return list, nil
}

// tagged lists what one tag names. The items have no numbers: several tags are not one source.
func (r *Repository) tagged(ctx context.Context, ref registry.Reference) ([]source.Listed, error) {
	one := newRepository(r.ctx, r.client, ref, r.name, r.Opt, r.opt)
	if err := one.readImages(ctx); err != nil {
		return nil, err
	}
	list, err := source.ListEntries(ctx, one)
	for i := range list {
		list[i].Number = -1
	}
	return list, err
}

// catalog lists the repositories of a registry.
func (r *Repository) catalog(ctx context.Context) ([]source.Listed, error) {
	names, err := r.client.Catalog(ctx, r.ref.Host)
	if registry.NotFound(err) {
		return nil, &advice.Hinted{Err: fmt.Errorf("serves no catalogue of its repositories: %w", err),
			Hint: "layup images docker://" + r.ref.Host + "/NAME  lists the tags of one"}
	}
	if err != nil {
		return nil, fromRegistry(err)
	}
	var list []source.Listed
	for _, name := range names {
		ref := registry.Reference{Host: r.ref.Host, Repository: name}
		list = append(list, source.Listed{Kind: source.KindRepository, Number: -1, Reference: ref.String(), Size: -1})
	}
	return list, nil
}

// referrers lists what refers to the manifest that the reference names, and to the images that it reaches.
func (r *Repository) referrers(ctx context.Context) ([]source.Listed, error) {
	seen := map[string]bool{}
	var list []source.Listed
	for _, subject := range r.subjects() {
		pages, err := r.client.Referrers(ctx, r.ref, subject)
		if err != nil {
			return nil, fromRegistry(err)
		}
		for _, page := range pages {
			items, err := r.listReferrers(page, subject)
			if err != nil {
				return nil, fmt.Errorf("referrers of %s: %w", subject, err)
			}
			for _, item := range items {
				if !seen[item.Digest] {
					seen[item.Digest] = true
					list = append(list, item)
				}
			}
			if err := document.Over(document.LimitDescriptors, len(list), r.Opt.Limits.Descriptors); err != nil {
				return nil, fmt.Errorf("referrers: %w", err)
			}
		}
		attached, err := r.attached(ctx, subject)
		if err != nil {
			return nil, err
		}
		list = append(list, attached...)
	}
	return list, nil
}

// attached lists what cosign keeps about a manifest under tags of its own.
func (r *Repository) attached(ctx context.Context, subject string) ([]source.Listed, error) {
	var list []source.Listed
	for _, tag := range document.AttachedTags(subject) {
		doc, err := r.client.Attached(ctx, r.ref, tag)
		if err != nil {
			return nil, fromRegistry(err)
		}
		if doc == nil {
			continue
		}
		item := source.Listed{Kind: source.KindReferrer, Number: -1, Digest: doc.Digest, Size: int64(len(doc.Raw)),
			Subject: subject, Reference: r.tag(tag)}
		parsed, kind, err := document.Parse(doc.Raw, doc.MediaType, r.Opt.Limits.JSONDepth)
		if err == nil && kind == document.ManifestKind {
			var m *document.Manifest
			if m, err = document.NewManifest(parsed, doc.Raw, &r.Opt.Limits); err == nil {
				item.Type = m.Type()
			}
		}
		item.Err = err
		list = append(list, item)
	}
	return list, nil
}

// tag is the reference of another tag of the repository.
func (r *Repository) tag(tag string) string {
	return registry.Reference{Host: r.ref.Host, Repository: r.ref.Repository, Tag: tag}.String()
}

// mostSubjects bounds the requests for referrers: an index may name hundreds of images.
const mostSubjects = 16

// subjects returns the digests to which something may refer, that of the reference first.
func (r *Repository) subjects() []string {
	list := []string{r.top}
	for _, e := range r.Graph.Entries {
		if e.Kind == source.KindImage && !e.Absent && e.Descriptor.Digest != r.top && len(list) < mostSubjects {
			list = append(list, e.Descriptor.Digest)
		}
	}
	return list
}

// listReferrers lists what a page of referrers names.
func (r *Repository) listReferrers(raw []byte, subject string) ([]source.Listed, error) {
	doc, err := document.ParseIndex(raw, "", r.Opt.Limits.JSONDepth)
	if err != nil {
		return nil, err
	}
	children, err := doc.Children()
	if err == nil {
		err = document.Over(document.LimitDescriptors, len(children), r.Opt.Limits.Descriptors)
	}
	if err != nil {
		return nil, err
	}
	var list []source.Listed
	for i, raw := range children {
		d, err := document.ParseDescriptor(raw)
		if err != nil {
			return nil, fmt.Errorf("manifests[%d]: %w", i, err)
		}
		list = append(list, source.Listed{Kind: source.KindReferrer, Number: -1, Digest: d.Digest, Size: d.Size,
			Type: d.ArtifactType, Subject: subject, Created: d.Annotations["org.opencontainers.image.created"]})
	}
	return list, nil
}

// Attach finds what refers to manifests of these digests, and what cosign keeps about them under tags, and adds it to
// the entries.
func (r *Repository) Attach(ctx context.Context, digests []string) error {
	for _, subject := range digests[:min(len(digests), mostSubjects)] {
		pages, err := r.client.Referrers(ctx, r.ref, subject)
		if err != nil {
			return fromRegistry(err)
		}
		for _, page := range pages {
			items, err := r.listReferrers(page, subject)
			for i := 0; err == nil && i < len(items); i++ {
				d := document.Descriptor{MediaType: document.OCIManifest, Digest: items[i].Digest, Size: items[i].Size}
				if err = r.WalkOne(ctx, d, ""); err == nil {
					err = document.Over(document.LimitSignatures, len(r.Graph.Entries), r.Opt.Limits.Signatures)
				}
			}
			if err != nil {
				return fmt.Errorf("referrers of %s: %w", subject, err)
			}
		}
		for _, tag := range document.AttachedTags(subject) {
			doc, err := r.client.Attached(ctx, r.ref, tag)
			if err != nil {
				return fromRegistry(err)
			}
			if doc == nil {
				continue
			}
			r.documents[doc.Digest] = doc.Raw
			d := document.Descriptor{MediaType: doc.MediaType, Digest: doc.Digest, Size: int64(len(doc.Raw))}
			if err := r.WalkOne(ctx, d, r.tag(tag)); err != nil {
				return err
			}
		}
	}
	return nil
}
