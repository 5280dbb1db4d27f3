package pattern

import (
	"regexp"
	"regexp/syntax"
	"strings"
	"sync"
	"unicode/utf8"
)

// An Any is expressions of which one suffices. Automata say fast that none matches. Several goroutines may use it.
type Any struct {
	exprs []string
	whole func() *regexp.Regexp
	mu    sync.Mutex
	parts []*automaton
}

// NewAny returns expressions that package regexp/syntax accepts; nil for none.
func NewAny(exprs []string) *Any {
	if len(exprs) == 0 {
		return nil
	}
	return &Any{exprs: exprs, whole: sync.OnceValue(func() *regexp.Regexp {
		return regexp.MustCompile("(?:" + strings.Join(exprs, ")|(?:") + ")")
	})}
}

// Matches reports whether one of the expressions matches a text.
func (a *Any) Matches(text string) bool {
	if strings.IndexFunc(text, func(r rune) bool { return r >= utf8.RuneSelf }) < 0 && !a.may(text) {
		return false
	}
	return a.whole().MatchString(text)
}

func (a *Any) may(text string) bool {
	a.mu.Lock()
	defer a.mu.Unlock()
	if a.parts == nil {
		for _, expr := range a.exprs {
			re, err := syntax.Parse(expr, syntax.Perl)
			if err != nil {
				return true
			}
			part, err := newAutomaton(re, re.Op != syntax.OpConcat || re.Sub[0].Op != syntax.OpBeginText)
			if err != nil {
				return true
			}
			a.parts = append(a.parts, part)
		}
	}
	t := &Text{Data: []byte(text), Whole: true}
	for _, part := range a.parts {
		if _, may := part.run(t, 0); may {
			return true
		}
	}
	return false
}
