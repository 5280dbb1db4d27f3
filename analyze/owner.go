package analyze

import (
	"errors"
	"fmt"
	"io/fs"
	"path"
	"slices"
	"strings"

	"layup/analyze/near"
	"layup/tarfs"
)

// Last is the view after the last layer.
const Last = int(^uint(0) >> 1)

// An Owner says who owns a path.
type Owner struct {
	Asked   string        // the path as asked, beginning with '/'
	Version tarfs.Version // what is visible there, symlinks followed
}

// A NotFoundError says that nothing is visible at a path, what was there, and what may be meant.
type NotFoundError struct {
	Path      string    // as asked, beginning with '/'
	DeletedBy int       // the layer that hid the last version, or tarfs.NoLayer if there never was one
	How       tarfs.How // how that layer hid it
	Later     int       // the first layer after the view that puts something there, or tarfs.NoLayer
	Similar   string    // a visible path like it, or empty
}

// Error says whether the path was ever there.
func (e *NotFoundError) Error() string {
	switch {
	case e.DeletedBy != tarfs.NoLayer:
		return fmt.Sprintf("%q: deleted by layer %d (%s)", e.Path, e.DeletedBy, e.How)
	case e.Later != tarfs.NoLayer:
		return fmt.Sprintf("%q: not there yet: layer %d adds it", e.Path, e.Later)
	}
	return fmt.Sprintf("%q: no such path in the image", e.Path)
}

// Owner returns what is visible at a path after layer upto. It follows symlinks among the directories inside the image,
// and one at the end if follow is set. The error is a *NotFoundError or wraps tarfs.ErrLoop.
func (img *Image) Owner(asked string, follow bool, upto int) (Owner, error) {
	asked = absolute(asked)
	view := img.Tree().At(upto)
	v, err := view.Resolve(asked, follow)
	if errors.Is(err, fs.ErrNotExist) {
		return Owner{Asked: asked}, img.notFound(asked, view, follow, upto)
	}
	if err != nil {
		return Owner{Asked: asked}, fmt.Errorf("%q: %w", asked, err)
	}
	return Owner{Asked: asked, Version: v}, nil
}

// absolute returns the path from the image's root. It cleans only a path without "..": symlinks decide where that
// leads.
func absolute(p string) string {
	if strings.Contains("/"+p+"/", "/../") {
		return "/" + strings.TrimLeft(p, "/")
	}
	return path.Clean("/" + p)
}

func (img *Image) notFound(asked string, view *tarfs.Snapshot, follow bool, upto int) error {
	e := &NotFoundError{Path: asked, DeletedBy: tarfs.NoLayer, Later: tarfs.NoLayer}
	meant, err := view.Canonical(asked, follow)
	if err != nil {
		return e
	}
	if n, ok := img.Tree().Lookup(meant); ok {
		for v := range n.Versions() {
			if by, how := v.HiddenBy(); how != tarfs.NotHidden && by <= upto {
				e.DeletedBy, e.How = by, how
			}
			if v.Since() > upto && e.Later == tarfs.NoLayer {
				e.Later = v.Since()
			}
		}
	}
	if e.DeletedBy == tarfs.NoLayer && e.Later == tarfs.NoLayer {
		e.Similar = img.similar(meant, view)
	}
	return e
}

// similar looks for a visible path that may be meant: a sibling with a similar name, else a path with that name and the
// most similar directories.
func (img *Image) similar(meant string, view *tarfs.Snapshot) string {
	dir, base := path.Split(meant)
	if v, ok := view.Lookup(dir); ok {
		if found := sibling(view, v.Node(), base); found != "" {
			return found
		}
	}
	var best []int
	found := ""
	for v := range view.Walk(img.Tree().Root(), -1) {
		if name := v.Node().Name(); strings.EqualFold(name, base) {
			p := v.Node().Path()
			ranks := []int{alike(p, meant), rank(name == base), rank(v.Type() == tarfs.File), -strings.Count(p, "/")}
			if slices.Compare(ranks, best) > 0 {
				best, found = ranks, p
			}
		}
	}
	return found
}

func rank(yes bool) int {
	if yes {
		return 1
	}
	return 0
}

// sibling returns a path in a directory with a name that differs only by case, else by one to three bytes.
func sibling(view *tarfs.Snapshot, dir tarfs.Node, base string) string {
	best, found := 3, ""
	if len(base) > 6 {
		best++
	}
	for v := range view.Walk(dir, 1) {
		if v.Node() == dir {
			continue
		}
		name := v.Node().Name()
		d := near.Distance(base, name, best)
		if strings.EqualFold(base, name) {
			d = 0
		}
		if d < best && d < len(base) {
			best, found = d, v.Node().Path()
		}
	}
	return found
}

// alike counts the components that two paths share at the beginning and at the end.
func alike(a, b string) int {
	n, from, to := 0, strings.Split(a, "/"), strings.Split(b, "/")
	for i := range min(len(from), len(to)) {
		if from[i] != to[i] {
			break
		}
		n++
	}
	for i := range min(len(from), len(to)) {
		if from[len(from)-1-i] != to[len(to)-1-i] {
			break
		}
		n++
	}
	return n
}
