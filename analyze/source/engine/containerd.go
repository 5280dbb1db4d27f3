package engine

import (
	"bufio"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"slices"

	"layup/analyze/digest"
	"layup/analyze/show"
	"layup/analyze/source"
	"layup/analyze/source/document"
	"layup/analyze/source/store"
)

// openContainerd lists the images and containers of containerd's root directory. Images are read from the content
// store. It keeps them as their registries do, so every digest can be checked. Containers add the directories of their
// snapshots.
func (s *Store) openContainerd(ctx context.Context, files store.Files, docker []*store.Container) error {
	held, err := store.OpenContainerd(ctx, files, store.Options{Namespace: s.opt.Namespace, SubID: s.subID()})
	if err != nil {
		return err
	}
	s.held = held
	s.Blobs = contentStore{s, files}
	if err := s.walkNames(ctx); err != nil {
		return err
	}
	s.entries = s.Graph.Entries
	s.addContainers(docker)
	return ctx.Err()
}

// walkNames walks what the names point to, as if an index listed them all.
func (s *Store) walkNames(ctx context.Context) error {
	var list []map[string]any
	for _, img := range s.held.Images {
		if digest.Valid(img.Name) { // the engine's own handle of an image that also has a name
			continue
		}
		list = append(list, map[string]any{"mediaType": img.MediaType, "digest": img.Digest, "size": img.Size,
			"annotations": map[string]string{document.NameAnnotation: img.Name}})
	}
	raw, err := json.Marshal(list)
	if err != nil {
		return err
	}
	return s.Walk(ctx, &document.Document{Manifests: raw})
}

// addContainers adds the containers. Those of a Docker engine have names that only it knows, and also exist while they
// do not run.
func (s *Store) addContainers(docker []*store.Container) {
	known := map[string]*store.Container{}
	for _, box := range docker {
		known[box.ID] = box
	}
	both := func(c store.ContainerdContainer) bool { return known[c.ID] != nil }
	boxes := slices.DeleteFunc(slices.Clone(s.held.Containers), both)
	for _, box := range docker {
		boxes = append(boxes, store.ContainerdContainer{Namespace: "moby", ID: box.ID, Image: box.Image, Created: box.Created,
			Snapshotter: "overlayfs", Key: box.ID})
	}
	group := 0
	for _, e := range s.entries {
		group = max(group, e.Group+1)
	}
	for i := range boxes {
		e := s.containerdContainer(&boxes[i])
		if box := known[boxes[i].ID]; box != nil {
			e.References, e.Aliases = []string{box.Name}, []string{box.ID}
			c := e.Container
			c.Name, c.State, c.Config, c.Host = box.Name, box.State, box.Config, box.Host
		}
		e.Group = group + i
		s.entries = append(s.entries, e)
	}
}

// containerdContainer is the entry of a container.
func (s *Store) containerdContainer(box *store.ContainerdContainer) *source.Entry {
	e := &source.Entry{Kind: source.KindContainer, References: []string{box.ID}}
	e.Container = &source.Container{ID: box.ID, Name: box.ID, Image: box.Image, Created: box.Created}
	e.Form = form{load: func(out *source.Image) error {
		out.Engine = &source.Engine{GraphDriver: box.Snapshotter, Measure: measureContainer(out)}
		parents, err := s.held.Parents(box.Namespace, box.Snapshotter, box.Key)
		if err == nil {
			err = document.Over(document.LimitLayers, len(parents), s.Opt.Limits.Layers)
		}
		if err != nil {
			return err
		}
		slices.Reverse(parents)
		image := parents
		for len(image) > 0 && !digest.Valid(image[len(image)-1]) { // an image's snapshots have its chainIDs as names
			image = image[:len(image)-1]
		}
		err = s.imageBelow(out, box, image)
		for _, key := range parents[len(image):] {
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

// imageBelow adds the layers below a container: those of the image with just these layers, else the snapshots.
func (s *Store) imageBelow(out *source.Image, box *store.ContainerdContainer, parents []string) error {
	img := s.withChain(parents)
	if img != nil {
		out.ID, out.Config, out.ConfigFile = img.ID, img.Config, img.ConfigFile
		out.Manifest, out.Layers, out.Container.ImageID = img.Manifest, img.Layers, img.ID
	}
	for i, key := range parents {
		below, ok, err := s.held.Snapshot(source.RoleImage, box.Namespace, box.Snapshotter, key)
		switch {
		case err != nil:
			return err
		case img != nil && ok:
			out.Layers[i].Role, out.Layers[i].Directory = source.RoleImage, below.Directory
			unpackedIn(out.Layers[i], below)
		case img != nil:
			out.Layers[i].Role = source.RoleImage
		case !ok:
			return fmt.Errorf("the snapshot %s is not in the store", show.Cut(key))
		default:
			out.Layers = append(out.Layers, s.newLayer(i, below))
		}
	}
	return nil
}

// withChain finds the image with the layers of a chain of snapshots; nil if there is none.
func (s *Store) withChain(parents []string) *source.Image {
	if len(parents) == 0 {
		return nil
	}
	for _, e := range s.Graph.Entries {
		if e.Kind != source.KindImage || e.Err != nil || e.Absent || !s.Here(e) {
			continue
		}
		config, err := e.Config()
		if err != nil || !slices.Equal(digest.Chain(config.DiffIDs), parents) {
			continue
		}
		lacks := func(l *source.Layer) bool { return l.Err != nil }
		if img, err := s.Load(context.Background(), e); err == nil && !slices.ContainsFunc(img.Layers, lacks) {
			return img
		}
	}
	return nil
}

// locate notes where the layers of an image are unpacked. A layer without its blob is read from there: containerd may
// delete blobs that it unpacked. It reports whether there is such a layer.
func (s *Store) locate(img *source.Image) (unpacked bool) {
	var diffIDs []string
	for _, l := range img.Layers {
		diffIDs = append(diffIDs, l.DiffID)
	}
	for i, chain := range digest.Chain(diffIDs) {
		l := img.Layers[i]
		at, ok := s.held.Unpacked(chain)
		if l.Role, l.Directory = source.RoleImage, at.Directory; ok && errors.Is(l.Err, fs.ErrNotExist) {
			at.DiffID, at.Size = l.DiffID, l.Size
			found := s.newLayer(i, at)
			found.Digest, found.MediaType = l.Digest, l.MediaType
			img.Layers[i], unpacked = found, true
		} else if ok {
			unpackedIn(l, at)
		}
	}
	return unpacked
}

// A contentStore is the blobs of containerd.
type contentStore struct {
	s     *Store
	files store.Files
}

// Document reads a blob that is JSON.
func (c contentStore) Document(d document.Descriptor, _, limitName string, limit int64) ([]byte, error) {
	if err := document.Over(limitName, d.Size, limit); err != nil {
		return nil, fmt.Errorf("size: %w", err)
	}
	doc, err := store.ReadFile(c.files, store.Content(d.Digest), limit)
	if err != nil || !c.s.Opt.Verify {
		return doc, stored(err)
	}
	return doc, d.Match(doc)
}

// stored returns fs.ErrNotExist alone for a blob that is missing.
func stored(err error) error {
	if errors.Is(err, fs.ErrNotExist) {
		return fs.ErrNotExist
	}
	return err
}

// Layer opens a blob.
func (c contentStore) Layer(d document.Descriptor) (*source.Blob, error) {
	file, err := c.files.Open(store.Content(d.Digest))
	if err != nil {
		return nil, stored(err)
	}
	if at, ok := file.(source.Bytes); ok { // it is open until another file needs the room, or the store is closed
		return &source.Blob{Bytes: at}, nil
	}
	size, err := c.size(d.Digest)
	return &source.Blob{Bytes: &contentStream{c, d.Digest, size}}, errors.Join(err, file.Close())
}

func (c contentStore) size(digest string) (int64, error) {
	info, err := c.files.Stat(store.Content(digest))
	return info.Size, err
}

func (c contentStore) Has(digest string) bool {
	_, err := c.size(digest)
	return err == nil
}

func (contentStore) Far() bool                   { return false }
func (contentStore) Missing(digest string) error { return source.MissingBlob(digest) }

// A contentStream is a blob in a compressed tar of the store.
type contentStream struct {
	store  contentStore
	digest string
	size   int64
}

func (b *contentStream) Size() int64 { return b.size }

// Open reads the blob from its beginning.
func (b *contentStream) Open(context.Context) (io.ReadCloser, error) {
	body, err := b.store.files.Open(store.Content(b.digest))
	if err != nil {
		return nil, err
	}
	return struct {
		io.Reader
		io.Closer
	}{bufio.NewReader(body), body}, nil
}

// Temp is closed with the store.
func (b *contentStream) Temp() *source.TempFiles { return &b.store.s.temp }
