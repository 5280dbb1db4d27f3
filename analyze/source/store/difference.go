package store

import (
	"context"
	"encoding/binary"
	"errors"
	"fmt"
	"hash/crc64"
	"io"
	"path"
	"slices"
	"strings"

	"layup/analyze/show"
	"layup/tarfs"
)

// The ways in which the directory of a layer can differ from what tar-split recorded when the engine stored the layer.
const (
	ContentChanged  = "layer-content-changed"
	MetadataChanged = "layer-metadata-changed"
	PathAdded       = "layer-path-added"
	PathMissing     = "layer-path-missing"
)

// A Difference is a path of a layer that is not on the disk as the engine wrote it.
type Difference struct {
	Code string
	Path string // exact bytes, beginning with a slash
	What string // for a person: mode 0644, not 0600
	// Note is true if it proves no change: another time of a directory, a device in a rootless store, unknown owners.
	Note bool
}

// A comparer compares the directory of a layer with the headers in its tar-split file.
type comparer struct {
	spare *Spare
	pile  *tarfs.Pile  // holds the table alone
	walk  *overlayWalk // reads the attributes of a store
	tree  *tarfs.Tree
	snap  *tarfs.Snapshot
	seen  []bool // by the number of the node
	dir   string // in which the last entry is, as the walk has it
	at    tarfs.Node
	known bool // the tree has that directory
	last  tarfs.Node
	found []Difference
	owns  *owners
	blind bool // the reader cannot see opaque markers
}

// begin prepares for another directory.
func (c *comparer) begin(w *overlayWalk) {
	tree := c.pile.Tree()
	seen := slices.Grow(c.seen[:0], tree.Len())[:tree.Len()]
	clear(seen)
	*c = comparer{spare: c.spare, pile: c.pile, walk: w, tree: tree, snap: tree.Top(), seen: seen, at: tree.Root(),
		last: tree.Root(), known: true}
}

// put keeps the memory for another directory.
func (c *comparer) put() {
	c.pile.Pop()
	*c = comparer{spare: c.spare, pile: c.pile, seen: c.seen}
	c.spare.comparers.Put(c)
}

// Differences compares everything in a layer's directory with the table that its tar-split file gave: presence, type,
// mode, owner, time, link target, device numbers, capabilities and user attributes. It reads no content.
func Differences(ctx context.Context, files Files, dir string, table *tarfs.Layer,
	layout Layout) ([]Difference, error) {
	c := layout.spare().comparer()
	defer c.put()
	if err := c.pile.Push(table.In(tarfs.Plain)); err != nil {
		return nil, err
	}
	layout.Warn = nil
	c.begin(&overlayWalk{files: files, dir: dir, layout: layout})
	var err error
	if c.owns, err = newOwners(files, dir, layout); err != nil {
		return nil, err
	}
	if err := walk(ctx, files, dir, c.entry); err != nil {
		return nil, err
	}
	c.found = append(c.found, c.owns.differences()...)
	c.blind = !layout.Rootless && !files.Sight().Trusted
	c.missing()
	slices.SortStableFunc(c.found, func(a, b Difference) int { return strings.Compare(a.Path, b.Path) })
	return c.found, nil
}

func (c *comparer) differs(code, name, what string) {
	c.found = append(c.found, Difference{Code: code, Path: name, What: what})
}

// entry compares something that is on the disk.
func (c *comparer) entry(e Entry) error {
	base := path.Base(e.Path)
	if c.walk.layout.Names && base != opaqueMarker && reserved(e.Path) {
		return nil // of AUFS
	}
	if c.walk.layout.Names && strings.HasPrefix(base, whiteoutPrefix) {
		c.present(e.Path, "a whiteout") // spelled on the disk as in the tar
		return nil
	}
	_, stored := valueOf(e.Xattrs, overrideName)
	stored = stored && c.walk.layout.consumed(overrideName)
	e, err := c.walk.consume(e)
	if err != nil {
		return err
	}
	if at := slices.IndexFunc(e.Xattrs, func(x tarfs.Xattr) bool { return x.Name == tarfs.OpaqueXattr }); at >= 0 {
		e.Xattrs = slices.Delete(slices.Clone(e.Xattrs), at, at+1)
		if !c.walk.layout.Names {
			c.present(e.Path+"/"+opaqueMarker, "an opaque marker")
		}
	}
	if e.whiteout() {
		c.present(e.Path[:len(e.Path)-len(base)]+whiteoutPrefix+base, "a whiteout")
		return nil
	}
	if v, ok := c.find(e.Path); !ok {
		c.added(e.Path, typeName(e.Info))
	} else {
		c.compare(e, v)
		if !v.Implied() && e.Type == v.Type() && !e.Socket {
			m := v.Meta()
			c.owns.add(owned{e.Path, IDs{m.UID, m.GID}, IDs{e.UID, e.GID}, stored})
		}
	}
	return nil
}

func typeName(i Info) string {
	if i.Socket {
		return "a socket"
	}
	return "a " + i.Type.String()
}

// present finds the header of what is on the disk.
func (c *comparer) present(name, what string) {
	if _, ok := c.find(name); !ok {
		c.added(name, what)
	}
}

func (c *comparer) added(name, what string) {
	c.differs(PathAdded, "/"+name, what+" that the engine did not put there")
}

// find finds the header of a name. Most names are in the directory of the name before them.
func (c *comparer) find(name string) (tarfs.Version, bool) {
	at := strings.LastIndexByte(name, '/')
	if dir := name[:max(at, 0)]; dir != c.dir {
		c.dir = dir
		c.at, c.known = c.tree.Lookup(dir)
		c.last = c.at
	}
	if !c.known {
		return tarfs.Version{}, false
	}
	n, ok := c.at.ChildAfter(c.last, name[at+1:])
	if !ok {
		return tarfs.Version{}, false
	}
	c.seen[n.Number()], c.last = true, n
	return c.snap.Of(n)
}

// compare compares the metadata of one path.
func (c *comparer) compare(e Entry, v tarfs.Version) {
	if e.Type != v.Type() || e.Socket {
		c.differs(MetadataChanged, "/"+e.Path, fmt.Sprintf("is %s, not a %s", typeName(e.Info), v.Type()))
		return
	}
	if v.Implied() {
		return // the engine chose its metadata
	}
	m := v.Meta()
	var what []string
	if e.Mode != m.Mode && e.Type != tarfs.Symlink {
		what = append(what, fmt.Sprintf("mode %04o, not %04o", e.Mode, m.Mode))
	}
	if other := e.MTime != m.MTime || e.MTimeNS != m.MTimeNS && m.MTimeNS != 0; other && e.Type == tarfs.Dir {
		const only = "another time of change; nothing else of the directory differs"
		c.found = append(c.found, Difference{MetadataChanged, "/" + e.Path, only, true})
	} else if other {
		what = append(what, "another time of change")
	}
	if e.Type == tarfs.Symlink && e.Link != v.Link() {
		what = append(what, fmt.Sprintf("points to %s, not to %s", show.Path(e.Link), show.Path(v.Link())))
	}
	device := e.Type == tarfs.Char || e.Type == tarfs.Block
	if major, minor := v.Device(); device && (e.Major != major || e.Minor != minor) {
		what = append(what, fmt.Sprintf("device %d:%d, not %d:%d", e.Major, e.Minor, major, minor))
	}
	if !slices.Equal(c.telling(e.Xattrs), c.telling(v.Xattrs())) {
		what = append(what, "other capabilities or attributes")
	}
	if len(what) > 0 {
		c.differs(MetadataChanged, "/"+e.Path, strings.Join(what, ", "))
	}
	if e.Type == tarfs.File && e.Size != v.Size() {
		c.differs(ContentChanged, "/"+e.Path, fmt.Sprintf("%d bytes, not %d", e.Size, v.Size()))
	}
}

// telling are the attributes that engines keep on every file system, without those of overlay file systems: a rootless
// podman also commits those that the kernel set.
func (c *comparer) telling(list []tarfs.Xattr) []tarfs.Xattr {
	list = slices.DeleteFunc(slices.Clone(list), func(x tarfs.Xattr) bool {
		return x.Name != capability && !strings.HasPrefix(x.Name, "user.") || c.walk.layout.consumed(x.Name)
	})
	for i := range list {
		if list[i].Name == capability {
			list[i].Value = unbound(list[i].Value)
		}
	}
	return list
}

const capability = "security.capability"

// unbound returns capabilities without the user namespace to which the kernel bound them. The number of the root of
// that namespace is at their end. Source: linux/capability.h, VFS_CAP_REVISION_2 and 3.
func unbound(value string) string {
	const revision2, revision3, size2, size3 = 2, 3, 20, 24
	if len(value) == size3 && value[3] == revision3 {
		return value[:3] + string(rune(revision2)) + value[4:size2]
	}
	return value
}

// unstored reports whether engines leave out a name of a tar: a marker at the root, which overlayfs does not know, and
// the files of AUFS.
func unstored(name string) bool {
	base := path.Base(name)
	return strings.HasPrefix(base, whiteoutPrefix+whiteoutPrefix) && (base != opaqueMarker || path.Dir(name) == "/")
}

// lazyFiles are the files that BuildKit adds to an eStargz layer after it unpacked the layer. Source:
// stargz-snapshotter, estargz/types.go.
var lazyFiles = []string{"/stargz.index.json", "/.prefetch.landmark", "/.no.prefetch.landmark"}

// absent says why an engine does not store a path; empty if it does.
func (c *comparer) absent(name string, kind tarfs.Type) string {
	switch {
	case c.walk.layout.Rootless && (kind == tarfs.Char || kind == tarfs.Block):
		return "a device, which a rootless engine cannot create"
	case kind == tarfs.File && slices.Contains(lazyFiles, name):
		return "a file that a builder adds to a layer after it unpacked the layer"
	}
	return ""
}

// missing lists what has a header and is not on the disk, without the contents of a missing directory.
func (c *comparer) missing() {
	for n := range c.tree.Unordered() {
		v, ok := c.snap.Of(n)
		if !ok || n.IsRoot() || c.seen[n.Number()] || !n.Parent().IsRoot() && !c.seen[n.Parent().Number()] {
			continue
		}
		switch name := n.Path(); {
		case c.blind && path.Base(name) == opaqueMarker, unstored(name):
		case c.absent(name, v.Type()) != "":
			c.found = append(c.found, Difference{PathMissing, name, c.absent(name, v.Type()), true})
		default:
			c.differs(PathMissing, name, typeName(Info{Type: v.Type()})+" that is gone")
		}
	}
}

// Visible returns an error unless the reader sees what the layer's directory hides.
func (t *Tar) Visible(dir string) error { return t.layout.visible(t.Files, dir) }

// Contents reads all files of a layer with a tar-split file, and lists the files with changed content.
// Differences finds the files that are missing or not regular any more.
func (t *Tar) Contents(ctx context.Context, dir string) ([]Difference, error) {
	var found []Difference
	buffer := make([]byte, 256<<10)
	next, stop := t.pull(ctx)
	defer stop()
	for s, err, ok := next(); ok; s, err, ok = next() {
		if err = errors.Join(err, ctx.Err()); err != nil {
			return found, err
		}
		if s.File == "" || s.Sum == nil {
			continue
		}
		what, err := t.changed(s, buffer)
		if err != nil {
			return found, err
		}
		if what != "" {
			found = append(found, Difference{Code: ContentChanged, Path: strings.TrimPrefix(s.File, dir), What: what})
		}
	}
	return found, nil
}

// changed says how the content of a file differs from what the engine stored. It is empty if nothing differs, or if
// there is no such file.
func (t *Tar) changed(s Segment, buffer []byte) (string, error) {
	info, err := t.Files.Stat(s.File)
	if err != nil || info.Type != tarfs.File {
		if _, privilege := errors.AsType[*PrivilegeError](err); privilege {
			return "", err
		}
		return "", nil
	}
	body, err := t.Files.Open(s.File)
	if err != nil {
		return "", err
	}
	sum := crc64.New(crcTable)
	size, err := io.CopyBuffer(sum, body, buffer)
	if err = errors.Join(err, body.Close()); err != nil {
		return "", fmt.Errorf("%s: %w", show.Path(s.File), err)
	}
	switch {
	case size != s.Size:
		return fmt.Sprintf("%d bytes, not %d", size, s.Size), nil
	case len(s.Sum) != 8 || binary.BigEndian.Uint64(s.Sum) != sum.Sum64():
		return "another content: its CRC-64 is not the one in tar-split", nil
	}
	return "", nil
}
