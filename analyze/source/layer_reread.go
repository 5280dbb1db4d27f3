package source

import (
	"context"
	"errors"
	"io"

	"layup/analyze/digest"
)

// errRewritten says that an input was verified and is not what it was.
var errRewritten = errors.New("input changed while being read: the content no longer matches its diffID")

// Reread returns the tar once more, as its diffID covers it: padding that the layer's writer dropped is there again. Its end is an error
// where what was read no longer has the diffID, the one that Scan found; nothing read is proven before that end.
func (l *Layer) Reread(ctx context.Context, diffID string) (io.ReadCloser, error) {
	d, err := digest.NewSums(digest.Algorithm(diffID))
	if err != nil {
		return nil, err
	}
	tar, err := l.Tar(ctx, 0)
	if err != nil {
		return nil, err
	}
	return &rereader{ReadCloser: tar, digests: d, want: diffID}, nil
}

type rereader struct {
	io.ReadCloser
	digests *digest.Sums
	want    string
	count   int64
	padding int64 // zeros still to be handed out
	err     error // io.EOF once the digest was compared and is right
}

func (r *rereader) Read(p []byte) (int, error) {
	if r.err != nil {
		return r.pad(p)
	}
	n, err := r.ReadCloser.Read(p)
	r.digests.Write(p[:n])
	r.count += int64(n)
	if err != io.EOF {
		return n, err
	}
	r.err = io.EOF
	if r.digests.Sum(digest.Algorithm(r.want)) != r.want {
		if r.padding = r.digests.Pad(r.count, r.want); r.padding == 0 {
			r.err = errRewritten
			return n, r.err
		}
	}
	if n > 0 {
		return n, nil
	}
	return r.pad(p)
}

// pad hands out the zeros that were dropped, then the end.
func (r *rereader) pad(p []byte) (int, error) {
	if r.padding == 0 {
		return 0, r.err
	}
	n := int(min(r.padding, int64(len(p))))
	clear(p[:n])
	r.padding -= int64(n)
	return n, nil
}
