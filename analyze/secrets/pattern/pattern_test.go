package pattern_test

import (
	"fmt"
	"math/rand/v2"
	"regexp"
	"regexp/syntax"
	"slices"
	"strings"
	"testing"

	"layup/analyze/secrets/pattern"
	"layup/analyze/secrets/ruleset"
)

// Expressions of all rules find in a text what package regexp finds, whatever stands before and after.
func TestSearchFindsWhatTheExpressionsFind(t *testing.T) {
	set, err := ruleset.Default()
	if err != nil {
		t.Fatal(err)
	}
	var patterns []*pattern.Pattern
	var words [][]string
	var rules []ruleset.Rule
	for _, r := range set.Rules {
		if r.Expr == "" {
			continue
		}
		p, err := pattern.New(r.Expr)
		if err != nil {
			t.Fatal(err)
		}
		patterns, words, rules = append(patterns, p), append(words, nil), append(rules, r)
	}
	m := pattern.NewSet(patterns, words).NewMatcher()
	m.Limit = pattern.NoLimit
	random := rand.New(rand.NewPCG(1, 2))
	borders := []string{"", "\n", " ", "\"", "x", "key = ", "a_token: ", "é", "'", "/", "curl -H ", "\\n", ";"}
	found := 0
	for i, r := range rules {
		re, err := syntax.Parse(r.Expr, syntax.Perl)
		if err != nil {
			t.Fatal(err)
		}
		whole := regexp.MustCompile(r.Expr)
		for range 12 {
			var b strings.Builder
			for range 1 + random.IntN(3) {
				b.WriteString(borders[random.IntN(len(borders))])
				b.WriteString(example(random, re))
				b.WriteString(borders[random.IntN(len(borders))])
			}
			text := b.String()
			var got []string
			m.Reset()
			m.Search(&pattern.Text{Data: []byte(text), Whole: true}, 0, len(text), func(n int) bool { return n == i },
				func(m pattern.Match) { got = append(got, fmt.Sprint(m.Start, " ", m.End)) })
			var want []string
			for _, loc := range whole.FindAllStringIndex(text, -1) {
				want = append(want, fmt.Sprint(loc[0], " ", loc[1]))
			}
			found += len(want)
			if !slices.Equal(got, want) {
				t.Errorf("%s: got %q want %q in %q", r.ID, got, want, text)
			}
		}
	}
	if found < 10*len(rules) {
		t.Errorf("only %d matches of %d expressions", found, len(rules))
	}
}

// example makes a text that an expression matches, if boundaries allow it.
func example(random *rand.Rand, re *syntax.Regexp) string {
	switch re.Op {
	case syntax.OpLiteral:
		return string(re.Rune)
	case syntax.OpCharClass:
		var all []rune
		for i := 0; i < len(re.Rune); i += 2 {
			for r := max(' ', re.Rune[i]); r <= min('~', re.Rune[i+1]); r++ {
				all = append(all, r)
			}
		}
		if len(all) == 0 {
			return string(re.Rune[0])
		}
		return string(all[random.IntN(len(all))])
	case syntax.OpAnyChar, syntax.OpAnyCharNotNL:
		return "."
	case syntax.OpCapture:
		return example(random, re.Sub[0])
	case syntax.OpConcat:
		var b strings.Builder
		for _, sub := range re.Sub {
			b.WriteString(example(random, sub))
		}
		return b.String()
	case syntax.OpAlternate:
		return example(random, re.Sub[random.IntN(len(re.Sub))])
	case syntax.OpQuest, syntax.OpStar, syntax.OpPlus, syntax.OpRepeat:
		least, most := re.Min, re.Max
		switch re.Op {
		case syntax.OpQuest:
			most = 1
		case syntax.OpStar:
			most = -1
		case syntax.OpPlus:
			least, most = 1, -1
		}
		if most < 0 {
			most = least + 3
		}
		var b strings.Builder
		for range least + random.IntN(most-least+1) {
			b.WriteString(example(random, re.Sub[0]))
		}
		return b.String()
	}
	return ""
}
