package catalogue

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"path"
	"strings"

	"layup/analyze/catalogue/place"
	"layup/analyze/source"
	"layup/analyze/source/advice"
	"layup/analyze/source/kinds"
)

// errNotFound says that a source does not hold a layer any more.
var errNotFound = errors.New("the source does not hold the layer any more")

// Shard does one batch of the plan. Interrupted, it goes on after what was written; the parts have the same bytes then.
// The batch is done if all its layers were read. Those that could not be are Failures, and a later call tries them.
func (c *Catalogue) Shard(ctx context.Context, number int, opt IndexOptions) (Indexed, error) {
	plan, err := c.Planned(ctx)
	if err != nil {
		return Indexed{}, err
	}
	if number < 0 || number >= plan.Batches {
		return Indexed{}, &advice.Hinted{Err: fmt.Errorf("%s: the plan has no batch %d", c.Place, number),
			Hint: fmt.Sprintf("its batches are 0 to %d", plan.Batches-1)}
	}
	var share Share
	name := plan.batchName(number)
	err = getJSON(ctx, c.Place, name, &share)
	if errors.Is(err, fs.ErrNotExist) {
		return Indexed{}, nil
	}
	if err != nil {
		return Indexed{}, err
	}
	x := c.indexer(opt, len(share.Sources))
	x.opt.Select.Platform = share.Platform
	if err := x.resume(ctx, hashOf([]any{plan.Name, number})); err != nil {
		return x.done, err
	}
	for _, s := range share.Sources {
		if err := x.shared(ctx, s); err != nil {
			return x.done, err
		}
		x.done.Done++
		x.tell(0)
	}
	if err := x.write(ctx); err != nil {
		return x.done, err
	}
	if len(x.done.Failures) > 0 {
		return x.done, nil
	}
	return x.done, c.Place.Remove(ctx, name)
}

// resume reads what an earlier call wrote of the batch, whose parts in layers/ have names of their own.
func (x *indexer) resume(ctx context.Context, name string) error {
	x.batch.name = layersFolder + "/part-" + name
	x.known = newKnown()
	list, err := x.Place.List(ctx, layersFolder)
	for _, info := range list {
		if err == nil && strings.HasPrefix(info.Name, x.batch.name+"-") {
			err = part1(ctx, x.Place, info.Name, func(row *LayerRow) error { x.known.add(row); return nil })
			x.batch.written++
		}
	}
	return err
}

// part1 calls a function for the rows of one part.
func part1[T any, R row[T]](ctx context.Context, at place.Place, name string, do func(*T) error) error {
	p, err := open(ctx, at, name)
	if err != nil {
		return err
	}
	defer p.Close() // only read from
	return rows[T, R](ctx, p, do)
}

// shared reads the layers of one source that belong to the batch.
func (x *indexer) shared(ctx context.Context, s shareSource) error {
	wanted := map[string]bool{}
	for _, l := range s.Layers {
		if x.known.proven(l.Key, l.Digest) {
			x.done.Known++
			continue
		}
		wanted[l.Key+" "+l.Digest] = true
	}
	if len(wanted) == 0 {
		return nil
	}
	src, err := kinds.Open(ctx, s.Source, x.opt.Source)
	if err == nil {
		defer src.Close() // only read from
		err = x.sharedImages(ctx, src, s, wanted)
	}
	if err != nil && ctx.Err() == nil {
		x.fail(s.Source, err)
	}
	return ctx.Err()
}

// sharedImages finds the layers in the images of the source, and reads them in the order of the batch.
func (x *indexer) sharedImages(ctx context.Context, src *kinds.Opened, s shareSource, wanted map[string]bool) error {
	images, _, err := src.Choose(ctx, x.opt.Select)
	if err != nil {
		return err
	}
	found := map[string]*source.Layer{}
	for _, img := range images {
		for _, l := range img.Layers {
			if id := idOf(l, s.Source); wanted[id] && found[id] == nil {
				found[id] = l
			}
		}
	}
	for _, l := range s.Layers {
		id := l.Key + " " + l.Digest
		switch {
		case !wanted[id]:
		case found[id] == nil:
			x.fail(s.Source, fmt.Errorf("%s: %w", l.Key, errNotFound))
		default:
			x.todo = append(x.todo, found[id])
		}
	}
	return x.readLayers(ctx, s.Source, func(_ *source.Layer, key string) {
		if why := x.batch.failure(key); why != "" {
			x.fail(s.Source, fmt.Errorf("%s: %s", key, why))
		}
	})
}

// failure returns why the layer that was added last could not be read; empty if it was.
func (b *batch) failure(key string) string {
	if n := len(b.layers); n > 0 && b.layers[n-1].Key == key {
		return b.layers[n-1].Error
	}
	return ""
}

// nextName returns the name of the next part in layers/ with some rows.
func (b *batch) nextName() string {
	if b.name == "" {
		return nameOf(layersFolder, []any{Version, b.layers})
	}
	return path.Clean(fmt.Sprintf("%s-%04d.parquet", b.name, b.written))
}
