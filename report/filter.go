package report

import (
	"encoding/hex"
	"fmt"
	"strconv"
	"strings"
	"time"

	"layup/analyze"
	"layup/tarfs"
)

// A test decides whether a version is listed.
type test func(analyze.Hit) bool

// filter turns the flags into one test; now is what durations count back from.
func (s *search) filter(patterns []string, now time.Time) (test, error) {
	var tests []test
	for _, build := range []func(time.Time) (test, error){s.byStatus, s.byLayer, s.byType, s.bySize, s.byMode, s.byOwner, s.byTime, s.byDigest} {
		t, err := build(now)
		if err != nil {
			return nil, err
		}
		if t != nil {
			tests = append(tests, t)
		}
	}
	var matchers []matcher
	for _, p := range patterns {
		m, err := newMatcher(p, s.regex, s.fold)
		if err != nil {
			return nil, err
		}
		matchers = append(matchers, m)
	}
	return func(h analyze.Hit) bool {
		for _, t := range tests {
			if !t(h) {
				return false
			}
		}
		return len(matchers) == 0 || anyMatches(matchers, h.Version.Node())
	}, nil
}

func anyMatches(matchers []matcher, n tarfs.Node) bool {
	for _, m := range matchers {
		if m(n) {
			return true
		}
	}
	return false
}

func (s *search) byStatus(time.Time) (test, error) {
	switch {
	case s.live:
		return func(h analyze.Hit) bool { return h.HiddenBy == tarfs.NoLayer }, nil
	case s.hidden:
		return func(h analyze.Hit) bool { return h.HiddenBy != tarfs.NoLayer }, nil
	}
	return nil, nil
}

func (s *search) byLayer(time.Time) (test, error) {
	if !s.layer.given {
		return nil, nil
	}
	return func(h analyze.Hit) bool { return h.Version.Layer() == s.layer.n }, nil
}

func (s *search) byType(time.Time) (test, error) {
	if s.types == "" {
		return nil, nil
	}
	var wanted [tarfs.Fifo + 1]bool
	for word := range strings.SplitSeq(s.types, ",") {
		t, ok := typeOf(strings.TrimSpace(word))
		if !ok {
			return nil, fmt.Errorf("--type: %q: not one of f, d, l, c, b, p", word)
		}
		wanted[t] = true
	}
	return func(h analyze.Hit) bool { return wanted[h.Version.Type()] }, nil
}

// typeOf knows find's letters and our words.
func typeOf(word string) (tarfs.Type, bool) {
	for i, letter := range "fdlcbp" {
		if t := tarfs.Type(i); word == string(letter) || word == t.String() {
			return t, true
		}
	}
	return 0, false
}

// bySize compares exact bytes of regular files; other types have no size.
func (s *search) bySize(time.Time) (test, error) {
	if s.size == "" {
		return nil, nil
	}
	compare, rest := comparison(s.size)
	want, err := parseSize(rest)
	if err != nil {
		return nil, fmt.Errorf("--size %q: %w", s.size, err)
	}
	return func(h analyze.Hit) bool { return h.Version.Type() == tarfs.File && compare(h.Version.Size(), want) }, nil
}

// comparison reads find's sign before a number: + is more, - is less, none is exactly.
func comparison(s string) (compare func(got, want int64) bool, rest string) {
	switch {
	case strings.HasPrefix(s, "+"):
		return func(got, want int64) bool { return got > want }, s[1:]
	case strings.HasPrefix(s, "-"):
		return func(got, want int64) bool { return got < want }, s[1:]
	}
	return func(got, want int64) bool { return got == want }, s
}

func (s *search) byMode(time.Time) (test, error) {
	if s.perm == "" {
		return nil, nil
	}
	sign, rest := byte(0), s.perm
	if rest[0] == '-' || rest[0] == '/' {
		sign, rest = rest[0], rest[1:]
	}
	want, err := parseMode(rest)
	if err != nil {
		return nil, fmt.Errorf("--perm %q: %w", s.perm, err)
	}
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
	}, nil
}

func (s *search) byOwner(time.Time) (test, error) {
	if s.uid == "" && s.gid == "" {
		return nil, nil
	}
	uid, err := idTest("uid", s.uid)
	if err != nil {
		return nil, err
	}
	gid, err := idTest("gid", s.gid)
	if err != nil {
		return nil, err
	}
	return func(h analyze.Hit) bool { m := h.Version.Meta(); return uid(m.UID) && gid(m.GID) }, nil
}

func idTest(flag, value string) (func(uint32) bool, error) {
	if value == "" {
		return func(uint32) bool { return true }, nil
	}
	compare, rest := comparison(value)
	want, err := strconv.ParseUint(rest, 10, 32)
	if err != nil {
		return nil, fmt.Errorf("--%s %q: not a number", flag, value)
	}
	return func(id uint32) bool { return compare(int64(id), int64(want)) }, nil
}

// byTime never keeps what has no time.
func (s *search) byTime(now time.Time) (test, error) {
	if s.newer == "" {
		return nil, nil
	}
	t, err := parseTime(s.newer, now)
	if err != nil {
		return nil, fmt.Errorf("--newer %q: %w", s.newer, err)
	}
	sec, nsec := t.Unix(), uint32(t.Nanosecond())
	return func(h analyze.Hit) bool {
		m := h.Version.Meta()
		return h.Version.HasMTime() && (m.MTime > sec || m.MTime == sec && m.MTimeNS > nsec)
	}, nil
}

func (s *search) byDigest(time.Time) (test, error) {
	if s.digest == "" {
		return nil, nil
	}
	want := strings.ToLower(strings.TrimPrefix(s.digest, "sha256:"))
	if _, err := hex.DecodeString(want[:len(want)/2*2]); err != nil || len(want) < 8 || len(want) > 64 || strings.Trim(want, "0123456789abcdef") != "" {
		return nil, fmt.Errorf("--sha256 %q: not 8 to 64 hexadecimal digits", s.digest)
	}
	return func(h analyze.Hit) bool {
		sum, ok := h.Version.Digest()
		return ok && h.Version.Type() == tarfs.File && strings.HasPrefix(hex.EncodeToString(sum[:]), want)
	}, nil
}
