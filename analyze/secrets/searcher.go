package secrets

import (
	"bytes"
	"encoding/binary"
	"slices"
	"strings"
	"unicode/utf8"

	"layup/analyze/archives"
	"layup/analyze/secrets/pattern"
	"layup/analyze/secrets/ruleset"
)

// The pieces in which a file is searched: a piece keeps so many bytes before the first place that was not searched, and
// a place is searched when so many bytes follow it.
const (
	pieceSize = 512 << 10
	before    = 16 << 10
	ahead     = 80 << 10
)

// A searcher searches one text at a time. One goroutine uses it.
type searcher struct {
	*Search
	match  *pattern.Matcher
	byPath *pattern.Matcher
	buf    []byte

	path    string
	size    int64 // bytes of the file of a layer
	whole   bool  // it is an archive: all of it is set aside
	bare    bool  // it is searched, whatever it is
	seen    int64
	kept    int                         // bytes of the values that were found
	wide    binary.ByteOrder            // of UTF-16; nil if it is not
	half    []byte                      // of a character of UTF-16
	narrow  []byte                      // what was decoded of UTF-16
	base    int64                       // offset of buf in the file
	from    int                         // the place in buf that comes next
	lines   int                         // before buf
	counted int                         // the place in buf up to which line counts
	line    int                         // ends of lines before counted
	strings bool                        // it is not text
	fits    []bool                      // by rule with a path: the path of the file fits
	allowed map[*ruleset.Allowlist]bool // by allowlist of paths: it names the path of the file
	lower   []byte                      // buf in small letters, if it was needed
	places  map[int][]int               // by rule: about where buf has its keywords, if that was needed
	note    note
}

// begin takes an idle searcher, or makes one.
func (s *Search) begin(path string) *searcher {
	var f *searcher
	select {
	case f = <-s.idle:
		f.match.Reset()
		clear(f.fits)
	default:
		f = &searcher{Search: s, match: s.texts.NewMatcher(), byPath: s.paths.NewMatcher(), fits: make([]bool, len(s.rules)),
			allowed: map[*ruleset.Allowlist]bool{}, places: map[int][]int{}}
	}
	clear(f.allowed)
	clear(f.places)
	f.path, f.size, f.whole, f.bare = path, 0, false, false
	f.seen, f.base, f.from, f.lines, f.counted, f.line = 0, 0, 0, 0, 0, 0
	f.buf, f.lower, f.strings, f.note = f.buf[:0], nil, false, note{}
	f.kept, f.wide, f.half = 0, nil, f.half[:0]
	f.match.Limit = fileWork
	f.searchPath()
	return f
}

// release keeps the searcher for the next file.
func (f *searcher) release() {
	select {
	case f.idle <- f:
	default:
	}
}

// piece takes the next bytes of a file of a layer. After the last it returns what was found. If the file is an archive,
// it returns the bytes themselves, after aFile. It is a sieve.Filter.
func (f *searcher) piece(b []byte) (taken []byte, more bool) {
	if f.whole {
		return b, true
	}
	if f.seen == 0 && f.opt.Archives && archives.May(b) && f.size <= archives.Most {
		f.whole = true // whoever reads it releases nothing: the searcher is not used again
		return append([]byte{aFile}, b...), true
	}
	if more = f.feed(b); more && f.seen < f.size {
		return nil, true
	}
	n := f.finish()
	return n.encode(), false
}

// feed takes the next bytes. It reports whether it needs more.
func (f *searcher) feed(b []byte) bool {
	if f.seen == 0 {
		f.note.Skipped = kindOf(b)
		f.wide = wideOf(b)
		if f.opt.Binary || f.bare {
			f.note.Skipped = ""
		}
	}
	if f.note.Skipped != "" {
		return false
	}
	begins := f.seen == 0
	f.seen += int64(len(b))
	if f.wide != nil {
		b = f.decode(b)
	}
	if begins {
		f.strings = bytes.IndexByte(b, 0) >= 0
	}
	f.match.Limit += byteWork * int64(len(b))
	for len(f.buf)+len(b) > pieceSize && !f.note.Cut {
		n := pieceSize - len(f.buf)
		f.buf = append(f.buf, b[:n]...)
		b = b[n:]
		f.search(false)
	}
	if !f.note.Cut {
		f.buf = append(f.buf, b...)
	}
	return !f.note.Cut
}

// decode returns text in UTF-16 as UTF-8, until the next call.
func (f *searcher) decode(b []byte) []byte {
	f.narrow = f.narrow[:0]
	add := func(two []byte) {
		if r := rune(f.wide.Uint16(two)); r != '\ufeff' {
			f.narrow = utf8.AppendRune(f.narrow, r)
		}
	}
	if len(f.half) > 0 && len(b) > 0 {
		add([]byte{f.half[0], b[0]})
		f.half, b = f.half[:0], b[1:]
	}
	for ; len(b) >= 2; b = b[2:] {
		add(b)
	}
	f.half = append(f.half, b...)
	return f.narrow
}

// finish searches what is left of the text and returns what was found in it.
func (f *searcher) finish() note {
	if f.note.Skipped == "" && !f.note.Cut {
		f.search(true)
	}
	f.note.Found = withoutGeneric(f.rules, f.note.Found)
	n := f.note
	f.release()
	return n
}

// searchPath finds what a path tells.
func (f *searcher) searchPath() {
	f.byPath.Reset()
	f.byPath.Limit = pattern.NoLimit
	t := &pattern.Text{Data: []byte(f.path), Whole: true}
	f.byPath.Search(t, 0, len(t.Data), func(int) bool { return true }, func(m pattern.Match) {
		i := f.ofPath[m.Pattern]
		if f.fits[i] = true; f.rules[i].Expr == "" {
			f.add(raw{Rule: i}, &ruleset.Candidate{})
		}
	})
}

// search searches what is in the buffer. If the file goes on, it keeps what the next piece needs.
func (f *searcher) search(whole bool) {
	t := &pattern.Text{Data: f.buf, Whole: whole, Strings: f.strings}
	to := len(f.buf)
	if !whole {
		to -= ahead
	}
	for f.from < to {
		f.from = f.match.Search(t, f.from, to, f.wants, f.take)
		if f.match.Work > f.match.Limit && !f.grant() {
			f.note.Cut = true
			return
		}
	}
	f.note.Cut = f.note.Cut || f.match.Cut
	f.lower = nil
	clear(f.places)
	if whole {
		return
	}
	drop := max(0, to-before)
	f.lines += bytes.Count(f.buf[:drop], newline)
	f.base += int64(drop)
	f.buf = f.buf[:copy(f.buf, f.buf[drop:])]
	f.from, f.counted, f.line = to-drop, 0, 0
	f.match.Shift(drop)
}

// grant takes more work from the pool, unless it is empty.
func (f *searcher) grant() bool {
	if f.pool.Add(-fileWork) < 0 {
		return false
	}
	f.match.Limit = f.match.Work + fileWork
	return true
}

var newline = []byte{'\n'}

// wants reports whether the rule of a pattern counts for the file.
func (f *searcher) wants(p int) bool {
	i := f.of[p]
	return f.rules[i].Path == nil || f.fits[i]
}

// take judges a match, as gitleaks does.
func (f *searcher) take(m pattern.Match) {
	f.match.Work += takeWork
	i := f.of[m.Pattern]
	rule := &f.rules[i]
	text := f.buf[m.Start:m.End]
	if f.strings {
		text = clean(text)
	}
	match := strings.TrimRight(string(text), "\n")
	lead := min(m.Body-m.Start, len(match))
	if cut := strings.TrimLeft(match, "\n"); len(cut) < len(match) {
		match, lead = cut, 0
	}
	secret := secretOf(match, f.texts.Groups(m.Pattern, match, lead), rule.Group)
	known := f.match.Left(m.Pattern, m.Start-near) || f.hasKeyword(i, match, m.Start, m.End)
	if rule.Entropy != 0 && ruleset.Entropy(secret) <= rule.Entropy || !known {
		return
	}
	c := &ruleset.Candidate{Secret: secret, Match: match, Line: f.lineAt(m.Start, m.Start+len(match))}
	f.add(raw{Rule: i, Line: f.lineNumber(m.Start), Offset: f.base + int64(m.Start), Secret: []byte(secret)}, c)
}

// clean returns content that is not text as expressions see it.
func clean(b []byte) []byte {
	b = bytes.Clone(b)
	for i, c := range b {
		if !pattern.Printable(c) {
			b[i] = '\n'
		}
	}
	return b
}

// secretOf returns the group that is the secret.
func secretOf(match string, groups []string, group int) string {
	if group > 0 && group < len(groups) {
		return groups[group]
	}
	for _, g := range groups[min(1, len(groups)):] {
		if g != "" {
			return g
		}
	}
	return match
}

// add keeps a finding unless an allowlist names its text.
func (f *searcher) add(r raw, c *ruleset.Candidate) {
	c.Path, c.Known = f.path, f.allowed
	left := f.left(r.Rule, c)
	switch {
	case left == ruleset.ByText:
	case len(f.note.Found) >= mostFound || f.kept > mostKept:
		f.note.More++
	default:
		r.Left, f.kept = left == ruleset.ByPath, f.kept+len(r.Secret)
		f.note.Found = append(f.note.Found, r)
	}
}

// left says whether allowlists leave a candidate out. Those of the rule leave out most, so they are asked first.
func (f *searcher) left(rule int, c *ruleset.Candidate) ruleset.Left {
	left := ruleset.Allowed(f.rules[rule].Allow, c)
	if left != ruleset.ByText {
		left = max(left, ruleset.Allowed(f.opt.Rules.Allow, c))
	}
	return left
}

// near is how far a keyword may be from a match, in bytes. gitleaks wants both in one piece of about 100 kB.
const near = 128 << 10

// hasKeyword reports whether a keyword of a rule is in a match or near it, in the text at hand.
func (f *searcher) hasKeyword(rule int, match string, start, end int) bool {
	words := f.rules[rule].Keywords
	small := strings.ToLower(match)
	if len(words) == 0 || slices.ContainsFunc(words, func(word string) bool { return strings.Contains(small, word) }) {
		return true
	}
	places, ok := f.places[rule]
	if !ok {
		places = f.keywords(words)
		f.places[rule] = places
	}
	at, _ := slices.BinarySearch(places, start-near)
	return at < len(places) && places[at] <= end+near
}

// keywords returns where the text at hand has one of some words: of several within a kilobyte the first alone.
func (f *searcher) keywords(words []string) (places []int) {
	if f.lower == nil {
		f.lower = bytes.ToLower(f.buf)
	}
	for _, word := range words {
		for at := 0; at < len(f.lower); at += 1 << 10 {
			n := bytes.Index(f.lower[at:], []byte(word))
			if n < 0 {
				break
			}
			at += n
			places = append(places, at)
		}
	}
	slices.Sort(places)
	return places
}

// mostLine is how much of a line is shown to an allowlist, on each side of the match.
const mostLine = 4 << 10

// lineAt returns the lines that hold a part of the buffer.
func (f *searcher) lineAt(start, end int) string {
	from := max(0, start-mostLine)
	if n := bytes.LastIndexByte(f.buf[from:start], '\n'); n >= 0 {
		from += n + 1
	}
	to := min(len(f.buf), end+mostLine)
	if n := bytes.IndexByte(f.buf[end:to], '\n'); n >= 0 {
		to = end + n
	}
	return string(f.buf[from:to])
}

// lineNumber returns the line of a place in the buffer, from 1.
func (f *searcher) lineNumber(at int) int {
	if at < f.counted {
		f.counted, f.line = 0, 0
	}
	f.line += bytes.Count(f.buf[f.counted:at], newline)
	f.counted = at
	return f.lines + f.line + 1
}

// withoutGeneric drops what a rule for anything finds in a line in which another rule finds as much.
func withoutGeneric(rules []ruleset.Rule, found []raw) []raw {
	generic := func(r raw) bool {
		id := strings.ToLower(rules[r.Rule].ID)
		return strings.Contains(id, "generic") || id == ruleset.KeyFile
	}
	lines := map[int][]raw{}
	for _, r := range found {
		if !generic(r) {
			lines[r.Line] = append(lines[r.Line], r)
		}
	}
	return slices.DeleteFunc(found, func(r raw) bool {
		return generic(r) && slices.ContainsFunc(lines[r.Line], func(better raw) bool {
			return bytes.Contains(better.Secret, bytes.TrimSpace(r.Secret))
		})
	})
}
