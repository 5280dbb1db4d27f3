package pattern

import (
	"bytes"
	"math"
	"regexp/syntax"
	"slices"
	"unicode/utf8"
)

// A Set is patterns that are searched for together. Several goroutines may use it at once.
type Set struct {
	patterns []*Pattern
	filter   *filter
	always   []int      // patterns that no gram tells
	words    [][]string // by pattern without grams: the words that tell a piece of text to search; nil for every piece
}

// NewSet returns a set. Words, by pattern, say when a pattern without grams is searched for: only in a piece of text
// that holds one of them, in any spelling. Without words, or with one of less than four bytes, it always is.
func NewSet(patterns []*Pattern, words [][]string) *Set {
	s := &Set{patterns: patterns, words: make([][]string, len(patterns))}
	of, near := map[uint32][]target{}, []uint32(nil)
	for i, p := range patterns {
		for b, tells := range p.tells {
			for _, g := range tells.at {
				of[g] = append(of[g], target{int32(i), int32(b)})
			}
			near = append(near, tells.near...)
		}
		if !p.always {
			continue
		}
		s.always = append(s.always, i)
		short := func(word string) bool { return len(word) < gramSize }
		if slices.ContainsFunc(words[i], short) {
			continue
		}
		s.words[i] = words[i]
		for _, word := range words[i] {
			place, tells := rarest(word)
			of[tells.at[0]] = append(of[tells.at[0]], target{int32(i), mark - int32(place)})
			near = append(near, tells.near...)
		}
	}
	s.filter = newFilter(of, near)
	return s
}

// A Text is a piece of a text.
type Text struct {
	Data    []byte
	Whole   bool // nothing follows
	Strings bool // it is not text: only runs of printable bytes count
}

// A Match is where an expression matches.
type Match struct {
	Pattern    int
	Start, End int
	Body       int // where the part after the lead begins
}

// A Matcher searches texts for the patterns of a set. One goroutine uses it.
type Matcher struct {
	set      *Set
	automata [][]*automaton // by pattern and branch; made when they are needed
	done     []int          // by pattern: where its last match ended
	wanted   []int8         // by pattern without grams: in how many pieces it counts that a word was seen
	swept    []bool         // by pattern: searched for since its word was seen
	last     []int          // by pattern without grams: where its word was seen last
	left     []int          // the same when the last piece ended
	clean    []byte

	// Work is what was spent on places that may be matches: about one for each byte that was looked at. When it exceeds
	// Limit, Search stops.
	Work, Limit int64
	Cut         bool // a pattern that no gram tells costs far more: it was not searched for to the end
}

// NewMatcher returns a matcher of a set.
func (s *Set) NewMatcher() *Matcher {
	m := &Matcher{set: s, automata: make([][]*automaton, len(s.patterns)), done: make([]int, len(s.patterns)),
		wanted: make([]int8, len(s.patterns)), swept: make([]bool, len(s.patterns)),
		last: make([]int, len(s.patterns)), left: make([]int, len(s.patterns))}
	m.forget()
	for i, p := range s.patterns {
		m.automata[i] = make([]*automaton, max(1, len(p.tells)))
	}
	return m
}

// Reset begins a new text. Set Limit afterwards.
func (m *Matcher) Reset() {
	clear(m.done)
	clear(m.wanted)
	clear(m.swept)
	m.forget()
	m.Work, m.Cut = 0, false
}

// forget begins without a word.
func (m *Matcher) forget() {
	const nowhere = math.MinInt / 2
	for i := range m.last {
		m.last[i], m.left[i] = nowhere, nowhere
	}
}

// Shift says that the next piece of the text begins some bytes later than the last.
func (m *Matcher) Shift(bytes int) {
	for i := range m.done {
		m.done[i] = max(0, m.done[i]-bytes)
		m.last[i] -= bytes
		m.left[i] = m.last[i]
		if m.wanted[i] = max(0, m.wanted[i]-1); m.wanted[i] == 0 {
			m.swept[i] = false
		}
	}
}

// Search finds the matches that are told by the bytes from a place to another. Want says whether a pattern is searched
// for; take gets each match. It returns the place up to which it searched.
func (m *Matcher) Search(t *Text, from, to int, want func(pattern int) bool, take func(Match)) int {
	stop := m.filtered(t, from, to, want, take)
	for _, i := range m.set.always {
		if !m.Saw(i) && m.set.words[i] != nil || !want(i) {
			continue
		}
		begin := from
		if m.Saw(i) && !m.swept[i] {
			begin, m.swept[i] = 0, true // what comes before the word counts
		}
		m.sweep(t, i, begin, stop, take)
	}
	return stop
}

// Left reports whether earlier pieces had a word of a pattern without grams at a place, which is negative for them, or
// after it.
func (m *Matcher) Left(pattern, place int) bool { return m.left[pattern] >= place }

// Saw reports whether a word of a pattern without grams was seen, in this piece of the text or in the last.
func (m *Matcher) Saw(pattern int) bool { return m.wanted[pattern] > 0 }

// filtered finds the matches of the patterns that grams tell. It returns the place up to which it searched.
func (m *Matcher) filtered(t *Text, from, to int, want func(pattern int) bool, take func(Match)) int {
	f := m.set.filter
	last := min(to-1, len(t.Data)-gramSize)
	for at := f.next(t.Data, from); at <= last+1 && at <= len(t.Data)-gramSize; at = f.next(t.Data, at+2) {
		for place := max(from, at-1); place <= min(last, at+1); place++ {
			for _, tell := range f.at(t.Data[place:]) {
				switch i := int(tell.pattern); {
				case tell.branch <= mark:
					if at := place - int(mark-tell.branch); at >= 0 && m.set.word(i, t.Data[at:]) {
						m.wanted[i], m.last[i] = 2, at
					}
				case place < m.done[i] || !want(i):
				default:
					m.confirm(t, i, int(tell.branch), place, take)
				}
			}
			if m.Work > m.Limit {
				return place + 1
			}
		}
	}
	return to
}

// far is how many bytes a match may go on after it is known to be there.
func (p *Pattern) far() int {
	if n := width(p.body); n >= 0 {
		return n
	}
	return farBack
}

// word reports whether a text begins with a word of a pattern.
func (s *Set) word(i int, text []byte) bool {
	return slices.ContainsFunc(s.words[i], func(word string) bool {
		return len(text) >= len(word) && bytes.EqualFold(text[:len(word)], []byte(word))
	})
}

// farBack is how many bytes before a place a match may begin if its expression sets no bound.
const farBack = 4 << 10

// confirm finds the match that a place tells of.
func (m *Matcher) confirm(t *Text, i, branch, at int, take func(Match)) {
	p := m.set.patterns[i]
	p.parts()
	b := &p.branch[branch]
	begin := at - b.before
	if b.fixed && (begin < m.done[i] || b.word && begin > 0 && syntax.IsWordChar(rune(t.Data[begin-1]))) {
		return
	}
	a := m.automaton(i, branch, b)
	work := a.work
	end, may := a.run(t, at)
	m.Work += int64(end - at + a.work - work)
	if !may {
		return
	}
	if b.fixed {
		m.anchored(t, p, i, begin, end, take)
		return
	}
	back := b.before
	if back < 0 {
		back = farBack
	}
	m.window(t, p, i, max(m.done[i], at-back-p.leads), end, take)
}

func (m *Matcher) automaton(i, branch int, b *branch) *automaton {
	if m.automata[i][branch] == nil {
		m.automata[i][branch], _ = newAutomaton(b.tail, false) // New compiled it
	}
	return m.automata[i][branch]
}

// anchored finds the match with a body that begins at a place.
func (m *Matcher) anchored(t *Text, p *Pattern, i, at, end int, take func(Match)) {
	re, from := p.first(), at
	if at > 0 {
		_, n := utf8.DecodeLastRune(t.Data[max(0, at-utf8.UTFMax):at])
		re, from = p.rest(), at-n
	}
	loc := re.FindIndex(m.view(t, from, end))
	if loc == nil {
		return
	}
	start := at
	for n := 0; n < p.leads && start > m.done[i] && p.leads > 0 && inClass(p.lead.Rune, t.Data[start-1]); n++ {
		start--
	}
	m.done[i] = from + loc[1]
	take(Match{i, start, from + loc[1], at})
}

// inClass reports whether a class has a byte of ASCII.
func inClass(ranges []rune, b byte) bool {
	for i := 0; i+1 < len(ranges); i += 2 {
		if ranges[i] <= rune(b) && rune(b) <= ranges[i+1] {
			return b < 0x80
		}
	}
	return false
}

// window finds the matches that begin in a part of the text.
func (m *Matcher) window(t *Text, p *Pattern, i, from, end int, take func(Match)) {
	for from < end {
		left, re, group := 0, p.whole(), 0
		if from > 0 { // what is before a match may matter
			_, n := utf8.DecodeLastRune(t.Data[max(0, from-utf8.UTFMax):from])
			left, re, group = from-n, p.after(), 2
		}
		loc := re.FindSubmatchIndex(m.view(t, left, end))
		if loc == nil {
			return
		}
		start, stop := left+loc[group], left+loc[group+1]
		if stop > start {
			m.done[i] = stop
			take(Match{i, start, stop, start})
		}
		from = max(from+1, stop)
	}
}

// perByte is what package regexp costs for a byte.
const perByte = 32

// view is a part of the text as expressions see it, with one rune more if there is one, so that its end is not taken
// for the end of the text.
func (m *Matcher) view(t *Text, from, end int) []byte {
	end = min(len(t.Data), end+4)
	m.Work += int64(end-from) * perByte
	if !t.Strings {
		return t.Data[from:end]
	}
	m.clean = append(m.clean[:0], t.Data[from:end]...)
	for i, b := range m.clean {
		if !printable[b] {
			m.clean[i] = '\n'
		}
	}
	return m.clean
}

// NoLimit lets a Matcher work as long as it takes.
const NoLimit = 1 << 62

// mostSweep is the work beyond the limit that ends the search for a pattern that no gram tells.
const mostSweep = 64 << 20

// sweep reads every byte for a pattern that no gram tells.
func (m *Matcher) sweep(t *Text, i, from, to int, take func(Match)) {
	p := m.set.patterns[i]
	p.parts()
	if m.automata[i][0] == nil {
		m.automata[i][0], _ = newAutomaton(p.body, true) // New compiled it
	}
	a := m.automata[i][0]
	class := &a.text
	if t.Strings {
		class = &a.strand
	}
	far := p.far()
	s, work := start*a.width, a.work
	defer func() { m.Work += int64(to - from + a.work - work) }()
	next, end := a.next, min(len(t.Data), to+far)
	for at := from; at < end; at++ {
		if m.Work > m.Limit+mostSweep {
			m.Cut = true
			return
		}
		n := next[s+int32(class[t.Data[at]])]
		if n == unknown {
			k := a.step(s/a.width, class[t.Data[at]])
			if next, n = a.next, k*a.width; a.states[k].accept {
				n = -n
			}
		}
		s = max(n, -n)
		if n > 0 && !(t.Whole && at+1 == len(t.Data) && a.states[a.step(s/a.width, a.other+1)].accept) {
			continue
		}
		m.window(t, p, i, max(at+1-far-p.leads, m.done[i], 0), min(len(t.Data), at+far), take)
		if m.done[i] > at {
			s, at = start*a.width, m.done[i]-1
		}
	}
}

// Groups returns the groups of a match, as the expression has them in the match alone. Lead is how many bytes of it
// come before the body.
func (s *Set) Groups(i int, match string, lead int) []string {
	s.patterns[i].parts()
	return s.patterns[i].first().FindStringSubmatch(match[lead:])
}
