package analyze

import (
	"bufio"
	"cmp"
	"context"
	"crypto/sha256"
	"errors"
	"fmt"
	"io"
	"slices"

	"layup/analyze/source"
	"layup/tarfs"
)

// A Body is the content of a file: its stored pieces, one after the other. It can be read once. A body from Bodies can
// be read only during the call of take.
type Body struct {
	Extents []tarfs.Extent // of the pieces; between them are zeros
	Size    int64          // bytes of the file, holes included
	stored  io.Reader
	close   func() error // nil if there is nothing to close
}

// Read reads the stored pieces, holes left out.
func (b *Body) Read(p []byte) (int, error) { return b.stored.Read(p) }

// At returns the file at any offset, if it lies in memory or in a temporary file and has no holes. It needs no Close.
func (b *Body) At() (io.ReaderAt, bool) {
	at, ok := b.stored.(io.ReaderAt)
	return at, ok && len(b.Extents) == 1 && b.Extents[0].Size == b.Size
}

// Expanded reads the file as programs see it, with zeros in its holes.
func (b *Body) Expanded() io.Reader {
	return tarfs.Expand(b.stored, b.Extents, b.Size)
}

// Close closes a body that Contents.Open returned.
func (b *Body) Close() error {
	if b.close == nil {
		return nil
	}
	return b.close()
}

// Bodies calls take with the content of files, layer by layer, in the order of each tar. It reads every layer once, to
// its end. Take also gets the indices of all versions that share a content. Do not expose it until Bodies returns nil:
// only the end of a layer proves it. The content of a layer that Errors names is as stored, without proof.
func (img *Image) Bodies(ctx context.Context, versions []tarfs.Version, take func(which []int, b *Body) error) error {
	for _, v := range versions {
		if err := img.readable(v); err != nil {
			return err
		}
	}
	order := inLayers(versions)
	for len(order) > 0 {
		n := 1
		for n < len(order) && order[n].layer == order[0].layer {
			n++
		}
		if err := img.bodies(ctx, versions, order[:n], take); err != nil {
			return err
		}
		order = order[n:]
	}
	return nil
}

// readable returns an error if a version has no content that can be read.
func (img *Image) readable(v tarfs.Version) error {
	if v.Type() != tarfs.File {
		return fmt.Errorf("%q: is a %s, which has no content", v.Node().Path(), v.Type())
	}
	if limit := img.opt.Source.Limits.Sparse; limit > 0 && v.Size() > limit && v.Size() > v.Stored() {
		return fmt.Errorf("%q: %w", v.Node().Path(), &tarfs.LimitError{Name: "sparse", Value: v.Size(), Limit: limit})
	}
	return nil
}

// A wanted is one content to read.
type wanted struct {
	offset int64 // of its first byte in the tar, 0 if nothing is stored
	layer  int32
	index  int32 // of the version
}

// inLayers puts versions into the order of their contents in layers.
func inLayers(versions []tarfs.Version) []wanted {
	order := make([]wanted, len(versions))
	for i, v := range versions {
		order[i] = place(v)
		order[i].index = int32(i)
	}
	slices.SortFunc(order, func(a, b wanted) int { return cmp.Or(a.compare(b), cmp.Compare(a.index, b.index)) })
	return order
}

// place returns the place of a version's content.
func place(v tarfs.Version) wanted {
	w := wanted{layer: int32(v.ContentLayer())}
	if extents := v.Extents(); len(extents) > 0 {
		w.offset = extents[0].TarOffset
	}
	return w
}

// compare orders contents by their places in layers.
func (w wanted) compare(other wanted) int {
	return cmp.Or(cmp.Compare(w.layer, other.layer), cmp.Compare(w.offset, other.offset))
}

// bodies hands out the contents in one layer. It reads the layer only if something is stored.
func (img *Image) bodies(
	ctx context.Context, versions []tarfs.Version, order []wanted, take func([]int, *Body) error,
) error {
	p := layerPass{img: img, layer: img.Layers[order[0].layer]}
	var which []int
	for i, w := range order {
		which = append(which, int(w.index))
		if w.offset > 0 && i+1 < len(order) && order[i+1].offset == w.offset {
			continue
		}
		body, err := p.body(ctx, versions[w.index])
		if err == nil {
			err = take(which, body)
		}
		if err != nil {
			return errors.Join(err, p.close())
		}
		which = which[:0]
	}
	return p.end()
}

// A layerPass reads one layer from its beginning to its end.
type layerPass struct {
	img     *Image
	layer   *source.Layer
	tar     io.ReadCloser  // nil before the first content that is stored
	r       io.Reader      // the tar, buffered unless it has its own Discard
	forward *tarfs.Forward // over r
}

// ReadAt reads the tar at offsets that never decrease.
func (p *layerPass) ReadAt(b []byte, offset int64) (int, error) {
	n, err := p.forward.ReadAt(b, offset)
	return n, p.located(err)
}

// How many bytes of a tar are read at once.
const passBuffer = 256 << 10

// body returns a content. It opens the tar at the first one that is stored.
func (p *layerPass) body(ctx context.Context, v tarfs.Version) (*Body, error) {
	b := &Body{Extents: v.Extents(), Size: v.Size()}
	b.stored = tarfs.Stored(p, b.Extents)
	if len(b.Extents) == 0 || p.tar != nil {
		return b, nil
	}
	tar, err := p.img.tar(ctx, p.layer)
	if err != nil {
		return nil, p.located(err)
	}
	p.tar, p.r = tar, tar
	if _, ok := tar.(interface{ Discard(int) (int, error) }); !ok {
		p.r = bufio.NewReaderSize(tar, passBuffer)
	}
	p.forward = tarfs.NewForward(p.r, 0)
	return b, nil
}

// tar returns a layer's tar. If the layer was proven, the end of the tar proves it again.
func (img *Image) tar(ctx context.Context, layer *source.Layer) (io.ReadCloser, error) {
	if img.proven(layer.Index) {
		return layer.Reread(ctx, img.scans[layer.Index].DiffID)
	}
	return layer.Tar(ctx, 0)
}

// proven reports whether the layer was verified. Then it is also verified when it is read again.
func (img *Image) proven(layer int) bool {
	return img.opt.Source.Verify && img.scans[layer].DiffID != "" && !img.damaged[layer] && !img.Layers[layer].Assembled()
}

// located adds the layer to an error.
func (p *layerPass) located(err error) error {
	if err == nil {
		return nil
	}
	return p.img.layerError(p.layer.Index, err)
}

func (p *layerPass) close() error {
	if p.tar == nil {
		return nil
	}
	return p.located(p.tar.Close())
}

// end reads the rest of the layer if that proves the contents.
func (p *layerPass) end() error {
	var err error
	if p.tar != nil && p.img.proven(p.layer.Index) {
		_, err = io.Copy(io.Discard, p.r)
	}
	return errors.Join(p.located(err), p.close())
}

// sums are digests of files' content, by inode.
type sums []inodeSum

type inodeSum struct {
	inode uint64
	sum   [sha256.Size]byte
}

// sums hashes the content of files. It reads every layer once.
func (img *Image) sums(ctx context.Context, files []tarfs.Version) (sums, error) {
	list := make(sums, 0, len(files))
	hash, buffer := sha256.New(), make([]byte, 32<<10)
	err := img.Bodies(ctx, files, func(which []int, b *Body) error {
		hash.Reset()
		if _, err := io.CopyBuffer(hash, b.Expanded(), buffer); err != nil {
			return err
		}
		inode, _ := files[which[0]].Inode()
		list = append(list, inodeSum{inode, [sha256.Size]byte(hash.Sum(buffer[:0]))})
		return nil
	})
	if err != nil {
		return nil, fmt.Errorf("%s: %w", img.Name, err)
	}
	slices.SortFunc(list, func(a, b inodeSum) int { return cmp.Compare(a.inode, b.inode) })
	return list, nil
}

// of returns the digest of a file that was hashed.
func (s sums) of(v tarfs.Version) ([sha256.Size]byte, bool) {
	inode, _ := v.Inode()
	byInode := func(one inodeSum, inode uint64) int { return cmp.Compare(one.inode, inode) }
	i, ok := slices.BinarySearchFunc(s, inode, byInode)
	if !ok {
		return [sha256.Size]byte{}, false
	}
	return s[i].sum, true
}
