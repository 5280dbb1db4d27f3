package analyze

import (
	"cmp"
	"iter"
	"path"
	"slices"

	"layup/tarfs"
)

// Status says what became of a version.
type Status uint8

// The statuses of a version.
const (
	Live        Status = iota
	Overwritten        // the layer that hid it put something at its path
	Deleted
	Unseen // no layer ever showed it: its own layer replaces or ignores it
)

// String returns the word for a status.
func (s Status) String() string {
	return [...]string{"live", "overwritten", "deleted", "unseen"}[s]
}

// A Hit is a version of a path and its fate. It is small, because an image may have millions.
type Hit struct {
	Version  tarfs.Version
	HiddenBy int32 // the layer that hid it, or tarfs.NoLayer
	Status   Status
	How      tarfs.How
	Same     bool // a file with equal content replaced it; false without digests
}

// Hits yields every version of every path in path order, the oldest version of a path first. A directory listed again
// is one version.
func (img *Image) Hits() iter.Seq[Hit] { return img.hitsOf(img.Tree().Versions()) }

// UnorderedHits is Hits with the paths in any order. Hits sorts them first.
func (img *Image) UnorderedHits() iter.Seq[Hit] { return img.hitsOf(img.Tree().UnorderedVersions()) }

func (img *Image) hitsOf(versions iter.Seq[tarfs.Version]) iter.Seq[Hit] {
	return func(yield func(Hit) bool) {
		var last Hit
		pending := false
		for v := range versions {
			if pending {
				if last.Status == Deleted && last.Version.Node() == v.Node() && int(last.HiddenBy) == v.Since() {
					last.Status = Overwritten
					last.Same = last.How == tarfs.Replaced && sameContent(last.Version, v)
				}
				if img.Counts(last.Version.Layer()) && !yield(last) {
					return
				}
			}
			last, pending = hitOf(v), true
		}
		if pending && img.Counts(last.Version.Layer()) {
			yield(last)
		}
	}
}

// sameContent reports whether two files are known to have equal content.
func sameContent(a, b tarfs.Version) bool {
	one, ok := a.Digest()
	other, ok2 := b.Digest()
	return ok && ok2 && a.Size() == b.Size() && one == other
}

// Unseen yields the content that no version of the tree ever showed, layer by layer, in tar order.
func (img *Image) Unseen() iter.Seq[Hit] {
	return func(yield func(Hit) bool) {
		for v := range img.Tree().Unseen() {
			h := hitOf(v)
			h.Status = Unseen
			if img.Counts(v.Layer()) && !yield(h) {
				return
			}
		}
	}
}

// Find yields the wanted versions as Hits does and, with unseen, then those that Unseen yields.
func (img *Image) Find(unseen bool, wanted func(Hit) bool) iter.Seq[Hit] {
	return func(yield func(Hit) bool) {
		for h := range img.Hits() {
			if wanted(h) && !yield(h) {
				return
			}
		}
		if !unseen {
			return
		}
		for h := range img.Unseen() {
			if wanted(h) && !yield(h) {
				return
			}
		}
	}
}

// HitOf returns what became of one version. It leaves Same to Hits.
func HitOf(v tarfs.Version) Hit {
	h := hitOf(v)
	for w := range v.Node().Versions() {
		if h.Status == Deleted && w.Layer() == int(h.HiddenBy) {
			h.Status = Overwritten
		}
	}
	return h
}

// StoredAt returns the file in an engine's store that is the version: a path as the user named the store, or a name in
// its tar. It is empty if the store does not keep the version as a file.
func (img *Image) StoredAt(h Hit) string {
	layer := h.Version.Layer()
	if layer < 0 || h.Status == Unseen || img.Layers[layer].At == "" {
		return ""
	}
	return path.Join(img.Layers[layer].At, h.Version.Node().Path())
}

func hitOf(v tarfs.Version) Hit {
	by, how := v.HiddenBy()
	if how == tarfs.NotHidden {
		return Hit{Version: v, Status: Live, HiddenBy: tarfs.NoLayer}
	}
	return Hit{Version: v, Status: Deleted, HiddenBy: int32(by), How: how}
}

// Hidden returns the wanted versions that the image holds but does not show, the largest first, then by path and age.
// With unseen, it adds content that no layer ever showed, after versions of equal size.
func (img *Image) Hidden(unseen bool, wanted func(Hit) bool) []Hit {
	n := img.Tree().Hides()
	list := make([]Hit, 0, n) // growing the list would double its cost; unused memory costs nothing
	hidden := func(h Hit) bool { return h.Status != Live && wanted(h) }
	switch {
	case n > 0:
		list = slices.AppendSeq(list, img.Find(unseen, hidden))
	case unseen: // no need to look at every path
		for h := range img.Unseen() {
			if hidden(h) {
				list = append(list, h)
			}
		}
	}
	slices.SortStableFunc(list, func(a, b Hit) int { return cmp.Compare(b.Version.Size(), a.Version.Size()) })
	return list
}
