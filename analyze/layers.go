package analyze

import (
	"fmt"

	"layup/analyze/digest"
	"layup/analyze/show"
	"layup/tarfs"
)

// LayerFacts are the facts about one layer as a whole.
type LayerFacts struct {
	Index       int
	Digest      string // of the blob as stored; empty if unknown
	DiffID      string // of the uncompressed tar; empty if unknown
	ChainID     string // of the stack up to this layer; empty if a diffID is unknown
	MediaType   string
	Compression string
	Size        int64 // bytes stored
	Unpacked    int64 // bytes of the tar; -1 if unknown
	Files       int   // entries that are not whiteouts
	Added       int   // paths that the merge created
	Modified    int   // paths that it replaced or listed again
	Deleted     int   // paths that it hid without a replacement
	HiddenBytes int64 // content stored by this layer that the final tree does not show, each body once
	Partial     bool  // the layer could not be read, or not whole: the numbers leave out what is missing
	Instruction Instruction

	Role, Directory, Link string // as source.Layer has them
}

// LayerFacts returns the facts of every layer, oldest first.
func (img *Image) LayerFacts() []LayerFacts {
	list := make([]LayerFacts, len(img.Layers))
	chain := digest.Chain(img.diffIDs())
	for i, l := range img.Layers {
		s := &img.scans[i]
		list[i] = LayerFacts{
			Index: i, Digest: s.Digest, DiffID: s.DiffID, ChainID: chain[i],
			MediaType: l.MediaType, Compression: s.Compression,
			Size: l.Size, Unpacked: s.Unpacked, Files: s.Table.Files(img.opt.View), Instruction: img.Instruction(i),
			Role: l.Role, Directory: l.Directory, Link: l.Link, Partial: img.damaged[i],
		}
		if l.Assembled() && l.DiffID == "" && img.read { // no engine counted it
			list[i].Size = max(img.unpackedSize(i, tarfs.NewPile(img.opt.View)), 0)
		}
	}
	img.countChanges(list)
	for b := range img.Tree().Bodies() {
		if !b.Live() {
			list[b.Layer()].HiddenBytes += b.Stored()
		}
	}
	return list
}

// diffIDs returns the diffID of each layer, empty if unknown.
func (img *Image) diffIDs() []string {
	list := make([]string, len(img.scans))
	for i := range list {
		list[i] = img.scans[i].DiffID
	}
	return list
}

func (img *Image) countChanges(list []LayerFacts) {
	for n := range img.Tree().Nodes() {
		if n.IsRoot() {
			continue
		}
		var old tarfs.Version
		visible := false
		for v := range n.Versions() {
			by := tarfs.NoLayer
			if visible {
				by, _ = old.HiddenBy()
			}
			if v.Relists() || visible && by == v.Layer() {
				list[v.Layer()].Modified++
			} else {
				list[v.Layer()].Added++
				if visible && by != tarfs.NoLayer {
					list[by].Deleted++
				}
			}
			old, visible = v, true
		}
		if by, how := old.HiddenBy(); visible && how != tarfs.NotHidden {
			list[by].Deleted++
		}
	}
}

// UnpackedSizes returns the bytes of each layer's files when it is unpacked alone. As in engines, an inode counts once,
// a symlink is as long as its target, and directories, devices and whiteouts count nothing. A layer that could not be
// read whole has -1. The list is nil if the layers were not read.
func (img *Image) UnpackedSizes() []int64 {
	if !img.read {
		return nil
	}
	sizes := make([]int64, len(img.scans))
	pile := tarfs.NewPile(img.opt.View)
	for i := range img.scans {
		sizes[i] = img.unpackedSize(i, pile)
	}
	return sizes
}

// unpackedSize returns the bytes of one layer's files; -1 if the layer could not be read whole. The pile is empty and
// has the image's view.
func (img *Image) unpackedSize(layer int, pile *tarfs.Pile) int64 {
	switch {
	case img.damaged[layer]:
		return -1
	case layer == 0 && img.tree != nil: // it was merged alone
		return filesSize(img.tree.At(0))
	}
	_ = pile.Push(img.scans[layer].Table) // what cannot be merged is an error of the image already
	defer pile.Pop()
	return filesSize(pile.Tree().Top())
}

// filesSize adds up what files and symlinks hold, each inode once.
func filesSize(shown *tarfs.Snapshot) (total int64) {
	seen := map[uint32]bool{}
	for v := range shown.Unordered() {
		n := v.Size()
		switch v.Type() {
		case tarfs.Symlink:
			n = int64(len(v.Link()))
		case tarfs.File:
		default:
			continue
		}
		if id, linked := v.LinkGroup(); linked {
			if seen[id] {
				continue
			}
			seen[id] = true
		}
		total += n
	}
	return total
}

// A ShownSize is the size of an image as docker images shows it.
type ShownSize struct {
	Unpacked int64 // bytes of the unpacked layers
	Blobs    int64 // bytes of the layers as stored; 0 if an engine keeps only their files
	Both     bool  // the image is in containerd's store, which keeps both: docker images adds them up
	AtLeast  bool  // some layers could not be read
}

// ShownSize returns what docker images shows for the image: the bytes of the unpacked layers, each inode of a layer
// once. An engine with containerd's store also counts the blobs. What an engine recorded is what it shows.
func (img *Image) ShownSize() ShownSize {
	var size ShownSize
	for i, n := range img.dockerSizes() {
		if !img.Counts(i) {
			continue
		}
		size.Unpacked += max(n, 0)
		size.AtLeast = size.AtLeast || n < 0
	}
	size.AtLeast = size.AtLeast || len(img.Errors()) > 0
	e := img.Engine
	if size.Both = e != nil && e.Measure == nil && img.Container == nil; size.Both && e.Size >= 0 && img.Counts(0) {
		size.Blobs = e.Size
	} else if e == nil || size.Both {
		for i, l := range img.Layers {
			if img.Counts(i) {
				size.Blobs += l.Size
			}
		}
	}
	return size
}

// Bytes is the size.
func (s ShownSize) Bytes() int64 {
	if s.Both {
		return s.Unpacked + s.Blobs
	}
	return s.Unpacked
}

// String says the size, and what an engine of the other kind also counts.
func (s ShownSize) String() string {
	text := show.Grouped(s.Bytes()) + " bytes as docker images shows"
	if s.AtLeast {
		text = "at least " + text
	}
	switch {
	case s.Both:
		text += fmt.Sprintf(" (%s unpacked, %s stored)", show.Grouped(s.Unpacked), show.Grouped(s.Blobs))
	case s.Blobs > 0:
		text += fmt.Sprintf(" (about %s more with containerd's store)", show.Grouped(s.Blobs))
	}
	return text
}
