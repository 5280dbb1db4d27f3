package tarfs

// hide is the first phase of laying a layer onto the tree: its whiteouts and opaque markers hide what is there.
func (m *merger) hide() {
	for i := range m.opaques {
		o := &m.opaques[i]
		o.over = m.locals.at(o.local).state&opaqued != 0 && m.covers(m.locals.at(o.local).node)
	}
	for _, at := range m.whiteouts {
		l := m.locals.at(at)
		if l.state&whiteout == 0 {
			continue
		}
		if !m.below(l.node) {
			m.warn(WhiteoutHidesNothing, m.path(at))
		}
		m.hideTrees(ByWhiteout, l.node)
	}
	for i := range m.opaques {
		o := &m.opaques[i]
		if m.locals.at(o.local).state&opaqued == 0 {
			continue
		}
		if !o.over && m.table.dialect == Whiteouts {
			m.warn(OpaqueHidesNothing, o.path)
		}
		m.hideTrees(ByOpaque, m.release(m.locals.at(o.local).node, nil)...)
	}
}

// below reports whether lower layers show something at a path.
func (m *merger) below(id uint32) bool {
	r := m.t.nodes.at(id).record
	by := int(m.t.records.at(r).hiddenBy)
	return r != 0 && (by == 0 || by-1 == m.layer)
}

// covers reports whether lower layers show a child of a directory. It removes hidden children from the list on its way.
func (m *merger) covers(id uint32) bool {
	for n := m.t.nodes.at(id); n.first != 0; {
		if m.below(n.first) {
			return true
		}
		n = m.node(id)
		child := m.node(n.first)
		child.listed = false
		n.first, child.next = child.next, 0
	}
	return false
}

// hideTrees hides what is visible at and below paths.
func (m *merger) hideTrees(how How, stack ...uint32) {
	for len(stack) > 0 {
		id := stack[len(stack)-1]
		stack = stack[:len(stack)-1]
		if r := m.t.nodes.at(id).record; r != 0 && m.t.records.at(r).hiddenBy == 0 {
			m.conceal(r, how)
		}
		stack = m.release(id, stack)
	}
}

// release moves the children of a directory from its list to a stack.
func (m *merger) release(id uint32, stack []uint32) []uint32 {
	n := m.t.nodes.at(id)
	if n.first == 0 {
		return stack
	}
	n = m.node(id)
	for c := n.first; c != 0; {
		child := m.node(c)
		child.listed = false
		stack = append(stack, c)
		c, child.next = child.next, 0
	}
	n.first = 0
	return stack
}

// add is the second phase: everything that the layer lists or implies, parents before children.
func (m *merger) add() {
	if l := m.locals.at(0); l.state&listed != 0 {
		m.push(l, 0, true)
	}
	for i := uint32(1); i < m.locals.n; i++ {
		l := m.locals.at(i)
		if l.state&whiteout != 0 && l.state&(listed|implied) != 0 && l.state&overtaken == 0 {
			m.warn(WhiteoutAndEntry, m.path(i))
		}
		switch {
		case l.state&listed != 0:
			m.addListed(l, i)
		case l.state&implied != 0:
			m.addImplied(l, i)
		}
	}
}

// shown returns the record of lower layers that is still visible at a path after this layer's whiteouts, or 0.
func (m *merger) shown(id uint32) uint32 {
	if r := m.t.nodes.at(id).record; m.t.records.at(r).hiddenBy == 0 {
		return r
	}
	return 0
}

func (m *merger) addListed(l *local, at uint32) {
	r := m.shown(l.node)
	old := m.t.records.at(r).kind
	relists := r != 0 && old == Dir && l.kind == Dir
	if r != 0 && !relists {
		how := ReplacedByOtherType
		if old == l.kind {
			how = Replaced
		}
		if old == Symlink && l.kind == Dir {
			m.warn(SymlinkReplacedByDir, m.path(at))
		}
		m.hideTrees(how, l.node)
	}
	m.push(l, at, relists)
}

func (m *merger) addImplied(l *local, at uint32) {
	if m.table.dialect != Plain && (l.parent == 0 || m.locals.at(l.parent).state&listed != 0) {
		m.warn(ParentNotListed, m.path(at))
	}
	if r := m.shown(l.node); r != 0 {
		switch m.t.records.at(r).kind {
		case Dir:
			return
		case Symlink:
			m.warn(SymlinkHiddenByImplied, m.path(at))
		default:
			m.warn(FileHiddenByImplied, m.path(at))
		}
		m.hideTrees(ReplacedByOtherType, l.node)
	}
	m.push(l, at, false)
}

// push makes a new record, the newest of its path.
func (m *merger) push(l *local, at uint32, relists bool) {
	n := m.node(l.node)
	n.record = m.t.records.add(record{
		node: l.node, entry: l.entry, older: n.record, group: m.links[at],
		layer: uint16(m.layer), kind: l.kind, relists: relists,
	})
	if l.node != root && !n.listed {
		p := m.node(n.parent)
		n.listed, n.next = true, p.first
		p.first = l.node
	}
}
