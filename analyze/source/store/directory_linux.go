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
	names, err := new(kernel).names(int(file.Fd()), "")
	if err != nil {
		return nil, d.explain(name, err)
	}
	return names, nil
}

func (d *directory) Stat(name string) (Info, error) {
	parent, err := d.enter(path.Dir(name))
	if err != nil {
		return Info{}, d.explain(name, err)
	}
	defer parent.Close()
	info, err := (&kernel{list: make([]byte, 1<<10)}).describe(int(parent.Fd()), path.Base(name))
	if err != nil {
		return Info{}, d.explain(name, err)
	}
	return info, nil
}

func (d *directory) Walk(ctx context.Context, name string) iter.Seq2[Entry, error] {
	return func(yield func(Entry, error) bool) {
		top, err := d.dir.Root.OpenFile(cmp.Or(name, "."), os.O_RDONLY|unix.O_DIRECTORY|unix.O_NOFOLLOW, 0)
		if err != nil {
			yield(Entry{}, d.explain(name, err))
			return
		}
		defer top.Close()
		w := &walker{d: d, name: name, top: int(top.Fd())}
		stack := []string{""} // directories still to read, the next one last
		for len(stack) > 0 {
			at := stack[len(stack)-1]
			stack = stack[:len(stack)-1]
			if err := w.read(ctx, at); err != nil {
				yield(Entry{}, err)
				return
			}
			from := len(stack)
			for _, e := range w.found {
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

// A walker reads the directories below one, one after another.
type walker struct {
	kernel
	d     *directory
	name  string  // of the directory in which it began
	top   int     // that directory, opened
	found []Entry // of the directory that was read last
}

// read describes the entries of a directory.
func (w *walker) read(ctx context.Context, at string) error {
	name := func(base string) string { return path.Join(w.name, at, base) }
	parent, done, err := w.open(at)
	if at != "" && (errors.Is(err, fs.ErrNotExist) || errors.Is(err, unix.ENOTDIR) || errors.Is(err, unix.ELOOP)) {
		return &ContentError{Name: name(""), Err: ErrChanged}
	}
	if err != nil {
		return w.d.explain(name(""), err)
	}
	defer done()
	prefix := at
	if at != "" {
		prefix += "/"
	}
	paths, err := w.names(parent, prefix)
	if err != nil {
		return w.d.explain(name(""), err)
	}
	w.found = w.found[:0]
	for _, p := range paths {
		if err := ctx.Err(); err != nil {
			return err
		}
		base := p[len(prefix):]
		info, err := w.describe(parent, base)
		if errors.Is(err, fs.ErrNotExist) {
			return &ContentError{Name: name(base), Err: ErrChanged}
		}
		if err != nil {
			return w.d.explain(name(base), err)
		}
		w.found = append(w.found, Entry{Path: p, Info: info})
	}
	return nil
}

// open opens a directory, and no link on the way to it: in one call if the kernel can, else name by name.
func (w *walker) open(at string) (fd int, done func(), err error) {
	const flags = unix.O_RDONLY | unix.O_DIRECTORY | unix.O_NOFOLLOW | unix.O_CLOEXEC
	fd, err = unix.Openat2(w.top, cmp.Or(at, "."), &unix.OpenHow{Flags: flags,
		Resolve: unix.RESOLVE_BENEATH | unix.RESOLVE_NO_SYMLINKS})
	switch err {
	case unix.ENOSYS, unix.EPERM, unix.ENAMETOOLONG, unix.EAGAIN:
		file, err := w.d.dir.Root.OpenFile(cmp.Or(path.Join(w.name, at), "."), flags, 0)
		if err != nil {
			return 0, nil, err
		}
		return int(file.Fd()), func() { file.Close() }, nil
	}
	return fd, func() { unix.Close(fd) }, err
}
