package catalogue

import (
	"bytes"
	"context"
	"crypto/sha256"
	"errors"
	"maps"
	"path"
	"runtime"
	"slices"
	"sync"

	"layup/tarfs"
)

// eachGroup calls a function for all row groups of parts, several at once.
func (r *Reader) eachGroup(ctx context.Context, parts []*part, do func(*part, *group) error) error {
	type job struct {
		*part
		group int
	}
	var jobs []job
	for _, p := range parts {
		for i := range p.guide.Groups {
			jobs = append(jobs, job{p, i})
		}
	}
	queue := make(chan job, len(jobs))
	for _, j := range jobs {
		queue <- j
	}
	close(queue)
	var mu sync.Mutex
	var first error
	var wait sync.WaitGroup
	for range min(len(jobs), runtime.GOMAXPROCS(0)) {
		wait.Go(func() {
			for j := range queue {
				if ctx.Err() != nil {
					return
				}
				err := sheltered(func() error {
					g := newGroup(j.part, j.group)
					defer g.close()
					return do(j.part, g)
				})
				if _, own := errors.AsType[*excess](err); !own {
					err = j.named(err)
				}
				if err != nil {
					mu.Lock()
					first = firstOf(first, err)
					mu.Unlock()
				}
			}
		})
	}
	wait.Wait()
	return firstOf(ctx.Err(), first)
}

func firstOf(a, b error) error {
	if a != nil {
		return a
	}
	return b
}

// all returns the parts that can be read, by name.
func (r *Reader) all() (list []*part) {
	for _, name := range slices.Sorted(maps.Keys(r.parts)) {
		if p := r.parts[name]; p != nil {
			list = append(list, p)
		}
	}
	return list
}

// layerAt returns the number of the layer of a row; false if the row does not count: its layer was never finished, or
// another part has it.
func (r *Reader) layerAt(p *part, g *group, row int64) (uint32, bool) {
	n, ok := r.number[string(g.text("layer", row))]
	return n, ok && r.layers[n].read && r.layers[n].Part == p.name
}

// A sought is a set of paths by base name, both as text.
type sought map[string]map[string]bool

func (s sought) add(exact string) {
	text := tarfs.Named(exact)
	base := path.Base(text)
	if s[base] == nil {
		s[base] = map[string]bool{}
	}
	s[base][text] = true
}

// seek calls a function for all rows of paths.
func (r *Reader) seek(ctx context.Context, parts []*part, paths sought, found func(*part, *group, int64) error) error {
	return r.seekBases(ctx, parts, slices.Sorted(maps.Keys(paths)), func(p *part, g *group, base string, run span) error {
		return seekPaths(g, run, paths[base], func(row int64) error { return found(p, g, row) })
	})
}

// seekBases calls a function for all ranges of rows with one of the base names, as text.
func (r *Reader) seekBases(ctx context.Context, parts []*part, bases []string,
	found func(*part, *group, string, span) error) error {
	return r.eachGroup(ctx, parts, func(p *part, g *group) error {
		for _, base := range bases {
			if !g.mayHave([]byte(base)) {
				continue
			}
			if lacks, err := p.lacks(g.Base, []byte(base)); lacks || err != nil {
				if err != nil {
					return err
				}
				continue
			}
			runs, err := g.equal("base", []byte(base), g.all())
			if err != nil {
				return err
			}
			for _, run := range runs {
				if err := found(p, g, base, run); err != nil {
					return err
				}
			}
		}
		return g.err
	})
}

// seekPaths calls a function for the rows of a range that have one of the paths.
func seekPaths(g *group, in span, paths map[string]bool, found func(int64) error) error {
	const few = 16
	list := []span{in}
	if len(paths) <= few {
		list = nil
		for p := range paths {
			pages, err := g.within("path", []byte(p), in)
			if err != nil {
				return err
			}
			list = append(list, pages...)
		}
		slices.SortFunc(list, func(a, b span) int { return int(a.from - b.from) })
	}
	at := in.from
	for _, s := range list {
		for row := max(at, s.from); row < s.to; row++ {
			if paths[string(g.text("path", row))] {
				if err := found(row); err != nil {
					return err
				}
			}
		}
		at = max(at, s.to)
	}
	return g.err
}

// scan calls a function for all rows whose names a test wants.
func (r *Reader) scan(ctx context.Context, parts []*part, want Test, found func(*part, *group, int64) error) error {
	return r.eachGroup(ctx, parts, func(p *part, g *group) error {
		for row := range g.Rows {
			if row%4096 == 0 && ctx.Err() != nil {
				return ctx.Err()
			}
			ok := want.Base == nil && want.Path == nil || want.Base != nil && want.Base(string(g.base(row))) ||
				want.Path != nil && want.Path(string(g.exact("path", row)))
			if !ok {
				continue
			}
			if err := found(p, g, row); err != nil {
				return err
			}
		}
		return g.err
	})
}

// base returns the exact bytes of a row's base name.
func (g *group) base(row int64) []byte {
	b := g.text("base", row)
	if bytes.Contains(b, replacement) {
		return []byte(path.Base(string(g.exact("path", row))))
	}
	return b
}

// A Test is about names: Base about the last component, Path about the whole path. One that is nil wants nothing; both
// nil want everything.
type Test struct {
	Base, Path func(string) bool
}

// seekSums calls a function for all rows of files with one of the digests.
func (r *Reader) seekSums(ctx context.Context, parts []*part, sums []string,
	found func(*part, *group, int64) error) error {
	short := len(sums) == 1 && len(sums[0]) < 2*sha256.Size
	return r.eachGroup(ctx, parts, func(p *part, g *group) error {
		some := map[string]bool{}
		for _, s := range sums {
			lacks, err := p.lacks(g.Sum, []byte(s))
			if err != nil {
				return err
			}
			if short || !lacks {
				some[s] = true
			}
		}
		if len(some) == 0 {
			return nil
		}
		for row := range g.alike(slices.Collect(maps.Keys(some))) {
			sum := g.text("sha256", row)
			if short && bytes.HasPrefix(sum, []byte(sums[0])) || some[string(sum)] {
				if err := found(p, g, row); err != nil {
					return err
				}
			}
		}
		return g.err
	})
}
