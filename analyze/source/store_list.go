package source

import (
	"context"
	"errors"
	"fmt"
	"slices"

	"layup/analyze/source/document"
	"layup/analyze/source/store"
)

// A storeReader lists what the store of an engine holds.
type storeReader func(ctx context.Context, files store.Files, opt store.Options) (*store.Contents, error)

// ofDirectories reads a store whose images its own directories hold.
func ofDirectories(read storeReader) func(*Archive, context.Context) error {
	return func(a *Archive, ctx context.Context) error { return a.listStore(ctx, read) }
}

// listStore makes candidates of the images and containers of a store.
func (a *Archive) listStore(ctx context.Context, read storeReader) error {
	held, err := read(ctx, a.engine.tree, store.Options{SubID: a.opt.Store.SubID})
	if err != nil {
		return err
	}
	a.engine.driver = held.Driver
	images := map[string]*store.Image{}
	for _, img := range held.Images {
		images[img.ID] = img
		a.images = append(a.images, a.storedImage(img))
	}
	for _, box := range held.Containers {
		a.images = append(a.images, a.storedContainer(box, images[box.ImageID]))
	}
	for i, c := range a.images {
		c.group = i
	}
	return nil
}

// storedImage is the candidate of an image.
func (a *Archive) storedImage(img *store.Image) *candidate {
	c := &candidate{kind: kindImage, refs: img.Tags, aliases: append(slices.Clone(img.Digests), img.ID), intermediate: img.Intermediate, err: img.Err}
	if c.err == nil {
		config, err := document.ParseConfig(img.Config, &a.opt.Limits)
		if err != nil {
			c.err = fmt.Errorf("config %s: %w", img.ID, err)
			return c
		}
		config.ID = img.ID
		c.config, c.named = config, document.PlatformOf(config.File)
	}
	c.form = storeForm(func(out *Image) error {
		out.useStored(c.config)
		out.Manifest, out.RepoDigests, out.Parents = img.Manifest, img.Digests, img.Parents
		out.Engine = &Engine{GraphDriver: a.engine.driver, LastTagTime: img.LastTagged}
		if err := out.Engine.mounted(img.Graph); err != nil {
			return err
		}
		return a.layStored(out, img.Layers, c.config.DiffIDs)
	})
	return c
}

// unread stands for an image or container that cannot be read, among others that can: reading its only layer says why.
func (a *Archive) unread(c *candidate, err error) *Image {
	img := a.partial(c)
	img.Container = c.container
	l := a.newLayer(0)
	l.err = err
	img.Layers = []*Layer{l}
	return img
}

// mounted notes where the engine mounts the layers from; graph may be nil.
func (e *Engine) mounted(graph func() (map[string]string, error)) error {
	if graph == nil {
		return nil
	}
	data, err := graph()
	e.GraphData = data
	return err
}

func (img *Image) useStored(config *document.Config) {
	img.ID, img.Config, img.ConfigFile = config.ID, config.Raw, config.File
}

// storedContainer is the candidate of a container: the layers of its image, then its own. The image may be gone.
func (a *Archive) storedContainer(box *store.Container, img *store.Image) *candidate {
	c := &candidate{kind: kindContainer, refs: []string{box.Name}, aliases: []string{box.ID}}
	c.container = &Container{ID: box.ID, Name: box.Name, ImageID: box.ImageID, Image: box.Image, State: box.State, Created: box.Created, Config: box.Config, Host: box.Host}
	c.form = storeForm(func(out *Image) error {
		if box.Err != nil {
			return box.Err
		}
		out.Engine = &Engine{GraphDriver: a.engine.driver}
		if err := out.Engine.mounted(box.Graph); err != nil {
			return err
		}
		var diffIDs []string
		if img != nil {
			of := a.storedImage(img)
			if of.err != nil {
				return of.err
			}
			out.useStored(of.config)
			diffIDs = of.config.DiffIDs
		}
		return a.layStored(out, box.Layers, diffIDs)
	})
	return c
}

// layStored lays the layers one on the other, and makes sure that they are those that the image names, where that is known.
func (a *Archive) layStored(img *Image, layers func() ([]store.Layer, error), diffIDs []string) error {
	list, err := layers()
	if err != nil {
		return err
	}
	if err := document.Over(document.LimitLayers, int64(len(list)), int64(a.opt.Limits.Layers)); err != nil {
		return err
	}
	var found []string
	for i, s := range list {
		img.Layers = append(img.Layers, a.storedLayer(i, s))
		if s.Role == RoleImage {
			found = append(found, s.DiffID)
		}
	}
	if img.Config == nil {
		return nil
	}
	same := func(stored, named string) bool { return stored == named || stored == "" && img.Container != nil }
	if !slices.EqualFunc(found, diffIDs, same) {
		return errors.New("the layers in the store are not those that the image's config names")
	}
	return nil
}
