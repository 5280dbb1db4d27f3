package analyze

import (
	"context"

	"layup/analyze/source"
	"layup/analyze/source/kinds"
	"layup/tarfs"
)

// A Side is an image as it is after one of its layers: one side of a comparison.
type Side struct {
	Image *Image
	Upto  int // the layer; tarfs.NoLayer for the empty tree
	view  *tarfs.Snapshot
}

// After returns the image as it is after layer n: tarfs.NoLayer is the empty tree, Last the whole image.
func (img *Image) After(n int) Side {
	n = min(n, len(img.Layers)-1)
	return Side{img, n, img.tree.At(n)}
}

// Began returns what a container began with: its image, and, with init, what the engine added before it ran.
func (img *Image) Began(init bool) Side {
	last := len(img.Layers) - 1
	for last >= 0 && (img.Layers[last].Role == source.RoleContainer || !init && img.Layers[last].Role == source.RoleInit) {
		last--
	}
	return img.After(last)
}

// View returns what the side shows.
func (s Side) View() *tarfs.Snapshot { return s.view }

// OpenPair opens two images to compare them, except for what is to be ignored. If content counts, layers that only one
// image has are scanned with digests: reading them again would cost more. Close the images. With an error, an image
// that is not nil says only which one it is.
func OpenPair(ctx context.Context, names [2]string, opt [2]Options, ignore Aspect) (images [2]*Image, errs [2]error) {
	var sources [2]*kinds.Opened
	var chosen [2]*source.Image
	for i, name := range names {
		opt[i].Select.All = false
		var list []*source.Image
		if sources[i], list, errs[i] = openName(ctx, name, opt[i]); errs[i] == nil {
			chosen[i] = list[0]
		}
	}
	for i, one := range chosen {
		if one == nil {
			continue
		}
		with := loading{Options: opt[i]}
		if other := chosen[1-i]; other != nil && ignore&Content == 0 {
			with.digestsOf = unshared(one, other, with.KeepGoing)
		}
		with.Digests = with.Digests || one.Remote // it is not there to be read a second time
		images[i], errs[i] = loadOnly(ctx, sources[i], one, with)
	}
	return images, errs
}

// OpenStages opens an image to compare what it is after two of its layers, as After counts them, except for what is to
// be ignored. The layers between them are scanned with digests if content counts.
func OpenStages(ctx context.Context, name string, from, to int, ignore Aspect, opt Options) (*Image, error) {
	with := loading{Options: opt}
	if low, high := min(from, to), max(from, to); ignore&Content == 0 && low >= 0 {
		with.digestsOf = func(layer int) bool { return layer > low && layer <= high }
	}
	return open(ctx, name, with)
}

// unshared returns which layers of an image the other does not have, so that only content tells whether files are the
// same. Neither damaged layers nor those that were put together from an engine's directories are known to be what they
// are named.
func unshared(one, other *source.Image, keepGoing bool) func(int) bool {
	named := map[string]bool{}
	for _, l := range other.Layers {
		if !l.Assembled() {
			named[l.DiffID] = true
		}
	}
	return func(i int) bool {
		l := one.Layers[i]
		return len(other.Layers) > 0 && (keepGoing || l.DiffID == "" || l.Assembled() || !named[l.DiffID])
	}
}
