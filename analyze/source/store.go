package source

import (
	"bufio"
	"context"
	"errors"
	"io"
	"os"
	"slices"
	"strings"
	"sync"
	"syscall"

	v1 "github.com/google/go-containerregistry/pkg/v1"

	"layup/analyze/source/decode"
	"layup/analyze/source/disk"
	"layup/analyze/source/document"
	"layup/analyze/source/store"
	"layup/tarfs"
)

// The roles of a container's layers.
const (
	RoleImage     = store.RoleImage
	RoleInit      = store.RoleInit
	RoleContainer = store.RoleContainer
)

// verifiedConfig says how far the store of an engine, which holds no blobs of layers, can be checked while it is listed.
const verifiedConfig = "config"

// kindContainer is a container of an engine's store.
const kindContainer = "container"

// StoreOptions say how the stores of engines are read.
type StoreOptions struct {
	Namespace      string // of containerd; empty for all
	ContainerdRoot string // of a Docker engine whose images are in containerd's store
	SubID          uint32 // the first user and group number of the host that stands for one of a container; 0 shows numbers as stored
}

// An engine is the store of an engine, opened.
type engine struct {
	path   string
	tree   store.Files // from its top
	driver string
	verify bool

	mu    sync.Mutex
	scans map[string]*storeScan // by place: images share layers
}

// A storeScan is what was found in a directory of an engine's store, and how thoroughly it was read.
type storeScan struct {
	Scanned
	digests, marks bool
}

// IsWholeStore reports whether a name means the store of an engine and no image or container in it.
func IsWholeStore(name string) bool {
	k, rest, err := kindOf(name)
	if err != nil || !k.store {
		return false
	}
	_, ref := storeName(rest)
	return ref == ""
}

// storing opens an engine's store in a directory or in a tar; by the marker its top is known, where the tar was made further up.
func storing(kind, marker string, read func(*Archive, context.Context) error) func(context.Context, *Archive, string) error {
	return func(ctx context.Context, a *Archive, rest string) error {
		path, ref := storeName(rest)
		a.Kind, a.ref = kind, ref
		files, err := a.storeFiles(ctx, path)
		if err != nil {
			return err
		}
		a.closers = append(a.closers, files.Close)
		a.engine = &engine{path: path, verify: a.opt.Verify, tree: store.Below(files, store.Top(files, marker))}
		return privileged(read(a, ctx))
	}
}

// privileged adds to an error of a store what to do next.
func privileged(err error) error {
	if _, ok := errors.AsType[*store.PrivilegeError](err); ok {
		return &Hinted{Err: err, Hint: "run layup as root, or read a copy or a tar that root made of the store"}
	}
	return err
}

// storeFiles opens the files of a store. A compressed tar is streamed: only the store's own documents are kept of it.
func (a *Archive) storeFiles(ctx context.Context, path string) (store.Files, error) {
	info, err := os.Stat(path)
	if path != "-" && err != nil {
		return nil, noSuchFile(path, err)
	}
	if path != "-" && info.IsDir() {
		root, err := os.OpenRoot(path)
		if err != nil {
			return nil, &store.PrivilegeError{Name: ".", Need: "root", Err: disk.Plain(err)}
		}
		return store.Directory(root)
	}
	if path != "-" && info.Mode().IsRegular() {
		return a.storeFile(ctx, path)
	}
	if a.in, err = openInput(ctx, path, a.opt); err != nil {
		return nil, err
	}
	return a.storeTar(ctx)
}

// storeTar reads a tar in place.
func (a *Archive) storeTar(ctx context.Context) (store.Files, error) {
	r := newHeaderReader(ctx, a.in.data, a.in.data.Size())
	return store.Archive(ctx, r, a.in.data, nil, nil, a.opt.Limits.Limits)
}

// storeFile opens a regular file that holds a tar, perhaps compressed.
func (a *Archive) storeFile(ctx context.Context, path string) (store.Files, error) {
	file, err := os.OpenFile(path, os.O_RDONLY|syscall.O_NONBLOCK, 0)
	if err != nil {
		return nil, disk.Plain(err)
	}
	info, err := file.Stat()
	if err != nil {
		return nil, errors.Join(disk.Plain(err), file.Close())
	}
	a.in = &input{file: file, data: io.NewSectionReader(file, 0, info.Size()), check: disk.Unchanged(file, info)}
	compression, err := recogniseHead(a.in.data)
	switch {
	case err != nil:
		return nil, err
	case compression == decode.None:
		return a.storeTar(ctx)
	}
	again := func(ctx context.Context) (io.ReadCloser, error) { return a.decompressed(ctx, compression) }
	stream, err := again(ctx)
	if err != nil {
		return nil, err
	}
	kept, err := unlinked(a.opt.TempDir)
	if err != nil {
		return nil, errors.Join(noRoom(a.opt.TempDir, err), stream.Close())
	}
	files, err := store.Archive(ctx, bufio.NewReaderSize(stream, tarBuffer), nil, again, kept, a.opt.Limits.Limits)
	return files, errors.Join(err, stream.Close())
}

// decompressed returns the input without the compression around it, from its beginning.
func (a *Archive) decompressed(ctx context.Context, compression string) (io.ReadCloser, error) {
	blob := &blobReader{ctx: ctx, src: io.NewSectionReader(a.in.data, 0, a.in.data.Size()), size: a.in.data.Size()}
	dec, err := decode.New(bufio.NewReaderSize(blob, blobBuffer), compression, a.opt.Limits.Window)
	if err != nil {
		return nil, err
	}
	return &decompressedInput{meter: meter{ctx: ctx, src: dec, blob: blob, limits: &a.opt.Limits}, dec: dec}, nil
}

type decompressedInput struct {
	meter
	dec decode.Decoder
}

func (d *decompressedInput) Close() error { return d.dec.Close() }

// A Container is a container of an engine's store.
type Container struct {
	ID, Name string
	ImageID  string // empty if unknown
	Image    string // as it was asked for
	State    string // running, paused, restarting, exited, created, dead, as it was written last; empty if unknown
	Created  string // RFC 3339; empty if unknown
	Config   []byte // the engine's document of it
	Host     []byte // a second one; nil where there is none
}

// ownLayers returns what stands for the instructions of the layers that a container has on top of its image.
func (img *Image) ownLayers() []v1.History {
	var list []v1.History
	for _, l := range img.Layers {
		switch l.Role {
		case RoleInit:
			list = append(list, v1.History{CreatedBy: "init layer of container " + img.Container.Name})
		case RoleContainer:
			list = append(list, v1.History{CreatedBy: "read-write layer of container " + img.Container.Name})
		}
	}
	return list
}

// loadStored completes an image or a container of an engine's store.
func (a *Archive) loadStored(c *candidate, img *Image) *Image {
	if a.opt.Verify {
		img.Verified = verifiedConfig
	}
	img.Platform = document.PlatformOf(img.ConfigFile).String()
	img.Warnings = append(img.Warnings, historyWarnings(img.ConfigFile, len(img.Layers)-len(img.ownLayers()))...)
	return img
}

// A storeForm finds the layers of an image or a container of an engine's store.
type storeForm func(*Image) error

func (storeForm) config(c *candidate) (*document.Config, error) { return c.config, nil }

func (f storeForm) load(_ *candidate, img *Image) error { return privileged(f(img)) }

// storedLayer makes a layer of a tar that a store's files are put together to.
func (a *Archive) storedLayer(index int, s store.Layer) *Layer {
	l := a.newLayer(index)
	l.verify, l.engine = false, a.engine
	l.Role, l.DiffID, l.Directory, l.Link, l.Size = s.Role, s.DiffID, s.Directory, s.Link, max(s.Size, 0)
	if s.Split != "" {
		l.differ = s.Differences
	}
	l.place = s.Directory + "\x00" + s.Split
	l.tar = s.Tar(l.notice)
	return l
}

// Assembled reports whether the layer's tar is put together from files when it is read: each content then proves itself, or nothing does.
func (l *Layer) Assembled() bool { return l.tar != nil }

// scanStore reads the table of contents of an engine's layer.
func (l *Layer) scanStore(ctx context.Context, opt ScanOptions) (Scanned, error) {
	out := Scanned{Table: new(tarfs.Layer), DiffID: l.DiffID, Compression: decode.None}
	if scan := l.engine.scanned(l.place, opt); scan != nil {
		out = scan.Scanned
		out.Warnings = slices.Clone(out.Warnings)
		for i := range out.Warnings {
			out.Warnings[i].Layer = l.Index
		}
		return out, nil
	}
	l.found = nil // of an earlier pass
	r := l.tar.Open(ctx)
	table, err := tarfs.Scan(&boundedTar{r, l.limits.LayerBytes}, tarfs.ScanOptions{Limits: l.limits.Limits, Digests: opt.Digests, Dense: opt.Dense, Mark: opt.Mark, Dialect: l.tar.Dialect})
	if table != nil {
		out.Table = table
	}
	if err == nil && l.differ != nil && l.engine.verify {
		err = l.compare(ctx, out.Table)
	}
	for _, w := range l.found {
		w.Layer = l.Index
		out.Warnings = append(out.Warnings, w)
	}
	out.Unpacked = r.Done()
	err = privileged(firstOf(ctx.Err(), err, r.Close()))
	if err == nil {
		l.engine.keep(l.place, &storeScan{out, opt.Digests, opt.Mark != nil})
	}
	return out, err
}

// compare notices what in the layer's directory is not as the engine put it there.
func (l *Layer) compare(ctx context.Context, table *tarfs.Layer) error {
	found, err := l.differ(ctx, table)
	for _, d := range found {
		if !d.Time {
			l.notice(StoreDiffers, d.Path)
		}
	}
	return err
}

// A boundedTar ends where a layer becomes longer than the limit allows: to pass over content costs nothing, so a length can be any lie.
type boundedTar struct {
	*store.Reader
	limit int64 // 0 is none
}

// Discard skips bytes.
func (b *boundedTar) Discard(n int) (int, error) {
	if err := b.over(int64(n)); err != nil {
		return 0, err
	}
	return b.Reader.Discard(n)
}

func (b *boundedTar) over(n int64) error {
	if b.limit <= 0 || n <= b.limit-b.Done() {
		return nil
	}
	return &tarfs.LimitError{Name: document.LimitLayerBytes, Value: n + b.Done(), Limit: b.limit}
}

// scanned returns what is known of a layer's place, nil where it was not read, or not as thoroughly as it is asked for.
func (e *engine) scanned(place string, opt ScanOptions) *storeScan {
	e.mu.Lock()
	defer e.mu.Unlock()
	s := e.scans[place]
	if s == nil || opt.Digests && !s.digests || opt.Mark != nil && !s.marks {
		return nil
	}
	return s
}

func (e *engine) keep(place string, s *storeScan) {
	e.mu.Lock()
	defer e.mu.Unlock()
	if e.scans == nil {
		e.scans = map[string]*storeScan{}
	}
	e.scans[place] = s
}

// notice takes up what a store cannot be shown as the engine shows it.
func (l *Layer) notice(code tarfs.Code, path string) {
	l.found = append(l.found, tarfs.Warning{Code: code, Path: path})
}

// storeName cuts the image or container off the name of a store: the longest beginning that exists is the store.
func storeName(rest string) (path, ref string) {
	if exists(rest) {
		return rest, ""
	}
	for i := len(rest) - 1; i > 0; i-- {
		if rest[i] == ':' && exists(rest[:i]) {
			return rest[:i], rest[i+1:]
		}
	}
	return strings.TrimSuffix(rest, ":"), ""
}
