package analyze

import (
	"cmp"
	"context"
	"crypto/sha256"
	"fmt"
	"io"
	"slices"

	"layup/tarfs"
)

// sums are digests of files' content, by inode.
type sums []inodeSum

type inodeSum struct {
	inode uint64
	sum   [sha256.Size]byte
}

// sums hashes the content of files, every layer read once.
func (img *Image) sums(ctx context.Context, files []tarfs.Version) (sums, error) {
	list := make(sums, 0, len(files))
	hash, buffer := sha256.New(), make([]byte, 32<<10)
	err := img.Bodies(ctx, files, func(which []int, b *Body) error {
		hash.Reset()
		if _, err := io.CopyBuffer(hash, b.Expanded(), buffer); err != nil {
			return err
		}
		inode, _ := files[which[0]].Inode()
		list = append(list, inodeSum{inode, [sha256.Size]byte(hash.Sum(buffer[:0]))})
		return nil
	})
	if err != nil {
		return nil, fmt.Errorf("%s: %w", img.Name, err)
	}
	slices.SortFunc(list, func(a, b inodeSum) int { return cmp.Compare(a.inode, b.inode) })
	return list, nil
}

// of returns the digest of a file that was hashed.
func (s sums) of(v tarfs.Version) ([sha256.Size]byte, bool) {
	inode, _ := v.Inode()
	i, ok := slices.BinarySearchFunc(s, inode, func(one inodeSum, inode uint64) int { return cmp.Compare(one.inode, inode) })
	if !ok {
		return [sha256.Size]byte{}, false
	}
	return s[i].sum, true
}
