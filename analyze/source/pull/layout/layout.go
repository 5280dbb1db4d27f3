package layout

import (
	"archive/tar"
	"bufio"
	"cmp"
	"context"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"time"

	"layup/analyze/digest"
)

// The documents of a layout.
const (
	layoutName   = "oci-layout"
	indexName    = "index.json"
	manifestName = "manifest.json"
)

// version is the content of oci-layout.
const version = `{"imageLayoutVersion":"1.0.0"}`

// Is reports whether a directory is an OCI image layout.
func Is(dir string) bool {
	_, err := os.Stat(filepath.Join(dir, layoutName))
	return err == nil
}

// A Layout is the content of an OCI image layout.
type Layout struct {
	Index  []byte // index.json
	Docker []byte // manifest.json, as docker load reads it; nil for none
	Blobs  []Blob // in any order, each once
}

// documents returns the files in the top directory.
func (l Layout) documents() []document {
	list := []document{{layoutName, []byte(version)}, {indexName, l.Index}}
	if l.Docker != nil {
		list = append(list, document{manifestName, l.Docker})
	}
	return list
}

type document struct {
	name    string
	content []byte
}

// sorted returns the blobs in the order of their names.
func (l Layout) sorted() []Blob {
	return slices.SortedFunc(slices.Values(l.Blobs), func(a, b Blob) int { return cmp.Compare(a.name(), b.name()) })
}

// dirs returns the directories, parents first.
func (l Layout) dirs() []string {
	list := []string{blobs}
	for _, b := range l.sorted() {
		if dir := b.dir(); !slices.Contains(list, dir) {
			list = append(list, dir)
		}
	}
	return list
}

// epoch is the time of everything in a layout.
func epoch() time.Time { return time.Unix(0, 0) }

// Tar writes the layout as a tar and moves it to target. It replaces a file there and removes the partial directory. It
// compares the digest of each blob again.
func (p *Partial) Tar(ctx context.Context, l Layout, target string) error {
	f, err := p.root.OpenFile(building, os.O_WRONLY|os.O_CREATE|os.O_TRUNC, fileMode)
	if err != nil {
		return err
	}
	out := bufio.NewWriterSize(f, 1<<20)
	err = p.write(ctx, tar.NewWriter(out), l)
	if err == nil {
		err = out.Flush()
	}
	if err == nil {
		err = f.Sync()
	}
	if err := errors.Join(err, f.Close()); err != nil {
		return err
	}
	if err := p.root.WriteFile(finished, nil, fileMode); err != nil {
		return err
	}
	if err := os.Rename(filepath.Join(p.dir, building), target); err != nil {
		return err
	}
	return errors.Join(syncDir(filepath.Dir(target)), p.Remove())
}

// write writes the members: first the documents, then the blobs in the order of their digests.
func (p *Partial) write(ctx context.Context, w *tar.Writer, l Layout) error {
	for _, d := range l.documents() {
		if err := w.WriteHeader(header(d.name, tar.TypeReg, int64(len(d.content)))); err != nil {
			return err
		}
		if _, err := w.Write(d.content); err != nil {
			return err
		}
	}
	for _, dir := range l.dirs() {
		if err := w.WriteHeader(header(dir+"/", tar.TypeDir, 0)); err != nil {
			return err
		}
	}
	buffer := make([]byte, copySize)
	for _, b := range l.sorted() {
		if err := p.member(ctx, w, b, buffer); err != nil {
			return err
		}
	}
	return w.Close()
}

func header(name string, kind byte, size int64) *tar.Header {
	mode := int64(fileMode)
	if kind == tar.TypeDir {
		mode = dirMode
	}
	return &tar.Header{Name: name, Typeflag: kind, Mode: mode, Size: size, ModTime: epoch()}
}

// member copies a blob into the tar.
func (p *Partial) member(ctx context.Context, w *tar.Writer, b Blob, buffer []byte) error {
	if err := w.WriteHeader(header(b.name(), tar.TypeReg, b.Size)); err != nil {
		return err
	}
	if b.Content != nil {
		_, err := w.Write(b.Content)
		return err
	}
	f, err := p.blob(b)
	if err != nil {
		return err
	}
	defer f.Close() // opened for reading: nothing is lost
	h := b.hash()
	if _, err := io.CopyBuffer(io.MultiWriter(w, h), reader(ctx, f), buffer); err != nil {
		return fmt.Errorf("blob %s: %w", b.Digest, err)
	}
	return b.match(h)
}

// Directory turns the partial directory into the layout and moves it to target. It replaces a directory there.
func (p *Partial) Directory(ctx context.Context, l Layout, target string) error {
	keep := map[string]bool{}
	for _, dir := range l.dirs() {
		keep[dir] = true
	}
	for _, b := range l.Blobs {
		keep[b.name()] = true
	}
	if err := errors.Join(p.closeDirs(), p.clear(keep)); err != nil {
		return err
	}
	for _, d := range l.documents() {
		if err := p.document(d); err != nil {
			return err
		}
	}
	if err := p.settleBlobs(ctx, l.Blobs); err != nil {
		return err
	}
	for _, dir := range append([]string{"."}, l.dirs()...) {
		if err := errors.Join(settle(p.root, dir, dirMode), syncDir(filepath.Join(p.dir, dir))); err != nil {
			return err
		}
	}
	if err := p.Close(); err != nil {
		return err
	}
	return replace(p.dir, target)
}

// fewBlobs are written to the disk one by one. If there are more, the system writes all that it has at once.
const fewBlobs = 256

// settleBlobs writes the blobs that the caller holds, gives all their mode and time, and waits until they are on the
// disk.
func (p *Partial) settleBlobs(ctx context.Context, list []Blob) error {
	few := len(list) <= fewBlobs || !flushes
	for _, b := range list {
		if err := errors.Join(ctx.Err(), p.settleBlob(b, few)); err != nil {
			return err
		}
	}
	if few {
		return nil
	}
	return flush(p.lock)
}

func (p *Partial) settleBlob(b Blob, wait bool) error {
	if b.Content != nil {
		if err := p.put(b); err != nil {
			return err
		}
	}
	dir, err := p.open(b)
	if err != nil {
		return err
	}
	name := digest.Hex(b.Digest)
	if err := settle(dir, name, fileMode); err != nil || !wait {
		return err
	}
	f, err := dir.OpenFile(name, os.O_RDWR, 0)
	if err != nil {
		return err
	}
	return errors.Join(f.Sync(), f.Close())
}

// clear removes everything except the names to keep.
func (p *Partial) clear(keep map[string]bool) error {
	var strays []string
	err := fs.WalkDir(p.root.FS(), ".", func(name string, d fs.DirEntry, err error) error {
		if err != nil || name == "." || keep[name] {
			return err
		}
		strays = append(strays, name)
		if d.IsDir() {
			return fs.SkipDir
		}
		return nil
	})
	for _, name := range strays {
		err = errors.Join(err, p.root.RemoveAll(name))
	}
	return err
}

func (p *Partial) document(d document) error {
	f, err := p.root.OpenFile(d.name, os.O_WRONLY|os.O_CREATE|os.O_TRUNC, fileMode)
	if err != nil {
		return err
	}
	_, err = f.Write(d.content)
	if err == nil {
		err = f.Sync()
	}
	return errors.Join(err, f.Close(), settle(p.root, d.name, fileMode))
}

// settle gives a name its mode and time.
func settle(root *os.Root, name string, mode fs.FileMode) error {
	return cmp.Or(root.Chmod(name, mode), root.Chtimes(name, epoch(), epoch()))
}
