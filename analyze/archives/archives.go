// Package archives reads the files in archives that an image holds, one level deep: zip and what is one (jar, war,
// whl), tar, and files that are compressed.
package archives

import (
	"bufio"
	"bytes"
	"context"
	"crypto/sha256"
	"errors"
	"fmt"
	"hash"
	"io"
	"path"
	"slices"
	"strings"
	"sync/atomic"

	"layup/analyze/source/decode"
	"layup/tarfs"
)

// Most is the size in bytes of the largest archive that is read.
const Most = 1 << 30

// The limits of archives in an image: honest ones do not come near.
const (
	mostInside = 4 << 30   // bytes that are decompressed of all archives
	mostIndex  = 8 << 20   // bytes of the list of files of a zip: each takes much more memory
	mostFiles  = 1_000_000 // of all archives
	mostWindow = 64 << 20  // bytes that a decoder may keep
)

var (
	errTooMuch = errors.New("too much is in the archives of the image")

	// ErrKind says that a compressed file is of a kind that is not read.
	ErrKind = errors.New("compressed, of a kind that is not read")
)

// A Reader reads the archives of one image, one after another: its limits hold for all of them together.
type Reader struct {
	// Begin returns what gets the content of a file, and is closed at its end. ErrEnough of package tarfs ends the file
	// early. Nil means that content is read to be listed.
	Begin func(name string) io.WriteCloser
	// Lacks gets what cannot be read of an archive if others of its files can.
	Lacks func(error)
	// Beside gets what is in a zip and in none of the files that were read. It may be nil.
	Beside  func(io.Reader) error
	List    bool // Read returns the list of files
	Digests bool // the list has digests of content

	bytes   int64 // decompressed so far
	files   int
	entries int          // of lists, with the directories above those of zips
	held    atomic.Int64 // bytes of their names
}

// NotRead is what a search for names warns of.
var NotRead = tarfs.Code{Name: "archive-not-read", Severity: tarfs.Medium,
	Message: "an archive, or a part of it, cannot be read: files in it may be missing in the answer"}

// A List is what an archive lists.
type List struct {
	*tarfs.Layer
	Owners bool // it says who owns its files; if not, a time or mode of 0 is not known
}

// magics are how compressed files and archives begin.
var magics = []string{"PK\x03\x04", "\x1f\x8b", "BZh", "\xfd7zXZ\x00", "\x28\xb5\x2f\xfd", "7z\xbc\xaf\x27\x1c",
	"Rar!\x1a\x07", "\x04\x22\x4d\x18", "\xed\xab\xee\xdb"}

// IsCompressed reports whether content begins as compressed files do.
func IsCompressed(head []byte) bool {
	return slices.ContainsFunc(magics, func(magic string) bool { return bytes.HasPrefix(head, []byte(magic)) })
}

// tarMagic stands in every header of a tar since 1988.
const tarMagic, tarMagicAt = "ustar", 257

// May reports whether content may be an archive or a compressed file.
func May(head []byte) bool {
	return IsCompressed(head) || len(head) > tarMagicAt && bytes.HasPrefix(head[tarMagicAt:], []byte(tarMagic))
}

// Read reads an archive; base is its name, without directories. The list holds what could be read, also after an error.
func (r *Reader) Read(ctx context.Context, base string, c *io.SectionReader) (l List, err error) {
	defer damaged(&err)
	head := make([]byte, min(c.Size(), decode.HeadSize))
	if _, err := c.ReadAt(head, 0); err != nil && err != io.EOF {
		return List{}, err
	}
	if bytes.HasPrefix(head, []byte("PK")) {
		return r.zip(ctx, c)
	}
	compression := decode.Sniff(head, c.Size())
	b := bufio.NewReaderSize(c, 64<<10)
	switch compression {
	case decode.None:
		return r.tar(b)
	case "":
		if !IsCompressed(head) {
			return List{}, errors.New("not a tar: it only looks like one")
		}
		return List{}, ErrKind
	}
	decoder, err := decode.New(b, compression, mostWindow)
	if err != nil {
		return List{}, err
	}
	l, err = r.stream(base, &metered{ctx, decoder, r})
	return l, errors.Join(err, decoder.Close())
}

// damaged makes an error of a panic of the reader of zip files: the file is hostile.
func damaged(err *error) {
	if r := recover(); r != nil {
		*err = fmt.Errorf("damaged: %v", r)
	}
}

// metered fails after too much was read of all archives.
type metered struct {
	ctx context.Context
	io.Reader
	r *Reader
}

func (m *metered) Read(p []byte) (int, error) {
	if err := m.ctx.Err(); err != nil {
		return 0, err
	}
	n, err := m.Reader.Read(p)
	if m.r.bytes += int64(n); m.r.bytes > mostInside {
		return 0, errTooMuch
	}
	return n, err
}

// stream reads what a compressed file holds: a tar, or one file.
func (r *Reader) stream(base string, src io.Reader) (List, error) {
	b := bufio.NewReaderSize(src, 64<<10)
	head, err := b.Peek(decode.HeadSize)
	if err != nil && err != io.EOF {
		return List{}, err
	}
	if len(head) == decode.HeadSize && decode.Sniff(head, -1) == decode.None {
		return r.tar(b)
	}
	name := strings.TrimSuffix(base, path.Ext(base))
	own := tarfs.Own{Path: clean(name)}
	err = r.file(&own, name, b)
	return r.list([]tarfs.Own{own}), err
}

// clean returns a name in an archive as a path.
func clean(name string) string { return path.Clean("/" + name) }

// tar reads the files in a tar.
func (r *Reader) tar(b *bufio.Reader) (List, error) {
	var now io.WriteCloser
	end := func() {
		if now != nil {
			now.Close() // of what is written only here: it has no error
			now = nil
		}
	}
	var over error
	keep := func(name []byte, _, _ int64) io.Writer {
		end()
		if over = r.count(); over != nil || r.Begin == nil {
			return nil
		}
		now = r.Begin(string(name))
		return now
	}
	limits := tarfs.DefaultLimits()
	if r.List { // what is listed stays in memory
		limits.Entries, limits.Held = max(mostFiles-r.entries, 1), &r.held
	}
	l, err := tarfs.Scan(b, tarfs.ScanOptions{Limits: limits, Dialect: tarfs.Plain, Keep: keep, Sparse: true,
		Digests: r.Digests})
	end()
	r.entries += l.Len()
	if err = errors.Join(over, err); err == nil && l.Tail() {
		err = errors.New("more follows the end of its tar")
	}
	return List{l, true}, err
}

// file reads one file.
func (r *Reader) file(own *tarfs.Own, name string, src io.Reader) error {
	if err := r.count(); err != nil {
		return err
	}
	var to io.WriteCloser
	m := &measure{}
	if to = m; r.Begin != nil {
		to = r.Begin(name)
	} else if r.Digests {
		m.Hash = sha256.New()
	}
	_, err := io.CopyBuffer(struct{ io.Writer }{to}, struct{ io.Reader }{src}, make([]byte, 32<<10))
	to.Close() // of what is written only here: it has no error
	if err == nil {
		own.Size = m.size
		if m.Hash != nil {
			m.Sum(own.Digest[:0])
		}
	}
	if err == tarfs.ErrEnough {
		err = nil
	}
	return err
}

func (r *Reader) count() error {
	if r.files++; r.files > mostFiles {
		return errTooMuch
	}
	return nil
}

// A measure counts bytes, and digests them if it has a hash.
type measure struct {
	hash.Hash
	size int64
}

// Write takes a piece of content.
func (m *measure) Write(b []byte) (int, error) {
	if m.size += int64(len(b)); m.Hash != nil {
		return m.Hash.Write(b)
	}
	return len(b), nil
}

// Close does nothing.
func (m *measure) Close() error { return nil }
