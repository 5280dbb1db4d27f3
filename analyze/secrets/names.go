package secrets

import (
	"context"
	"io"
	"slices"

	"layup/analyze"
	"layup/tarfs"
)

// A job is a content to search, under one of the paths that it has.
type job struct {
	version tarfs.Version
	path    string
	again   bool // it was searched under another path
}

// mostNames is how many further paths of one content are searched.
const mostNames = 16

// A finder searches contents after the layers of an image were read.
type finder struct {
	s     *Search
	img   *analyze.Image
	set   *Set
	found map[spot]int // the index of each finding
}

// A spot is where a rule found something in a content.
type spot struct {
	body   tarfs.Body
	rule   string
	offset int64
}

// ReadContents returns what a search finds in an image that was loaded without its needs: it reads all contents again.
func (s *Search) ReadContents(ctx context.Context, img *analyze.Image) (*Set, error) {
	set := new(Set)
	var jobs []job
	for b := range img.Tree().Bodies() {
		if v := b.Version(); img.Counts(v.Layer()) {
			jobs = append(jobs, job{version: v, path: place(v.Node().Path())})
		}
	}
	f := finder{s: s, img: img, set: set, found: map[spot]int{}}
	if err := f.search(ctx, jobs); err != nil {
		return nil, err
	}
	return set, s.finish(ctx, img, set)
}

// otherNames searches the contents of files with hard links under all their paths, if rules are meant for one of
// these, or if an allowlist left out a finding: a content counts at every path that it has.
func (s *Search) otherNames(ctx context.Context, img *analyze.Image, set *Set) error {
	f := finder{s: s, img: img, set: set, found: map[spot]int{}}
	left := map[tarfs.Body]bool{}
	for i := range set.Findings {
		if body, ok := set.Findings[i].Hit.Version.Body(); ok && set.Findings[i].Inner == "" {
			f.found[spot{body, set.Findings[i].Rule, set.Findings[i].Offset}] = i
			left[body] = left[body] || set.Findings[i].Left
		}
	}
	var jobs []job
	names := map[tarfs.Body]int{}
	for v := range img.Tree().UnorderedVersions() {
		if _, linked := v.LinkGroup(); !linked || v.Type() != tarfs.File || !img.Counts(v.Layer()) {
			continue
		}
		body, ok := v.Body()
		path := place(v.Node().Path())
		if !ok || !left[body] && !s.meant(path) {
			continue
		}
		if names[body]++; names[body] == mostNames+1 {
			set.Cut++
			set.warn(NotToItsEnd, v, "it has too many hard links for which rules are meant")
		} else if names[body] <= mostNames {
			jobs = append(jobs, job{v, path, true})
		}
	}
	return f.search(ctx, jobs)
}

// meant reports whether a rule is meant for a path.
func (s *Search) meant(path string) bool {
	f := s.begin(path)
	defer f.release()
	return slices.Contains(f.fits, true)
}

// search reads the contents of jobs.
func (f *finder) search(ctx context.Context, jobs []job) error {
	failed := map[int]bool{} // layers: whoever opened the image names them
	for _, e := range f.img.Errors() {
		failed[e.Layer] = true
	}
	limit := f.img.Limits().Sparse
	jobs = slices.DeleteFunc(jobs, func(j job) bool {
		v := j.version
		sparse := limit > 0 && v.Size() > limit && v.Size() > v.Stored()
		if sparse {
			f.set.Cut++
			f.set.warn(NotToItsEnd, v, "it is a sparse file of too many bytes")
		}
		return sparse || failed[v.ContentLayer()]
	})
	versions := make([]tarfs.Version, len(jobs))
	for i, j := range jobs {
		versions[i] = j.version
	}
	return f.img.Bodies(ctx, versions, func(which []int, b *analyze.Body) error {
		list := make([]*searcher, len(which))
		for i, n := range which {
			list[i] = f.s.begin(jobs[n].path)
		}
		if err := feed(ctx, list, b); err != nil {
			return err
		}
		for i, n := range which {
			f.add(jobs[n], list[i].finish())
		}
		return nil
	})
}

// feed gives a content to searchers.
func feed(ctx context.Context, list []*searcher, r io.Reader) error {
	b, more := make([]byte, 32<<10), true
	for more {
		n, err := r.Read(b)
		more = false
		for _, f := range list {
			more = n > 0 && f.feed(b[:n]) || more
		}
		switch {
		case err == io.EOF:
			return nil
		case err != nil:
			return err
		case n == 0:
			more = true
		}
		if err := ctx.Err(); err != nil {
			return err
		}
	}
	return nil
}

// add adds what was found in a content under one of its paths. A finding that another path already showed is not added
// again; if only an allowlist of paths left it out there, it counts now.
func (f *finder) add(j job, n note) {
	if !j.again {
		f.s.add(f.set, j.version, n, "")
		return
	}
	n.Skipped, n.More, n.Cut = "", 0, false // counted before
	body, _ := j.version.Body()
	n.Found = slices.DeleteFunc(n.Found, func(r raw) bool {
		at := spot{body, f.s.rules[r.Rule].ID, r.Offset}
		i, known := f.found[at]
		if known && f.set.Findings[i].Left && !r.Left {
			one := &f.set.Findings[i]
			one.Left, one.Path, one.Layer, one.Hit = false, j.version.Node().Path(), j.version.Layer(), hitOf(j.version)
		}
		return known
	})
	first := len(f.set.Findings)
	f.s.add(f.set, j.version, n, "")
	for i := range f.set.Findings[first:] {
		one := &f.set.Findings[first+i]
		f.found[spot{body, one.Rule, one.Offset}] = first + i
	}
}
