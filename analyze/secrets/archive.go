package secrets

import (
	"archive/zip"
	"bufio"
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"math"
	"path"
	"strings"

	"layup/analyze/sieve"
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
func (u *unpacking) archive(v tarfs.Version, c *sieve.Content) error {
	u.v, u.path = v, strings.TrimPrefix(v.Node().Path(), "/")
	if err := u.read(c); err != nil {
		if u.ctx.Err() != nil {
			return u.ctx.Err()
		}
		u.set.Cut++
		u.set.Warnings = append(u.set.Warnings, tarfs.Warning{Code: NotAllOfIt, Layer: v.Layer(), Path: v.Node().Path(),
			Note: err.Error()})
	}
	return nil
}

func (u *unpacking) read(c *sieve.Content) (err error) {
	defer func() {
		if r := recover(); r != nil { // of the reader of zip files: the file is hostile
			err = fmt.Errorf("damaged: %v", r)
		}
	}()
	head := make([]byte, min(c.Size, decode.HeadSize))
	if _, err := c.ReadAt(head, 0); err != nil && err != io.EOF {
		return err
	}
	if bytes.HasPrefix(head, []byte("PK")) {
		return u.zip(c)
	}
	compression := decode.Sniff(head, c.Size)
	r := bufio.NewReaderSize(io.NewSectionReader(c, 0, c.Size), 64<<10)
	switch compression {
	case decode.None:
		return u.tar(r)
	case "":
		return nil // it only begins like one
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
func (u *unpacking) zip(c *sieve.Content) error {
	index := &bounded{c, mostIndex}
	z, err := zip.NewReader(index, c.Size)
	if err != nil {
		return err
	}
	index.left = math.MaxInt64
	for _, f := range z.File {
		if strings.HasSuffix(f.Name, "/") {
			continue
		}
		r, err := f.Open()
		if err != nil {
			return fmt.Errorf("%s: %w", f.Name, err)
		}
		if err := errors.Join(u.file(f.Name, &metered{r, u}), r.Close()); err != nil {
			return fmt.Errorf("%s: %w", f.Name, err)
		}
	}
	return nil
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
	_, err := tarfs.Scan(r, tarfs.ScanOptions{Limits: limits, Dialect: tarfs.Plain, Keep: keep, Sparse: true})
	end()
	return errors.Join(over, err)
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
	if i.done = i.done || !i.feed(b); i.done {
		return len(b), tarfs.ErrEnough
	}
	return len(b), nil
}

// end adds what was found.
func (i *inside) end() {
	n := i.finish()
	i.u.s.add(i.u.set, i.u.v, n, i.name)
}
