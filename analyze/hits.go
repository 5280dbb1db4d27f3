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
	Unseen      = "unseen" // no layer ever showed it: its own layer replaces or ignores it
)

// A Hit is a version of a path with what became of it.
type Hit struct {
	Version  tarfs.Version
	Status   string // Live, Overwritten, Deleted
	HiddenBy int    // the layer that hid it, or tarfs.NoLayer
	How      tarfs.How
	Same     bool // a file with the same content took its place; false where digests were not asked for
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
					last.Same = last.How == tarfs.Replaced && sameContent(last.Version, v)
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

// sameContent reports whether two files are known to have the same content.
func sameContent(a, b tarfs.Version) bool {
	one, ok := a.Digest()
	other, ok2 := b.Digest()
	return ok && ok2 && a.Size() == b.Size() && one == other
}

// Unseen yields the content that no version of the tree ever showed: layer by layer, in tar order.
func (img *Image) Unseen() iter.Seq[Hit] {
	return func(yield func(Hit) bool) {
		for v := range img.tree.Unseen() {
			h := hit(v)
			h.Status = Unseen
			if !yield(h) {
				return
			}
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
