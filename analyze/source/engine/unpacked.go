package engine

import (
	"bufio"
	"bytes"
	"cmp"
	"context"
	"errors"
	"fmt"
	"io"
	"path"
	"slices"

	"layup/analyze/source"
	"layup/analyze/source/store"
	"layup/tarfs"
)

// An unpacked is the directory in which an engine unpacked a layer and kept its blob. The blob says what the image is,
// the directory what its containers see.
type unpacked struct{ layer store.Layer }

// unpackedIn notes where a layer is unpacked.
func unpackedIn(l *source.Layer, at store.Layer) {
	if l.Kept != nil || l.Err != nil || at.Differences == nil {
		return
	}
	compare := at.Differences
	at.Differences = func(ctx context.Context, table *tarfs.Layer) ([]store.Difference, error) {
		list, err := compare(ctx, table)
		return slices.DeleteFunc(list, ofBlobOnly), err
	}
	l.Kept = &unpacked{at}
}

// ofBlobOnly reports whether a difference is a file of eStargz that is only in the blob. BuildKit makes the blob of a
// directory that it keeps. Source: stargz-snapshotter, docs/estargz.md.
func ofBlobOnly(d store.Difference) bool {
	files := []string{"/stargz.index.json", "/.prefetch.landmark", "/.no.prefetch.landmark"}
	return d.Code == store.PathMissing && slices.Contains(files, d.Path)
}

func (*unpacked) Assembled() bool { return false }
func (*unpacked) Recorded() bool  { return true } // in the blob

// Place is the directory.
func (u *unpacked) Place() string { return u.layer.Directory }

// Compare compares the directory with the blob.
func (u *unpacked) Compare(ctx context.Context, l *source.Layer, found *source.Scanned, content bool) error {
	list, err := differences(ctx, u.layer, found)
	if err != nil || !content {
		return err
	}
	changed, err := u.contents(ctx, l)
	if err != nil {
		return err
	}
	found.Compared = checks(list, changed)
	return nil
}

// differences compares a directory with a table, without reading content. Each difference is a warning, unless only the
// time of a directory differs.
func differences(ctx context.Context, of store.Layer, found *source.Scanned) ([]store.Difference, error) {
	if of.Differences == nil {
		return nil, nil
	}
	list, err := of.Differences(ctx, found.Table)
	found.Warnings = slices.Clip(found.Warnings)
	for _, d := range list {
		if !d.Note {
			found.Warnings = append(found.Warnings, tarfs.Warning{Code: source.StoreDiffers, Path: d.Path})
		}
	}
	return list, privileged(err)
}

// checks lists what is not as the engine stored it, in path order: differences of names and metadata, and of contents.
func checks(list, contents []store.Difference) (failed []source.Check) {
	named := map[string]bool{}
	for _, d := range list {
		named[d.Code+d.Path] = true
	}
	for _, d := range contents {
		if !named[d.Code+d.Path] {
			list = append(list, d)
		}
	}
	slices.SortStableFunc(list, func(a, b store.Difference) int { return cmp.Compare(a.Path, b.Path) })
	for _, d := range list {
		c := source.NewCheck("entry")
		c.Path, c.Code, c.Message = d.Path, d.Code, d.What
		if !d.Note {
			c.Verdict = source.Failed
		}
		failed = append(failed, c)
	}
	return failed
}

// contents reads the layer once more and compares the content of each file with that in the directory.
func (u *unpacked) contents(ctx context.Context, l *source.Layer) ([]store.Difference, error) {
	tar, err := l.Tar(ctx, 0)
	if err != nil {
		return nil, err
	}
	c := &contentCompare{unpacked: u}
	keep := func(name []byte, _, size int64) io.Writer { return c.next(string(name), size) }
	opt := tarfs.ScanOptions{Limits: l.Limits.Limits, Keep: keep}
	_, err = tarfs.Scan(bufio.NewReaderSize(tar, 256<<10), opt)
	return c.found, errors.Join(err, c.end(), tar.Close())
}

// A contentCompare is written the content of one file after the other.
type contentCompare struct {
	*unpacked
	found  []store.Difference
	name   string
	body   io.ReadCloser // of the file at hand; nil between files
	left   int64
	buffer []byte
	other  bool
}

// next begins a file. Differences names what is missing or is not a file.
func (c *contentCompare) next(name string, size int64) io.Writer {
	_ = c.end() // closing what was read loses nothing
	c.name = path.Clean("/" + name)
	full := path.Join(c.layer.Directory, c.name)
	if info, err := c.layer.Files.Stat(full); size == 0 || err != nil || info.Type != tarfs.File || info.Size != size {
		return nil
	}
	body, err := c.layer.Files.Open(full)
	if err != nil {
		return nil
	}
	c.body, c.left, c.other = body, size, false
	return c
}

func (c *contentCompare) Write(b []byte) (int, error) {
	if len(c.buffer) < len(b) {
		c.buffer = make([]byte, len(b))
	}
	n, err := io.ReadFull(c.body, c.buffer[:len(b)])
	if err != nil && err != io.EOF && err != io.ErrUnexpectedEOF {
		return 0, fmt.Errorf("%q: %w", c.name, err)
	}
	c.other = c.other || n < len(b) || !bytes.Equal(c.buffer[:n], b)
	if c.left -= int64(len(b)); c.left == 0 && c.other {
		c.found = append(c.found, store.Difference{Code: store.ContentChanged, Path: c.name,
			What: "another content than in the layer's blob"})
	}
	return len(b), nil
}

func (c *contentCompare) end() error {
	if c.body == nil {
		return nil
	}
	body := c.body
	c.body = nil
	return body.Close()
}
