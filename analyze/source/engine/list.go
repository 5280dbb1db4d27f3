package engine

import (
	"context"
	"fmt"
	"slices"

	"layup/analyze/source"
	"layup/analyze/source/document"
	"layup/analyze/source/store"
)

// list makes entries of the images and containers of a store that keeps images in directories.
func (s *Store) list(ctx context.Context,
	read func(context.Context, store.Files, store.Options) (*store.Contents, error)) error {
	held, err := read(ctx, s.tree, store.Options{SubID: s.subID()})
	if err != nil {
		return err
	}
	s.directories = append(s.directories, held.Directories)
	s.addImages(held)
	s.addContainersOf(held)
	return nil
}

// record is the entry of a record that cannot be read.
func record(d *store.RecordError) *source.Entry {
	return &source.Entry{Kind: source.KindRecord, References: []string{d.Name}, Err: d, Form: form{}}
}

// addImages adds the images that a driver keeps, and the damaged records about them.
func (s *Store) addImages(held *store.Contents) {
	for _, d := range held.Damaged {
		s.add(record(d))
	}
	for _, img := range held.Images {
		s.add(s.image(img, held.Driver))
	}
}

// addContainersOf adds the containers that a driver keeps.
func (s *Store) addContainersOf(held *store.Contents) {
	images := map[string]*store.Image{}
	for _, img := range held.Images {
		images[img.ID] = img
	}
	for _, box := range held.Containers {
		s.add(s.container(box, images[box.ImageID], held.Driver))
	}
}

// add adds an entry as a group of its own.
func (s *Store) add(e *source.Entry) {
	e.Group = s.groups
	s.entries, s.groups = append(s.entries, e), s.groups+1
}

// image is the entry of an image.
func (s *Store) image(img *store.Image, driver string) *source.Entry {
	e := &source.Entry{Kind: source.KindImage, ID: img.ID, Driver: driver, References: img.Tags,
		Aliases: append(slices.Clone(img.Digests), img.ID), Top: img.ID,
		Intermediate: img.Intermediate, Err: img.Err}
	config, err := s.config(img)
	if err != nil {
		e.Err, e.Form = err, form{}
		return e
	}
	e.Platform = document.PlatformOf(config.File)
	e.Form = form{config: config, load: func(out *source.Image) error {
		out.ID, out.Config, out.ConfigFile = config.ID, config.Raw, config.File
		out.Manifest, out.RepoDigests, out.Parent = img.Manifest, img.Digests, img.Parent
		out.ParentOf = img.ParentOf
		out.Engine = &source.Engine{GraphDriver: driver, LastTagTime: img.LastTagged, Measure: measureImage(out)}
		if err := mounted(out.Engine, img.Graph); err != nil {
			return err
		}
		if err := s.lay(out, img.Layers, config.DiffIDs); err != nil {
			return err
		}
		for _, l := range out.Layers {
			out.Engine.Sizes = append(out.Engine.Sizes, l.Content.(*directory).layer.Size)
		}
		out.Engine.Size = -1
		if !slices.Contains(out.Engine.Sizes, -1) {
			out.Engine.Size, _ = out.Engine.Measure(context.Background()) // it adds up the sizes
		}
		return nil
	}}
	return e
}

func (s *Store) config(img *store.Image) (*document.Config, error) {
	if img.Err != nil {
		return nil, img.Err
	}
	config, err := document.ParseConfig(img.Config, &s.Opt.Limits)
	if err != nil {
		return nil, fmt.Errorf("config %s: %w", img.ID, err)
	}
	config.ID = img.ID
	return config, nil
}

// mounted notes from where the engine mounts the layers; graph may be nil.
func mounted(e *source.Engine, graph func() (map[string]string, error)) (err error) {
	if graph != nil {
		e.GraphData, err = graph()
	}
	return err
}

// container is the entry of a container: the layers of its image, then its own. The image may be gone.
func (s *Store) container(box *store.Container, img *store.Image, driver string) *source.Entry {
	e := &source.Entry{Kind: source.KindContainer, ID: box.ID, References: []string{box.Name}, Aliases: []string{box.ID}}
	e.Container = &source.Container{ID: box.ID, Name: box.Name, ImageID: box.ImageID, Image: box.Image, State: box.State,
		Created: box.Created, Config: box.Config, Host: box.Host, Volumes: box.Volumes}
	e.Form = form{load: func(out *source.Image) error {
		if box.Err != nil {
			return box.Err
		}
		out.Engine = &source.Engine{GraphDriver: driver, Measure: measureContainer(out)}
		if err := mounted(out.Engine, box.Graph); err != nil {
			return err
		}
		var diffIDs []string
		if img != nil {
			config, err := s.config(img)
			if err != nil {
				return err
			}
			out.ID, out.Config, out.ConfigFile, diffIDs = config.ID, config.Raw, config.File, config.DiffIDs
		}
		return s.lay(out, box.Layers, diffIDs)
	}}
	return e
}

// lay adds the layers, and makes sure that they are those that the image names, if that is known.
func (s *Store) lay(img *source.Image, layers func() ([]store.Layer, error), diffIDs []string) error {
	list, err := layers()
	if err == nil {
		err = document.Over(document.LimitLayers, len(list), s.Opt.Limits.Layers)
	}
	if err != nil {
		return err
	}
	var found []string
	for i, l := range list {
		img.Layers = append(img.Layers, s.newLayer(i, l))
		if l.Role == source.RoleImage {
			found = append(found, l.DiffID)
		}
	}
	same := func(stored, named string) bool { return stored == named || stored == "" && img.Container != nil }
	if img.Config != nil && !slices.EqualFunc(found, diffIDs, same) {
		return errOtherLayers
	}
	return nil
}

// measureImage adds up the bytes of an image's files layer by layer, as the engine does.
func measureImage(img *source.Image) func(context.Context) (int64, error) {
	return func(context.Context) (size int64, _ error) {
		for _, l := range img.Layers {
			if d, ok := l.Content.(*directory); ok && d.layer.Size < 0 {
				return -1, nil // its record is lost
			}
			size += l.Size
		}
		return size, nil
	}
}

// measureContainer adds up the bytes of a container's own layer, as the engine does.
func measureContainer(img *source.Image) func(context.Context) (int64, error) {
	return func(ctx context.Context) (size int64, err error) {
		for _, l := range img.Layers {
			if d, ok := l.Content.(*directory); ok && l.Role == source.RoleContainer && err == nil {
				var n int64
				n, err = d.filesSize(ctx, l)
				size += n
			}
		}
		return size, err
	}
}
