package analyze

import (
	"context"
	"errors"
	"fmt"
	"io"

	"layup/analyze/source"
	"layup/tarfs"
)

// Texts holds the content of small files that are compared with others: read once, all of it, also of layers that nothing proves. It lies in
// memory where it is little, else in an unlinked temporary file. Close it after use.
type Texts struct {
	scratch *source.Scratch
	pieces  map[uint64]piece // by inode
}

// A piece is where a content lies in the scratch.
type piece struct{ at, size int64 }

// Texts reads the content of files, every layer once.
func (img *Image) Texts(ctx context.Context, files []tarfs.Version) (*Texts, error) {
	c := &Texts{scratch: source.NewScratch(img.opt.Source.TempDir), pieces: map[uint64]piece{}}
	var end int64
	buffer := make([]byte, 32<<10)
	err := img.Bodies(ctx, files, func(which []int, b *Body) error {
		n, err := io.CopyBuffer(c.scratch, b.Expanded(), buffer)
		inode, _ := files[which[0]].Inode()
		c.pieces[inode] = piece{end, n}
		end += n
		return err
	})
	if err != nil {
		return nil, errors.Join(fmt.Errorf("%s: %w", img.Name, err), c.Close())
	}
	return c, nil
}

// Of returns the content of one of the files.
func (c *Texts) Of(v tarfs.Version) ([]byte, error) {
	inode, _ := v.Inode()
	p := c.pieces[inode]
	content := make([]byte, p.size)
	if _, err := c.scratch.ReadAt(content, p.at); err != nil && err != io.EOF {
		return nil, err
	}
	return content, nil
}

// Close gives the memory or the file back.
func (c *Texts) Close() error {
	if c == nil {
		return nil
	}
	return c.scratch.Close()
}
