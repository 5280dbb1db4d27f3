package archives

import (
	"archive/zip"
	"bytes"
	"cmp"
	"context"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"math"
	"slices"
	"strings"

	"layup/tarfs"
)

// zip reads the files in a zip.
func (r *Reader) zip(ctx context.Context, c *io.SectionReader) (List, error) {
	index := &bounded{c, mostIndex}
	z, err := zip.NewReader(index, c.Size())
	if err != nil {
		return List{}, err
	}
	index.left = math.MaxInt64
	var read []*zip.File
	var list []tarfs.Own
	for _, f := range z.File {
		own, err := r.member(ctx, f)
		if r.List && r.listed(own.Path) {
			list = append(list, own)
		}
		switch {
		case err == nil && own.Type != tarfs.Dir:
			read = append(read, f)
		case errors.Is(err, errTooMuch), ctx.Err() != nil:
			return r.list(list), fmt.Errorf("%s: %w", f.Name, cmp.Or(ctx.Err(), err))
		case err != nil:
			r.Lacks(fmt.Errorf("%s: %w", f.Name, err))
		}
	}
	if r.Beside != nil {
		err = r.Beside(outside(c, read))
	}
	return r.list(list), err
}

// member reads a file in a zip. After an error the others can still be read: the list of files says where they are.
func (r *Reader) member(ctx context.Context, f *zip.File) (own tarfs.Own, err error) {
	defer damaged(&err)
	own = tarfs.Own{Path: clean(f.Name), Meta: tarfs.Meta{Mode: unix(f.Mode())}, Size: int64(f.UncompressedSize64)}
	if f.Modified.Year() >= 1980 { // a date of 0 is in 1979
		own.MTime = f.Modified.Unix()
	}
	if strings.HasSuffix(f.Name, "/") {
		own.Type, own.Size = tarfs.Dir, 0
		return own, r.count()
	}
	src, err := f.Open()
	if err != nil {
		return own, err
	}
	m := &metered{ctx, src, r}
	if r.List && f.Mode()&fs.ModeSymlink != 0 {
		var target []byte
		target, err = io.ReadAll(io.LimitReader(m, int64(tarfs.DefaultLimits().Link)))
		own.Type, own.Link = tarfs.Symlink, string(target)
	} else {
		err = r.file(&own, f.Name, m)
	}
	return own, cmp.Or(err, src.Close())
}

// unix returns the permission bits of a mode.
func unix(m fs.FileMode) uint16 {
	mode := uint16(m.Perm())
	for _, bit := range []struct {
		of fs.FileMode
		is uint16
	}{{fs.ModeSetuid, 0o4000}, {fs.ModeSetgid, 0o2000}, {fs.ModeSticky, 0o1000}} {
		if m&bit.of != 0 {
			mode |= bit.is
		}
	}
	return mode
}

// listed reports whether a path is listed. If not, Lacks gets why.
func (r *Reader) listed(path string) bool {
	limits := tarfs.DefaultLimits()
	n := strings.Count(path, "/")
	switch r.entries += n; {
	case len(path) > limits.Path || n > limits.Components || strings.Contains(path, "\x00"):
		r.Lacks(errors.New("a path in it is too long, or has a NUL: it is not listed"))
	case r.entries > mostFiles:
		if r.entries-n <= mostFiles {
			r.Lacks(errTooMuch)
		}
	default:
		return true
	}
	return false
}

// list makes a list of what was read. Of several files with one path, the last is in it, as in a directory into which
// the archive is unpacked.
func (r *Reader) list(owns []tarfs.Own) List {
	if !r.List {
		return List{}
	}
	slices.SortStableFunc(owns, func(a, b tarfs.Own) int { return strings.Compare(a.Path, b.Path) })
	last := make([]tarfs.Own, 0, len(owns))
	for i, own := range owns {
		if i+1 == len(owns) || owns[i+1].Path != own.Path {
			last = append(last, own)
		}
	}
	if n := len(owns) - len(last); n > 0 {
		r.Lacks(fmt.Errorf("%d of its files are not listed: others in it have their paths", n))
	}
	return List{tarfs.Settle(slices.Values(last)), false}
}

// outside reads what is in a zip and in none of the files that were read: before, between and after them.
func outside(c *io.SectionReader, read []*zip.File) io.Reader {
	type span struct{ from, to int64 }
	var taken []span
	for _, f := range read {
		if from, err := f.DataOffset(); err == nil {
			taken = append(taken, span{from, from + int64(min(f.CompressedSize64, uint64(c.Size())))})
		}
	}
	slices.SortFunc(taken, func(a, b span) int { return cmp.Compare(a.from, b.from) })
	var parts []io.Reader
	at := int64(0)
	for _, s := range append(taken, span{c.Size(), c.Size()}) {
		if s.from > at {
			parts = append(parts, io.NewSectionReader(c, at, s.from-at), bytes.NewReader([]byte{0}))
		}
		at = max(at, s.to)
	}
	return io.MultiReader(parts...)
}

// bounded fails after it has read as many bytes as are left.
type bounded struct {
	io.ReaderAt
	left int64
}

// ReadAt reads from the zip.
func (b *bounded) ReadAt(p []byte, offset int64) (int, error) {
	if b.left -= int64(len(p)); b.left < 0 {
		return 0, fmt.Errorf("its list of files has more than %d bytes", mostIndex)
	}
	return b.ReaderAt.ReadAt(p, offset)
}
