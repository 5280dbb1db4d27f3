package extract

import (
	"cmp"
	"context"
	"crypto/sha256"
	"encoding/base32"
	"encoding/hex"
	"errors"
	"fmt"
	"os"
	"path"
	"path/filepath"
	"slices"
	"strconv"
	"strings"

	"layup/analyze"
	"layup/analyze/temporary"
	"layup/tarfs"
)

// An OverlayLayer is a layer as the overlay2 driver stores it: its files are in ID/diff, and the symlink l/LINK leads
// there. Source: moby, daemon/graphdriver/overlay2.
type OverlayLayer struct {
	ID, Link string
	Result   Result
}

// Overlay writes the layers of an image to a directory that is new or empty, as the overlay2 driver does. A character
// device 0:0 stands for a path that a layer deletes. The attribute trusted.overlay.opaque marks a directory that hides
// its content in lower layers. The directories upper, work and merged are for a mount. It needs root. The directory has
// a temporary name until it is complete; on failure Overlay removes it.
func Overlay(ctx context.Context, img *analyze.Image, dir string) (layers []OverlayLayer, err error) {
	if err := overlayPrivilege(); err != nil {
		return nil, err
	}
	place, err := temporary.NewDir(dir)
	if err != nil {
		return nil, &PlaceError{err}
	}
	o := &overlay{img: img, dir: place.Path(), root: place.Root, plans: overlayPlans(img)}
	for i := range img.Layers {
		if err = o.layer(ctx, i); err != nil {
			err = fmt.Errorf("layer %d: %w", i, err)
			break
		}
	}
	for _, name := range []string{"upper", "work", "merged"} {
		if err == nil {
			err = plain(o.root.Mkdir(name, 0o755))
		}
	}
	if err == nil {
		err = cmp.Or(place.Open(), place.Commit())
	}
	if err != nil {
		err = errors.Join(err, place.Discard())
	}
	return o.layers, errors.Join(err, place.Close())
}

// An overlay is a directory that is being written.
type overlay struct {
	img    *analyze.Image
	dir    string // of the unfinished tree
	root   *os.Root
	plans  []overlayPlan
	layers []OverlayLayer
}

// An overlayPlan is what a layer hides.
type overlayPlan struct {
	whiteouts []tarfs.Node
	opaque    map[tarfs.Node]bool
}

// overlayPlans finds what each layer hides: the topmost paths that it deletes, and its opaque directories.
func overlayPlans(img *analyze.Image) []overlayPlan {
	plans := make([]overlayPlan, len(img.Layers))
	for i := range plans {
		plans[i].opaque = map[tarfs.Node]bool{}
	}
	tree := img.Tree()
	for n := range tree.Nodes() {
		for v := range n.Versions() {
			layer, how := v.HiddenBy()
			if how != tarfs.ByWhiteout && how != tarfs.ByOpaque || n.IsRoot() {
				continue
			}
			view := tree.At(layer)
			up, ok := view.Of(n.Parent())
			if !ok || up.Type() != tarfs.Dir { // its directory is gone also
				continue
			}
			p := &plans[layer]
			if _, there := view.Of(n); how == tarfs.ByWhiteout && !there {
				p.whiteouts = append(p.whiteouts, n)
			}
			if how == tarfs.ByOpaque {
				p.opaque[n.Parent()] = true
			}
		}
	}
	return plans
}

// versions returns what a layer wrote, with all parent directories.
func (p *overlayPlan) versions(tree *tarfs.Tree, layer int) []tarfs.Version {
	view := tree.At(layer)
	need := map[tarfs.Node]bool{tree.Root(): true}
	above := func(n tarfs.Node) {
		for ; !need[n]; n = n.Parent() {
			need[n] = true
		}
	}
	for v := range view.Walk(tree.Root(), -1) {
		if v.MetaLayer() == layer || v.Implied() && v.Layer() == layer {
			above(v.Node())
		}
	}
	for _, n := range p.whiteouts {
		above(n.Parent())
	}
	for n := range p.opaque {
		above(n)
	}
	var list []tarfs.Version
	for v := range view.Walk(tree.Root(), -1) {
		if need[v.Node()] {
			list = append(list, v)
		}
	}
	return list
}

// layer makes the directory of one layer.
func (o *overlay) layer(ctx context.Context, i int) error {
	id := o.name(i)
	sum := sha256.Sum256([]byte(id))
	l := OverlayLayer{ID: id, Link: base32.StdEncoding.EncodeToString(sum[:])[:26]}
	if i == 0 {
		if err := o.root.Mkdir("l", 0o755); err != nil {
			return plain(err)
		}
	}
	if err := o.root.Mkdir(id, 0o710); err != nil {
		return plain(err)
	}
	plan, err := NewPlan(o.img, slices.Values(o.plans[i].versions(o.img.Tree(), i)), 0)
	if err != nil {
		return err
	}
	diff := filepath.Join(o.dir, id, "diff")
	if l.Result, err = plan.Into(ctx, diff, Options{SameOwner: true, Devices: true, Setuid: true}); err != nil {
		return err
	}
	if err := o.plans[i].hide(diff); err != nil {
		return err
	}
	files := map[string]string{"link": l.Link, "committed": ""}
	if i > 0 {
		files["lower"] = Lower(o.layers)
	}
	for name, text := range files {
		if err := o.root.WriteFile(path.Join(id, name), []byte(text), 0o644); err != nil {
			return plain(err)
		}
	}
	o.layers = append(o.layers, l)
	return plain(o.root.Symlink("../"+id+"/diff", "l/"+l.Link))
}

// name returns the name of a layer's directory: the chainID, which is always the same. The engine's names are random.
func (o *overlay) name(i int) string {
	if hexID, ok := strings.CutPrefix(o.img.LayerFacts()[i].ChainID, "sha256:"); ok {
		return hexID
	}
	sum := sha256.Sum256([]byte("layer " + strconv.Itoa(i)))
	return hex.EncodeToString(sum[:])
}

// Lower returns the mount option lowerdir for layers: the newest first.
func Lower(layers []OverlayLayer) string {
	var list []string
	for _, l := range slices.Backward(layers) {
		list = append(list, "l/"+l.Link)
	}
	return strings.Join(list, ":")
}
