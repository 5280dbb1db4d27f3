package analyze

import (
	"context"
	"iter"
	"slices"

	"layup/analyze/source"
	"layup/tarfs"
)

// The changes of a path.
const (
	Added   = "added"
	Removed = "removed"
	Changed = "changed"
)

// A Side is one side of a comparison: an image as it is after one of its layers.
type Side struct {
	Image *Image
	Upto  int // the layer; tarfs.NoLayer for the empty tree
	view  *tarfs.Snapshot
}

// After returns the image as it is after layer n: tarfs.NoLayer means the empty tree, Last the whole image.
func (img *Image) After(n int) Side {
	n = min(n, len(img.Layers)-1)
	return Side{img, n, img.Tree().At(n)}
}

// Began returns what a container began with: its image and, with init, what the engine added before the first run.
func (img *Image) Began(init bool) Side {
	last := len(img.Layers) - 1
	for last >= 0 && (img.Layers[last].Role == source.RoleContainer || !init && img.Layers[last].Role == source.RoleInit) {
		last--
	}
	return img.After(last)
}

// View returns what the side shows.
func (s Side) View() *tarfs.Snapshot { return s.view }

// A Difference is a path that differs between the two sides.
type Difference struct {
	Change string // Added, Removed, Changed
	What   Aspect // that differs, if Change is Changed
	tarfs.Pair
}

// Path returns the exact bytes of the path.
func (d *Difference) Path() string {
	if d.InB {
		return d.B.Node().Path()
	}
	return d.A.Node().Path()
}

// OnlyTime reports whether nothing but the time of a path differs.
func (d *Difference) OnlyTime() bool { return d.What != 0 && d.What&^(MTime|DirMTime) == 0 }

// A Comparison says what two images, or two stages of one, share and what differs.
type Comparison struct {
	A, B   Side
	Layers []LayerMatch
	Config []ConfigChange

	ignore Aspect
	own    bool          // the image is a container
	stages bool          // of one image: only paths are compared
	same   [2][]int      // by side and layer: equal numbers mean equal bytes; 0 if nothing proves the bytes
	sums   [2]sums       // by side: of files that only their content can tell apart
	key    *tarfs.TagKey // of the tags of both images, if they have one
	listed []Difference  // what Paths yielded once to the end; nil if they are more than mostListed
}

// Compare compares two sides, except for the ignored aspects. If layers, sizes and known digests do not tell whether
// two files are equal, it reads their content again, each layer at most once. Only that can fail.
func Compare(ctx context.Context, a, b Side, ignore Aspect) (*Comparison, error) {
	c := &Comparison{A: a, B: b, ignore: ignore, stages: a.Image == b.Image, key: a.Image.opt.tags}
	if c.key == nil || c.key != b.Image.opt.tags {
		c.key = newTagKey()
	}
	c.matchLayers()
	if !c.stages {
		c.Config = compareConfigs(a.Image, b.Image, ignore)
	}
	return c, c.settleDoubts(ctx)
}

// Rest frees the trees of both sides until Wake.
func (c *Comparison) Rest() {
	c.listed = nil // it names versions of the trees
	for _, s := range []*Side{&c.A, &c.B} {
		s.view = nil
		s.Image.Rest()
	}
}

// Wake merges the trees of both sides again after a Rest. It reads nothing.
func (c *Comparison) Wake() {
	if c.A.view == nil {
		c.A, c.B = c.A.Image.After(c.A.Upto), c.B.Image.After(c.B.Upto)
	}
}

// Paths yields the paths that differ, in path order.
func (c *Comparison) Paths() iter.Seq[Difference] {
	switch {
	case c.own:
		return c.containerPaths
	case c.listed != nil:
		return slices.Values(c.listed)
	}
	return c.paths
}

// mostListed is how many differences a comparison keeps, so that it does not look at all paths again.
const mostListed = 1 << 16

func (c *Comparison) paths(yield func(Difference) bool) {
	list := make([]Difference, 0, 16) // not nil, even if nothing differs
	links := &linkPairs{first: [2]map[uint32]int{{}, {}}}
	for p := range tarfs.Pairs(c.A.view, c.B.view) {
		d := Difference{Change: Changed, Pair: p}
		switch {
		case !p.InA:
			d.Change = Added
		case !p.InB:
			d.Change = Removed
		default:
			d.What = (c.compare(p.A, p.B) | links.compare(p.A, p.B)) &^ c.ignore
			if d.What == 0 {
				continue
			}
		}
		if len(list) <= mostListed {
			list = append(list, d)
		}
		if !yield(d) {
			return
		}
	}
	if len(list) <= mostListed {
		c.listed = list
	}
}

// DeletedBy returns the layer of B that hid a removed path, or tarfs.NoLayer if B never had the path.
func (c *Comparison) DeletedBy(d Difference) int {
	by := tarfs.NoLayer
	if d.Change != Removed {
		return by
	}
	if n, ok := c.B.Image.tree.Lookup(d.Path()); ok {
		for v := range n.Versions() {
			if layer, how := v.HiddenBy(); how != tarfs.NotHidden && layer <= c.B.Upto {
				by = layer
			}
		}
	}
	return by
}

// compare returns how two versions differ, except for hard links.
func (c *Comparison) compare(a, b tarfs.Version) Aspect {
	what := compareMeta(a, b)
	switch {
	case a.Type() != b.Type():
		what |= Type
	case a.Type() == tarfs.File:
		if c.ignore&Content == 0 && !c.sameContent(a, b) {
			what |= Content
		}
	case a.Type() == tarfs.Symlink:
		if a.Link() != b.Link() {
			what |= Link
		}
	case a.Type() == tarfs.Char || a.Type() == tarfs.Block:
		major, minor := a.Device()
		major2, minor2 := b.Device()
		if major != major2 || minor != minor2 {
			what |= Device
		}
	}
	return what
}

func compareMeta(a, b tarfs.Version) Aspect {
	var what Aspect
	one, two := a.Meta(), b.Meta()
	if one.Mode != two.Mode && a.Type() != tarfs.Symlink && b.Type() != tarfs.Symlink {
		what |= Mode
	}
	if one.UID != two.UID || one.GID != two.GID {
		what |= OwnerIDs
	}
	if (one.MTime != two.MTime || one.MTimeNS != two.MTimeNS) && a.HasMTime() && b.HasMTime() {
		if a.Type() == tarfs.Dir && b.Type() == tarfs.Dir {
			what |= DirMTime
		} else {
			what |= MTime
		}
	}
	if !slices.Equal(a.Xattrs(), b.Xattrs()) {
		what |= Xattrs
	}
	return what
}

// sameContent reports whether two files have equal content. Without a digest they count as different.
func (c *Comparison) sameContent(a, b tarfs.Version) bool {
	if same, sure := c.obvious(a, b); sure {
		return same
	}
	if one, ok := a.Digest(); ok {
		if two, ok := b.Digest(); ok {
			return one == two
		}
	}
	one, ok := c.tag(0, a)
	two, ok2 := c.tag(1, b)
	return ok && ok2 && one == two
}

// obvious compares two files without their content: files of different sizes differ, and files at one place in one
// layer are equal.
func (c *Comparison) obvious(a, b tarfs.Version) (same, sure bool) {
	if a.Size() != b.Size() || a.Size() == 0 {
		return a.Size() == b.Size(), true
	}
	layer := c.same[0][a.ContentLayer()]
	if layer != 0 && layer == c.same[1][b.ContentLayer()] {
		one, _ := a.Inode()
		two, _ := b.Inode()
		if uint32(one) == uint32(two) { // the entry of the tar
			return true, true
		}
	}
	return false, false
}

// tag returns the tag of a file's digest; false if nobody computed the digest.
func (c *Comparison) tag(side int, v tarfs.Version) (uint64, bool) {
	if tag, ok := c.tagged(v); ok {
		return tag, true
	}
	sum, ok := v.Digest()
	if !ok {
		sum, ok = c.sums[side].of(v)
	}
	return c.key.Tag(sum), ok
}

// tagged returns the tag that was computed when the image was loaded.
func (c *Comparison) tagged(v tarfs.Version) (uint64, bool) {
	if c.key != c.A.Image.opt.tags {
		return 0, false
	}
	return v.Tag()
}

// settleDoubts hashes the files that only their content tells apart.
func (c *Comparison) settleDoubts(ctx context.Context) error {
	if c.ignore&Content != 0 || c.hashed() {
		return nil
	}
	doubtful, err := c.doubts(ctx)
	if err != nil {
		return err
	}
	if c.stages { // each layer once for both sides
		doubtful[0] = append(doubtful[0], doubtful[1]...)
		c.sums[0], err = c.A.Image.sums(ctx, doubtful[0])
		c.sums[1] = c.sums[0]
		return err
	}
	for side, s := range []Side{c.A, c.B} {
		if c.sums[side], err = s.Image.sums(ctx, doubtful[side]); err != nil {
			return err
		}
	}
	return nil
}

// hashed reports whether all files of both sides have tags.
func (c *Comparison) hashed() bool {
	if c.key != c.A.Image.opt.tags {
		return false
	}
	for _, s := range []Side{c.A, c.B} {
		if slices.ContainsFunc(s.Image.scans, func(one source.Scanned) bool { return !one.Table.Hashed() }) {
			return false
		}
	}
	return true
}

// doubts returns the files of both sides that need a digest and have none.
func (c *Comparison) doubts(ctx context.Context) (doubtful [2][]tarfs.Version, err error) {
	n := 0
	for p := range tarfs.Pairs(c.A.view, c.B.view) {
		if n++; n%1024 == 0 && ctx.Err() != nil {
			return doubtful, ctx.Err()
		}
		if !p.InA || !p.InB || p.A.Type() != tarfs.File || p.B.Type() != tarfs.File {
			continue
		}
		if _, sure := c.obvious(p.A, p.B); sure {
			continue
		}
		for side, v := range []tarfs.Version{p.A, p.B} {
			_, hashed := v.Digest()
			if _, tagged := c.tagged(v); !hashed && !tagged {
				doubtful[side] = append(doubtful[side], v)
			}
		}
	}
	return doubtful, nil
}

// linkPairs numbers the inodes of both sides by the first path, in path order, that both sides have.
type linkPairs struct {
	paths int
	first [2]map[uint32]int
}

// compare returns Hardlinks unless a path links to one earlier path on both sides, or to none. Call it for every path
// that both have.
func (l *linkPairs) compare(a, b tarfs.Version) Aspect {
	l.paths++
	if l.number(0, a) != l.number(1, b) {
		return Hardlinks
	}
	return 0
}

func (l *linkPairs) number(side int, v tarfs.Version) int {
	inode, ok := v.LinkGroup()
	if !ok {
		return l.paths
	}
	if _, ok := l.first[side][inode]; !ok {
		l.first[side][inode] = l.paths
	}
	return l.first[side][inode]
}
