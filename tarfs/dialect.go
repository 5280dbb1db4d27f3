package tarfs

import (
	"bytes"
	"strings"
)

// A Dialect says how a layer spells that it hides something.
type Dialect uint8

const (
	Whiteouts Dialect = iota // names that begin with ".wh." (OCI image specification, layer.md)
	Overlay                  // as the kernel's overlayfs keeps it: character devices 0:0 and the attribute OpaqueXattr; any name is a name
	Plain                    // it hides nothing: every entry is what it is
)

// OpaqueXattr is the attribute, of value "y", by which a directory in the Overlay dialect hides what lower layers have below it.
const OpaqueXattr = "trusted.overlay.opaque"

// overlayPrefix begins the names of the attributes that overlayfs keeps for itself.
const overlayPrefix = "trusted.overlay."

// special reports whether a base name is a whiteout, or an opaque marker, by itself.
func (l *Layer) special(name []byte) bool {
	return l.dialect == Whiteouts && bytes.HasPrefix(name, []byte(whiteoutPrefix))
}

// hides reports whether an entry is a character device that stands for a whiteout under the view.
func (l *Layer) hides(e *entry, view View) bool {
	if e.kind != kindChar || e.offset != 0 {
		return false
	}
	return l.dialect == Overlay || l.dialect == Whiteouts && view == Runtime
}

// opaque reports whether a directory's attributes hide what is below it.
func (l *Layer) opaque(i uint32) bool {
	e := l.entries.at(i)
	if l.dialect != Overlay || e.kind != kindDir || e.flags&flagOverlay == 0 {
		return false
	}
	for _, x := range l.everyAttribute(i) {
		if x.Name == OpaqueXattr && x.Value == "y" {
			return true
		}
	}
	return false
}

// attributes returns the extended attributes of an entry, sorted by name. What overlayfs keeps for itself is consumed in its dialect.
func (l *Layer) attributes(i uint32) []Xattr {
	list := l.everyAttribute(i)
	if l.dialect != Overlay || l.entries.at(i).flags&flagOverlay == 0 {
		return list
	}
	kept := list[:0]
	for _, x := range list {
		if !strings.HasPrefix(x.Name, overlayPrefix) {
			kept = append(kept, x)
		}
	}
	return kept
}

// In returns the same entries, read in another dialect.
func (l *Layer) In(d Dialect) *Layer {
	other := *l
	other.dialect = d
	return &other
}
