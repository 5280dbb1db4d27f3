package pull

import (
	"cmp"
	"context"
	"fmt"
	"io"
	"sync"

	"layup/analyze/show"
	"layup/analyze/source/pull/layout"
	"layup/analyze/source/registry"
)

// fill fetches the blobs that the partial directory does not have.
func (p *plan) fill(ctx context.Context, partial *layout.Partial) error {
	f := &filling{plan: p, partial: partial}
	missing, err := f.survey(ctx)
	if err != nil {
		return err
	}
	ctx, cancel := context.WithCancel(ctx)
	defer cancel()
	jobs := cmp.Or(max(p.opt.Jobs, 0), defaultJobs)
	queue := make(chan download, len(missing))
	for _, b := range missing {
		queue <- b
	}
	close(queue)
	var wait sync.WaitGroup
	for range min(jobs, len(missing)) {
		wait.Go(func() {
			for b := range queue {
				if ctx.Err() != nil {
					return
				}
				if err := f.fetch(ctx, b); err != nil {
					f.fail(err)
					cancel()
				}
			}
		})
	}
	wait.Wait()
	return cmp.Or(f.err, ctx.Err())
}

// A filling is the work on one partial directory.
type filling struct {
	*plan
	partial *layout.Partial

	mu       sync.Mutex
	progress Progress
	err      error // the first
}

// survey finds what an earlier pull left, and says so. Documents are in memory.
func (f *filling) survey(ctx context.Context) ([]download, error) {
	var missing []download
	var bytes int64
	earlier := false // an earlier pull left something
	for _, b := range f.fetchOrder() {
		f.progress.Blobs++
		f.progress.Bytes += b.Size
		whole, begun, err := f.there(ctx, b.Blob)
		if err != nil {
			return nil, err
		}
		earlier = earlier || b.Content == nil && (whole || begun > 0)
		if bytes += begun; !whole {
			missing = append(missing, b)
			continue
		}
		f.progress.Done++
		f.progress.Read += b.Size
	}
	if earlier {
		f.note(fmt.Sprintf("continuing from %s: %d of %d blobs and %d of %d bytes are there",
			show.Safe(f.opt.partial()), f.progress.Done, f.progress.Blobs, bytes, f.progress.Bytes))
	}
	f.tell("")
	return missing, nil
}

// there returns how many bytes of a blob are at hand, and whether that is all.
func (f *filling) there(ctx context.Context, b layout.Blob) (whole bool, bytes int64, err error) {
	switch {
	case b.Content != nil:
		return true, b.Size, nil
	case f.partial.Fresh:
		return false, 0, nil
	}
	if whole, err = f.partial.Has(ctx, b); whole || err != nil {
		return whole, b.Size, err
	}
	return false, f.partial.Begun(b), nil
}

// fetch completes one blob.
func (f *filling) fetch(ctx context.Context, b download) error {
	err := f.partial.Fetch(ctx, b.Blob, func(ctx context.Context, offset int64) (io.ReadCloser, error) {
		return f.client.Stream(ctx, b.ref, registry.Descriptor{Digest: b.Digest, Size: b.Size}, offset)
	}, f.count)
	if err != nil && !(b.foreign && registry.NotFound(err)) {
		return err
	}
	f.mu.Lock()
	defer f.mu.Unlock()
	if err != nil {
		f.note(fmt.Sprintf("left out: layer %s is foreign: the registry does not have it, and its URLs are not followed",
			b.Digest))
		delete(f.blobs, b.Digest)
	}
	f.progress.Done++
	f.tell(b.Digest)
	return nil
}

// fail keeps the first error: it causes the others.
func (f *filling) fail(err error) {
	f.mu.Lock()
	defer f.mu.Unlock()
	f.err = cmp.Or(f.err, err)
}

func (f *filling) count(n int64) {
	f.mu.Lock()
	defer f.mu.Unlock()
	f.progress.Read += n
	f.tell("")
}

func (f *filling) tell(finished string) {
	if f.opt.Progress != nil {
		p := f.progress
		p.JustFinished = finished
		f.opt.Progress(p)
	}
}
