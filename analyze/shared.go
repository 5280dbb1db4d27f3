package analyze

import (
	"sync"

	"layup/analyze/source"
	"layup/tarfs"
)

// A shared is what was found in layers that may come again: twice in one image, or in several platforms of an archive.
// Each is read once.
type shared struct {
	mu    sync.Mutex
	found map[sameLayer]*finding
}

// sameLayer is what layers have in common if passes over them find equal things.
type sameLayer struct {
	name    string
	digests bool
}

// A finding is what one pass over a layer gave.
type finding struct {
	layer   *source.Layer
	scanned source.Scanned
	err     error
}

func newShared() *shared { return &shared{found: map[sameLayer]*finding{}} }

// get returns what was found in such a layer before, or nil.
func (s *shared) get(key sameLayer) *finding {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.found[key]
}

func (s *shared) put(key sameLayer, f *finding) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.found[key] = f
}

// key returns what makes two layers equal; false if nothing says so before they are read.
func (l *loader) key(layer *source.Layer) (sameLayer, bool) {
	name := layer.Same()
	return sameLayer{name, l.img.opt.digests(layer)}, name != ""
}

// distinct returns the layers to read: of equal layers the first.
func (l *loader) distinct() []*source.Layer {
	var list []*source.Layer
	first := map[sameLayer]bool{}
	for _, layer := range l.img.Layers {
		key, named := l.key(layer)
		if named && (first[key] || l.shared.get(key) != nil) {
			continue
		}
		first[key] = named
		list = append(list, layer)
	}
	return list
}

// spread gives layers what was found in equal ones.
func (l *loader) spread() {
	for _, layer := range l.img.Layers {
		key, named := l.key(layer)
		if l.img.scans[layer.Index].Table != nil || !named {
			continue
		}
		if f := l.shared.get(key); f != nil {
			layer.Content = f.layer.Content // Tar then reads the bytes that were kept
			l.take(layer, f.scanned, f.err)
		}
	}
}

// restOnTOC says of an image that it rests on what a builder says of layers, and how much was fetched for that.
func (img *Image) restOnTOC() {
	for i := range img.scans {
		if img.scans[i].TOC {
			img.Verified = "toc"
			img.fetched += img.scans[i].Fetched
		}
	}
}

// TOC reports whether layers were not read but their builder's tables of contents, and how many bytes were fetched for
// those.
func (img *Image) TOC() (fetched int64, ok bool) { return img.fetched, img.Verified == "toc" }

// take notes what was found in a layer.
func (l *loader) take(layer *source.Layer, scanned source.Scanned, err error) {
	if scanned.Table == nil {
		scanned.Table = new(tarfs.Layer)
	}
	l.unpacked += max(scanned.Unpacked, 0)
	l.entries += int64(scanned.Table.Len())
	limits := l.img.opt.Source.Limits
	if l.over == nil {
		l.over = over("image-bytes", l.unpacked, limits.ImageBytes)
	}
	if l.over == nil {
		l.over = over("image-entries", l.entries, int64(limits.ImageEntries))
	}
	l.img.scans[layer.Index], l.failed[layer.Index] = scanned, err
}
