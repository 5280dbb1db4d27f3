package analyze

import (
	"context"
	"errors"
	"fmt"
	"io"
	"iter"

	v1 "github.com/google/go-containerregistry/pkg/v1"

	"layup/analyze/source"
	"layup/analyze/source/kinds"
)

// Open opens what name names, chooses one image and loads it. Close it after use. With an error, an image that is not
// nil says only which one it is. Errors to test for are *LayerError of a damaged layer, *tarfs.LimitError,
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

// OpenReaderAt is Open for the bytes of an archive, which may be compressed. The name stands for them in messages. The
// bytes must not change before Close.
func OpenReaderAt(ctx context.Context, name string, r io.ReaderAt, size int64, opt Options) (*Image, error) {
	src, err := kinds.OpenReaderAt(ctx, name, r, size, opt.Source)
	return openSource(ctx, src, err, opt)
}

// OpenReader is Open for an archive that is read once, from its beginning to its end. A temporary file in
// opt.Source.TempDir holds what was read. The name stands for it in messages.
func OpenReader(ctx context.Context, name string, r io.Reader, opt Options) (*Image, error) {
	src, err := kinds.OpenReader(ctx, name, r, opt.Source)
	return openSource(ctx, src, err, opt)
}

// OpenV1 is Open for an image of go-containerregistry: manifest, config and layers are verified as those of any source.
// The digest of its manifest stands for it in messages. Content can be read with the need SomeBodies.
func OpenV1(ctx context.Context, image v1.Image, opt Options) (*Image, error) {
	src, err := kinds.OpenV1(ctx, image, opt.Source)
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
	img, err := load(ctx, one, opt)
	if err != nil {
		return img, errors.Join(fmt.Errorf("%s: %w", src.Name, err), src.Close())
	}
	img.close = src.Close
	return img, nil
}

// OpenAll opens what name names and loads the images that opt.Select leaves, one after the other. They share the
// archive, which is closed when the loop ends: no content can be read after that. If an image cannot be loaded, the
// error is yielded with what is known of the image.
func OpenAll(ctx context.Context, name string, opt Options) iter.Seq2[*Image, error] {
	return func(yield func(*Image, error) bool) {
		src, images, err := openName(ctx, name, opt)
		if err != nil {
			yield(nil, err)
			return
		}
		defer src.Close() // opened for reading: there is nothing that closing could lose
		all := loading{Options: opt, shared: newShared()}
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

// openName opens a source by its name and chooses at least one of its images.
func openName(ctx context.Context, name string, opt Options) (*kinds.Opened, []*source.Image, error) {
	if opt.Source.Registry.Client.Note == nil {
		opt.Source.Registry.Client.Note = opt.Note
	}
	src, err := kinds.Open(ctx, name, opt.Source)
	if err != nil {
		return nil, nil, err
	}
	images, err := choose(ctx, src, opt)
	return src, images, err
}

// choose chooses at least one image of a source, which it closes if there is an error.
func choose(ctx context.Context, src *kinds.Opened, opt Options) ([]*source.Image, error) {
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
