package report

import (
	"fmt"
	"iter"
	"path"
	"slices"
	"strings"

	"layup/analyze"
	"layup/report/call"
	"layup/tarfs"
)

// own lists the entries of one layer's tar: what it wrote, and what it deleted, of which the top-most paths.
func (l *listing) own(img *analyze.Image, args []string) (call.Part, error) {
	var p call.Part
	if err := call.CheckLayer(img, "layer", l.layer.N); err != nil {
		return p, err
	}
	top := path.Clean("/" + strings.Join(args, ""))
	hits := ownEntries(img.Tree(), l.layer.N, top)
	if order := l.order(); order != nil {
		hits = slices.Values(slices.SortedStableFunc(hits, func(a, b analyze.Hit) int { return order(a.Version, b.Version) }))
	}
	p.Fields, p.Rows, p.Columns = versionFields, hitRows(img, hits), l.columns(versionFields)
	for range hits {
		return p, nil
	}
	if top != "/" {
		p.Missing = []error{fmt.Errorf("%q: layer %d has no entry there", top, l.layer.N)}
	}
	return p, nil
}

// ownEntries yields what one layer wrote at and below a path, and what its whiteouts and opaque markers deleted there, in path order.
func ownEntries(tree *tarfs.Tree, layer int, top string) iter.Seq[analyze.Hit] {
	return func(yield func(analyze.Hit) bool) {
		deleted := "" // the last path that the layer deleted: what lies below it goes with it
		for n := range tree.Nodes() {
			p := n.Path()
			if !below(p, top) {
				continue
			}
			hit, did := ownHit(n, layer)
			if did == nothingThere || did == removed && deleted != "" && below(p, deleted) {
				continue
			}
			if did == removed {
				deleted = p
			}
			if !yield(hit) {
				return
			}
		}
	}
}

// A deed is what one layer did at one path.
type deed int

const (
	nothingThere deed = iota
	wrote
	removed
)

// ownHit returns what a layer did at one path: the version it wrote, else the one it deleted.
func ownHit(n tarfs.Node, layer int) (analyze.Hit, deed) {
	var lost tarfs.Version
	did := nothingThere
	for v := range n.Versions() {
		if v.MetaLayer() == layer {
			return statusOfVersion(v), wrote
		}
		if by, how := v.HiddenBy(); by == layer && (how == tarfs.ByWhiteout || how == tarfs.ByOpaque) {
			lost, did = v, removed
		}
	}
	if did == removed {
		return statusOfVersion(lost), removed
	}
	return analyze.Hit{}, nothingThere
}

// statusOfVersion tells what became of a version. A directory that a later layer listed again is live.
func statusOfVersion(v tarfs.Version) analyze.Hit {
	by, how := v.HiddenBy()
	hit := analyze.Hit{Version: v, Status: analyze.Live, HiddenBy: int32(by), How: how}
	if by == tarfs.NoLayer {
		return hit
	}
	hit.Status = analyze.Deleted
	for w := range v.Node().Versions() {
		if w.Layer() == by {
			hit.Status = analyze.Overwritten
		}
	}
	return hit
}

// below reports whether a path is the directory or lies below it.
func below(p, dir string) bool {
	return dir == "/" || p == dir || strings.HasPrefix(p, dir) && p[len(dir)] == '/'
}
