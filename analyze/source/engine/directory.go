package engine

import (
	"cmp"
	"context"
	"errors"
	"io"

	"layup/analyze/digest"
	"layup/analyze/source"
	"layup/analyze/source/decode"
	"layup/analyze/source/document"
	"layup/analyze/source/store"
	"layup/tarfs"
)

// A directory is the content of a layer that an engine keeps as files: its tar is assembled when it is read.
type directory struct {
	store *Store
	layer store.Layer
	tar   *store.Tar
	found []tarfs.Warning // by reading it
}

// newLayer makes a layer from a directory.
func (s *Store) newLayer(index int, of store.Layer) *source.Layer {
	l := s.Opt.NewLayer(index)
	l.Verify = false
	l.Role, l.DiffID, l.Link, l.Size = of.Role, of.DiffID, of.Link, max(of.Size, 0)
	s.locate(l, of)
	d := &directory{store: s, layer: of}
	if of.Split == "" {
		d.layer.Differences = nil
	}
	d.tar = of.Tar(func(code tarfs.Code, path string) { d.found = append(d.found, tarfs.Warning{Code: code, Path: path}) })
	l.Content, l.Kept = d, d
	return l
}

func (*directory) Stored() int64              { return -1 }
func (*directory) Window(*source.Layer) int64 { return 0 }
func (*directory) Placed() bool               { return false }
func (*directory) Assembled() bool            { return true }

// Same tells apart the directories of a store: images share layers.
func (d *directory) Same() string { return d.Place() }

// Place also tells apart the tar-split files.
func (d *directory) Place() string { return d.layer.Directory + "\x00" + d.layer.Split }

// Recorded reports whether a tar-split file says how the files were.
func (d *directory) Recorded() bool { return d.layer.Split != "" }

// Tar assembles the tar from an offset on.
func (d *directory) Tar(ctx context.Context, _ *source.Layer, offset int64) (io.ReadCloser, error) {
	r := d.tar.Open(ctx)
	if err := decode.Discard(r, offset); err != nil && err != io.EOF {
		return nil, errors.Join(err, r.Close())
	}
	return r, nil
}

// Scan reads the table of the layer.
func (d *directory) Scan(ctx context.Context, l *source.Layer, opt source.ScanOptions) (source.Scanned, error) {
	out := source.Scanned{Table: new(tarfs.Layer), DiffID: l.DiffID, Compression: decode.None}
	d.found = nil // by an earlier pass
	r := d.tar.Open(ctx)
	how := opt.Tar(l)
	how.Dialect = d.tar.Dialect
	table, err := tarfs.Scan(&boundedTar{r, l.Limits.LayerBytes}, how)
	if table != nil {
		out.Table = table
	}
	out.Warnings = d.found
	out.Unpacked = r.Done()
	if ended := r.Close(); err == nil {
		err = ended
	}
	return out, privileged(cmp.Or(ctx.Err(), err))
}

// Compare compares the directory with its tar-split file. With content, it assembles the tar and notes its digest.
func (d *directory) Compare(ctx context.Context, l *source.Layer, found *source.Scanned, content bool) error {
	list, err := differences(ctx, d.layer, found)
	if err != nil || !content || l.DiffID == "" || !d.Recorded() {
		return err
	}
	var changed []store.Difference
	r := d.tar.Open(ctx)
	sum, n, failed := source.TarDigest(ctx, r, digest.Algorithm(l.DiffID), l.Limits)
	failed = errors.Join(failed, r.Close())
	if d.layer.Differences != nil {
		if err = d.tar.Visible(d.layer.Directory); err == nil && (failed != nil || sum != l.DiffID) {
			changed, err = d.tar.Contents(ctx, d.layer.Directory)
		}
		if err != nil {
			return privileged(err)
		}
		found.Compared = checks(list, changed)
	}
	if failed == nil {
		found.FoundDiffID, found.Unpacked = sum, n
	}
	return privileged(failed)
}

// A boundedTar ends if a layer becomes longer than the limit allows. A header can claim any length, because skipping
// content costs nothing.
type boundedTar struct {
	*store.Reader
	limit int64 // 0 is none
}

// Discard skips bytes.
func (b *boundedTar) Discard(n int) (int, error) {
	if done := b.Done(); b.limit > 0 && int64(n) > b.limit-done {
		return 0, document.Over(document.LimitLayerBytes, int64(n)+done, b.limit)
	}
	return b.Reader.Discard(n)
}

// filesSize returns the bytes in a layer's directory: of files, each once, and of the targets of links.
// Source: moby, pkg/directory.
func (d *directory) filesSize(ctx context.Context, l *source.Layer) (int64, error) {
	if d.tar.Copied {
		return changedSize(ctx, l)
	}
	var size int64
	seen := map[store.Inode]bool{}
	for e, err := range d.tar.Files.Walk(ctx, d.layer.Directory) {
		switch {
		case err != nil:
			return 0, privileged(err)
		case e.Inode != store.Inode{} && seen[e.Inode]:
			continue
		case e.Type == tarfs.File:
			size += e.Size
		case e.Type == tarfs.Symlink:
			size += int64(len(e.Link))
		}
		if e.Inode != (store.Inode{}) {
			seen[e.Inode] = true
		}
	}
	return size, nil
}

// changedSize is filesSize of a layer whose directory also holds the layers below: only what was changed counts.
// Source: moby, pkg/archive, ChangesSize.
func changedSize(ctx context.Context, l *source.Layer) (int64, error) {
	scan, err := l.Scan(ctx, source.ScanOptions{})
	if err != nil {
		return 0, err
	}
	var size int64
	for e := range scan.Table.Raw() {
		switch e.Type {
		case tarfs.File:
			size += e.Size
		case tarfs.Symlink:
			size += int64(len(e.Link))
		}
	}
	return size, nil
}
