package extract

import (
	"math"
	"os"
	"strings"

	"layup/tarfs"
)

// The bits of a mode.
const (
	setuidBit = 0o4000
	setgidBit = 0o2000
)

// settle sets owner, attributes, time and mode, in this order: a new owner removes setuid bits and capabilities,
// attributes need a writable file, and a mode may keep the owner out. f is the open file or directory; nil for other
// types.
func (b *builder) settle(i int, at *folder, name string, f *os.File) error {
	v := b.plan.items[i].version
	m := v.Meta()
	if b.opt.SameOwner {
		if err := at.chown(name, f, m.UID, m.GID); err != nil {
			return plain(err)
		}
	} else if m.UID != b.euid || m.GID != b.egid {
		b.result.leave(LeftOwners, b.path(i), nil)
	}
	for _, x := range v.Xattrs() {
		b.attribute(i, at, name, f, x)
	}
	if v.HasMTime() {
		if err := at.touch(name, f, m); err != nil {
			return plain(err)
		}
		// A file system takes the nearest time that it can store.
		if (m.MTime < 0 || m.MTime > math.MaxInt32) && !at.touched(name, m) {
			b.result.leave(Times, b.path(i), nil)
		}
	}
	if v.Type() == tarfs.Symlink {
		return nil
	}
	return plain(at.chmod(name, f, b.mode(i, m)))
}

// mode returns the bits to set. A setuid or setgid bit stays only if its owner or group stays.
func (b *builder) mode(i int, m tarfs.Meta) uint32 {
	mode := uint32(m.Mode)
	if !b.opt.Setuid || !b.opt.SameOwner && m.UID != b.euid {
		mode &^= setuidBit
	}
	if !b.opt.Setuid || !b.opt.SameOwner && m.GID != b.egid {
		mode &^= setgidBit
	}
	if mode != uint32(m.Mode) {
		b.result.leave(LeftSetuid, b.path(i), nil)
	}
	return mode
}

// capability is the attribute with the capabilities of a program.
const capability = "security.capability"

func (b *builder) attribute(i int, at *folder, name string, f *os.File, x tarfs.Xattr) {
	switch {
	case x.Name == capability && !b.opt.Setuid:
		b.result.leave(LeftCapability, b.path(i), nil)
	case x.Name != capability && !strings.HasPrefix(x.Name, "user.") && !b.opt.SameOwner:
		b.result.leave(LeftXattrs, b.path(i), nil)
	default:
		if err := at.setXattr(name, f, x); err != nil {
			b.result.leave(Unsupported, b.path(i), plain(err))
		}
	}
}
