package tarfs

import (
	"errors"
	"io"
	"io/fs"
	"path"
	"slices"
	"time"
)

// FS returns the snapshot as an io/fs file system with symbolic links: an fs.ReadDirFS, fs.StatFS and fs.ReadLinkFS.
// Names follow symlinks inside the image. The open function returns the content of a regular file, and is called at the
// first Read; if it is nil, contents cannot be read. The Sys method of an fs.FileInfo returns the [Version].
//
// An image can hold four things for which io/fs has no rules. A name that is not UTF-8 is listed, but cannot be opened.
// A name with a backslash can be opened, although some programs that use io/fs refuse it. A dangling symlink and a
// symlink loop are listed and can be read as links, but opening them fails.
func (s *Snapshot) FS(open func(Version) (io.ReadCloser, error)) fs.FS { return &filesystem{s, open} }

type filesystem struct {
	s    *Snapshot
	open func(Version) (io.ReadCloser, error)
}

var (
	_ fs.ReadDirFS  = (*filesystem)(nil)
	_ fs.StatFS     = (*filesystem)(nil)
	_ fs.ReadLinkFS = (*filesystem)(nil)
)

// find resolves a name, and the symlink of its last component if follow is set.
func (f *filesystem) find(op, name string, follow bool) (Version, error) {
	if !fs.ValidPath(name) {
		return Version{}, &fs.PathError{Op: op, Path: name, Err: fs.ErrInvalid}
	}
	v, err := f.s.Resolve(name, follow)
	if err != nil {
		return Version{}, &fs.PathError{Op: op, Path: name, Err: err}
	}
	return v, nil
}

// Open opens a file or a directory, following symlinks inside the image.
func (f *filesystem) Open(name string) (fs.File, error) {
	v, err := f.find("open", name, true)
	if err != nil {
		return nil, err
	}
	o := opened{info: fileInfo{v, path.Base(name)}, name: name}
	if v.Type() == Dir {
		return &dirFile{opened: o, list: f.list(v)}, nil
	}
	return &file{opened: o, open: f.open}, nil
}

// Stat describes what a name leads to.
func (f *filesystem) Stat(name string) (fs.FileInfo, error) { return f.describe("stat", name, true) }

// Lstat describes a name without following its last component.
func (f *filesystem) Lstat(name string) (fs.FileInfo, error) { return f.describe("lstat", name, false) }

func (f *filesystem) describe(op, name string, follow bool) (fs.FileInfo, error) {
	v, err := f.find(op, name, follow)
	if err != nil {
		return nil, err
	}
	return fileInfo{v, path.Base(name)}, nil
}

// ReadLink returns the exact target of a symbolic link.
func (f *filesystem) ReadLink(name string) (string, error) {
	v, err := f.find("readlink", name, false)
	if err == nil && v.Type() != Symlink {
		err = &fs.PathError{Op: "readlink", Path: name, Err: fs.ErrInvalid}
	}
	if err != nil {
		return "", err
	}
	return v.Link(), nil
}

// ReadDir lists a directory by name.
func (f *filesystem) ReadDir(name string) ([]fs.DirEntry, error) {
	v, err := f.find("readdir", name, true)
	if err == nil && v.Type() != Dir {
		err = &fs.PathError{Op: "readdir", Path: name, Err: errNotDir}
	}
	if err != nil {
		return nil, err
	}
	return f.list(v), nil
}

func (f *filesystem) list(dir Version) []fs.DirEntry {
	var list []fs.DirEntry
	for v := range f.s.Walk(dir.Node(), 1) {
		if v.Node() != dir.Node() {
			list = append(list, fs.FileInfoToDirEntry(fileInfo{v, v.Node().Name()}))
		}
	}
	return list
}

// fileInfo describes a version; Sys returns it.
type fileInfo struct {
	v    Version
	name string
}

func (i fileInfo) Name() string { return i.name }
func (i fileInfo) Size() int64  { return i.v.Size() }
func (i fileInfo) IsDir() bool  { return i.v.Type() == Dir }
func (i fileInfo) Sys() any     { return i.v }

// ModTime is zero for an implied directory, which has no time.
func (i fileInfo) ModTime() time.Time {
	m := i.v.Meta()
	if !i.v.HasMTime() {
		return time.Time{}
	}
	return time.Unix(m.MTime, int64(m.MTimeNS)).UTC()
}

var fileModes = [...]fs.FileMode{
	File: 0, Dir: fs.ModeDir, Symlink: fs.ModeSymlink, Fifo: fs.ModeNamedPipe,
	Char: fs.ModeDevice | fs.ModeCharDevice, Block: fs.ModeDevice,
}

var modeBits = [...]struct {
	bit  uint16
	flag fs.FileMode
}{{0o4000, fs.ModeSetuid}, {0o2000, fs.ModeSetgid}, {0o1000, fs.ModeSticky}}

// Mode gives symlinks the permissions that Linux shows, whatever their header says.
func (i fileInfo) Mode() fs.FileMode {
	m := i.v.Meta().Mode
	if i.v.Type() == Symlink {
		return fs.ModeSymlink | 0o777
	}
	mode := fileModes[i.v.Type()] | fs.FileMode(m&0o777)
	for _, b := range modeBits {
		if m&b.bit != 0 {
			mode |= b.flag
		}
	}
	return mode
}

// opened is an open file or directory.
type opened struct {
	info   fileInfo
	name   string
	closed bool
}

// check returns err as an *fs.PathError of an operation; its cause is fs.ErrClosed after Close.
func (o *opened) check(op string, err error) error {
	if o.closed {
		err = fs.ErrClosed
	}
	if err == nil || err == io.EOF {
		return err
	}
	return &fs.PathError{Op: op, Path: o.name, Err: err}
}

func (o *opened) Stat() (fs.FileInfo, error) { return o.info, o.check("stat", nil) }

func (o *opened) Close() error {
	err := o.check("close", nil)
	o.closed = true
	return err
}

// file opens its content at the first read. So opening a device, or a file that nobody reads, costs nothing.
type file struct {
	opened
	open func(Version) (io.ReadCloser, error)
	body io.ReadCloser
}

func (f *file) Read(b []byte) (n int, err error) {
	switch {
	case f.closed:
	case f.body != nil:
		n, err = f.body.Read(b)
	case f.info.v.Type() != File || f.open == nil:
		err = errors.New("has no content that can be read")
	default:
		if f.body, err = f.open(f.info.v); err == nil {
			n, err = f.body.Read(b)
		}
	}
	return n, f.check("read", err)
}

func (f *file) Close() error {
	err := f.opened.Close()
	if err != nil || f.body == nil {
		return err
	}
	return f.body.Close()
}

type dirFile struct {
	opened
	list []fs.DirEntry
	at   int
}

func (d *dirFile) Read([]byte) (int, error) { return 0, d.check("read", errors.New("is a directory")) }

// ReadDir returns the next n entries, or all that are left if n <= 0.
func (d *dirFile) ReadDir(n int) ([]fs.DirEntry, error) {
	if err := d.check("readdir", nil); err != nil {
		return nil, err
	}
	left := d.list[d.at:]
	if n > 0 && len(left) == 0 {
		return nil, io.EOF
	}
	if n > 0 {
		left = left[:min(n, len(left))]
	}
	d.at += len(left)
	return slices.Clone(left), nil
}
