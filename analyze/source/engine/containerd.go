package engine

import (
	"cmp"
	"context"
	"encoding/json"
	"errors"
	"io/fs"
	"slices"
	"strings"
	"time"

	"layup/analyze/digest"
	"layup/analyze/source"
	"layup/analyze/source/document"
	"layup/analyze/source/store"
	"layup/analyze/source/tree"
)

// openContainerd lists the images and containers of containerd's root directory. Images are read from the content
// store. It keeps them as their registries do, so every digest can be checked. Containers add the directories of their
// snapshots. Docker is what its engine holds besides.
func (s *Store) openContainerd(ctx context.Context, files store.Files, docker *store.DockerRoot) error {
	held, err := store.OpenContainerd(ctx, files, store.Options{Namespace: s.opt.Namespace, SubID: s.subID()})
	if err != nil {
		return err
	}
	s.held, s.targets = held, targetsOf(held.Images)
	blobs := tree.NewBlobs(files, store.Content, s.Opt)
	s.Blobs, s.closers = blobs, append(s.closers, blobs.Close)
	if err := s.walkNames(ctx); err != nil {
		return err
	}
	s.directories = append(s.directories, held.Directories)
	for _, d := range held.Damaged {
		s.add(record(d))
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
		case img.Name == "" || img.Dangling():
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

// unpack notes where the layers of an image are unpacked. A layer without its blob is read from there: containerd may
// delete blobs that it unpacked. It reports whether there is such a layer.
func (s *Store) unpack(img *source.Image) (unpacked bool) {
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
		l.Role = source.RoleImage
		s.locate(l, at)
		if ok && errors.Is(l.Err, fs.ErrNotExist) {
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

// A target is what the names say of the index or manifest to which they point.
type target struct {
	size    int64
	updated time.Time // the last of all names
	digests []string  // NAME@DIGEST
	parent  string
}

// targetsOf joins the names that point to one digest.
func targetsOf(images []store.ContainerdImage) map[string]*target {
	all := map[string]*target{}
	for _, img := range images {
		t := all[img.Digest]
		if t == nil {
			t = &target{size: img.Size}
			all[img.Digest] = t
		}
		if t.parent = cmp.Or(t.parent, img.Parent); img.Updated.After(t.updated) {
			t.updated = img.Updated
		}
		familiar := document.Familiar(img.Name)
		repository, _, tagged := document.CutTag(familiar)
		switch {
		case img.Dangling():
		case strings.Contains(familiar, "@"):
			t.digests = append(t.digests, familiar)
		case tagged:
			t.digests = append(t.digests, repository+"@"+img.Digest)
		}
	}
	return all
}

// parentOf returns what an image was built on; empty if that is not known.
func (s *Store) parentOf(id string) string {
	if t := s.targets[id]; t != nil {
		return t.parent
	}
	return ""
}

// describe adds what Docker knows of an image in containerd's store. Source: moby, daemon/containerd/image_inspect.go.
func (s *Store) describe(img *source.Image, e *source.Entry) {
	id := cmp.Or(img.Index, e.Descriptor.Digest)
	t := s.targets[id]
	if s.kind != DockerRoot || t == nil {
		return
	}
	img.Engine.ID, img.Engine.LastTagTime, img.RepoDigests = id, t.updated, t.digests
	img.Parent, img.ParentOf = t.parent, s.parentOf
	img.Engine.Size = s.targets[id].size + int64(len(img.Config))
	if img.Index != "" { // the names point to it
		img.Engine.Size += int64(len(img.Manifest))
	}
	for _, l := range img.Layers {
		img.Engine.Size += l.Size
	}
}
