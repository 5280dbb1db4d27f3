// Package engine opens the stores of engines as sources: Docker's data-root, containers-storage and containerd's root,
// each a directory or a tar of one.
package engine

import (
	"cmp"
	"context"
	"errors"
	"path"
	"path/filepath"
	"strings"

	"layup/analyze/digest"
	"layup/analyze/show"
	"layup/analyze/source"
	"layup/analyze/source/document"
	"layup/analyze/source/input"
	"layup/analyze/source/store"
	"layup/analyze/source/tree"
)

// The kinds of stores.
const (
	DockerRoot        = "docker-root"
	ContainerdRoot    = "containerd-root"
	ContainersStorage = "containers-storage"
)

// Options say how a store is read.
type Options struct {
	Namespace      string // of containerd; empty for all
	ContainerdRoot string // of a Docker engine that keeps its images in containerd's store
	SubID          uint32 // the first number of the host that stands for a container's user or group; 0: numbers as stored
}

// A Store is the store of an engine, opened.
type Store struct {
	name, kind string
	path       string // of the store, as the user wrote it
	opt        Options
	tree       store.Files // from its top
	top        string      // below the path
	isTar      bool
	home       string // the absolute path of the top; empty in a tar
	closers    []func() error
	held       *store.Containerd
	targets    map[string]*target // of the names in it
	containerd string             // where its root is, as shown; empty for the top
	entries    []*source.Entry
	groups     int // of entries
	// directories list where the engine keeps layers and volumes.
	directories []func(context.Context) ([]store.Place, error)
	loose       []*source.Entry // nil before anybody asked

	*source.Graph // of containerd's content store; without entries for others
}

// Open opens a store. Errors do not begin with the name.
func Open(ctx context.Context, name, path, kind string, base *source.Options, opt Options) (*Store, error) {
	s := &Store{name: name, kind: kind, path: path, opt: opt, Graph: &source.Graph{Opt: base}}
	if err := s.open(ctx); err != nil {
		return nil, errors.Join(privileged(err), s.Close())
	}
	source.Number(s.entries)
	s.nameChoices()
	return s, nil
}

// open finds the top of the store by a marker: the directory or tar may begin at a parent.
func (s *Store) open(ctx context.Context) error {
	files, err := s.files(ctx, s.path)
	if err != nil {
		return err
	}
	markers := map[string][]string{
		DockerRoot:        {"image", "graph"},
		ContainerdRoot:    {store.MetaName, "io.containerd.content.v1.content"},
		ContainersStorage: {"storage.lock", "overlay-layers", "vfs-layers"},
	}
	s.top = store.Top(files, markers[s.kind]...)
	s.tree = store.Below(files, s.top)
	if !s.isTar {
		if s.home, err = filepath.Abs(filepath.Join(s.path, s.top)); err != nil {
			return err
		}
	}
	switch s.kind {
	case DockerRoot:
		return s.openDocker(ctx)
	case ContainerdRoot:
		return s.openContainerd(ctx, s.tree, &store.DockerRoot{})
	}
	return s.list(ctx, store.OpenContainersStorage)
}

// SplitName cuts the image or container off the name of a store. The longest beginning that exists is the store.
func SplitName(rest string) (path, ref string) {
	if at := input.PathEnd(rest, ":"); at > 0 {
		return rest[:at], strings.TrimPrefix(rest[at:], ":")
	}
	return strings.TrimSuffix(rest, ":"), ""
}

// Kind is one of the kinds of stores.
func (s *Store) Kind() string { return s.kind }

// Entries returns the images and containers.
func (s *Store) Entries() []*source.Entry { return s.entries }

// nameChoices sets the words that choose each image and container. If an image and a container share a name, the kind
// comes before it. If images of two stores share a name, their digests choose them.
func (s *Store) nameChoices() {
	type named struct{ kind, name string }
	groups := map[named]map[int]bool{}
	for _, e := range s.entries {
		of := named{e.Kind, e.Reference("")}
		if groups[of] == nil {
			groups[of] = map[int]bool{}
		}
		groups[of][e.Group] = true
	}
	for _, e := range s.entries {
		name, other := cmp.Or(e.Reference(""), digest.Short(e.ID), digest.Short(e.Descriptor.Digest)), source.KindContainer
		if e.Kind == source.KindContainer {
			other = source.KindImage
		}
		switch {
		case e.Kind == source.KindImage && e.Top != "" && len(e.References) > 0 && len(groups[named{e.Kind, name}]) > 1:
			name = e.Top
		case len(groups[named{other, name}]) > 0:
			name = e.Kind + "=" + name
		}
		e.Choice = show.Shell(s.kind + ":" + s.path + ":" + name)
	}
}

// Close ends the reading of all images and containers.
func (s *Store) Close() error {
	var errs []error
	for _, end := range s.closers {
		errs = append(errs, end())
	}
	return errors.Join(errs...)
}

// Load completes an image or a container.
func (s *Store) Load(_ context.Context, e *source.Entry) (*source.Image, error) {
	img, err := source.Load(s, e, s.Opt)
	img.Name = s.name
	if err != nil {
		return img, privileged(err)
	}
	_, blobs := e.Form.(*source.Graph)
	stored := !blobs || s.unpack(img)
	if blobs {
		s.describe(img, e)
	}
	if stored {
		if img.Verified = "none"; s.Opt.Verify {
			img.Verified = "config" // there are no blobs of layers, or not all
		}
	}
	return img, nil
}

// privileged adds to an error of a store what to do next.
func privileged(err error) error { return tree.Privileged(err) }

// files opens the files of a store, which are closed with it.
func (s *Store) files(ctx context.Context, path string) (store.Files, error) {
	files, err := tree.Open(ctx, path, s.Opt)
	if err == nil {
		s.closers = append(s.closers, files.Close)
		s.isTar = s.isTar || tree.IsTar(files)
	}
	return files, err
}

// A form finds the layers of an image or a container that the engine keeps in directories.
type form struct {
	load   func(img *source.Image) error
	config *document.Config // nil if the store has none
}

// Config returns the config that was read when the store was opened.
func (f form) Config(*source.Entry) (*document.Config, error) { return f.config, nil }

// Load completes the image.
func (f form) Load(_ *source.Entry, img *source.Image) error { return privileged(f.load(img)) }

// Checks verifies the config that the engine keeps: its digest is the image's ID.
func (f form) Checks(ctx context.Context, _ *source.Entry, img *source.Image) ([]source.Check, error) {
	if len(img.Config) == 0 {
		return nil, nil
	}
	check := source.NewCheck("config")
	check.Digest, check.Expected = img.ID, img.ID
	source.Embedded(img.Config).Hash(ctx, &source.Options{}, &check)
	return []source.Check{check}, ctx.Err()
}

// locate notes where the directory of a layer is.
func (s *Store) locate(l *source.Layer, of store.Layer) {
	if of.Directory == "" {
		return
	}
	l.Directory = s.shown(of)
	switch {
	case of.Files != nil && s.opt.ContainerdRoot != "": // the user named it apart
		l.At = l.Directory
	case s.isTar:
		l.At = path.Join(s.top, l.Directory)
	default:
		l.At = filepath.Join(s.path, s.top, l.Directory)
	}
}

// shown returns the directory of a layer from the top of the store. Only layers of containerd have Files.
func (s *Store) shown(l store.Layer) string {
	if l.Files == nil {
		return l.Directory
	}
	return path.Join(s.containerd, l.Directory)
}

var errOtherLayers = errors.New("the layers in the store are not those that the image's config names")
