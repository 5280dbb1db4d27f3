package erofs

import (
	"errors"
	"io"
	"io/fs"
	"slices"
	"strings"

	library "github.com/erofs/go-erofs"

	"layup/analyze/source/store"
	"layup/tarfs"
)

// maxLink is the longest target of a symlink on Linux.
const maxLink = 4096

// describe says everything about an entry of a directory.
func (i *Image) describe(e fs.DirEntry, name string) (info store.Info, err error) {
	about, err := e.Info()
	if err != nil {
		return info, damaged(name, err)
	}
	stat := about.Sys().(*library.Stat)
	if stat.Mode.Type() != e.Type() {
		return info, damaged(name, errors.New("its directory and its inode differ in what it is"))
	}
	info = store.Info{Mode: mode(stat.Mode), UID: stat.UID, GID: stat.GID, MTime: int64(stat.Mtime),
		MTimeNS: stat.MtimeNs, Xattrs: attributes(stat.Xattrs)}
	switch stat.Mode.Type() {
	case 0:
		info.Type, info.Size = tarfs.File, stat.Size
	case fs.ModeDir:
		info.Type = tarfs.Dir
	case fs.ModeSymlink:
		info.Type = tarfs.Symlink
		info.Link, err = link(e, stat.Size)
	case fs.ModeDevice | fs.ModeCharDevice:
		info.Type = tarfs.Char
	case fs.ModeDevice:
		info.Type = tarfs.Block
	case fs.ModeNamedPipe, fs.ModeSocket:
		info.Type, info.Socket = tarfs.Fifo, stat.Mode.Type() == fs.ModeSocket
	default:
		err = errors.New("an inode of unknown type")
	}
	if info.Type == tarfs.Char || info.Type == tarfs.Block {
		info.Major, info.Minor = stat.Rdev>>8&0xfff, stat.Rdev&0xff|stat.Rdev>>12&0xfff00 // as Linux encodes them
	}
	if stat.Nlink > 1 && info.Type != tarfs.Dir {
		info.Inode = store.Inode{Device: 1, Number: uint64(stat.Ino)}
	}
	if err == nil && (stat.Size < 0 || info.MTimeNS >= 1e9) {
		err = errors.New("a size below zero, or a time that is none")
	}
	if err != nil {
		return info, damaged(name, err)
	}
	return info, nil
}

// mode returns permissions as a tar has them.
func mode(m fs.FileMode) uint16 {
	bits := uint16(m.Perm())
	for i, special := range []fs.FileMode{fs.ModeSticky, fs.ModeSetgid, fs.ModeSetuid} {
		if m&special != 0 {
			bits |= 0o1000 << i
		}
	}
	return bits
}

// attributes sorts extended attributes by name. The library ends the names of access control lists with a dot.
func attributes(byName map[string]string) []tarfs.Xattr {
	var list []tarfs.Xattr
	for name, value := range byName {
		list = append(list, tarfs.Xattr{Name: strings.TrimSuffix(name, "."), Value: value})
	}
	slices.SortFunc(list, func(a, b tarfs.Xattr) int { return strings.Compare(a.Name, b.Name) })
	return list
}

// link reads the target of a symlink.
func link(e fs.DirEntry, size int64) (string, error) {
	body, ok := e.(io.Reader)
	if !ok || size < 0 || size > maxLink {
		return "", errors.New("the target of a symlink has a bad length")
	}
	target := make([]byte, size)
	_, err := io.ReadFull(body, target)
	return string(target), err
}

// Open returns the content of a regular file.
func (i *Image) Open(name string) (body io.ReadCloser, err error) {
	defer recovered(&err)
	f, err := i.files.Open(name)
	if err != nil {
		return nil, damaged(name, err)
	}
	about, err := f.Stat()
	if err == nil && !about.Mode().IsRegular() {
		err = errors.New("is not a regular file")
	}
	if err != nil {
		return nil, damaged(name, err)
	}
	if ranges := i.ranges(about); ranges != nil {
		return io.NopCloser(io.MultiReader(ranges...)), nil
	}
	return &guarded{f, name}, nil
}

// ranges returns where in the image a file's content is; nil if the library has to find it. The table of a file in
// chunks is bounded by the image.
func (i *Image) ranges(about fs.FileInfo) []io.Reader {
	const chunkBased, entrySize, smallestBlock = 4, 8, 512
	stat := about.Sys().(*library.Stat)
	placed, ok := about.(interface{ DataRange() []library.DataRange })
	if !ok || stat.InodeLayout == chunkBased && stat.Size/smallestBlock > i.size/entrySize {
		return nil
	}
	var list []io.Reader
	for _, r := range placed.DataRange() {
		switch {
		case r.Device != 0:
			return nil
		case r.Offset < 0:
			list = append(list, io.LimitReader(zeros{}, r.Size))
		default:
			list = append(list, io.NewSectionReader(i.at, r.Offset, r.Size))
		}
	}
	return list
}

// zeros is an endless hole.
type zeros struct{}

func (zeros) Read(p []byte) (int, error) {
	clear(p)
	return len(p), nil
}

// A guarded file is read by the library, which does not expect every damage.
type guarded struct {
	fs.File
	name string
}

func (g *guarded) Read(p []byte) (n int, err error) {
	defer recovered(&err)
	if n, err = g.File.Read(p); err != nil && err != io.EOF {
		err = damaged(g.name, err)
	}
	return n, err
}
