package tarfs_test

import (
	"slices"
	"strings"

	"layup/tarfs"
)

// linked returns what a hard link shares, or nil where the entry is skipped.
func (l *modelLayer) linked(it item, path string) *modelInode {
	skip := func(code tarfs.Code) *modelInode {
		l.warn(code, "/"+path)
		return nil
	}
	parts, escapes := cleanName(it.link)
	if escapes {
		return skip(tarfs.HardlinkEscapesRoot)
	}
	if len(parts) == 0 {
		return skip(tarfs.HardlinkToDirectory)
	}
	dir, _, err := l.resolve(parts[:len(parts)-1])
	if err != nil {
		return skip(tarfs.HardlinkTargetMissing)
	}
	target := strings.Join(append(slices.Clone(dir), parts[len(parts)-1]), "/")
	here, lower := l.nodes[target], l.below.visible[target]
	switch {
	case target == path:
		return skip(tarfs.HardlinkToItself)
	case here != nil && here.dir():
		return skip(tarfs.HardlinkToDirectory)
	case here != nil:
		return here.inode.relinked(it)
	case lower == nil || l.hides(target):
		return skip(tarfs.HardlinkTargetMissing)
	case lower.typ() == tarfs.Dir:
		return skip(tarfs.HardlinkToDirectory)
	}
	l.warn(tarfs.HardlinkIntoLowerLayer, "/"+path)
	twin := *lower.inode
	return twin.relinked(it)
}

// relinked gives an inode the metadata of a link's header.
func (i *modelInode) relinked(it item) *modelInode {
	i.mode, i.uid, i.gid, i.mtime = it.mode, it.uid, it.gid, it.mtime
	return i
}

// hides reports whether a lower path is hidden by what was read so far.
func (l *modelLayer) hides(path string) bool {
	for p := path; ; {
		if l.whiteouts[p] {
			return true
		}
		at := strings.LastIndexByte(p, '/')
		p = p[:max(at, 0)]
		if _, ok := l.opaque[p]; ok {
			return true
		}
		if p == "" {
			return false
		}
	}
}
