package report

import (
	"context"
	"errors"
	"io"
	"iter"
	"path"
	"slices"
	"time"

	"layup/analyze"
	"layup/analyze/archives"
	"layup/analyze/filter"
	"layup/analyze/sieve"
	"layup/report/arg"
	"layup/report/call"
	"layup/report/item"
	"layup/report/render"
	"layup/tarfs"
)

// A match is a version that find found, or a file in an archive. Its hit then says what became of the archive.
type match struct {
	analyze.Hit
	in *archive // nil for a version
}

// An archive is a version of a path with what it lists.
type archive struct {
	tarfs.Version
	list archives.List
	tree *tarfs.Tree
}

// path is that of the version, or of the archive, with the one in it after a "!".
func (m match) path() string {
	if m.in == nil {
		return hitPath(m.Hit)
	}
	return m.in.Node().Path() + "!" + hitPath(m.Hit)
}

// stamp is what --sort compares.
func (m match) stamp() stamp {
	s := stampOf(m.Version)
	if m.in != nil {
		s.layer = m.in.Layer()
	}
	return s
}

// chooseArchives sets archives aside while their layer is read.
func chooseArchives(_ []byte, size int64) sieve.Filter {
	if size > archives.Most {
		return nil
	}
	begun := false
	return func(piece []byte) ([]byte, bool) {
		if !begun && !archives.May(piece) {
			return nil, false
		}
		begun = true
		return piece, true
	}
}

// open prepares a search in archives.
func (s *search) open(patterns []string, now time.Time) (err error) {
	if s.sensitive || s.packaged.Given() {
		return call.Usage("", "find: --in-archives says nothing of --sensitive, or of packages")
	}
	inside := *s
	inside.layer = new(arg.Number) // the archive's
	s.inside, err = inside.filter(patterns, now)
	s.needs.Sieve = chooseArchives
	return err
}

// opened is the answer for one image with its archives.
func (s *search) opened(ctx context.Context, img *analyze.Image, keep filter.Test,
	patterns []string) (call.Part, error) {
	o, list, err := s.matches(ctx, img, keep)
	if err != nil {
		return call.Part{}, err
	}
	p := s.found(img, slices.Values(list), patterns)
	p.Odd, p.Partly = o.odd, o.lacks > 0
	return p, nil
}

// mostInside is how many files in archives of an image are rows.
const mostInside = 1_000_000

// An opening finds files in the archives of an image.
type opening struct {
	inside filter.Test
	reader archives.Reader
	lists  map[tarfs.Body]*archive // of contents with several names
	odd    []tarfs.Warning
	lacks  int
	rows   int
	at     tarfs.Version // the archive that is read
}

// matches are the versions of an image that a search keeps, and the files in its archives. It also returns what cannot
// be read of them.
func (s *search) matches(ctx context.Context, img *analyze.Image, keep filter.Test) (*opening, []match, error) {
	o := &opening{inside: s.inside, lists: map[tarfs.Body]*archive{}}
	o.reader.List, o.reader.Digests, o.reader.Lacks = true, s.needed().Digests, o.lack
	var list []match
	for h := range img.Find(s.unseen, func(analyze.Hit) bool { return true }) {
		if keep(h) {
			list = append(list, match{Hit: h})
		}
		c := img.Sieved(h.Version)
		if h.Version.Type() != tarfs.File || c == nil || s.layer.Given && h.Version.Layer() != s.layer.N {
			continue
		}
		a, err := o.open(ctx, h.Version, c)
		if err != nil {
			return nil, nil, err
		}
		list = o.add(list, h, a)
	}
	return o, list, nil
}

// open returns what an archive lists.
func (o *opening) open(ctx context.Context, v tarfs.Version, c *sieve.Content) (*archive, error) {
	body, shared := v.Body()
	if known := o.lists[body]; shared && known != nil {
		return &archive{v, known.list, known.tree}, nil
	}
	o.at = v
	list, err := o.reader.Read(ctx, path.Base(v.Node().Path()), io.NewSectionReader(c, 0, c.Size))
	if ctx.Err() != nil {
		return nil, ctx.Err()
	}
	if err != nil && !errors.Is(err, archives.ErrKind) {
		o.lack(err)
	}
	a := &archive{Version: v, list: list}
	if list.Layer != nil {
		tree, errs := tarfs.Merge([]*tarfs.Layer{list.Layer}, tarfs.Runtime)
		for _, err := range errs {
			o.lack(err.Err)
		}
		a.tree = tree
	}
	if shared {
		o.lists[body] = a
	}
	return a, nil
}

// lack says that a part of the archive at hand cannot be read.
func (o *opening) lack(err error) {
	const most = 100 // warnings
	if o.lacks++; o.lacks <= most {
		o.odd = append(o.odd, tarfs.Warning{Code: archives.NotRead, Layer: o.at.Layer(), Path: o.at.Node().Path(),
			Note: err.Error()})
	}
}

// add adds the files in an archive that are wanted. They share the archive's fate.
func (o *opening) add(list []match, h analyze.Hit, a *archive) []match {
	if a.tree == nil {
		return list
	}
	for v := range a.tree.Versions() {
		h.Version, h.Same = v, false
		if v.Implied() || !o.inside(h) {
			continue
		}
		if o.rows++; o.rows > mostInside {
			o.at = a.Version
			o.lack(errors.New("too many files in archives are found: the others are not listed"))
			break
		}
		list = append(list, match{h, a})
	}
	return list
}

// within makes the row of a file in an archive of a row that says what the archive lists.
func (m match) within(row []render.Value) {
	set := func(v render.Value, names ...string) {
		for _, name := range names {
			row[item.At(findFields, name)] = v
		}
	}
	set(render.N(m.path()), "path")
	set(render.N(m.in.Node().Path()), "archive")
	set(render.I(int64(m.in.Layer())), "layer")
	set(render.Value{}, "metaLayer", "contentLayer", "storedAt")
	if m.in.list.Owners {
		return
	}
	set(render.Value{}, "uid", "gid")
	if m.Version.Meta().MTime == 0 {
		set(render.Value{}, "mtime")
	}
	if m.Version.Meta().Mode == 0 {
		set(render.Value{}, "mode")
	}
}

// plain are the matches of a search that opens no archive.
func plain(hits iter.Seq[analyze.Hit]) iter.Seq[match] {
	return func(yield func(match) bool) {
		for h := range hits {
			if !yield(match{Hit: h}) {
				return
			}
		}
	}
}

// sorted puts matches, which come in path order, in the order of --sort.
func (s *search) sorted(found iter.Seq[match]) iter.Seq[match] {
	order := orderOf(s.sort.Word)
	if order == nil {
		return found
	}
	return slices.Values(slices.SortedStableFunc(found, func(a, b match) int { return order(a.stamp(), b.stamp()) }))
}
