package archive

import (
	"context"
	"errors"
	"fmt"
	"io"
	"path"
	"strings"

	"layup/analyze/source"
	"layup/analyze/source/decode"
	"layup/analyze/source/disk"
	"layup/analyze/source/document"
	"layup/analyze/source/input"
	"layup/tarfs"
)

// The members by which an image archive is known.
const (
	manifestName     = "manifest.json"
	indexName        = "index.json"
	layoutName       = "oci-layout"
	repositoriesName = "repositories"
)

// members are the files of an image archive by name: those of a tar, or of a directory.
type members interface {
	// open returns a regular file's content. Links are followed, but never out of the archive; what is not there is
	// fs.ErrNotExist.
	open(name string) (*stored, error)
	// has reports whether there is a member of that name, of any type.
	has(name string) bool
	// glob returns the names that match a pattern of package path, sorted.
	glob(pattern string) []string
	// damage says where and why reading the list of members ended early; nil if it did not.
	damage() error
}

// stored is the content of a member.
type stored struct {
	name  string // where the bytes lie, all links followed
	data  *io.SectionReader
	check func() error // returns an error if the input changed since it was opened; may be nil
}

// blob is the member as a layer's content.
func (m *stored) blob() *source.Blob { return &source.Blob{Bytes: m.data, Check: m.check} }

// readMember returns the whole content of a member that must not be longer than limit allows.
func readMember(from members, name, limitName string, limit int64) ([]byte, error) {
	m, err := from.open(name)
	if err != nil {
		return nil, err
	}
	return m.whole(limitName, limit)
}

func (m *stored) whole(limitName string, limit int64) ([]byte, error) {
	if err := document.Over(limitName, m.data.Size(), limit); err != nil {
		return nil, fmt.Errorf("size: %w", err)
	}
	doc := make([]byte, m.data.Size())
	if _, err := m.data.ReadAt(doc, 0); err != nil && (err != io.EOF || len(doc) > 0) {
		return nil, fmt.Errorf("reading: %w", source.Shrunk(disk.Plain(err)))
	}
	if m.check != nil {
		return doc, m.check()
	}
	return doc, nil
}

// cleanMember returns a member's name without ./ and slashes in front; false for a name that climbs out of the archive.
func cleanMember(name string) (string, bool) {
	clean := path.Clean(strings.TrimLeft(name, "/"))
	return clean, clean != ".." && !strings.HasPrefix(clean, "../")
}

func cleaned(name string) string {
	name, _ = cleanMember(name)
	return name
}

// scanOuter reads the headers of a tar in one pass, up to the data after its end mark, at the offset tail; 0 for none.
// With an error it returns the members before the damage.
func scanOuter(ctx context.Context, in *input.Input,
	limits document.Limits) (table *tarfs.Layer, tail int64, err error) {
	size := in.Data.Size()
	r := &outerReader{HeaderReader: source.NewHeaderReader(ctx, in.Data, size)}
	table, err = tarfs.Scan(r, tarfs.ScanOptions{Limits: limits.Limits})
	scan, ok := errors.AsType[*tarfs.ScanError](err)
	switch {
	case ctx.Err() != nil:
		return nil, 0, ctx.Err()
	case !ok:
		return table, r.tail, err
	case !r.short:
		return table, 0, fmt.Errorf("damaged archive: %w", err)
	case scan.Name == "":
		return table, 0, fmt.Errorf("truncated archive at offset %d, inside the header at %d", size, scan.Offset)
	}
	return table, 0, truncatedMember{name: cleaned(scan.Name), header: scan.Offset, size: size}
}

// A truncatedMember says that an archive ends inside a member.
type truncatedMember struct {
	name         string
	header, size int64
}

func (e truncatedMember) Error() string {
	return fmt.Sprintf("truncated archive at offset %d, inside the member %q with the header at %d",
		e.size, e.name, e.header)
}

// An outerReader notes whether a tar ended too early, or in data after its end mark. It stops at that data, and in the
// zeros after the end mark: a sparse file may have terabytes of them.
type outerReader struct {
	*source.HeaderReader
	short bool
	zeros int   // blocks in a row
	at    int64 // bytes consumed
	tail  int64 // offset of data after the end mark; 0 for none
}

// The blocks of zeros in a row that are an end mark, and those that are read: 1 MiB, more than tar writes.
const (
	endMark  = 2
	maxZeros = 1 << 20 / decode.HeadSize
)

// Peek returns the next bytes. Fewer than n at the end are a cut header.
func (r *outerReader) Peek(n int) ([]byte, error) {
	if r.zeros > maxZeros || r.tail > 0 {
		return nil, io.EOF
	}
	b, err := r.HeaderReader.Peek(n)
	zeros := n == decode.HeadSize && decode.IsZero(b)
	if r.zeros >= endMark && !zeros {
		r.tail = r.at
		return nil, io.EOF
	}
	r.short = r.short || err == io.EOF && len(b) > 0
	if r.zeros++; !zeros {
		r.zeros = 0
	}
	return b, err
}

// Discard skips content.
func (r *outerReader) Discard(n int) (int, error) {
	done, err := r.HeaderReader.Discard(n)
	r.short = r.short || err == io.EOF
	r.at += int64(done)
	return done, err
}
