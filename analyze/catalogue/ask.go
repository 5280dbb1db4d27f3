package catalogue

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"maps"
	"path"
	"slices"
	"strings"
	"sync"

	"layup/analyze"
	"layup/analyze/source"
	"layup/analyze/source/advice"
	"layup/tarfs"

	v1 "github.com/google/go-containerregistry/pkg/v1"
)

// A Query says which rows begin a search. A version that it does not find is not looked at; what becomes of those that
// it finds is decided by all rows of their paths.
type Query struct {
	Names []string // exact base names or, with a slash, exact paths; nil means that Test decides
	Test  Test     // of names; used if Names is nil
	// Sums are digests of 64 digits, or one with fewer. With any, only files with one of them are found, and Names and
	// Test do not count.
	Sums []string

	Digests bool // the answer shall have the digests of files; it always has them with Sums

	also map[string]*crossing // paths that decide what is at others
}

// everywhere reports whether the query means the root, which every image has even if no layer lists it.
func (q Query) everywhere() bool {
	const root = "/"
	switch t := q.Test; {
	case len(q.Sums) > 0:
		return false
	case q.Names != nil:
		return slices.Contains(q.Names, root)
	default:
		return t.Base == nil && t.Path == nil || t.Base != nil && t.Base(root) || t.Path != nil && t.Path(root)
	}
}

// mostRows is how many rows a search may hold in memory.
const mostRows = 4_000_000

// A Found is what a search needs to know of the images that have what it found.
type Found struct {
	r      *Reader
	images []int                   // numbers of images, in their order
	owns   map[uint32][]tarfs.Own  // by layer
	tables map[uint32]*tarfs.Layer // of owns
}

// Find searches. The images of the answer are those in which a layer has what the query means, and those with a layer
// that cannot be read. A part that turns out to be damaged becomes one of Damaged.
func (r *Reader) Find(ctx context.Context, q Query) (*Found, error) {
	return r.again(func() (*Found, error) { return r.find(ctx, q) })
}

// again searches until no further part turns out to be damaged.
func (r *Reader) again(search func() (*Found, error)) (*Found, error) {
	for {
		f, err := search()
		bad, ok := errors.AsType[*PartError](err)
		if !ok || r.parts[bad.part] == nil {
			return f, err
		}
		r.parts[bad.part].Close() // only read from
		r.parts[bad.part] = nil
		r.Damaged = append(r.Damaged, err)
	}
}

func (r *Reader) find(ctx context.Context, q Query) (*Found, error) {
	s := &search{r: r, paths: map[string]bool{}, layers: map[uint32]bool{}, digests: q.Digests || len(q.Sums) > 0}
	if err := s.begin(ctx, q); err != nil {
		return nil, err
	}
	f := &Found{r: r, owns: map[uint32][]tarfs.Own{}, tables: map[uint32]*tarfs.Layer{}}
	wanted, everywhere := map[uint32]bool{}, q.everywhere()
	for i, img := range r.images {
		has := img.Error == "" && everywhere ||
			slices.ContainsFunc(img.layers, func(n uint32) bool { return s.layers[n] })
		unread := img.Error != "" || slices.ContainsFunc(img.layers, func(n uint32) bool { return !r.whole(n) })
		if has || unread {
			f.images = append(f.images, i)
		}
		if has {
			for _, n := range img.layers {
				wanted[n] = true
			}
		}
	}
	for p := range q.also {
		s.paths[p] = true
	}
	return f, s.gather(ctx, wanted, f.owns)
}

// A search is a query at work.
type search struct {
	r      *Reader
	mu     sync.Mutex
	paths  map[string]bool // exact
	layers map[uint32]bool // that have one of the paths, as the query means them
	rows   int

	digests bool // are read
}

// begin finds the paths and the layers that the query means.
func (s *search) begin(ctx context.Context, q Query) error {
	sighted := func(p *part, g *group, row int64) error {
		n, counts := s.r.layerAt(p, g, row)
		if !counts {
			return g.err
		}
		name := string(g.exact("path", row))
		s.mu.Lock()
		defer s.mu.Unlock()
		s.paths[name], s.layers[n] = true, true
		s.rows++
		return cmp.Or(g.err, s.bounded())
	}
	all := s.r.all()
	switch {
	case len(q.Sums) > 0:
		if err := s.r.seekSums(ctx, all, q.Sums, sighted); err != nil {
			return err
		}
		return s.links(ctx, sighted)
	case q.Names != nil:
		return s.names(ctx, all, q.Names, sighted)
	}
	return s.r.scan(ctx, all, q.Test, sighted)
}

// An excess says that a search matches too much. No part is damaged then.
type excess struct{ rows int }

func (e *excess) Error() string {
	return fmt.Sprintf("the search matches more than %d rows of the catalogue", e.rows)
}

// bounded returns an error if the search holds too much.
func (s *search) bounded() error {
	if s.rows <= s.r.most {
		return nil
	}
	return &advice.Hinted{Err: &excess{s.r.most},
		Hint: "narrow it with a pattern; layup catalogue sql prints queries for engines that answer about everything"}
}

// names finds exact names.
func (s *search) names(ctx context.Context, parts []*part, names []string,
	found func(*part, *group, int64) error) error {
	var bases []string
	exact := sought{}
	for _, name := range names {
		if strings.Contains(name, "/") {
			exact.add(name)
		} else {
			bases = append(bases, tarfs.Named(name))
		}
	}
	if len(exact) > 0 {
		if err := s.r.seek(ctx, parts, exact, found); err != nil {
			return err
		}
	}
	return s.r.seekBases(ctx, parts, bases, func(p *part, g *group, _ string, run span) error {
		for row := run.from; row < run.to; row++ {
			if err := found(p, g, row); err != nil {
				return err
			}
		}
		return nil
	})
}

// links finds hard links to files of lower layers, which have the content of those.
func (s *search) links(ctx context.Context, found func(*part, *group, int64) error) error {
	parts := map[*part]bool{}
	for _, l := range s.r.layers {
		if p := s.r.parts[l.Part]; l.read && l.Linked > 0 && p != nil {
			parts[p] = true
		}
	}
	return s.r.scan(ctx, slices.Collect(maps.Keys(parts)), Test{}, func(p *part, g *group, row int64) error {
		if string(g.text("kind", row)) != kindHardlink {
			return g.err
		}
		return found(p, g, row)
	})
}

// gather reads all that layers say of the paths and of what decides about them: the directories above, what hard links
// lead to, the other names of a file.
func (s *search) gather(ctx context.Context, layers map[uint32]bool, owns map[uint32][]tarfs.Own) error {
	done, todo := map[string]bool{}, maps.Clone(s.paths)
	parts := s.partsOf(layers)
	s.rows = 0
	for len(todo) > 0 {
		wanted := map[string]bool{}
		for p := range todo {
			for ; !done[p]; p = path.Dir(p) {
				done[p], wanted[p] = true, true
			}
		}
		todo = map[string]bool{}
		err := s.r.fetch(ctx, parts, wanted, func(p *part, g *group, row int64) error {
			n, counts := s.r.layerAt(p, g, row)
			if !counts || !layers[n] || !wanted[string(g.exact("path", row))] {
				return g.err
			}
			r, err := g.row(row, s.digests)
			if err != nil {
				return err
			}
			o, ok := r.own()
			if !ok {
				return fmt.Errorf("has a row that is not one of a layer: %q", r.Path)
			}
			s.mu.Lock()
			defer s.mu.Unlock()
			owns[n] = append(owns[n], o)
			if meant := o.Type == tarfs.Hardlink || o.Saying == tarfs.Implies && o.Link != ""; meant && !done[o.Link] {
				todo[o.Link] = true
			}
			if o.Next != "" && !done[o.Next] {
				todo[o.Next] = true
			}
			s.rows++
			return s.bounded()
		})
		if err != nil {
			return err
		}
	}
	for _, list := range owns { // row groups are read in any order
		slices.SortFunc(list, func(a, b tarfs.Own) int {
			return cmp.Or(strings.Compare(a.Path, b.Path), cmp.Compare(a.Saying, b.Saying))
		})
	}
	return nil
}

// partsOf returns the parts with the rows of layers.
func (s *search) partsOf(layers map[uint32]bool) []*part {
	set := map[string]bool{}
	for n := range layers {
		if l := s.r.layers[n]; l.read && l.Part != "" && s.r.parts[l.Part] != nil {
			set[l.Part] = true
		}
	}
	var list []*part
	for _, name := range slices.Sorted(maps.Keys(set)) {
		list = append(list, s.r.parts[name])
	}
	return list
}

// fetch calls a function for the rows of paths, and perhaps for others.
func (r *Reader) fetch(ctx context.Context, parts []*part, paths map[string]bool,
	found func(*part, *group, int64) error) error {
	const few = 256 // base names: from then on one pass over all names costs less
	want := sought{}
	for p := range paths {
		want.add(p)
	}
	if len(want) <= few {
		return r.seek(ctx, parts, want, found)
	}
	return r.eachGroup(ctx, parts, func(p *part, g *group) error {
		for row := range g.Rows {
			named := want[string(g.text("base", row))]
			if named == nil || !named[string(g.text("path", row))] {
				continue
			}
			if err := found(p, g, row); err != nil {
				return err
			}
		}
		return g.err
	})
}

// image merges what is known of an image's layers: only the paths that the search is about, and the directories above
// them.
func (f *Found) image(one *imaged) *analyze.Image {
	tables := make([]*tarfs.Layer, len(one.layers))
	for i, n := range one.layers {
		if f.tables[n] == nil && len(f.owns[n]) > 0 {
			f.tables[n] = tarfs.Settle(slices.Values(f.owns[n]))
		}
		if tables[i] = f.tables[n]; tables[i] == nil {
			tables[i] = new(tarfs.Layer)
		}
	}
	return analyze.Assemble(one.image(f.r), tables)
}

// Len returns the number of images.
func (f *Found) Len() int { return len(f.images) }

// Image returns the image of a number below Len.
func (f *Found) Image(i int) *analyze.Image { return f.image(&f.r.images[f.images[i]]) }

// Source returns what is known of the image of a number below Len without its files.
func (f *Found) Source(i int) *source.Image { return f.r.images[f.images[i]].image(f.r) }

// Unread returns how many of the images have a layer that cannot be read.
func (f *Found) Unread() (n int) {
	for i := range f.images {
		img := f.Source(i)
		if img.Err != nil || slices.ContainsFunc(img.Layers, func(l *source.Layer) bool { return l.Err != nil }) {
			n++
		}
	}
	return n
}

// NoImage returns an image with nothing in it.
func NoImage() *analyze.Image { return analyze.Assemble(newImage(new(ImageRow)), nil) }

// newImage returns what a row says of an image.
func newImage(row *ImageRow) *source.Image {
	img := &source.Image{Source: row.Store, Kind: row.Kind, Name: row.Source, Reference: row.Reference,
		References: row.References, ID: row.ID, Platform: row.Platform, ConfigFile: new(v1.ConfigFile), Verified: "catalogue"}
	for _, by := range row.CreatedBy {
		img.ConfigFile.History = append(img.ConfigFile.History, v1.History{CreatedBy: by})
	}
	if row.Kind == source.KindContainer {
		img.Container = &source.Container{Name: row.Reference}
	}
	return img
}
