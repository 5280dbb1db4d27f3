package extract

import (
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strings"

	"golang.org/x/sys/unix"

	"layup/tarfs"
)

// overlayPrivilege reports why this user cannot write layers.
func overlayPrivilege() error {
	if os.Geteuid() != 0 {
		return errors.New("unpacking layers needs root: deleted paths are devices, and owners are kept")
	}
	return nil
}

// hide makes the whiteouts and opaque marks of a layer in its directory. The times of directories do not change.
func (p *overlayPlan) hide(diff string) error {
	root, err := os.OpenRoot(diff)
	if err != nil {
		return plain(err)
	}
	defer root.Close()
	within := func(n tarfs.Node, f func(dir int) error) error {
		name := strings.TrimPrefix(n.Path(), "/")
		if name == "" {
			name = "."
		}
		dir, err := root.OpenFile(name, unix.O_RDONLY|unix.O_DIRECTORY|unix.O_NOFOLLOW, 0)
		if err != nil {
			return fmt.Errorf("%q: %w", n.Path(), plain(err))
		}
		defer dir.Close()
		var st unix.Stat_t
		if err := unix.Fstat(int(dir.Fd()), &st); err != nil {
			return err
		}
		if err := f(int(dir.Fd())); err != nil {
			return err
		}
		times := []unix.Timespec{st.Atim, st.Mtim}
		return unix.UtimesNanoAt(unix.AT_FDCWD, fmt.Sprintf("/proc/self/fd/%d", dir.Fd()), times, 0)
	}
	for _, n := range p.whiteouts {
		err := within(n.Parent(), func(dir int) error { return unix.Mknodat(dir, filepath.Base(n.Name()), unix.S_IFCHR, 0) })
		if err != nil {
			return fmt.Errorf("whiteout of %q: %w", n.Path(), err)
		}
	}
	for n := range p.opaque {
		err := within(n, func(dir int) error { return unix.Fsetxattr(dir, "trusted.overlay.opaque", []byte("y"), 0) })
		if err != nil {
			return fmt.Errorf("opaque %q: %w", n.Path(), err)
		}
	}
	return nil
}
