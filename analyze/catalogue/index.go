package catalogue

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"iter"
	"runtime"
	"strings"
	"time"

	"layup/analyze"
	"layup/analyze/source"
	"layup/analyze/source/kinds"
)

// IndexOptions say how sources are indexed.
type IndexOptions struct {
	analyze.Options                        // what is not in the catalogue is read with these
	Now             time.Time              // when the images are seen
	Rows            int                    // of a part in files/, about; 0 means 400,000
	Told            func(Indexed)          // called now and then with what was done so far; may be nil
	Skipped         func(name, why string) // called for what in a folder is not an image; may be nil
}

// An Indexed is what indexing did.
type Indexed struct {
	Sources, Done int   // sources named, sources finished
	Images, New   int   // images found, and those that the catalogue did not have
	Layers, Known int   // layers that had to be read, and those that were in the catalogue already
	Bytes         int64 // bytes read of layers
	Rows          int64 // rows written to files/
	Failures      []Failure
}

// Add adds what another call did.
func (d *Indexed) Add(other Indexed) {
	d.Sources, d.Done = d.Sources+other.Sources, d.Done+other.Done
	d.Images, d.New = d.Images+other.Images, d.New+other.New
	d.Layers, d.Known = d.Layers+other.Layers, d.Known+other.Known
	d.Bytes, d.Rows = d.Bytes+other.Bytes, d.Rows+other.Rows
	d.Failures = append(d.Failures, other.Failures...)
}

// A Failure is what could not be indexed.
type Failure struct {
	Source string
	Err    error
}

// An indexer indexes sources one after another.
type indexer struct {
	*Catalogue
	opt   IndexOptions
	known *known
	plan  *planner // nil unless layers are only planned
	batch batch
	done  Indexed

	// Of the source that is open:
	source  string
	todo    []*source.Layer
	size    int64           // bytes of todo
	asked   map[string]bool // keys and proofs of all that were to be read
	pending map[string]bool // of those, what is still to be read
	keys    map[*source.Layer]string
	waiting []*source.Image
}

// Index reads the images of sources into the catalogue. Layers that it has already are not read again. It goes on after
// a source or a layer that cannot be read: those are Failures. With an error, what was written before stays, and Index
// may be called again.
func (c *Catalogue) Index(ctx context.Context, sources []string, opt IndexOptions) (Indexed, error) {
	x := c.indexer(opt, len(sources))
	if err := x.walk(ctx, sources); err != nil {
		return x.done, err
	}
	return x.done, x.write(ctx)
}

func (c *Catalogue) indexer(opt IndexOptions, sources int) *indexer {
	opt.Needs = analyze.Needs{Digests: c.Digests, Loose: true}
	opt.KeepGoing, opt.Select = true, source.Selection{All: true, Loose: true, Platform: opt.Select.Platform}
	x := &indexer{Catalogue: c, opt: opt, done: Indexed{Sources: sources}}
	x.opt.Progress = func(p analyze.Progress) { x.tell(p.Read) }
	return x
}

// walk opens sources one after another.
func (x *indexer) walk(ctx context.Context, sources []string) (err error) {
	if x.known, err = x.know(ctx); err != nil {
		return err
	}
	for _, name := range sources {
		if err := x.name(ctx, name, 0); err != nil {
			return err
		}
		x.done.Done++
		x.tell(0)
	}
	return nil
}

func (x *indexer) tell(reading int64) {
	if x.opt.Told != nil {
		now := x.done
		now.Bytes += reading
		x.opt.Told(now)
	}
}

func (x *indexer) fail(name string, err error) {
	x.done.Failures = append(x.done.Failures, Failure{name, err})
}

// name indexes what a name means: a source, the files of a folder, the tags of a repository, the repositories of a
// registry.
func (x *indexer) name(ctx context.Context, name string, depth int) error {
	opt := x.opt.Source
	opt.Registry.List = true
	open := func(name string) iter.Seq2[*kinds.Opened, error] {
		return func(yield func(*kinds.Opened, error) bool) { yield(kinds.Open(ctx, name, opt)) }
	}
	for found := range analyze.Folder(ctx, name, open) {
		switch {
		case ctx.Err() != nil:
			if found.Value != nil {
				found.Value.Close() // only read from
			}
			return ctx.Err()
		case found.Skipped != "":
			if x.opt.Skipped != nil {
				x.opt.Skipped(found.Name, found.Skipped)
			}
			continue
		case found.Err != nil:
			x.fail(found.Name, found.Err)
			continue
		}
		if err := x.opened(ctx, found.Value, depth); err != nil {
			return err
		}
	}
	return ctx.Err()
}

// opened indexes an opened source and closes it.
func (x *indexer) opened(ctx context.Context, src *kinds.Opened, depth int) error {
	defer src.Close() // only read from
	if kinds.Asks(src.Name) && len(src.Entries()) == 0 && depth < 2 {
		list, err := src.List(ctx)
		if err != nil {
			x.fail(src.Name, err)
			return ctx.Err()
		}
		prefix := src.Name[:strings.IndexByte(src.Name, ':')+1]
		if strings.HasPrefix(src.Name, prefix+"//") {
			prefix += "//"
		}
		for _, l := range list {
			if err := x.name(ctx, prefix+l.Reference, depth+1); err != nil {
				return err
			}
		}
		return nil
	}
	x.source = src.Name
	images, _, err := src.Choose(ctx, x.opt.Select)
	if err != nil {
		x.fail(src.Name, err)
		return ctx.Err()
	}
	for _, img := range images {
		img.Name = cmp.Or(img.Name, src.Name)
	}
	if x.plan != nil {
		return x.planImages(ctx, src.Name, images)
	}
	x.asked, x.pending, x.keys = map[string]bool{}, map[string]bool{}, map[*source.Layer]string{}
	for _, img := range images {
		if err := x.image(ctx, img); err != nil {
			return err
		}
	}
	return x.read(ctx)
}

// image notes which layers of an image are to be read.
func (x *indexer) image(ctx context.Context, img *source.Image) error {
	x.done.Images++
	x.waiting = append(x.waiting, img)
	for _, l := range img.Layers {
		key := Key(l)
		if x.known.has(l, x.source) {
			x.keys[l] = key
			x.done.Known++
			continue
		}
		id := idOf(l, x.source)
		if key != "" && x.asked[id] {
			x.keys[l] = key
			continue
		}
		x.asked[id], x.pending[id] = true, true
		x.todo = append(x.todo, l)
		x.size += max(l.Size, 0)
	}
	const atOnce = 64 << 20 // bytes of layers: their tables are in memory
	jobs := cmp.Or(x.opt.Jobs, runtime.GOMAXPROCS(0))
	if len(x.todo) >= 8*jobs || x.size >= atOnce {
		return x.read(ctx)
	}
	return nil
}

// readLayers reads the layers that are to be read, several at once, and adds them to the batch in their order. Where it
// writes depends on nothing but the layers. A function gets each layer with its key.
func (x *indexer) readLayers(ctx context.Context, name string, added func(*source.Layer, string)) error {
	jobs := x.opt.Jobs
	if jobs <= 0 {
		jobs = runtime.GOMAXPROCS(0)
	}
	for len(x.todo) > 0 {
		n := min(len(x.todo), jobs)
		list, err := analyze.ReadLayers(ctx, x.todo[:n], x.opt.Options)
		if err != nil {
			return err
		}
		x.todo = x.todo[n:]
		for i := range list {
			layer := list[i].Layer
			added(layer, x.batch.add(name, &list[i], x.known))
			x.complete()
			x.done.Layers++
			x.done.Bytes += max(layer.Size, 0)
			list[i] = analyze.LayerRead{}
			if x.batch.rows >= cmp.Or(x.opt.Rows, batchRows) {
				if err := x.write(ctx); err != nil {
					return err
				}
			}
		}
		x.tell(0)
	}
	x.todo = nil
	return nil
}

// read reads the layers that are to be read. Then the images that wait for them are complete.
func (x *indexer) read(ctx context.Context) error {
	err := x.readLayers(ctx, x.source, func(l *source.Layer, key string) {
		x.keys[l] = key
		delete(x.pending, idOf(l, x.source))
	})
	if err != nil {
		return err
	}
	x.size = 0
	x.complete()
	return nil
}

// complete adds images to the batch that has their last layers: those that wait, up to one with a layer that is still
// to be read. So an interrupted run gives the same batches.
func (x *indexer) complete() {
	for len(x.waiting) > 0 {
		img := x.waiting[0]
		for _, l := range img.Layers {
			if _, ok := x.keys[l]; !ok || x.pending[idOf(l, x.source)] {
				return
			}
		}
		x.waiting = x.waiting[1:]
		x.whole(img)
	}
}

// whole adds an image to the batch.
func (x *indexer) whole(img *source.Image) {
	row := imageRow(img, x.opt.Now)
	for i, l := range img.Layers {
		key := x.keys[l]
		if by := proof(l, x.source); key != "" && key == Key(l) && !x.known.proven(key, by) {
			key = unreadKey(key, by)
		}
		row.Layers = append(row.Layers, key)
		if !x.known.read(key) {
			x.fail(img.Name, x.why(img, i, key))
		}
	}
	if img.Err != nil {
		x.fail(img.Name, img.Err)
	}
	if id := row.identity(row.Layers); !x.known.images[id] {
		x.known.images[id] = true
		x.done.New++
		x.batch.images = append(x.batch.images, row)
	}
}

// why returns why a layer of an image could not be read.
func (x *indexer) why(img *source.Image, layer int, key string) error {
	err := errors.New("could not be read")
	for _, l := range x.batch.layers {
		if l.Key == key && l.Error != "" {
			err = errors.New(l.Error)
		}
	}
	of := &analyze.LayerError{Layer: layer, Digest: cmp.Or(img.Layers[layer].Digest, img.Layers[layer].DiffID), Err: err}
	return fmt.Errorf("%s: %w", analyze.Title(img), of)
}

// write writes the batch.
func (x *indexer) write(ctx context.Context) error {
	x.done.Rows += int64(x.batch.rows)
	return x.batch.write(ctx, x.Catalogue, x.known)
}

// imageRow returns the row of an image without its layers.
func imageRow(img *source.Image, now time.Time) ImageRow {
	row := ImageRow{Source: img.Name, Reference: img.Reference, References: img.References, ID: img.ID,
		Manifest: img.ManifestDescriptor.Digest, Platform: img.Platform, Kind: img.Kind, Store: img.Source,
		Seen: now.UTC().Format(time.RFC3339)}
	if img.Container != nil {
		row.Reference = cmp.Or(img.Container.Name, img.Container.ID)
	}
	if at := img.ConfigFile.Created.Time; !at.IsZero() {
		row.Created = at.UTC().Format(time.RFC3339Nano)
	}
	if img.Err != nil {
		row.Error = img.Err.Error()
		return row
	}
	for _, h := range img.History() {
		row.CreatedBy = append(row.CreatedBy, h.CreatedBy)
	}
	return row
}
