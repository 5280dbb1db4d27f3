package engine

import (
	"cmp"
	"context"
	"encoding/json"
	"errors"
	"io/fs"
	"slices"
	"strings"

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
	s.held = held
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
