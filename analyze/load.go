package analyze

import (
	"cmp"
	"context"
	"runtime"
	"slices"
	"sync"

	"layup/analyze/source"
	"layup/tarfs"
)

// Progress says how far loading has come.
type Progress struct {
	Layers, Done int   // layers of the image, layers finished; before they are known, 0
	Bytes, Read  int64 // bytes stored, if they are known, and bytes read
	Remote       bool  // the bytes come over a network
	Finished     int   // the layer that has just been finished, or -1
}

// windows is how many bytes the windows of all decoders may hold at once; a layer that does not fit waits.
const windows = 160 << 20

// load reads every layer of a chosen image and merges them. The image is never nil: with an error it holds what is
// known.
func load(ctx context.Context, one *source.Image, opt loading) (*Image, error) {
	img := &Image{Image: one, opt: opt, scans: make([]source.Scanned, len(one.Layers)), instructions: instructions(one)}
	if one.Err != nil || opt.Layers == Never || opt.Layers == IfAtHand && one.Remote {
		img.leaveLayers()
		return img, cmp.Or(one.Err, ctx.Err())
	}
	img.read = true
	l := newLoader(ctx, img)
	l.run()
	if err := cmp.Or(ctx.Err(), l.over); err != nil {
		return img, err
	}
	failed := l.failed
	tables := make([]*tarfs.Layer, len(img.scans))
	for i := range img.scans {
		tables[i] = img.scans[i].Table
		if failed[i] == nil {
			failed[i] = img.stray(ctx, i)
		}
		img.damaged = append(img.damaged, failed[i] != nil)
		if failed[i] != nil && !opt.KeepGoing { // there is no answer to merge for
			return img, img.layerError(i, failed[i])
		}
	}
	tree, unmerged := tarfs.Merge(tables, opt.View)
	for _, e := range unmerged {
		if failed[e.Layer] == nil { // else the damage of the tar explains it
			failed[e.Layer] = e.Err
		}
	}
	img.tree, img.top = tree, tree.Top()
	img.restOnTOC()
	img.collect(failed)
	if len(img.errs) > 0 && !opt.KeepGoing {
		return img, img.errs[0]
	}
	return img, nil
}

// leaveLayers completes an image without reading its layers.
func (img *Image) leaveLayers() {
	tables := make([]*tarfs.Layer, len(img.scans))
	for i, l := range img.Layers {
		tables[i] = new(tarfs.Layer)
		img.scans[i] = source.Scanned{Table: tables[i], Digest: l.Digest, DiffID: l.DiffID}
	}
	if img.Verified == "full" {
		img.Verified = "config"
	}
	img.damaged = make([]bool, len(img.Layers))
	img.tree, _ = tarfs.Merge(tables, img.opt.View) // nothing in it
	img.top = img.tree.Top()
	img.collect(make([]error, len(img.Layers)))
}

// stray adds warnings about changes since the engine unpacked the layer. Equal layers share the other warnings, but not
// these.
func (img *Image) stray(ctx context.Context, layer int) error {
	s := &img.scans[layer]
	found, err := img.Layers[layer].Strayed(ctx, s.Table)
	s.Warnings = append(slices.Clip(s.Warnings), found...)
	return err
}

// collect gathers warnings and errors in the order of the layers.
func (img *Image) collect(failed []error) {
	img.warnings = slices.Clone(img.Image.Warnings)
	for i, s := range img.scans {
		for _, w := range s.Warnings {
			w.Layer = i
			img.warnings = append(img.warnings, w)
		}
		if failed[i] != nil {
			img.errs = append(img.errs, img.layerError(i, failed[i]))
		}
	}
	img.warnings = append(img.warnings, img.tree.Warnings()...)
	slices.SortStableFunc(img.warnings, func(a, b tarfs.Warning) int { return cmp.Compare(a.Layer, b.Layer) })
}

func (img *Image) layerError(i int, err error) *LayerError {
	l := img.Layers[i]
	return &LayerError{Layer: i, Digest: cmp.Or(l.Digest, l.DiffID), Err: err}
}

// A loader reads the layers of one image, several at once. It starts all goroutines of this package.
type loader struct {
	ctx context.Context
	img *Image

	shared shared
	layers []*source.Layer // to read: one of equal layers

	mu       sync.Mutex
	free     *sync.Cond // signals that windows were given back
	windows  int64
	unpacked int64
	entries  int64
	idle     int // processors on which no layer is read
	progress Progress
	failed   []error
	lost     bool  // a layer could not be fetched: there is no answer
	over     error // a limit of the whole image is exceeded: no further layer is read
}

func newLoader(ctx context.Context, img *Image) *loader {
	l := &loader{ctx: ctx, img: img, windows: windows, failed: make([]error, len(img.Layers))}
	l.free = sync.NewCond(&l.mu)
	if l.shared = img.opt.shared; l.shared == nil {
		l.shared = shared{}
	}
	l.layers = l.distinct()
	l.progress = Progress{Layers: len(l.layers), Finished: -1, Remote: img.Remote}
	for _, layer := range l.layers {
		l.progress.Bytes += layer.Size
	}
	return l
}

// run reads all layers, the largest first. It goes on after a layer fails: an image must give one error whatever
// finishes first.
func (l *loader) run() {
	order := slices.Clone(l.layers)
	slices.SortStableFunc(order, func(a, b *source.Layer) int { return cmp.Compare(b.Size, a.Size) })
	jobs := l.img.opt.Jobs
	if jobs <= 0 {
		jobs = runtime.GOMAXPROCS(0)
	}
	queue := make(chan *source.Layer, len(order))
	for _, layer := range order {
		queue <- layer
	}
	close(queue)
	workers := min(jobs, len(order))
	l.idle = jobs - workers
	var wait sync.WaitGroup
	for range workers {
		wait.Go(func() {
			defer l.rest()
			for layer := range queue {
				if l.ready() {
					l.scan(layer)
				}
			}
		})
	}
	wait.Wait()
	l.spread()
}

// beside runs a function on an idle processor, or reports that there is none.
func (l *loader) beside(f func()) bool {
	l.mu.Lock()
	defer l.mu.Unlock()
	if l.idle == 0 {
		return false
	}
	l.idle--
	go func() {
		defer l.rest()
		f()
	}()
	return true
}

// rest gives a processor back.
func (l *loader) rest() {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.idle++
}

// ready reports whether to read another layer.
func (l *loader) ready() bool {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.over == nil && !l.lost && l.ctx.Err() == nil
}

func (l *loader) scan(layer *source.Layer) {
	window := min(layer.Window(), windows)
	l.acquire(window)
	reserve := func(n int64) {
		n = min(n, windows)
		l.acquire(n)
		window += n
	}
	given := &l.img.opt
	opt := source.ScanOptions{
		Digests: given.digests(layer), Dense: given.Dense || given.inPlace(),
		Keep:    given.Bodies != NoBodies || given.unpacked && layer.Unpacked(),
		Reserve: reserve, Beside: l.beside,
	}
	if given.Secrets {
		opt.Mark = markOf
	}
	if given.Progress != nil {
		opt.Progress = l.read
	}
	scanned, err := layer.Scan(l.ctx, opt)
	l.release(window)

	l.mu.Lock()
	defer l.mu.Unlock()
	l.take(layer, scanned, err)
	l.lost = l.lost || err != nil && l.img.Remote && !l.img.opt.KeepGoing
	if key, named := l.key(layer); named {
		l.shared[key] = &finding{layer, scanned, err}
	}
	l.progress.Done++
	l.progress.Finished = layer.Index
	l.tell()
	l.progress.Finished = -1
}

// over returns an error if a value exceeds its limit. The value depends on which layers were read first; the error does
// not.
func over(name string, value, limit int64) error {
	if limit <= 0 || value <= limit {
		return nil
	}
	return &tarfs.LimitError{Name: name, Value: limit + 1, Limit: limit}
}

// acquire waits until the decoder's windows fit. If the context ends, it also ends: the others give back what they
// hold.
func (l *loader) acquire(window int64) {
	l.mu.Lock()
	defer l.mu.Unlock()
	for l.windows < window {
		l.free.Wait()
	}
	l.windows -= window
}

func (l *loader) release(window int64) {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.windows += window
	l.free.Broadcast()
}

// read counts bytes read from a blob.
func (l *loader) read(n int64) {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.progress.Read += n
	l.tell()
}

func (l *loader) tell() {
	if l.img.opt.Progress != nil {
		l.img.opt.Progress(l.progress)
	}
}
