package analyze

import (
	"cmp"

	"layup/analyze/source"
)

// Title names an image by its container, else by its reference, else by its ID. It may be empty.
func Title(img *source.Image) string {
	if img.Container != nil {
		return "container " + cmp.Or(img.Container.Name, img.Container.ID)
	}
	return cmp.Or(img.Reference, img.ID)
}

// Titles tells images apart: if several images of one input share a title, their platforms are added. An image may be
// nil.
func Titles(images []*source.Image) []string {
	type named struct{ input, title string }
	count := map[named]int{}
	titles := make([]string, len(images))
	for i, img := range images {
		if img != nil {
			titles[i] = Title(img)
			count[named{img.Name, titles[i]}]++
		}
	}
	for i, img := range images {
		if img != nil && img.Platform != "" && count[named{img.Name, titles[i]}] > 1 {
			titles[i] += " " + img.Platform
		}
	}
	return titles
}
