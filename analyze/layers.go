package analyze

import (
	"layup/analyze/digest"
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
			Role: l.Role, Directory: l.Directory, Link: l.Link,
		}
		if l.Assembled() && l.DiffID == "" && img.read { // no engine counted it
			list[i].Size = max(img.unpackedSize(i), 0)
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
	for i := range img.scans {
		sizes[i] = img.unpackedSize(i)
	}
	return sizes
}

// unpackedSize returns the bytes of one layer's files; -1 if the layer could not be read whole.
func (img *Image) unpackedSize(layer int) int64 {
	if img.damaged[layer] {
		return -1
	}
	// What cannot be merged is an error of the image already.
	tree, _ := tarfs.Merge([]*tarfs.Layer{img.scans[layer].Table}, img.opt.View)
	var total int64
	top := tree.Top()
	for v := range top.Walk(tree.Root(), -1) {
		n := v.Size()
		switch v.Type() {
		case tarfs.Symlink:
			n = int64(len(v.Link()))
		case tarfs.File:
		default:
			continue
		}
		if first, ok := top.FirstName(v); !ok || first == v.Node() {
			total += n
		}
	}
	return total
}
