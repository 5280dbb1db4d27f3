package tarfs

import (
	"bytes"
	"slices"
	"strings"
)

const (
	whiteoutPrefix = ".wh."
	opaqueMarker   = ".wh..wh..opq"
	aufsPrefix     = ".wh..wh."
)

// cleaned is a name of a tar split into its components.
type cleaned struct {
	parts    []ref
	absolute bool // it began with a slash
	escapes  bool // a ".." led above the root and was ignored
}

// clean splits a name in the arena. It drops empty and "." components, and applies "..", but never above the root.
func (m *merger) clean(parts []ref, p ref) cleaned {
	b := m.t.text(p)
	c := cleaned{parts: parts, absolute: len(b) > 0 && b[0] == '/'}
	c.add(p, b)
	return c
}

// add splits one more piece of the name.
func (c *cleaned) add(p ref, b []byte) {
	for at := 0; at < len(b); {
		end := len(b)
		if k := bytes.IndexByte(b[at:], '/'); k >= 0 {
			end = at + k
		}
		c.push(ref{p.off + uint32(at), uint16(end - at), p.layer}, b[at:end])
		at = end + 1
	}
}

func (c *cleaned) push(r ref, name []byte) {
	switch {
	case len(name) == 0 || string(name) == ".":
	case string(name) != "..":
		c.parts = append(c.parts, r)
	case len(c.parts) == 0:
		c.escapes = true
	default:
		c.parts = c.parts[:len(c.parts)-1]
	}
}

// join returns the path of one or more components, beginning with '/'.
func (m *merger) join(parts []ref) string {
	var b []byte
	for _, p := range parts {
		b = append(append(b, '/'), m.t.text(p)...)
	}
	return string(b)
}

// A Dialect says how a layer spells that it hides something.
type Dialect uint8

const (
	Whiteouts Dialect = iota // names that begin with ".wh." (OCI image specification, layer.md)
	Overlay                  // as the kernel's overlayfs does: character devices 0:0 and the attribute OpaqueXattr
	Plain                    // not at all: every entry is what it is
)

// OpaqueXattr is an attribute of the Overlay dialect. A directory that has it, with the value "y", hides what lower
// layers have below that directory.
const OpaqueXattr = "trusted.overlay.opaque"

// overlayPrefix begins the names of the attributes that are private to overlayfs.
const overlayPrefix = "trusted.overlay."

// special reports whether a base name makes a whiteout or an opaque marker.
func (l *Layer) special(name []byte) bool {
	return l.dialect == Whiteouts && bytes.HasPrefix(name, []byte(whiteoutPrefix))
}

// hides reports whether an entry is a character device that is a whiteout in the view.
func (l *Layer) hides(e *entry, view View) bool {
	if e.kind != Char || e.offset != 0 {
		return false
	}
	return l.dialect == Overlay || l.dialect == Whiteouts && view == Runtime
}

// opaque reports whether a directory's attributes hide what is below it.
func (l *Layer) opaque(i uint32) bool {
	e := l.entries.at(i)
	return l.dialect == Overlay && e.kind == Dir && e.flags&flagOverlay != 0 &&
		slices.Contains(l.everyAttribute(i), Xattr{OpaqueXattr, "y"})
}

// attributes returns the extended attributes of an entry, sorted by name. The Overlay dialect leaves out those that are
// private to overlayfs.
func (l *Layer) attributes(i uint32) []Xattr {
	list := l.everyAttribute(i)
	if l.dialect != Overlay || l.entries.flags(i)&flagOverlay == 0 {
		return list
	}
	return slices.DeleteFunc(list, func(x Xattr) bool { return strings.HasPrefix(x.Name, overlayPrefix) })
}

// In returns the layer as another dialect reads it.
func (l *Layer) In(d Dialect) *Layer {
	other := *l
	other.dialect = d
	return &other
}
