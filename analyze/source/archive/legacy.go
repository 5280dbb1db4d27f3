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
	for _, name := range slices.Sorted(maps.Keys(names)) {
		for _, tag := range slices.Sorted(maps.Keys(names[name])) {
			a.addLegacy(names[name][tag], name+":"+tag)
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
		l, err := a.legacyImage(path.Dir(name))
		if err != nil {
			return err
		}
		parents[l.Parent] = true
	}
	for _, name := range names {
		if id := path.Dir(name); !parents[id] {
			a.addLegacy(id, "")
		}
	}
	if len(a.entries) == 0 {
		return errors.New("every image is the parent of another: none is the one that was saved")
	}
	return nil
}

func (a *Archive) addLegacy(id, ref string) {
	for _, e := range a.entries {
		if e.ID == id {
			e.Name(ref)
			return
		}
	}
	e := &source.Entry{Kind: source.KindImage, Group: len(a.entries), ID: id, Form: legacyForm{a}}
	if id == "" {
		e.Err = fmt.Errorf("%s: %q has no ID", repositoriesName, ref)
	}
	e.Name(ref)
	a.entries = append(a.entries, e)
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
	var chain []*document.V1Image
	seen := map[string]bool{}
	for id != "" {
		if seen[id] {
			return nil, fmt.Errorf("image %s: is its own ancestor", show.Cut(id))
		}
		seen[id] = true
		if err := document.Over(document.LimitLayers, len(seen), a.opt.Limits.Layers); err != nil {
			return nil, err
		}
		l, err := a.legacyImage(id)
		if err != nil {
			return nil, err
		}
		chain = append(chain, l)
		id = l.Parent
	}
	slices.Reverse(chain)
	if len(chain) > 1 && chain[0].Later() {
		return nil, errors.New("manifest.json not found, and docker save since 1.10 wrote this archive: it is damaged")
	}
	return chain, nil
}

func (a *Archive) legacyImage(id string) (*document.V1Image, error) {
	name := id + "/json"
	doc, err := readMember(a.members, name, document.LimitConfig, a.opt.Limits.Config)
	if errors.Is(err, fs.ErrNotExist) {
		return nil, a.afterDamage(missingMember{name})
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
