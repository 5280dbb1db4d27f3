package archive

import (
	"errors"
	"fmt"
	"io/fs"

	"layup/analyze/show"
	"layup/analyze/source"
	"layup/analyze/source/document"
	"layup/tarfs"
)

// A joinedForm is an image that both index.json and manifest.json describe.
type joinedForm struct {
	*source.Graph
	docker *dockerEntry
}

// reconcile joins manifest.json to what index.json reaches: the index says what is in the file, manifest.json the tags
// and the order of layers. It refuses an image that only one of two readers would see.
func (a *Archive) reconcile() error {
	entries, err := a.dockerEntries()
	if err != nil {
		return err
	}
	for i, d := range entries {
		id, err := a.configDigest(d)
		if err != nil {
			return fmt.Errorf("%s: image %d: %w", manifestName, i, err)
		}
		found := false
		for _, e := range a.entries {
			if e.Manifest == nil || e.Err != nil || e.Manifest.Config.Digest != id {
				continue
			}
			if order := a.layerOrder(d, e.Manifest); order != nil {
				found = true
				e.Form, e.Order = joinedForm{a.graph, d}, order
				a.tag(e, d.RepoTags)
			}
		}
		if !found {
			return fmt.Errorf("%s and %s disagree: image %d of %s (config %s) is not reached by %s, or has other layers there",
				manifestName, indexName, i, manifestName, id, indexName)
		}
	}
	return nil
}

// configDigest returns the digest of an image's config, by its name in the layout or by its content.
func (a *Archive) configDigest(d *dockerEntry) (string, error) {
	if clean, ok := cleanMember(d.Config); ok && document.BlobDigest(clean) != "" {
		return document.BlobDigest(clean), nil
	}
	config, err := dockerForm{a, d}.Config(nil)
	if err != nil {
		if _, limit := errors.AsType[*tarfs.LimitError](err); limit || !errors.Is(err, fs.ErrNotExist) {
			return "", err
		}
		return show.Cut(d.Config), nil
	}
	return config.ID, nil
}

// layerOrder returns which layer of the manifest each of the entry's is, or nil unless they are the same set.
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
	return source.Permutation(want, have)
}

// place returns where the bytes of a name lie, or the name if there are none.
func (a *Archive) place(name string) string {
	if m, err := a.members.open(name); err == nil {
		return m.name
	}
	return cleaned(name)
}

// tag gives an entry manifest.json's names. If the index has the same name in full, the short one replaces it.
func (a *Archive) tag(e *source.Entry, tags []string) {
	for _, tag := range tags {
		known := false
		for _, other := range a.entries {
			for i, ref := range other.References {
				if other.Group == e.Group && document.Familiar(ref) == document.Familiar(tag) {
					other.References[i] = tag
					known = known || other == e
				}
			}
		}
		if !known {
			e.Name(tag)
		}
	}
}
