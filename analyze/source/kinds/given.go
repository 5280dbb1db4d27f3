package kinds

import (
	"context"
	"fmt"
	"io"

	v1 "github.com/google/go-containerregistry/pkg/v1"

	"layup/analyze/source"
	"layup/analyze/source/archive"
	"layup/analyze/source/input"
	"layup/analyze/source/v1image"
)

// OpenReaderAt opens the bytes of an archive, which may be compressed. The name stands for them in messages.
func OpenReaderAt(ctx context.Context, name string, r io.ReaderAt, size int64, opt Options) (*Opened, error) {
	in, err := input.At(ctx, io.NewSectionReader(r, 0, size), &opt.Options)
	return openInput(ctx, name, in, err, opt)
}

// OpenReader opens an archive that is read once, into a temporary file. The name stands for it in messages.
func OpenReader(ctx context.Context, name string, r io.Reader, opt Options) (*Opened, error) {
	in, err := input.Stream(ctx, r, &opt.Options)
	return openInput(ctx, name, in, err, opt)
}

// openInput opens an archive, unless there is an error already.
func openInput(ctx context.Context, name string, in *input.Input, err error, opt Options) (*Opened, error) {
	var a *archive.Archive
	if err == nil {
		a, err = archive.New(ctx, name, in, "", &opt.Options)
	}
	if err != nil {
		return nil, source.Named(name, err)
	}
	return &Opened{Source: a, Name: name}, nil
}

// OpenV1 opens an image of go-containerregistry. Its name is the digest of its manifest.
func OpenV1(ctx context.Context, image v1.Image, opt Options) (*Opened, error) {
	s, err := v1image.Open(ctx, image, opt.Options)
	if err != nil {
		return nil, fmt.Errorf("%s: %w", v1image.Kind, err)
	}
	return &Opened{Source: s, Name: s.Name()}, nil
}
