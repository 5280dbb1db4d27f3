package filter

import (
	"fmt"
	"regexp"
	"slices"
	"strings"
	"unicode/utf8"

	"github.com/bmatcuk/doublestar/v4"

	"layup/analyze/source/advice"
	"layup/tarfs"
)

// A Pattern reports whether it matches a path.
type Pattern func(n tarfs.Node) bool

// Patterns match a path if any of them does.
type Patterns []Pattern

// Match reports whether any pattern matches.
func (list Patterns) Match(n tarfs.Node) bool {
	return slices.ContainsFunc(list, func(p Pattern) bool { return p(n) })
}

// Globs reads several globs.
func Globs(globs ...string) (Patterns, error) {
	list := make(Patterns, len(globs))
	for i, glob := range globs {
		p, err := Glob(glob, false)
		if err != nil {
			return nil, err
		}
		list[i] = p
	}
	return list, nil
}

// Glob reads a pattern of doublestar. Without a slash it matches base names, else whole paths. With fold, it ignores
// case. The error has a hint (*advice.Hinted).
func Glob(pattern string, fold bool) (Pattern, error) {
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

// IsGlob reports whether a path has a special character of globs.
func IsGlob(path string) bool { return strings.ContainsAny(path, `*?[{\`) }

// distinct turns each byte that is not UTF-8 into a private character: doublestar cannot tell such bytes apart.
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

// Regexp reads a regular expression. Unlike in find, it may match a part of the path or of the base name: an auditor
// notices what is listed too much, but not what is left out.
func Regexp(pattern string, fold bool) (Pattern, error) {
	if fold {
		pattern = "(?i)" + pattern
	}
	re, err := regexp.Compile(pattern)
	if err != nil {
		return nil, fmt.Errorf("%q: not a regular expression: %w", pattern, err)
	}
	return func(n tarfs.Node) bool { return re.MatchString(n.Path()) || re.MatchString(n.Name()) }, nil
}

// checkedGlob returns the pattern to match: whole paths begin with a slash and end without one. A bracket that nothing
// closes means itself, as in a shell: /bin/[ is found by its name.
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
		hint := `a backslash before [ ] { } and \ makes them mean themselves`
		return "", &advice.Hinted{Err: fmt.Errorf("%q: not a pattern", pattern), Hint: hint}
	}
	return glob, nil
}

// lower is strings.ToLower, but keeps bytes that are not UTF-8; if there are any, it lowers only ASCII.
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
