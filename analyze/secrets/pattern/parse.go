// Package pattern finds the matches of many regular expressions in a text in one pass. A filter finds the places where
// four bytes begin that a match of an expression must have; an automaton says whether a match may be there; only then
// the expression itself runs, on a piece of the text.
package pattern

import (
	"math"
	"regexp"
	"regexp/syntax"
	"slices"
	"sync"
	"unicode/utf8"
)

// A Pattern is a regular expression, as package regexp has it, and the places by which its matches are found.
type Pattern struct {
	expr   string
	always bool       // no four bytes tell a match: every byte of a text is read
	tells  []telltale // by branch

	parts  func()         // makes what follows, if it is not there yet
	tails  []int          // by branch: the part of its sequence with which its tail begins
	lead   *syntax.Regexp // a class that may stand a few times before the body; nil for none
	leads  int            // how many times
	body   *syntax.Regexp // the expression after the lead
	branch []branch

	whole, after func() *regexp.Regexp // the expression; after at least one more rune, as a group
	first, rest  func() *regexp.Regexp // the body at the beginning of a text; after one more rune
}

// A branch is one way in which an expression matches.
type branch struct {
	tail   *syntax.Regexp // from the place on that the filter finds
	before int            // bytes of the body before that place, at most; negative without a bound
	fixed  bool           // exactly so many
	word   bool           // the body begins at the boundary of a word, with a letter or digit
}

// New analyses an expression. What is known of those of this program is not found out anew.
func New(expr string) (*Pattern, error) {
	p := &Pattern{expr: expr}
	if p.known() {
		p.parts = sync.OnceFunc(func() { _ = p.divide() }) // a test divides each that is known
	} else if err := p.divide(); err != nil {
		return nil, err
	} else {
		p.parts = func() {}
	}
	p.whole = sync.OnceValue(func() *regexp.Regexp { return regexp.MustCompile(expr) })
	p.after = sync.OnceValue(func() *regexp.Regexp { return regexp.MustCompile(`^(?s:.)(?s:.*?)(` + expr + `)`) })
	p.first = sync.OnceValue(func() *regexp.Regexp { return regexp.MustCompile(`^(?:` + p.body.String() + `)`) })
	p.rest = sync.OnceValue(func() *regexp.Regexp { return regexp.MustCompile(`^(?s:.)(?:` + p.body.String() + `)`) })
	return p, nil
}

// divide finds the lead and the branches.
func (p *Pattern) divide() error {
	re, err := syntax.Parse(p.expr, syntax.Perl)
	if err != nil {
		return err
	}
	p.body = re
	if seq := re.Sub; re.Op == syntax.OpConcat && seq[0].Op == syntax.OpRepeat && seq[0].Min == 0 &&
		seq[0].Max > 0 && seq[0].Sub[0].Op == syntax.OpCharClass {
		p.lead, p.leads, p.body = seq[0].Sub[0], seq[0].Max, concat(seq[1:])
	}
	if !p.always && !p.split(sequence(p.body)) {
		p.always, p.branch, p.tells, p.tails = true, nil, nil, nil
	}
	return nil
}

// split adds the branches of a sequence. It reports whether four bytes tell each of them.
func (p *Pattern) split(seq []*syntax.Regexp) bool {
	first := 0
	for first < len(seq) && emptyWidth(seq[first]) {
		first++
	}
	if first == len(seq)-1 && seq[first].Op == syntax.OpAlternate {
		for _, sub := range seq[first].Sub {
			if !p.split(append(slices.Clone(seq[:first]), sequence(sub)...)) {
				return false
			}
		}
		return true
	}
	if n := len(p.branch); n == len(p.tails) {
		tail, tells, ok := choose(seq, first)
		if !ok {
			return false
		}
		p.tails, p.tells = append(p.tails, tail), append(p.tells, tells)
	}
	p.branch = append(p.branch, branchAt(seq, first, p.tails[len(p.branch)]))
	return true
}

// choose returns the best place of a sequence for the tail, and the grams that tell it.
func choose(seq []*syntax.Regexp, first int) (tail int, tells telltale, ok bool) {
	tail, tells, least := best(seq, first, telltaleOfWord)
	if least > rare {
		if i, other, cost := best(seq, first, telltaleOf); cost < least {
			tail, tells, least = i, other, cost
		}
	}
	return tail, tells, !math.IsInf(least, 1)
}

// best returns the best place of a sequence, and what it costs.
func best(seq []*syntax.Regexp, first int,
	tell func([]*syntax.Regexp) (telltale, bool)) (place int, tells telltale, least float64) {
	least = math.Inf(1)
	for i := first; i < len(seq); i++ {
		if !telling(seq[i]) {
			continue
		}
		if t, ok := tell(seq[i:]); ok {
			if c := cost(t.at) + penalty(branchAt(seq, first, i).before); c < least {
				place, tells, least = i, t, c
			}
		}
	}
	return place, tells, least
}

// branchAt returns the branch with the tail that begins at a part of a sequence.
func branchAt(seq []*syntax.Regexp, first, tail int) branch {
	b := branch{tail: concat(seq[tail:]), fixed: true}
	b.word = first > 0 && seq[first-1].Op == syntax.OpWordBoundary && first < len(seq) && isWord(seq[first])
	for _, part := range seq[:tail] {
		n := width(part)
		if b.fixed = b.fixed && n == shortest(part); b.before >= 0 && n >= 0 {
			b.before += n
		} else {
			b.before = -1
		}
	}
	return b
}

// rare is the cost of grams that need not be better.
const rare = 1e-4

// penalty makes places worse that may lie far from the beginning of a match.
func penalty(before int) float64 {
	if before < 0 {
		return 1e-4
	}
	return float64(before) * 1e-9
}

// sequence returns the parts of an expression that follow one another.
func sequence(re *syntax.Regexp) []*syntax.Regexp {
	switch re.Op {
	case syntax.OpCapture:
		return sequence(re.Sub[0])
	case syntax.OpConcat:
		var seq []*syntax.Regexp
		for _, sub := range re.Sub {
			seq = append(seq, sequence(sub)...)
		}
		return seq
	case syntax.OpLiteral:
		return letters(re)
	}
	return []*syntax.Regexp{re}
}

// letters divides a literal, so that a later part of it may tell the match.
func letters(re *syntax.Regexp) []*syntax.Regexp {
	seq := make([]*syntax.Regexp, len(re.Rune))
	for i := range re.Rune {
		seq[i] = &syntax.Regexp{Op: syntax.OpLiteral, Flags: re.Flags, Rune: re.Rune[i : i+1]}
	}
	return seq
}

func concat(seq []*syntax.Regexp) *syntax.Regexp {
	return &syntax.Regexp{Op: syntax.OpConcat, Sub: seq, Flags: syntax.Perl}
}

func emptyWidth(re *syntax.Regexp) bool {
	switch re.Op {
	case syntax.OpEmptyMatch, syntax.OpBeginLine, syntax.OpEndLine, syntax.OpBeginText, syntax.OpEndText,
		syntax.OpWordBoundary, syntax.OpNoWordBoundary:
		return true
	}
	return false
}

// isWord reports whether a part always begins with a letter, a digit or a low line.
func isWord(re *syntax.Regexp) bool {
	switch re.Op {
	case syntax.OpLiteral:
		return syntax.IsWordChar(re.Rune[0])
	case syntax.OpCharClass:
		for i := 0; i < len(re.Rune); i += 2 {
			for r := re.Rune[i]; r <= re.Rune[i+1]; r++ {
				if !syntax.IsWordChar(r) && r != longS && r != kelvin {
					return false
				}
			}
		}
		return len(re.Rune) > 0
	case syntax.OpAlternate:
		return !slices.ContainsFunc(re.Sub, func(sub *syntax.Regexp) bool { return !isWord(sub) })
	case syntax.OpCapture, syntax.OpConcat, syntax.OpPlus:
		return isWord(re.Sub[0])
	case syntax.OpRepeat:
		return re.Min > 0 && isWord(re.Sub[0])
	}
	return false
}

// telling reports whether a part may begin with few different bytes.
func telling(re *syntax.Regexp) bool {
	switch re.Op {
	case syntax.OpLiteral, syntax.OpAlternate:
		return true
	case syntax.OpCharClass:
		return len(re.Rune) <= 8
	case syntax.OpPlus, syntax.OpCapture:
		return telling(re.Sub[0])
	case syntax.OpRepeat:
		return re.Min > 0 && telling(re.Sub[0])
	case syntax.OpConcat:
		return len(re.Sub) > 0 && telling(re.Sub[0])
	}
	return false
}

// width returns the bytes of the longest match; negative without a bound.
func width(re *syntax.Regexp) int {
	switch re.Op {
	case syntax.OpLiteral:
		return len(string(re.Rune))
	case syntax.OpCharClass:
		if n := len(re.Rune); n > 0 && re.Rune[n-1] < utf8.RuneSelf {
			return 1
		}
		return utf8.UTFMax
	case syntax.OpAnyChar, syntax.OpAnyCharNotNL:
		return utf8.UTFMax
	case syntax.OpStar, syntax.OpPlus:
		return -1
	case syntax.OpQuest, syntax.OpCapture:
		return width(re.Sub[0])
	case syntax.OpRepeat:
		n := width(re.Sub[0])
		if re.Max < 0 || n < 0 {
			return -1
		}
		return re.Max * n
	}
	most := 0
	for _, sub := range re.Sub {
		n := width(sub)
		switch {
		case n < 0:
			return -1
		case re.Op == syntax.OpConcat:
			most += n
		default:
			most = max(most, n)
		}
	}
	return most
}
