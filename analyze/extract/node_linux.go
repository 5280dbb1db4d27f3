package extract

import (
	"errors"
	"fmt"
	"os"

	"golang.org/x/sys/unix"

	"layup/tarfs"
)

// canDevices says that this system has the devices of images.
const canDevices = true

// checkName reports why this system cannot hold a name. Linux can try every name of a tar.
func checkName(string) error { return nil }

// fd returns the descriptor of the directory, for calls that os.Root does not make. They follow no symlink.
func (at *folder) fd() (int, error) {
	if at.file == nil {
		f, err := at.root.Open(".")
		if err != nil {
			return 0, err
		}
		at.file = f
	}
	return int(at.file.Fd()), nil
}

// beneath opens a directory at a path below this one that leads through no symlink. It returns nil if this system
// cannot do it in one step.
func (at *folder) beneath(name string) (*os.Root, error) {
	dir, err := at.fd()
	if err != nil {
		return nil, err
	}
	fd, err := unix.Openat2(dir, name, &unix.OpenHow{Flags: unix.O_PATH | unix.O_DIRECTORY | unix.O_CLOEXEC,
		Resolve: unix.RESOLVE_BENEATH | unix.RESOLVE_NO_SYMLINKS})
	switch err {
	case nil:
	case unix.ENOSYS, unix.EPERM, unix.EINVAL, unix.ENAMETOOLONG, unix.EAGAIN: // an old kernel, a sandbox, a rename
		return nil, nil
	default:
		return nil, err
	}
	defer unix.Close(fd)
	if root, err := os.OpenRoot(fmt.Sprintf("/proc/self/fd/%d", fd)); err == nil {
		return root, nil
	}
	return nil, nil // without /proc
}

// mknod makes a FIFO or a device.
func (at *folder) mknod(name string, v tarfs.Version) error {
	dir, err := at.fd()
	if err != nil {
		return err
	}
	major, minor := v.Device()
	kind := uint32(unix.S_IFIFO)
	switch v.Type() {
	case tarfs.Char:
		kind = unix.S_IFCHR
	case tarfs.Block:
		kind = unix.S_IFBLK
	}
	return unix.Mknodat(dir, name, kind|0o600, int(unix.Mkdev(major, minor)))
}

// directory opens a subdirectory.
func (at *folder) directory(name string) (*os.File, error) {
	dir, err := at.fd()
	if err != nil {
		return nil, err
	}
	fd, err := unix.Openat(dir, name, unix.O_RDONLY|unix.O_DIRECTORY|unix.O_NOFOLLOW|unix.O_CLOEXEC, 0)
	if err != nil {
		return nil, err
	}
	return os.NewFile(uintptr(fd), name), nil
}

func (at *folder) chown(name string, f *os.File, uid, gid uint32) error {
	if f != nil {
		return f.Chown(int(uid), int(gid))
	}
	dir, err := at.fd()
	if err != nil {
		return err
	}
	return unix.Fchownat(dir, name, int(uid), int(gid), unix.AT_SYMLINK_NOFOLLOW)
}

func (at *folder) chmod(name string, f *os.File, mode uint32) error {
	if f != nil {
		return unix.Fchmod(int(f.Fd()), mode)
	}
	dir, err := at.fd()
	if err != nil {
		return err
	}
	err = unix.Fchmodat(dir, name, mode, unix.AT_SYMLINK_NOFOLLOW)
	if !errors.Is(err, unix.EOPNOTSUPP) && !errors.Is(err, unix.ENOSYS) {
		return err
	}
	fd, err := unix.Openat(dir, name, unix.O_PATH|unix.O_NOFOLLOW|unix.O_CLOEXEC, 0)
	if err != nil {
		return err
	}
	defer unix.Close(fd)
	return unix.Chmod(fmt.Sprintf("/proc/self/fd/%d", fd), mode)
}

func (at *folder) touch(name string, f *os.File, m tarfs.Meta) error {
	dir, err := at.fd()
	if err != nil {
		return err
	}
	times := []unix.Timespec{{Nsec: unix.UTIME_OMIT}, unix.NsecToTimespec(int64(m.MTimeNS))}
	times[1].Sec = m.MTime
	return unix.UtimesNanoAt(dir, name, times, unix.AT_SYMLINK_NOFOLLOW)
}

func (at *folder) setXattr(name string, f *os.File, x tarfs.Xattr) error {
	if f != nil {
		return unix.Fsetxattr(int(f.Fd()), x.Name, []byte(x.Value), 0)
	}
	dir, err := at.fd()
	if err != nil {
		return err
	}
	return unix.Lsetxattr(fmt.Sprintf("/proc/self/fd/%d/%s", dir, name), x.Name, []byte(x.Value), 0)
}

// touched reports whether the file has the time that was set, to the second.
func (at *folder) touched(name string, m tarfs.Meta) bool {
	var st unix.Stat_t
	dir, err := at.fd()
	return err == nil && unix.Fstatat(dir, name, &st, unix.AT_SYMLINK_NOFOLLOW) == nil && int64(st.Mtim.Sec) == m.MTime
}
