package analyze

import (
	"context"
	"crypto/rand"
	"errors"
	"fmt"
	"io"
	"iter"
	"sync/atomic"

	v1 "github.com/google/go-containerregistry/pkg/v1"

	"layup/analyze/source"
	"layup/analyze/source/kinds"
	"layup/tarfs"
)

// Open opens an input by its name, chooses one image and loads it. Close it after use. With an error, an image that is
// not nil only tells which image failed. Errors to test for are *LayerError of a damaged layer, *tarfs.LimitError,
// *source.NoArchiveError, and *advice.ChoiceError if several images are left to choose from.
func Open(ctx context.Context, name string, opt Options) (*Image, error) {
	return open(ctx, name, loading{Options: opt})
}

func open(ctx context.Context, name string, opt loading) (*Image, error) {
	opt.Select.All = false
	src, images, err := openName(ctx, name, opt.Options)
	if err != nil {
		return nil, err
	}
	return loadOnly(ctx, src, images[0], opt)
}

// OpenReaderAt is Open for the bytes of an archive, compressed or not. Messages call them by the name. The bytes must
// not change before Close.
func OpenReaderAt(ctx context.Context, name string, r io.ReaderAt, size int64, opt Options) (*Image, error) {
	src, err := kinds.OpenReaderAt(ctx, name, r, size, opt.source())
	return openSource(ctx, src, err, opt)
}

// OpenReader is Open for an archive that is read once, from its beginning to its end. A temporary file in
// opt.Source.TempDir holds what was read. Messages call the archive by the name.
func OpenReader(ctx context.Context, name string, r io.Reader, opt Options) (*Image, error) {
	src, err := kinds.OpenReader(ctx, name, r, opt.source())
	return openSource(ctx, src, err, opt)
}

// OpenV1 is Open for an image of go-containerregistry, with its manifest, config and layers verified. Messages call it
// by the digest of its manifest. Content can be read with the need SomeBodies.
func OpenV1(ctx context.Context, image v1.Image, opt Options) (*Image, error) {
	src, err := kinds.OpenV1(ctx, image, opt.source())
	return openSource(ctx, src, err, opt)
}

// openSource chooses and loads one image of a source, unless there is an error already.
func openSource(ctx context.Context, src *kinds.Opened, err error, opt Options) (*Image, error) {
	if err != nil {
		return nil, err
	}
	opt.Select.All = false
	images, err := choose(ctx, src, opt)
	if err != nil {
		return nil, err
	}
	return loadOnly(ctx, src, images[0], loading{Options: opt})
}

// loadOnly loads one image and closes its source with it, or at once if there is an error.
func loadOnly(ctx context.Context, src *kinds.Opened, one *source.Image, opt loading) (*Image, error) {
	opt.shared = newShared(opt.Options)
	img, err := load(ctx, one, opt)
	if err != nil {
		return img, errors.Join(fmt.Errorf("%s: %w", src.Name, err), src.Close(), opt.shared.close())
	}
	img.close = func() error { return errors.Join(src.Close(), opt.shared.close()) }
	return img, nil
}

// OpenAll opens an input by its name and loads the images that opt.Select leaves, one after the other. The archive is
// closed when the loop ends: no content can be read after that. If an image cannot be loaded, OpenAll yields the error
// with what is known of the image.
func OpenAll(ctx context.Context, name string, opt Options) iter.Seq2[*Image, error] {
	return func(yield func(*Image, error) bool) {
		src, images, err := openName(ctx, name, opt)
		if err != nil {
			yield(nil, err)
			return
		}
		defer src.Close() // opened for reading: closing cannot lose anything
		all := loading{Options: opt, shared: newShared(opt)}
		defer all.shared.close()
		readAll(ctx, images, all)
		for _, one := range images {
			img, err := load(ctx, one, all)
			if err != nil {
				err = fmt.Errorf("%s: %w", name, err)
			}
			if !yield(img, err) {
				return
			}
		}
	}
}

// source returns the options of the source, which tells Note and Progress what it does.
func (opt *Options) source() kinds.Options {
	of := opt.Source
	if of.Registry.Client.Note == nil {
		of.Registry.Client.Note = opt.Note
	}
	if of.Note == nil {
		of.Note = opt.Note
	}
	if of.Reading == nil && opt.Progress != nil {
		of.Reading = func(n int64) { opt.Progress(Progress{Read: n, Finished: -1}) }
	}
	return of
}

// readAll reads the layers of several images, all layers at once, before each image is loaded.
func readAll(ctx context.Context, images []*source.Image, opt loading) {
	if len(images) > 1 {
		newLoader(ctx, opt, images...).run()
	}
}

// openName opens a source by its name and chooses at least one of its images.
func openName(ctx context.Context, name string, opt Options) (*kinds.Opened, []*source.Image, error) {
	src, err := kinds.Open(ctx, name, opt.source())
	if err != nil {
		return nil, nil, err
	}
	images, err := choose(ctx, src, opt)
	return src, images, err
}

// choose chooses at least one image of a source. If there is an error, it closes the source.
func choose(ctx context.Context, src *kinds.Opened, opt Options) ([]*source.Image, error) {
	opt.Select.Loose = opt.Needs.Loose
	images, note, err := src.Choose(ctx, opt.Select)
	if err == nil && len(images) == 0 {
		err = fmt.Errorf("%s: no image", src.Name)
	}
	if err != nil {
		return nil, errors.Join(err, src.Close())
	}
	if note != "" && opt.Note != nil {
		opt.Note(note)
	}
	return images, nil
}

// OpenPair opens two images to compare them, except for the ignored aspects. If content counts, layers that only one
// image has are hashed while they are scanned, as reading them again would cost more; unless opt asks for digests, only
// tags of them are kept. Close the images. With an error, an image that is not nil only tells which image failed.
func OpenPair(ctx context.Context, names [2]string, opt [2]Options, ignore Aspect) (images [2]*Image, errs [2]error) {
	var pair [2]*audited
	for i, name := range names {
		opt[i].Select.All = false
		one := &audited{with: loading{Options: opt[i]}}
		if errs[i] = one.open(ctx, name); errs[i] == nil {
			pair[i] = one
		}
	}
	return loadPair(ctx, pair, ignore, &errs), errs
}

// loadPair loads those of two images that could be opened.
func loadPair(ctx context.Context, pair [2]*audited, ignore Aspect, errs *[2]error) (images [2]*Image) {
	key, held := newTagKey(), new(atomic.Int64)
	for i, one := range pair {
		if errs[i] != nil {
			continue
		}
		one.with.tags, one.with.held = key, held
		if errs[1-i] == nil && ignore&Content == 0 {
			one.with.digestsOf = unshared(one.image, pair[1-i].image, one.with.KeepGoing)
		}
		one.with.Digests = one.with.Digests || one.image.Remote // its layers are fetched only once
		if images[i], errs[i] = loadOnly(ctx, one.source, one.image, one.with); errs[i] == nil {
			images[i].tree.Settle() // before the other one needs memory
		}
	}
	return images
}

func newTagKey() *tarfs.TagKey {
	key := new(tarfs.TagKey)
	rand.Read(key[:]) // it cannot fail
	return key
}

// OpenStages opens an image to compare how it is after two of its layers, as After counts them, except for the ignored
// aspects. If content counts, the layers between are scanned with digests.
func OpenStages(ctx context.Context, name string, from, to int, ignore Aspect, opt Options) (*Image, error) {
	with := loading{Options: opt}
	if low, high := min(from, to), max(from, to); ignore&Content == 0 && low >= 0 {
		with.digestsOf = func(layer int) bool { return layer > low && layer <= high }
	}
	return open(ctx, name, with)
}

// unshared tells which layers of an image the other may not have: there, only content tells whether files are equal.
// Nothing proves the names of damaged layers, or of layers assembled from an engine's directories.
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
