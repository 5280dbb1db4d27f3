package report

import (
	"fmt"
	"regexp"
	"strings"
	"unicode/utf8"

	"github.com/bmatcuk/doublestar/v4"

	"layup/tarfs"
)

// A matcher decides by a path's name.
type matcher func(n tarfs.Node) bool

// newMatcher reads one pattern, a glob or a regular expression.
func newMatcher(pattern string, regex, fold bool) (matcher, error) {
	if regex {
		return newExpression(pattern, fold)
	}
	pattern, err := checkedGlob(pattern)
	if err != nil {
		return nil, err
	}
	form := distinct
	if fold {
		form = func(s string) string { return distinct(lower(s)) }
	}
	pattern = form(pattern)
	if !strings.Contains(pattern, "/") {
		return func(n tarfs.Node) bool { return doublestar.MatchUnvalidated(pattern, form(n.Name())) }, nil
	}
	return func(n tarfs.Node) bool { return doublestar.MatchUnvalidated(pattern, form(n.Path())) }, nil
}

// distinct turns each byte that is no UTF-8 into a private character of its own, for doublestar takes all such bytes for the same.
func distinct(s string) string {
	if utf8.ValidString(s) {
		return s
	}
	const private = 0x10FF00
	var b strings.Builder
	for i := 0; i < len(s); {
		r, n := utf8.DecodeRuneInString(s[i:])
		if r == utf8.RuneError && n == 1 {
			r = private + rune(s[i])
		}
		b.WriteRune(r)
		i += n
	}
	return b.String()
}

// newExpression reads a regular expression. It is searched, not held against the whole as find does: what an auditor is shown too much
// of can be seen, what is left out cannot.
func newExpression(pattern string, fold bool) (matcher, error) {
	if fold {
		pattern = "(?i)" + pattern
	}
	re, err := regexp.Compile(pattern)
	if err != nil {
		return nil, fmt.Errorf("%q: not a regular expression: %w", pattern, err)
	}
	return func(n tarfs.Node) bool { return re.MatchString(n.Path()) || re.MatchString(n.Name()) }, nil
}

// checkedGlob returns the pattern as it is matched: whole paths begin with a slash and end without one. A bracket that nothing closes
// means itself, as in a shell, so that [ is found by its name.
func checkedGlob(pattern string) (string, error) {
	glob := strings.TrimPrefix(pattern, "./")
	if trimmed := strings.TrimRight(glob, "/"); trimmed != "" {
		glob = trimmed
	}
	if strings.Contains(pattern, "/") && !strings.HasPrefix(glob, "/") {
		glob = "/" + glob
	}
	if !doublestar.ValidatePattern(glob) && !strings.ContainsAny(glob, "]}") {
		glob = strings.NewReplacer("[", `\[`, "{", `\{`).Replace(glob)
	}
	if !doublestar.ValidatePattern(glob) {
		return "", usage(`a backslash before [ ] { } and \ makes them mean themselves`, "%q: not a pattern", pattern)
	}
	return glob, nil
}

// lower turns letters to lower case and leaves bytes that are no UTF-8 as they are, which strings.ToLower does not.
func lower(s string) string {
	if utf8.ValidString(s) {
		return strings.ToLower(s)
	}
	b := []byte(s)
	for i, c := range b {
		if c >= 'A' && c <= 'Z' {
			b[i] = c - 'A' + 'a'
		}
	}
	return string(b)
}
