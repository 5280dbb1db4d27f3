package tarfs

import (
	"errors"
	"io"
	"io/fs"
	"slices"
	"time"
)

// FS returns the snapshot as an io/fs file system that also knows symbolic links (fs.ReadLinkFS). Open reads the content of a file; where
// it is nil, contents cannot be read. Four things that images hold io/fs has no words for: names that are not UTF-8 are listed but cannot
// be opened; names with a backslash can, though some programs that use io/fs refuse them; links that dangle and links that loop are listed and
// can be read as links, but opening them fails. No report lists files through it.
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

// find resolves a name, its last component's symlink too if follow is set.
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
	info := fileInfo{v, baseName(name)}
	if v.Type() == Dir {
		return &dirFile{info: info, name: name, list: f.list(v)}, nil
	}
	return &file{info: info, name: name, open: f.open}, nil
}

func baseName(name string) string {
	for i := len(name) - 1; i >= 0; i-- {
		if name[i] == '/' {
			return name[i+1:]
		}
	}
	return name
}

// Stat describes what a name leads to.
func (f *filesystem) Stat(name string) (fs.FileInfo, error) {
	v, err := f.find("stat", name, true)
	if err != nil {
		return nil, err
	}
	return fileInfo{v, baseName(name)}, nil
}

// Lstat describes a name without following its last component.
func (f *filesystem) Lstat(name string) (fs.FileInfo, error) {
	v, err := f.find("lstat", name, false)
	if err != nil {
		return nil, err
	}
	return fileInfo{v, baseName(name)}, nil
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

// ModTime is zero for an implied directory, which has none.
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

// Mode gives symlinks the permissions that Linux shows of them, whatever their header says.
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

// file opens its content at the first read, so that opening a device or a file nobody reads costs nothing.
type file struct {
	info fileInfo
	name string
	open func(Version) (io.ReadCloser, error)
	body io.ReadCloser
	done bool
}

func (f *file) Stat() (fs.FileInfo, error) {
	if f.done {
		return nil, &fs.PathError{Op: "stat", Path: f.name, Err: fs.ErrClosed}
	}
	return f.info, nil
}

var errNoContent = errors.New("has no content that can be read")

func (f *file) Read(b []byte) (int, error) {
	if f.done {
		return 0, &fs.PathError{Op: "read", Path: f.name, Err: fs.ErrClosed}
	}
	if f.body == nil {
		if f.info.v.Type() != File || f.open == nil {
			return 0, &fs.PathError{Op: "read", Path: f.name, Err: errNoContent}
		}
		body, err := f.open(f.info.v)
		if err != nil {
			return 0, &fs.PathError{Op: "read", Path: f.name, Err: err}
		}
		f.body = body
	}
	n, err := f.body.Read(b)
	if err != nil && err != io.EOF {
		err = &fs.PathError{Op: "read", Path: f.name, Err: err}
	}
	return n, err
}

func (f *file) Close() error {
	if f.done {
		return &fs.PathError{Op: "close", Path: f.name, Err: fs.ErrClosed}
	}
	f.done = true
	if f.body == nil {
		return nil
	}
	return f.body.Close()
}

type dirFile struct {
	info fileInfo
	name string
	list []fs.DirEntry
	at   int
	done bool
}

func (d *dirFile) Stat() (fs.FileInfo, error) {
	if d.done {
		return nil, &fs.PathError{Op: "stat", Path: d.name, Err: fs.ErrClosed}
	}
	return d.info, nil
}

func (d *dirFile) Read([]byte) (int, error) {
	if d.done {
		return 0, &fs.PathError{Op: "read", Path: d.name, Err: fs.ErrClosed}
	}
	return 0, &fs.PathError{Op: "read", Path: d.name, Err: errors.New("is a directory")}
}

func (d *dirFile) Close() error {
	if d.done {
		return &fs.PathError{Op: "close", Path: d.name, Err: fs.ErrClosed}
	}
	d.done = true
	return nil
}

// ReadDir returns the next n entries, or all that are left for n <= 0.
func (d *dirFile) ReadDir(n int) ([]fs.DirEntry, error) {
	if d.done {
		return nil, &fs.PathError{Op: "readdir", Path: d.name, Err: fs.ErrClosed}
	}
	left := d.list[d.at:]
	if n > 0 && len(left) == 0 {
		return nil, io.EOF
	}
	if n > 0 && n < len(left) {
		left = left[:n]
	}
	d.at += len(left)
	return slices.Clone(left), nil
}
