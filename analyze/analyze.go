// Package analyze answers questions about container images without a daemon: which layer owns a path, what every layer did to it, what
// lies hidden below.
//
// Everything that can fail happens in Open: finding the image, reading and verifying its layers, merging them. After that every question
// about facts is total; only Content, which reads the image a second time, can fail.
package analyze

import (
	"context"
	"errors"
	"fmt"
	"iter"
	"strings"

	"layup/analyze/source"
	"layup/tarfs"
)

// Options say how an image is found and loaded.
type Options struct {
	Source    source.Options
	Select    source.Selection
	View      tarfs.View
	KeepGoing bool           // answer from what could be read; Errors tells what could not
	Digests   bool           // compute the SHA-256 of every file's content
	Jobs      int            // layers read at once; 0 means one for each processor
	Progress  func(Progress) // told now and then, from one goroutine at a time; may be nil
	Note      func(string)   // told of choices made for the user (the platform); may be nil
}

// Default returns the options of the command line: everything verified, with the limits for hostile input.
func Default() Options {
	return Options{Source: source.Options{Verify: true, Limits: source.DefaultLimits()}}
}

// An Image is one image, loaded. It may be asked from several goroutines.
type Image struct {
	*source.Image
	tree     *tarfs.Tree
	top      *tarfs.Snapshot
	scans    []source.Scanned // by layer
	warnings []tarfs.Warning
	errs     []*LayerError
	opt      Options
	close    func() error

	instructions []Instruction // by layer; nil where they are unknown
}

// A LayerError says why a layer could not be read whole.
type LayerError struct {
	Layer  int
	Digest string // of the blob, or the diffID; empty if neither is known
	Err    error
}

// Error names the layer by its position from 0 and the beginning of its digest.
func (e *LayerError) Error() string {
	if e.Digest == "" {
		return fmt.Sprintf("layer %d: %v", e.Layer, e.Err)
	}
	return fmt.Sprintf("layer %d (%s): %v", e.Layer, short(e.Digest), e.Err)
}

// Unwrap returns the cause.
func (e *LayerError) Unwrap() error { return e.Err }

// short returns the first twelve hexadecimal digits of a digest, as engines print it.
func short(digest string) string {
	_, hex, ok := strings.Cut(digest, ":")
	if !ok {
		hex = digest
	}
	return hex[:min(len(hex), 12)]
}

// Open opens what name names, chooses one image and loads it. Close it after use.
func Open(ctx context.Context, name string, opt Options) (*Image, error) {
	opt.Select.All = false
	for img, err := range images(ctx, name, opt, false) {
		return img, err
	}
	return nil, errors.New("no image")
}

// OpenAll opens what name names and loads the images that opt.Select leaves, one after the other; an image is closed when the next one is
// asked for. What keeps one from being loaded is yielded in its place, together with what is known of it.
func OpenAll(ctx context.Context, name string, opt Options) iter.Seq2[*Image, error] {
	return images(ctx, name, opt, true)
}

// images yields loaded images. Those to be closed by the loop share the archive; otherwise there is one, which closes it.
func images(ctx context.Context, name string, opt Options, closing bool) iter.Seq2[*Image, error] {
	return func(yield func(*Image, error) bool) {
		archive, err := source.Open(ctx, name, opt.Source)
		if err != nil {
			yield(nil, err)
			return
		}
		if closing {
			defer archive.Close() // opened for reading: there is nothing that closing could lose
		}
		chosen, note, err := archive.Choose(ctx, opt.Select)
		if err != nil {
			yield(nil, errors.Join(err, archive.Close()))
			return
		}
		if note != "" && opt.Note != nil {
			opt.Note(note)
		}
		for _, one := range chosen {
			img, err := load(ctx, one, opt)
			if !closing {
				if err != nil {
					err = errors.Join(err, archive.Close())
				}
				img.close = archive.Close
			}
			if err != nil {
				err = fmt.Errorf("%s: %w", name, err)
			}
			if !yield(img, err) {
				return
			}
		}
	}
}

// Close releases the source.
func (img *Image) Close() error {
	if img == nil || img.close == nil {
		return nil
	}
	return img.close()
}

// Tree returns the merged tree with its whole history.
func (img *Image) Tree() *tarfs.Tree { return img.tree }

// Top returns what is visible after the last layer.
func (img *Image) Top() *tarfs.Snapshot { return img.top }

// Warnings returns what is odd in the image: what concerns the whole image first, then by layer.
func (img *Image) Warnings() []tarfs.Warning { return img.warnings }

// Errors returns the layers that could not be read whole; only with Options.KeepGoing an image has them.
func (img *Image) Errors() []*LayerError { return img.errs }
