package archive

import (
	"errors"
	"fmt"
	"io"
	"io/fs"
	"math/rand/v2"
	"path"
	"slices"
	"strings"

	"layup/analyze/source/input"
	"layup/tarfs"
)

// maxLinks is how many links are followed to one member.
const maxLinks = 40

// The most that an index holds and does. An archive of hundreds of images has some ten thousand members, and a link for
// each layer.
const (
	maxMembers  = 1 << 18
	maxNames    = 48 << 20 // bytes of all names and targets of links
	maxFollowed = 32 << 20 // bytes of all paths that links lead to
)

// A tarIndex is the members of a tar, read in place. It keeps no name: the table does.
type tarIndex struct {
	in     *input.Input
	table  *tarfs.Layer
	dir    string // where in the tar the archive is, with a slash at the end; empty for the top
	broken error

	seed     uint64
	byName   map[uint64]uint32 // the number of the last entry of a name, by the hash of the name
	links    map[uint64]bool   // the hashes of the names of links
	followed int               // bytes of paths that links led to
	found    map[string]member // that were looked for, through links
}

// A member is what a name leads to.
type member struct {
	at    string
	entry tarfs.TarEntry
	err   error
}

// newTarIndex lists the members of an image archive that is in a directory of a tar, or at its top. It refuses a
// duplicate name: readers differ in which one they take.
func newTarIndex(in *input.Input, table *tarfs.Layer, broken error, dir string) (*tarIndex, error) {
	if dir != "" {
		dir += "/"
	}
	t := &tarIndex{in: in, table: table, dir: dir, broken: broken, seed: rand.Uint64(),
		byName: map[uint64]uint32{}, links: map[uint64]bool{}, found: map[string]member{}}
	var twice string
	names := 0
	for i := range table.Len() {
		e := table.RawAt(i)
		name, ok := t.clean(e.Name)
		if !ok {
			continue // no name leads there
		}
		if names += len(name) + len(e.Link); len(t.byName) >= maxMembers || names > maxNames {
			return nil, fmt.Errorf("an image archive of more than %d members, or with names of more than %d MiB",
				maxMembers, maxNames>>20)
		}
		sum := hashed(t.seed, name)
		if before, there := t.byName[sum]; there {
			other := table.RawAt(int(before))
			if listed, _ := t.clean(other.Name); listed != name {
				return nil, errors.New("two names of the archive have one hash: try again")
			}
			directories := e.Type == tarfs.Dir && other.Type == tarfs.Dir
			if !directories && (twice == "" || name == manifestName || name == indexName) {
				twice = name // of several the most telling
			}
		}
		t.byName[sum] = uint32(i)
		if e.Type == tarfs.Symlink || e.Type == tarfs.Hardlink {
			t.links[sum] = true
		}
	}
	if twice != "" {
		return nil, fmt.Errorf("duplicate member %q: readers differ in which one they take", twice)
	}
	return t, t.underLinks()
}

// hashed adds a text to a hash (FNV-1a), which begins with a seed. So the hash of a path gives those of its parts.
func hashed(sum uint64, text string) uint64 {
	for i := range len(text) {
		sum = (sum ^ uint64(text[i])) * 0x100000001b3
	}
	return sum
}

// clean returns the name of a member within the archive; false if it is not in it.
func (t *tarIndex) clean(name string) (string, bool) {
	name, ok := cleanMember(name)
	if !ok || t.dir == "" {
		return name, ok
	}
	return strings.CutPrefix(name, t.dir)
}

// underLinks refuses members below a link. Tools that unpack the archive, as Docker does, write them to the target of
// the link, which may be over manifest.json.
func (t *tarIndex) underLinks() error {
	if len(t.links) == 0 {
		return nil
	}
	for i := range t.table.Len() {
		name, ok := t.clean(t.table.RawAt(i).Name)
		if !ok {
			continue
		}
		if link, rest, _ := t.firstLink(path.Dir(name), true); link != "" {
			return fmt.Errorf("member %q lies below the link %q: readers differ in where they put it",
				path.Join(link, rest, path.Base(name)), link)
		}
	}
	return nil
}

// member returns what is listed under exactly this name.
func (t *tarIndex) member(name string) (e tarfs.TarEntry, ok bool) {
	i, ok := t.byName[hashed(t.seed, name)]
	if !ok {
		return e, false
	}
	e = t.table.RawAt(int(i))
	listed, ok := t.clean(e.Name)
	return e, ok && listed == name
}

func (t *tarIndex) has(name string) bool {
	_, ok := t.member(name)
	return ok
}

func (t *tarIndex) glob(pattern string) []string {
	var list []string
	for i := range t.table.Len() {
		e := t.table.RawAt(i)
		name, in := t.clean(e.Name)
		if ok, _ := path.Match(pattern, name); ok && in && e.Type != tarfs.Dir { // our patterns are sound: no error
			list = append(list, name)
		}
	}
	slices.Sort(list)
	return slices.Compact(list)
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

// resolve follows links, of the member and of its directories, within the index. It remembers where they led.
func (t *tarIndex) resolve(name string) (string, tarfs.TarEntry, error) {
	at, ok := cleanMember(name)
	if !ok {
		return "", tarfs.TarEntry{}, fs.ErrNotExist
	}
	m, known := t.found[at]
	if !known {
		links := 0
		if m, links = t.lookUp(at); links > 0 {
			t.found[at] = m
		}
	}
	return m.at, m.entry, m.err
}

// lookUp also returns how many links it followed.
func (t *tarIndex) lookUp(name string) (m member, links int) {
	at, ok := name, true
	for ; links < maxLinks; links++ {
		if t.followed > maxFollowed {
			const message = "links of the archive lead through more than %d MiB of paths"
			return member{err: fmt.Errorf(message, maxFollowed>>20)}, links
		}
		link, rest, e := t.firstLink(at, false)
		var to string
		switch {
		case link == "":
			if e, ok = t.member(at); !ok {
				return member{err: fs.ErrNotExist}, links
			}
			return member{at: at, entry: e}, links
		case e.Type == tarfs.Hardlink:
			to, ok = cleanMember(e.Link)
		case climbsLate(e.Link):
			return member{err: fmt.Errorf("is a link to %q: readers differ in where .. after a name leads", e.Link)}, links + 1
		default:
			to, ok = cleanMember(path.Join(path.Dir(link), e.Link))
			ok = ok && !path.IsAbs(e.Link)
		}
		if !ok {
			return member{err: fmt.Errorf("is a link out of the archive, to %q", e.Link)}, links + 1
		}
		at = path.Join(to, rest)
		t.followed += len(at)
	}
	return member{err: fmt.Errorf("link loop: more than %d links from %q", maxLinks, name)}, links
}

// firstLink returns the first part of a path that is a link, with what follows it; or nothing. A hard link counts if it
// is the whole path, or anywhere.
func (t *tarIndex) firstLink(name string, anywhere bool) (link, rest string, e tarfs.TarEntry) {
	if len(t.links) == 0 {
		return "", "", e
	}
	sum := t.seed
	for from := 0; from < len(name); {
		to := len(name)
		if i := strings.IndexByte(name[from+1:], '/'); i >= 0 {
			to = from + 1 + i
		}
		sum = hashed(sum, name[from:to])
		if from = to; !t.links[sum] {
			continue
		}
		e, ok := t.member(name[:to])
		if ok && (e.Type == tarfs.Symlink || anywhere || to == len(name)) {
			return name[:to], strings.TrimPrefix(name[to:], "/"), e
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
