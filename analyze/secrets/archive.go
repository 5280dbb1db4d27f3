package secrets

import (
	"archive/zip"
	"bufio"
	"bytes"
	"cmp"
	"context"
	"errors"
	"fmt"
	"io"
	"math"
	"path"
	"slices"
	"strings"

	"layup/analyze/source/decode"
	"layup/tarfs"
)

// The limits of archives in an image: honest ones do not come near.
const (
	mostArchive = 1 << 30   // bytes of an archive
	mostInside  = 4 << 30   // bytes that are decompressed of all archives
	mostIndex   = 8 << 20   // bytes of the list of files of a zip: each takes much more memory
	mostFiles   = 1_000_000 // of all archives
	mostWindow  = 64 << 20  // bytes that a decoder may keep
)

// An unpacking searches the files in the archives of an image.
type unpacking struct {
	ctx   context.Context
	s     *Search
	set   *Set
	v     tarfs.Version // the archive at hand
	path  string        // of the archive, as rules know it
	bytes int64         // decompressed so far
	files int
}

var errTooMuch = errors.New("too much is in the archives of the image")

// archive searches the files in an archive that was set aside.
func (u *unpacking) archive(v tarfs.Version, c *io.SectionReader) error {
	u.v, u.path = v, strings.TrimPrefix(v.Node().Path(), "/")
	first := len(u.set.Findings)
	err := u.read(c)
	if err == nil {
		return nil
	}
	if u.ctx.Err() != nil {
		return u.ctx.Err()
	}
	u.lacks(err)
	return u.beside(first, io.NewSectionReader(c, 0, c.Size()))
}

// beside searches the bytes of an archive themselves. What was found in its files, the findings from first on, is not
// added again.
func (u *unpacking) beside(first int, r io.Reader) error {
	f := u.s.begin(u.path)
	f.bare = true
	if _, err := io.CopyBuffer(feeder{f}, r, make([]byte, 32<<10)); err != nil &&
		err != tarfs.ErrEnough {
		return err
	}
	n := f.finish()
	known := map[string]bool{}
	for _, one := range u.set.Findings[first:] {
		known[one.Secret] = true
	}
	n.Found = slices.DeleteFunc(n.Found, func(r raw) bool { return known[string(r.Secret)] })
	u.s.add(u.set, u.v, n, "")
	return nil
}

func (u *unpacking) read(c *io.SectionReader) (err error) {
	defer damaged(&err)
	head := make([]byte, min(c.Size(), decode.HeadSize))
	if _, err := c.ReadAt(head, 0); err != nil && err != io.EOF {
		return err
	}
	if bytes.HasPrefix(head, []byte("PK")) {
		return u.zip(c)
	}
	compression := decode.Sniff(head, c.Size())
	r := bufio.NewReaderSize(c, 64<<10)
	switch compression {
	case decode.None:
		return u.tar(r)
	case "":
		if kindOf(head) != compressed {
			return errors.New("not a tar: it only looks like one")
		}
		u.set.Compressed++ // of a kind that is not read
		return nil
	}
	decoder, err := decode.New(r, compression, mostWindow)
	if err != nil {
		return err
	}
	return errors.Join(u.stream(&metered{decoder, u}), decoder.Close())
}

// stream searches what a compressed file holds: a tar, or one file.
func (u *unpacking) stream(src io.Reader) error {
	r := bufio.NewReaderSize(src, 64<<10)
	head, err := r.Peek(decode.HeadSize)
	if err != nil && err != io.EOF {
		return err
	}
	if len(head) == decode.HeadSize && decode.Sniff(head, -1) == decode.None {
		return u.tar(r)
	}
	base := path.Base(u.path)
	return u.file(strings.TrimSuffix(base, path.Ext(base)), r)
}

// zip searches the files in a zip.
func (u *unpacking) zip(c *io.SectionReader) error {
	first := len(u.set.Findings)
	index := &bounded{c, mostIndex}
	z, err := zip.NewReader(index, c.Size())
	if err != nil {
		return err
	}
	index.left = math.MaxInt64
	var read []*zip.File
	for _, f := range z.File {
		if strings.HasSuffix(f.Name, "/") {
			continue
		}
		err := u.member(f)
		switch {
		case err == nil:
			read = append(read, f)
		case errors.Is(err, errTooMuch), u.ctx.Err() != nil:
			return fmt.Errorf("%s: %w", f.Name, err)
		default:
			u.lacks(fmt.Errorf("%s: %w", f.Name, err))
		}
	}
	return u.beside(first, outside(c, read))
}

// member searches a file in a zip. After an error the others can still be read: the list of files says where they are.
func (u *unpacking) member(f *zip.File) (err error) {
	defer damaged(&err)
	r, err := f.Open()
	if err != nil {
		return err
	}
	err = u.file(f.Name, &metered{r, u})
	return cmp.Or(err, r.Close())
}

// damaged makes an error of a panic of the reader of zip files: the file is hostile.
func damaged(err *error) {
	if r := recover(); r != nil {
		*err = fmt.Errorf("damaged: %v", r)
	}
}

// lacks says that a part of the archive at hand cannot be read.
func (u *unpacking) lacks(err error) {
	u.set.Cut++
	u.set.warn(NotAllOfIt, u.v, err.Error())
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

func (b *bounded) ReadAt(p []byte, offset int64) (int, error) {
	if b.left -= int64(len(p)); b.left < 0 {
		return 0, fmt.Errorf("its list of files has more than %d bytes", mostIndex)
	}
	return b.ReaderAt.ReadAt(p, offset)
}

// metered fails after too much was read of all archives.
type metered struct {
	io.Reader
	u *unpacking
}

func (m *metered) Read(p []byte) (int, error) {
	if err := m.u.ctx.Err(); err != nil {
		return 0, err
	}
	n, err := m.Reader.Read(p)
	if m.u.bytes += int64(n); m.u.bytes > mostInside {
		return 0, errTooMuch
	}
	return n, err
}

// tar searches the files in a tar.
func (u *unpacking) tar(r *bufio.Reader) error {
	var now *inside
	end := func() {
		if now != nil {
			now.end()
			now = nil
		}
	}
	var over error
	keep := func(name []byte, _, _ int64) io.Writer {
		end()
		if over = u.count(); over == nil {
			now = u.begin(string(name))
			return now
		}
		return nil
	}
	limits := tarfs.DefaultLimits()
	l, err := tarfs.Scan(r, tarfs.ScanOptions{Limits: limits, Dialect: tarfs.Plain, Keep: keep, Sparse: true})
	end()
	if err = errors.Join(over, err); err == nil && l.Tail() {
		err = errors.New("more follows the end of its tar")
	}
	return err
}

// file searches one file.
func (u *unpacking) file(name string, r io.Reader) error {
	if err := u.count(); err != nil {
		return err
	}
	in := u.begin(name)
	_, err := io.CopyBuffer(in, r, make([]byte, 32<<10))
	in.end()
	if err == tarfs.ErrEnough {
		err = nil
	}
	return err
}

func (u *unpacking) count() error {
	if u.files++; u.files > mostFiles {
		return errTooMuch
	}
	return nil
}

// An inside is a file in an archive while it is searched.
type inside struct {
	u    *unpacking
	name string
	*searcher
	done bool
}

func (u *unpacking) begin(name string) *inside {
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

// A feeder feeds a searcher.
type feeder struct{ *searcher }

// Write takes a piece of the text.
func (f feeder) Write(b []byte) (int, error) {
	if !f.feed(b) {
		return len(b), tarfs.ErrEnough
	}
	return len(b), nil
}

// end adds what was found.
func (i *inside) end() {
	n := i.finish()
	i.u.s.add(i.u.set, i.u.v, n, i.name)
}
