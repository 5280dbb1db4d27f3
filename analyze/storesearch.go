package analyze

import (
	"cmp"
	"context"
	"fmt"
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
}

// A StoreHit is a version in a layer of one or more images and containers of a store.
type StoreHit[T any] struct {
	Item      T // what the caller keeps
	Path      string
	Layer     int
	Directory string // of the layer; may be empty
	Images    []int  // the places of the images in the search, in ascending order
}

// A Search says what is searched for.
type Search struct {
	Wanted func(Hit) bool
	Unseen bool // also what Image.Unseen yields
}

// SearchStore searches all images and containers of a store, and the directories and volumes that none of them uses.
// Layers that several of them share are read, merged and searched once. Keep makes an item and a key of each hit. Hits
// with equal keys and directories are one. SearchStore returns an error if the context ends, or if an image cannot be
// loaded and opt.KeepGoing is not set. If no image can be loaded, it returns the last error.
func SearchStore[T any](ctx context.Context, name string, opt Options, search Search,
	keep func(*Image, Hit) (item T, key string)) (*StoreSearch[T], error) {
	opt.Select.All, opt.Loose = true, true
	src, chosen, err := openName(ctx, name, opt)
	if err != nil {
		return nil, err
	}
	defer src.Close() // opened for reading: closing cannot lose anything
	m := readMany(ctx, chosen, loading{Options: opt})
	s := newSearching(m, search, keep)
	if err := s.run(ctx); err != nil {
		return nil, err
	}
	out := &StoreSearch[T]{}
	places := map[int]int{}
	for n, img := range m.images {
		if m.errs[n] != nil {
			err := fmt.Errorf("%s: %w", name, m.errs[n])
			if out.Errors = append(out.Errors, err); !opt.KeepGoing {
				return nil, err
			}
			continue
		}
		places[n] = len(out.Images)
		out.Images, out.Kind = append(out.Images, img.Image), img.Source
		for _, e := range img.errs {
			out.Errors = append(out.Errors, e)
		}
	}
	if len(out.Images) == 0 && len(out.Errors) > 0 {
		return out, out.Errors[len(out.Errors)-1]
	}
	out.Hits, out.Warnings = s.found(places), s.warned()
	return out, nil
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
