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

// A Names reports which names a pattern matches: Base asks for the last component, Path for the whole path; one of them
// is nil. A regular expression has both, and one match is enough.
type Names struct{ Base, Path func(name string) bool }

// Pattern applies the names to nodes.
func (t Names) Pattern() Pattern {
	switch {
	case t.Path == nil:
		return func(n tarfs.Node) bool { return t.Base(n.Name()) }
	case t.Base == nil:
		return func(n tarfs.Node) bool { return t.Path(n.Path()) }
	}
	return func(n tarfs.Node) bool { return t.Path(n.Path()) || t.Base(n.Name()) }
}

// Glob reads a pattern of doublestar. Without a slash it matches base names, else whole paths. With fold, it ignores
// case. The error has a hint (*advice.Hinted).
func Glob(pattern string, fold bool) (Pattern, error) {
	names, err := GlobNames(pattern, fold)
	if err != nil {
		return nil, err
	}
	return names.Pattern(), nil
}

// GlobNames is Glob for names.
func GlobNames(pattern string, fold bool) (Names, error) {
	pattern, err := checkedGlob(pattern)
	if err != nil {
		return Names{}, err
	}
	form := distinct
	if fold {
		form = func(s string) string { return distinct(lower(s)) }
	}
	pattern = form(pattern)
	match := func(name string) bool { return doublestar.MatchUnvalidated(pattern, form(name)) }
	if !strings.Contains(pattern, "/") {
		return Names{Base: match}, nil
	}
	return Names{Path: match}, nil
}

// Exact returns the only base name, or with a slash the only path, that a glob matches; false if it may match others.
// Any path with the last component X matches **/X.
func Exact(glob string) (name string, ok bool) {
	glob, err := checkedGlob(glob)
	if err != nil {
		return "", false
	}
	if base, anywhere := strings.CutPrefix(glob, "/**/"); anywhere && base != "" && !strings.Contains(base, "/") {
		glob = base
	}
	return glob, !IsGlob(glob)
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
	names, err := RegexpNames(pattern, fold)
	if err != nil {
		return nil, err
	}
	return names.Pattern(), nil
}

// RegexpNames is Regexp for names.
func RegexpNames(pattern string, fold bool) (Names, error) {
	if fold {
		pattern = "(?i)" + pattern
	}
	re, err := regexp.Compile(pattern)
	if err != nil {
		return Names{}, fmt.Errorf("%q: not a regular expression: %w", pattern, err)
	}
	return Names{Base: re.MatchString, Path: re.MatchString}, nil
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
