package archive

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"maps"
	"path"
	"slices"

	"layup/analyze/show"
	"layup/analyze/source"
	"layup/analyze/source/document"
)

// readLegacy lists the images of an archive of Docker before 1.10: by the file repositories, which maps
// names to tags to IDs, or by the parents if an image was saved by its ID.
func (a *Archive) readLegacy() error {
	if !a.members.has(repositoriesName) {
		return a.readUnnamed()
	}
	doc, err := readMember(a.members, repositoriesName, document.LimitManifest, a.opt.Limits.Manifest)
	if err != nil {
		return fmt.Errorf("%s: %w", repositoriesName, err)
	}
	var names map[string]map[string]string
	if err := document.Unmarshal(doc, a.opt.Limits.JSONDepth, &names); err != nil {
		return fmt.Errorf("%s: %w", repositoriesName, err)
	}
	added := map[string]*source.Entry{}
	for _, name := range slices.Sorted(maps.Keys(names)) {
		for _, tag := range slices.Sorted(maps.Keys(names[name])) {
			id, ref := names[name][tag], name+":"+tag
			if added[id] == nil {
				if added[id], err = a.addLegacy(id, ref); err != nil {
					return err
				}
			}
			if err := a.graph.Name(added[id], []string{ref}); err != nil {
				return fmt.Errorf("%s: %w", repositoriesName, err)
			}
		}
	}
	if len(a.entries) == 0 {
		return errors.New(repositoriesName + ": lists no image")
	}
	return nil
}

// readUnnamed lists the images that are nobody's parent.
func (a *Archive) readUnnamed() error {
	names := a.members.glob("*/json")
	if err := document.Over(document.LimitDescriptors, len(names), a.opt.Limits.Descriptors); err != nil {
		return err
	}
	parents := map[string]bool{}
	for _, name := range names {
		l := a.legacyImage(path.Dir(name))
		if l.err != nil {
			return l.err
		}
		parents[l.Parent] = true
	}
	for _, name := range names {
		if id := path.Dir(name); !parents[id] {
			if _, err := a.addLegacy(id, ""); err != nil {
				return err
			}
		}
	}
	if len(a.entries) == 0 {
		return errors.New("every image is the parent of another: none is the one that was saved")
	}
	return nil
}

// mostV1Layers is how many layers the images before Docker 1.10 may have together. Each names its parent, so thousands
// of images may share a long chain.
const mostV1Layers = 100_000

// addLegacy adds an image that is not listed yet.
func (a *Archive) addLegacy(id, ref string) (*source.Entry, error) {
	if err := document.Over(document.LimitDescriptors, len(a.entries)+1, a.opt.Limits.Descriptors); err != nil {
		return nil, err
	}
	e := &source.Entry{Kind: source.KindImage, Group: len(a.entries), ID: id, Form: legacyForm{a}}
	if id == "" {
		e.Err = fmt.Errorf("%s: %q has no ID", repositoriesName, ref)
	}
	a.entries = append(a.entries, e)
	chain, _ := a.legacyChain(id) // whoever loads the image sees the error
	if a.v1.layers += len(chain); a.v1.layers > mostV1Layers {
		return nil, fmt.Errorf("images with more than %d layers together", mostV1Layers)
	}
	return e, nil
}

// A legacyForm is an image of an archive of Docker before 1.10.
type legacyForm struct{ a *Archive }

// Config collects what the folders of all layers say: no single file is the config.
func (f legacyForm) Config(e *source.Entry) (*document.Config, error) {
	chain, err := f.a.legacyChain(e.ID)
	if err != nil {
		return nil, err
	}
	return &document.Config{Raw: chain[len(chain)-1].Raw, File: document.V1Config(chain)}, nil
}

// Load follows the parents. Such an archive names no digests: there is nothing to compare the layers with.
func (f legacyForm) Load(e *source.Entry, img *source.Image) error {
	chain, err := f.a.legacyChain(e.ID)
	if err != nil {
		return err
	}
	img.Config, img.ConfigFile = chain[len(chain)-1].Raw, document.V1Config(chain)
	for i, l := range chain {
		img.Layers = append(img.Layers, f.a.memberLayer(i, l.ID+"/layer.tar"))
	}
	return nil
}

// Checks says that nothing names the digest of the config.
func (legacyForm) Checks(_ context.Context, e *source.Entry, img *source.Image) ([]source.Check, error) {
	return []source.Check{source.Unnamed(e.ID+"/json", int64(len(img.Config)))}, nil
}

// legacyChain returns an image and its parents, oldest first.
func (a *Archive) legacyChain(id string) ([]*document.V1Image, error) {
	a.v1.walks++
	var chain []*document.V1Image
	for id != "" {
		l := a.legacyImage(id)
		if l.walk == a.v1.walks {
			return nil, fmt.Errorf("image %s: is its own ancestor", show.Cut(id))
		}
		if l.walk = a.v1.walks; l.err != nil {
			return nil, l.err
		}
		chain = append(chain, l.V1Image)
		if err := document.Over(document.LimitLayers, len(chain), a.opt.Limits.Layers); err != nil {
			return nil, err
		}
		id = l.Parent
	}
	slices.Reverse(chain)
	if len(chain) > 1 && chain[0].Later() {
		return nil, errors.New("manifest.json not found, and docker save since 1.10 wrote this archive: it is damaged")
	}
	return chain, nil
}

// v1Images are the images before Docker 1.10 that were read.
type v1Images struct {
	byID   map[string]*v1Image
	walks  int // from images to their parents
	layers int // of all images that are listed
}

// A v1Image is one of them, or why it cannot be read.
type v1Image struct {
	*document.V1Image
	err  error
	walk int // the last one that met it
}

// legacyImage reads an image once, however many are built on it.
func (a *Archive) legacyImage(id string) *v1Image {
	l := a.v1.byID[id]
	if l == nil {
		l = new(v1Image)
		l.V1Image, l.err = a.readLegacyImage(id)
		if a.v1.byID == nil {
			a.v1.byID = map[string]*v1Image{}
		}
		a.v1.byID[id] = l
	}
	return l
}

func (a *Archive) readLegacyImage(id string) (*document.V1Image, error) {
	name := id + "/json"
	doc, err := readMember(a.members, name, document.LimitConfig, a.opt.Limits.Config)
	if errors.Is(err, fs.ErrNotExist) {
		return nil, a.afterDamage(missingMember{name})
	}
	if err == nil {
		err = document.Hold(&a.held, doc)
	}
	var l *document.V1Image
	if err == nil {
		l, err = document.ParseV1(doc, &a.opt.Limits)
	}
	if err == nil && l.ID != "" && l.ID != id {
		err = fmt.Errorf("id: want %s, found %s", show.Cut(id), show.Cut(l.ID))
	}
	if err != nil {
		return nil, fmt.Errorf("%s: %w", show.Safe(name), err)
	}
	l.ID = id
	return l, nil
}
