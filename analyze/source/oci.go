package source

import (
	"bytes"
	"cmp"
	"context"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"slices"
	"strings"

	"layup/analyze/show"
	"layup/analyze/source/document"
	"layup/tarfs"
)

// An ociForm is an image of an OCI or Docker manifest.
type ociForm struct{ a *Archive }

func (f ociForm) config(c *candidate) (*document.Config, error) {
	if err := f.a.readManifest(c); err != nil {
		return nil, err
	}
	raw, err := f.a.document(c.desc.Config, "config", document.LimitConfig, f.a.opt.Limits.Config)
	if err != nil {
		return nil, err
	}
	return document.ParseConfig(raw, &f.a.opt.Limits)
}

// load finds an image's config and layers by its manifest.
func (f ociForm) load(c *candidate, img *Image) error {
	a := f.a
	config, err := a.readConfig(c)
	if err != nil {
		return err
	}
	layers := c.desc.Layers
	if err := img.useConfig(config, len(layers), &a.opt.Limits); err != nil {
		return err
	}
	img.Manifest = c.desc.Raw
	img.ManifestDescriptor = document.Descriptor{MediaType: cmp.Or(c.manifest.MediaType, c.desc.MediaType), Digest: c.manifest.Digest, Size: c.manifest.Size}
	order := c.order(config.DiffIDs)
	if !slices.IsSorted(order) {
		img.Warnings = append(img.Warnings, tarfs.Warning{Code: LayersOutOfOrder, Layer: tarfs.NoLayer})
	}
	for i, at := range order {
		l := a.newLayer(i)
		l.DiffID = config.DiffIDs[i]
		l.err = a.fill(l, layers[at])
		img.Layers = append(img.Layers, l)
	}
	return nil
}

// order says which of the manifest's layers comes when: manifest.json's order where there is one, else the manifest's own, but where
// layers stand for themselves uncompressed in another order than the config's: Docker 25.0.0 wrote them so.
func (c *candidate) order(diffIDs []string) []int {
	if c.docker != nil {
		return c.docker.order
	}
	digests := make([]string, len(c.desc.Layers))
	for i, l := range c.desc.Layers {
		digests[i] = l.Digest
	}
	if order := permutation(diffIDs, digests); order != nil {
		return order
	}
	order := make([]int, len(digests))
	for i := range order {
		order[i] = i
	}
	return order
}

// permutation returns the position of each wanted string among those that are there, or nil where they are not the same strings.
func permutation(want, have []string) []int {
	if len(want) != len(have) {
		return nil
	}
	free := map[string][]int{}
	for i, s := range have {
		free[s] = append(free[s], i)
	}
	order := make([]int, len(want))
	for i, s := range want {
		if len(free[s]) == 0 {
			return nil
		}
		order[i], free[s] = free[s][0], free[s][1:]
	}
	return order
}

// fill finds the bytes of a layer, or says why there are none.
func (a *Archive) fill(l *Layer, ref document.Ref) error {
	l.MediaType, l.hint, l.Size = ref.MediaType, ref.MediaType, ref.Size
	if ref.Err != nil {
		return ref.Err
	}
	l.Digest = ref.Digest
	if strings.HasSuffix(ref.MediaType, "+encrypted") {
		return fmt.Errorf("is encrypted (media type %s): its content cannot be read", show.Cut(ref.MediaType))
	}
	blob, check, err := a.shelf.layer(ref.Descriptor)
	switch {
	case errors.Is(err, fs.ErrNotExist) && ref.Data != nil:
		blob, err = embedded(ref.Data), nil
	case errors.Is(err, fs.ErrNotExist) && ref.Foreign():
		return foreignLayer{}
	case errors.Is(err, fs.ErrNotExist):
		return a.afterDamage(missingBlob{digest: ref.Digest})
	}
	if err != nil {
		return fmt.Errorf("blob %s: %w", ref.Digest, err)
	}
	l.blob, l.check, l.Size = blob, check, blob.Size()
	if far, ok := blob.(*farBlob); ok && a.opt.TOC {
		l.toc = newTOC(far)
	}
	if a.opt.Verify {
		l.Size = ref.Size // compared in the pass over the layer, with the digest
		return ref.MatchData()
	}
	return nil
}

func embedded(data []byte) *io.SectionReader {
	return io.NewSectionReader(bytes.NewReader(data), 0, int64(len(data)))
}

// A foreignLayer says that a layer is not distributed with the image.
type foreignLayer struct{}

func (foreignLayer) Error() string {
	return "is a foreign layer: its content is not in the file, and its URLs are not followed"
}

// Is makes it a case of what does not exist.
func (foreignLayer) Is(target error) bool { return target == fs.ErrNotExist }

// readLayout lists what index.json reaches.
func (a *Archive) readLayout(ctx context.Context) error {
	if err := a.tolerate(layoutName, a.checkVersion()); err != nil {
		return err
	}
	doc, err := readMember(a.store, indexName, document.LimitManifest, a.opt.Limits.Manifest)
	if err != nil {
		return fmt.Errorf("%s: %w", indexName, err)
	}
	d, _, err := document.Parse(doc, document.OCIIndex, a.opt.Limits.JSONDepth)
	if err != nil {
		return fmt.Errorf("%s: %w", indexName, err)
	}
	w := &indexWalk{ctx: ctx, a: a, tops: map[string]int{}}
	if err := w.top(d); err != nil {
		return fmt.Errorf("%s: %w", indexName, err)
	}
	if len(a.images) == 0 {
		return errors.New(indexName + ": lists no image")
	}
	if a.store.has(manifestName) {
		return a.tolerate(manifestName, a.reconcile())
	}
	return nil
}

// checkVersion reads the file oci-layout. Without it, index.json decides.
func (a *Archive) checkVersion() error {
	doc, err := readMember(a.store, layoutName, document.LimitManifest, a.opt.Limits.Manifest)
	if errors.Is(err, fs.ErrNotExist) {
		return nil
	}
	var layout struct {
		Version string `json:"imageLayoutVersion"`
	}
	if err == nil {
		err = document.Unmarshal(doc, a.opt.Limits.JSONDepth, &layout)
	}
	if err == nil && layout.Version != "1" && !strings.HasPrefix(layout.Version, "1.") {
		err = fmt.Errorf("imageLayoutVersion %s is not supported, only 1", show.Cut(layout.Version))
	}
	if err != nil {
		return fmt.Errorf("%s: %w", layoutName, err)
	}
	return nil
}
