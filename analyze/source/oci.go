package source

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"slices"
	"strings"

	"layup/tarfs"
)

// A manifest is an OCI or Docker image manifest, as far as it is needed.
type manifest struct {
	raw          []byte
	artifactType string
	config       descriptor
	layers       []blobRef
}

// A blobRef is a descriptor, or why it cannot be one.
type blobRef struct {
	descriptor
	err error
}

// document kinds, by media type and by content.
const (
	docIndex    = "index"
	docManifest = "manifest"
)

// notA says what a document is not.
var notA = map[string]string{docIndex: "not an index", docManifest: "not a manifest"}

// mediaKinds are the media types of documents that list images or layers.
var mediaKinds = map[string]string{
	"application/vnd.oci.image.index.v1+json":                   docIndex,
	"application/vnd.docker.distribution.manifest.list.v2+json": docIndex,
	"application/vnd.oci.image.manifest.v1+json":                docManifest,
	"application/vnd.docker.distribution.manifest.v2+json":      docManifest,
}

// imageConfigTypes are the media types of configs of container images; an empty one is taken for the usual.
var imageConfigTypes = map[string]bool{
	"": true,
	"application/vnd.oci.image.config.v1+json":       true,
	"application/vnd.docker.container.image.v1+json": true,
}

// A rawDocument is an index or a manifest.
type rawDocument struct {
	SchemaVersion json.RawMessage `json:"schemaVersion"`
	MediaType     string          `json:"mediaType"`
	ArtifactType  string          `json:"artifactType"`
	Config        json.RawMessage `json:"config"`
	Layers        json.RawMessage `json:"layers"`
	FSLayers      json.RawMessage `json:"fsLayers"`
	Manifests     json.RawMessage `json:"manifests"`
}

// parseDocument reads an index or a manifest and decides which it is; said is the media type by which it was named, if any.
func parseDocument(doc []byte, said string, depth int) (*rawDocument, string, error) {
	d := new(rawDocument)
	if err := unmarshal(doc, depth, d); err != nil {
		return nil, "", err
	}
	if v := string(d.SchemaVersion); present(d.FSLayers) || v != "" && v != "2" {
		return nil, "", fmt.Errorf("schemaVersion %s is not supported, only 2", shortened(v))
	}
	kind, err := d.kind(said)
	return d, kind, err
}

// kind refuses a document that two readers could take for two things (CVE-2021-41190).
func (d *rawDocument) kind(said string) (string, error) {
	list, image := present(d.Manifests), present(d.Config) || present(d.Layers)
	if list && image {
		return "", errors.New("is both an index and a manifest")
	}
	shape := ""
	if list {
		shape = docIndex
	} else if image {
		shape = docManifest
	}
	named, own := mediaKinds[said], mediaKinds[d.MediaType]
	if d.MediaType != "" && said != "" && own != named {
		err := fmt.Errorf("mediaType differs: the descriptor says %s, the document %s", shortened(said), shortened(d.MediaType))
		if named != "" {
			err = fmt.Errorf("%s: %w", notA[named], err)
		}
		return "", err
	}
	want := firstWord(named, own, shape)
	if shape != "" && shape != want {
		return "", errors.New(notA[want] + ": it has the fields of the other")
	}
	if want == "" {
		return "", errors.New("neither an index nor a manifest")
	}
	return want, nil
}

func firstWord(words ...string) string {
	for _, w := range words {
		if w != "" {
			return w
		}
	}
	return ""
}

func rawList(raw json.RawMessage, field string) ([]json.RawMessage, error) {
	var list []json.RawMessage
	if len(raw) == 0 {
		return nil, nil
	}
	if err := typed(json.Unmarshal(raw, &list)); err != nil {
		return nil, fmt.Errorf("%s: %w", field, err)
	}
	return list, nil
}

// newManifest reads the descriptors of a manifest; those of layers may be wrong, for then the other layers can still be read.
func newManifest(d *rawDocument, raw []byte, limits *Limits) (*manifest, error) {
	m := &manifest{raw: raw, artifactType: d.ArtifactType}
	var err error
	if m.config, err = parseDescriptor(d.Config); err != nil {
		return nil, fmt.Errorf("config: %w", err)
	}
	layers, err := rawList(d.Layers, "layers")
	if err != nil {
		return nil, err
	}
	if err := over(limitLayers, int64(len(layers)), int64(limits.Layers)); err != nil {
		return nil, err
	}
	for _, raw := range layers {
		desc, err := parseDescriptor(raw)
		m.layers = append(m.layers, blobRef{desc, err})
	}
	return m, nil
}

// notImage says what a manifest describes instead of a container image.
func (m *manifest) notImage() error {
	if imageConfigTypes[m.config.MediaType] {
		return nil
	}
	err := fmt.Errorf("not a container image but an artifact: its config is of type %s", shortened(m.config.MediaType))
	if m.artifactType != "" {
		err = fmt.Errorf("%w, artifactType %s", err, shortened(m.artifactType))
	}
	return err
}

// loadOCI finds an image's config and layers by its manifest.
func (a *Archive) loadOCI(c *candidate, img *Image) error {
	config, err := a.readConfig(c)
	if err != nil {
		return err
	}
	layers := c.desc.layers
	if err := img.useConfig(config, len(layers), &a.opt.Limits); err != nil {
		return err
	}
	img.Manifest = c.desc.raw
	order := c.order(config.diffIDs)
	if !slices.IsSorted(order) {
		img.Warnings = append(img.Warnings, tarfs.Warning{Code: tarfs.LayersOutOfOrder, Layer: tarfs.NoLayer})
	}
	for i, at := range order {
		l := a.newLayer(i)
		l.DiffID = config.diffIDs[i]
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
	digests := make([]string, len(c.desc.layers))
	for i, l := range c.desc.layers {
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
func (a *Archive) fill(l *Layer, ref blobRef) error {
	l.MediaType, l.hint, l.Size = ref.MediaType, ref.MediaType, ref.Size
	if ref.err != nil {
		return ref.err
	}
	l.Digest = ref.Digest
	if strings.HasSuffix(ref.MediaType, "+encrypted") {
		return fmt.Errorf("is encrypted (media type %s): its content cannot be read", shortened(ref.MediaType))
	}
	m, err := a.store.open(blobName(ref.Digest))
	switch {
	case errors.Is(err, fs.ErrNotExist) && ref.Data != nil:
		m, err = &stored{data: embedded(ref.Data)}, nil
	case errors.Is(err, fs.ErrNotExist) && len(ref.URLs) > 0, errors.Is(err, fs.ErrNotExist) && foreign(ref.MediaType):
		return errors.New("is a foreign layer: its content is not in the file, and its URLs are not followed")
	case errors.Is(err, fs.ErrNotExist):
		return a.afterDamage(missingBlob{digest: ref.Digest})
	}
	if err != nil {
		return fmt.Errorf("blob %s: %w", ref.Digest, err)
	}
	l.take(m)
	if a.opt.Verify {
		l.Size = ref.Size // compared in the pass over the layer, with the digest
		return ref.matchData()
	}
	return nil
}

func embedded(data []byte) *io.SectionReader {
	return io.NewSectionReader(bytes.NewReader(data), 0, int64(len(data)))
}

// foreign reports whether a layer's media type says that it is not distributed with the image.
func foreign(mediaType string) bool {
	return strings.Contains(mediaType, ".nondistributable.") || strings.Contains(mediaType, ".foreign.")
}

// readLayout lists what index.json reaches.
func (a *Archive) readLayout(ctx context.Context) error {
	if err := a.checkVersion(); err != nil {
		return err
	}
	doc, err := readMember(a.store, indexName, limitManifest, a.opt.Limits.Manifest)
	if err != nil {
		return fmt.Errorf("%s: %w", indexName, err)
	}
	d, kind, err := parseDocument(doc, "", a.opt.Limits.JSONDepth)
	if err == nil && kind != docIndex {
		err = errors.New(notA[docIndex])
	}
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
		return a.reconcile()
	}
	return nil
}

// checkVersion reads the file oci-layout. Without it, index.json decides.
func (a *Archive) checkVersion() error {
	doc, err := readMember(a.store, layoutName, limitManifest, a.opt.Limits.Manifest)
	if errors.Is(err, fs.ErrNotExist) {
		return nil
	}
	var layout struct {
		Version string `json:"imageLayoutVersion"`
	}
	if err == nil {
		err = unmarshal(doc, a.opt.Limits.JSONDepth, &layout)
	}
	if err == nil && layout.Version != "1" && !strings.HasPrefix(layout.Version, "1.") {
		err = fmt.Errorf("imageLayoutVersion %s is not supported, only 1", shortened(layout.Version))
	}
	if err != nil {
		return fmt.Errorf("%s: %w", layoutName, err)
	}
	return nil
}
