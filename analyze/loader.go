package analyze

import (
	"cmp"
	"context"
	"errors"
	"runtime"
	"slices"
	"sync"
	"sync/atomic"

	"layup/analyze/sieve"
	"layup/analyze/source"
	"layup/tarfs"
)

// windows is how many bytes the windows of all decoders may hold at once; a layer that does not fit waits.
const windows = 160 << 20

// A loader reads the layers of images, several at once, each layer once. It starts all goroutines of this package.
type loader struct {
	ctx    context.Context
	opt    *loading
	shared *shared
	images []*source.Image
	layers []*layerJob
	// unproven are the layers to compare with directories of an engine; nil before all layers are read.
	unproven []unproven

	mu       sync.Mutex
	free     *sync.Cond // signals that windows were given back
	windows  int64
	idle     int // processors on which no layer is read
	progress Progress
	lost     bool // a layer cannot be read: there is no answer
}

// A layerJob is a layer to read, and the image for which it is read.
type layerJob struct {
	*source.Layer
	image *usage
}

// A usage counts what the layers of one image hold.
type usage struct {
	unpacked, entries int64
	names             atomic.Int64 // bytes of names, as tarfs counts them
	over              error        // a limit of the whole image is exceeded: no further layer is read for it
}

func (u *usage) add(s *source.Scanned, opt *loading) {
	u.unpacked += max(s.Unpacked, 0)
	u.entries += int64(s.Table.Len())
	limits := opt.Source.Limits
	u.over = cmp.Or(u.over, over("image-bytes", u.unpacked, limits.ImageBytes),
		over("image-entries", u.entries, int64(limits.ImageEntries)))
}

// over returns an error if a value exceeds its limit. The value depends on which layers were read first; the error does
// not.
func over(name string, value, limit int64) error {
	if limit <= 0 || value <= limit {
		return nil
	}
	return &tarfs.LimitError{Name: name, Value: limit + 1, Limit: limit}
}

func newLoader(ctx context.Context, opt loading, images ...*source.Image) *loader {
	l := &loader{ctx: ctx, opt: &opt, shared: opt.shared, windows: windows}
	l.free = sync.NewCond(&l.mu)
	if l.shared == nil {
		l.shared = newShared(opt.Options)
	}
	l.layers = l.distinct(images)
	l.progress = Progress{Layers: len(l.layers), Images: len(images), Finished: -1}
	for _, job := range l.layers {
		l.progress.Bytes += job.Size
	}
	for _, img := range images {
		l.progress.Remote = l.progress.Remote || img.Remote
	}
	return l
}

// run reads all layers, and compares those that engines unpacked with their directories.
func (l *loader) run() {
	l.scanAll()
	l.proveAll(nil)
}

// scanAll reads all layers, the largest first. It goes on after a layer fails: an image must give one error whatever
// finishes first.
func (l *loader) scanAll() {
	slices.SortStableFunc(l.layers, func(a, b *layerJob) int { return cmp.Compare(b.Size, a.Size) })
	each(l, l.layers, l.scan)
	l.unproven = l.compared()
}

// proveAll compares the layers that were read with their directories. Meanwhile it calls a function, which may be nil.
func (l *loader) proveAll(meanwhile func()) {
	var wait sync.WaitGroup
	wait.Go(func() { each(l, l.unproven, l.prove) })
	if meanwhile != nil {
		meanwhile()
	}
	wait.Wait()
}

// each calls a function for all jobs, several at once.
func each[T any](l *loader, jobs []T, do func(T)) {
	most := l.opt.Jobs
	if most <= 0 {
		most = runtime.GOMAXPROCS(0)
	}
	queue := make(chan T, len(jobs))
	for _, job := range jobs {
		queue <- job
	}
	close(queue)
	workers := min(most, len(jobs))
	l.idle = most - workers
	var wait sync.WaitGroup
	for range workers {
		wait.Go(func() {
			defer l.rest()
			for job := range queue {
				do(job)
			}
		})
	}
	wait.Wait()
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

// ready reports whether to read a layer.
func (l *loader) ready(job *layerJob) bool {
	l.mu.Lock()
	defer l.mu.Unlock()
	return job.image.over == nil && !l.lost && l.ctx.Err() == nil
}

func (l *loader) scan(job *layerJob) {
	if !l.ready(job) {
		return
	}
	window := min(job.Window(), windows)
	l.acquire(window)
	reserve := func(n int64) {
		n = min(n, windows)
		l.acquire(n)
		window += n
	}
	opt := source.ScanOptions{
		Digests: l.opt.digests(job.Layer), Dense: l.opt.Dense || l.opt.inPlace(),
		Keep: l.opt.Bodies != NoBodies || l.opt.contents && job.Unpacked(),
		Tars: l.shared.tars, Reserve: reserve, Beside: l.beside,
	}
	switch {
	case opt.Digests && !l.opt.Digests:
		opt.Tags = l.opt.tags
	case !opt.Digests && l.shared.prints != nil && l.opt.Source.Verify && job.Placed():
		opt.Tags = l.shared.prints
	}
	if l.opt.Secrets {
		opt.Mark = markOf
	}
	if l.opt.Progress != nil {
		opt.Progress = l.read
	}
	var sieved *sieve.Layer
	if l.shared.sieves != nil {
		sieved = l.shared.sieves.NewLayer()
		opt.Copy, opt.Sparse = sieved.Keep, l.opt.Sparse
	}
	scanned, err := job.Scan(l.ctx, opt)
	sieved.End()
	l.release(window)
	if scanned.Table == nil {
		scanned.Table = new(tarfs.Layer)
	}

	l.mu.Lock()
	defer l.mu.Unlock()
	l.shared.layers[l.key(job.Layer)] = &finding{job.Layer, scanned, sieved, err}
	job.image.add(&scanned, l.opt)
	l.lost = l.lost || err != nil && !l.opt.KeepGoing && (l.progress.Remote || l.progress.Images > 1)
	l.progress.Done++
	l.progress.Finished = job.Index
	l.tell()
	l.progress.Finished = -1
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
	if l.opt.Progress != nil {
		l.opt.Progress(l.progress)
	}
}

// A LayerRead is what reading one layer gave.
type LayerRead struct {
	source.Scanned
	Layer *source.Layer
	Err   error // why it could not be read whole
}

// ReadLayers reads layers of one source, several at once, and checks them as Open does. It returns them in their order.
// A layer that cannot be read has an error; the others are read. The only other error is that of the context.
func ReadLayers(ctx context.Context, layers []*source.Layer, opt Options) ([]LayerRead, error) {
	opt.KeepGoing = true
	one := &source.Image{Layers: layers}
	l := newLoader(ctx, loading{Options: opt}, one)
	l.run()
	list := make([]LayerRead, len(layers))
	for i, layer := range layers {
		list[i] = LayerRead{Layer: layer, Scanned: source.Scanned{Table: new(tarfs.Layer)}}
		f := l.shared.layers[l.key(layer)]
		if f == nil {
			list[i].Err = cmp.Or(ctx.Err(), errNotReached)
			continue
		}
		list[i].Scanned, list[i].Err = f.scanned, f.err
		if layer.Kept != nil && f.err == nil {
			if p := l.shared.proofs[unpacking{layer.Kept.Place(), f.scanned.Table}]; p != nil {
				list[i].Scanned, list[i].Err = p.scanned, p.err
			}
		}
	}
	return list, ctx.Err()
}

var errNotReached = errors.New("was not read: layers before it exceed a limit")
