package analyze

import (
	"bytes"
	"context"
	"crypto/sha256"
	"crypto/sha512"
	"encoding/hex"
	"errors"
	"fmt"
	"hash"
	"io"
	"strings"

	"layup/analyze/source"
	"layup/tarfs"
)

// Content returns the content of a file's version, zeros where it is sparse. Where the layer was verified, it is read again to its end,
// checked, and only then the first byte handed out. Of a layer that Errors names, the content is as it is stored.
func (img *Image) Content(ctx context.Context, v tarfs.Version) (io.ReadCloser, error) {
	if v.Type() != tarfs.File {
		return nil, fmt.Errorf("%q: is a %s, which has no content", v.Node().Path(), v.Type())
	}
	if limit := img.opt.Source.Limits.Sparse; limit > 0 && v.Size() > limit && v.Size() > stored(v) {
		return nil, fmt.Errorf("%q: %w", v.Node().Path(), &tarfs.LimitError{Name: "sparse", Value: v.Size(), Limit: limit})
	}
	layer := img.Layers[v.ContentLayer()]
	body, err := img.body(ctx, layer, v)
	if err != nil {
		return nil, img.layerError(layer.Index, err)
	}
	return body, nil
}

func (img *Image) body(ctx context.Context, layer *source.Layer, v tarfs.Version) (io.ReadCloser, error) {
	want := img.scans[layer.Index].DiffID
	check := newHash(want)
	if !img.opt.Source.Verify || check == nil || img.damaged[layer.Index] {
		return unchecked(ctx, layer, v)
	}
	tar, err := layer.Tar(ctx, 0)
	if err != nil {
		return nil, err
	}
	tee := &counter{r: io.TeeReader(tar, check)}
	spool := source.NewScratch(img.opt.Source.TempDir)
	err = copyExtents(spool, tee, v.Extents())
	if err == nil {
		_, err = io.Copy(io.Discard, tee)
	}
	err = errors.Join(err, tar.Close())
	if err == nil && !matches(check, tee.n, want) {
		err = errors.New("input changed while being read: the content no longer matches its diffID")
	}
	if err != nil {
		return nil, errors.Join(err, spool.Close())
	}
	packed, err := spool.Reader()
	if err != nil {
		return nil, errors.Join(err, spool.Close())
	}
	return &expanded{body: packed, close: spool.Close, extents: v.Extents(), size: v.Size()}, nil
}

// stored returns how many bytes of a file are not in holes.
func stored(v tarfs.Version) int64 {
	var n int64
	for _, e := range v.Extents() {
		n += e.Size
	}
	return n
}

// unchecked streams the content.
func unchecked(ctx context.Context, layer *source.Layer, v tarfs.Version) (io.ReadCloser, error) {
	extents := v.Extents()
	if len(extents) == 0 {
		return &expanded{body: bytes.NewReader(nil), close: func() error { return nil }, size: v.Size()}, nil
	}
	tar, err := layer.Tar(ctx, extents[0].TarOffset)
	if err != nil {
		return nil, err
	}
	return &expanded{body: tar, close: tar.Close, extents: extents, size: v.Size()}, nil
}

// newHash returns the hash that a digest names, or nil.
func newHash(digest string) hash.Hash {
	switch algorithm, _, _ := strings.Cut(digest, ":"); algorithm {
	case "sha256":
		return sha256.New()
	case "sha512":
		return sha512.New()
	}
	return nil
}

// tarRecord is the length to whose multiples tar pads an archive; writers of zstd:chunked drop the padding that the diffID covers.
const tarRecord = 10240

// matches compares a digest, also as it would be with the padding that may have been dropped.
func matches(h hash.Hash, n int64, digest string) bool {
	_, want, _ := strings.Cut(digest, ":")
	if hex.EncodeToString(h.Sum(nil)) == want {
		return true
	}
	h.Write(make([]byte, (tarRecord-n%tarRecord)%tarRecord))
	return hex.EncodeToString(h.Sum(nil)) == want
}

type counter struct {
	r io.Reader
	n int64
}

func (c *counter) Read(b []byte) (int, error) {
	n, err := c.r.Read(b)
	c.n += int64(n)
	return n, err
}

// copyExtents copies the pieces of a tar, in tar order, one behind the other.
func copyExtents(to io.Writer, tar *counter, extents []tarfs.Extent) error {
	for _, e := range extents {
		if _, err := io.CopyN(io.Discard, tar, e.TarOffset-tar.n); err != nil {
			return unexpected(err)
		}
		if _, err := io.CopyN(to, tar, e.Size); err != nil {
			return unexpected(err)
		}
	}
	return nil
}

func unexpected(err error) error {
	if err == io.EOF {
		return errors.New("input changed while being read: it has become shorter")
	}
	return err
}

// expanded gives out the pieces of a file with zeros between them.
type expanded struct {
	body    io.Reader // the pieces one behind the other
	close   func() error
	extents []tarfs.Extent
	size    int64
	at      int64
}

func (x *expanded) Close() error { return x.close() }

func (x *expanded) Read(b []byte) (int, error) {
	if x.at == x.size {
		return 0, io.EOF
	}
	for len(x.extents) > 0 && x.at == x.extents[0].FileOffset+x.extents[0].Size {
		x.extents = x.extents[1:]
	}
	end := x.size
	if len(x.extents) > 0 {
		if e := x.extents[0]; x.at >= e.FileOffset {
			n, err := x.body.Read(b[:min(int64(len(b)), e.FileOffset+e.Size-x.at)])
			x.at += int64(n)
			if err == io.EOF && n > 0 {
				err = nil
			}
			if err != nil {
				err = unexpected(err)
			}
			return n, err
		}
		end = x.extents[0].FileOffset
	}
	n := int(min(int64(len(b)), end-x.at))
	clear(b[:n])
	x.at += int64(n)
	return n, nil
}
