package source

import (
	"bufio"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"slices"

	"layup/analyze/digest"
	"layup/analyze/show"
	"layup/analyze/source/document"
	"layup/analyze/source/store"
)

// openContainerd lists the images and containers of containerd's root directory. Images are read from the content store, as it has them from
// their registries, so that every digest can be checked; containers add the directories of their snapshots.
func (a *Archive) openContainerd(ctx context.Context, files store.Files, docker []*store.Container) error {
	held, err := store.OpenContainerd(ctx, files, store.Options{Namespace: a.opt.Store.Namespace, SubID: a.opt.Store.SubID})
	if err != nil {
		return err
	}
	a.shelf = contentShelf{a, files, held}
	if err := a.listNames(ctx, held.Images); err != nil {
		return err
	}
	return a.listContainers(ctx, held, docker)
}

// listContainers adds the containers. Those of a Docker engine have names that only it knows, and are there while they do not run, too.
func (a *Archive) listContainers(ctx context.Context, held *store.Containerd, docker []*store.Container) error {
	known := map[string]*store.Container{}
	for _, box := range docker {
		known[box.ID] = box
	}
	boxes := slices.DeleteFunc(slices.Clone(held.Containers), func(c store.ContainerdContainer) bool { return known[c.ID] != nil })
	for _, box := range docker {
		boxes = append(boxes, store.ContainerdContainer{Namespace: "moby", ID: box.ID, Image: box.Image, Created: box.Created, Snapshotter: "overlayfs", Key: box.ID})
	}
	group := 0
	for _, c := range a.images {
		group = max(group, c.group+1)
	}
	for i := range boxes {
		c := a.containerdContainer(held, &boxes[i])
		if box := known[boxes[i].ID]; box != nil {
			c.refs, c.aliases = []string{box.Name}, []string{box.ID}
			c.container.Name, c.container.State, c.container.Config, c.container.Host = box.Name, box.State, box.Config, box.Host
		}
		c.group = group + i
		a.images = append(a.images, c)
	}
	return ctx.Err()
}

// listNames walks what the names point to, as if an index listed it all.
func (a *Archive) listNames(ctx context.Context, images []store.ContainerdImage) error {
	type named struct {
		MediaType   string            `json:"mediaType"`
		Digest      string            `json:"digest"`
		Size        int64             `json:"size"`
		Annotations map[string]string `json:"annotations"`
	}
	var list []named
	for _, img := range images {
		if digest.Valid(img.Name) { // the engine's own handle of an image that has a name, too
			continue
		}
		list = append(list, named{img.MediaType, img.Digest, img.Size, map[string]string{"io.containerd.image.name": img.Name}})
	}
	raw, err := json.Marshal(list)
	if err != nil {
		return err
	}
	w := &indexWalk{ctx: ctx, a: a, tops: map[string]int{}}
	return w.top(&document.Document{Manifests: raw})
}

// containerdContainer is the candidate of a container.
func (a *Archive) containerdContainer(held *store.Containerd, box *store.ContainerdContainer) *candidate {
	c := &candidate{kind: kindContainer, refs: []string{box.ID}}
	c.container = &Container{ID: box.ID, Name: box.ID, Image: box.Image, Created: box.Created}
	c.form = storeForm(func(out *Image) error {
		out.Engine = &Engine{GraphDriver: box.Snapshotter}
		parents, err := held.Parents(box.Namespace, box.Snapshotter, box.Key)
		if err == nil {
			err = document.Over(document.LimitLayers, int64(len(parents)), int64(a.opt.Limits.Layers))
		}
		if err != nil {
			return err
		}
		slices.Reverse(parents)
		image := parents
		for len(image) > 0 && !digest.Valid(image[len(image)-1]) { // the snapshots of an image are called by its chainIDs
			image = image[:len(image)-1]
		}
		if err := a.containerdImage(out, held, box, image); err != nil {
			return err
		}
		for _, key := range parents[len(image):] {
			if err := a.ownSnapshot(out, held, box, store.RoleInit, key); err != nil {
				return err
			}
		}
		return a.ownSnapshot(out, held, box, store.RoleContainer, box.Key)
	})
	return c
}

// ownSnapshot adds a layer of the container itself.
func (a *Archive) ownSnapshot(out *Image, held *store.Containerd, box *store.ContainerdContainer, role, key string) error {
	own, ok, err := held.Snapshot(role, box.Namespace, box.Snapshotter, key)
	if err == nil && !ok {
		err = fmt.Errorf("its snapshot %s is not in the store", show.Cut(key))
	}
	if err == nil {
		out.Layers = append(out.Layers, a.storedLayer(len(out.Layers), own))
	}
	return err
}

// containerdImage lays the layers below a container: those of the image with just these layers, else the snapshots.
func (a *Archive) containerdImage(out *Image, held *store.Containerd, box *store.ContainerdContainer, parents []string) error {
	img := a.withChain(parents)
	if img != nil {
		out.ID, out.Config, out.ConfigFile, out.Manifest, out.Layers = img.ID, img.Config, img.ConfigFile, img.Manifest, img.Layers
		out.Container.ImageID = img.ID
	}
	for i, key := range parents {
		below, ok, err := held.Snapshot(store.RoleImage, box.Namespace, box.Snapshotter, key)
		switch {
		case err != nil:
			return err
		case img != nil && ok:
			out.Layers[i].Role, out.Layers[i].Directory = store.RoleImage, below.Directory
			out.Layers[i].unpackedIn(below)
		case img != nil:
			out.Layers[i].Role = store.RoleImage
		case !ok:
			return fmt.Errorf("the snapshot %s is not in the store", show.Cut(key))
		default:
			out.Layers = append(out.Layers, a.storedLayer(i, below))
		}
	}
	return nil
}

// withChain finds the image whose layers make a chain of snapshots; nil where none does.
func (a *Archive) withChain(parents []string) *Image {
	if len(parents) == 0 {
		return nil
	}
	for _, c := range a.images {
		if c.kind != kindImage || c.err != nil || c.absent || !a.inFile(c) {
			continue
		}
		config, err := a.readConfig(c)
		if err != nil || config == nil || !slices.Equal(digest.Chain(config.DiffIDs), parents) {
			continue
		}
		if img, err := a.load(c); err == nil && !slices.ContainsFunc(img.Layers, func(l *Layer) bool { return l.err != nil }) {
			return img
		}
	}
	return nil
}

// A contentShelf is containerd's content store.
type contentShelf struct {
	a     *Archive
	files store.Files
	held  *store.Containerd
}

// locate notes where the layers of an image are unpacked. A layer whose blob containerd threw away after that is read from there; it reports whether
// there is one.
func (s contentShelf) locate(img *Image) (unpacked bool) {
	var diffIDs []string
	for _, l := range img.Layers {
		diffIDs = append(diffIDs, l.DiffID)
	}
	for i, chain := range digest.Chain(diffIDs) {
		l := img.Layers[i]
		at, ok := s.held.Unpacked(chain)
		if l.Role, l.Directory = store.RoleImage, at.Directory; ok && errors.Is(l.err, fs.ErrNotExist) {
			at.DiffID, at.Size = l.DiffID, l.Size
			found := s.a.storedLayer(i, at)
			found.Digest, found.MediaType = l.Digest, l.MediaType
			img.Layers[i], unpacked = found, true
		} else if ok {
			l.unpackedIn(at)
		}
	}
	return unpacked
}

func (s contentShelf) document(d document.Descriptor, _, limitName string, limit int64) ([]byte, error) {
	if err := document.Over(limitName, d.Size, limit); err != nil {
		return nil, fmt.Errorf("size: %w", err)
	}
	doc, err := store.ReadFile(s.files, store.Content(d.Digest), limit)
	if err != nil || !s.a.opt.Verify {
		return doc, shelved(err)
	}
	return doc, d.Match(doc)
}

// shelved makes what is not in the store a blob that is missing.
func shelved(err error) error {
	if errors.Is(err, fs.ErrNotExist) {
		return fs.ErrNotExist
	}
	return err
}

func (s contentShelf) layer(d document.Descriptor) (blob, func() error, error) {
	file, err := s.files.Open(store.Content(d.Digest))
	if err != nil {
		return nil, nil, shelved(err)
	}
	if at, ok := file.(blob); ok { // it is open until another file needs the room, or the store is closed
		return at, nil, nil
	}
	size, err := s.size(d.Digest)
	return &contentStream{s, d.Digest, size}, nil, errors.Join(err, file.Close())
}

func (s contentShelf) size(digest string) (int64, error) {
	info, err := s.files.Stat(store.Content(digest))
	return info.Size, err
}

func (s contentShelf) has(digest string) bool {
	_, err := s.size(digest)
	return err == nil
}

func (contentShelf) far() bool { return false }

// A contentStream is a blob in a compressed tar of the store.
type contentStream struct {
	shelf  contentShelf
	digest string
	size   int64
}

func (b *contentStream) Size() int64 { return b.size }

func (b *contentStream) open(context.Context) (io.ReadCloser, error) {
	body, err := b.shelf.files.Open(store.Content(b.digest))
	if err != nil {
		return nil, err
	}
	return struct {
		io.Reader
		io.Closer
	}{bufio.NewReaderSize(body, blobBuffer), body}, nil
}

func (b *contentStream) keep(file *os.File) {
	b.shelf.a.closers = append(b.shelf.a.closers, file.Close)
}

func (b *contentStream) tempDir() string { return b.shelf.a.opt.TempDir }

func (a *Archive) openContainerdRoot(ctx context.Context) error {
	return a.openContainerd(ctx, a.engine.tree, nil)
}
