package source

import (
	"errors"
	"fmt"
	"io/fs"
	"slices"

	v1 "github.com/google/go-containerregistry/pkg/v1"

	"layup/analyze/source/document"
	"layup/analyze/source/registry"
	"layup/tarfs"
)

// The kinds of what an archive holds.
const (
	kindImage       = "image"
	kindAttestation = "attestation"
	kindArtifact    = "artifact" // what a manifest describes and is no container image: a signature, a chart
	kindBlob        = "blob"
)

// A candidate is one thing that an archive's documents name, of one platform.
type candidate struct {
	kind    string
	number  int      // among the images; -1 for others
	group   int      // candidates under one name belong together: its platforms
	refs    []string // names, as shown
	aliases []string // further names by which it is found: a tag alone, the digest of its index

	named    document.Platform  // by the index
	desc     *document.Manifest // of OCI; nil where there is none or it cannot be read
	manifest document.Descriptor
	absent   bool  // the index names it, but it is not in the archive
	err      error // why it cannot be used

	docker *dockerEntry // of manifest.json; with desc, it gives the order of the layers
	legacy string       // the ID of a v1 image

	form   form             // how its config and layers are found
	config *document.Config // once it was read

	container    *Container // of an engine's store; nil for an image
	intermediate bool       // likewise: an image without a name on which another one was built
}

// A form is one way in which images are kept: a manifest, manifest.json, the folders of a v1 image, an engine's store.
type form interface {
	// config reads the image's config; nil without an error where there is none.
	config(c *candidate) (*document.Config, error)
	// load completes an image: ID, config and layers. Layers that cannot be read say so themselves.
	load(c *candidate, img *Image) error
}

// readConfig reads the config once.
func (a *Archive) readConfig(c *candidate) (*document.Config, error) {
	if c.config != nil {
		return c.config, nil
	}
	config, err := c.form.config(c)
	if err != nil {
		return nil, err
	}
	c.config = config
	return config, nil
}

// platform returns what the candidate runs on, by the index or else by its config; the zero platform where that cannot be known.
func (a *Archive) platform(c *candidate) document.Platform {
	if c.named.Known() || c.absent || c.err != nil {
		return c.named
	}
	config, err := a.readConfig(c)
	if err != nil || config == nil {
		return document.Platform{}
	}
	return document.PlatformOf(config.File)
}

// inFile reports whether the parts that make an image of it are in the archive. Exports of one platform keep the index of all.
func (a *Archive) inFile(c *candidate) bool {
	if c.absent || c.desc == nil {
		return !c.absent
	}
	return a.shelf.has(c.desc.Config.Digest)
}

// load reads and checks the config, and finds the layers.
func (a *Archive) load(c *candidate) (*Image, error) {
	if c.err != nil {
		return nil, c.err
	}
	img := &Image{Source: a.Kind, Name: a.Name, Reference: c.reference(""), References: c.refs, Verified: "none", ConfigFile: new(v1.ConfigFile), Container: c.container}
	err := c.form.load(c, img)
	if err == nil && a.store != nil {
		err = a.damageBeyond(img)
	}
	if err != nil {
		return nil, err
	}
	if _, ok := c.form.(storeForm); ok {
		return a.loadStored(c, img), nil
	}
	if img.Config == nil { // nothing describes a bare layer
		return img, nil
	}
	if a.opt.Verify && img.ID != "" { // a bare layer, or an image without a config, names nothing to verify it by
		img.Verified = "full"
	}
	if s, ok := a.shelf.(contentShelf); ok && s.locate(img) && a.opt.Verify {
		img.Verified = verifiedConfig
	}
	if r, ok := a.shelf.(*repository); ok {
		img.Remote, img.RepoDigests = true, []string{r.ref.At(r.top).String()}
	}
	img.Parents = a.parents(c)
	if r, ok := a.shelf.(*repository); ok {
		img.RepoDigests = []string{registry.Familiar(r.ref.At(r.top).String())}
	}
	img.Warnings = append(img.Warnings, a.warnings...)
	img.Platform = shownPlatform(c.named, document.PlatformOf(img.ConfigFile))
	img.Warnings = append(img.Warnings, historyWarnings(img.ConfigFile, len(img.Layers))...)
	if a.in.tail {
		img.Warnings = append(img.Warnings, tarfs.Warning{Code: CompressedTailDamaged, Layer: tarfs.NoLayer})
	}
	return img, nil
}

// shownPlatform takes the variant from the index where the config agrees with it, for configs often leave it out.
func shownPlatform(named, config document.Platform) string {
	if !config.Known() || named.OS == config.OS && named.Architecture == config.Architecture {
		return named.OrElse(config).String()
	}
	return config.String()
}

// useConfig takes over what the config says and demands as many diffIDs as there are layers.
func (img *Image) useConfig(config *document.Config, layers int, limits *document.Limits) error {
	if err := document.Over(document.LimitLayers, int64(layers), int64(limits.Layers)); err != nil {
		return err
	}
	if err := document.CountLayers(layers, config.DiffIDs); err != nil {
		return err
	}
	img.ID, img.Config, img.ConfigFile = config.ID, config.Raw, config.File
	return nil
}

// newLayer returns a layer whose bytes are still to be found.
func (a *Archive) newLayer(index int) *Layer {
	return &Layer{Index: index, verify: a.opt.Verify, limits: &a.opt.Limits}
}

// take makes a member the layer's bytes.
func (l *Layer) take(m *stored) {
	l.blob, l.check, l.Size = m.data, m.check, m.data.Size()
}

// afterDamage adds to the absence of a member that the archive is damaged before its end.
func (a *Archive) afterDamage(err error) error {
	if a.store == nil {
		return err
	}
	if broken := a.store.damage(); broken != nil && errors.Is(err, fs.ErrNotExist) {
		return fmt.Errorf("%w: %w", err, broken)
	}
	return err
}

// damageBeyond refuses an image that is whole in an archive that is not: other readers refuse the archive, or find other members.
// Where the damage cost a layer, that layer says so.
func (a *Archive) damageBeyond(img *Image) error {
	if a.audit != nil {
		return nil // it has a check of its own
	}
	hit := slices.ContainsFunc(img.Layers, func(l *Layer) bool { return l.err != nil })
	if hit {
		return nil
	}
	return a.store.damage()
}

// A bareForm is an input that is one layer.
type bareForm struct{ a *Archive }

func (bareForm) config(*candidate) (*document.Config, error) { return nil, nil }

func (f bareForm) load(_ *candidate, img *Image) error {
	f.a.loadBare(img)
	return nil
}

// loadBare takes the whole input as the only layer.
func (a *Archive) loadBare(img *Image) {
	l := a.newLayer(0)
	l.take(&stored{data: a.in.data, check: a.in.check})
	if a.in.compression != "" {
		l.Digest, l.Size, l.outer = a.in.digest, a.in.stored, a.in.compression
	}
	img.Layers = []*Layer{l}
	if a.in.tail {
		img.Warnings = []tarfs.Warning{{Code: CompressedTailDamaged}}
	}
}
