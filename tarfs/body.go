package tarfs

import (
	"bytes"
	"iter"
	"path"
	"slices"
)

// unseen marks the number of a version that no merge ever showed. The other bits are its number in Tree.unclaimed.
const unseen = uint32(1) << 31

// A Body is the content of one regular entry of one layer's tar, whatever became of the entry. Whiteouts, ignored
// entries, and entries that their own layer replaces also have bodies.
type Body struct {
	tree         *Tree
	layer, entry uint32
	version      uint32
}

// Bodies yields the content of every regular entry that is not empty, layer by layer, in tar order. If a layer is in
// the stack twice, it yields the layer's bodies twice.
func (t *Tree) Bodies() iter.Seq[Body] {
	t.account()
	return func(yield func(Body) bool) {
		for layer, claims := range t.claims {
			for entry, version := range claims {
				if version != 0 && !yield(Body{t, uint32(layer), uint32(entry), version}) {
					return
				}
			}
		}
	}
}

// Unseen yields the bodies that no version ever showed, as versions that their own layer hid: layer by layer, in tar
// order. Their path is the cleaned name in the tar, without following symlinks.
func (t *Tree) Unseen() iter.Seq[Version] {
	t.account()
	return func(yield func(Version) bool) {
		for i := range t.unclaimed.n {
			if !yield(Version{t, unseen | i}) {
				return
			}
		}
	}
}

// Layer returns the layer that stores the body.
func (b Body) Layer() int { return int(b.layer) }

// Stored returns how many bytes of the body the tar holds: all but the holes of a sparse file.
func (b Body) Stored() int64 { return b.tree.layers[b.layer].stored(b.entry) }

// Live reports whether a path of the final tree shows the body.
func (b Body) Live() bool { return b.Version().record().hiddenBy == 0 }

// Version returns the version that stands for the body: a visible one, or else the one that was hidden last. Of
// several, it returns the first in tar order. If no version ever showed the body, it is one of [Tree.Unseen].
func (b Body) Version() Version { return Version{b.tree, b.version} }

// Body returns the content that the version shows; false if it is not a file or is empty.
func (v Version) Body() (Body, bool) {
	if v.Type() != File {
		return Body{}, false
	}
	layer, entry := v.tree.origin(v.record())
	v.tree.account()
	version := v.tree.claims[layer][entry]
	return Body{v.tree, layer, entry, version}, version != 0
}

// account finds the version that stands for each body, once.
func (t *Tree) account() {
	t.accounted.Do(func() {
		t.claims = make([][]uint32, len(t.layers))
		for i, l := range t.layers {
			if l != nil {
				t.claims[i] = make([]uint32, l.entries.n)
			}
		}
		for id := uint32(1); id < t.records.n; id++ {
			t.claim(id)
		}
		slices.Sort(t.replaced)
		for i := range t.claims {
			t.collectUnclaimed(uint32(i))
		}
	})
}

// claim lets a record stand for the body that it shows, unless an earlier record is better.
func (t *Tree) claim(id uint32) {
	r := t.records.at(id)
	if r.kind != File || r.entry == noEntry {
		return
	}
	layer, entry := t.origin(r)
	if t.layers[layer].stored(entry) == 0 {
		return
	}
	at := &t.claims[layer][entry]
	if *at == 0 {
		*at = id
		return
	}
	if old := t.records.at(*at).hiddenBy; old != 0 && (r.hiddenBy == 0 || r.hiddenBy > old) {
		*at = id
	}
}

// collectUnclaimed gathers the bodies of a layer that no record shows.
func (t *Tree) collectUnclaimed(layer uint32) {
	l := t.layers[layer]
	for i := range uint32(len(t.claims[layer])) {
		e := l.entries.at(i)
		if t.claims[layer][i] != 0 || e.kind != File || l.stored(i) == 0 {
			continue
		}
		how := Ignored
		_, replaced := slices.BinarySearch(t.replaced, uint64(layer)<<32|uint64(i))
		switch {
		case bytes.HasPrefix(l.nameOf(&e), []byte(whiteoutPrefix)):
			how = WhiteoutContent
		case replaced:
			how = ReplacedInLayer
		}
		id := t.unclaimed.add(record{
			node: unseen | t.unclaimed.n, entry: i, layer: uint16(layer), hiddenBy: uint16(layer) + 1, how: how, kind: File,
		})
		t.claims[layer][i] = unseen | id
	}
}

// unseenPath returns the path of a version that has no node.
func (t *Tree) unseenPath(id uint32) string {
	r := t.unclaimed.at(id &^ unseen)
	l := t.layers[r.layer]
	e := l.entries.at(r.entry)
	return path.Clean("/" + l.written(&e))
}
