package analyze

import (
	"cmp"
	"context"
	"iter"
	"slices"
	"strings"

	"layup/analyze/digest"
	"layup/analyze/source"
	"layup/tarfs"
)

// A StoreSearch is what a search finds in all images and containers of an engine's store. What several of them share
// counts once.
type StoreSearch[T any] struct {
	Hits     []*StoreHit[T] // by path, layer and directory
	Images   []*source.Image
	Kind     string          // of the store, as in source.Image.Source
	Warnings []tarfs.Warning // each once
	Errors   []error

	hits     map[found]*StoreHit[T]
	warnings map[found]bool
}

// A StoreHit is a version in a layer of one or more images and containers of a store.
type StoreHit[T any] struct {
	Item      T // what the caller keeps
	Path      string
	Layer     int
	Directory string // of the layer; may be empty
	Images    []int  // the places of the images in the search
}

// found identifies a hit or a warning, by the directories of its layers and by what the caller says.
type found struct{ directory, hiddenIn, what string }

// SearchStore searches all images and containers of a store, one after the other, and the directories and volumes that
// none of them uses. Find yields the hits in an image, and
// keep makes an item and a key of each. Hits with equal keys and directories are one. SearchStore returns early if the
// context ends, or if an image cannot be loaded and opt.KeepGoing is not set. If no image can be loaded, it returns the
// last error.
func SearchStore[T any](
	ctx context.Context, name string, opt Options,
	find func(*Image) iter.Seq[Hit], keep func(*Image, Hit) (item T, key string),
) (*StoreSearch[T], error) {
	opt.Select.All, opt.Loose = true, true
	s := &StoreSearch[T]{hits: map[found]*StoreHit[T]{}, warnings: map[found]bool{}}
	for img, err := range OpenAll(ctx, name, opt) {
		switch {
		case ctx.Err() != nil:
			return nil, ctx.Err()
		case err != nil && !opt.KeepGoing:
			return nil, err
		case err != nil:
			s.Errors = append(s.Errors, err)
		default:
			s.add(img, find(img), keep)
		}
	}
	if len(s.Images) == 0 && len(s.Errors) > 0 {
		return s, s.Errors[len(s.Errors)-1]
	}
	slices.SortStableFunc(s.Hits, func(a, b *StoreHit[T]) int {
		return cmp.Or(comparePaths(a.Path, b.Path), cmp.Compare(a.Layer, b.Layer), cmp.Compare(a.Directory, b.Directory))
	})
	return s, nil
}

// add adds what is found in one image.
func (s *StoreSearch[T]) add(img *Image, hits iter.Seq[Hit], keep func(*Image, Hit) (T, string)) {
	this := len(s.Images)
	s.Images, s.Kind = append(s.Images, img.Image), img.Source
	directory := func(layer int) string {
		if layer < 0 || layer >= len(img.Layers) {
			return ""
		}
		return img.Layers[layer].Directory
	}
	for h := range hits {
		layer := h.Version.Layer()
		item, key := keep(img, h)
		what := found{directory(layer), directory(int(h.HiddenBy)), key}
		hit := s.hits[what]
		if hit == nil {
			hit = &StoreHit[T]{Item: item, Path: h.Version.Node().Path(), Layer: layer, Directory: what.directory}
			s.hits[what] = hit
			s.Hits = append(s.Hits, hit)
		}
		if !slices.Contains(hit.Images, this) {
			hit.Images = append(hit.Images, this)
		}
	}
	for _, w := range img.warnings {
		if what := (found{directory(w.Layer), w.Code.Name, w.Path}); !s.warnings[what] {
			s.warnings[what] = true
			s.Warnings = append(s.Warnings, w)
		}
	}
	for _, e := range img.errs {
		s.Errors = append(s.Errors, e)
	}
}

// Titles returns the titles of the images as the function Titles does, but with short IDs.
func (s *StoreSearch[T]) Titles() []string {
	titles := Titles(s.Images)
	for i, img := range s.Images {
		if img.Container == nil && img.Reference == "" {
			titles[i] = strings.Replace(titles[i], img.ID, digest.Short(img.ID), 1)
		}
	}
	return titles
}

// comparePaths orders paths as listings do: a directory before its content, siblings by their bytes.
func comparePaths(a, b string) int {
	for i := range min(len(a), len(b)) {
		switch {
		case a[i] == b[i]:
		case a[i] == '/':
			return -1
		case b[i] == '/':
			return 1
		default:
			return cmp.Compare(a[i], b[i])
		}
	}
	return cmp.Compare(len(a), len(b))
}

// Title returns the name of an image's container, else its reference, else its ID. It may be empty. The kind comes
// before the name of a container, a directory or a volume.
func Title(img *source.Image) string {
	switch {
	case img.Container != nil:
		return "container " + cmp.Or(img.Container.Name, img.Container.ID)
	case img.Kind == source.KindDirectory || img.Kind == source.KindVolume:
		return img.Kind + " " + img.Reference
	}
	return cmp.Or(img.Reference, img.ID)
}

// Titles returns the titles of images. If images of one input share a title, it adds in what they differ: the platform,
// the driver that keeps them. An image may be nil.
func Titles(images []*source.Image) []string {
	type named struct{ input, title string }
	platforms, drivers := map[named]map[string]bool{}, map[named]map[string]bool{}
	titles := make([]string, len(images))
	for i, img := range images {
		if img != nil {
			titles[i] = Title(img)
			of := named{img.Name, titles[i]}
			if platforms[of] == nil {
				platforms[of], drivers[of] = map[string]bool{}, map[string]bool{}
			}
			platforms[of][img.Platform], drivers[of][driver(img)] = true, true
		}
	}
	for i, img := range images {
		if img == nil {
			continue
		}
		of := named{img.Name, titles[i]}
		if len(platforms[of]) > 1 && img.Platform != "" {
			titles[i] += " " + img.Platform
		}
		if len(drivers[of]) > 1 {
			titles[i] += " (" + driver(img) + ")"
		}
	}
	return titles
}

// driver returns what keeps the layers of an image; empty if it is not in an engine's store.
func driver(img *source.Image) string {
	if img.Engine == nil {
		return ""
	}
	return cmp.Or(img.Engine.GraphDriver, "containerd")
}
