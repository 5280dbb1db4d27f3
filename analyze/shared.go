package analyze

import (
	"cmp"
	"context"
	"errors"
	"slices"

	"layup/analyze/sieve"
	"layup/analyze/source"
	"layup/tarfs"
)

// A shared holds what was found in layers that may come again, in one image or in several images of a source. Each such
// layer is read once, and each directory of an engine is compared with it once. Only a loader's workers write to it.
type shared struct {
	layers map[sameLayer]*finding
	keys   map[*source.Layer]sameLayer // as they were before the layers were read
	proofs map[unpacking]*proof
	sieves *sieve.Set        // nil without Needs.Sieve
	tars   *source.TempFiles // of compressed layers; nil without MostBodies
	prints *tarfs.TagKey     // of tags of contents that are read in place; nil without MostBodies
}

func newShared(opt Options) *shared {
	s := &shared{layers: map[sameLayer]*finding{}, keys: map[*source.Layer]sameLayer{}, proofs: map[unpacking]*proof{}}
	if opt.Sieve != nil {
		s.sieves = sieve.NewSet(opt.Sieve, opt.Source.TempDir)
	}
	if opt.Bodies == MostBodies {
		s.tars, s.prints = &source.TempFiles{Dir: opt.Source.TempDir}, newTagKey()
	}
	return s
}

// close frees what Sieved and Contents read.
func (s *shared) close() error { return errors.Join(s.sieves.Close(), s.tars.Close()) }

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
	sieved  *sieve.Layer
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

// key is the key of a layer before it was read: reading may change where its content lies, and so what is asked of it.
func (l *loader) key(layer *source.Layer) sameLayer {
	k, known := l.shared.keys[layer]
	if !known {
		k = sameLayer{name: layer.Same(), digests: l.opt.digests(layer)}
		if k.name == "" {
			k.only = layer
		}
		l.shared.keys[layer] = k
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
		for _, layer := range img.Layers { // before any is read
			key := l.key(layer)
			if first[key] || l.shared.layers[key] != nil {
				continue
			}
			first[key] = true
			limits := *layer.Limits
			limits.Held, layer.Limits = cmp.Or(l.opt.held, &one.names), &limits
			jobs = append(jobs, &layerJob{layer, one})
		}
	}
	return jobs
}

// An unproven layer is one to compare with a directory of an engine, after it was read.
type unproven struct {
	*source.Layer
	found *finding
}

// compared lists the layers to compare, of equal ones the first, the largest first.
func (l *loader) compared() (list []unproven) {
	if !l.opt.Source.Verify {
		return nil
	}
	first := map[unpacking]bool{}
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
			first[key] = true
			list = append(list, unproven{layer, f})
		}
	}
	slices.SortStableFunc(list, func(a, b unproven) int {
		return cmp.Compare(b.found.scanned.Table.Len(), a.found.scanned.Table.Len())
	})
	l.progress.Layers, l.progress.Done, l.progress.Comparing = len(list), 0, true
	return list
}

// prove compares a layer with its directory.
func (l *loader) prove(of unproven) {
	if l.ctx.Err() != nil {
		return
	}
	of.Content = of.found.layer.Content
	p := &proof{scanned: of.found.scanned}
	p.err = of.Kept.Compare(l.ctx, of.Layer, &p.scanned, l.opt.contents)

	l.mu.Lock()
	defer l.mu.Unlock()
	l.shared.proofs[unpacking{of.Kept.Place(), p.scanned.Table}] = p
	l.progress.Done++
	l.tell()
}

// take gives an image what was found in its layers. The error is that of the sieve, which lost what was chosen,
// that of a limit of the whole image, or that of the first layer that failed, unless the image keeps going.
func (l *loader) take(img *Image, failed []error) error {
	var all usage
	var unread error
	for i, layer := range img.Layers {
		key := l.key(layer)
		f := l.shared.layers[key]
		if f == nil {
			img.scans[i].Table = new(tarfs.Layer) // reading ended before it, for a reason that is told first
			unread = cmp.Or(unread, error(img.layerError(i, errUnread)))
			continue
		}
		if key.only != nil {
			delete(l.shared.layers, key)
		}
		layer.Content = f.layer.Content // Tar then reads the bytes that were kept
		img.scans[i], failed[i], img.damaged[i] = f.scanned, f.err, f.err != nil
		img.sieved[i] = f.sieved
		all.add(&f.scanned, l.opt)
	}
	if l.lost {
		unread = nil // the layer that failed is the reason
	}
	return cmp.Or(l.ctx.Err(), l.shared.sieves.Err(), all.over, img.lost(failed), unread)
}

var errUnread = errors.New("was not read")

// proofs gives an image what comparing its layers found. The error is that of the first layer that failed, unless the
// image keeps going.
func (l *loader) proofs(img *Image, failed []error) error {
	for i, layer := range img.Layers {
		if layer.Kept == nil {
			continue
		}
		if p := l.shared.proofs[unpacking{layer.Kept.Place(), img.scans[i].Table}]; p != nil {
			img.scans[i] = p.scanned
			if p.err != nil {
				failed[i], img.damaged[i] = p.err, true
			}
		}
	}
	return cmp.Or(l.ctx.Err(), img.lost(failed))
}

// lost returns the error of the first layer that failed, unless the image keeps going.
func (img *Image) lost(failed []error) error {
	for i, err := range failed {
		if err != nil && !img.opt.KeepGoing {
			return img.layerError(i, err)
		}
	}
	return nil
}

// A merging merges images of one source one after another, each layer that they share above the same layers once.
type merging struct {
	loader *loader
	images []*Image // in the order of the source
	failed [][]error
	errs   []error // of the images
	pile   *tarfs.Pile
	broken []error // by layer of the pile: why it could not be merged

	// What a caller does in between; may be nil.
	pushed, popped func(first *Image, layer int)
	merged         func(number int) // the image's tree is the pile's until the next one
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

// branches returns what the images without an error have in common.
func (m *merging) branches() *branch {
	root := new(branch)
	for n, img := range m.images {
		if m.errs[n] != nil {
			continue
		}
		at := root
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

// readMany reads the layers of all images. Those without an error are merged by run.
func readMany(ctx context.Context, chosen []*source.Image, opt loading) *merging {
	m := &merging{loader: newLoader(ctx, opt, chosen...), pile: tarfs.NewPile(opt.View)}
	m.loader.scanAll()
	for _, one := range chosen {
		img, failed := newImage(one, opt)
		err := one.Err
		if img.read {
			err = m.loader.take(img, failed)
		}
		m.images, m.failed, m.errs = append(m.images, img), append(m.failed, failed), append(m.errs, err)
		if err != nil && !opt.KeepGoing {
			break // what follows is not asked for
		}
	}
	return m
}

// run merges the images, while the loader compares layers with their directories. Then it completes the images, and
// notes their errors.
func (m *merging) run(ctx context.Context) (err error) {
	if cmp.Or(m.errs...) != nil && !m.loader.opt.KeepGoing {
		return ctx.Err()
	}
	m.loader.proveAll(func() { err = m.visit(ctx, m.branches()) })
	if err = cmp.Or(ctx.Err(), err); err != nil {
		return err
	}
	for n, img := range m.images {
		if img.read && m.errs[n] == nil {
			m.errs[n] = cmp.Or(m.loader.proofs(img, m.failed[n]), img.complete(m.failed[n]))
		}
	}
	return nil
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

// image gives an image the pile as its tree.
func (m *merging) image(n int) {
	img, failed := m.images[n], m.failed[n]
	for i, err := range m.broken {
		if failed[i] == nil { // else the damage of the tar explains it
			failed[i] = err
		}
	}
	if img.read {
		img.merged(m.pile.Tree())
	}
	if m.merged != nil {
		m.merged(n)
	}
	img.tree, img.top = nil, nil
}
