package archive

import (
	"cmp"
	"errors"
	"fmt"
	"io/fs"
	"maps"
	"slices"

	"layup/analyze/show"
	"layup/analyze/source"
	"layup/analyze/source/document"
	"layup/tarfs"
)

// IndexMissesImage warns of an archive as Docker 25 and later save images by ID or digest, or with foreign layers.
var IndexMissesImage = tarfs.Code{Name: "index-misses-image", Severity: tarfs.Medium,
	Message: "index.json does not lead to this image: manifest.json does, and the config proves its layers"}

// reconcile joins manifest.json to what index.json reaches: the index says what is in the file, manifest.json the tags
// and the order of layers. It refuses an image that only one of two readers would see, unless Docker saves it that way:
// an image without a tag, beside others that both documents list.
func (a *Archive) reconcile() error {
	entries, err := a.dockerEntries()
	if err != nil {
		return err
	}
	j := newJoiner(a)
	var missed []*dockerEntry
	var disagree error // about the first of them
	for _, d := range a.joinEqual(entries) {
		id, err := a.configDigest(d)
		if err != nil {
			return fmt.Errorf("%s: image %d: %w", manifestName, d.number, err)
		}
		if j.join(d, id) {
			continue
		}
		differs := fmt.Errorf("%[1]s and %[2]s disagree: image %[3]d of %[1]s (config %[4]s) is not reached by %[2]s, "+
			"or has other layers there", manifestName, indexName, d.number, id)
		if len(d.RepoTags) > 0 || !a.proven(d) {
			return differs
		}
		missed, disagree = append(missed, d), cmp.Or(disagree, differs)
	}
	if err := j.complete(); err != nil {
		return fmt.Errorf("%s: %w", manifestName, err)
	}
	if len(missed) > 0 && a.unlisted() {
		return disagree
	}
	return a.addDocker(missed, func(d *dockerEntry) source.Form { return savedForm{dockerForm{a, d}} })
}

// proven reports whether an image is stored as Docker 25 and later do: each layer uncompressed in a blob, so that the
// name of the blob is the diffID in the config.
func (a *Archive) proven(d *dockerEntry) bool {
	config, err := a.config(d.Config)
	if err != nil || document.BlobDigest(cleaned(d.Config)) == "" {
		return false
	}
	return slices.EqualFunc(d.Layers, config.DiffIDs, func(name, diffID string) bool {
		return document.BlobDigest(cleaned(name)) == diffID
	})
}

// leftOut reports whether a manifest lacks layers as those of Docker do: it has none at all, or it describes a foreign
// layer as the registry has it, and the content is in the archive.
func (a *Archive) leftOut(d *dockerEntry, m *document.Manifest) bool {
	if len(m.Layers) == 0 {
		return true
	}
	if len(m.Layers) != len(d.Layers) {
		return false
	}
	for i, l := range m.Layers {
		same := l.Err == nil && a.place(document.BlobName(l.Digest)) == a.place(d.Layers[i])
		if !same && (l.Err != nil || !l.Foreign() || a.graph.Blobs.Has(l.Digest)) {
			return false
		}
	}
	return true
}

// unlisted reports whether index.json leads to an image, of any platform, that manifest.json does not list.
func (a *Archive) unlisted() bool {
	listed := map[int]bool{} // by group
	for _, e := range a.entries {
		if e.Kind == source.KindImage {
			listed[e.Group] = listed[e.Group] || dockerOf(e) != nil
		}
	}
	return slices.Contains(slices.Collect(maps.Values(listed)), false)
}

// A savedForm is an image of manifest.json if index.json does not lead to it, or not to all its layers.
type savedForm struct{ dockerForm }

// Load finds the image by manifest.json, and says so.
func (f savedForm) Load(e *source.Entry, img *source.Image) error {
	img.Warnings = append(img.Warnings, tarfs.Warning{Code: IndexMissesImage, Layer: tarfs.NoLayer})
	return f.dockerForm.Load(e, img)
}

// configDigest returns the digest of an image's config, by its name in the layout or by its content.
func (a *Archive) configDigest(d *dockerEntry) (string, error) {
	if clean, ok := cleanMember(d.Config); ok && document.BlobDigest(clean) != "" {
		return document.BlobDigest(clean), nil
	}
	config, err := a.config(d.Config)
	if err != nil {
		if _, limit := errors.AsType[*tarfs.LimitError](err); limit || !errors.Is(err, fs.ErrNotExist) {
			return "", err
		}
		return show.Cut(d.Config), nil
	}
	return config.ID, nil
}

// place returns where the bytes of a name lie, or the name if there are none.
func (a *Archive) place(name string) string {
	if m, err := a.members.open(name); err == nil {
		return m.name
	}
	return cleaned(name)
}
