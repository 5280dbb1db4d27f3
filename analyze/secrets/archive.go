package secrets

import (
	"context"
	"errors"
	"io"
	"path"
	"slices"
	"strings"

	"layup/analyze/archives"
	"layup/tarfs"
)

// An unpacking searches the files in the archives of an image.
type unpacking struct {
	ctx    context.Context
	s      *Search
	set    *Set
	reader archives.Reader
	v      tarfs.Version // the archive at hand
	path   string        // of the archive, as rules know it
	first  int           // of the findings in the archive
}

func (s *Search) unpacking(ctx context.Context, set *Set) *unpacking {
	u := &unpacking{ctx: ctx, s: s, set: set}
	u.reader.Begin, u.reader.Lacks, u.reader.Beside = u.begin, u.lacks, u.beside
	return u
}

// archive searches the files in an archive that was set aside.
func (u *unpacking) archive(v tarfs.Version, c *io.SectionReader) error {
	u.v, u.path, u.first = v, strings.TrimPrefix(v.Node().Path(), "/"), len(u.set.Findings)
	_, err := u.reader.Read(u.ctx, path.Base(u.path), c)
	switch {
	case err == nil:
		return nil
	case u.ctx.Err() != nil:
		return u.ctx.Err()
	case errors.Is(err, archives.ErrKind):
		u.set.Compressed++
		return nil
	}
	u.lacks(err)
	return u.beside(io.NewSectionReader(c, 0, c.Size()))
}

// lacks says that a part of the archive at hand cannot be read.
func (u *unpacking) lacks(err error) {
	u.set.Cut++
	u.set.warn(NotAllOfIt, u.v, err.Error())
}

// beside searches bytes of an archive themselves. What was found in its files is not added again.
func (u *unpacking) beside(r io.Reader) error {
	f := u.s.begin(u.path)
	f.bare = true
	if _, err := io.CopyBuffer(feeder{f}, r, make([]byte, 32<<10)); err != nil &&
		err != tarfs.ErrEnough {
		return err
	}
	n := f.finish()
	known := map[string]bool{}
	for _, one := range u.set.Findings[u.first:] {
		known[one.Secret] = true
	}
	n.Found = slices.DeleteFunc(n.Found, func(r raw) bool { return known[string(r.Secret)] })
	u.s.add(u.set, u.v, n, "")
	return nil
}

// An inside is a file in an archive while it is searched.
type inside struct {
	u    *unpacking
	name string
	*searcher
	done bool
}

func (u *unpacking) begin(name string) io.WriteCloser {
	return &inside{u: u, name: name, searcher: u.s.begin(place(name))}
}

// Write takes a piece of the file.
func (i *inside) Write(b []byte) (int, error) {
	if i.done {
		return len(b), tarfs.ErrEnough
	}
	n, err := feeder{i.searcher}.Write(b)
	i.done = err != nil
	return n, err
}

// Close adds what was found.
func (i *inside) Close() error {
	n := i.finish()
	i.u.s.add(i.u.set, i.u.v, n, i.name)
	return nil
}

// A feeder feeds a searcher.
type feeder struct{ *searcher }

// Write takes a piece of the text.
func (f feeder) Write(b []byte) (int, error) {
	if !f.feed(b) {
		return len(b), tarfs.ErrEnough
	}
	return len(b), nil
}
