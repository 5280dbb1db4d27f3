package daemon

import (
	"context"
	"errors"
	"os"
	"time"

	"layup/analyze/source"
	"layup/analyze/source/advice"
	"layup/analyze/source/archive"
	"layup/analyze/source/input"
)

// Kind is the kind of a source that a running engine gives.
const Kind = "docker-daemon"

var errNoImage = errors.New("names an engine, not an image")

// Open asks the engine for an image by its name or ID and reads the answer as a docker save archive, from an unlinked
// temporary file. Without a name and with list, the source lists the engine's images.
func Open(ctx context.Context, name, ref string, list bool, opt *source.Options) (source.Source, error) {
	if ref == "" && !list {
		return nil, &advice.Hinted{Err: errNoImage, Hint: listHint}
	}
	c, err := New(os.Getenv)
	if err != nil {
		return nil, err
	}
	defer c.Close()
	if ref == "" {
		images, err := c.Images(ctx)
		return &catalogue{images}, err
	}
	body, err := c.Save(ctx, ref)
	if err != nil {
		return nil, err
	}
	in, err := input.Stream(ctx, body, opt)
	if err = errors.Join(err, body.Close()); err != nil {
		return nil, c.failed(err)
	}
	a, err := archive.New(ctx, name, in, "", opt)
	if err != nil {
		return nil, c.failed(err)
	}
	return &savedImage{a}, nil
}

// A savedImage is the archive that an engine saved.
type savedImage struct{ *archive.Archive }

func (s *savedImage) Kind() string { return Kind }

func (s *savedImage) Load(ctx context.Context, e *source.Entry) (*source.Image, error) {
	img, err := s.Archive.Load(ctx, e)
	img.Source = Kind
	return img, err
}

// A catalogue is the list of an engine's images. No image is read.
type catalogue struct{ images []Image }

func (*catalogue) Kind() string                { return Kind }
func (*catalogue) Entries() []*source.Entry    { return nil }
func (*catalogue) Advice(*source.Entry) string { return "" }
func (*catalogue) Close() error                { return nil }

func (*catalogue) Load(context.Context, *source.Entry) (*source.Image, error) {
	return new(source.Image), errNoImage
}

func (*catalogue) Documents(context.Context) ([]source.Check, error) { return nil, nil }

func (*catalogue) Others(context.Context, map[string]bool, bool) ([]source.Check, error) {
	return nil, nil
}

// Unreferenced lists the images, in the engine's order.
func (c *catalogue) Unreferenced(context.Context) ([]source.Listed, error) {
	var list []source.Listed
	for _, img := range c.images {
		item := source.Listed{Kind: source.KindImage, Number: -1, Digest: img.ID, ID: img.ID, Size: img.Size}
		if img.Created > 0 {
			item.Created = time.Unix(img.Created, 0).UTC().Format(time.RFC3339)
		}
		named := false
		for _, ref := range img.RepoTags {
			if ref != "<none>:<none>" {
				item.Reference, named = ref, true
				list = append(list, item)
			}
		}
		if !named {
			list = append(list, item)
		}
	}
	return list, nil
}
