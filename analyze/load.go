package analyze

import (
	"cmp"
	"context"
	"slices"

	"layup/analyze/sieve"
	"layup/analyze/source"
	"layup/tarfs"
)

// Progress says how far loading has come.
type Progress struct {
	Layers, Done int   // layers to read or to compare, layers finished; before they are known, 0
	Images       int   // that have these layers
	Bytes, Read  int64 // bytes stored, if they are known, and bytes read
	Remote       bool  // the bytes come over a network
	Comparing    bool  // all layers are read, and are compared with the directories of an engine
	Finished     int   // the layer that has just been read, or -1
}

// load reads every layer of a chosen image and merges them. The image is never nil: with an error it holds what is
// known.
func load(ctx context.Context, one *source.Image, opt loading) (*Image, error) {
	img, failed := newImage(one, opt)
	if !img.read {
		return img, cmp.Or(one.Err, ctx.Err(), img.unowned())
	}
	if err := img.unowned(); err != nil {
		return img, err
	}
	l := newLoader(ctx, opt, one)
	l.run()
	if err := cmp.Or(l.take(img, failed), l.proofs(img, failed)); err != nil {
		return img, err // there is no answer to merge for
	}
	img.join(failed)
	return img, img.complete(failed)
}

// join merges the layers. If an earlier process merged them, and the question is about paths that are there, it merges
// only what decides these.
func (img *Image) join(failed []error) {
	merging := source.NewMerging(img.opt.Source.Cache, img.scans, img.opt.View)
	warned, again := []tarfs.Warning(nil), false
	if len(img.opt.Paths) > 0 {
		if warned, again = merging.Warned(); again && img.joinPart(warned) {
			return
		}
	}
	tree, unmerged := tarfs.Merge(img.tables(), img.opt.View)
	for _, e := range unmerged {
		if failed[e.Layer] == nil { // else the damage of the tar explains it
			failed[e.Layer] = e.Err
		}
	}
	img.merged(tree)
	known := func(s source.Scanned) bool { return s.Known }
	if len(unmerged) == 0 && !again && (len(img.opt.Paths) > 0 || !slices.ContainsFunc(img.scans, known)) {
		merging.Keep(img.warnings)
	}
}

// joinPart merges what decides the paths of the question. It returns false if one is not there, because what may be
// meant instead can be anywhere, or if only the whole can tell.
func (img *Image) joinPart(warned []tarfs.Warning) bool {
	asked := make([]string, len(img.opt.Paths))
	for i, p := range img.opt.Paths {
		asked[i] = absolute(p)
	}
	tree, ok := tarfs.MergePart(img.tables(), img.opt.View, warned, asked)
	if !ok {
		return false
	}
	for _, p := range asked {
		if _, err := tree.Top().Resolve(p, true); err != nil {
			return false
		}
	}
	img.merged(tree)
	return true
}

// Assemble returns an image by what was read of its layers before. It knows no more. A layer that could not be read has
// an error.
func Assemble(one *source.Image, layers []*tarfs.Layer) *Image {
	img, _ := newImage(one, loading{Options: Default()})
	for i, table := range layers {
		img.scans[i] = source.Scanned{Table: table, Digest: one.Layers[i].Digest, DiffID: one.Layers[i].DiffID}
	}
	tree, _ := tarfs.Merge(layers, tarfs.Runtime) // each was merged before
	img.merged(tree)
	img.warnings = nil
	for i, l := range one.Layers {
		if l.Err != nil {
			img.errs, img.damaged[i] = append(img.errs, img.layerError(i, l.Err)), true
		}
	}
	return img
}

// newImage returns an image before its layers are read, and room for the reasons why they cannot be read. If nobody
// needs the layers, the image is complete.
func newImage(one *source.Image, opt loading) (img *Image, failed []error) {
	img = &Image{Image: one, opt: opt, scans: make([]source.Scanned, len(one.Layers)), instructions: instructions(one),
		damaged: make([]bool, len(one.Layers)), sieved: make([]*sieve.Layer, len(one.Layers))}
	if opt.Origin {
		img.trace()
	}
	if img.read = one.Err == nil && !opt.unneeded(one); !img.read {
		img.leaveLayers()
	}
	return img, make([]error, len(one.Layers))
}

// unneeded reports whether the layers of an image are not read.
func (o *loading) unneeded(one *source.Image) bool {
	return o.Layers == Never || o.Layers == IfAtHand && one.Remote
}

// tables are those of the layers.
func (img *Image) tables() []*tarfs.Layer {
	tables := make([]*tarfs.Layer, len(img.scans))
	for i := range img.scans {
		tables[i] = img.scans[i].Table
	}
	return tables
}

// merged gives an image its tree, and notes what is odd in it.
func (img *Image) merged(tree *tarfs.Tree) {
	img.tree, img.top, img.warnings = tree, tree.Top(), tree.Warnings()
}

// complete completes an image that is merged. The error is that of the first layer that failed.
func (img *Image) complete(failed []error) error {
	img.restOnTOC()
	img.restOnCache()
	img.collect(failed)
	if len(img.errs) > 0 && !img.opt.KeepGoing {
		return img.errs[0]
	}
	return nil
}

// leaveLayers completes an image without reading its layers.
func (img *Image) leaveLayers() {
	tables := make([]*tarfs.Layer, len(img.scans))
	for i, l := range img.Layers {
		tables[i] = new(tarfs.Layer)
		img.scans[i] = source.Scanned{Table: tables[i], Digest: l.Digest, DiffID: l.DiffID}
	}
	if img.Verified == "full" {
		img.Verified = "config"
	}
	tree, _ := tarfs.Merge(tables, img.opt.View) // nothing in it
	img.merged(tree)
	img.collect(make([]error, len(img.Layers)))
}

// collect gathers warnings and errors in the order of the layers.
func (img *Image) collect(failed []error) {
	ofTree := img.warnings
	img.warnings = slices.Clone(img.Image.Warnings)
	for i, s := range img.scans {
		for _, w := range s.Warnings {
			w.Layer = i
			img.warnings = append(img.warnings, w)
		}
		if failed[i] != nil {
			img.errs = append(img.errs, img.layerError(i, failed[i]))
		}
	}
	img.warnings = append(img.warnings, ofTree...)
	slices.SortStableFunc(img.warnings, func(a, b tarfs.Warning) int { return cmp.Compare(a.Layer, b.Layer) })
}

func (img *Image) layerError(i int, err error) *LayerError {
	l := img.Layers[i]
	return &LayerError{Layer: i, Digest: cmp.Or(l.Digest, l.DiffID), Err: err}
}

// restOnTOC notes whether the image rests on its builder's tables of contents, and the bytes fetched for them.
func (img *Image) restOnTOC() {
	for i := range img.scans {
		if img.scans[i].TOC {
			img.Verified = "toc"
			img.fetched += img.scans[i].Fetched
		}
	}
}

// restOnCache notes whether an earlier process verified layers of the image.
func (img *Image) restOnCache() {
	known := func(s source.Scanned) bool { return s.Known }
	if img.Verified == "full" && slices.ContainsFunc(img.scans, known) {
		img.Verified = "cached"
	}
}

// TOC reports whether the builder's tables of contents were read instead of layers, and how many bytes they were.
func (img *Image) TOC() (fetched int64, ok bool) { return img.fetched, img.Verified == "toc" }
