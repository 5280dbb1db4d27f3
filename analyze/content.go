package analyze

import (
	"bytes"
	"context"
	"crypto/sha256"
	"errors"
	"hash"
	"io"
	"io/fs"
	"slices"

	"layup/analyze/sieve"
	"layup/analyze/source"
	"layup/tarfs"
)

// Content returns the content of a file's version, with zeros in its holes. If the layer was verified, Content verifies
// it again before it hands out the first byte. With MostBodies, the content may be proven at its last byte. The content
// of a layer that Errors names is as stored, without proof.
func (img *Image) Content(ctx context.Context, v tarfs.Version) (io.ReadCloser, error) {
	c, err := img.Contents(ctx, []tarfs.Version{v})
	if err != nil {
		return nil, err
	}
	body, err := c.Open(ctx, v)
	if err != nil {
		return nil, errors.Join(err, c.Close())
	}
	return &content{body.Expanded(), func() error { return errors.Join(body.Close(), c.Close()) }}, nil
}

// FS returns what is visible after layer upto, or after all layers with Last, as an io/fs file system with content.
// Snapshot.FS of package tarfs says what io/fs cannot show of an image. The first Read of a file calls Content, so load
// the image with MostBodies to read many files.
func (img *Image) FS(upto int) fs.FS {
	return img.Tree().At(upto).FS(func(v tarfs.Version) (io.ReadCloser, error) {
		return img.Content(context.Background(), v)
	})
}

// Contents are the contents of several files. Most are read and proven, and lie in memory or in an unlinked temporary
// file. If a layer can be read at any place, Open reads two kinds of content: what nothing can prove and, with
// MostBodies, what has its own digest.
type Contents struct {
	img    *Image
	placed []bool    // by layer: its tar can be read at any place
	parts  []spooled // in the order of contents in layers
	spool  *source.Scratch
	end    int64 // bytes in the spool
	buffer []byte
	hash   hash.Hash // under the key of prints, free for the next content; nil if there is none
}

// A spooled content has its stored pieces at an offset of the spool.
type spooled struct {
	wanted
	at int64
}

// Contents reads the contents of versions, each layer once, and proves them as Content does. Close them after use.
func (img *Image) Contents(ctx context.Context, versions []tarfs.Version) (*Contents, error) {
	c := &Contents{img: img, placed: make([]bool, len(img.Layers)), spool: source.NewScratch(img.opt.Source.TempDir),
		buffer: make([]byte, 32<<10)}
	for i, l := range img.Layers {
		c.placed[i] = l.Placed()
	}
	var first []tarfs.Version
	for _, v := range versions {
		if err := img.readable(v); err != nil {
			return nil, err
		}
		if len(v.Extents()) > 0 && !c.direct(v) {
			first = append(first, v)
		}
	}
	first, near := c.near(first)
	err := c.keepNear(ctx, near)
	if err == nil {
		err = img.Bodies(ctx, first, func(which []int, b *Body) error { return c.keep(first[which[0]], b) })
	}
	if err != nil {
		return nil, errors.Join(err, c.Close())
	}
	slices.SortFunc(c.parts, func(a, b spooled) int { return a.compare(b.wanted) })
	return c, nil
}

// keep copies a content to the spool.
func (c *Contents) keep(v tarfs.Version, b *Body) error {
	c.parts = append(c.parts, spooled{place(v), c.end})
	n, err := io.CopyBuffer(c.spool, b, c.buffer)
	c.end += n
	return err
}

// keepNear copies contents, each from a place before it. It proves each before it returns.
func (c *Contents) keepNear(ctx context.Context, versions []tarfs.Version) error {
	for _, v := range versions {
		b := &Body{Extents: v.Extents(), Size: v.Size()}
		if err := c.open(ctx, v, b); err != nil {
			return err
		}
		if err := errors.Join(c.keep(v, b), b.Close()); err != nil {
			return err
		}
	}
	return nil
}

// seekCost is about how many bytes of a tar are read to come to a content near which the tar can begin.
const seekCost = 8 << 20

// near divides versions into those that are read with their whole layer, and those of layers that a cache knows and of
// which only few contents are wanted: one of each. Their digest proves them, or that their file has not changed since
// all of it was verified.
func (c *Contents) near(versions []tarfs.Version) (whole, near []tarfs.Version) {
	seen := map[wanted]bool{}
	bytes := map[int]int64{} // that reading one by one costs, by layer
	for _, v := range versions {
		if at := place(v); !seen[at] {
			seen[at] = true
			bytes[v.ContentLayer()] += seekCost + v.Stored()
		}
	}
	for _, v := range versions {
		layer, at := v.ContentLayer(), place(v)
		found := &c.img.scans[layer]
		_, digest := c.img.proof(v)
		proven := digest && v.Stored() == v.Size() || !c.img.Remote
		few := bytes[layer] < found.Unpacked || bytes[layer] < 2*seekCost+v.Stored()
		switch {
		case !found.Known || !proven || !few || !c.img.Layers[layer].Seekable():
			whole = append(whole, v)
		case seen[at]:
			seen[at] = false
			near = append(near, v)
		}
	}
	return whole, near
}

// direct reports whether a content is read in place: nobody can change it, it is proven by itself, or nothing can.
func (c *Contents) direct(v tarfs.Version) bool {
	layer := v.ContentLayer()
	switch {
	case !c.placed[layer]:
		return false
	case c.img.Layers[layer].Own() || !c.img.proven(layer):
		return true
	}
	_, digest := v.Digest()
	return c.img.opt.inPlace() && (digest || c.img.printed(v)) && v.Stored() == v.Size()
}

// proof returns the digest that proves a content by itself.
func (img *Image) proof(v tarfs.Version) (sum [sha256.Size]byte, ok bool) {
	if table := img.scans[v.ContentLayer()].Proof; table != nil {
		return v.DigestIn(table)
	}
	return v.Digest()
}

// printed reports whether a content has a tag under the key of prints, which proves it by itself.
func (img *Image) printed(v tarfs.Version) bool {
	_, tag := v.Tag()
	return tag && img.opt.shared != nil && img.opt.shared.prints != nil
}

// Open returns the content of one of the versions. The last bytes come only after the content is proven.
func (c *Contents) Open(ctx context.Context, v tarfs.Version) (*Body, error) {
	b := &Body{Extents: v.Extents(), Size: v.Size()}
	if len(b.Extents) == 0 {
		b.stored = bytes.NewReader(nil)
		return b, nil
	}
	i, found := slices.BinarySearchFunc(c.parts, place(v), func(s spooled, w wanted) int { return s.compare(w) })
	if found {
		b.stored = io.NewSectionReader(c.spool, c.parts[i].at, v.Stored())
		return b, nil
	}
	return b, c.open(ctx, v, b)
}

// open starts reading a content in place.
func (c *Contents) open(ctx context.Context, v tarfs.Version, b *Body) error {
	pass := &layerPass{img: c.img, layer: c.img.Layers[v.ContentLayer()]}
	at := b.Extents[0].TarOffset
	tar, err := pass.layer.Tar(ctx, at)
	if err != nil {
		return pass.located(err)
	}
	pass.tar, pass.forward = tar, tarfs.NewForward(tar, at) // whoever reads it has a buffer
	b.stored, b.close = tarfs.Stored(pass, b.Extents), pass.close
	if v.Stored() == v.Size() && !pass.layer.Own() && c.img.proven(pass.layer.Index) {
		b.stored = c.prover(v, b, pass)
	}
	return nil
}

// prover returns a reader that proves a content by its digest or its tag; b's own if there is neither.
func (c *Contents) prover(v tarfs.Version, b *Body, pass *layerPass) io.Reader {
	p := &proving{body: b.stored, left: b.Size, pass: pass}
	if sum, ok := c.img.proof(v); ok {
		p.hash, p.same = sha256.New(), func(got []byte) bool { return bytes.Equal(got, sum[:]) }
		return p
	}
	if !c.img.printed(v) {
		return b.stored
	}
	tag, _ := v.Tag()
	if p.hash, c.hash = c.hash, nil; p.hash == nil {
		p.hash = c.img.opt.shared.prints.Hash()
	}
	p.hash.Reset()
	p.same = func(got []byte) bool { return tarfs.TagOf(got) == tag }
	b.close = func() error {
		c.hash = p.hash
		return pass.close()
	}
	return p
}

var errChanged = errors.New("input changed while being read: a content no longer has the digest that it had")

// A proving reader hands out the end of a content only if its hash is as it was at the first reading.
type proving struct {
	body io.Reader
	pass *layerPass
	hash hash.Hash
	same func(sum []byte) bool
	left int64
	err  error // that the content is another; it stays
}

func (p *proving) Read(b []byte) (int, error) {
	if p.err != nil {
		return 0, p.err
	}
	n, err := p.body.Read(b)
	p.hash.Write(b[:n])
	if p.left -= int64(n); n > 0 && p.left == 0 && !p.same(p.hash.Sum(nil)) {
		p.err = p.pass.located(errChanged)
		return 0, p.err
	}
	return n, err
}

// Close frees the memory or the file.
func (c *Contents) Close() error {
	if c == nil {
		return nil
	}
	return c.spool.Close()
}

// Sieved returns what Needs.Sieve set aside of a file's content until the image is closed; nil if it set nothing aside.
func (img *Image) Sieved(v tarfs.Version) *sieve.Content {
	if extents := v.Extents(); len(extents) > 0 && img.sieved != nil {
		return img.sieved[v.ContentLayer()].Of(extents[0].TarOffset)
	}
	return nil
}

// LayerTar returns the uncompressed tar of a layer, byte for byte as its diffID covers it. If the layer was verified
// and has changed since, the tar ends with an error. A layer that Errors names has no such tar.
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

// A content is a reader with its own Close.
type content struct {
	io.Reader
	close func() error
}

func (c *content) Close() error { return c.close() }
