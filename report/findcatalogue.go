package report

import (
	"context"
	"fmt"
	"io"
	"iter"
	"slices"
	"strings"

	"layup/analyze"
	store "layup/analyze/catalogue"
	"layup/analyze/filter"
	"layup/analyze/show"
	"layup/report/call"
	"layup/report/catalogue"
	"layup/report/render"
)

// notCatalogued are the flags of find about what a catalogue does not hold.
var notCatalogued = []string{"unseen", "sensitive", "package", "unpackaged", "changed", "in-archives"}

// inCatalogue searches the images of a catalogue.
func (s *search) inCatalogue(ctx context.Context, c *call.Call, keep filter.Test, patterns []string) (int, error) {
	r, err := catalogue.Open(ctx, c, *s.catalogue, notCatalogued...)
	if err != nil {
		return call.Failed, err
	}
	defer r.Close() // only read from
	if s.needed().Digests && !r.Digests {
		return call.Failed, catalogue.WithoutDigests(r)
	}
	q, err := s.query(patterns)
	if err != nil {
		return call.Failed, err
	}
	found, err := r.Find(ctx, q)
	if err != nil {
		return call.Failed, err
	}
	ask := func(img *analyze.Image) (render.Section, bool) {
		p := s.part(img, keep, patterns)
		return p.Section, len(p.Missing) == 0
	}
	a := catalogue.Answer{Reader: r, Found: found, Ask: ask, Missing: fmt.Errorf("%s: %w", show.Safe(*s.catalogue),
		nothing(found.Unread() > 0 || len(r.Damaged) > 0, patterns))}
	if s.zero {
		return s.rawFrom(ctx, c, a, keep)
	}
	return a.Write(ctx, c)
}

// rawFrom writes the paths of -0, each once for each image.
func (s *search) rawFrom(ctx context.Context, c *call.Call, a catalogue.Answer, keep filter.Test) (int, error) {
	if err := catalogue.Sound(c, a.Reader); err != nil {
		return call.Failed, err
	}
	all := func(yield func(analyze.Hit) bool) {
		for i := range a.Found.Len() {
			for h := range a.Found.Image(i).Find(false, keep) {
				if !yield(h) {
					return
				}
			}
		}
	}
	paths := map[string]bool{}
	for h := range iter.Seq[analyze.Hit](all) {
		paths[hitPath(h)] = true
	}
	err := c.Write(ctx, func(w io.Writer, _ render.Terminal) error {
		for _, p := range slices.Sorted(func(yield func(string) bool) {
			for p := range paths {
				if !yield(p) {
					return
				}
			}
		}) {
			if _, err := io.WriteString(w, p+"\x00"); err != nil {
				return err
			}
		}
		return nil
	})
	if err != nil {
		return call.Failed, err
	}
	return a.Status(c, len(paths) > 0), nil
}

// query says where the catalogue is to look for what the flags and patterns mean.
func (s *search) query(patterns []string) (q store.Query, err error) {
	q.Digests = s.needed().Digests
	switch {
	case s.digest != "":
		q.Sums = []string{strings.ToLower(strings.TrimPrefix(strings.ToLower(s.digest), "sha256:"))}
		return q, nil
	case s.digests != nil:
		q.Sums = slices.Collect(s.digests.Sums())
		return q, nil
	case len(patterns) == 0:
		return q, nil
	}
	var tests []filter.Names
	for _, p := range patterns {
		if name, exact := filter.Exact(p); exact && !s.regex && !s.fold {
			q.Names = append(q.Names, name)
		}
		read := filter.GlobNames
		if s.regex {
			read = filter.RegexpNames
		}
		t, err := read(p, s.fold)
		if err != nil {
			return q, err
		}
		tests = append(tests, t)
	}
	if len(q.Names) < len(patterns) {
		q.Names = nil
		q.Test = anyOf(tests)
	}
	return q, nil
}

// anyOf matches what any of the patterns matches.
func anyOf(list []filter.Names) (t store.Test) {
	var bases, paths []func(string) bool
	for _, one := range list {
		if one.Base != nil {
			bases = append(bases, one.Base)
		}
		if one.Path != nil {
			paths = append(paths, one.Path)
		}
	}
	some := func(tests []func(string) bool) func(string) bool {
		if len(tests) == 0 {
			return nil
		}
		return func(name string) bool {
			return slices.ContainsFunc(tests, func(matches func(string) bool) bool { return matches(name) })
		}
	}
	return store.Test{Base: some(bases), Path: some(paths)}
}
