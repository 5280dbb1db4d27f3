package pattern_test

import (
	"bytes"
	"fmt"
	"math/rand/v2"
	"os"
	"regexp"
	"regexp/syntax"
	"slices"
	"strings"
	"testing"

	"layup/analyze/secrets/pattern"
	"layup/analyze/secrets/ruleset"
	"layup/fixtures/sample"
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
				b.WriteString(sample.Example(random, re))
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

// A keyword is seen at every place of a text, in every spelling, whichever places two searches divide it at, as a naive
// search sees it.
func TestKeywordsAreSeenAtEveryPlace(t *testing.T) {
	set, err := ruleset.Default()
	if err != nil {
		t.Fatal(err)
	}
	hex, err := pattern.New("[0-9a-f]{40}") // no gram tells it
	if err != nil {
		t.Fatal(err)
	}
	var patterns []*pattern.Pattern
	var words [][]string
	for _, r := range set.Rules {
		for _, word := range r.Keywords {
			if len(word) >= 4 {
				patterns, words = append(patterns, hex), append(words, []string{word})
			}
		}
	}
	m := pattern.NewSet(patterns, words).NewMatcher()
	m.Limit = pattern.NoLimit
	random := rand.New(rand.NewPCG(5, 6))
	for i := range words {
		for place := range 9 {
			word := words[i][0]
			if random.IntN(2) == 0 {
				word = strings.ToUpper(word)
			}
			if random.IntN(4) == 0 {
				word = word[:len(word)-1] // not the keyword
			}
			text := []byte(strings.Repeat(" ", place) + word + strings.Repeat("\n", random.IntN(9)))
			var want []bool
			for j := range words {
				want = append(want, strings.Contains(strings.ToLower(string(text)), words[j][0]))
			}
			for border := range len(text) + 1 {
				m.Reset()
				for _, part := range [][2]int{{0, border}, {border, len(text)}} {
					m.Search(&pattern.Text{Data: text, Whole: true}, part[0], part[1], func(int) bool { return false }, nil)
				}
				for j := range words {
					if m.Saw(j) != want[j] {
						t.Fatalf("%q in %q, divided at %d: got %v want %v", words[j][0], text, border, m.Saw(j), want[j])
					}
				}
			}
		}
	}
}

// A match is found as package regexp finds it, whichever place two searches divide the text at.
func TestMatchesAreFoundAtEveryBorder(t *testing.T) {
	set, err := ruleset.Default()
	if err != nil {
		t.Fatal(err)
	}
	random := rand.New(rand.NewPCG(7, 8))
	for _, r := range set.Rules {
		if r.Expr == "" {
			continue
		}
		p, err := pattern.New(r.Expr)
		if err != nil {
			t.Fatal(err)
		}
		re, err := syntax.Parse(r.Expr, syntax.Perl)
		if err != nil {
			t.Fatal(err)
		}
		m := pattern.NewSet([]*pattern.Pattern{p}, [][]string{nil}).NewMatcher()
		m.Limit = pattern.NoLimit
		text := []byte(strings.Repeat("\n", random.IntN(9)) + sample.Example(random, re) + "\n\n")
		want := fmt.Sprint(regexp.MustCompile(r.Expr).FindAllIndex(text, -1))
		step := 1 + len(text)/100
		for border := random.IntN(step); border <= len(text); border += step {
			m.Reset()
			got := [][]int{}
			for _, part := range [][2]int{{0, border}, {border, len(text)}} {
				m.Search(&pattern.Text{Data: text, Whole: true}, part[0], part[1], func(int) bool { return true },
					func(m pattern.Match) { got = append(got, []int{m.Start, m.End}) })
			}
			if fmt.Sprint(got) != want {
				t.Errorf("%s: divided at %d: got %v want %v in %q", r.ID, border, got, want, text)
				break
			}
		}
	}
}

// The table holds what is found out about the expressions of all rules: run with UPDATE=1 after they change.
func TestTheTableKnowsEveryExpression(t *testing.T) {
	set, err := ruleset.Default()
	if err != nil {
		t.Fatal(err)
	}
	var exprs []string
	for _, r := range set.Rules {
		if r.Expr != "" {
			exprs = append(exprs, r.Expr)
		}
		if r.Path != nil {
			exprs = append(exprs, r.Path().String())
		}
	}
	want, err := pattern.Table(exprs)
	if err != nil {
		t.Fatal(err)
	}
	if os.Getenv("UPDATE") != "" {
		if err := os.WriteFile("known.bin", want, 0o644); err != nil {
			t.Fatal(err)
		}
	}
	got, err := os.ReadFile("known.bin")
	if err != nil || !bytes.Equal(got, want) {
		t.Errorf("%d bytes, want %d: run with UPDATE=1: %v", len(got), len(want), err)
	}
}
