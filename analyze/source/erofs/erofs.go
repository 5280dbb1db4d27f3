// Package erofs shows the files of an EROFS image, the form in which containerd 2.1 and later can keep and distribute
// layers. Images with compressed files, or with data on other devices, are refused by name.
package erofs

import (
	"context"
	"encoding/binary"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"iter"
	"path"
	"slices"
	"strings"

	library "github.com/erofs/go-erofs"

	"layup/analyze/show"
	"layup/analyze/source/store"
	"layup/tarfs"
)

// An Image is the tree of an image, as store.Files. It is not for concurrent use.
type Image struct {
	files fs.FS
	at    io.ReaderAt
	size  int64 // of the image, in bytes
	most  int64 // bytes of all files together; 0 for no limit
}

// Tar returns the image as the tar of a layer, in the dialect of overlayfs. Most bounds the bytes of all files; 0 is no
// limit. Warn receives what a tar cannot hold.
func Tar(at io.ReaderAt, size, most int64, warn func(tarfs.Code, string)) (tar *store.Tar, err error) {
	defer recovered(&err)
	if err := supported(at); err != nil {
		return nil, err
	}
	files, err := library.Open(at)
	if err != nil {
		return nil, damaged("", err)
	}
	return store.Overlay(&Image{files, at, size, most}, "", store.Layout{Warn: warn}), nil
}

// The fields of the superblock by which images are refused. Source: Linux, fs/erofs/erofs_fs.h.
const (
	superBlock  = 1024
	incompatAt  = superBlock + 80 // feature_incompat
	algorithmAt = superBlock + 84 // available_compr_algs, with comprCfgs; else the distance of lz4
	devicesAt   = superBlock + 86 // extra_devices

	lz4Padding  = 0x1
	comprCfgs   = 0x2
	deviceTable = 0x8
)

// algorithms are the names of the bits of available_compr_algs.
var algorithms = [...]string{"lz4", "lzma", "deflate", "zstd"}

// supported refuses an image that needs more than this package has.
func supported(at io.ReaderAt) error {
	var head [superBlock + 128]byte
	if _, err := at.ReadAt(head[:], 0); err != nil {
		return damaged("", err)
	}
	incompat := binary.LittleEndian.Uint32(head[incompatAt:])
	algs := binary.LittleEndian.Uint16(head[algorithmAt:])
	devices := binary.LittleEndian.Uint16(head[devicesAt:])
	var names []string
	for i, name := range algorithms {
		if incompat&comprCfgs != 0 && algs&(1<<i) != 0 {
			names = append(names, name)
		}
	}
	switch {
	case len(names) > 0:
		return fmt.Errorf("a compressed EROFS image (%s): only uncompressed ones can be read", strings.Join(names, ", "))
	case incompat&(lz4Padding|comprCfgs) != 0 || algs != 0:
		return errors.New("a compressed EROFS image (lz4): only uncompressed ones can be read")
	case incompat&deviceTable != 0 && devices > 0:
		return fmt.Errorf("an EROFS image that needs %s, not in the layer", show.Count(int(devices), "other device"))
	}
	return nil
}

// recovered makes an error of a panic: the library does not expect every damage.
func recovered(err *error) {
	if v := recover(); v != nil {
		*err = damaged("", fmt.Errorf("%v", v))
	}
}

// damaged names the place of a damage.
func damaged(name string, err error) error {
	if e, ok := errors.AsType[*fs.PathError](err); ok {
		err = e.Err
	}
	if err == io.EOF || err == io.ErrUnexpectedEOF {
		err = errors.New("it ends too early")
	}
	if name != "" {
		return fmt.Errorf("damaged EROFS image: %s: %w", show.Path("/"+name), err)
	}
	return fmt.Errorf("damaged EROFS image: %w", err)
}

// Close does nothing: the image belongs to the caller.
func (*Image) Close() error { return nil }

// Sight says that everything can be seen.
func (*Image) Sight() store.Sight { return store.Sight{Trusted: true} }

// List returns the names in a directory, sorted by their bytes.
func (i *Image) List(name string) (names []string, err error) {
	err = i.each(name, func(e fs.DirEntry) error { names = append(names, e.Name()); return nil })
	slices.Sort(names)
	return names, err
}

// Stat describes a name. It does not follow a link at the end.
func (i *Image) Stat(name string) (info store.Info, err error) {
	err = i.each(path.Dir(name), func(e fs.DirEntry) error {
		if e.Name() == path.Base(name) {
			info, err = i.describe(e, name)
			return errors.Join(err, errFound)
		}
		return nil
	})
	switch {
	case errors.Is(err, errFound):
		return info, nil
	case err == nil:
		err = fmt.Errorf("%s: %w", show.Path(name), fs.ErrNotExist)
	}
	return info, err
}

var errFound = errors.New("found")

// batch is how many entries of a directory are held at once: a directory may be as large as the image.
const batch = 1024

// each calls use for the entries of a directory, in their order, until it returns an error.
func (i *Image) each(name string, use func(fs.DirEntry) error) (err error) {
	defer recovered(&err)
	opened, err := i.files.Open(name)
	if err != nil {
		return damaged(name, err)
	}
	dir, ok := opened.(fs.ReadDirFile)
	if !ok {
		return damaged(name, errors.New("is not a directory"))
	}
	defer dir.Close() // it frees a buffer
	for {
		list, err := dir.ReadDir(batch)
		for _, e := range list {
			if err := use(e); err != nil {
				return err
			}
		}
		switch {
		case err == io.EOF:
			return nil
		case err != nil:
			return damaged(name, err)
		}
	}
}

// A walk is over all directories of an image.
type walk struct {
	*Image
	ctx   context.Context
	seen  map[uint64]bool // numbers of the directories, each of which has one name
	stack []string        // directories still to read, the next one last

	listed, content, steps int64 // bytes of directories and of files, names that were looked up
}

// Walk yields everything below a directory, each directory before its entries. It ends with the first error.
func (i *Image) Walk(ctx context.Context, name string) iter.Seq2[store.Entry, error] {
	return func(yield func(store.Entry, error) bool) {
		w := &walk{Image: i, ctx: ctx, seen: map[uint64]bool{}, stack: []string{""}}
		for len(w.stack) > 0 {
			at := w.stack[len(w.stack)-1]
			w.stack = w.stack[:len(w.stack)-1]
			from, stopped := len(w.stack), false
			err := i.each(path.Join(name, at), func(e fs.DirEntry) error {
				found, err := w.entry(name, at, e)
				if err == nil && !yield(found, nil) {
					stopped, err = true, errFound
				}
				return err
			})
			if stopped {
				return
			}
			if err != nil {
				yield(store.Entry{}, err)
				return
			}
			slices.Reverse(w.stack[from:])
		}
	}
}

// entry describes an entry of the directory at, and remembers a directory.
func (w *walk) entry(top, at string, e fs.DirEntry) (found store.Entry, err error) {
	name := e.Name()
	if name == "" || name == "." || name == ".." || strings.ContainsAny(name, "/\x00") {
		return found, damaged(path.Join(top, at), fmt.Errorf("bad name %s", show.Cut(name)))
	}
	found.Path = path.Join(at, name)
	if found.Info, err = w.describe(e, path.Join(top, found.Path)); err != nil {
		return found, err
	}
	info, err := e.Info()
	if err != nil {
		return found, damaged(found.Path, err)
	}
	if err := w.bound(found, info); err != nil {
		return found, damaged(found.Path, err)
	}
	if found.Type == tarfs.Dir {
		w.stack = append(w.stack, found.Path)
	}
	return found, w.ctx.Err()
}

// bound refuses what no program writes, and what would take more time than the image has bytes.
func (w *walk) bound(e store.Entry, info fs.FileInfo) error {
	if e.Type == tarfs.File {
		if w.content += e.Size; w.most > 0 && (e.Size > w.most || w.content > w.most) {
			return fmt.Errorf("its files have more than %d bytes together", w.most)
		}
	}
	if e.Type != tarfs.Dir {
		return nil
	}
	number := info.Sys().(*library.Stat).Ino
	if w.seen[uint64(number)] {
		return errors.New("a directory that has two names")
	}
	w.seen[uint64(number)] = true
	w.steps += int64(strings.Count(e.Path, "/")) + 1
	const mostSteps = 5_000_000
	if w.listed += info.Size(); info.Size() > w.size || w.listed > w.size || w.steps > mostSteps {
		return errors.New("the directories are larger than the image")
	}
	return nil
}
