package extract

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"io"
	"os"

	"layup/analyze"
	"layup/tarfs"
)

// files writes the regular files in the order in which the layers store their contents.
func (b *builder) files(ctx context.Context) error {
	return b.plan.img.Bodies(ctx, b.versions, func(which []int, body *analyze.Body) (err error) {
		var source *os.File // the first file with this content that was made
		defer func() {
			if source != nil {
				err = cmp.Or(err, plain(source.Close()))
			}
		}()
		for _, k := range which {
			f, err := b.file(b.items[k], body, source)
			switch {
			case err != nil:
				return err
			case source == nil:
				source = f
			case f != nil:
				if err := f.Close(); err != nil {
					return fmt.Errorf("%q: %w", b.path(b.items[k]), plain(err))
				}
			}
		}
		return nil
	})
}

// file makes a regular file with its content: that of the body, or of another file if the body was read before. It
// returns nil without an error if the file was left out.
func (b *builder) file(i int, body *analyze.Body, from *os.File) (made *os.File, err error) {
	_, err = b.first(i, func(at *folder, name string) error {
		f, err := at.root.OpenFile(name, os.O_RDWR|os.O_CREATE|os.O_EXCL, 0o600)
		if err != nil {
			return making(err)
		}
		if err = b.fill(f, body, from); err == nil {
			err = b.settle(i, at, name, f)
		}
		if err != nil {
			return errors.Join(err, f.Close())
		}
		made = f
		return nil
	})
	if made != nil {
		b.result.Count[tarfs.File]++
	}
	return made, err
}

// first makes the first name of a file, or another of its names if the target cannot hold the first.
func (b *builder) first(i int, f func(at *folder, name string) error) (bool, error) {
	made, err := b.entry(i, f)
	if made || err != nil || !b.opt.KeepGoing {
		return made, err
	}
	for _, k := range b.namesOf(i) {
		if made, err = b.entry(k, f); made || err != nil {
			b.made[int32(i)] = k
			return made, err
		}
	}
	return false, nil
}

// namesOf returns the other names of an item.
func (b *builder) namesOf(i int) []int {
	if b.names == nil {
		b.names = map[int32][]int{}
		for k, it := range b.plan.items {
			if it.first != int32(k) {
				b.names[it.first] = append(b.names[it.first], k)
			}
		}
	}
	return b.names[int32(i)]
}

// fill writes the extents of a content and leaves the holes. It reads them from the body, or from another file if one
// is given.
func (b *builder) fill(f *os.File, body *analyze.Body, from *os.File) error {
	end := int64(0)
	for _, e := range body.Extents {
		var content io.Reader = body
		if from != nil {
			content = io.NewSectionReader(from, e.FileOffset, e.Size)
		}
		end = e.FileOffset
		for left := e.Size; left > 0; {
			n, err := io.ReadFull(content, b.buf[:min(left, int64(len(b.buf)))])
			if err != nil {
				return err
			}
			if _, err := f.WriteAt(b.buf[:n], end); err != nil {
				return plain(err)
			}
			end += int64(n)
			left -= int64(n)
			b.result.Bytes += int64(n)
			b.plan.wrote(int64(n))
		}
	}
	if end < body.Size {
		return plain(f.Truncate(body.Size))
	}
	return nil
}
