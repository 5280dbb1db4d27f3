package tarfs_test

import (
	"cmp"
	"fmt"
	"maps"
	"slices"
	"strings"

	"layup/tarfs"
)

// A modelVersion is what is visible at a path, or was.
type modelVersion struct {
	path  string
	layer int // that wrote it
	meta  int // that listed it, or -1
	inode *modelInode
}

func (v *modelVersion) typ() tarfs.Type {
	if v.inode == nil {
		return tarfs.Dir
	}
	return v.inode.typ
}

// A modelTree is layers on top of one another.
type modelTree struct {
	visible  map[string]*modelVersion
	hidden   []string
	warnings map[string]bool
}

// modelOf stacks layers by the model's rules; broken holds the layers that a loop cut short.
func modelOf(layers [][]item, view tarfs.View) (t *modelTree, broken []int) {
	t = &modelTree{visible: map[string]*modelVersion{"": {layer: -1, meta: -1}}, warnings: map[string]bool{}}
	for n, items := range layers {
		l := &modelLayer{
			n: n, view: view, below: t, warnings: t.warnings,
			nodes: map[string]*modelNode{}, whiteouts: map[string]bool{}, overtaken: map[string]bool{},
			opaque: map[string]string{},
		}
		for _, it := range items {
			if err := l.add(it); err != nil {
				broken = append(broken, n)
				break
			}
		}
		t.apply(l)
	}
	return t, broken
}

// apply first hides, then adds.
func (t *modelTree) apply(l *modelLayer) {
	before := maps.Clone(t.visible)
	for _, path := range slices.Sorted(maps.Keys(l.whiteouts)) {
		if l.nodes[path] != nil && !l.overtaken[path] {
			l.warn(tarfs.WhiteoutAndEntry, "/"+path)
		}
		if before[path] == nil {
			l.warn(tarfs.WhiteoutHidesNothing, "/"+path)
		}
		t.hide(path, true, l.n, tarfs.ByWhiteout)
	}
	for _, dir := range slices.Sorted(maps.Keys(l.opaque)) {
		if old := before[dir]; old == nil || old.typ() != tarfs.Dir || !hasChildren(before, dir) {
			l.warn(tarfs.OpaqueHidesNothing, l.opaque[dir])
		}
		if old := t.visible[dir]; old != nil && old.typ() == tarfs.Dir {
			t.hide(dir, false, l.n, tarfs.ByOpaque)
		}
	}
	for _, path := range slices.SortedFunc(maps.Keys(l.nodes), comparePaths) {
		t.add(l, path, l.nodes[path])
	}
}

func hasChildren(tree map[string]*modelVersion, dir string) bool {
	for p := range tree {
		if p != "" && (dir == "" || strings.HasPrefix(p, dir+"/")) {
			return true
		}
	}
	return false
}

// hide removes a path, or only what is below it.
func (t *modelTree) hide(path string, itself bool, layer int, how tarfs.How) {
	for p, v := range t.visible {
		below := p != "" && (path == "" || strings.HasPrefix(p, path+"/"))
		if below || itself && p == path {
			t.hidden = append(t.hidden, fmt.Sprintf("%s by %d %s", v, layer, how))
			delete(t.visible, p)
		}
	}
}

// add lays one node over what is visible.
func (t *modelTree) add(l *modelLayer, path string, n *modelNode) {
	old := t.visible[path]
	listed := n.inode != nil
	if n.dir() && !listed {
		parent, _ := splitPath(path)
		if up := l.nodes[parent]; parent == "" || up == nil || up.inode != nil {
			l.warn(tarfs.ParentNotListed, "/"+path)
		}
	}
	switch {
	case old != nil && old.typ() == tarfs.Dir && n.dir():
		if listed {
			old.inode, old.meta = n.inode, l.n
			if path != "" {
				old.layer = l.n
			}
		}
		return
	case old != nil && n.dir():
		t.warnReplaced(l, path, old, listed)
	}
	if old != nil {
		how := tarfs.Replaced
		if kind := (&modelVersion{inode: n.inode}).typ(); kind != old.typ() {
			how = tarfs.ReplacedByOtherType
		}
		t.hide(path, true, l.n, how)
	}
	v := &modelVersion{path: path, layer: l.n, meta: l.n, inode: n.inode}
	if !listed {
		v.meta = -1
	}
	t.visible[path] = v
}

func (t *modelTree) warnReplaced(l *modelLayer, path string, old *modelVersion, listed bool) {
	switch {
	case old.typ() == tarfs.Symlink && listed:
		l.warn(tarfs.SymlinkReplacedByDir, "/"+path)
	case old.typ() == tarfs.Symlink:
		l.warn(tarfs.SymlinkHiddenByImplied, "/"+path)
	case !listed:
		l.warn(tarfs.FileHiddenByImplied, "/"+path)
	}
}

func splitPath(path string) (dir, base string) {
	at := strings.LastIndexByte(path, '/')
	return path[:max(at, 0)], path[at+1:]
}

// comparePaths orders paths by component, so that what is below a directory comes right after it.
func comparePaths(a, b string) int { return slices.Compare(components(a), components(b)) }

func components(path string) []string {
	if path == "" {
		return nil
	}
	return strings.Split(path, "/")
}

// String describes a version as facts does.
func (v *modelVersion) String() string {
	i := v.inode
	if i == nil {
		return fmt.Sprintf("/%s dir 0755 0:0 layer=%d meta=-1 implied", v.path, v.layer)
	}
	line := fmt.Sprintf("/%s %s %04o %d:%d layer=%d meta=%d @%d", v.path, i.typ, i.mode, i.uid, i.gid, v.layer, v.meta,
		i.mtime)
	switch i.typ {
	case tarfs.File:
		line += fmt.Sprintf(" =%s content=%d", i.data, i.contentLayer)
	case tarfs.Symlink:
		line += fmt.Sprintf(" -> %s content=%d", i.link, i.contentLayer)
	case tarfs.Char, tarfs.Block:
		line += fmt.Sprintf(" #%d:%d content=%d", i.major, i.minor, i.contentLayer)
	}
	for _, x := range slices.Sorted(slices.Values(i.xattrs)) {
		line += " x:" + x
	}
	return line
}

// list describes everything visible in path order, hard links with the first of their names.
func (t *modelTree) list() []string {
	paths := slices.SortedFunc(maps.Keys(t.visible), comparePaths)
	names := map[*modelInode][]string{}
	for _, p := range paths {
		if i := t.visible[p].inode; i != nil {
			names[i] = append(names[i], "/"+p)
		}
	}
	var list []string
	for _, p := range paths {
		v := t.visible[p]
		line := v.String()
		if shared := names[v.inode]; v.inode != nil && len(shared) > 1 {
			line += " first=" + shared[0]
		}
		list = append(list, line)
	}
	return list
}

// hiddenList is sorted: the rules do not order hidden versions.
func (t *modelTree) hiddenList() []string {
	return slices.SortedFunc(slices.Values(t.hidden), cmp.Compare[string])
}

// linked returns what a hard link shares, or nil if the entry is skipped.
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
