// Package engine opens the stores of engines as sources: Docker's data-root, containers-storage and containerd's root, each
// a directory or a tar of one.
package engine

import (
	"bufio"
	"context"
	"errors"
	"io"
	"os"
	"strings"
	"sync"
	"syscall"

	"layup/analyze/digest"
	"layup/analyze/show"
	"layup/analyze/source"
	"layup/analyze/source/advice"
	"layup/analyze/source/decode"
	"layup/analyze/source/disk"
	"layup/analyze/source/document"
	"layup/analyze/source/input"
	"layup/analyze/source/store"
)

// The kinds of stores.
const (
	DockerRoot        = "docker-root"
	ContainerdRoot    = "containerd-root"
	ContainersStorage = "containers-storage"
)

// Options say how a store is read.
type Options struct {
	source.Options
	Stdin          *os.File // what the name "-" reads; nil means os.Stdin
	Namespace      string   // of containerd; empty for all
	ContainerdRoot string   // of a Docker engine that keeps its images in containerd's store
	SubID          uint32   // the first user and group number of the host that stands for one of a container; 0 shows numbers as stored
}

// A Store is the store of an engine, opened.
type Store struct {
	name, kind string
	path       string // of the store, as the user wrote it
	opt        *Options
	tree       store.Files // from its top
	closers    []func() error
	driver     string
	graph      *source.Graph // of containerd's content store; nil for others
	held       *store.Containerd
	entries    []*source.Entry

	mu    sync.Mutex
	scans map[string]*scan // by place: images share layers
}

// Open opens a store. Errors do not begin with the name.
func Open(ctx context.Context, name, path, kind string, opt Options) (*Store, error) {
	s := &Store{name: name, kind: kind, path: path, opt: &opt}
	if err := s.open(ctx); err != nil {
		return nil, errors.Join(privileged(err), s.Close())
	}
	source.Number(s.entries)
	return s, nil
}

// open finds the store in its directory or tar by a marker, for the tar may have been made further up.
func (s *Store) open(ctx context.Context) error {
	files, err := s.files(ctx, s.path)
	if err != nil {
		return err
	}
	marker := map[string]string{DockerRoot: "image", ContainerdRoot: store.MetaName, ContainersStorage: "storage.lock"}
	s.tree = store.Below(files, store.Top(files, marker[s.kind]))
	switch s.kind {
	case DockerRoot:
		return s.openDocker(ctx)
	case ContainerdRoot:
		return s.openContainerd(ctx, s.tree, nil)
	}
	return s.list(ctx, store.OpenContainersStorage)
}

// SplitName cuts the image or container off the name of a store. The longest beginning that exists is the store.
func SplitName(rest string) (path, ref string) {
	if input.Exists(rest) {
		return rest, ""
	}
	for i := len(rest) - 1; i > 0; i-- {
		if rest[i] == ':' && input.Exists(rest[:i]) {
			return rest[:i], rest[i+1:]
		}
	}
	return strings.TrimSuffix(rest, ":"), ""
}

// Kind is one of the kinds of stores.
func (s *Store) Kind() string { return s.kind }

// Entries returns the images and containers.
func (s *Store) Entries() []*source.Entry { return s.entries }

// Unreferenced is empty: what an engine does not name is not listed.
func (*Store) Unreferenced(context.Context) ([]source.Listed, error) { return nil, nil }

// Advice returns the whole name of an image or a container. A name that both have gets its kind before it.
func (s *Store) Advice(e *source.Entry) string {
	name, kind := "", ""
	if len(e.References) > 0 {
		name = e.References[0]
	} else {
		name = shortID(e)
	}
	for _, other := range s.entries {
		if other.Kind != e.Kind && (len(other.References) > 0 && other.References[0] == name) {
			kind = e.Kind + "="
		}
	}
	return show.Shell(s.kind + ":" + s.path + ":" + kind + name)
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
	img, err := source.Load(s, e, &s.opt.Options)
	img.Name = s.name
	if err != nil {
		return img, privileged(err)
	}
	if _, stored := e.Form.(form); stored || s.graph != nil && s.locate(img) {
		if img.Verified = "none"; s.opt.Verify {
			img.Verified = "config" // there are no blobs of layers, or not all
		}
	}
	return img, nil
}

// privileged adds to an error of a store what to do next.
func privileged(err error) error {
	if _, ok := errors.AsType[*store.PrivilegeError](err); ok {
		return &advice.Hinted{Err: err, Hint: "run layup as root, or read a copy or a tar that root made of the store"}
	}
	return err
}

// files opens the files of a store, which are closed with it.
func (s *Store) files(ctx context.Context, path string) (files store.Files, err error) {
	defer func() {
		if err == nil {
			s.closers = append(s.closers, files.Close)
		}
	}()
	info, err := os.Stat(path)
	switch {
	case path == "-":
	case err != nil:
		return nil, input.NoSuchFile(path, err)
	case info.IsDir():
		root, err := os.OpenRoot(path)
		if err != nil {
			return nil, &store.PrivilegeError{Name: ".", Need: "root", Err: disk.Plain(err)}
		}
		return store.Directory(root)
	case info.Mode().IsRegular():
		return s.tarFile(ctx, path)
	}
	in, err := input.Open(ctx, path, s.opt.Stdin, &s.opt.Options)
	if err != nil {
		return nil, err
	}
	s.closers = append(s.closers, in.Close)
	return s.tar(ctx, in.Data)
}

// tar reads a tar in place.
func (s *Store) tar(ctx context.Context, data *io.SectionReader) (store.Files, error) {
	return store.Archive(ctx, source.NewHeaderReader(ctx, data, data.Size()), data, nil, nil, s.opt.Limits.Limits)
}

// tarFile opens a regular file that holds a tar. A compressed tar is streamed: only the store's own documents are kept of
// it.
func (s *Store) tarFile(ctx context.Context, path string) (store.Files, error) {
	file, err := os.OpenFile(path, os.O_RDONLY|syscall.O_NONBLOCK, 0)
	if err != nil {
		return nil, disk.Plain(err)
	}
	s.closers = append(s.closers, file.Close)
	info, err := file.Stat()
	if err != nil {
		return nil, disk.Plain(err)
	}
	data := io.NewSectionReader(file, 0, info.Size())
	compression, err := input.Recognise(data)
	if err != nil {
		return nil, err
	}
	if compression == decode.None {
		return s.tar(ctx, data)
	}
	again := func(ctx context.Context) (io.ReadCloser, error) {
		return source.Decompress(ctx, io.NewSectionReader(file, 0, info.Size()), compression, &s.opt.Options)
	}
	stream, err := again(ctx)
	if err != nil {
		return nil, err
	}
	kept, err := source.Unlinked(s.opt.TempDir)
	if err != nil {
		return nil, errors.Join(source.NoRoom(s.opt.TempDir, err), stream.Close())
	}
	const buffer = 256 << 10
	files, err := store.Archive(ctx, bufio.NewReaderSize(stream, buffer), nil, again, kept, s.opt.Limits.Limits)
	return files, errors.Join(err, stream.Close())
}

// Documents verifies the nested indexes of containerd's images.
func (s *Store) Documents(ctx context.Context) ([]source.Check, error) {
	if s.graph == nil {
		return nil, nil
	}
	return s.graph.IndexChecks(ctx, s.opt.Audit)
}

// Others verifies the other blobs of containerd's images, if the user asked for everything: there may be any number.
func (s *Store) Others(ctx context.Context, done map[string]bool, all bool) ([]source.Check, error) {
	if s.graph == nil || !all {
		return nil, nil
	}
	return s.graph.Others(ctx, s.opt.Audit, done)
}

// A form finds the layers of an image or a container that the engine keeps in directories.
type form struct {
	load   func(img *source.Image) error
	config *document.Config // nil if the store has none
}

// Config returns the config that was read when the store was opened.
func (f form) Config(*source.Entry) (*document.Config, error) { return f.config, nil }

// Here is true.
func (form) Here(*source.Entry) bool { return true }

// Load completes the image.
func (f form) Load(_ *source.Entry, img *source.Image) error { return privileged(f.load(img)) }

// Checks verifies the config that the engine keeps: its digest is the image's ID.
func (f form) Checks(ctx context.Context, _ *source.Audit, _ *source.Entry, img *source.Image) ([]source.Check, error) {
	if len(img.Config) == 0 {
		return nil, nil
	}
	check := source.NewCheck("config")
	check.Digest, check.Expected = img.ID, img.ID
	source.Embedded(img.Config).Hash(ctx, &source.Options{}, &check)
	return []source.Check{check}, ctx.Err()
}

// place names what tells a layer from others of the store.
func place(l store.Layer) string { return l.Directory + "\x00" + l.Split }

var errOtherLayers = errors.New("the layers in the store are not those that the image's config names")

func shortID(e *source.Entry) string { return digest.Short(e.ID) }
