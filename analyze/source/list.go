package source

import (
	"cmp"
	"context"
	"errors"
	"io/fs"
	"math"
	"slices"
	"strconv"
	"time"

	"layup/analyze/source/document"
)

// Listed is a line of the list of what a source holds. An image that has several references is listed once for each.
type Listed struct {
	Kind      string   // of an Entry
	Number    int      // N in --image @N, from 0; -1 for what that does not choose
	Reference string   // empty if there is none
	Digest    string   // of the manifest, else of the config, else of the compressed layer; empty if unknown
	ID        string   // of the image, or of a container's image: the digest of its config; empty if unknown
	Platform  string   // os/arch[/variant]
	Size      int64    // bytes stored: config, manifest and layers; of a blob itself; -1 unknown
	Created   string   // RFC 3339, as the config says; empty if unknown
	Missing   bool     // named by a document, but not in the input, or not whole
	Partial   bool     // Size leaves out layers that cannot be read: foreign, encrypted, without a valid descriptor
	Type      string   // of an artifact, attestation or referrer: its artifactType or what stands for it; empty if unknown
	Subject   string   // of an attestation or referrer: the digest it refers to; empty if unknown
	Titles    []string // of an artifact: the names of its files
	Err       error    // why it cannot be read; nil also for what is only missing

	State     string     // of an Entry
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

// ListEntries lists what documents name. What cannot be read has an Err. ListEntries fails only if ctx ends, or if the
// documents are too many to hold.
func ListEntries(ctx context.Context, s Source) ([]Listed, error) {
	var list []Listed
	known := listing{}
	for _, e := range s.Entries() {
		if e.Intermediate {
			continue
		}
		item := known.describe(ctx, s, e)
		if err := ctx.Err(); err != nil || errors.Is(item.Err, document.ErrHeld) {
			return nil, cmp.Or(err, item.Err)
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

// A listing is what is known of images by their manifests. An index may name one manifest for thousands of platforms.
type listing map[image]Listed

type image struct {
	Form
	*document.Manifest
}

// describe describes an entry, and loads each image once.
func (l listing) describe(ctx context.Context, s Source, e *Entry) Listed {
	if e.Kind != KindImage || e.Manifest == nil || e.Err != nil {
		return listed(ctx, s, e)
	}
	key := image{e.Form, e.Manifest}
	item, known := l[key]
	if !known {
		item = listed(ctx, s, e)
		l[key] = item
		return item
	}
	item.Number, item.State, item.Platform = e.Number, e.State, e.Platform.String()
	if config, err := e.Config(); err == nil {
		item.Platform = shownPlatform(e.Platform, document.PlatformOf(config.File))
	}
	return item
}

// listed describes one entry. A missing image is not an error; a damaged one is.
func listed(ctx context.Context, s Source, e *Entry) Listed {
	item := Listed{Kind: e.Kind, Number: e.Number, Digest: e.Descriptor.Digest, Size: -1, Missing: e.Absent,
		Platform: e.Platform.String(), Container: e.Container, State: e.State}
	if e.Kind == KindAttestation || e.Kind == KindArtifact {
		item.addManifest(e)
		return item
	}
	if e.Absent && e.Container != nil { // another store has its layers
		item.Missing, item.Digest, item.Created = false, e.ID, e.Container.Created
	}
	if e.Absent {
		return item
	}
	img, err := s.Load(ctx, e)
	if err == nil {
		err = item.add(ctx, img, e)
	}
	if errors.Is(err, fs.ErrNotExist) && e.Descriptor.Digest != "" {
		item.Missing = true
	} else {
		item.Err = err
	}
	return item
}

// addManifest describes what is not an image by its manifest.
func (item *Listed) addManifest(e *Entry) {
	g, ok := e.Form.(*Graph)
	if ok && e.Err == nil && !e.Absent {
		item.Err = g.readManifest(e) // it was not needed so far
	} else if e.Kind == KindAttestation {
		item.Err = e.Err
	}
	if errors.Is(item.Err, fs.ErrNotExist) {
		item.Missing, item.Err = true, nil
	}
	item.Subject = e.Descriptor.Annotations[subjectAnnotation]
	for _, ref := range e.References {
		item.Subject = cmp.Or(item.Subject, document.AttachedTo(ref))
	}
	if e.Manifest == nil {
		if document.KindOf(e.Descriptor.MediaType) == "" {
			item.Type = e.Descriptor.MediaType
		}
		return
	}
	item.Type, item.Titles, item.Size = e.Manifest.Type(), e.Manifest.Titles(), e.namedSize()
	item.Subject = cmp.Or(e.Manifest.Subject, item.Subject)
	for _, ref := range e.Manifest.Layers {
		item.Missing = item.Missing || ok && ref.Err == nil && ref.Data == nil && !g.Blobs.Has(ref.Digest)
	}
}

// add describes a loaded image.
func (item *Listed) add(ctx context.Context, img *Image, e *Entry) (err error) {
	item.ID = img.ID
	switch {
	case img.Engine != nil && img.Engine.Measure != nil:
		item.Digest = e.ID
		if item.Size, err = img.Engine.Measure(ctx); err != nil {
			item.Size = -1
			return err
		}
	case img.Config == nil: // a bare layer
		item.Digest, item.Size = img.Layers[0].Digest, img.Layers[0].Size
		return nil
	default:
		var whole bool
		item.Size, whole = storedSize(img)
		item.Partial = slices.ContainsFunc(img.Layers, func(l *Layer) bool { return l.Err != nil })
		item.Digest, item.Missing = cmp.Or(item.Digest, img.ID), item.Missing || !whole
	}
	if e.Container != nil {
		item.ID, item.Created = cmp.Or(img.ID, e.Container.ImageID), e.Container.Created
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
// there and as long as they should be.
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
				whole = whole && (stored == l.Size || l.Digest == "" || l.outer())
			} else {
				size += l.Size // it is unpacked
			}
		}
	}
	return size, whole
}
