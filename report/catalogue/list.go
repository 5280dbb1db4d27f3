package catalogue

import (
	"context"

	"layup/analyze/catalogue"
	"layup/report/call"
	"layup/report/render"
)

type (
	image = catalogue.Listed
	layer = catalogue.ListedLayer
)

var imagesTable = render.Table[image]{
	render.NameOf("source", func(i image) string { return i.Source }).Column("SOURCE").Path().Cut(),
	render.TextOf("kind", func(i image) string { return i.Kind }),
	render.TextOf("reference", func(i image) string { return i.Reference }).Column("REFERENCE").Path().Cut(),
	render.TextOf("platform", func(i image) string { return i.Platform }).Column("PLATFORM").Spare(),
	render.TextOf("id", func(i image) string { return i.ID }).Column("IMAGE ID").Hex(),
	render.TextOf("digest", func(i image) string { return i.Manifest }),
	render.IntOf("layers", func(i image) int { return i.Count }).Column("LAYERS"),
	render.TextOf("created", func(i image) string { return i.Created }).Column("CREATED").Spare(),
	render.TextOf("seen", func(i image) string { return i.Seen }).Column("SEEN").Spare(),
	render.TextOf("error", func(i image) string { return message(i.Err) }).Column("ERROR").Wrap().If(someFailed),
}

func message(err error) string {
	if err == nil {
		return ""
	}
	return err.Error()
}

func someFailed(list []image) bool {
	for _, i := range list {
		if i.Err != nil {
			return true
		}
	}
	return false
}

// Images lists the images of a catalogue.
func Images(ctx context.Context, c *call.Call, at string) (int, error) {
	r, err := Open(ctx, c, at, "detail")
	if err != nil {
		return call.Failed, err
	}
	defer r.Close() // only read from
	list := r.Images()
	partly := false
	for _, i := range list {
		partly = partly || i.Err != nil
	}
	return write(ctx, c, r, imagesTable.Section(list), partly)
}

var layersTable = render.Table[layer]{
	render.TextOf("key", func(l layer) string { return l.Key }).Column("LAYER").Hex(),
	render.TextOf("diffID", func(l layer) string { return l.DiffID }),
	render.TextOf("digest", func(l layer) string { return l.Digest }).Column("DIGEST").Hex().Spare(),
	render.TextOf("mediaType", func(l layer) string { return l.MediaType }),
	render.TextOf("compression", func(l layer) string { return l.Compression }).Column("COMPRESSION").Spare(),
	render.IntOf("size", func(l layer) int64 { return l.Size }).Column("COMPRESSED", render.Sized),
	render.IntOf("unpackedSize", func(l layer) int64 { return l.Unpacked }).Column("UNPACKED", render.Sized),
	render.IntOf("entries", func(l layer) int64 { return l.Entries }).Column("ENTRIES"),
	render.IntOf("images", func(l layer) int { return l.Images }).Column("IMAGES"),
	render.TextOf("error", func(l layer) string { return message(l.Err) }).Column("ERROR").Wrap().If(
		func(list []layer) bool {
			for _, l := range list {
				if l.Err != nil {
					return true
				}
			}
			return false
		}),
}

// Layers lists the unique layers of a catalogue.
func Layers(ctx context.Context, c *call.Call, at string) (int, error) {
	r, err := Open(ctx, c, at, "no-files", "base-of", "own")
	if err != nil {
		return call.Failed, err
	}
	defer r.Close() // only read from
	list := r.Layers()
	partly := false
	for _, l := range list {
		partly = partly || l.Err != nil
	}
	return write(ctx, c, r, layersTable.Section(list), partly)
}

// write writes a list of what a catalogue has.
func write(ctx context.Context, c *call.Call, r *catalogue.Reader, section render.Section, partly bool) (int, error) {
	if err := Sound(c, r); err != nil {
		return call.Failed, err
	}
	if err := c.WriteDoc(ctx, render.Doc{Command: c.Command.Name, Sections: []render.Section{section}}); err != nil {
		return call.Failed, err
	}
	for _, err := range r.Damaged {
		c.Fail(err)
	}
	if partly || len(r.Damaged) > 0 {
		return call.Partly, nil
	}
	return call.Answered, nil
}
