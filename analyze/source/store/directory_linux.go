package store

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"iter"
	"os"
	"path"
	"slices"
	"strconv"
	"strings"

	"golang.org/x/sys/unix"

	"layup/analyze/show"
	"layup/analyze/source/disk"
	"layup/tarfs"
)

// A directory is a store as an engine left it on a disk.
type directory struct{ dir *disk.Dir }

// Directory returns the files of an opened directory. Close closes it.
func Directory(root *os.Root) (Files, error) { return &directory{&disk.Dir{Root: root}}, nil }

func (d *directory) Close() error { return d.dir.Close() }

// Sight tells what this process may see.
func (d *directory) Sight() Sight {
	users, _ := os.ReadFile("/proc/self/uid_map")
	s := Sight{Mapped: len(users) > 0 && !slices.Equal(strings.Fields(string(users)), []string{"0", "0", "4294967295"})}
	status, _ := os.ReadFile("/proc/self/status")
	for line := range strings.Lines(string(status)) {
		if set, ok := strings.CutPrefix(line, "CapEff:"); ok {
			bits, err := strconv.ParseUint(strings.TrimSpace(set), 16, 64)
			s.Trusted = err == nil && bits&(1<<unix.CAP_SYS_ADMIN) != 0 && !s.Mapped
		}
	}
	return s
}

func (d *directory) explain(name string, err error) error {
	if errors.Is(err, fs.ErrNotExist) {
		return fmt.Errorf("%s: %w", show.Path(name), fs.ErrNotExist)
	}
	err = disk.Plain(err)
	if errors.Is(err, fs.ErrPermission) {
		return &PrivilegeError{Name: name, Need: "root, or the capability CAP_DAC_READ_SEARCH", Err: err}
	}
	return fmt.Errorf("%s: %w", show.Path(name), err)
}

func (d *directory) Open(name string) (io.ReadCloser, error) {
	f, err := d.dir.Open(name)
	if err != nil {
		return nil, d.explain(name, err)
	}
	return part{io.NewSectionReader(f, 0, f.Size()), f}, nil
}

// enter opens a directory, and nothing else: opening a FIFO would wait.
func (d *directory) enter(name string) (*os.File, error) {
	return d.dir.Root.OpenFile(cmp.Or(name, "."), os.O_RDONLY|unix.O_DIRECTORY|unix.O_NONBLOCK, 0)
}

func (d *directory) List(name string) ([]string, error) {
	file, err := d.enter(name)
	if err != nil {
		return nil, d.explain(name, err)
	}
	defer file.Close()
	return d.names(file, name)
}

func (d *directory) names(file *os.File, name string) ([]string, error) {
	names, err := file.Readdirnames(-1)
	if err != nil {
		return nil, d.explain(name, err)
	}
	slices.Sort(names)
	return names, nil
}

func (d *directory) Stat(name string) (Info, error) {
	parent, err := d.enter(path.Dir(name))
	if err != nil {
		return Info{}, d.explain(name, err)
	}
	defer parent.Close()
	info, err := describe(int(parent.Fd()), path.Base(name))
	if err != nil {
		return Info{}, d.explain(name, err)
	}
	return info, nil
}

func (d *directory) Walk(ctx context.Context, name string) iter.Seq2[Entry, error] {
	return func(yield func(Entry, error) bool) {
		stack := []string{""} // directories still to read, the next one last
		for len(stack) > 0 {
			at := stack[len(stack)-1]
			stack = stack[:len(stack)-1]
			found, err := d.children(ctx, name, at)
			if err != nil {
				yield(Entry{}, err)
				return
			}
			from := len(stack)
			for _, e := range found {
				if e.Type == tarfs.Dir {
					stack = append(stack, e.Path)
				}
				if !yield(e, nil) {
					return
				}
			}
			slices.Reverse(stack[from:])
		}
	}
}

// children describes the entries of a directory.
func (d *directory) children(ctx context.Context, top, at string) ([]Entry, error) {
	name := path.Join(top, at)
	parent, err := d.dir.Root.OpenFile(cmp.Or(name, "."), os.O_RDONLY|unix.O_DIRECTORY|unix.O_NOFOLLOW, 0)
	if at != "" && (errors.Is(err, fs.ErrNotExist) || errors.Is(err, unix.ENOTDIR)) {
		return nil, &ContentError{Name: name, Err: ErrChanged}
	}
	if err != nil {
		return nil, d.explain(name, err)
	}
	defer parent.Close()
	names, err := d.names(parent, name)
	if err != nil {
		return nil, err
	}
	found := make([]Entry, 0, len(names))
	for _, base := range names {
		if err := ctx.Err(); err != nil {
			return nil, err
		}
		info, err := describe(int(parent.Fd()), base)
		if errors.Is(err, fs.ErrNotExist) {
			return nil, &ContentError{Name: path.Join(name, base), Err: ErrChanged}
		}
		if err != nil {
			return nil, d.explain(path.Join(name, base), err)
		}
		found = append(found, Entry{Path: path.Join(at, base), Info: info})
	}
	return found, nil
}

// describe asks the kernel for everything about a name in an open directory.
func describe(parent int, base string) (Info, error) {
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
	info.Xattrs, err = attributes(parent, base)
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

// attributes returns the extended attributes of a name in an open directory. Older kernels have no system call for
// that, so it goes through the name of the open directory below /proc.
func attributes(parent int, base string) ([]tarfs.Xattr, error) {
	name := "/proc/self/fd/" + strconv.Itoa(parent) + "/" + base
	size, err := unix.Llistxattr(name, nil)
	if err == unix.EOPNOTSUPP || size == 0 && err == nil {
		return nil, nil
	}
	if err != nil {
		return nil, fmt.Errorf("extended attributes: %w", err)
	}
	names := make([]byte, size)
	if size, err = unix.Llistxattr(name, names); err != nil {
		return nil, fmt.Errorf("extended attributes: %w", err)
	}
	var list []tarfs.Xattr
	for _, one := range slices.Sorted(strings.SplitSeq(strings.TrimSuffix(string(names[:size]), "\x00"), "\x00")) {
		value, err := attribute(name, one)
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

func attribute(name, attr string) (string, error) {
	size, err := unix.Lgetxattr(name, attr, nil)
	if err != nil || size == 0 {
		return "", err
	}
	value := make([]byte, size)
	size, err = unix.Lgetxattr(name, attr, value)
	return string(value[:max(size, 0)]), err
}
