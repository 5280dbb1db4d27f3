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

// Strayed lists what is not in the directory as the blob has it.
func (u *unpacked) Strayed(ctx context.Context, l *source.Layer, table *tarfs.Layer) ([]tarfs.Warning, error) {
	return strayed(ctx, u.layer, l, table)
}

// Rebuild compares the content of the files with the blob.
func (u *unpacked) Rebuild(ctx context.Context, l *source.Layer, found *source.Scanned) ([]source.Check, error) {
	return changed(ctx, u.layer, l, found.Table, func(ctx context.Context) ([]store.Difference, error) {
		return u.contents(ctx, l)
	})
}

// changed lists what differs from what the engine stored, in path order. Read compares contents.
func changed(ctx context.Context, of store.Layer, l *source.Layer, table *tarfs.Layer,
	read func(context.Context) ([]store.Difference, error)) ([]source.Check, error) {
	if of.Differences == nil {
		return nil, nil
	}
	list, err := of.Differences(ctx, table)
	if err != nil {
		return nil, err
	}
	contents, err := read(ctx)
	if err != nil {
		return nil, err
	}
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
	var checks []source.Check
	for _, d := range list {
		c := source.NewCheck("entry")
		c.Layer, c.Path = l.Index, d.Path
		if c.Code, c.Message = d.Code, d.What; !d.Note {
			c.Verdict = source.Failed
		}
		checks = append(checks, c)
	}
	return checks, nil
}

// contents reads the layer once more and compares the content of each file with that in the directory.
func (u *unpacked) contents(ctx context.Context, l *source.Layer) ([]store.Difference, error) {
	tar, err := l.Tar(ctx, 0)
	if err != nil {
		return nil, err
	}
	c := &contentCompare{unpacked: u}
	keep := func(name []byte, size int64) io.Writer { return c.next(string(name), size) }
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
