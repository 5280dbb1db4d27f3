package tarfs

import "bytes"

const (
	whiteoutPrefix = ".wh."
	opaqueMarker   = ".wh..wh..opq"
	aufsPrefix     = ".wh..wh."
)

// cleaned is a name of a tar split into its components.
type cleaned struct {
	parts    []ref
	absolute bool // it began with a slash
	escapes  bool // a ".." was clamped at the root
}

// clean splits a name that lies in the arena: it drops empty and "." components, and applies "..", clamped at the root.
func (m *merger) clean(parts []ref, p ref) cleaned {
	b := m.t.text(p)
	c := cleaned{parts: parts, absolute: len(b) > 0 && b[0] == '/'}
	c.add(p, b)
	return c
}

// add splits a further piece.
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

// join returns the path of components, beginning with '/'.
func (m *merger) join(parts []ref) string {
	if len(parts) == 0 {
		return "/"
	}
	var b []byte
	for _, p := range parts {
		b = append(append(b, '/'), m.t.text(p)...)
	}
	return string(b)
}
