package catalogue

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"io/fs"
	"slices"
	"strings"
	"sync"

	"layup/analyze/catalogue/place"
	"layup/analyze/digest"
	"layup/analyze/source"
)

// A Reader answers from a catalogue as it was when Read opened it.
type Reader struct {
	*Catalogue
	numbers           // of layers
	layers  []reading // by number
	images  []imaged
	parts   map[string]*part // of files/; nil for one that is damaged
	// Damaged are the files of the catalogue that cannot be read. What they hold is missing in every answer.
	Damaged []error

	there  map[string]bool   // parts of files/
	failed []LayerRow        // that could not be read
	proofs map[brief]bool    // of a key and what proves that a blob is this layer
	later  map[string]string // keys of blobs that could not be read first, and what they are

	most int  // rows that a search may hold in memory
	only bool // some images are left out
}

// A reading is a layer as a reader knows it.
type reading struct {
	LayerRow
	read  bool
	claim string // why a blob could not be read that claims to be this layer; empty if none does
}

// An imaged is an image as a reader knows it.
type imaged struct {
	ImageRow          // without Layers
	layers   []uint32 // numbers
}

// Read reads which images and layers a catalogue has. Close the reader after use. What is damaged is in Damaged.
func (c *Catalogue) Read(ctx context.Context) (*Reader, error) {
	for again := 0; ; again++ {
		r, err := c.readOnce(ctx)
		// A part that was there a moment ago was merged with others.
		if again < 3 && errors.Is(err, fs.ErrNotExist) {
			continue
		}
		return r, err
	}
}

func (c *Catalogue) readOnce(ctx context.Context) (*Reader, error) {
	r := &Reader{Catalogue: c, numbers: numbers{number: map[string]uint32{}}, parts: map[string]*part{},
		there: map[string]bool{}, proofs: map[brief]bool{}, most: mostRows}
	list, err := c.Place.List(ctx, filesFolder)
	if err != nil {
		return nil, err
	}
	for _, info := range list {
		r.there[info.Name] = true
	}
	var more []error
	images := unmatched{numbers: numbers{number: map[string]uint32{}}}
	var wait sync.WaitGroup
	wait.Go(func() { more = each(ctx, c.Place, imagesFolder, images.add) })
	errs := each(ctx, c.Place, layersFolder, r.layer)
	wait.Wait()
	errs = append(errs, more...)
	r.later = r.claims()
	r.note(&images)
	if err := ctx.Err(); err != nil {
		return nil, err
	}
	if list, err = c.Place.List(ctx, filesFolder); err != nil { // once more: parts may be new
		return nil, err
	}
	errs = append(errs, r.openAll(ctx, list)...)
	r.forget()
	slices.SortStableFunc(r.images, func(a, b imaged) int {
		return cmp.Or(strings.Compare(a.Source, b.Source), strings.Compare(a.Reference, b.Reference),
			strings.Compare(a.Platform, b.Platform), strings.Compare(a.ID, b.ID), strings.Compare(a.Seen, b.Seen))
	})
	r.Damaged = append(errs, r.missing()...)
	for _, err := range r.Damaged {
		if errors.Is(err, fs.ErrNotExist) {
			return r, errors.Join(err, r.Close())
		}
	}
	return r, nil
}

// unmatched are images with numbers of their own, while the layers are not known yet.
type unmatched struct {
	numbers
	images []imaged
}

func (u *unmatched) add(row *ImageRow) {
	one := imaged{ImageRow: *row, layers: make([]uint32, len(row.Layers))}
	for i, key := range row.Layers {
		one.layers[i] = u.numberOf(key)
	}
	one.Layers = nil
	u.images = append(u.images, one)
}

// note takes images over, each once.
func (r *Reader) note(u *unmatched) {
	layers := make([]uint32, len(u.keys))
	for i, key := range u.keys {
		layers[i] = r.layerNumber(cmp.Or(r.later[key], key))
	}
	known := map[brief]int{}
	r.images = u.images[:0]
	for _, one := range u.images {
		list := make([]string, len(one.layers))
		for i, n := range one.layers {
			one.layers[i] = layers[n]
			list[i] = r.keys[layers[n]]
		}
		id := one.identity(list)
		if at, ok := known[id]; ok {
			r.images[at].Seen = min(r.images[at].Seen, one.Seen)
			continue
		}
		known[id] = len(r.images)
		r.images = append(r.images, one)
	}
}

// forget leaves out images that could not be read and were read later from the same place under the same reference.
func (r *Reader) forget() {
	good := map[string]bool{}
	for i := range r.images {
		if one := &r.images[i]; one.Error == "" {
			good[one.Source+"\x00"+one.Reference] = true
		}
	}
	r.images = slices.DeleteFunc(r.images, func(one imaged) bool {
		return one.Error != "" && good[one.Source+"\x00"+one.Reference]
	})
}

// openAll opens the parts of files/, several at once.
func (r *Reader) openAll(ctx context.Context, list []place.Info) (errs []error) {
	const atOnce = 8
	parts, failed := make([]*part, len(list)), make([]error, len(list))
	var wait sync.WaitGroup
	for first := range min(atOnce, len(list)) {
		wait.Go(func() {
			for i := first; i < len(list); i += atOnce {
				parts[i], failed[i] = r.openFiles(ctx, list[i].Name)
			}
		})
	}
	wait.Wait()
	for i, info := range list {
		r.parts[info.Name] = parts[i]
		if failed[i] != nil {
			errs = append(errs, failed[i])
		}
	}
	return errs
}

// openFiles opens a part of files/. One that another process wrote without digests, when both made the catalogue at
// once, cannot answer about them.
func (r *Reader) openFiles(ctx context.Context, name string) (*part, error) {
	p, err := open(ctx, r.Place, name)
	if err == nil && r.Digests && !p.guide.Digests {
		p.Close() // only read from
		return nil, p.named(errors.New("has no digests, but the catalogue was made with them"))
	}
	return p, err
}

// missing returns an error for each part that layers name and that is not there.
func (r *Reader) missing() (errs []error) {
	for _, l := range r.layers {
		if _, there := r.parts[l.Part]; l.Part != "" && !there {
			r.parts[l.Part] = nil
			errs = append(errs, foreign(r.Place, l.Part, fmt.Errorf("is missing: %w", fs.ErrNotExist)))
		}
	}
	return errs
}

// numbers are small numbers that stand for keys of layers.
type numbers struct {
	keys   []string          // by number
	number map[string]uint32 // by key
}

// numberOf returns the number of a key, the next one if it has none.
func (n *numbers) numberOf(key string) uint32 {
	at, ok := n.number[key]
	if !ok {
		at = uint32(len(n.keys))
		key = strings.Clone(key)
		n.number[key] = at
		n.keys = append(n.keys, key)
	}
	return at
}

// layerNumber returns the number of a layer by its key.
func (r *Reader) layerNumber(key string) uint32 {
	n := r.numberOf(key)
	if int(n) == len(r.layers) {
		r.layers = append(r.layers, reading{})
	}
	return n
}

// layer notes a row of layers/. Of several rows of a layer, one that was read counts, of these one that names a part,
// better one that is there, of these the first in order: two processes may have read it.
func (r *Reader) layer(row *LayerRow) {
	at := &r.layers[r.layerNumber(row.Key)]
	read := row.Error == ""
	if read {
		r.proofs[briefly(row.Key, row.Digest)] = true
	} else {
		r.failed = append(r.failed, *row)
	}
	if strings.HasPrefix(row.Digest, unnamed) {
		row.Digest = ""
	}
	rank := cmp.Or(r.rank(at.Part)-r.rank(row.Part), strings.Compare(row.Part, at.Part))
	if at.Key != "" && (at.read && !read || at.read == read && rank >= 0) {
		return
	}
	at.LayerRow, at.read = *row, read
}

// rank says how much the part that a row names is worth.
func (r *Reader) rank(part string) int {
	switch {
	case part == "":
		return 0
	case !r.there[part]:
		return 1
	}
	return 2
}

// claims decides about blobs that could not be read. It returns the keys of those that were read later. A plan gives a
// blob the key that it claims: then nobody knows which images have it, and all with this key count as not whole.
func (r *Reader) claims() map[string]string {
	later := map[string]string{}
	for i := range r.failed {
		row := &r.failed[i]
		claimed := row.Key
		if strings.HasPrefix(row.Key, unread) {
			claimed = cmp.Or(row.DiffID, row.Digest)
		}
		n, ok := r.number[claimed]
		switch {
		case !ok || !r.layers[n].read:
		case row.Digest == claimed || r.proofs[briefly(claimed, row.Digest)]:
			later[row.Key] = claimed
		case row.Key == claimed:
			r.layers[n].claim = row.Error
		}
	}
	r.failed, r.proofs = nil, nil
	return later
}

// whole reports whether all rows of a layer can be read.
func (r *Reader) whole(n uint32) bool {
	l := &r.layers[n]
	return l.read && l.claim == "" && (l.Part == "" || r.parts[l.Part] != nil)
}

// Close closes what the reader has open.
func (r *Reader) Close() (err error) {
	for _, p := range r.parts {
		if p != nil {
			err = cmp.Or(err, p.Close())
		}
	}
	return err
}

// image returns an image without its layers' content. A layer that cannot be read has an error.
func (i *imaged) image(r *Reader) *source.Image {
	img := newImage(&i.ImageRow)
	if i.Error != "" {
		img.Err = errors.New(i.Error)
	}
	for n, number := range i.layers {
		l := &r.layers[number]
		one := &source.Layer{Index: n, Digest: l.Digest, DiffID: l.DiffID, MediaType: l.MediaType, Size: l.Size}
		if l.Key == "" && digest.Valid(r.keys[number]) {
			one.DiffID = r.keys[number]
		}
		one.Err = r.failure(number)
		img.Layers = append(img.Layers, one)
	}
	return img
}
