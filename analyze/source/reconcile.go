package source

import (
	"errors"
	"fmt"
	"io/fs"

	"layup/analyze/show"
	"layup/analyze/source/document"
	"layup/analyze/source/registry"
	"layup/tarfs"
)

// reconcile joins manifest.json to what index.json reaches: the index says what is in the file, manifest.json the tags and the order of
// layers. An image that only one of two readers would see is refused.
func (a *Archive) reconcile() error {
	entries, err := a.dockerEntries()
	if err != nil {
		return err
	}
	for i, e := range entries {
		id, err := a.configDigest(e)
		if err != nil {
			return fmt.Errorf("%s: image %d: %w", manifestName, i, err)
		}
		found := false
		for _, c := range a.images {
			if c.desc == nil || c.err != nil || c.desc.Config.Digest != id {
				continue
			}
			if order := a.layerOrder(e, c.desc); order != nil {
				found = true
				joined := *e
				joined.order = order
				c.docker = &joined
				a.tag(c, e.RepoTags)
			}
		}
		if !found {
			return fmt.Errorf("%s and %s disagree: image %d of %s (config %s) is not reached by %s, or has other layers there",
				manifestName, indexName, i, manifestName, id, indexName)
		}
	}
	return nil
}

// configDigest returns the digest of an entry's config, by its name in the layout or by its content.
func (a *Archive) configDigest(e *dockerEntry) (string, error) {
	if clean, ok := cleanMember(e.Config); ok && document.BlobDigest(clean) != "" {
		return document.BlobDigest(clean), nil
	}
	config, err := a.readConfig(&candidate{docker: e, form: dockerForm{a}})
	if err != nil {
		if _, limit := errors.AsType[*tarfs.LimitError](err); limit || !errors.Is(err, fs.ErrNotExist) {
			return "", err
		}
		return show.Cut(e.Config), nil
	}
	return config.ID, nil
}

// layerOrder returns which layer of the manifest each of the entry's is, or nil where they are not the same set.
func (a *Archive) layerOrder(e *dockerEntry, m *document.Manifest) []int {
	want, have := make([]string, len(e.Layers)), make([]string, len(m.Layers))
	for i, name := range e.Layers {
		want[i] = a.place(name)
	}
	for i, l := range m.Layers {
		if have[i] = "a layer without a digest"; l.Err == nil {
			have[i] = a.place(document.BlobName(l.Digest))
		}
	}
	return permutation(want, have)
}

// place returns where the bytes of a name lie, or the name where there are none.
func (a *Archive) place(name string) string {
	if m, err := a.store.open(name); err == nil {
		return m.name
	}
	return cleaned(name)
}

// tag gives a candidate manifest.json's names. What the index calls by the same name in full gets the short one.
func (a *Archive) tag(c *candidate, tags []string) {
	for _, tag := range tags {
		known := false
		for _, other := range a.images {
			for i, ref := range other.refs {
				if other.group == c.group && registry.Familiar(ref) == registry.Familiar(tag) {
					other.refs[i] = tag
					known = known || other == c
				}
			}
		}
		if !known {
			c.name(tag)
		}
	}
}
