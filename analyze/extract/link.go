package extract

import "layup/tarfs"

// special makes symlinks, FIFOs and devices. It runs after all files are written, so no file is written through a
// symlink.
func (b *builder) special(i int) error {
	v := b.plan.items[i].version
	if b.plan.items[i].first != int32(i) || v.Type() == tarfs.File || v.Type() == tarfs.Dir {
		return nil
	}
	if (v.Type() == tarfs.Char || v.Type() == tarfs.Block) && (!b.opt.Devices || !canDevices) {
		b.gone[v.Node()] = true
		b.result.leave(LeftDevices, b.path(i), nil)
		return nil
	}
	made, err := b.first(i, func(at *folder, name string) (err error) {
		if v.Type() == tarfs.Symlink {
			err = at.root.Symlink(v.Link(), name)
		} else {
			err = at.mknod(name, v)
		}
		if err != nil {
			return making(err)
		}
		return b.settle(i, at, name, nil)
	})
	if made {
		b.result.Count[v.Type()]++
	}
	return err
}

// link makes another name of a file.
func (b *builder) link(i int) error {
	first := int(b.plan.items[i].first)
	if first == i {
		return nil
	}
	if other, ok := b.made[int32(first)]; ok {
		first = other
	}
	if first == i {
		return nil
	}
	if v := b.plan.items[first].version; b.gone[v.Node()] {
		if !b.gone[b.plan.items[i].version.Node()] && (v.Type() == tarfs.Char || v.Type() == tarfs.Block) {
			b.result.leave(LeftDevices, b.path(i), nil)
		}
		return nil
	}
	made, err := b.entry(i, func(*folder, string) error {
		return making(b.place.Root.Link(b.plan.name(first), b.plan.name(i)))
	})
	if made {
		b.result.Count[b.plan.items[i].version.Type()]++
	}
	return err
}
