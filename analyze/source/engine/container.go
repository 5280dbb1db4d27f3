package engine

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"path"
	"slices"

	"layup/analyze/digest"
	"layup/analyze/show"
	"layup/analyze/source"
	"layup/analyze/source/advice"
	"layup/analyze/source/document"
	"layup/analyze/source/store"
	"layup/tarfs"
)

// addContainers adds the containers. Those of a Docker engine have names that only it knows, and also exist while they
// do not run.
func (s *Store) addContainers(docker *store.DockerRoot) {
	known := map[string]bool{}
	for _, of := range docker.Drivers {
		for _, box := range of.Containers {
			known[box.ID] = true
		}
	}
	for _, box := range docker.Others {
		known[box.ID] = true
		namespace := s.held.Namespace(box.Driver, box.ID)
		e := s.containerdContainer(&store.ContainerdContainer{Namespace: namespace, ID: box.ID, Image: box.Image,
			Created: box.Created, Snapshotter: box.Driver, Key: box.ID, Manifest: box.Manifest})
		e.ID, e.References, e.Aliases = box.ID, []string{box.Name}, []string{box.ID}
		c := e.Container
		c.Name, c.ImageID, c.State, c.Config, c.Host = box.Name, box.ImageID, box.State, box.Config, box.Host
		c.Volumes = box.Volumes
		if box.Err != nil {
			e.Form = form{load: func(*source.Image) error { return box.Err }}
		}
		s.add(e)
	}
	for i := range s.held.Containers {
		if box := &s.held.Containers[i]; !known[box.ID] {
			s.add(s.containerdContainer(box))
		}
	}
}

// containerdContainer is the entry of a container.
func (s *Store) containerdContainer(box *store.ContainerdContainer) *source.Entry {
	e := &source.Entry{Kind: source.KindContainer, References: []string{box.ID}}
	e.Container = &source.Container{ID: box.ID, Name: box.ID, Image: box.Image, Created: box.Created}
	e.Absent = box.Key == ""
	e.Form = form{load: func(out *source.Image) error {
		if box.Key == "" {
			return &advice.Hinted{Err: errNoSnapshot, Hint: "docker-root:/var/lib/docker  reads the containers of Docker"}
		}
		out.Engine = &source.Engine{GraphDriver: box.Snapshotter, Measure: measureContainer(out)}
		parents, err := s.held.Parents(box.Namespace, box.Snapshotter, box.Key)
		if err == nil {
			err = document.Over(document.LimitLayers, len(parents), s.Opt.Limits.Layers)
		}
		if err != nil {
			return err
		}
		slices.Reverse(parents)
		own := len(parents)
		for own > 0 && !digest.Valid(parents[own-1]) { // an image's snapshots have its chainIDs as keys
			own--
		}
		err = s.imageBelow(out, box, parents[:own])
		for _, key := range parents[own:] {
			if err == nil {
				err = s.ownSnapshot(out, box, source.RoleInit, key)
			}
		}
		if err != nil {
			return err
		}
		return s.ownSnapshot(out, box, source.RoleContainer, box.Key)
	}}
	return e
}

var errNoSnapshot = errors.New("it has no snapshot in this store: its engine keeps its layers elsewhere")

// ownSnapshot adds a layer of the container itself.
func (s *Store) ownSnapshot(out *source.Image, box *store.ContainerdContainer, role, key string) error {
	own, ok, err := s.held.Snapshot(role, box.Namespace, box.Snapshotter, key)
	if err == nil && !ok {
		err = fmt.Errorf("its snapshot %s is not in the store", show.Cut(key))
	}
	if err == nil {
		out.Layers = append(out.Layers, s.newLayer(len(out.Layers), own))
	}
	return err
}

// imageBelow adds the layers below a container: those of the image with just these layers, else the snapshots. An
// image of Docker's classic builder also has the init layers of the containers that built it.
func (s *Store) imageBelow(out *source.Image, box *store.ContainerdContainer, parents []string) error {
	chain := slices.DeleteFunc(slices.Clone(parents), func(key string) bool { return !digest.Valid(key) })
	img := s.withChain(chain, box)
	if img != nil {
		out.ID, out.Config, out.ConfigFile = img.ID, img.Config, img.ConfigFile
		out.Manifest, out.Container.ImageID = img.Manifest, cmp.Or(out.Container.ImageID, img.ID)
	}
	for _, key := range parents {
		var err error
		switch {
		case !digest.Valid(key):
			err = s.builderInit(out, box, key)
		case img != nil:
			err = s.imageSnapshot(out, box, key, img.Layers[0])
			img.Layers = img.Layers[1:]
		default:
			err = s.ownSnapshot(out, box, source.RoleImage, key)
		}
		if err != nil {
			return err
		}
	}
	return nil
}

// imageSnapshot adds a layer of the container's image, and where it is unpacked.
func (s *Store) imageSnapshot(out *source.Image, box *store.ContainerdContainer, key string, l *source.Layer) error {
	at, ok, err := s.held.Snapshot(source.RoleImage, box.Namespace, box.Snapshotter, key)
	if err != nil {
		return err
	}
	l.Index, l.Role = len(out.Layers), source.RoleImage
	if out.Layers = append(out.Layers, l); ok {
		s.locate(l, at)
		unpackedIn(l, at)
	}
	return nil
}

// builderInit adds the init layer of a container that built the image, unless it is as the engine makes it: then the
// container's own init layer also has everything in it.
func (s *Store) builderInit(out *source.Image, box *store.ContainerdContainer, key string) error {
	n := len(out.Layers)
	if err := s.ownSnapshot(out, box, source.RoleInit, key); err != nil {
		return err
	}
	found, err := out.Layers[n].Scan(context.Background(), source.ScanOptions{})
	if err == nil && onlyInit(found.Table) {
		out.Layers = out.Layers[:n]
	}
	return nil // whoever reads the layer gets the error
}

// initLayer is what Docker puts into every init layer. Source: moby, daemon/initlayer/setup_unix.go.
var initLayer = map[string]tarfs.TarEntry{
	"/": {Type: tarfs.Dir}, "/.dockerenv": {Type: tarfs.File}, "/dev": {Type: tarfs.Dir},
	"/dev/console": {Type: tarfs.File}, "/dev/pts": {Type: tarfs.Dir}, "/dev/shm": {Type: tarfs.Dir},
	"/etc": {Type: tarfs.Dir}, "/etc/hostname": {Type: tarfs.File}, "/etc/hosts": {Type: tarfs.File},
	"/etc/mtab": {Type: tarfs.Symlink, Link: "/proc/mounts"}, "/etc/resolv.conf": {Type: tarfs.File},
	"/proc": {Type: tarfs.Dir}, "/sys": {Type: tarfs.Dir},
}

// onlyInit reports whether a layer holds nothing but what Docker puts into every init layer.
func onlyInit(table *tarfs.Layer) bool {
	for e := range table.Raw() {
		want, ok := initLayer[path.Clean("/"+e.Name)]
		if !ok || e.Type != want.Type || e.Link != want.Link || e.Size != 0 {
			return false
		}
	}
	return true
}

// withChain finds the image with the layers of a chain of snapshots; nil if there is none. It prefers the image that
// the container names.
func (s *Store) withChain(chain []string, box *store.ContainerdContainer) *source.Image {
	if len(chain) == 0 {
		return nil
	}
	named := func(e *source.Entry) bool {
		return e.Descriptor.Digest == box.Manifest || slices.Contains(e.References, box.Image)
	}
	other := func(e *source.Entry) bool { return !named(e) }
	for _, fits := range []func(*source.Entry) bool{named, other} {
		for _, e := range s.Graph.Entries {
			if e.Kind != source.KindImage || e.Err != nil || e.Absent || !fits(e) || !s.Here(e) {
				continue
			}
			config, err := e.Config()
			if err != nil || !slices.Equal(digest.Chain(config.DiffIDs), chain) {
				continue
			}
			lacks := func(l *source.Layer) bool { return l.Err != nil }
			if img, err := s.Load(context.Background(), e); err == nil && !slices.ContainsFunc(img.Layers, lacks) {
				return img
			}
		}
	}
	return nil
}
