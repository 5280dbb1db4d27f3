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

	"layup/tarfs"
)

// A Layout says how the directory of a layer spells what is more than files.
type Layout struct {
	// Names: ".wh.NAME" hides NAME, ".wh..wh..opq" makes its directory opaque, as fuse-overlayfs and rootless engines
	// write it. Without it such names are names, and only what the kernel's overlayfs knows has a meaning.
	Names bool
	// Rootless: the attributes of an engine without root are heeded, user.overlay.* and user.containers.override_stat.
	// Elsewhere any process of a container can set these, and they mean nothing.
	Rootless bool
	// SubID, where not zero, is the first number of the host that stands for one of the container, as a rootless engine or
	// one with user namespaces maps users and groups. Whose the layer's directory is, that is the container's root.
	SubID uint32
	// Warn is told of what cannot be shown as the engine shows it; may be nil.
	Warn func(code tarfs.Code, path string)
}

// privatePrefixes begin the names of the attributes that overlay file systems keep for themselves, the first one of
// all, the others of engines without root. Source: the kernel's overlayfs.rst, fuse-overlayfs, containers/storage.
var privatePrefixes = []string{"trusted.overlay.", "user.overlay.", "user.fuseoverlayfs."}

// prefixes are those that are heeded.
func (l *Layout) prefixes() []string {
	if l.Rootless || l.Names {
		return privatePrefixes
	}
	return privatePrefixes[:1]
}

// private returns the value of an attribute of overlay file systems: opaque, redirect, metacopy, whiteout; false where
// there is none.
func (l *Layout) private(list []tarfs.Xattr, what string) (string, bool) {
	for _, prefix := range l.prefixes() {
		if value, ok := valueOf(list, prefix+what); ok {
			return value, true
		}
	}
	return "", false
}

// consumed reports whether an attribute is none of the file's own.
func (l *Layout) consumed(name string) bool {
	return (l.Rootless || l.Names) && name == overrideName || slices.ContainsFunc(l.prefixes(), func(p string) bool { return strings.HasPrefix(name, p) })
}

// visible makes sure that what a directory hides can be seen.
func (l *Layout) visible(files Files, dir string) error {
	if l.Rootless || files.Sight().Trusted {
		return nil
	}
	return &PrivilegeError{Name: dir, Need: "root of the host, or the capability CAP_SYS_ADMIN", Err: errors.New("the attributes trusted.overlay.* cannot be seen, in which overlayfs keeps what is hidden")}
}

// rootless reports whether an engine without root writes the layers, by whose the directory of its storage driver is.
func rootless(files Files, dir string) bool {
	info, err := files.Stat(dir)
	return err == nil && (info.UID != 0 || files.Sight().Mapped)
}

// overrideName is the attribute by which containers/storage says whose a file is that an unprivileged user had to own.
const overrideName = "user.containers.override_stat"

const (
	whiteoutPrefix = ".wh."
	opaqueMarker   = ".wh..wh..opq"
)

// Overlay turns the directory in which an engine keeps what a layer changed into the tar of that layer: every directory
// before what it holds, whiteouts and opaque directories in tarfs.Overlay's dialect, hard links by inode. The directory
// itself is no entry.
func Overlay(files Files, dir string, layout Layout) *Tar {
	return &Tar{Files: files, Dialect: tarfs.Overlay, Segments: func(ctx context.Context) iter.Seq2[Segment, error] {
		return func(yield func(Segment, error) bool) {
			w := &overlayWalk{files: files, dir: dir, layout: layout, yield: yield, seen: map[Inode]string{}}
			if err := firstOf(layout.visible(files, dir), w.owner()); err != nil {
				yield(Segment{}, err)
				return
			}
			for e, err := range files.Walk(ctx, dir) {
				if err == nil {
					err = w.entry(e)
				}
				if err != nil && !errors.Is(err, errStop) {
					yield(Segment{}, err)
				}
				if err != nil {
					return
				}
			}
			yield(Segment{Bytes: make([]byte, 2*blockSize)}, nil)
		}
	}}
}

const blockSize = 512

var errStop = errors.New("no more is wanted")

// overlayWalk writes one header after the other.
type overlayWalk struct {
	files   Files
	dir     string
	layout  Layout
	yield   func(Segment, error) bool
	seen    map[Inode]string
	root    [2]uint32 // user and group of the directory
	out     bytes.Buffer
	headers *tar.Writer
}

func (w *overlayWalk) warn(code tarfs.Code, name string) {
	if w.layout.Warn != nil {
		w.layout.Warn(code, "/"+name)
	}
}

// entry writes what an entry of the directory stands for.
func (w *overlayWalk) entry(e Entry) error {
	base := path.Base(e.Path)
	if w.layout.Names && strings.HasPrefix(base, whiteoutPrefix) {
		if base == opaqueMarker {
			return nil // the directory says so
		}
		hidden := base[len(whiteoutPrefix):]
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
	if start := w.layout.SubID; start != 0 && !overridden {
		e.UID, e.GID = inContainer(e.UID, w.root[0], start), inContainer(e.GID, w.root[1], start)
	}
	return w.header(e)
}

// inContainer returns what a number of the host is in a container, whose root is another one.
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

// owner finds out who is the container's root.
func (w *overlayWalk) owner() error {
	if w.layout.SubID == 0 {
		return nil
	}
	info, err := w.files.Stat(w.dir)
	w.root = [2]uint32{info.UID, info.GID}
	return err
}

// consume takes in the attributes that overlay file systems keep for themselves.
func (w *overlayWalk) consume(e Entry) (Entry, error) {
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
		if err := e.override(override); err != nil {
			return e, fmt.Errorf("%s: attribute %s: %w", shown(path.Join(w.dir, e.Path)), overrideName, err)
		}
	}
	if opaque {
		e.Xattrs = append(e.Xattrs, tarfs.Xattr{Name: tarfs.OpaqueXattr, Value: "y"})
	}
	return e, nil
}

// opaque reports whether a directory hides what lower layers have below it.
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

// firstOf returns the first error there is.
func firstOf(errs ...error) error {
	for _, err := range errs {
		if err != nil {
			return err
		}
	}
	return nil
}

// override takes owner, mode and type from the attribute: UID:GID:MODE in octal, then perhaps the type, of a device
// with its numbers. Source: containers/storage, pkg/idtools.
func (e *Entry) override(s string) error {
	parts := strings.Split(s, ":")
	if len(parts) < 3 {
		return fmt.Errorf("want UID:GID:MODE, found %s", shown(s))
	}
	uid, err := strconv.ParseUint(parts[0], 10, 32)
	if err != nil {
		return fmt.Errorf("bad user in %s", shown(s))
	}
	gid, err := strconv.ParseUint(parts[1], 10, 32)
	if err != nil {
		return fmt.Errorf("bad group in %s", shown(s))
	}
	mode, err := strconv.ParseUint(parts[2], 8, 32)
	if err != nil {
		return fmt.Errorf("bad mode in %s", shown(s))
	}
	e.UID, e.GID, e.Mode = uint32(uid), uint32(gid), uint16(mode&0o7777)
	if len(parts) > 3 {
		return e.retype(parts[3], s)
	}
	return nil
}

// retype takes what a file stands for where it cannot be that itself.
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
		return fmt.Errorf("unknown type in %s", shown(s))
	}
	if _, err := fmt.Sscanf(numbers, "%d-%d", &e.Major, &e.Minor); err != nil {
		return fmt.Errorf("bad device numbers in %s", shown(s))
	}
	if e.Type, e.Size = tarfs.Char, 0; kind == "block" {
		e.Type = tarfs.Block
	}
	return nil
}

// typeflags are those of tar.
var typeflags = map[tarfs.Type]byte{
	tarfs.File: tar.TypeReg, tarfs.Dir: tar.TypeDir, tarfs.Symlink: tar.TypeSymlink, tarfs.Char: tar.TypeChar, tarfs.Block: tar.TypeBlock, tarfs.Fifo: tar.TypeFifo,
}

// whiteout reports whether an entry hides its name.
func (e *Entry) whiteout() bool { return e.Type == tarfs.Char && e.Major == 0 && e.Minor == 0 }

// header writes a header and names the content that follows it.
func (w *overlayWalk) header(e Entry) error {
	h := &tar.Header{
		Format: tar.FormatPAX, Typeflag: typeflags[e.Type], Name: e.Path, Mode: int64(e.Mode), Uid: int(e.UID), Gid: int(e.GID),
		ModTime: time.Unix(e.MTime, int64(e.MTimeNS)), Devmajor: int64(e.Major), Devminor: int64(e.Minor), Linkname: e.Link,
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
	if e.Inode != (Inode{}) && e.Type != tarfs.Dir && !e.whiteout() { // overlayfs makes whiteouts links of one device
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

// write gives out a header, its content and the padding.
func (w *overlayWalk) write(h *tar.Header, file string) error {
	w.out.Reset()
	w.headers = tar.NewWriter(&w.out) // it would wait for the content of the last one
	if err := w.headers.WriteHeader(h); err != nil {
		return fmt.Errorf("%s: %w", shown(file), err)
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
