package repository

import (
	"context"
	"errors"
	"io"

	"layup/analyze/source/registry"
)

// parts are the bytes of a blob from an offset on, fetched part by part: whoever needs a few of them fetches little
// more. A registry that serves no parts is asked for the whole blob.
type parts struct {
	ctx   context.Context
	blob  *farBlob
	at    int64         // of the next byte that is not in part
	part  []byte        // fetched and not read yet
	whole io.ReadCloser // nil unless the registry serves no parts
}

// partSize is how many bytes are fetched at once.
const partSize = 1 << 20

func (p *parts) Read(b []byte) (int, error) {
	size := p.blob.Size()
	switch {
	case p.whole != nil:
		return p.whole.Read(b)
	case len(p.part) == 0 && p.at >= size:
		return 0, io.EOF
	case len(p.part) == 0:
		if err := p.fetch(min(size, p.at+partSize)); err != nil {
			return 0, err
		}
		return p.Read(b)
	}
	n := copy(b, p.part)
	p.part = p.part[n:]
	return n, nil
}

func (p *parts) fetch(to int64) (err error) {
	r, d := p.blob.repository, p.blob.descriptor
	want := registry.Descriptor{Digest: d.Digest, Size: d.Size}
	p.part, err = r.client.Part(p.ctx, r.ref, want, p.at, to)
	switch {
	case errors.Is(err, registry.ErrNoRange):
		var whole *registry.Stream
		if whole, err = r.client.Stream(p.ctx, r.ref, want, p.at); err == nil { // it skips what is before
			p.whole = whole
		}
	case err == nil:
		p.at = to
	}
	return fromRegistry(err)
}

// Close ends the request, if one is open.
func (p *parts) Close() error {
	if p.whole == nil {
		return nil
	}
	return p.whole.Close()
}
