package tarfs

import (
	"bytes"
	"errors"
	"fmt"
	"slices"
)

// entry applies one entry of the tar to the layer's own tree.
func (m *merger) entry(i uint32) error {
	found := m.table.entries.at(i)
	e := &found
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

// rootEntry lists an entry for the root.
func (m *merger) rootEntry(e *entry, i uint32) {
	if e.kind != Dir {
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

// flagged warns of what the flags of an entry say.
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
	if !m.parent.ok || m.parent.dir != e.dir || base.off != e.name {
		name, known := m.deepName(e, parts)
		if at, ok := m.deep[string(name)]; ok && known && m.isDir(at) {
			m.parent = place{ok: true, dir: e.dir, at: at}
			return at, true, nil
		}
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
		if known && links == 0 {
			m.remember(name, made)
		}
	}
	if m.parent.link {
		m.warn(ParentThroughSymlink, m.join(parts))
	}
	return m.parent.at, true, nil
}

// mostDeep is how many deep directories are remembered at once.
const mostDeep = 1 << 10

// deepName returns the directory part of an entry's name as it is written; false if that is not deep.
func (m *merger) deepName(e *entry, parts []ref) ([]byte, bool) {
	if len(parts) <= deepDir || parts[len(parts)-1].off != e.name {
		return nil, false
	}
	dir := m.table.dirs[e.dir]
	return m.table.bytes(dir.off, int(dir.len)), true
}

// remember notes where a deep directory is. While it is a directory, its name leads there: what replaces one of its
// parents also removes it.
func (m *merger) remember(name []byte, at uint32) {
	if len(m.deep) >= mostDeep || m.deep == nil {
		m.deep = map[string]uint32{}
	}
	m.deep[string(name)] = at
}

// isDir reports whether the layer has a directory there.
func (m *merger) isDir(at uint32) bool {
	l := m.locals.at(at)
	return l.kind == Dir && l.state&(listed|implied) != 0
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
	if e.kind != File || e.flags&flagRefused != 0 || e.size != 0 {
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
		if at == 0 {
			m.warn(OpaqueRootIgnored, m.join(parts))
		}
		if at != 0 || m.t.view == Spec {
			m.hideBelow(at, parts)
		}
		return nil
	}
	base.off += uint32(len(whiteoutPrefix))
	base.len -= uint16(len(whiteoutPrefix))
	m.white(m.at(at, base))
	return nil
}

// hideBelow marks a directory as opaque. The parts are the name of the marker, for warnings.
func (m *merger) hideBelow(at uint32, parts []ref) {
	if m.locals.at(at).state&opaqued != 0 {
		return
	}
	m.locals.at(at).state |= opaqued
	m.opaques = append(m.opaques, opaque{local: at, path: m.join(parts)})
}

// white notes a whiteout of a path.
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
	case Other:
		steps, _, err := m.resolve(parts[:len(parts)-1])
		if err != nil {
			return m.unresolved(err, parts, steps)
		}
		m.warn(UnknownEntryType, m.meant(steps, parts[len(parts)-1]))
		return nil
	case Hardlink:
		return m.hardlink(e, i, parts)
	}
	at, ok, err := m.enter(e, parts)
	if err != nil || !ok {
		return err
	}
	child := m.at(at, parts[len(parts)-1])
	if e.kind == Char && e.offset == 0 && m.table.dialect == Whiteouts {
		m.warn(OverlayWhiteoutDevice, m.path(child))
	}
	if m.table.hides(e, m.t.view) {
		m.white(child)
		return nil
	}
	m.put(child, i, e.kind, 0)
	if m.table.opaque(i) {
		m.hideBelow(child, parts)
	}
	return nil
}

// put lists an entry at a path. The group is 0 unless the entry is a hard link.
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
	delete(m.links, at)
	if group != 0 {
		m.links[at] = group
	}
	if e := m.table.entries.at(i); e.flags&(flagOverlay|flagRefused) != 0 {
		m.flagged(&e, m.path(at))
	}
}

// replaced notes that a later entry of the layer replaces the entry of a local.
func (m *merger) replaced(l *local) {
	if l.state&listed != 0 && l.kind == File {
		m.t.replaced = append(m.t.replaced, uint64(m.layer)<<32|uint64(l.entry))
	}
}

// clear removes what the layer has below a path that becomes something else, and its opaque marker. It forgets the last
// parent, because the parent's name may lead elsewhere from now on.
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
	at = m.at(at, base)
	if l := m.locals.at(at); kind == Hardlink && l.kind == Hardlink && l.state&listed != 0 {
		m.alone.odd = true
	}
	m.t.groups[group].meta, m.t.groups[group].metaLayer = i, uint16(m.layer)
	m.put(at, i, kind, group)
	return nil
}

// target finds what a hard link leads to. If the group is 0, the code says why there is none.
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
		if l.kind == Hardlink {
			m.alone.odd = true
		}
		return m.group(s.local), l.kind, Code{}
	}
	return m.lower(append(steps, s))
}

// group returns the group of a listed path, and makes one if there is none.
func (m *merger) group(at uint32) uint32 {
	if g := m.links[at]; g != 0 {
		return g
	}
	g := m.newGroup(uint32(m.layer), m.locals.at(at).entry)
	m.links[at] = g
	return g
}

func (m *merger) newGroup(layer, content uint32) uint32 {
	m.t.groups = append(m.t.groups, group{content: content, contentLayer: uint16(layer)})
	return uint32(len(m.t.groups) - 1)
}

// lower makes a group for a file that lower layers show at a path, unless this layer has already hidden it.
func (m *merger) lower(steps []step) (group uint32, kind Type, code Code) {
	at := uint32(root)
	hidden := m.locals.at(0).state&opaqued != 0
	for k, s := range steps {
		if at = m.t.child(at, m.t.text(s.name)); at == 0 {
			break
		}
		if i, ok := m.of(at); ok {
			state := m.locals.at(i).state
			hidden = hidden || state&whiteout != 0 || k < len(steps)-1 && state&opaqued != 0
		}
	}
	if m.alone != nil {
		return m.lowerAlone(steps, hidden)
	}
	if at == 0 {
		return 0, 0, HardlinkTargetMissing
	}
	id := m.shown(at)
	r := m.t.records.at(id)
	switch {
	case hidden || id == 0:
		return 0, 0, HardlinkTargetMissing
	case r.kind == Dir:
		return 0, 0, HardlinkToDirectory
	}
	return m.newGroup(m.t.origin(r)), r.kind, HardlinkIntoLowerLayer
}
