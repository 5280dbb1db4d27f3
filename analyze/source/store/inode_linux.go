package store

import (
	"bytes"
	"encoding/binary"
	"fmt"
	"slices"
	"strconv"
	"strings"
	"unsafe"

	"golang.org/x/sys/unix"

	"layup/analyze/show"
	"layup/tarfs"
)

// A kernel asks the kernel about names in open directories, with buffers that it uses again.
type kernel struct {
	list   []byte // of entries, or of the names of attributes
	text   []byte // names
	ends   []int  // of the names, in text
	byProc bool   // it has no system call for attributes of names in a directory
}

// buffer returns room for a list.
func (k *kernel) buffer() []byte {
	if k.list == nil {
		k.list = make([]byte, 32<<10)
	}
	return k.list
}

// names returns the names in an open directory, sorted by their bytes, each after a prefix.
func (k *kernel) names(dir int, prefix string) ([]string, error) {
	k.text, k.ends = k.text[:0], k.ends[:0]
	for {
		n, err := unix.ReadDirent(dir, k.buffer())
		if err == unix.EINTR {
			continue
		}
		if err != nil {
			return nil, err
		}
		if n <= 0 {
			break
		}
		for list := k.list[:n]; len(list) > 0; {
			list = k.entry(list, prefix)
		}
	}
	all, from := string(k.text), 0 // one string for all names costs less than one for each
	names := make([]string, len(k.ends))
	for i, end := range k.ends {
		names[i], from = all[from:end], end
	}
	slices.Sort(names)
	return names, nil
}

// entry notes the name of the first entry of a list, and returns the rest of the list. Source: getdents64(2).
func (k *kernel) entry(list []byte, prefix string) []byte {
	const inode, size, text = 0, 16, 19 // offsets
	if len(list) < text {
		return nil
	}
	end := int(binary.NativeEndian.Uint16(list[size:]))
	if end < text || end > len(list) {
		return nil
	}
	name, _, _ := bytes.Cut(list[text:end], []byte{0})
	if binary.NativeEndian.Uint64(list[inode:]) != 0 && string(name) != "." && string(name) != ".." {
		k.text = append(append(k.text, prefix...), name...)
		k.ends = append(k.ends, len(k.text))
	}
	return list[end:]
}

// describe asks the kernel for everything about a name in an open directory.
func (k *kernel) describe(parent int, base string) (Info, error) {
	var st unix.Stat_t
	if err := unix.Fstatat(parent, base, &st, unix.AT_SYMLINK_NOFOLLOW); err != nil {
		return Info{}, err
	}
	var err error
	info := Info{
		Mode: uint16(st.Mode & 0o7777), UID: st.Uid, GID: st.Gid,
		MTime: int64(st.Mtim.Sec), MTimeNS: uint32(st.Mtim.Nsec),
	}
	switch st.Mode & unix.S_IFMT {
	case unix.S_IFREG:
		info.Type, info.Size = tarfs.File, st.Size
	case unix.S_IFDIR:
		info.Type = tarfs.Dir
	case unix.S_IFLNK:
		info.Type = tarfs.Symlink
		if info.Link, err = readLink(parent, base); err != nil {
			return Info{}, err
		}
	case unix.S_IFCHR, unix.S_IFBLK:
		info.Type = tarfs.Char
		if st.Mode&unix.S_IFMT == unix.S_IFBLK {
			info.Type = tarfs.Block
		}
		info.Major, info.Minor = unix.Major(uint64(st.Rdev)), unix.Minor(uint64(st.Rdev))
	default:
		info.Type, info.Socket = tarfs.Fifo, st.Mode&unix.S_IFMT == unix.S_IFSOCK
	}
	if st.Nlink > 1 && info.Type != tarfs.Dir {
		info.Inode = Inode{Device: uint64(st.Dev), Number: st.Ino}
	}
	info.Xattrs, err = k.attributes(parent, base)
	return info, err
}

// maxLink is the longest target of a symlink on Linux.
const maxLink = 4096

func readLink(parent int, base string) (string, error) {
	buffer := make([]byte, maxLink)
	n, err := unix.Readlinkat(parent, base, buffer)
	if err != nil {
		return "", err
	}
	return string(buffer[:n]), nil
}

// usual is how many bytes the names of a file's attributes mostly have at most. The kernel allocates as many as it may
// write, and with a page or more that takes longer than all the rest.
const usual = 256

// attributes returns the extended attributes of a name in an open directory.
func (k *kernel) attributes(parent int, base string) ([]tarfs.Xattr, error) {
	proc := func() string { return "/proc/self/fd/" + strconv.Itoa(parent) + "/" + base }
	names := k.buffer()[:usual]
	size, err := k.listAttributes(parent, base, proc, names)
	if err == unix.EOPNOTSUPP || size == 0 && err == nil {
		return nil, nil
	}
	if err == unix.ERANGE {
		if size, err = unix.Llistxattr(proc(), nil); err == nil {
			names = make([]byte, size)
			size, err = unix.Llistxattr(proc(), names)
		}
	}
	if err != nil {
		return nil, fmt.Errorf("extended attributes: %w", err)
	}
	var list []tarfs.Xattr
	for _, one := range slices.Sorted(strings.SplitSeq(strings.TrimSuffix(string(names[:size]), "\x00"), "\x00")) {
		value, err := attribute(proc(), one)
		if err == unix.ENODATA {
			continue
		}
		if err != nil {
			return nil, fmt.Errorf("extended attribute %s: %w", show.Path(one), err)
		}
		list = append(list, tarfs.Xattr{Name: one, Value: value})
	}
	return list, nil
}

// listAttributes puts the names of the attributes into a buffer. Kernels before 6.13 have no system call for a name in
// an open directory, so it then goes through the directory's name below /proc.
func (k *kernel) listAttributes(parent int, base string, proc func() string, names []byte) (int, error) {
	if !k.byProc {
		k.text = append(append(k.text[:0], base...), 0)
		n, _, errno := unix.Syscall6(unix.SYS_LISTXATTRAT, uintptr(parent), uintptr(unsafe.Pointer(&k.text[0])),
			unix.AT_SYMLINK_NOFOLLOW, uintptr(unsafe.Pointer(&names[0])), uintptr(len(names)), 0)
		if errno == 0 {
			return int(n), nil
		}
		if errno != unix.ENOSYS && errno != unix.EPERM {
			return 0, errno
		}
		k.byProc = true
	}
	return unix.Llistxattr(proc(), names)
}

func attribute(name, attr string) (string, error) {
	size, err := unix.Lgetxattr(name, attr, nil)
	if err != nil || size == 0 {
		return "", err
	}
	value := make([]byte, size)
	size, err = unix.Lgetxattr(name, attr, value)
	return string(value[:max(size, 0)]), err
}
