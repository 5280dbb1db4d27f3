package engine

import (
	"bufio"
	"cmp"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"slices"
	"strings"

	"layup/analyze/digest"
	"layup/analyze/source"
	"layup/analyze/source/document"
	"layup/analyze/source/store"
)

// openContainerd lists the images and containers of containerd's root directory. Images are read from the content
// store. It keeps them as their registries do, so every digest can be checked. Containers add the directories of their
// snapshots. Docker is what its engine holds besides.
func (s *Store) openContainerd(ctx context.Context, files store.Files, docker *store.DockerRoot) error {
	held, err := store.OpenContainerd(ctx, files, store.Options{Namespace: s.opt.Namespace, SubID: s.subID()})
	if err != nil {
		return err
	}
	s.held = held
	s.Blobs = contentStore{s, files}
	if err := s.walkNames(ctx); err != nil {
		return err
	}
	first := s.groups
	bases := map[string]bool{} // of other images
	for _, img := range held.Images {
		bases[img.Parent] = true
	}
	for _, e := range s.Graph.Entries {
		e.Group, e.Driver = e.Group+first, "containerd"
		e.Intermediate = len(e.References) == 0 && slices.ContainsFunc(e.Aliases, func(id string) bool { return bases[id] })
		s.entries, s.groups = append(s.entries, e), max(s.groups, e.Group+1)
	}
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
		annotations := map[string]string{}
		switch {
		case img.Dangling():
		case s.kind == DockerRoot:
			annotations[document.NameAnnotation] = document.Familiar(img.Name)
		default:
			annotations[document.NameAnnotation] = img.Name
		}
		list = append(list, map[string]any{"mediaType": img.MediaType, "digest": img.Digest, "size": img.Size,
			"annotations": annotations})
	}
	raw, err := json.Marshal(list)
	if err != nil {
		return err
	}
	return s.Walk(ctx, &document.Document{Manifests: raw})
}

// locate notes where the layers of an image are unpacked. A layer without its blob is read from there: containerd may
// delete blobs that it unpacked. It reports whether there is such a layer.
func (s *Store) locate(img *source.Image) (unpacked bool) {
	var diffIDs []string
	for _, l := range img.Layers {
		diffIDs = append(diffIDs, l.DiffID)
	}
	img.Engine = &source.Engine{Size: -1}
	for i, chain := range digest.Chain(diffIDs) {
		l := img.Layers[i]
		at, ok := s.held.Unpacked(chain)
		img.Engine.GraphDriver = cmp.Or(img.Engine.GraphDriver, at.Driver)
		img.Engine.Sizes = append(img.Engine.Sizes, at.Usage)
		if l.Role, l.Directory = source.RoleImage, s.shown(at); ok && errors.Is(l.Err, fs.ErrNotExist) {
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

// describe adds what Docker knows of an image in containerd's store. Source: moby, daemon/containerd/image_inspect.go.
func (s *Store) describe(img *source.Image, e *source.Entry) {
	if s.kind != DockerRoot {
		return
	}
	id, parents := cmp.Or(img.Index, e.Descriptor.Digest), map[string]string{}
	for _, named := range s.held.Images {
		if parents[named.Digest] = cmp.Or(parents[named.Digest], named.Parent); named.Digest != id {
			continue
		}
		img.Engine.Size = named.Size
		if named.Updated.After(img.Engine.LastTagTime) {
			img.Engine.LastTagTime = named.Updated
		}
		if named.Dangling() {
			continue
		}
		familiar := document.Familiar(named.Name)
		if repository, _, tagged := document.CutTag(familiar); strings.Contains(familiar, "@") {
			img.RepoDigests = append(img.RepoDigests, familiar)
		} else if tagged {
			img.RepoDigests = append(img.RepoDigests, repository+"@"+named.Digest)
		}
	}
	img.Engine.ID = id
	for at := parents[id]; at != "" && len(img.Parents) < len(parents); at = parents[at] {
		img.Parents = append(img.Parents, at)
	}
	for _, l := range img.Layers {
		img.Engine.Size += l.Size
	}
	img.Engine.Size += int64(len(img.Config))
	if img.Index != "" { // the names point to it
		img.Engine.Size += int64(len(img.Manifest))
	}
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
