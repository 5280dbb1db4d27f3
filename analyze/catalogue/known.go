package catalogue

import (
	"context"
	"errors"
	"hash/maphash"
	"io"
	"slices"
	"strings"

	"layup/analyze/source"
)

// Key returns what tells a layer from all others before it is read: its diffID, else the digest of its blob. It is
// empty if only reading can tell.
func Key(l *source.Layer) string {
	switch {
	case l.Assembled():
		return ""
	case l.DiffID != "":
		return l.DiffID
	}
	return l.Digest
}

// proof returns what tells a blob from others that claim its key: its digest, else where in which source it lies. It
// is empty if the key is not claimed, but found by reading.
func proof(l *source.Layer, name string) string {
	if l.Digest != "" || l.DiffID == "" || l.Assembled() {
		return l.Digest
	}
	at := int64(-1)
	if b, ok := l.Content.(*source.Blob); ok {
		if section, ok := b.Bytes.(*io.SectionReader); ok {
			_, at, _ = section.Outer()
		}
	}
	return unnamed + hashOf([]any{name, l.DiffID, l.Size, at})
}

// idOf tells a blob of a source from others.
func idOf(l *source.Layer, name string) string { return Key(l) + " " + proof(l, name) }

const (
	unnamed = "unnamed:" // begins the proof of a blob without a digest
	unread  = "unread:"  // begins the key of a layer that could not be read
)

// unreadKey returns the key of a blob that could not be read: another one may well be what it claims to be.
func unreadKey(key, proof string) string { return unread + hashOf([]any{key, proof}) }

// A brief stands for texts: a million keys are in memory. Nobody can choose texts with one brief, because each process
// has its own seeds.
type brief [2]uint64

// seeds never change.
var seeds = [2]maphash.Seed{maphash.MakeSeed(), maphash.MakeSeed()}

func briefly(texts ...string) (b brief) {
	for i, seed := range seeds {
		var h maphash.Hash
		h.SetSeed(seed)
		for _, text := range texts {
			h.WriteString(text)
			h.WriteByte(0)
		}
		b[i] = h.Sum64()
	}
	return b
}

// A known is what a catalogue has already, and what of a batch will be in it.
type known struct {
	layers map[brief]stored // that were read, by key
	proofs map[brief]bool   // of a key and the digest of a blob: the blob was found to have that content
	images map[brief]bool   // by identity
	parts  []string
	place  map[string]uint32 // in parts
}

// A stored is where the rows of a layer are.
type stored struct {
	part    uint32 // in known.parts; 0 if it is not written yet
	entries int64
}

func newKnown() *known {
	return &known{layers: map[brief]stored{}, proofs: map[brief]bool{}, images: map[brief]bool{}, parts: []string{""},
		place: map[string]uint32{"": 0}}
}

// know reads what a catalogue has.
func (c *Catalogue) know(ctx context.Context) (*known, error) {
	k := newKnown()
	errs := each(ctx, c.Place, layersFolder, k.add)
	errs = append(errs, each(ctx, c.Place, imagesFolder, func(row *ImageRow) {
		k.images[row.identity(row.Layers)] = true
	})...)
	return k, errors.Join(errs...)
}

// add notes that a layer was read.
func (k *known) add(row *LayerRow) {
	if row.Error != "" {
		return
	}
	at, there := k.place[row.Part]
	if !there {
		at = uint32(len(k.parts))
		k.parts = append(k.parts, strings.Clone(row.Part))
		k.place[k.parts[at]] = at
	}
	key := briefly(row.Key)
	if before, ok := k.layers[key]; !ok || before.part == 0 {
		k.layers[key] = stored{at, row.Entries}
	}
	k.proofs[briefly(row.Key, row.Digest)] = true
}

// read reports whether a layer was read.
func (k *known) read(key string) bool {
	_, there := k.layers[briefly(key)]
	return there
}

// proven reports whether a blob was found to be a layer. Without a proof there is no claim.
func (k *known) proven(key, digest string) bool {
	return k.read(key) && (digest == "" || digest == key || k.proofs[briefly(key, digest)])
}

// has reports whether a layer of a source need not be read.
func (k *known) has(l *source.Layer, name string) bool {
	key := Key(l)
	return key != "" && l.Err == nil && k.proven(key, proof(l, name))
}

// identity tells images apart, by the keys of their layers also. It leaves out when they were seen.
func (r *ImageRow) identity(layers []string) brief {
	list := slices.Concat([]string{r.Source, r.Reference, r.ID, r.Manifest, r.Platform, r.Kind, r.Error}, r.References,
		[]string{""}, layers)
	return briefly(list...)
}
