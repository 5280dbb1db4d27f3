package source

import (
	"context"
	"errors"
	"fmt"
	"slices"

	"layup/analyze/source/store"
)

// openDockerRoot lists what a Docker data-root holds.
func (a *Archive) openDockerRoot(ctx context.Context) error {
	root, err := store.OpenDockerRoot(ctx, a.engine.tree)
	if err != nil {
		return err
	}
	parents := map[string]bool{}
	for _, img := range root.Images {
		parents[img.Parent] = true
	}
	for i := range root.Images {
		c := a.dockerImage(root, &root.Images[i])
		c.intermediate = len(c.refs) == 0 && len(root.Images[i].Digests) == 0 && parents[root.Images[i].ID]
		a.images = append(a.images, c)
	}
	for i := range root.Containers {
		a.images = append(a.images, a.dockerContainer(root, &root.Containers[i]))
	}
	for i, c := range a.images {
		c.group = i
	}
	return nil
}

// dockerImage is the candidate of an image.
func (a *Archive) dockerImage(root *store.DockerRoot, img *store.DockerImage) *candidate {
	c := &candidate{kind: kindImage, refs: img.Tags, aliases: append(slices.Clone(img.Digests), img.ID)}
	file, diffIDs, err := parseConfig(img.Config, &a.opt.Limits)
	if err != nil {
		c.err = fmt.Errorf("config %s: %w", img.ID, err)
		return c
	}
	c.config = &imageConfig{raw: img.Config, file: file, diffIDs: diffIDs, id: img.ID}
	c.named = configPlatform(file)
	c.form = storeForm(func(out *Image) error {
		out.ID, out.Config, out.ConfigFile = img.ID, img.Config, file
		out.RepoDigests, out.Parents = img.Digests, root.Parents(img.ID)
		chain := store.ChainIDs(diffIDs)
		if err := a.dockerStack(root, out, chain); err != nil {
			return err
		}
		var err error
		out.Engine = &Engine{GraphDriver: root.Driver, LastTagTime: img.LastTagged}
		out.Engine.GraphData, err = root.GraphData(chain)
		return err
	})
	return c
}

// dockerStack lays the layers of an image one on the other.
func (a *Archive) dockerStack(root *store.DockerRoot, img *Image, chain []string) error {
	if err := over(limitLayers, int64(len(chain)), int64(a.opt.Limits.Layers)); err != nil {
		return err
	}
	for i, id := range chain {
		stored, err := root.Layer(id)
		if err != nil {
			return fmt.Errorf("layer %d: %w", i, err)
		}
		l := a.assembled(i, RoleImage)
		l.DiffID, l.Size = stored.DiffID, max(stored.Size, 0)
		l.place(root, stored.CacheID)
		l.tar = root.Tar(stored, l.notice)
		img.Layers = append(img.Layers, l)
	}
	return nil
}

// place notes where the engine keeps a layer.
func (l *Layer) place(root *store.DockerRoot, cacheID string) {
	l.Directory, l.Link = root.Diff(cacheID), root.Link(cacheID)
}

// dockerContainer is the candidate of a container: the layers of its image, the init layer, the read-write layer.
func (a *Archive) dockerContainer(root *store.DockerRoot, box *store.DockerContainer) *candidate {
	c := &candidate{kind: kindContainer, refs: []string{box.Name}, aliases: []string{box.ID}}
	image := slices.IndexFunc(root.Images, func(i store.DockerImage) bool { return i.ID == box.ImageID })
	c.container = &Container{ID: box.ID, Name: box.Name, ImageID: box.ImageID, Image: box.Image, State: box.State, Created: box.Created, Config: box.Config, Host: box.Host}
	c.form = storeForm(func(out *Image) error {
		if image >= 0 {
			img := &root.Images[image]
			file, _, err := parseConfig(img.Config, &a.opt.Limits)
			if err != nil {
				return fmt.Errorf("config %s: %w", img.ID, err)
			}
			out.ID, out.Config, out.ConfigFile = img.ID, img.Config, file
		}
		out.Engine = &Engine{GraphDriver: root.Driver}
		chain, err := root.Chain(box.Chain, a.opt.Limits.Layers)
		if err != nil {
			return err
		}
		if err := a.dockerStack(root, out, chain); err != nil {
			return err
		}
		if box.InitID != "" {
			a.own(root, out, box.InitID, RoleInit)
		}
		a.own(root, out, box.MountID, RoleContainer)
		return a.differentImage(out)
	})
	return c
}

// own adds a layer of the container itself.
func (a *Archive) own(root *store.DockerRoot, img *Image, id, role string) {
	l := a.assembled(len(img.Layers), role)
	l.place(root, id)
	l.tar = root.Directory(id, l.notice)
	img.Layers = append(img.Layers, l)
}

// differentImage refuses a container whose layers are not those that its image names.
func (a *Archive) differentImage(img *Image) error {
	if img.Config == nil {
		return nil
	}
	var stack []string
	for _, l := range img.Layers {
		if l.Role == RoleImage {
			stack = append(stack, l.DiffID)
		}
	}
	if _, said, err := parseConfig(img.Config, &a.opt.Limits); err != nil || !slices.Equal(said, stack) {
		return errors.Join(err, errors.New("the layers below the container are not those of its image"))
	}
	return nil
}
