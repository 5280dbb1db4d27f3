package store

import (
	"context"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"iter"
	"math"
	"path"
	"slices"
	"strings"
	"sync"

	"layup/analyze/show"
	"layup/tarfs"
)

// An Opener opens the uncompressed bytes of a tar from the beginning.
type Opener func(ctx context.Context) (io.ReadCloser, error)

// An archive is a store in a tar.
type archive struct {
	ctx  context.Context
	snap *tarfs.Snapshot
	at   io.ReaderAt
	open Opener
	keep Keeper
	kept map[int64]int64 // offset in the tar -> offset in the keeper

	mu   sync.Mutex
	idle *cursor
}

// A Keeper holds the documents of a stream.
type Keeper interface {
	io.Writer
	io.ReaderAt
	io.Closer
}

// Archive lists the files in a tar of a store. If at is nil, the tar is a stream: keep receives its documents, and
// again reopens it for other contents.
func Archive(ctx context.Context, tar tarfs.Reader, at io.ReaderAt, again Opener, keep Keeper,
	limits tarfs.Limits) (Files, error) {
	a := &archive{ctx: ctx, at: at, open: again, keep: keep, kept: map[int64]int64{}}
	opt := tarfs.ScanOptions{Limits: limits, Dialect: tarfs.Plain}
	var order []int64 // sizes of what was kept
	if at == nil {
		opt.Keep = func(name []byte, _, size int64) io.Writer {
			if !document(string(name), size) {
				return nil
			}
			order = append(order, size)
			return keep
		}
	}
	table, err := tarfs.Scan(tar, opt)
	if err != nil {
		return nil, errors.Join(fmt.Errorf("a store in a tar: %w", err), a.Close())
	}
	if at == nil {
		a.index(table, order)
	}
	tree, errs := tarfs.Merge([]*tarfs.Layer{table}, tarfs.Runtime)
	if len(errs) > 0 {
		return nil, errors.Join(fmt.Errorf("a store in a tar: %w", errs[0]), a.Close())
	}
	if err := ambiguous(tree.Warnings()); err != nil {
		return nil, errors.Join(err, a.Close())
	}
	a.snap = tree.Top()
	return a, nil
}

// misread are the warnings about a tar in which two programs can find different files.
var misread = []tarfs.Code{tarfs.DuplicateEntry, tarfs.HardlinkTargetMissing, tarfs.HardlinkToItself,
	tarfs.HardlinkToDirectory, tarfs.HardlinkEscapesRoot, tarfs.UnknownEntryType, tarfs.ParentNotADirectory,
	tarfs.PathEscapesRoot}

// ambiguous refuses a tar that the program tar would unpack differently.
func ambiguous(odd []tarfs.Warning) error {
	for _, w := range odd {
		if slices.Contains(misread, w.Code) {
			return fmt.Errorf("a store in a tar: %s: %s: %s", show.Path(w.Path), w.Code, w.Code.Message)
		}
	}
	return nil
}

// index notes the offset of each document in the keeper, which received them in the order of the tar.
func (a *archive) index(table *tarfs.Layer, sizes []int64) {
	var offset int64
	for e := range table.Raw() {
		if e.Type != tarfs.File || e.Sparse || !document(e.Name, e.Size) {
			continue
		}
		a.kept[e.Offset] = offset
		offset += sizes[0]
		sizes = sizes[1:]
	}
}

// bodies are the directories in which stores keep the trees of layers.
var bodies = []string{"diff", "merged", "work", "fs", "volumes", "rootfs"}

// maxBlob is the most bytes of a manifest or a config in containerd's content store.
const maxBlob = 8 << 20

// document reports whether a file may be one of the store's own documents, not a file of a layer.
func document(name string, size int64) bool {
	for part := range strings.SplitSeq(path.Dir(name), "/") {
		if slices.Contains(bodies, part) {
			return false
		}
	}
	switch {
	case size > maxDatabase, strings.HasSuffix(name, ".log"), strings.Contains("/"+name, "/vfs/dir/"):
		return false
	case strings.Contains("/"+name, "/blobs/"):
		return size <= maxBlob
	}
	return true
}

// Sight assumes that the maker of the tar saw everything.
func (a *archive) Sight() Sight { return Sight{Trusted: true} }

func (a *archive) Close() error {
	var err error
	if a.idle != nil {
		err = a.idle.stream.Close()
	}
	if a.keep != nil {
		err = errors.Join(err, a.keep.Close())
	}
	return err
}

// find resolves a name. It follows links unless they are at the end: a store may have linked directories.
func (a *archive) find(name string) (tarfs.Version, error) {
	v, err := a.snap.Resolve("/"+name, false)
	if err != nil {
		return v, fmt.Errorf("%s: %w", show.Path(name), fs.ErrNotExist)
	}
	return v, nil
}

func (a *archive) Stat(name string) (Info, error) {
	v, err := a.find(name)
	if err != nil {
		return Info{}, err
	}
	return a.info(v), nil
}

func (a *archive) info(v tarfs.Version) Info {
	m := v.Meta()
	info := Info{Type: v.Type(), Mode: m.Mode, UID: m.UID, GID: m.GID, MTime: m.MTime, MTimeNS: m.MTimeNS,
		Xattrs: v.Xattrs()}
	switch v.Type() {
	case tarfs.File:
		info.Size = v.Size()
	case tarfs.Symlink:
		info.Link = v.Link()
	case tarfs.Char, tarfs.Block:
		info.Major, info.Minor = v.Device()
	}
	if _, several := a.snap.FirstName(v); several {
		id, _ := v.Inode()
		info.Inode = Inode{Device: math.MaxUint64, Number: id}
	}
	return info
}

func (a *archive) List(name string) ([]string, error) {
	v, err := a.find(name)
	if err == nil && v.Type() == tarfs.Symlink {
		v, err = a.snap.Resolve("/"+name, true)
	}
	if err != nil {
		return nil, err
	}
	if v.Type() != tarfs.Dir {
		return nil, fmt.Errorf("%s: is not a directory", show.Path(name))
	}
	var names []string
	for child := range a.snap.Walk(v.Node(), 1) {
		if child.Node() != v.Node() {
			names = append(names, child.Node().Name())
		}
	}
	slices.Sort(names)
	return names, nil
}

func (a *archive) Walk(ctx context.Context, name string) iter.Seq2[Entry, error] {
	return func(yield func(Entry, error) bool) {
		top, err := a.find(name)
		if err != nil {
			yield(Entry{}, err)
			return
		}
		if top.Type() != tarfs.Dir {
			yield(Entry{}, fmt.Errorf("%s: is not a directory", show.Path(name)))
			return
		}
		prefix := len(strings.TrimSuffix(top.Node().Path(), "/")) + 1
		for v := range a.snap.Walk(top.Node(), -1) {
			if err := ctx.Err(); err != nil {
				yield(Entry{}, err)
				return
			}
			if v.Node() == top.Node() {
				continue
			}
			if !yield(Entry{Path: v.Node().Path()[prefix:], Info: a.info(v)}, nil) {
				return
			}
		}
	}
}

func (a *archive) Open(name string) (io.ReadCloser, error) {
	v, err := a.find(path.Clean(name))
	if err != nil {
		return nil, err
	}
	if v.Type() != tarfs.File {
		return nil, fmt.Errorf("%s: is not a regular file", show.Path(name))
	}
	extents := v.Extents()
	if len(extents) > 0 {
		if offset, ok := a.kept[extents[0].TarOffset]; ok {
			return part{io.NewSectionReader(a.keep, offset, v.Size()), io.NopCloser(nil)}, nil
		}
	}
	if a.at != nil && len(extents) == 1 && extents[0] == (tarfs.Extent{TarOffset: extents[0].TarOffset, Size: v.Size()}) {
		return part{io.NewSectionReader(a.at, extents[0].TarOffset, v.Size()), io.NopCloser(nil)}, nil
	}
	return a.content(v.Size(), extents)
}
