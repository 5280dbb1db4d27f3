package tarfs_test

import (
	"errors"
	"fmt"
	"maps"
	"slices"
	"strings"

	"layup/tarfs"
)

// The model states the rules of merging for readers, with maps from path to node. Each layer is read alone, then laid
// over the layers below. It shares no code with the package. FuzzMergeMatchesModel compares the two.

// A modelInode is what hard links share.
type modelInode struct {
	typ          tarfs.Type
	contentLayer int
	data, link   string
	major, minor int64
	mode         int64
	uid, gid     int64
	mtime        int64
	xattrs       []string
}

// A modelNode is a path of one layer's own tree. Without an inode it is a directory that nobody listed.
type modelNode struct{ inode *modelInode }

func (n *modelNode) dir() bool { return n.inode == nil || n.inode.typ == tarfs.Dir }

// A modelLayer is one layer read alone.
type modelLayer struct {
	n         int
	view      tarfs.View
	nodes     map[string]*modelNode // by path without slashes at the ends; "" is the root, once it is listed
	whiteouts map[string]bool
	overtaken map[string]bool   // whiteouts that an entry followed
	opaque    map[string]string // directory -> the marker's name as cleaned
	below     *modelTree
	warnings  map[string]bool
}

var errModelLoop = errors.New("symlink loop")
var errModelNotDir = errors.New("parent is not a directory")

func (l *modelLayer) warn(code tarfs.Code, path string) {
	l.warnings[fmt.Sprintf("%s %d %s", code, l.n, path)] = true
}

// cleanName drops empty and "." components and applies "..", which cannot leave the root.
func cleanName(name string) (parts []string, escapes bool) {
	for _, p := range strings.Split(name, "/") {
		switch {
		case p == "" || p == ".":
		case p != "..":
			parts = append(parts, p)
		case len(parts) == 0:
			escapes = true
		default:
			parts = parts[:len(parts)-1]
		}
	}
	return parts, escapes
}

// resolve follows the symlinks of this layer in the path of a directory. If a component is something else, it returns
// the path that was meant together with the error.
func (l *modelLayer) resolve(parts []string) (dir []string, through bool, err error) {
	links := 0
	todo := slices.Clone(parts)
	for len(todo) > 0 {
		p := todo[0]
		todo = todo[1:]
		if p == "" || p == "." {
			continue
		}
		if p == ".." {
			dir = dir[:max(0, len(dir)-1)]
			continue
		}
		n := l.nodes[strings.Join(append(slices.Clone(dir), p), "/")]
		switch {
		case err != nil || n == nil || n.dir(): // nothing is followed after what is not a directory
			dir = append(dir, p)
		case n.inode.typ != tarfs.Symlink:
			dir, err = append(dir, p), errModelNotDir
		default:
			if links++; links > 40 {
				return nil, true, errModelLoop
			}
			through = true
			if strings.HasPrefix(n.inode.link, "/") {
				dir = nil
			}
			todo = append(strings.Split(n.inode.link, "/"), todo...)
		}
	}
	return dir, through, err
}

// add reads one entry; an error ends the layer.
func (l *modelLayer) add(it item) error {
	parts, escapes := cleanName(it.name)
	switch {
	case escapes:
		l.warn(tarfs.PathEscapesRoot, it.written())
	case strings.HasPrefix(it.name, "/") && len(parts) > 0:
		l.warn(tarfs.PathAbsolute, it.written())
	}
	if len(parts) == 0 {
		if it.kind == 'd' {
			if n := l.nodes[""]; n != nil {
				l.warn(tarfs.DuplicateEntry, "/")
			}
			l.nodes[""] = &modelNode{l.inode(it)}
			l.flagged(it, "")
		} else {
			l.warn(tarfs.RootNotADirectory, "")
		}
		return nil
	}
	clean := "/" + strings.Join(parts, "/")
	if slices.ContainsFunc(parts[:len(parts)-1], func(p string) bool { return strings.HasPrefix(p, ".wh.") }) {
		l.warn(tarfs.EntryBelowWhiteoutName, clean)
	}
	base := parts[len(parts)-1]
	if strings.HasPrefix(base, ".wh.") && !l.checkWhiteout(it, clean, base) {
		return nil
	}
	dir, through, err := l.resolve(parts[:len(parts)-1])
	path := strings.Join(append(slices.Clone(dir), base), "/")
	switch {
	case errors.Is(err, errModelNotDir):
		l.warn(tarfs.ParentNotADirectory, "/"+path)
		return nil
	case err != nil:
		return err
	case strings.HasPrefix(base, ".wh."):
		l.whiteout(clean, dir, base)
	case !l.put(it, dir, path):
		through = false
	}
	if through {
		l.warn(tarfs.ParentThroughSymlink, clean)
	}
	return nil
}

// written is the name in the tar.
func (it item) written() string { return it.member().name }

// flagged warns of what a kept entry itself holds.
func (l *modelLayer) flagged(it item, path string) {
	if slices.ContainsFunc(it.xattrs, func(x string) bool { return strings.HasPrefix(x, "trusted.overlay.") }) {
		l.warn(tarfs.OverlayPrivateXattr, "/"+path)
	}
	if it.kind == '7' {
		l.warn(tarfs.EntryTypeRefused, "/"+path)
	}
}

func (l *modelLayer) inode(it item) *modelInode {
	return &modelInode{
		typ: typeOf[it.kind], contentLayer: l.n, data: it.data, link: it.link, major: it.major, minor: it.minor,
		mode: it.mode, uid: it.uid, gid: it.gid, mtime: it.mtime, xattrs: it.xattrs,
	}
}

var typeOf = map[byte]tarfs.Type{'f': tarfs.File, 'd': tarfs.Dir, 'l': tarfs.Symlink, 'c': tarfs.Char,
	'b': tarfs.Block, 'p': tarfs.Fifo, '7': tarfs.File}

// checkWhiteout warns of an entry with a base name that begins with ".wh."; false means that the entry is ignored.
func (l *modelLayer) checkWhiteout(it item, clean, base string) bool {
	switch base {
	case ".wh.", ".wh..", ".wh...":
		l.warn(tarfs.WhiteoutInvalid, clean)
		return false
	}
	if it.kind != 'f' || it.data != "" {
		l.warn(tarfs.WhiteoutNotEmptyRegular, clean)
	}
	if strings.HasPrefix(base, ".wh..wh.") && base != ".wh..wh..opq" {
		l.warn(tarfs.AUFSMetadata, clean)
	}
	return true
}

// whiteout marks a directory opaque or a path hidden.
func (l *modelLayer) whiteout(clean string, dir []string, base string) {
	if base != ".wh..wh..opq" {
		l.hide(dir, strings.Join(append(slices.Clone(dir), base[len(".wh."):]), "/"))
		return
	}
	at := strings.Join(dir, "/")
	if at == "" {
		l.warn(tarfs.OpaqueRootIgnored, clean)
	}
	if _, again := l.opaque[at]; !again && (at != "" || l.view == tarfs.Spec) {
		l.opaque[at] = clean
	}
	l.imply(dir)
}

// hide notes that a path of the layers below goes.
func (l *modelLayer) hide(dir []string, path string) {
	l.imply(dir)
	if l.whiteouts[path] {
		l.warn(tarfs.DuplicateEntry, "/"+path)
		return
	}
	l.whiteouts[path] = true
	delete(l.overtaken, path)
}

// imply makes the directories that nobody listed.
func (l *modelLayer) imply(dir []string) {
	for i := range dir {
		if path := strings.Join(dir[:i+1], "/"); l.nodes[path] == nil {
			l.nodes[path] = &modelNode{}
		}
	}
}

// put reads an entry without the name of a whiteout; false means that it was skipped.
func (l *modelLayer) put(it item, dir []string, path string) bool {
	if it.kind == 'c' && it.major == 0 && it.minor == 0 {
		l.warn(tarfs.OverlayWhiteoutDevice, "/"+path)
		if l.view == tarfs.Runtime {
			l.hide(dir, path)
			return true
		}
	}
	var inode *modelInode
	switch _, known := typeOf[it.kind]; {
	case it.kind == 'h':
		if inode = l.linked(it, path); inode == nil {
			return false
		}
	case !known:
		l.warn(tarfs.UnknownEntryType, "/"+path)
		return false
	default:
		inode = l.inode(it)
	}
	l.flagged(it, path)
	l.imply(dir)
	l.place(path, inode)
	return true
}

// place sets a node over whatever this layer has there.
func (l *modelLayer) place(path string, inode *modelInode) {
	old := l.nodes[path]
	if l.whiteouts[path] {
		l.warn(tarfs.WhiteoutThenEntry, "/"+path)
		l.overtaken[path] = true
		if l.view == tarfs.Runtime {
			delete(l.whiteouts, path)
		}
	}
	if old != nil && (old.inode != nil || inode.typ != tarfs.Dir) {
		l.warn(tarfs.DuplicateEntry, "/"+path)
	}
	if old != nil && old.dir() && inode.typ != tarfs.Dir {
		l.clear(path)
	}
	l.nodes[path] = &modelNode{inode}
}

// clear drops what the layer holds below a path, and its opaque marker.
func (l *modelLayer) clear(path string) {
	below := func(p string) bool { return strings.HasPrefix(p, path+"/") }
	maps.DeleteFunc(l.overtaken, func(p string, _ bool) bool { return below(p) })
	maps.DeleteFunc(l.nodes, func(p string, _ *modelNode) bool { return below(p) })
	maps.DeleteFunc(l.whiteouts, func(p string, _ bool) bool { return below(p) })
	maps.DeleteFunc(l.opaque, func(p, _ string) bool { return p == path || below(p) })
}
