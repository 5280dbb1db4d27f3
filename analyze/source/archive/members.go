package archive

import (
	"context"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"maps"
	"path"
	"slices"
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

// maxLinks is how many links are followed to one member.
const maxLinks = 40

// A tarIndex is the members of a tar, read in place.
type tarIndex struct {
	in     *input.Input
	byName map[string]tarfs.TarEntry
	broken error
}

// maxMembers bounds the memory for an index; an archive of hundreds of images has some ten thousand members.
const maxMembers = 1 << 18

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

// newTarIndex lists the members of an image archive that is in a directory of a tar, or at its top. It refuses a
// duplicate name: readers differ in which one they take.
func newTarIndex(in *input.Input, table *tarfs.Layer, broken error, dir string) (*tarIndex, error) {
	t := &tarIndex{in: in, byName: map[string]tarfs.TarEntry{}, broken: broken}
	var twice string
	for e := range table.Raw() {
		name, ok := cleanMember(e.Name)
		if dir != "" && ok {
			name, ok = strings.CutPrefix(name, dir+"/")
		}
		if !ok {
			continue // no name leads there
		}
		before, there := t.byName[name]
		directories := e.Type == tarfs.Dir && before.Type == tarfs.Dir
		if there && !directories && (twice == "" || name == manifestName || name == indexName) {
			twice = name // of several the most telling
		}
		if len(t.byName) >= maxMembers {
			return nil, fmt.Errorf("an image archive of more than %d members", maxMembers)
		}
		t.byName[name] = e
	}
	if twice != "" {
		return nil, fmt.Errorf("duplicate member %q: readers differ in which one they take", twice)
	}
	return t, t.underLinks()
}

// underLinks refuses members below a link. Tools that unpack the archive, as Docker does, write them to the target of
// the link, which may be over manifest.json.
func (t *tarIndex) underLinks() error {
	var links []string
	for name, e := range t.byName {
		if e.Type == tarfs.Symlink || e.Type == tarfs.Hardlink {
			links = append(links, name)
		}
	}
	if links == nil {
		return nil
	}
	slices.Sort(links)
	names := slices.Sorted(maps.Keys(t.byName))
	for _, link := range links {
		below := link + "/"
		if i, _ := slices.BinarySearch(names, below); i < len(names) && strings.HasPrefix(names[i], below) {
			return fmt.Errorf("member %q lies below the link %q: readers differ in where they put it", names[i], link)
		}
	}
	return nil
}

func (t *tarIndex) has(name string) bool {
	_, ok := t.byName[name]
	return ok
}

func (t *tarIndex) glob(pattern string) []string {
	var list []string
	for name, e := range t.byName {
		if ok, _ := path.Match(pattern, name); ok && e.Type != tarfs.Dir { // our patterns are sound: there is no error
			list = append(list, name)
		}
	}
	slices.Sort(list)
	return list
}

func (t *tarIndex) damage() error { return t.broken }

func (t *tarIndex) open(name string) (*stored, error) {
	at, e, err := t.resolve(name)
	if err != nil {
		return nil, err
	}
	switch {
	case e.Type == tarfs.Dir:
		return nil, errors.New("is a directory, not a file")
	case e.Type != tarfs.File:
		return nil, errors.New("is a device or FIFO, not a file")
	case e.Sparse:
		return nil, errors.New("is a sparse member: no tool stores images that way")
	case e.Offset < 0 || e.Size < 0 || e.Offset+e.Size < 0 || e.Offset+e.Size > t.in.Data.Size():
		return nil, fmt.Errorf("truncated: the archive ends at offset %d, before the member does", t.in.Data.Size())
	}
	return &stored{name: at, data: io.NewSectionReader(t.in.Data, e.Offset, e.Size), check: t.in.Check}, nil
}

// resolve follows links, of the member and of its directories, within the index.
func (t *tarIndex) resolve(name string) (string, tarfs.TarEntry, error) {
	at, ok := cleanMember(name)
	if !ok {
		return "", tarfs.TarEntry{}, fs.ErrNotExist
	}
	for range maxLinks {
		link, rest, e := t.firstLink(at)
		var to string
		switch {
		case link == "":
			if _, ok := t.byName[at]; !ok {
				return "", e, fs.ErrNotExist
			}
			return at, e, nil
		case e.Type == tarfs.Hardlink:
			to, ok = cleanMember(e.Link)
		case climbsLate(e.Link):
			return "", e, fmt.Errorf("is a link to %q: readers differ in where .. after a name leads", e.Link)
		default:
			to, ok = cleanMember(path.Join(path.Dir(link), e.Link))
			ok = ok && !path.IsAbs(e.Link)
		}
		if !ok {
			return "", e, fmt.Errorf("is a link out of the archive, to %q", e.Link)
		}
		at = path.Join(to, rest)
	}
	return "", tarfs.TarEntry{}, fmt.Errorf("link loop: more than %d links from %q", maxLinks, name)
}

// firstLink returns the first part of a path that is a link, with what follows it; or nothing, and the member itself.
func (t *tarIndex) firstLink(name string) (link, rest string, e tarfs.TarEntry) {
	for i := 0; i <= len(name); i++ {
		if i < len(name) && name[i] != '/' {
			continue
		}
		e = t.byName[name[:i]]
		if e.Type == tarfs.Symlink || i == len(name) && e.Type == tarfs.Hardlink {
			return name[:i], strings.TrimPrefix(name[i:], "/"), e
		}
	}
	return "", "", e
}

// climbsLate reports whether the target of a link has .. after a name. The name may be a link: readers differ in what
// they do then.
func climbsLate(target string) bool {
	named := false
	for part := range strings.SplitSeq(target, "/") {
		if part == ".." && named {
			return true
		}
		named = named || part != "" && part != "." && part != ".."
	}
	return false
}
