// Package filter says which versions of paths a search keeps: by path, status, layer, type, size, mode, owner, time and
// content.
package filter

import (
	"encoding/hex"
	"errors"
	"slices"
	"strings"
	"time"

	"layup/analyze"
	"layup/tarfs"
)

// A Test says whether a search keeps a version.
type Test func(analyze.Hit) bool

// All keeps versions that every test keeps. It asks the tests in their order.
func All(tests ...Test) Test {
	return func(h analyze.Hit) bool {
		for _, keeps := range tests {
			if !keeps(h) {
				return false
			}
		}
		return true
	}
}

// Match keeps versions of paths that any of the patterns matches.
func Match(patterns Patterns) Test {
	return func(h analyze.Hit) bool { return patterns.Match(h.Version.Node()) }
}

// Live keeps versions that are visible in the whole image.
func Live(h analyze.Hit) bool { return h.HiddenBy == tarfs.NoLayer }

// Hidden keeps versions that a layer hides.
func Hidden(h analyze.Hit) bool { return !Live(h) }

// Sensitive keeps files that should not be in an image.
func Sensitive(h analyze.Hit) bool { return analyze.Sensitive(h.Version) != "" }

// Layer keeps versions that layer n wrote.
func Layer(n int) Test {
	return func(h analyze.Hit) bool { return h.Version.Layer() == n }
}

// Types keeps versions of these types.
func Types(types ...tarfs.Type) Test {
	return func(h analyze.Hit) bool { return slices.Contains(types, h.Version.Type()) }
}

// A Bound is a number with a sign as in find: '+' means more than N, '-' less, 0 exactly N.
type Bound struct {
	Sign byte
	N    int64
}

func (b Bound) holds(n int64) bool {
	switch b.Sign {
	case '+':
		return n > b.N
	case '-':
		return n < b.N
	}
	return n == b.N
}

// Size keeps files by their bytes. Other types have no size.
func Size(b Bound) Test {
	return func(h analyze.Hit) bool { return h.Version.Type() == tarfs.File && b.holds(h.Version.Size()) }
}

// UID keeps versions by their user ID.
func UID(b Bound) Test {
	return func(h analyze.Hit) bool { return b.holds(int64(h.Version.Meta().UID)) }
}

// GID keeps versions by their group ID.
func GID(b Bound) Test {
	return func(h analyze.Hit) bool { return b.holds(int64(h.Version.Meta().GID)) }
}

// Mode keeps versions by their permissions, as find does: the sign '-' means all of these bits, '/' any of them, 0
// exactly these. A symlink has 0777.
func Mode(sign byte, want uint16) Test {
	return func(h analyze.Hit) bool {
		mode := h.Version.Meta().Mode
		if h.Version.Type() == tarfs.Symlink {
			mode = 0o777
		}
		switch sign {
		case '-':
			return mode&want == want
		case '/':
			return want == 0 || mode&want != 0
		}
		return mode == want
	}
}

// Newer keeps versions that were modified after a time. It never keeps a version without a time.
func Newer(t time.Time) Test {
	sec, nsec := t.Unix(), uint32(t.Nanosecond())
	return func(h analyze.Hit) bool {
		m := h.Version.Meta()
		return h.Version.HasMTime() && (m.MTime > sec || m.MTime == sec && m.MTimeNS > nsec)
	}
}

// Digest keeps files by the first 8 to 64 hexadecimal digits of the SHA-256 of their content.
func Digest(prefix string) (Test, error) {
	want := strings.ToLower(strings.TrimPrefix(prefix, "sha256:"))
	if len(want) < 8 || len(want) > 64 || strings.Trim(want, "0123456789abcdef") != "" {
		return nil, errors.New("not 8 to 64 hexadecimal digits")
	}
	return func(h analyze.Hit) bool {
		sum, ok := h.Version.Digest()
		return ok && h.Version.Type() == tarfs.File && strings.HasPrefix(hex.EncodeToString(sum[:]), want)
	}, nil
}
