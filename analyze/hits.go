package analyze

import (
	"cmp"
	"iter"
	"slices"

	"layup/tarfs"
)

// The statuses of a version.
const (
	Live        = "live"
	Overwritten = "overwritten" // the layer that hid it put something at the same path
	Deleted     = "deleted"
)

// A Hit is a version of a path with what became of it.
type Hit struct {
	Version  tarfs.Version
	Status   string // Live, Overwritten, Deleted
	HiddenBy int    // the layer that hid it, or tarfs.NoLayer
	How      tarfs.How
}

// Hits yields every version of every path in path order, those of one path oldest first. A directory listed again is one version.
func (img *Image) Hits() iter.Seq[Hit] {
	return func(yield func(Hit) bool) {
		var last Hit
		pending := false
		for v := range img.tree.Versions() {
			if pending {
				if last.Status == Deleted && last.Version.Node() == v.Node() && last.HiddenBy == v.Since() {
					last.Status = Overwritten
				}
				if !yield(last) {
					return
				}
			}
			last, pending = hit(v), true
		}
		if pending {
			yield(last)
		}
	}
}

func hit(v tarfs.Version) Hit {
	by, how := v.HiddenBy()
	if how == tarfs.NotHidden {
		return Hit{Version: v, Status: Live, HiddenBy: tarfs.NoLayer}
	}
	return Hit{Version: v, Status: Deleted, HiddenBy: by, How: how}
}

// Hidden returns the versions that the image still carries but no longer shows, the largest first, then by path and age.
func (img *Image) Hidden() []Hit {
	var list []Hit
	for h := range img.Hits() {
		if h.Status != Live {
			list = append(list, h)
		}
	}
	slices.SortStableFunc(list, func(a, b Hit) int { return cmp.Compare(b.Version.Size(), a.Version.Size()) })
	return list
}
