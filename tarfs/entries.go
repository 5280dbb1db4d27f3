package tarfs

import (
	"bytes"
	"errors"
	"fmt"
	"slices"
)

// entry applies one entry of the tar to the layer's own tree.
func (m *merger) entry(i uint32) error {
	e := m.table.entries.at(i)
	full, below := m.split(e)
	switch {
	case full.escapes:
		m.warn(PathEscapesRoot, m.table.written(e))
	case full.absolute && len(full.parts) > 0:
		m.warn(PathAbsolute, m.table.written(e))
	}
	if len(full.parts) == 0 {
		m.rootEntry(e, i)
		return nil
	}
	if below {
		m.warn(EntryBelowWhiteoutName, m.join(full.parts))
	}
	if m.special(full.parts[len(full.parts)-1]) {
		return m.whiteout(e, full.parts)
	}
	return m.ordinary(e, i, full.parts)
}

// folder is the directory part of a name, split.
type folder struct {
	ok    bool
	dir   uint32 // its number in the table
	full  cleaned
	below bool // one of its components is the name of a whiteout
}

// split splits an entry's name, and reports whether it is below the name of a whiteout. Most entries are in the
// directory of the entry before them, which is not split again.
func (m *merger) split(e *entry) (full cleaned, below bool) {
	f := &m.folder
	if !f.ok || f.dir != e.dir {
		dir := m.table.dirs[e.dir]
		f.full = m.clean(f.full.parts[:0], ref{dir.off, dir.len, uint16(m.layer)})
		f.ok, f.dir, f.below = true, e.dir, slices.ContainsFunc(f.full.parts, m.special)
	}
	full = f.full
	n := len(full.parts)
	full.add(ref{e.name, e.nameLen, uint16(m.layer)}, m.table.bytes(e.name, int(e.nameLen)))
	if len(full.parts) == n+1 {
		f.full.parts = full.parts[:n] // with the room that was made
		return full, f.below
	}
	return full, len(full.parts) > 0 && slices.ContainsFunc(full.parts[:len(full.parts)-1], m.special)
}

// special reports whether a component is the name of a whiteout.
func (m *merger) special(name ref) bool { return m.table.special(m.t.text(name)) }

// rootEntry takes over the metadata of the root.
func (m *merger) rootEntry(e *entry, i uint32) {
	if e.kind != kindDir {
		m.warn(RootNotADirectory, "")
		return
	}
	l := m.locals.at(0)
	if l.state&listed != 0 {
		m.warn(DuplicateEntry, "/")
	}
	l.state, l.entry = l.state&^implied|listed, i
	m.flagged(e, "/")
}

// flagged warns of what an entry itself holds.
func (m *merger) flagged(e *entry, path string) {
	if e.flags&flagOverlay != 0 && m.table.dialect == Whiteouts {
		m.warn(OverlayPrivateXattr, path)
	}
	if e.flags&flagRefused != 0 {
		m.warn(EntryTypeRefused, path)
	}
}

// enter returns the directory of an entry after making its implied directories; false if the entry must be skipped.
// Most entries are in the directory of the entry before them, which is not resolved again.
func (m *merger) enter(e *entry, parts []ref) (at uint32, ok bool, err error) {
	dir, base := parts[:len(parts)-1], parts[len(parts)-1]
	same := m.parent.ok && m.parent.dir == e.dir && base.off == e.name
	if !same {
		steps, links, err := m.resolve(dir)
		if err != nil {
			return 0, false, m.unresolved(err, parts, steps)
		}
		made, err := m.make(steps)
		if err != nil {
			return 0, false, m.unresolved(err, parts, steps)
		}
		// The next entry may change where a name with symlinks leads.
		m.parent = place{ok: base.off == e.name && links == 0, dir: e.dir, at: made, link: links > 0}
	}
	if m.parent.link {
		m.warn(ParentThroughSymlink, m.join(parts))
	}
	return m.parent.at, true, nil
}

// unresolved warns of a parent that is not a directory; any other failure ends the layer.
func (m *merger) unresolved(err error, parts []ref, steps []step) error {
	if errors.Is(err, errNotDir) {
		m.warn(ParentNotADirectory, m.meant(steps, parts[len(parts)-1]))
		return nil
	}
	return fmt.Errorf("%q: %w", cut(m.join(parts)[1:]), err)
}

// whiteout handles an entry with a base name that begins with ".wh.".
func (m *merger) whiteout(e *entry, parts []ref) error {
	base := parts[len(parts)-1]
	name := m.t.text(base)
	switch string(name) {
	case ".wh.", ".wh..", ".wh...":
		m.warn(WhiteoutInvalid, m.join(parts))
		return nil
	}
	if e.kind != kindFile || e.flags&flagRefused != 0 || e.size != 0 {
		m.warn(WhiteoutNotEmptyRegular, m.join(parts))
	}
	if bytes.HasPrefix(name, []byte(aufsPrefix)) && string(name) != opaqueMarker {
		m.warn(AUFSMetadata, m.join(parts))
	}
	at, ok, err := m.enter(e, parts)
	if err != nil || !ok {
		return err
	}
	if string(name) == opaqueMarker {
		m.opaque(at, parts)
		return nil
	}
	base.off += uint32(len(whiteoutPrefix))
	base.len -= uint16(len(whiteoutPrefix))
	m.white(m.at(at, base))
	return nil
}

func (m *merger) opaque(at uint32, parts []ref) {
	if at == 0 {
		m.warn(OpaqueRootIgnored, m.join(parts))
		if m.t.view == Runtime {
			return
		}
	}
	m.hideBelow(at, parts)
}

// hideBelow marks a directory as opaque. Warnings name the marker by parts.
func (m *merger) hideBelow(at uint32, parts []ref) {
	if m.locals.at(at).state&opaqued != 0 {
		return
	}
	m.locals.at(at).state |= opaqued
	m.opaques = append(m.opaques, opaque{local: at, path: m.join(parts)})
}

// white marks a path as hidden below.
func (m *merger) white(at uint32) {
	l := m.locals.at(at)
	if l.state&whiteout != 0 {
		m.warn(DuplicateEntry, m.path(at))
		return
	}
	l.state = l.state&^overtaken | whiteout
	m.whiteouts = append(m.whiteouts, at)
}

// ordinary handles an entry without the name of a whiteout.
func (m *merger) ordinary(e *entry, i uint32, parts []ref) error {
	switch e.kind {
	case kindUnknown:
		steps, _, err := m.resolve(parts[:len(parts)-1])
		if err != nil {
			return m.unresolved(err, parts, steps)
		}
		m.warn(UnknownEntryType, m.meant(steps, parts[len(parts)-1]))
		return nil
	case kindHardlink:
		return m.hardlink(e, i, parts)
	}
	at, ok, err := m.enter(e, parts)
	if err != nil || !ok {
		return err
	}
	child := m.at(at, parts[len(parts)-1])
	if e.kind == kindChar && e.offset == 0 && m.table.dialect == Whiteouts {
		m.warn(OverlayWhiteoutDevice, m.path(child))
	}
	if m.table.hides(e, m.t.view) {
		m.white(child)
		return nil
	}
	m.put(child, i, types[e.kind], 0)
	if m.table.opaque(i) {
		m.hideBelow(child, parts)
	}
	return nil
}

var types = [...]Type{
	kindFile: File, kindDir: Dir, kindSymlink: Symlink, kindChar: Char, kindBlock: Block, kindFifo: Fifo,
}

// put lists an entry at a path. The group is not 0 for a hard link.
func (m *merger) put(at, i uint32, kind Type, group uint32) {
	l := m.locals.at(at)
	if l.state&listed != 0 || l.state&implied != 0 && kind != Dir {
		m.warn(DuplicateEntry, m.path(at))
		m.replaced(l)
		if kind != Dir || l.kind != Dir {
			m.clear(at)
		}
	}
	if l.state&whiteout != 0 {
		m.warn(WhiteoutThenEntry, m.path(at))
		l.state |= overtaken
		if m.t.view == Runtime {
			l.state &^= whiteout
		}
	}
	l.state = l.state&^implied | listed
	l.entry, l.kind = i, kind
	m.name(at, group)
	if e := m.table.entries.at(i); e.flags&(flagOverlay|flagRefused) != 0 {
		m.flagged(e, m.path(at))
	}
}

// name makes a path a name of a group of hard links, or of none.
func (m *merger) name(at, group uint32) {
	if group == 0 {
		delete(m.links, at)
		return
	}
	if m.links == nil {
		m.links = map[uint32]uint32{}
	}
	m.links[at] = group
}

// replaced notes that a later entry of the layer replaces the entry of a local.
func (m *merger) replaced(l *local) {
	if l.state&listed != 0 && l.kind == File {
		m.t.replaced = append(m.t.replaced, uint64(m.layer)<<32|uint64(l.entry))
	}
}

// clear removes what the layer has below a path that becomes something else, and its opaque marker. The parent is
// forgotten, because its name may lead elsewhere from now on.
func (m *merger) clear(at uint32) {
	m.parent = place{}
	m.locals.at(at).state &^= opaqued
	stack := []uint32{at}
	for len(stack) > 0 {
		l := m.locals.at(stack[len(stack)-1])
		stack = stack[:len(stack)-1]
		for c := l.first; c != 0; {
			child := m.locals.at(c)
			stack = append(stack, c)
			m.replaced(child)
			delete(m.links, c)
			c, child.next = child.next, 0
			child.state, child.entry = 0, noEntry
		}
		l.first = 0
	}
}

// hardlink handles one more name of a file in this layer, or of a file that a lower layer shows.
func (m *merger) hardlink(e *entry, i uint32, parts []ref) error {
	base := parts[len(parts)-1]
	steps, _, err := m.resolve(parts[:len(parts)-1])
	if err != nil {
		return m.unresolved(err, parts, steps)
	}
	path := m.meant(steps, base)
	group, kind, code := m.target(e, i, path)
	if code != (Code{}) {
		m.warn(code, path)
	}
	if group == 0 {
		return nil
	}
	at, _, err := m.enter(e, parts)
	if err != nil {
		return err
	}
	m.t.groups[group].meta, m.t.groups[group].metaLayer = i, uint16(m.layer)
	m.put(m.at(at, base), i, kind, group)
	return nil
}

// target finds what a hard link leads to. Without a group it leads nowhere, and the code says why.
func (m *merger) target(e *entry, i uint32, path string) (group uint32, kind Type, code Code) {
	link := m.clean(nil, ref{e.link, e.linkLen, uint16(m.layer)})
	switch {
	case link.escapes:
		return 0, 0, HardlinkEscapesRoot
	case len(link.parts) == 0:
		return 0, 0, HardlinkToDirectory
	}
	base := link.parts[len(link.parts)-1]
	steps, _, err := m.resolve(link.parts[:len(link.parts)-1])
	if err != nil {
		return 0, 0, HardlinkTargetMissing
	}
	if m.meant(steps, base) == path {
		return 0, 0, HardlinkToItself
	}
	s := m.step(steps, base)
	if l := m.locals.at(s.local); s.found && l.state&(listed|implied) != 0 {
		if l.kind == Dir {
			return 0, 0, HardlinkToDirectory
		}
		return m.group(s.local), l.kind, Code{}
	}
	return m.lower(append(steps, s))
}

// group returns the group of a listed path. It makes one if there is none yet.
func (m *merger) group(at uint32) uint32 {
	if g := m.links[at]; g != 0 {
		return g
	}
	g := m.newGroup(uint16(m.layer), m.locals.at(at).entry)
	m.name(at, g)
	return g
}

func (m *merger) newGroup(layer uint16, content uint32) uint32 {
	m.t.groups = append(m.t.groups, group{content: content, contentLayer: layer})
	return uint32(len(m.t.groups) - 1)
}

// lower makes a group for a file that lower layers show at a path, unless this layer has already hidden it.
func (m *merger) lower(steps []step) (group uint32, kind Type, code Code) {
	at := uint32(root)
	hidden := m.locals.at(0).state&opaqued != 0
	for k, s := range steps {
		if at = m.t.child(at, m.t.text(s.name)); at == 0 {
			return 0, 0, HardlinkTargetMissing
		}
		if i, ok := m.of(at); ok {
			state := m.locals.at(i).state
			above := k < len(steps)-1
			hidden = hidden || state&whiteout != 0 || above && state&opaqued != 0
		}
	}
	r := m.t.nodes.at(at).record
	if hidden || r == 0 || m.t.records.at(r).hiddenBy != 0 {
		return 0, 0, HardlinkTargetMissing
	}
	if m.t.records.at(r).kind == Dir {
		return 0, 0, HardlinkToDirectory
	}
	inode, _ := Version{m.t, r}.Inode()
	return m.newGroup(uint16(inode>>32), uint32(inode)), m.t.records.at(r).kind, HardlinkIntoLowerLayer
}
