package catalogue

import (
	"bytes"
	"cmp"
	"container/heap"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"path"
	"slices"
	"strings"

	"layup/analyze"
	"layup/analyze/catalogue/place"
	"layup/analyze/source"
	"layup/analyze/source/advice"
)

// planFolder holds the work of an array job that is not done yet. Layers are planned from manifests and configs alone.
const planFolder = "plan"

// planName is the file that says which batches are the plan. The files of batches that are done are gone.
const planName = planFolder + "/plan.json"

// A Plan is the work of an array job.
type Plan struct {
	Version string `json:"version"`
	Name    string `json:"name"`    // begins the names of its batches
	Batches int    `json:"batches"` // numbers from 0; a batch without a layer has no file
	Layers  int    `json:"layers"`
	Bytes   int64  `json:"bytes"` // stored
}

// A Share is the work of one task.
type Share struct {
	Sources  []shareSource `json:"sources"`
	Platform string        `json:"platform,omitempty"` // of the images that were chosen
	Bytes    int64         `json:"bytes"`
	Layers   int           `json:"layers"`
}

type shareSource struct {
	Source string       `json:"source"`
	Layers []shareLayer `json:"layers"`
}

type shareLayer struct {
	Key    string `json:"key"`
	Digest string `json:"digest,omitempty"` // as in layers/
	Size   int64  `json:"size"`
}

// A planner collects the layers that are to be read, each once.
type planner struct {
	layers  []plannedLayer
	asked   map[brief]bool
	sources []string
}

type plannedLayer struct {
	source int // in sources
	shareLayer
}

// ErrNoPlan says that a catalogue has no plan.
var ErrNoPlan = errors.New("has no plan")

// batchName returns the name of the file of a batch.
func (p *Plan) batchName(number int) string {
	return fmt.Sprintf("%s/%s-%05d.json", planFolder, p.Name, number)
}

// Plan divides the layers of sources that the catalogue does not have into batches of about equal bytes, and writes the
// rows of the images. It reads no layer. It replaces an earlier plan. What it cannot plan are Failures.
func (c *Catalogue) Plan(ctx context.Context, sources []string, batches int, opt IndexOptions) (Plan, Indexed, error) {
	x := c.indexer(opt, len(sources))
	x.plan = &planner{asked: map[brief]bool{}}
	if err := x.walk(ctx, sources); err != nil {
		return Plan{}, x.done, err
	}
	if err := x.batch.write(ctx, c, x.known); err != nil {
		return Plan{}, x.done, err
	}
	plan, err := c.putPlan(ctx, x.plan.divide(batches, opt.Select.Platform))
	return plan, x.done, err
}

// planImages notes what is to be read of the images of a source.
func (x *indexer) planImages(ctx context.Context, name string, images []*source.Image) error {
	x.plan.sources = append(x.plan.sources, name)
	for _, img := range images {
		x.done.Images++
		row := imageRow(img, x.opt.Now)
		for i, l := range img.Layers {
			key := Key(l)
			if key == "" {
				return x.unplanned(ctx, img, i)
			}
			row.Layers = append(row.Layers, key)
			if x.known.has(l, name) {
				x.done.Known++
				continue
			}
			by := proof(l, name)
			if id := briefly(key, by); !x.plan.asked[id] {
				x.plan.asked[id] = true
				x.plan.layers = append(x.plan.layers, plannedLayer{len(x.plan.sources) - 1,
					shareLayer{key, by, max(l.Size, 0)}})
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
	if len(x.batch.images) < mostImages {
		return nil
	}
	return x.batch.write(ctx, x.Catalogue, x.known)
}

// mostImages is how many rows of images wait for being written.
const mostImages = 20_000

// unplanned fails for an image that has a layer without a name.
func (x *indexer) unplanned(ctx context.Context, img *source.Image, layer int) error {
	err := fmt.Errorf("%s: layer %d: cannot be planned: only reading it tells which layer it is", analyze.Title(img),
		layer)
	x.fail(img.Name, &advice.Hinted{Err: err, Hint: "index it without --plan"})
	return ctx.Err()
}

// A load is a batch in the making.
type load struct {
	bytes  int64
	number int
	layers []plannedLayer
}

// loads is a heap: the smallest batch is first.
type loads []*load

func (l loads) Len() int      { return len(l) }
func (l loads) Swap(i, j int) { l[i], l[j] = l[j], l[i] }
func (l loads) Less(i, j int) bool {
	return cmp.Or(cmp.Compare(l[i].bytes, l[j].bytes), cmp.Compare(l[i].number, l[j].number)) < 0
}
func (l *loads) Push(x any) { *l = append(*l, x.(*load)) }
func (l *loads) Pop() any   { panic("no batch leaves") }

// perLayer is what a layer costs besides its bytes, in bytes.
const perLayer = 64 << 10

// divide gives each layer, the largest first, to the batch that has the least.
func (p *planner) divide(batches int, platform string) []Share {
	slices.SortFunc(p.layers, func(a, b plannedLayer) int {
		return cmp.Or(cmp.Compare(b.Size, a.Size), strings.Compare(a.Key, b.Key), strings.Compare(a.Digest, b.Digest))
	})
	all := make(loads, batches)
	for i := range all {
		all[i] = &load{number: i}
	}
	for _, l := range p.layers {
		least := all[0]
		least.layers = append(least.layers, l)
		least.bytes += l.Size + perLayer
		heap.Fix(&all, 0)
	}
	shares := make([]Share, batches)
	for _, one := range all {
		shares[one.number] = p.share(one, platform)
	}
	return shares
}

// share lists the layers of a batch by source, in the order in which the sources were found.
func (p *planner) share(of *load, platform string) Share {
	slices.SortStableFunc(of.layers, func(a, b plannedLayer) int { return cmp.Compare(a.source, b.source) })
	s := Share{Layers: len(of.layers), Platform: platform}
	for i, l := range of.layers {
		if i == 0 || l.source != of.layers[i-1].source {
			s.Sources = append(s.Sources, shareSource{Source: p.sources[l.source]})
		}
		last := &s.Sources[len(s.Sources)-1]
		last.Layers = append(last.Layers, l.shareLayer)
		s.Bytes += l.Size
	}
	return s
}

// putPlan writes batches, then the plan, and removes the batches of earlier plans.
func (c *Catalogue) putPlan(ctx context.Context, shares []Share) (Plan, error) {
	p := Plan{Version: Version, Name: hashOf([]any{Version, c.Digests, shares}), Batches: len(shares)}
	for number, share := range shares {
		p.Layers += share.Layers
		p.Bytes += share.Bytes
		if share.Layers == 0 {
			continue
		}
		if err := putJSON(ctx, c.Place, p.batchName(number), share); err != nil {
			return p, err
		}
	}
	if err := putJSON(ctx, c.Place, planName, p); err != nil {
		return p, err
	}
	list, err := c.Place.List(ctx, planFolder)
	for _, old := range list {
		if err == nil && old.Name != planName && !strings.HasPrefix(path.Base(old.Name), p.Name) {
			err = c.Place.Remove(ctx, old.Name)
		}
	}
	return p, err
}

// Planned returns the plan of the catalogue. The error is ErrNoPlan if there is none.
func (c *Catalogue) Planned(ctx context.Context) (p Plan, err error) {
	err = getJSON(ctx, c.Place, planName, &p)
	switch {
	case errors.Is(err, fs.ErrNotExist):
		return p, &advice.Hinted{Err: fmt.Errorf("%s: %w", c.Place, ErrNoPlan),
			Hint: "layup index -C CATALOGUE --plan N SOURCE...  makes one of N batches"}
	case err == nil && p.Version != Version:
		err = foreign(c.Place, planName, fmt.Errorf("has version %q of the format, this program reads %q", p.Version,
			Version))
	case err == nil && (p.Batches < 0 || p.Name == "" || strings.ContainsAny(p.Name, "/\\")):
		err = foreign(c.Place, planName, errors.New("is not a plan"))
	}
	return p, err
}

func putJSON(ctx context.Context, p place.Place, name string, value any) error {
	text, err := json.Marshal(value)
	if err != nil {
		return foreign(p, name, err)
	}
	return p.Put(ctx, name, func(w io.Writer) error {
		_, err := w.Write(append(text, '\n'))
		return err
	})
}

// mostJSON is the size of the largest document of a plan, in bytes.
const mostJSON = 256 << 20

func getJSON(ctx context.Context, p place.Place, name string, value any) error {
	f, err := p.Open(ctx, name)
	if err != nil {
		return err
	}
	defer f.Close() // only read from
	if f.Size() > mostJSON {
		return foreign(p, name, fmt.Errorf("has %d bytes", f.Size()))
	}
	text := make([]byte, f.Size())
	if err := readFull(f, text, 0); err != nil {
		return foreign(p, name, err)
	}
	decoder := json.NewDecoder(bytes.NewReader(text))
	decoder.DisallowUnknownFields()
	if err := decoder.Decode(value); err != nil {
		return foreign(p, name, err)
	}
	return nil
}
