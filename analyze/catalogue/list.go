package catalogue

import (
	"cmp"
	"errors"
	"fmt"
	"slices"
	"strings"

	"layup/analyze"
	"layup/analyze/source/advice"
	platforms "layup/analyze/source/document"
)

// A Listed is an image of a catalogue.
type Listed struct {
	ImageRow       // without Layers
	Count    int   // of its layers
	Err      error // why it cannot be read, or the first of its layers that cannot
}

// Images returns the images by source, reference, platform and ID.
func (r *Reader) Images() []Listed {
	list := make([]Listed, len(r.images))
	for i := range r.images {
		one := &r.images[i]
		list[i] = Listed{ImageRow: one.ImageRow, Count: len(one.layers)}
		if one.Error != "" {
			list[i].Err = errors.New(one.Error)
		}
		for n, number := range one.layers {
			if err := r.failure(number); err != nil && list[i].Err == nil {
				l := &r.layers[number]
				digest := cmp.Or(l.Digest, l.DiffID, r.keys[number])
				list[i].Err = &analyze.LayerError{Layer: n, Digest: digest, Err: err}
			}
		}
	}
	return list
}

// Only leaves the images of one platform, os/arch[/variant], and those that could not be read. Without a variant any
// counts, unless a source has an image that fits exactly.
func (r *Reader) Only(platform string) error {
	want, err := platforms.ParsePlatform(platform)
	if err != nil {
		return err
	}
	fits := func(one *imaged, exact bool) bool {
		have, err := platforms.ParsePlatform(one.Platform)
		return err == nil && want.Fits(have, exact)
	}
	exact, some := map[string]bool{}, false // sources
	for i := range r.images {
		one := &r.images[i]
		some = some || fits(one, false)
		exact[one.Source] = exact[one.Source] || fits(one, true)
	}
	if !some {
		return &advice.Hinted{Err: fmt.Errorf("%s: has no image for platform %q", r.Place, platform),
			Hint: "layup images -C CATALOGUE  lists images and platforms"}
	}
	r.images = slices.DeleteFunc(r.images, func(one imaged) bool {
		return !fits(&one, exact[one.Source]) && (one.Error == "" || one.Platform != "")
	})
	r.only = true
	return nil
}

// failure returns why a layer cannot be read; nil if it can.
func (r *Reader) failure(n uint32) error {
	l := &r.layers[n]
	switch {
	case !l.read:
		return errors.New(cmp.Or(l.Error, "is not in the catalogue"))
	case l.claim != "":
		return fmt.Errorf("a blob that claims to be this layer could not be read: %s", l.claim)
	case !r.whole(n):
		return errors.New("the part of the catalogue that has it cannot be read")
	}
	return nil
}

// A ListedLayer is a unique layer of a catalogue.
type ListedLayer struct {
	LayerRow
	Images int   // that have it
	Err    error // why it cannot be read
}

// Layers returns the layers by key; after Only, those of its images.
func (r *Reader) Layers() []ListedLayer {
	list := make([]ListedLayer, len(r.layers))
	for i := range r.layers {
		list[i] = ListedLayer{LayerRow: r.layers[i].LayerRow, Err: r.failure(uint32(i))}
		list[i].Key = r.keys[i]
	}
	for i := range r.images {
		seen := map[uint32]bool{}
		for _, n := range r.images[i].layers {
			if !seen[n] {
				seen[n] = true
				list[n].Images++
			}
		}
	}
	list = slices.DeleteFunc(list, func(l ListedLayer) bool {
		now, ok := r.later[l.Key]
		return ok && now != l.Key || r.only && l.Images == 0
	})
	slices.SortFunc(list, func(a, b ListedLayer) int { return strings.Compare(a.Key, b.Key) })
	return list
}
