package analyze

import (
	"cmp"
	"context"
	"slices"

	"layup/analyze/source"
	"layup/tarfs"
)

// A shared holds what was found in layers that may come again, in one image or in several images of a source. Each such
// layer is read once, and each directory of an engine is compared with it once. Only a loader's workers write to it.
type shared struct {
	layers map[sameLayer]*finding
	proofs map[unpacking]*proof
}

func newShared() *shared {
	return &shared{map[sameLayer]*finding{}, map[unpacking]*proof{}}
}

// A sameLayer is equal for layers in which passes find equal things.
type sameLayer struct {
	name    string
	only    *source.Layer // if nothing tells before reading which layers are equal; else nil
	digests bool
}

// A finding is what one pass over a layer gave.
type finding struct {
	layer   *source.Layer
	scanned source.Scanned
	err     error
}

// An unpacking is a layer in a directory of an engine: equal layers may be in several.
type unpacking struct {
	directory string
	table     *tarfs.Layer
}

// A proof is a finding with what comparing the directory with the layer adds to it.
type proof struct {
	scanned source.Scanned
	err     error
}

func (l *loader) key(layer *source.Layer) sameLayer {
	k := sameLayer{name: layer.Same(), digests: l.opt.digests(layer)}
	if k.name == "" {
		k.only = layer
	}
	return k
}

// distinct returns the layers to read: of equal layers the first.
func (l *loader) distinct(images []*source.Image) (jobs []*layerJob) {
	first := map[sameLayer]bool{}
	l.images = images
	for _, img := range images {
		if l.opt.unneeded(img) {
			continue
		}
		one := new(usage)
		for _, layer := range img.Layers {
			key := l.key(layer)
			if first[key] || l.shared.layers[key] != nil {
				continue
			}
			first[key] = true
			jobs = append(jobs, &layerJob{layer, one})
		}
	}
	return jobs
}

// unproven returns the layers to compare with the directories of an engine, of equal ones the first, the largest first.
func (l *loader) unproven() (list []*source.Layer) {
	if !l.opt.Source.Verify {
		return nil
	}
	first := map[unpacking]bool{}
	entries := map[*source.Layer]int{}
	for _, img := range l.images {
		for _, layer := range img.Layers {
			f := l.shared.layers[l.key(layer)]
			if f == nil || f.err != nil || layer.Kept == nil {
				continue
			}
			key := unpacking{layer.Kept.Place(), f.scanned.Table}
			if first[key] || l.shared.proofs[key] != nil {
				continue
			}
			first[key], entries[layer] = true, f.scanned.Table.Len()
			list = append(list, layer)
		}
	}
	slices.SortStableFunc(list, func(a, b *source.Layer) int { return cmp.Compare(entries[b], entries[a]) })
	l.progress.Layers, l.progress.Done, l.progress.Comparing = len(list), 0, true
	return list
}

// prove compares a layer with its directory.
func (l *loader) prove(layer *source.Layer) {
	if l.ctx.Err() != nil {
		return
	}
	l.mu.Lock()
	f := l.shared.layers[l.key(layer)]
	l.mu.Unlock()
	layer.Content = f.layer.Content
	p := &proof{scanned: f.scanned}
	p.err = layer.Kept.Compare(l.ctx, layer, &p.scanned, l.opt.contents)

	l.mu.Lock()
	defer l.mu.Unlock()
	l.shared.proofs[unpacking{layer.Kept.Place(), f.scanned.Table}] = p
	l.progress.Done++
	l.tell()
}

// take gives an image what was found in its layers. The error is that of a limit of the whole image.
func (l *loader) take(img *Image, failed []error) error {
	var all usage
	for i, layer := range img.Layers {
		key := l.key(layer)
		f := l.shared.layers[key]
		if f == nil {
			img.scans[i].Table = new(tarfs.Layer) // reading ended before it
			continue
		}
		if key.only != nil {
			delete(l.shared.layers, key)
		}
		layer.Content = f.layer.Content // Tar then reads the bytes that were kept
		img.scans[i], failed[i] = f.scanned, f.err
		all.add(&f.scanned, l.opt)
		if layer.Kept == nil {
			continue
		}
		if p := l.shared.proofs[unpacking{layer.Kept.Place(), f.scanned.Table}]; p != nil {
			img.scans[i], failed[i] = p.scanned, p.err
		}
	}
	return all.over
}

// A merging merges images of one source one after another, each layer that they share above the same layers once.
type merging struct {
	opt    loading
	images []*Image // in the order of the source
	failed [][]error
	pile   *tarfs.Pile
	broken []error // by layer of the pile: why it could not be merged

	// What a caller does in between; may be nil.
	pushed, popped func(first *Image, layer int)
	// merged receives an image whose tree is the pile's until the next one, or an error.
	merged func(number int, err error)
}

// A branch is a layer and those that images have above it.
type branch struct {
	table  *tarfs.Layer
	first  *Image
	images []int // that end here
	above  []*branch
	known  map[sameBranch]*branch
}

// A sameBranch tells apart layers above one layer. Equal layers may be in several directories of an engine.
type sameBranch struct {
	table     *tarfs.Layer
	directory string
}

// branches returns what images have in common.
func (m *merging) branches(numbers []int) *branch {
	root := new(branch)
	for _, n := range numbers {
		img, at := m.images[n], root
		for i, table := range img.tables() {
			key := sameBranch{table, img.Layers[i].Directory}
			next := at.known[key]
			if next == nil {
				next = &branch{table: table, first: img}
				if at.known == nil {
					at.known = map[sameBranch]*branch{}
				}
				at.known[key] = next
				at.above = append(at.above, next)
			}
			at = next
		}
		at.images = append(at.images, n)
	}
	return root
}

// readMany reads the layers of all images. Those that were read are merged by run.
func readMany(ctx context.Context, chosen []*source.Image, opt loading) (m *merging, numbers []int, errs []error) {
	m = &merging{opt: opt, pile: tarfs.NewPile(opt.View)}
	errs = make([]error, len(chosen))
	readAll(ctx, chosen, opt)
	for i, one := range chosen {
		img, failed, err := read(ctx, one, opt)
		m.images, m.failed = append(m.images, img), append(m.failed, failed)
		if errs[i] = err; err == nil {
			numbers = append(numbers, i)
		} else if !opt.KeepGoing {
			break // what follows is not asked for
		}
	}
	return m, numbers, errs
}

// run merges the images of these numbers.
func (m *merging) run(ctx context.Context, numbers []int) error {
	return m.visit(ctx, m.branches(numbers))
}

func (m *merging) visit(ctx context.Context, b *branch) error {
	for _, n := range b.images {
		m.image(n)
	}
	for _, next := range b.above {
		if err := ctx.Err(); err != nil {
			return err
		}
		m.broken = append(m.broken, m.pile.Push(next.table))
		layer := m.pile.Depth() - 1
		if m.pushed != nil {
			next.first.tree, next.first.top = m.pile.Tree(), m.pile.Tree().Top()
			m.pushed(next.first, layer)
		}
		if err := m.visit(ctx, next); err != nil {
			return err
		}
		if m.popped != nil {
			m.popped(next.first, layer)
		}
		m.pile.Pop()
		m.broken = m.broken[:layer]
	}
	return nil
}

// image completes an image with the pile.
func (m *merging) image(n int) {
	img, failed := m.images[n], m.failed[n]
	for i, err := range m.broken {
		if failed[i] == nil { // else the damage of the tar explains it
			failed[i] = err
		}
	}
	var err error
	if img.read {
		err = img.merged(m.pile.Tree(), failed)
	}
	m.merged(n, err)
	img.tree, img.top = nil, nil
}
