package store

import (
	"archive/tar"
	"bytes"
	"context"
	"errors"
	"fmt"
	"io/fs"
	"iter"
	"path"
	"slices"
	"strconv"
	"strings"
	"time"

	"layup/analyze/show"
	"layup/tarfs"
)

// A Layout says how the directory of a layer encodes what files alone cannot say.
type Layout struct {
	// Names: ".wh.NAME" hides NAME and ".wh..wh..opq" makes its directory opaque, as fuse-overlayfs and rootless engines
	// write them. Otherwise such names mean nothing, and only what the kernel's overlayfs knows has a meaning.
	Names bool
	// Plain: nothing but files. Neither names nor attributes mean anything.
	Plain bool
	// Rootless: the attributes user.overlay.* and user.containers.override_stat of a rootless engine count. In other
	// stores any process of a container can set them, and they mean nothing.
	Rootless bool
	// SubID are the first user and group of the host that stand for those of the container, as a rootless engine or one
	// with user namespaces maps them; 0 for none. The owner of the layer's directory is the container's root.
	SubID IDs
	// Ranges map the users and the groups of this layer alone, as the engine recorded; nil if it maps none.
	Ranges [2][]IDRange
	// Warn receives what cannot be shown as the engine shows it; may be nil.
	Warn func(code tarfs.Code, path string)
	// Spare is memory for all layers of a store; may be nil.
	Spare *Spare
}

// privatePrefixes begin the names of the attributes that overlay file systems keep for themselves; all but the first
// are those of rootless engines. Source: the kernel's overlayfs.rst, fuse-overlayfs, containers/storage.
var privatePrefixes = []string{"trusted.overlay.", "user.overlay.", "user.fuseoverlayfs."}

// prefixes are the private prefixes that count.
func (l *Layout) prefixes() []string {
	if l.Plain {
		return nil
	}
	if l.Rootless || l.Names {
		return privatePrefixes
	}
	return privatePrefixes[:1]
}

// private returns the value of an attribute of overlay file systems: opaque, redirect, metacopy or whiteout.
func (l *Layout) private(list []tarfs.Xattr, what string) (string, bool) {
	for _, prefix := range l.prefixes() {
		if value, ok := valueOf(list, prefix+what); ok {
			return value, true
		}
	}
	return "", false
}

// consumed reports whether an attribute belongs to the overlay file system, not to the file.
func (l *Layout) consumed(name string) bool {
	begins := func(prefix string) bool { return strings.HasPrefix(name, prefix) }
	return !l.Plain && (l.Rootless || l.Names) && name == overrideName || slices.ContainsFunc(l.prefixes(), begins)
}

// visible makes sure that the reader can see what a directory hides.
func (l *Layout) visible(files Files, dir string) error {
	if l.Plain || l.Rootless || files.Sight().Trusted {
		return nil
	}
	err := errors.New("cannot see the attributes trusted.overlay.*, in which overlayfs keeps what is hidden")
	return &PrivilegeError{Name: dir, Need: "root of the host, or the capability CAP_SYS_ADMIN", Err: err}
}

// rootless reports whether a rootless engine writes the layers, by the owner of its storage driver's directory. An
// engine with user namespaces is not rootless: there the owner may be the container's root.
func rootless(files Files, dir string, first IDs) bool {
	info, err := files.Stat(dir)
	return err == nil && (info.UID != 0 && info.UID != first[0] || files.Sight().Mapped)
}

// overrideName is the attribute in which containers/storage keeps the owner of a file that an unprivileged user wrote.
const overrideName = "user.containers.override_stat"

const (
	whiteoutPrefix = ".wh."
	opaqueMarker   = ".wh..wh..opq"
)

// Overlay turns the directory in which an engine keeps a layer's changes into the tar of that layer. Whiteouts and
// opaque directories are in tarfs.Overlay's dialect, and names of one inode are hard links. Every directory comes
// before its entries. The top directory is not an entry.
func Overlay(files Files, dir string, layout Layout) *Tar {
	return overlayTar(files, dir, layout, func(ctx context.Context, w *overlayWalk) error {
		if err := layout.visible(files, dir); err != nil {
			return err
		}
		return walk(ctx, files, dir, w.entry)
	})
}

// overlayTar returns the tar of the headers that a walk writes: in tarfs.Plain's dialect if the layout is plain.
func overlayTar(files Files, dir string, layout Layout, run func(context.Context, *overlayWalk) error) *Tar {
	dialect := tarfs.Overlay
	if layout.Plain {
		dialect = tarfs.Plain
	}
	return &Tar{Files: files, Dialect: dialect, Segments: func(ctx context.Context) iter.Seq2[Segment, error] {
		return func(yield func(Segment, error) bool) {
			w := &overlayWalk{files: files, dir: dir, layout: layout, yield: yield, seen: map[Inode]string{}}
			err := w.owner()
			if err == nil {
				err = run(ctx, w)
			}
			switch {
			case err == nil:
				yield(Segment{Bytes: make([]byte, 2*blockSize)}, nil)
			case !errors.Is(err, errStop):
				yield(Segment{}, err)
			}
		}
	}}
}

const blockSize = 512

var errStop = errors.New("no more is wanted")

// overlayWalk writes one header after the other.
type overlayWalk struct {
	files  Files
	dir    string
	layout Layout
	yield  func(Segment, error) bool
	seen   map[Inode]string
	root   IDs // of the directory
	out    bytes.Buffer
}

func (w *overlayWalk) warn(code tarfs.Code, name string) {
	if w.layout.Warn != nil {
		w.layout.Warn(code, "/"+name)
	}
}

// reserved reports whether a path is an opaque marker, or a file that AUFS keeps for itself, or below such a one.
func reserved(name string) bool { return strings.Contains("/"+name, "/"+whiteoutPrefix+whiteoutPrefix) }

// entry writes the header for an entry of the directory.
func (w *overlayWalk) entry(e Entry) error {
	hidden, whiteout := strings.CutPrefix(path.Base(e.Path), whiteoutPrefix)
	switch {
	case !w.layout.Names || w.layout.Plain:
	case reserved(e.Path):
		return nil // opaque finds the marker when it reads the directory
	case whiteout:
		if hidden == "" || hidden == "." || hidden == ".." {
			w.warn(tarfs.WhiteoutInvalid, e.Path)
			return nil
		}
		return w.header(Entry{Path: path.Join(path.Dir(e.Path), hidden), Info: Info{Type: tarfs.Char}})
	}
	if e.Socket {
		w.warn(SocketSkipped, e.Path)
		return nil
	}
	_, overridden := valueOf(e.Xattrs, overrideName)
	overridden = overridden && w.layout.consumed(overrideName)
	e, err := w.consume(e)
	if err != nil {
		return err
	}
	if start := w.layout.SubID; start != (IDs{}) && !overridden {
		e.UID, e.GID = inContainer(e.UID, w.root[0], start[0]), inContainer(e.GID, w.root[1], start[1])
	}
	return w.header(e)
}

// inContainer returns the number in the container for a number of the host, where root stands for the container's root.
func inContainer(id, root, start uint32) uint32 {
	switch {
	case id == root:
		return 0
	case id < start:
		return id
	case root == start:
		return id - start
	}
	return id - start + 1
}

// owner finds the container's root.
func (w *overlayWalk) owner() error {
	if w.layout.SubID == (IDs{}) {
		return nil
	}
	info, err := w.files.Stat(w.dir)
	w.root = IDs{info.UID, info.GID}
	return err
}

// consume removes the attributes of overlay file systems and applies them.
func (w *overlayWalk) consume(e Entry) (Entry, error) {
	if len(e.Xattrs) == 0 && !w.layout.Names {
		return e, nil
	}
	opaque, err := w.opaque(e)
	if err != nil {
		return e, err
	}
	if redirect, _ := w.layout.private(e.Xattrs, "redirect"); redirect != "" {
		w.warn(StoreRedirect, e.Path)
	}
	if _, ok := w.layout.private(e.Xattrs, "metacopy"); ok {
		w.warn(StoreMetacopy, e.Path)
	}
	if _, ok := w.layout.private(e.Xattrs, "whiteout"); ok && e.Type == tarfs.File && e.Size == 0 {
		return Entry{Path: e.Path, Info: Info{Type: tarfs.Char}}, nil
	}
	override, _ := valueOf(e.Xattrs, overrideName)
	e.Xattrs = slices.DeleteFunc(slices.Clone(e.Xattrs), func(x tarfs.Xattr) bool { return w.layout.consumed(x.Name) })
	if override != "" && w.layout.consumed(overrideName) {
		own := e // only such an entry is allocated
		if err := own.override(override); err != nil {
			return e, fmt.Errorf("%s: attribute %s: %w", show.Path(path.Join(w.dir, e.Path)), overrideName, err)
		}
		e = own
	}
	if opaque {
		e.Xattrs = append(e.Xattrs, tarfs.Xattr{Name: tarfs.OpaqueXattr, Value: "y"})
	}
	return e, nil
}

// opaque reports whether a directory hides the entries that lower layers have in it.
func (w *overlayWalk) opaque(e Entry) (bool, error) {
	if e.Type != tarfs.Dir {
		return false, nil
	}
	if value, _ := w.layout.private(e.Xattrs, "opaque"); value == "y" {
		return true, nil
	}
	if !w.layout.Names {
		return false, nil
	}
	_, err := w.files.Stat(path.Join(w.dir, e.Path, opaqueMarker))
	if errors.Is(err, fs.ErrNotExist) {
		return false, nil
	}
	return err == nil, err
}

func valueOf(list []tarfs.Xattr, name string) (string, bool) {
	for _, x := range list {
		if x.Name == name {
			return x.Value, true
		}
	}
	return "", false
}

// override takes owner, mode and type from the attribute: UID:GID:MODE[:TYPE[-MAJOR-MINOR]], the mode in octal. Source:
// containers/storage, pkg/idtools.
func (e *Entry) override(s string) error {
	parts := strings.Split(s, ":")
	if len(parts) < 3 {
		return fmt.Errorf("want UID:GID:MODE, found %s", show.Path(s))
	}
	var numbers [3]uint64
	for i, what := range []string{"user", "group", "mode"} {
		base := 10
		if what == "mode" {
			base = 8
		}
		n, err := strconv.ParseUint(parts[i], base, 32)
		if err != nil {
			return fmt.Errorf("bad %s in %s", what, show.Path(s))
		}
		numbers[i] = n
	}
	e.UID, e.GID, e.Mode = uint32(numbers[0]), uint32(numbers[1]), uint16(numbers[2]&0o7777)
	if len(parts) > 3 {
		return e.retype(parts[3], s)
	}
	return nil
}

// retype sets a type that an unprivileged user could not create.
func (e *Entry) retype(what, s string) error {
	kind, numbers, _ := strings.Cut(what, "-")
	switch kind {
	case "file", "dir", "symlink":
		return nil
	case "pipe":
		e.Type, e.Size = tarfs.Fifo, 0
		return nil
	case "socket":
		e.Socket = true
		return nil
	case "block", "char":
	default:
		return fmt.Errorf("unknown type in %s", show.Path(s))
	}
	if _, err := fmt.Sscanf(numbers, "%d-%d", &e.Major, &e.Minor); err != nil {
		return fmt.Errorf("bad device numbers in %s", show.Path(s))
	}
	if e.Type, e.Size = tarfs.Char, 0; kind == "block" {
		e.Type = tarfs.Block
	}
	return nil
}

// typeflags are the type flags of tar headers.
var typeflags = map[tarfs.Type]byte{
	tarfs.File: tar.TypeReg, tarfs.Dir: tar.TypeDir, tarfs.Symlink: tar.TypeSymlink,
	tarfs.Char: tar.TypeChar, tarfs.Block: tar.TypeBlock, tarfs.Fifo: tar.TypeFifo,
}

// whiteout reports whether an entry hides its name.
func (e *Entry) whiteout() bool { return e.Type == tarfs.Char && e.Major == 0 && e.Minor == 0 }

// header writes a header, then the content that it announces.
func (w *overlayWalk) header(e Entry) error {
	h := &tar.Header{
		Format: tar.FormatPAX, Typeflag: typeflags[e.Type], Name: e.Path, Linkname: e.Link, Mode: int64(e.Mode),
		Uid: int(e.UID), Gid: int(e.GID), Devmajor: int64(e.Major), Devminor: int64(e.Minor),
		ModTime: time.Unix(e.MTime, int64(e.MTimeNS)),
	}
	for _, x := range e.Xattrs {
		if strings.Contains(x.Name, "=") { // no tar can hold it
			w.warn(StoreAttribute, e.Path)
			continue
		}
		if h.PAXRecords == nil {
			h.PAXRecords = map[string]string{}
		}
		h.PAXRecords["SCHILY.xattr."+x.Name] = x.Value
	}
	size := e.Size
	if e.Inode != (Inode{}) && e.Type != tarfs.Dir && !e.whiteout() { // whiteouts of overlayfs are links to one device
		if first, ok := w.seen[e.Inode]; ok {
			h.Typeflag, h.Linkname, size = tar.TypeLink, first, 0
			h.PAXRecords = nil
		} else {
			w.seen[e.Inode] = e.Path
		}
	}
	h.Size = size
	return w.write(h, path.Join(w.dir, e.Path))
}

// write yields a header, its content and the padding.
func (w *overlayWalk) write(h *tar.Header, file string) error {
	w.out.Reset()
	headers := tar.NewWriter(&w.out) // a new one for each header: it would wait for the content of the last
	if err := headers.WriteHeader(h); err != nil {
		return fmt.Errorf("%s: %w", show.Path(file), err)
	}
	if !w.yield(Segment{Bytes: bytes.Clone(w.out.Bytes())}, nil) {
		return errStop
	}
	if h.Size == 0 {
		return nil
	}
	if !w.yield(Segment{File: file, Size: h.Size}, nil) || !w.yield(Segment{Size: -h.Size & (blockSize - 1)}, nil) {
		return errStop
	}
	return nil
}
