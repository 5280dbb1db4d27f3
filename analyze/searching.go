package analyze

import (
	"cmp"
	"context"
	"maps"
	"slices"

	"layup/tarfs"
)

// A searching is a search while the images of a store are merged. It keeps what is found in the layers that are merged
// now, so that it looks at a version only when a layer writes it or hides it.
type searching[T any] struct {
	Search
	*merging
	keep func(*Image, Hit) (item T, key string)

	hits  map[found]*hit[T]
	open  map[tarfs.Version]opened[T]
	links map[tarfs.Version]Hit // hard links: what is said of one depends on the other names
	undo  []change[T]           // by layer of the pile
	order []int                 // the numbers of the images merged so far
}

// found identifies a hit or a warning, by the places of its layers and by what the caller says.
type found struct{ layer, hiddenIn, what string }

// A hit is a StoreHit in the making: its images are numbers in the source, in any order.
type hit[T any] struct {
	StoreHit[T]
	count int // of the hits before it
}

// An opened hit is in all images that are merged from one on.
type opened[T any] struct {
	hit   *hit[T]
	since int // a place in order
}

// A change is what a layer did to the open hits.
type change[T any] struct {
	opened []tarfs.Version
	closed []closed[T]
}

// A closed hit is not in the images above a layer.
type closed[T any] struct {
	version tarfs.Version
	hit     *hit[T] // nil for a hard link
	link    Hit
}

func newSearching[T any](m *merging, search Search, keep func(*Image, Hit) (T, string)) *searching[T] {
	s := &searching[T]{Search: search, merging: m, keep: keep, hits: map[found]*hit[T]{},
		open: map[tarfs.Version]opened[T]{}, links: map[tarfs.Version]Hit{}}
	m.pushed, m.popped, m.merged = s.push, s.pop, s.image
	return s
}

// run searches the images.
func (s *searching[T]) run(ctx context.Context) error {
	first := slices.Index(s.errs, nil)
	if first < 0 {
		return ctx.Err()
	}
	var before change[T]
	img := s.images[first]
	img.tree, img.top = s.pile.Tree(), s.pile.Tree().Top()
	for v := range s.pile.Tree().Versions() { // the root
		s.consider(img, hitOf(v), &before)
	}
	err := s.merging.run(ctx)
	for _, v := range before.opened {
		s.close(v, new(change[T]))
	}
	return err
}

// push looks at what a layer wrote and hid.
func (s *searching[T]) push(first *Image, _ int) {
	var c change[T]
	for v := range s.pile.Hidden() {
		s.close(v, &c)
		s.consider(first, hiddenHit(v), &c)
	}
	for v := range s.pile.Added() {
		if older, ok := v.Older(); ok && v.Relists() {
			s.close(older, &c)
		}
		s.consider(first, hitOf(v), &c)
	}
	s.undo = append(s.undo, c)
}

// hiddenHit is the hit of a version that the top layer hid.
func hiddenHit(v tarfs.Version) Hit {
	h := hitOf(v)
	newest := v
	for newest = range v.Node().Versions() {
	}
	if newest.Layer() == int(h.HiddenBy) {
		h.Status = Overwritten
		h.Same = h.How == tarfs.Replaced && sameContent(v, newest)
	}
	return h
}

// consider opens a hit if it is wanted.
func (s *searching[T]) consider(img *Image, h Hit, c *change[T]) {
	if !s.Wanted(h) {
		return
	}
	c.opened = append(c.opened, h.Version)
	if _, linked := h.Version.LinkGroup(); linked {
		s.links[h.Version] = h
		return
	}
	s.open[h.Version] = opened[T]{s.hit(img, h), len(s.order)}
}

// close ends a hit: it is in the images that were merged since it was opened.
func (s *searching[T]) close(v tarfs.Version, c *change[T]) {
	if o, ok := s.open[v]; ok {
		o.hit.Images = append(o.hit.Images, s.order[o.since:]...)
		c.closed = append(c.closed, closed[T]{version: v, hit: o.hit})
		delete(s.open, v)
	}
	if h, ok := s.links[v]; ok {
		c.closed = append(c.closed, closed[T]{version: v, link: h})
		delete(s.links, v)
	}
}

// pop undoes what a layer did.
func (s *searching[T]) pop(*Image, int) {
	last := len(s.undo) - 1
	c := s.undo[last]
	s.undo = s.undo[:last]
	for _, v := range c.opened {
		s.close(v, new(change[T]))
	}
	for _, was := range c.closed {
		if was.hit == nil {
			s.links[was.version] = was.link
		} else {
			s.open[was.version] = opened[T]{was.hit, len(s.order)}
		}
	}
}

// hit returns the hit with a key; several versions may have one.
func (s *searching[T]) hit(img *Image, h Hit) *hit[T] {
	layer := h.Version.Layer()
	item, key := s.keep(img, h)
	what := found{img.place(layer), img.place(int(h.HiddenBy)), key}
	if s.hits[what] == nil {
		one := StoreHit[T]{Item: item, Path: h.Version.Node().Path(), Layer: layer}
		if layer >= 0 {
			one.Directory = img.Layers[layer].Directory
		}
		s.hits[what] = &hit[T]{one, len(s.hits)}
	}
	return s.hits[what]
}

// place tells layers apart: by the directory in which an engine keeps it, else by a digest. It is empty for no layer.
func (img *Image) place(layer int) string {
	if layer < 0 || layer >= len(img.Layers) {
		return ""
	}
	l := img.Layers[layer]
	return cmp.Or(l.Directory, l.Digest, l.DiffID)
}

// image adds what is found only in whole images: hard links, what no layer showed.
func (s *searching[T]) image(n int) {
	img := s.images[n]
	s.order = append(s.order, n)
	for _, h := range s.links {
		one := s.hit(img, h)
		one.Images = append(one.Images, n)
	}
	if s.Unseen {
		for h := range img.Unseen() {
			if s.Wanted(h) {
				one := s.hit(img, h)
				one.Images = append(one.Images, n)
			}
		}
	}
}

// found returns the hits with the places of their images, in order.
func (s *searching[T]) found(places map[int]int) []*StoreHit[T] {
	list := slices.Collect(maps.Values(s.hits))
	list = slices.DeleteFunc(list, func(h *hit[T]) bool {
		slices.Sort(h.Images)
		h.Images = slices.Compact(h.Images)
		return len(h.Images) == 0
	})
	slices.SortFunc(list, func(a, b *hit[T]) int {
		return cmp.Or(tarfs.ComparePaths(a.Path, b.Path), cmp.Compare(a.Layer, b.Layer),
			cmp.Compare(a.Directory, b.Directory), cmp.Compare(a.Images[0], b.Images[0]), cmp.Compare(a.count, b.count))
	})
	hits := make([]*StoreHit[T], len(list))
	for i, h := range list {
		for k, n := range h.Images {
			h.Images[k] = places[n]
		}
		hits[i] = &h.StoreHit
	}
	return hits
}

// warned returns the warnings in the order of the images, each once.
func (s *searching[T]) warned() (list []tarfs.Warning) {
	known := map[found]bool{}
	for n, img := range s.images {
		if s.errs[n] != nil {
			continue
		}
		for _, w := range img.warnings {
			if what := (found{img.place(w.Layer), w.Code.Name, w.Path}); !known[what] {
				known[what] = true
				list = append(list, w)
			}
		}
	}
	return list
}
