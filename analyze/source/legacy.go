package source

import (
	"errors"
	"fmt"
	"io/fs"
	"maps"
	"path"
	"slices"
	"strings"

	v1 "github.com/google/go-containerregistry/pkg/v1"
)

// A legacyImage is ID/json of an archive of Docker before 1.10: one layer that knows its parent.
type legacyImage struct {
	ID              string           `json:"id"`
	Parent          string           `json:"parent"`
	Created         moment           `json:"created"`
	Author          string           `json:"author"`
	Comment         string           `json:"comment"`
	Architecture    string           `json:"architecture"`
	Variant         string           `json:"variant"`
	OS              string           `json:"os"`
	Config          *storedExecution `json:"config"`
	ContainerConfig struct {
		Cmd words `json:"Cmd"`
	} `json:"container_config"`

	raw []byte
}

// readLegacy lists the images of an archive of Docker before 1.10: by the file repositories, which is name to tag to ID, or by the
// parents where an image was saved by ID.
func (a *Archive) readLegacy() error {
	if !a.store.has(repositoriesName) {
		return a.readUnnamed()
	}
	doc, err := readMember(a.store, repositoriesName, limitManifest, a.opt.Limits.Manifest)
	if err != nil {
		return fmt.Errorf("%s: %w", repositoriesName, err)
	}
	var names map[string]map[string]string
	if err := unmarshal(doc, a.opt.Limits.JSONDepth, &names); err != nil {
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
	if err := over(limitDescriptors, int64(len(names)), int64(a.opt.Limits.Descriptors)); err != nil {
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
func (f legacyForm) config(c *candidate) (*imageConfig, error) {
	img := new(Image)
	if err := f.load(c, img); err != nil {
		return nil, err
	}
	return &imageConfig{raw: img.Config, file: img.ConfigFile}, nil
}

// load follows the parents. There are no digests in such an archive; those computed later stand for themselves.
func (f legacyForm) load(c *candidate, img *Image) error {
	a := f.a
	chain, err := a.legacyChain(c.legacy)
	if err != nil {
		return err
	}
	top := chain[0]
	img.Config = top.raw
	img.ConfigFile = &v1.ConfigFile{
		Architecture: top.Architecture, Variant: top.Variant, OS: top.OS, Author: top.Author,
		Created: v1.Time(top.Created),
	}
	if top.Config != nil {
		img.ConfigFile.Config = top.Config.execution()
	}
	slices.Reverse(chain)
	for i, l := range chain {
		img.Layers = append(img.Layers, a.memberLayer(i, l.ID+"/layer.tar"))
		img.ConfigFile.History = append(img.ConfigFile.History, v1.History{
			Created: v1.Time(l.Created), Author: l.Author, Comment: l.Comment,
			CreatedBy: strings.Join(l.ContainerConfig.Cmd, " "),
		})
	}
	return nil
}

// legacyChain returns an image and its parents, newest first.
func (a *Archive) legacyChain(id string) ([]*legacyImage, error) {
	var chain []*legacyImage
	seen := map[string]bool{}
	for id != "" {
		if seen[id] {
			return nil, fmt.Errorf("image %s: is its own ancestor", shortened(id))
		}
		seen[id] = true
		if err := over(limitLayers, int64(len(seen)), int64(a.opt.Limits.Layers)); err != nil {
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

func (a *Archive) legacyImage(id string) (*legacyImage, error) {
	name := id + "/json"
	doc, err := readMember(a.store, name, limitConfig, a.opt.Limits.Config)
	if errors.Is(err, fs.ErrNotExist) {
		return nil, a.afterDamage(missingMember{name})
	}
	l := &legacyImage{raw: doc}
	if err == nil {
		err = unmarshal(doc, a.opt.Limits.JSONDepth, l)
	}
	if err == nil && l.ID != "" && l.ID != id {
		err = fmt.Errorf("id: want %s, found %s", shortened(id), shortened(l.ID))
	}
	if err != nil {
		return nil, fmt.Errorf("%s: %w", display(name), err)
	}
	l.ID = id
	return l, nil
}
