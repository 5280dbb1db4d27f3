package analyze

import (
	"context"
	"errors"
	"io"

	"layup/analyze/source"
	"layup/tarfs"
)

// Content returns the content of a file's version, zeros where it is sparse. Where the layer was verified, it is read again to its end,
// checked, and only then the first byte handed out. Of a layer that Errors names, the content is as it is stored.
func (img *Image) Content(ctx context.Context, v tarfs.Version) (io.ReadCloser, error) {
	c, err := img.Contents(ctx, []tarfs.Version{v})
	if err != nil {
		return nil, err
	}
	body, err := c.Open(ctx, 0)
	if err != nil {
		return nil, errors.Join(err, c.Close())
	}
	return &content{body, func() error { return errors.Join(body.Close(), c.Close()) }}, nil
}

// Contents are the contents of several files. Those of verified layers have been read and proven, and lie in memory or in an unlinked
// temporary file; others are read when they are opened.
type Contents struct {
	img      *Image
	versions []tarfs.Version
	at       []int64 // by version: where in the spool its stored pieces begin
	spool    *source.Scratch
}

// Contents reads the contents of versions, each layer once, as Content says. Close gives them back.
func (img *Image) Contents(ctx context.Context, versions []tarfs.Version) (*Contents, error) {
	c := &Contents{img: img, versions: versions, at: make([]int64, len(versions)), spool: source.NewScratch(img.opt.Source.TempDir)}
	var proven []tarfs.Version
	var index []int
	for i, v := range versions {
		if err := img.readable(v); err != nil {
			return nil, err
		}
		if img.spools(v.ContentLayer()) {
			proven, index = append(proven, v), append(index, i)
		}
	}
	end := int64(0)
	err := img.Bodies(ctx, proven, func(which []int, b *Body) error {
		for _, i := range which {
			c.at[index[i]] = end
		}
		n, err := io.Copy(c.spool, b)
		end += n
		return err
	})
	if err != nil {
		return nil, errors.Join(err, c.Close())
	}
	return c, nil
}

// Open returns the content of the version of that index, zeros where it is sparse.
func (c *Contents) Open(ctx context.Context, i int) (io.ReadCloser, error) {
	v := c.versions[i]
	extents, layer := v.Extents(), c.img.Layers[v.ContentLayer()]
	pieces, closing := io.Reader(io.NewSectionReader(c.spool, c.at[i], stored(v))), func() error { return nil }
	if len(extents) > 0 && !c.img.spools(layer.Index) {
		tar, err := layer.Tar(ctx, extents[0].TarOffset)
		if err != nil {
			return nil, c.img.layerError(layer.Index, err)
		}
		pieces, closing = tar, tar.Close
	}
	return &content{&expanded{body: pieces, extents: extents, size: v.Size()}, closing}, nil
}

// Close frees the memory or the file.
func (c *Contents) Close() error { return c.spool.Close() }

// LayerTar returns the uncompressed tar of a layer, byte for byte as its diffID covers it. Where the layer was verified, the end is an error
// unless all was as before. Of a layer that Errors names there is no such tar.
func (img *Image) LayerTar(ctx context.Context, layer int) (io.ReadCloser, error) {
	if img.damaged[layer] {
		return nil, img.layerError(layer, errors.New("is damaged: its exact tar is not there"))
	}
	tar, err := img.tar(ctx, img.Layers[layer])
	if err != nil {
		return nil, img.layerError(layer, err)
	}
	return tar, nil
}

// content is a reader and what to close after it.
type content struct {
	io.Reader
	close func() error
}

func (c *content) Close() error { return c.close() }

// expanded gives out the pieces of a file with zeros between them.
type expanded struct {
	body    io.Reader // the pieces one behind the other
	extents []tarfs.Extent
	size    int64
	at      int64
}

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
			return n, unexpected(err)
		}
		end = x.extents[0].FileOffset
	}
	n := int(min(int64(len(b)), end-x.at))
	clear(b[:n])
	x.at += int64(n)
	return n, nil
}
