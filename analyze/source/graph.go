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

// Blobs finds blobs by their digests: in a layout, a repository of a registry, or containerd's content store. The error
// is fs.ErrNotExist if there is no such blob.
type Blobs interface {
	// Document returns an index, a manifest or a config, of a size that the limit allows. It is compared with its
	// descriptor when verifying. What names it in messages.
	Document(d document.Descriptor, what, limitName string, limit int64) ([]byte, error)
	// Layer finds the stored bytes of a layer.
	Layer(d document.Descriptor) (*Blob, error)
	// Has reports whether there is such a blob, as far as that can be known without a request.
	Has(digest string) bool
	// Far reports whether a document costs a request. If so, only the documents that are needed are read.
	Far() bool
	// Missing returns the error about a blob that is not there. The digest may be empty.
	Missing(digest string) error
}

// A Graph is what indexes and manifests reach, from the names down to layers. It is the Form of its entries.
type Graph struct {
	Blobs   Blobs
	Opt     *Options
	Entries []*Entry
	Indexes []document.Descriptor            // nested ones
	above   map[string][]document.Descriptor // by digest: the indexes that list it, each verified
	held    int64                            // weight of documents that were read
	names   int                              // that Name gave
	read    map[document.Named]*described
	configs map[document.Named]*readConfig
}

// A readConfig is a config, or why it cannot be read.
type readConfig struct {
	*document.Config
	err error
}

// A described is what a descriptor of a manifest or an index names.
type described struct {
	manifest *document.Manifest
	nested   *document.Document // an index
	err      error
}

// document reads a blob that is JSON and is held in memory. What names it in errors.
func (g *Graph) document(d document.Descriptor, what, limitName string, limit int64) ([]byte, error) {
	doc, err := g.blob(d, what, limitName, limit)
	if err == nil {
		err = document.Hold(&g.held, doc)
	}
	if err != nil {
		return nil, fmt.Errorf("%s %s: %w", what, d.Digest, err)
	}
	return doc, nil
}

// blob reads a blob that is JSON, or the copy in its descriptor.
func (g *Graph) blob(d document.Descriptor, what, limitName string, limit int64) ([]byte, error) {
	doc, err := g.Blobs.Document(d, what, limitName, limit)
	switch missing := errors.Is(err, fs.ErrNotExist); {
	case missing && d.Data != nil:
		if doc, err = d.Data, document.Over(limitName, int64(len(d.Data)), limit); err == nil && g.Opt.Verify {
			err = d.Match(doc)
		}
	case missing && !g.Blobs.Far():
		err = g.Blobs.Missing("")
	}
	return doc, err
}

// readManifest fills the entry from its manifest, if that was not done yet.
func (g *Graph) readManifest(e *Entry) error {
	if e.Manifest != nil {
		return nil
	}
	nested, err := g.readDescribed(e)
	if err == nil && nested != nil {
		err = fmt.Errorf("manifest %s: is an index", e.Descriptor.Digest)
	}
	return err
}

// readDescribed fills the entry from its manifest, or returns the index that the descriptor names instead. It reads a
// document once, however many descriptors name it.
func (g *Graph) readDescribed(e *Entry) (*document.Document, error) {
	key := e.Descriptor.Named()
	found := g.read[key]
	if found == nil {
		found = new(described)
		found.nested, found.err = g.describe(e.Descriptor, found)
		if g.read == nil {
			g.read = map[document.Named]*described{}
		}
		if found.err == nil || !g.Blobs.Far() { // a registry may answer later
			g.read[key] = found
		}
	}
	if e.Manifest = found.manifest; e.Manifest != nil && e.Manifest.NotImage() != nil {
		e.Kind = KindArtifact
	}
	return found.nested, found.err
}

// describe reads a manifest into found, or returns the index that the descriptor names instead.
func (g *Graph) describe(d document.Descriptor, found *described) (*document.Document, error) {
	limits := &g.Opt.Limits
	what := document.What(d.MediaType)
	doc, err := g.document(d, what, document.LimitManifest, limits.Manifest)
	if err != nil {
		return nil, err
	}
	parsed, kind, err := document.Parse(doc, d.MediaType, limits.JSONDepth)
	if err == nil && kind == document.IndexKind {
		return parsed, nil
	}
	if err == nil {
		found.manifest, err = document.NewManifest(parsed, doc, limits)
	}
	if err != nil {
		return nil, fmt.Errorf("%s %s: %w", what, d.Digest, err)
	}
	return nil, nil
}

// Config reads the config that the manifest names, once for all manifests that name it.
func (g *Graph) Config(e *Entry) (*document.Config, error) {
	if err := g.readManifest(e); err != nil {
		return nil, err
	}
	key := e.Manifest.Config.Named()
	c := g.configs[key]
	if c == nil {
		c = new(readConfig)
		var raw []byte
		if raw, c.err = g.document(e.Manifest.Config, "config", document.LimitConfig, g.Opt.Limits.Config); c.err == nil {
			c.Config, c.err = document.ParseConfig(raw, &g.Opt.Limits)
		}
		if g.configs == nil {
			g.configs = map[document.Named]*readConfig{}
		}
		if c.err == nil || !g.Blobs.Far() { // a registry may answer later
			g.configs[key] = c
		}
	}
	return c.Config, c.err
}

// Here reports whether the config is there. An artifact does without.
func (g *Graph) Here(e *Entry) bool {
	return e.Manifest == nil || e.Kind == KindArtifact || e.Manifest.Config.Data != nil ||
		g.Blobs.Has(e.Manifest.Config.Digest)
}

// Load finds an image's config and layers by its manifest.
func (g *Graph) Load(e *Entry, img *Image) error {
	if err := g.readManifest(e); err != nil {
		return err
	}
	img.graph, img.entry = g, e
	m, layers := e.Manifest, e.Manifest.Layers
	img.ID, img.Manifest = m.Config.Digest, m.Raw
	img.ManifestDescriptor = document.Descriptor{Digest: e.Descriptor.Digest, Size: e.Descriptor.Size,
		MediaType: cmp.Or(e.Descriptor.MediaType, m.MediaType)}
	if e.Kind == KindArtifact {
		img.ID, img.ArtifactType = e.Descriptor.Digest, m.Type()
		img.Layers = g.files(m)
		return nil
	}
	config, err := e.Config()
	if err == nil {
		layers = img.onlyLayers(layers, len(config.DiffIDs))
		err = img.UseConfig(config, len(layers), &g.Opt.Limits)
	} else {
		config = &document.Config{}
	}
	order := e.Order
	if len(order) != len(layers) {
		order = orderOf(layers, config.DiffIDs)
	}
	if !slices.IsSorted(order) {
		img.Warnings = append(img.Warnings, tarfs.Warning{Code: LayersOutOfOrder, Layer: tarfs.NoLayer})
	}
	for i, at := range order {
		l := g.Opt.NewLayer(i)
		if i < len(config.DiffIDs) {
			l.DiffID = config.DiffIDs[i]
		}
		l.Err = g.fill(l, layers[at])
		img.Layers = append(img.Layers, l)
	}
	return err
}

// onlyLayers cuts, with a warning, what follows the first n descriptors and cannot be a layer. If the config
// names no layer at all, it cuts nothing: the manifest is not that of an image.
func (img *Image) onlyLayers(list []document.Ref, n int) []document.Ref {
	if n == 0 || n >= len(list) || slices.ContainsFunc(list[n:], document.Ref.IsLayer) {
		return list
	}
	img.Warnings = append(img.Warnings, tarfs.Warning{Code: DescriptorsAfterLayers, Layer: tarfs.NoLayer})
	return list[:n]
}

// orderOf returns the order of a manifest's layers. It is the manifest's own, unless the layers are not compressed and
// the config has another order: Docker 25.0.0 wrote such archives.
func orderOf(layers []document.Ref, diffIDs []string) []int {
	digests := make([]string, len(layers))
	order := make([]int, len(digests))
	for i, l := range layers {
		digests[i], order[i] = l.Digest, i
	}
	if other := Permutation(diffIDs, digests); other != nil {
		return other
	}
	return order
}

// Permutation returns the position in have of each string of want, or nil unless both have equal strings.
func Permutation(want, have []string) []int {
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
func (g *Graph) fill(l *Layer, ref document.Ref) error {
	l.MediaType, l.Size = ref.MediaType, ref.Size
	if ref.Err != nil {
		return ref.Err
	}
	l.Digest = ref.Digest
	if strings.HasSuffix(ref.MediaType, "+encrypted") {
		return fmt.Errorf("is encrypted (media type %s): its content cannot be read", show.Cut(ref.MediaType))
	}
	blob, err := g.Blobs.Layer(ref.Descriptor)
	switch {
	case errors.Is(err, fs.ErrNotExist) && ref.Data != nil:
		blob, err = Embedded(ref.Data), nil
	case errors.Is(err, fs.ErrNotExist) && ref.Foreign():
		return errForeign
	case errors.Is(err, fs.ErrNotExist):
		return g.Blobs.Missing(ref.Digest)
	}
	if err != nil {
		return fmt.Errorf("blob %s: %w", ref.Digest, err)
	}
	blob.Hint = ref.MediaType
	l.Content, l.Size = blob, blob.Bytes.Size()
	if g.Opt.Verify {
		l.Size = ref.Size // compared in the pass over the layer, with the digest
		return ref.MatchData()
	}
	return nil
}

// Embedded is a blob that a document holds.
func Embedded(data []byte) *Blob {
	return &Blob{Bytes: io.NewSectionReader(bytes.NewReader(data), 0, int64(len(data)))}
}

// A missing error is an fs.ErrNotExist.
type missing string

func (e missing) Error() string { return string(e) }

func (missing) Is(target error) bool { return target == fs.ErrNotExist }

// errForeign says that a layer is not distributed with the image.
const errForeign missing = "is a foreign layer: its content is not in the file, and its URLs are not followed"

// MissingBlob returns an fs.ErrNotExist about a blob that a document names. The digest may be empty.
func MissingBlob(digest string) error {
	if digest == "" {
		return missing("blob not in the layout")
	}
	return missing("blob " + digest + " not in the layout")
}

// Checks verifies the manifest and the config.
func (g *Graph) Checks(ctx context.Context, e *Entry, _ *Image) ([]Check, error) {
	check, err := g.blobCheck(ctx, document.What(e.Descriptor.MediaType), e.Descriptor)
	if e.Err != nil && check.Verdict != Failed {
		check.Fail(CodeStructure, e.Err.Error())
	}
	list := []Check{check}
	if e.Manifest != nil && e.Err == nil && err == nil {
		check, err = g.blobCheck(ctx, "config", e.Manifest.Config)
		list = append(list, check)
	}
	return list, err
}

// Documents verifies nested indexes.
func (g *Graph) Documents(ctx context.Context) ([]Check, error) {
	var list []Check
	seen := map[string]bool{}
	for _, d := range g.Indexes {
		if seen[d.Digest] {
			continue
		}
		seen[d.Digest] = true
		check, err := g.blobCheck(ctx, document.IndexKind, d)
		if err != nil {
			return nil, err
		}
		list = append(list, check)
	}
	return list, ctx.Err()
}

// blobCheck verifies a blob, once for each digest. It fails only if ctx ends.
func (g *Graph) blobCheck(ctx context.Context, what string, d document.Descriptor) (Check, error) {
	return g.Opt.Audit.Blob(ctx, what, d, g.Opt, func() (*Blob, error) { return g.open(what, d) })
}

// open opens what a descriptor names. If the blob is missing, the descriptor may embed it.
func (g *Graph) open(what string, d document.Descriptor) (*Blob, error) {
	if g.Blobs.Far() && what != "layer" { // documents have another address there than layers
		most := max(g.Opt.Limits.Manifest, g.Opt.Limits.Config)
		doc, err := g.Blobs.Document(d, what, document.LimitManifest, most)
		return Embedded(doc), err
	}
	blob, err := g.Blobs.Layer(d)
	if errors.Is(err, fs.ErrNotExist) {
		if d.Data != nil {
			return Embedded(d.Data), nil
		}
		err = g.Blobs.Missing("")
	}
	return blob, err
}

// Others verifies what the indexes and manifests name, except the blobs in done, if the user asked for everything. A
// blob that is not in the input is not a failure: exports of one platform keep the index of all.
func (g *Graph) Others(ctx context.Context, done map[string]bool, all bool) ([]Check, error) {
	if !all {
		return nil, nil
	}
	for _, e := range g.Entries {
		if e.Kind != KindImage && e.Manifest == nil && e.Err == nil {
			e.Err = g.readManifest(e) // the manifest names further blobs
		}
	}
	var list []Check
	for _, ref := range g.references() {
		if g.Opt.Audit.Read(ref.Digest) || done[ref.Digest] {
			continue
		}
		done[ref.Digest] = true
		check := NewCheck(ref.what)
		if g.Blobs.Has(ref.Digest) || ref.Data != nil {
			var err error
			if check, err = g.blobCheck(ctx, ref.what, ref.Descriptor); err != nil {
				return nil, err
			}
			if check.Verdict == Passed {
				check.Message = "of " + ref.of
			}
		} else {
			check.Digest, check.Expected = ref.Digest, ref.Digest
			check.Code, check.Message = CodeElsewhere, "of "+ref.of+": named, but not in this file"
		}
		list = append(list, check)
	}
	return list, ctx.Err()
}

// A reference is a blob that a document names.
type reference struct {
	document.Descriptor
	what string
	of   string // what it belongs to, for a person
}

// references returns the entries' manifests and what each of them names, with duplicates.
func (g *Graph) references() []reference {
	var list []reference
	seen := map[*document.Manifest]bool{nil: true}
	for _, e := range g.Entries {
		of := e.Kind
		if e.Kind == KindImage {
			of += " " + e.describe()
		}
		list = append(list, reference{e.Descriptor, document.What(e.Descriptor.MediaType), of})
		if seen[e.Manifest] {
			continue
		}
		seen[e.Manifest] = true
		list = append(list, reference{e.Manifest.Config, "config", of})
		for i, l := range e.Manifest.Layers {
			if l.Err == nil {
				list = append(list, reference{l.Descriptor, "layer", fmt.Sprintf("%s layer %d", of, i)})
			}
		}
	}
	return list
}

// Digests returns the digests of all blobs that indexes and manifests name.
func (g *Graph) Digests() map[string]bool {
	named := map[string]bool{}
	for _, d := range g.Indexes {
		named[d.Digest] = true
	}
	for _, ref := range g.references() {
		named[ref.Digest] = true
	}
	return named
}
