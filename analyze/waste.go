package analyze

import (
	"bytes"
	"cmp"
	"encoding/binary"
	"iter"
	"slices"
	"strings"

	"layup/analyze/space"
	"layup/tarfs"
)

// Account says where an image's bytes go. Stored = Live + Hidden, of the image and of each layer.
type Account struct {
	Stored       int64 // content of every regular entry of every layer; a layer that comes twice counts twice
	Live         int64 // the part of Stored that the final tree shows, each body once, however many hard links it has
	Hidden       int64 // the rest
	MetadataOnly int64 // the part of Hidden that a file with equal content replaced; needs digests
	Repeated     int64 // the part of Stored in layers that repeat an older one: the file holds it only once
	Layers       []LayerAccount
}

// LayerAccount is the part of an Account that one layer stores.
type LayerAccount struct {
	Layer                              int
	Stored, Live, Hidden, MetadataOnly int64
	Repeats                            int // the older layer that this one repeats, or tarfs.NoLayer
	Instruction                        Instruction
}

// A Wasted is content that no path of the final tree shows.
type Wasted struct {
	Hit   Hit   // the version that was hidden last, or what no version ever showed
	Bytes int64 // in the tar: without the holes of a sparse file
}

// Layer returns the layer that stores the bytes.
func (w Wasted) Layer() int { return w.Hit.Version.ContentLayer() }

// Account adds up the image's bytes.
func (img *Image) Account() Account {
	a := Account{Layers: make([]LayerAccount, len(img.Layers))}
	for i := range a.Layers {
		a.Layers[i] = LayerAccount{Layer: i, Repeats: img.repeats(i), Instruction: img.Instruction(i)}
	}
	for b := range img.Tree().Bodies() {
		if !img.Counts(b.Layer()) {
			continue
		}
		l := &a.Layers[b.Layer()]
		l.Stored += b.Stored()
		if b.Live() {
			l.Live += b.Stored()
		} else {
			l.Hidden += b.Stored()
		}
	}
	for w := range img.wasted(img.UnorderedHits()) {
		if w.Hit.Same {
			a.Layers[w.Layer()].MetadataOnly += w.Bytes
		}
	}
	for _, l := range a.Layers {
		a.Stored, a.Live, a.Hidden = a.Stored+l.Stored, a.Live+l.Live, a.Hidden+l.Hidden
		a.MetadataOnly += l.MetadataOnly
		if l.Repeats != tarfs.NoLayer { // of a layer that does not count, nothing is stored
			a.Repeated += l.Stored
		}
	}
	return a
}

// repeats returns the first older layer with the tar of layer i, or tarfs.NoLayer.
func (img *Image) repeats(i int) int {
	for k := range i {
		if id := img.scans[i].DiffID; id != "" && img.scans[k].DiffID == id {
			return k
		}
	}
	return tarfs.NoLayer
}

// wasted yields each body that is not live, with its version, in the order of the hits. Then it yields what no version
// ever showed.
func (img *Image) wasted(hits iter.Seq[Hit]) iter.Seq[Wasted] {
	if img.Tree().Hides() == 0 {
		hits = func(func(Hit) bool) {} // no need to look at every path
	}
	return func(yield func(Wasted) bool) {
		for h := range hits {
			b, ok := h.Version.Body()
			if h.Status == Live || !ok || b.Live() || b.Version() != h.Version || !img.Counts(b.Layer()) {
				continue
			}
			if !yield(Wasted{h, b.Stored()}) {
				return
			}
		}
		for h := range img.Unseen() {
			if b, ok := h.Version.Body(); ok && !yield(Wasted{h, b.Stored()}) {
				return
			}
		}
	}
}

// Wasted returns all content that no path of the final tree shows, the largest first, then by path.
func (img *Image) Wasted() []Wasted {
	n := 0
	for b := range img.Tree().Bodies() {
		if !b.Live() {
			n++
		}
	}
	list := slices.AppendSeq(make([]Wasted, 0, n), img.wasted(img.Hits()))
	slices.SortStableFunc(list, func(a, b Wasted) int { return cmp.Compare(b.Bytes, a.Bytes) })
	return list
}

// Usage says how many bytes the final tree shows in each directory; that of the root is [Account.Live].
func (img *Image) Usage() *space.Directories { return space.Visible(img.Tree(), img.Top(), img.Counts) }

// HiddenUsage says how many bytes each path hides, and everything below it, also if it was deleted; that of the root is
// [Account.Hidden]. What no layer ever showed counts at the deepest path above it that any layer held.
func (img *Image) HiddenUsage() *space.Directories {
	type part struct {
		layer int
		bytes int64
	}
	tree, parts := img.Tree(), map[int][]part{}
	for w := range img.wasted(img.UnorderedHits()) {
		n := w.Hit.Version.Node()
		if w.Hit.Status == Unseen {
			n = nearest(tree, n.Path())
		}
		parts[n.Number()] = append(parts[n.Number()], part{w.Layer(), w.Bytes})
	}
	sum := space.NewSum(tree)
	for n := range tree.Nodes() {
		for _, p := range parts[n.Number()] {
			sum.Add(n, p.layer, p.bytes)
		}
	}
	return sum.Directories()
}

// nearest returns the deepest of the paths on the way to one that any layer ever held.
func nearest(tree *tarfs.Tree, path string) tarfs.Node {
	at := tree.Root()
	for name := range strings.SplitSeq(strings.Trim(path, "/"), "/") {
		next, ok := at.Child(name)
		if !ok {
			break
		}
		at = next
	}
	return at
}

// A Duplicate is content that the final tree holds in several bodies.
type Duplicate struct {
	First  tarfs.Version // by layer, then by place in the tar
	Copies int           // bodies, the first included; more hard links of one are not copies
	Bytes  int64         // stored for all after the first
}

// A digested is the version of a live body, with the beginning of its digest: mostly that is enough to compare.
type digested struct {
	key     uint64
	version tarfs.Version
}

func (d *digested) compare(other *digested) int {
	if c := cmp.Compare(d.key, other.key); c != 0 {
		return c
	}
	a, _ := d.version.Digest()
	b, _ := other.version.Digest()
	return bytes.Compare(a[:], b[:])
}

// place is where the body is in the stack of layers.
func (d *digested) place() uint64 {
	id, _ := d.version.Inode()
	return id
}

// digested returns the live bodies with a known digest. Bodies of equal content follow each other.
func (img *Image) digested() []digested {
	n := 0
	for b := range img.Tree().Bodies() {
		if b.Live() {
			n++
		}
	}
	list := make([]digested, 0, n)
	for b := range img.Tree().Bodies() {
		if sum, ok := b.Version().Digest(); ok && b.Live() && img.Counts(b.Layer()) {
			list = append(list, digested{binary.BigEndian.Uint64(sum[:]), b.Version()})
		}
	}
	slices.SortFunc(list, func(a, b digested) int { return cmp.Or(a.compare(&b), cmp.Compare(a.place(), b.place())) })
	return list
}

// Duplicates returns the content that several bodies of the final tree have, the most bytes first; none without
// digests.
func (img *Image) Duplicates() []Duplicate {
	live := img.digested()
	var list []Duplicate
	for i := 0; i < len(live); {
		d := Duplicate{First: live[i].version, Copies: 1}
		for ; i+d.Copies < len(live) && live[i].compare(&live[i+d.Copies]) == 0; d.Copies++ {
			body, _ := live[i+d.Copies].version.Body()
			d.Bytes += body.Stored()
		}
		if i += d.Copies; d.Copies > 1 {
			list = append(list, d)
		}
	}
	slices.SortStableFunc(list, func(a, b Duplicate) int { return cmp.Compare(b.Bytes, a.Bytes) })
	return list
}
