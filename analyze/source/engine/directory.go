package engine

import (
	"context"
	"errors"
	"io"
	"slices"

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

// A scan is what was found in a directory, and how thoroughly it was read.
type scan struct {
	source.Scanned
	digests, marks bool
}

// newLayer makes a layer from a directory.
func (s *Store) newLayer(index int, of store.Layer) *source.Layer {
	l := s.Opt.NewLayer(index)
	l.Verify = false
	l.Role, l.DiffID, l.Directory, l.Link, l.Size = of.Role, of.DiffID, s.shown(of), of.Link, max(of.Size, 0)
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
func (*directory) Same() string               { return "" } // the store remembers what it read
func (*directory) Assembled() bool            { return true }

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

// Scan reads the table of the layer, once for all images of the store.
func (d *directory) Scan(ctx context.Context, l *source.Layer, opt source.ScanOptions) (source.Scanned, error) {
	if known := d.store.scanned(place(d.layer), opt); known != nil {
		out := known.Scanned
		out.Warnings = slices.Clone(out.Warnings)
		for i := range out.Warnings {
			out.Warnings[i].Layer = l.Index
		}
		return out, nil
	}
	out := source.Scanned{Table: new(tarfs.Layer), DiffID: l.DiffID, Compression: decode.None}
	d.found = nil // by an earlier pass
	r := d.tar.Open(ctx)
	table, err := tarfs.Scan(&boundedTar{r, l.Limits.LayerBytes}, tarfs.ScanOptions{Limits: l.Limits.Limits,
		Digests: opt.Digests, Dense: opt.Dense, Mark: opt.Mark, Dialect: d.tar.Dialect})
	if table != nil {
		out.Table = table
	}
	if err == nil && d.store.Opt.Verify {
		var strayed []tarfs.Warning
		strayed, err = d.Strayed(ctx, l, out.Table)
		d.found = append(d.found, strayed...)
	}
	for _, w := range d.found {
		w.Layer = l.Index
		out.Warnings = append(out.Warnings, w)
	}
	out.Unpacked = r.Done()
	if ended := r.Close(); err == nil {
		err = ended
	}
	if ctx.Err() != nil {
		err = ctx.Err()
	}
	if err == nil {
		d.store.keep(place(d.layer), &scan{out, opt.Digests, opt.Mark != nil})
	}
	return out, privileged(err)
}

// Strayed lists how the directory differs from its tar-split file.
func (d *directory) Strayed(ctx context.Context, l *source.Layer, table *tarfs.Layer) ([]tarfs.Warning, error) {
	return strayed(ctx, d.layer, l, table)
}

func strayed(ctx context.Context, of store.Layer, l *source.Layer, table *tarfs.Layer) ([]tarfs.Warning, error) {
	if of.Differences == nil {
		return nil, nil
	}
	found, err := of.Differences(ctx, table)
	var list []tarfs.Warning
	for _, d := range found {
		if !d.Note {
			list = append(list, tarfs.Warning{Code: source.StoreDiffers, Layer: l.Index, Path: d.Path})
		}
	}
	return list, privileged(err)
}

// Rebuild assembles the tar with all content and notes its digest. Listing such a layer reads no content.
func (d *directory) Rebuild(ctx context.Context, l *source.Layer, found *source.Scanned) ([]source.Check, error) {
	if l.DiffID == "" || !d.Recorded() {
		return nil, nil
	}
	checks, err := changed(ctx, d.layer, l, found.Table, func(ctx context.Context) ([]store.Difference, error) {
		return d.tar.Contents(ctx, d.layer.Directory)
	})
	if err != nil {
		return checks, privileged(err)
	}
	r := d.tar.Open(ctx)
	sum, n, err := source.TarDigest(ctx, r, digest.Algorithm(l.DiffID), l.Limits)
	if err = errors.Join(err, r.Close()); err != nil {
		return checks, privileged(err)
	}
	found.FoundDiffID, found.Unpacked = sum, n
	return checks, nil
}

// scanned returns what is known of a place, or nil if it was not read as thoroughly as is asked.
func (s *Store) scanned(place string, opt source.ScanOptions) *scan {
	s.mu.Lock()
	defer s.mu.Unlock()
	known := s.scans[place]
	if known == nil || opt.Digests && !known.digests || opt.Mark != nil && !known.marks {
		return nil
	}
	return known
}

func (s *Store) keep(place string, found *scan) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.scans == nil {
		s.scans = map[string]*scan{}
	}
	s.scans[place] = found
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
