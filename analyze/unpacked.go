package analyze

import "layup/tarfs"

// UnpackedSizes returns for each layer the bytes of its files when it is unpacked alone, as engines count them: each
// inode once, a symlink as long as its target, nothing for directories, devices and whiteouts. A layer that could not
// be read whole has -1. It is nil where the layers were not read.
func (img *Image) UnpackedSizes() []int64 {
	if !img.read {
		return nil
	}
	sizes := make([]int64, len(img.scans))
	for i := range img.scans {
		if sizes[i] = -1; img.damaged[i] {
			continue
		}
		tree, _ := tarfs.Merge([]*tarfs.Layer{img.scans[i].Table}, img.opt.View) // what cannot be merged is an error of the image already
		sizes[i] = unpackedSize(tree)
	}
	return sizes
}

func unpackedSize(tree *tarfs.Tree) int64 {
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
