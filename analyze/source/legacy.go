package source

import (
	"errors"
	"fmt"
	"io/fs"
	"maps"
	"path"
	"slices"

	"layup/analyze/show"
	"layup/analyze/source/document"
)

// readLegacy lists the images of an archive of Docker before 1.10: by the file repositories, which is name to tag to ID, or by the
// parents where an image was saved by ID.
func (a *Archive) readLegacy() error {
	if !a.store.has(repositoriesName) {
		return a.readUnnamed()
	}
	doc, err := readMember(a.store, repositoriesName, document.LimitManifest, a.opt.Limits.Manifest)
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
	if len(a.images) == 0 {
		return errors.New(repositoriesName + ": lists no image")
	}
	return nil
}

// readUnnamed lists the images that are nobody's parent.
func (a *Archive) readUnnamed() error {
	names := a.store.glob("*/json")
	if err := document.Over(document.LimitDescriptors, int64(len(names)), int64(a.opt.Limits.Descriptors)); err != nil {
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
	if len(a.images) == 0 {
		return errors.New("every image is another's parent: none is the one that was saved")
	}
	return nil
}

func (a *Archive) addLegacy(id, ref string) {
	for _, c := range a.images {
		if c.legacy == id {
			c.name(ref)
			return
		}
	}
	c := &candidate{kind: kindImage, group: len(a.images), legacy: id, form: legacyForm{a}}
	if id == "" {
		c.err = fmt.Errorf("%s: %q has no ID", repositoriesName, ref)
	}
	c.name(ref)
	a.images = append(a.images, c)
}

// A legacyForm is an image of an archive of Docker before 1.10.
type legacyForm struct{ a *Archive }

// config returns what the newest of the folders says: it has no ID of its own.
func (f legacyForm) config(c *candidate) (*document.Config, error) {
	img := new(Image)
	if err := f.load(c, img); err != nil {
		return nil, err
	}
	return &document.Config{Raw: img.Config, File: img.ConfigFile}, nil
}

// load follows the parents. There are no digests in such an archive; those computed later stand for themselves.
func (f legacyForm) load(c *candidate, img *Image) error {
	a := f.a
	chain, err := a.legacyChain(c.legacy)
	if err != nil {
		return err
	}
	slices.Reverse(chain)
	img.Config, img.ConfigFile = chain[len(chain)-1].Raw, document.V1Config(chain)
	for i, l := range chain {
		img.Layers = append(img.Layers, a.memberLayer(i, l.ID+"/layer.tar"))
	}
	return nil
}

// legacyChain returns an image and its parents, newest first.
func (a *Archive) legacyChain(id string) ([]*document.V1Image, error) {
	var chain []*document.V1Image
	seen := map[string]bool{}
	for id != "" {
		if seen[id] {
			return nil, fmt.Errorf("image %s: is its own ancestor", show.Cut(id))
		}
		seen[id] = true
		if err := document.Over(document.LimitLayers, int64(len(seen)), int64(a.opt.Limits.Layers)); err != nil {
			return nil, err
		}
		l, err := a.legacyImage(id)
		if err != nil {
			return nil, err
		}
		chain = append(chain, l)
		id = l.Parent
	}
	return chain, nil
}

func (a *Archive) legacyImage(id string) (*document.V1Image, error) {
	name := id + "/json"
	doc, err := readMember(a.store, name, document.LimitConfig, a.opt.Limits.Config)
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
