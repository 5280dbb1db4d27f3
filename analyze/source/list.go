package source

import (
	"cmp"
	"context"
	"errors"
	"io/fs"
	"math"
	"strconv"
	"time"

	"layup/analyze/source/document"
)

// Listed is a line of the list of what a source holds. An image that has several references is listed once for each.
type Listed struct {
	Kind      string // of an Entry
	Number    int    // of an image: N in --image @N, from 0; -1 for others
	Reference string // empty if there is none
	Digest    string // of the manifest, else of the config, else of the compressed layer; empty if unknown
	Platform  string // os/arch[/variant]
	Size      int64  // bytes stored: config, manifest and layers; of a blob itself; -1 unknown
	Created   string // RFC 3339, as the config says; empty if unknown
	Missing   bool   // named by a document, but not in the input, or not whole
	Type      string // of a referrer: its artifactType, if its registry says
	Subject   string // of a referrer: the digest it refers to

	Container *Container // of an engine's store; nil for an image
	Directory string     // of an engine's store: where it keeps the topmost layer
	Of        string     // of a directory or a volume; see Entry
}

// List lists what the source holds.
func List(ctx context.Context, s Source) ([]Listed, error) {
	list, err := ListEntries(ctx, s)
	if err != nil {
		return nil, err
	}
	more, err := s.Unreferenced(ctx)
	return append(list, more...), err
}

// ListEntries lists what documents name.
func ListEntries(ctx context.Context, s Source) ([]Listed, error) {
	var list []Listed
	for _, e := range s.Entries() {
		if e.Intermediate {
			continue
		}
		item, err := listed(ctx, s, e)
		if err = cmp.Or(err, ctx.Err()); err != nil {
			return nil, whichOf(s, e, err)
		}
		if len(e.References) == 0 {
			list = append(list, item)
		}
		for _, ref := range e.References {
			item.Reference = ref
			list = append(list, item)
		}
	}
	return list, nil
}

// listed describes one entry. A missing image is not an error; a damaged one is.
func listed(ctx context.Context, s Source, e *Entry) (Listed, error) {
	item := Listed{Kind: e.Kind, Number: e.Number, Digest: e.Descriptor.Digest, Size: -1, Missing: e.Absent,
		Platform: e.Platform.String(), Container: e.Container}
	if e.Kind == KindAttestation || e.Kind == KindArtifact {
		if g, ok := e.Form.(*Graph); ok && e.Err == nil && !e.Absent { // it was not needed so far
			item.Missing = errors.Is(g.readManifest(e), fs.ErrNotExist)
		}
		item.Size = e.namedSize()
		return item, nil
	}
	if e.Absent && e.Container != nil { // another store has its layers
		item.Missing, item.Digest, item.Created = false, e.ID, e.Container.Created
	}
	if e.Absent {
		return item, nil
	}
	img, err := s.Load(ctx, e)
	if errors.Is(err, fs.ErrNotExist) && e.Descriptor.Digest != "" {
		item.Missing = true
		return item, nil
	}
	if err != nil {
		return item, err
	}
	return item, item.add(ctx, img, e)
}

// add describes a loaded image.
func (item *Listed) add(ctx context.Context, img *Image, e *Entry) (err error) {
	switch {
	case img.Engine != nil && img.Engine.Measure != nil:
		item.Digest = e.ID
		if item.Size, err = img.Engine.Measure(ctx); err != nil {
			return err
		}
	case img.Config == nil: // a bare layer
		item.Digest, item.Size = img.Layers[0].Digest, img.Layers[0].Size
		return nil
	default:
		var whole bool
		item.Size, whole = storedSize(img)
		item.Digest, item.Missing = cmp.Or(item.Digest, img.ID), item.Missing || !whole
	}
	if e.Container != nil {
		item.Created = e.Container.Created
	} else {
		item.Platform, item.Created = img.Platform, createdAt(img)
	}
	if n := len(img.Layers); n > 0 {
		item.Directory = img.Layers[n-1].Directory
	}
	return nil
}

// createdAt returns the config's time of creation in RFC 3339, or "".
func createdAt(img *Image) string {
	if created := img.ConfigFile.Created.Time; !created.IsZero() {
		return created.UTC().Format(time.RFC3339Nano)
	}
	return ""
}

// namedSize adds up what a manifest names, in bytes; -1 if it could not be read.
func (e *Entry) namedSize() int64 {
	if e.Manifest == nil {
		return -1
	}
	size := int64(len(e.Manifest.Raw))
	for _, l := range append([]document.Ref{{Descriptor: e.Manifest.Config}}, e.Manifest.Layers...) {
		if l.Size > math.MaxInt64-size {
			return -1 // the sizes are only claimed
		}
		size += l.Size
	}
	return size
}

// storedSize adds up the bytes of config, manifest and layers, each blob once, and reports whether all layers are
// there.
func storedSize(img *Image) (size int64, whole bool) {
	size, whole = int64(len(img.Config))+int64(len(img.Manifest)), true
	seen := map[string]bool{}
	for _, l := range img.Layers {
		if l.Err != nil {
			whole = whole && (l.Err == errForeign || !errors.Is(l.Err, fs.ErrNotExist))
			continue // its size is only claimed
		}
		if key := cmp.Or(l.DiffID, strconv.Itoa(l.Index)); !seen[key] {
			seen[key] = true
			if stored := l.Content.Stored(); stored >= 0 {
				size += stored
			} else {
				size += l.Size // it is unpacked
			}
		}
	}
	return size, whole
}
