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

// survey finds what an earlier pull left, and says so.
func (f *filling) survey(ctx context.Context) ([]download, error) {
	var missing []download
	var blobs, bytes int64
	for _, b := range f.fetchOrder() {
		f.progress.Blobs++
		f.progress.Bytes += b.Size
		whole, err := f.partial.Has(ctx, b.Blob)
		if err != nil {
			return nil, err
		}
		if whole {
			blobs++
			bytes += b.Size
			f.progress.Done++
			f.progress.Read += b.Size
			continue
		}
		bytes += f.partial.Begun(b.Blob)
		missing = append(missing, b)
	}
	if bytes > 0 {
		f.note(fmt.Sprintf("continuing from %s: %d of %d blobs and %d of %d bytes are there",
			show.Safe(f.opt.partial()), blobs, f.progress.Blobs, bytes, f.progress.Bytes))
	}
	f.tell("")
	return missing, nil
}

// fetch completes one blob.
func (f *filling) fetch(ctx context.Context, b download) error {
	var err error
	if b.content != nil {
		err = f.partial.Put(ctx, b.Blob, b.content)
		f.count(b.Size)
	} else {
		err = f.partial.Fetch(ctx, b.Blob, func(ctx context.Context, offset int64) (io.ReadCloser, error) {
			return f.client.Stream(ctx, b.ref, registry.Descriptor{Digest: b.Digest, Size: b.Size}, offset)
		}, f.count)
	}
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
