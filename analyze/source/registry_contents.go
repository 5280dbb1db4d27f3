package source

import (
	"context"
	"fmt"

	"layup/analyze/source/document"
	"layup/analyze/source/registry"
)

// The kinds of what a registry lists.
const (
	kindRepository = "repository"
	kindTag        = "tag"
	kindReferrer   = "referrer" // a manifest that refers to another: a signature, an attestation
)

// mostDetailed is how many tags are asked for what they hold; each costs some requests.
const mostDetailed = 500

// contents lists the tags of a repository, or the repositories of a registry.
func (r *repository) contents(ctx context.Context, a *Archive) ([]Listed, error) {
	if r.ref.Repository == "" {
		return r.catalog(ctx)
	}
	tags, err := r.client.Tags(ctx, r.ref)
	if err != nil {
		return nil, fromRegistry(err)
	}
	if err := document.Over(document.LimitDescriptors, int64(len(tags)), int64(a.opt.Limits.Descriptors)); err != nil {
		return nil, fmt.Errorf("tags: %w", err)
	}
	if a.opt.Detail && len(tags) > mostDetailed {
		return nil, &Hinted{Err: fmt.Errorf("has %d tags, more than the %d that are asked one by one", len(tags), mostDetailed), Hint: "without --detail their names are listed"}
	}
	var list []Listed
	for _, tag := range tags {
		ref := r.ref.Or(tag)
		if !a.opt.Detail {
			list = append(list, Listed{Kind: kindTag, Number: -1, Reference: ref.String(), Size: -1})
			continue
		}
		items, err := r.tagged(ctx, a, ref)
		if err != nil {
			return nil, err
		}
		list = append(list, items...)
	}
	return list, nil
}

// tagged lists what one tag names. Its items have no number, for several tags are no one source.
func (r *repository) tagged(ctx context.Context, a *Archive, ref registry.Reference) ([]Listed, error) {
	one := &Archive{Name: a.Name, Kind: a.Kind, opt: a.opt, in: new(input)}
	shelf := &repository{ctx: r.ctx, client: r.client, ref: ref, opt: r.opt, documents: map[string][]byte{}}
	one.shelf = shelf
	if err := shelf.readImages(ctx, one); err != nil {
		return nil, err
	}
	list, err := one.listImages(ctx)
	for i := range list {
		list[i].Number = -1
	}
	return list, err
}

func (r *repository) catalog(ctx context.Context) ([]Listed, error) {
	names, err := r.client.Catalog(ctx, r.ref.Host)
	if registry.NotFound(err) {
		return nil, &Hinted{Err: fmt.Errorf("serves no catalogue of its repositories: %w", err), Hint: "layup images docker://" + r.ref.Host + "/NAME  lists the tags of one"}
	}
	if err != nil {
		return nil, fromRegistry(err)
	}
	var list []Listed
	for _, name := range names {
		list = append(list, Listed{Kind: kindRepository, Number: -1, Reference: registry.Reference{Host: r.ref.Host, Repository: name}.String(), Size: -1})
	}
	return list, nil
}

// referrers lists what refers to the manifest that the reference names, and to the images that it reaches.
func (r *repository) referrers(ctx context.Context, a *Archive) ([]Listed, error) {
	seen := map[string]bool{}
	var list []Listed
	for _, subject := range r.subjects(a) {
		pages, err := r.client.Referrers(ctx, r.ref, subject)
		if err != nil {
			return nil, fromRegistry(err)
		}
		for _, page := range pages {
			items, err := r.listReferrers(page, a, subject)
			if err != nil {
				return nil, fmt.Errorf("referrers of %s: %w", subject, err)
			}
			for _, item := range items {
				if !seen[item.Digest] {
					seen[item.Digest] = true
					list = append(list, item)
				}
			}
			if err := document.Over(document.LimitDescriptors, int64(len(list)), int64(a.opt.Limits.Descriptors)); err != nil {
				return nil, fmt.Errorf("referrers: %w", err)
			}
		}
	}
	return list, nil
}

// mostSubjects bounds the requests for referrers.
const mostSubjects = 16

// subjects returns the digests to which something may refer: of the reference itself first.
func (r *repository) subjects(a *Archive) []string {
	list := []string{r.top}
	for _, c := range a.images {
		if c.kind == kindImage && !c.absent && c.manifest.Digest != r.top && len(list) < mostSubjects {
			list = append(list, c.manifest.Digest)
		}
	}
	return list
}

func (r *repository) listReferrers(raw []byte, a *Archive, subject string) ([]Listed, error) {
	doc, err := document.ParseIndex(raw, "", a.opt.Limits.JSONDepth)
	if err != nil {
		return nil, err
	}
	descriptors, err := doc.Children()
	if err == nil {
		err = document.Over(document.LimitDescriptors, int64(len(descriptors)), int64(a.opt.Limits.Descriptors))
	}
	if err != nil {
		return nil, err
	}
	var list []Listed
	for i, raw := range descriptors {
		d, err := document.ParseDescriptor(raw)
		if err != nil {
			return nil, fmt.Errorf("manifests[%d]: %w", i, err)
		}
		list = append(list, Listed{Kind: kindReferrer, Number: -1, Digest: d.Digest, Size: d.Size, Type: d.ArtifactType, Subject: subject,
			Created: d.Annotations["org.opencontainers.image.created"]})
	}
	return list, nil
}
