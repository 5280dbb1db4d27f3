package catalogue

import (
	"context"
	"errors"
	"maps"
	"path"
	"slices"
	"strings"

	"layup/analyze/source/advice"
	"layup/tarfs"
)

const (
	mostSteps = 100_000 // ways through symlinks
	mostLinks = 40      // symlinks on one way
)

// A way is a path that is being resolved: a directory without symlinks, and the components that follow.
type way struct {
	dir   string
	rest  string // components, with slashes between them
	links int
}

// A crossing is what layers have at a path.
type crossing struct {
	links map[string]bool // targets of symlinks
	names map[string]bool // paths that hard links mean: of a symlink, perhaps
	other bool            // anything but a symlink
}

// reach finds where paths may lead in any image: layers may hold a symlink at a path, and different ones. It returns
// all paths that such a way ends at.
func (s *search) reach(ctx context.Context, asked []string, follow bool, known map[string]*crossing,
) (ends map[string]bool, err error) {
	ends = map[string]bool{}
	done := map[way]bool{}
	var todo []way
	for _, p := range asked {
		todo = append(todo, way{dir: "/", rest: p})
	}
	for len(todo) > 0 {
		if err := s.cross(ctx, todo, known); err != nil {
			return nil, err
		}
		var next []way
		for len(todo) > 0 {
			w := todo[len(todo)-1]
			todo = todo[:len(todo)-1]
			if done[w] {
				continue
			}
			if done[w] = true; len(done) > mostSteps {
				return nil, &advice.Hinted{Err: errors.New("symlinks of many layers lead to too many places"),
					Hint: "--no-follow does not follow the last one"}
			}
			name, rest := component(w.rest)
			switch name {
			case "":
				ends[w.dir] = true
				continue
			case "..":
				todo = append(todo, way{path.Dir(w.dir), rest, w.links})
				continue
			}
			at := path.Join(w.dir, name)
			c := known[at]
			if c == nil {
				next = append(next, w)
				delete(done, w)
				continue
			}
			last := strings.Trim(rest, "/") == ""
			todo = append(todo, c.after(w, at, rest, !last || follow)...)
			if last {
				ends[at] = true // whether it is there or was deleted
			}
		}
		todo = next
	}
	return ends, nil
}

// after returns the ways on from a crossing. Links are followed if so wanted.
func (c *crossing) after(w way, at, rest string, follow bool) (list []way) {
	if c.other || !follow {
		list = append(list, way{at, rest, w.links})
	}
	if !follow {
		return list
	}
	for meant := range c.names {
		list = append(list, way{"/", meant + "/" + rest, w.links})
	}
	for target := range c.links {
		from := w.dir
		if strings.HasPrefix(target, "/") {
			from = "/"
		}
		if w.links < mostLinks {
			list = append(list, way{from, target + "/" + rest, w.links + 1})
		}
	}
	return list
}

// component divides components into the first that counts and the others.
func component(rest string) (name, after string) {
	for rest != "" {
		name, rest, _ = strings.Cut(rest, "/")
		if name != "" && name != "." {
			return name, rest
		}
	}
	return "", ""
}

// cross finds out what layers have at the paths that ways may come to next, as far as no symlink leads elsewhere.
func (s *search) cross(ctx context.Context, ways []way, known map[string]*crossing) error {
	wanted := map[string]bool{}
	for _, w := range ways {
		at := w.dir
		for name, rest := component(w.rest); name != ""; name, rest = component(rest) {
			if at = path.Join(at, name); known[at] == nil {
				known[at], wanted[at] = &crossing{links: map[string]bool{}, names: map[string]bool{}}, true
			}
		}
	}
	if len(wanted) == 0 {
		return nil
	}
	return s.r.fetch(ctx, s.r.all(), wanted, func(p *part, g *group, row int64) error {
		exact := g.exact("path", row)
		if _, counts := s.r.layerAt(p, g, row); !counts || !wanted[string(exact)] {
			return g.err
		}
		c := known[string(exact)] // before the next column is read
		kind, link := string(g.text("kind", row)), string(g.exact("link", row))
		s.mu.Lock()
		defer s.mu.Unlock()
		switch kind {
		case tarfs.Symlink.String():
			c.links[link] = true
		case kindHardlink:
			c.names[link] = true
			fallthrough
		default:
			c.other = true
		}
		return g.err
	})
}

// FindPaths searches for what is visible at paths, in any image. It follows symlinks on the way to a path, and one at
// its end if follow is set.
func (r *Reader) FindPaths(ctx context.Context, paths []string, follow, digests bool) (*Found, error) {
	return r.again(func() (*Found, error) {
		s := &search{r: r}
		known := map[string]*crossing{}
		ends, err := s.reach(ctx, paths, follow, known)
		if err != nil {
			return nil, err
		}
		q := Query{Names: slices.Sorted(maps.Keys(ends)), also: known, Digests: digests}
		for i, name := range q.Names { // a path, although it may have no slash
			q.Names[i] = "/" + strings.TrimPrefix(name, "/")
		}
		return r.find(ctx, q)
	})
}
