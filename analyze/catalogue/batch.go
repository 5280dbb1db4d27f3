package catalogue

import (
	"context"
	"crypto/sha256"
	"encoding/json"
	"iter"
	"maps"
	"slices"

	"layup/analyze"
	"layup/tarfs"
)

// batchRows is how many rows a batch has before it is written: it is all in memory.
const batchRows = 400_000

// A batch is layers that were read and not written yet, and the images that are complete with them.
type batch struct {
	owns   map[string]*tarfs.Owns // by key
	layers []LayerRow             // Part is set when the batch is written
	images []ImageRow
	rows   int

	name    string // begins the names of the parts in layers/; empty unless it is a batch of a plan
	written int    // parts in layers/ with that name
}

// add adds a layer of a source that was read, and returns its key.
func (b *batch) add(name string, read *analyze.LayerRead, known *known) string {
	l := read.Layer
	row := LayerRow{Key: Key(l), DiffID: read.DiffID, Digest: proof(l, name), MediaType: l.MediaType,
		Compression: read.Compression, Size: l.Size, Unpacked: read.Unpacked}
	if row.DiffID == "" {
		row.DiffID = l.DiffID
	}
	var owns *tarfs.Owns
	err := read.Err
	if err == nil {
		owns, err = read.Table.Own(tarfs.Runtime)
	}
	if err != nil {
		row.Error = err.Error()
		if row.DiffID = l.DiffID; row.Key != "" && b.name == "" { // the images of a plan have the claimed key
			row.Key = unreadKey(row.Key, row.Digest)
		}
		b.layers = append(b.layers, row)
		return row.Key
	}
	switch {
	case l.Assembled():
		row.Key = keyOfRows(owns)
	case row.Key == "":
		row.Key = row.DiffID
	}
	if row.Key == "" {
		row.Key = keyOfRows(owns)
	}
	row.Entries, row.Linked = int64(owns.Len()), int64(owns.Links())
	if before, ok := known.layers[briefly(row.Key)]; !ok {
		if b.owns == nil {
			b.owns = map[string]*tarfs.Owns{}
		}
		b.owns[row.Key] = owns
		b.rows += owns.Len()
	} else {
		row.Part, row.Entries = known.parts[before.part], before.entries
	}
	if !known.proven(row.Key, row.Digest) {
		b.layers = append(b.layers, row)
		known.add(&row)
	}
	return row.Key
}

// keyOfRows returns the key of a layer that no digest proves: the files of an engine's store, for example, may have
// been changed since.
func keyOfRows(owns *tarfs.Owns) string {
	h := sha256.New()
	out := json.NewEncoder(h)
	for o := range owns.All() {
		row := rowOf("", &o)
		_ = out.Encode(&row) // texts and numbers into a hash
	}
	return "rows:" + hexOf([32]byte(h.Sum(nil)))
}

// write writes the batch: first the rows, then the images that have them, then that the layers were read. What is
// interrupted before the end is done again, and gives the same parts.
func (b *batch) write(ctx context.Context, c *Catalogue, known *known) error {
	if err := c.unchanged(ctx); err != nil {
		return err
	}
	keys := slices.Sorted(maps.Keys(b.owns))
	if b.rows > 0 {
		name := c.filesName(keys)
		var lists []iter.Seq[FileRow]
		for _, key := range keys {
			lists = append(lists, rowsOf(key, b.owns[key]))
		}
		if err := put(ctx, c, name, mergeRows(lists)); err != nil {
			return err
		}
		for i := range b.layers {
			if l := &b.layers[i]; b.owns[l.Key] != nil && l.Error == "" && l.Entries > 0 {
				l.Part = name
			}
		}
	}
	if err := putAll(ctx, c, nameOf(imagesFolder, []any{Version, b.images}), b.images); err != nil {
		return err
	}
	if err := putAll(ctx, c, b.nextName(), b.layers); err != nil {
		return err
	}
	for i := range b.layers {
		known.add(&b.layers[i])
	}
	next := batch{name: b.name, written: b.written}
	if len(b.layers) > 0 {
		next.written++
	}
	*b = next
	return nil
}

// putAll writes rows as one part, if there are any.
func putAll[T any](ctx context.Context, c *Catalogue, name string, rows []T) error {
	if len(rows) == 0 {
		return nil
	}
	return put(ctx, c, name, slices.Values(rows))
}

// rowsOf yields the rows of a layer.
func rowsOf(key string, owns *tarfs.Owns) iter.Seq[FileRow] {
	return func(yield func(FileRow) bool) {
		for o := range owns.All() {
			if !yield(rowOf(key, &o)) {
				return
			}
		}
	}
}
