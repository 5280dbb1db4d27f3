package analyze

import (
	"cmp"

	"layup/analyze/source"
	"layup/tarfs"
)

// A shared holds the findings of layers that may come again, in one image or in several images of an archive. Each such
// layer is read once. Nothing reads it while the loader's workers run.
type shared map[sameLayer]*finding

// A sameLayer is equal for layers in which passes find equal things.
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

// key returns a layer's key, and false if nothing tells before reading which layers are equal.
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
		if named && (first[key] || l.shared[key] != nil) {
			continue
		}
		first[key] = named
		list = append(list, layer)
	}
	return list
}

// spread gives layers the findings of equal layers.
func (l *loader) spread() {
	for _, layer := range l.img.Layers {
		key, named := l.key(layer)
		if l.img.scans[layer.Index].Table != nil || !named {
			continue
		}
		if f := l.shared[key]; f != nil {
			layer.Content = f.layer.Content // Tar then reads the bytes that were kept
			l.take(layer, f.scanned, f.err)
		}
	}
}

// restOnTOC notes whether the image rests on its builder's tables of contents, and the bytes fetched for them.
func (img *Image) restOnTOC() {
	for i := range img.scans {
		if img.scans[i].TOC {
			img.Verified = "toc"
			img.fetched += img.scans[i].Fetched
		}
	}
}

// TOC reports whether the builder's tables of contents were read instead of layers, and how many bytes they were.
func (img *Image) TOC() (fetched int64, ok bool) { return img.fetched, img.Verified == "toc" }

// take notes what was found in a layer.
func (l *loader) take(layer *source.Layer, scanned source.Scanned, err error) {
	if scanned.Table == nil {
		scanned.Table = new(tarfs.Layer)
	}
	l.unpacked += max(scanned.Unpacked, 0)
	l.entries += int64(scanned.Table.Len())
	limits := l.img.opt.Source.Limits
	l.over = cmp.Or(l.over, over("image-bytes", l.unpacked, limits.ImageBytes),
		over("image-entries", l.entries, int64(limits.ImageEntries)))
	l.img.scans[layer.Index], l.failed[layer.Index] = scanned, err
}
