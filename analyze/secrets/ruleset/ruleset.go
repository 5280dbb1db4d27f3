// Package ruleset holds the rules that tell secrets, as data. It reads them as gitleaks writes them.
package ruleset

import (
	_ "embed"
	"errors"
	"fmt"
	"math"
	"regexp"
	"regexp/syntax"
	"slices"
	"strings"
	"sync"
	"unicode/utf8"

	"github.com/BurntSushi/toml"
)

// The rules of gitleaks 8.30.1 (MIT, see its notice in the file LICENSE), as they are, and those of this program.
var (
	//go:embed gitleaks.toml
	gitleaks string
	//go:embed own.toml
	own string
)

// KeyFile is the rule for files that begin as a private key does. Another rule tells more if it finds the key itself.
const KeyFile = "private-key-file"

// A Rule tells one kind of secret.
type Rule struct {
	ID, About string
	Expr      string       // of the content; empty if the path tells
	Path      Expression   // of the paths that count; nil for any
	Group     int          // the group of Expr that is the secret; 0 for the first that is not empty
	Entropy   float64      // bits a character; the secret must have more. 0 for any
	Keywords  []string     // in small letters, of which the text must hold one; empty for any
	Allow     []*Allowlist // what does not count
}

// An Allowlist tells what looks like a secret and is none.
type Allowlist struct {
	all    bool // all that it names must be there; else one suffices
	paths  Expression
	match  Expression
	target string // what match is compared with: secret, match, line
	words  words
}

// An Expression is compiled when it is first needed.
type Expression func() *regexp.Regexp

// A Set is rules that are searched for together.
type Set struct {
	Rules []Rule
	Allow []*Allowlist // of all rules
}

// Default returns the rules of this program.
var Default = sync.OnceValues(func() (*Set, error) {
	set, err := parse(gitleaks, nil)
	if err != nil {
		return nil, err
	}
	more, err := parse(own, nil)
	if err != nil {
		return nil, err
	}
	set.Rules = append(set.Rules, more.Rules...)
	return set, nil
})

// A document is a file of rules.
type document struct {
	Extend struct {
		UseDefault    bool     `toml:"useDefault"`
		Path          string   `toml:"path"`
		URL           string   `toml:"url"`
		DisabledRules []string `toml:"disabledRules"`
	} `toml:"extend"`
	Rules      []rule      `toml:"rules"`
	AllowList  *allowlist  `toml:"allowlist"`
	Allowlists []allowlist `toml:"allowlists"`
}

type rule struct {
	ID          string           `toml:"id"`
	Description string           `toml:"description"`
	Regex       string           `toml:"regex"`
	Path        string           `toml:"path"`
	SecretGroup int              `toml:"secretGroup"`
	Entropy     float64          `toml:"entropy"`
	Keywords    []string         `toml:"keywords"`
	AllowList   *allowlist       `toml:"allowlist"`
	Allowlists  []allowlist      `toml:"allowlists"`
	Required    []map[string]any `toml:"required"`
	SkipReport  bool             `toml:"skipReport"`
}

type allowlist struct {
	Condition   string   `toml:"condition"`
	Paths       []string `toml:"paths"`
	Commits     []string `toml:"commits"`
	RegexTarget string   `toml:"regexTarget"`
	Regexes     []string `toml:"regexes"`
	StopWords   []string `toml:"stopwords"`
	TargetRules []string `toml:"targetRules"`
}

// Parse reads the text of a file of rules.
func Parse(text string) (*Set, error) { return parse(text, Default) }

// parse reads a file of rules, which may extend a set.
func parse(text string, base func() (*Set, error)) (*Set, error) {
	var doc document
	if _, err := toml.Decode(text, &doc); err != nil {
		if at, ok := errors.AsType[toml.ParseError](err); ok {
			return nil, fmt.Errorf("line %d: %s", at.Position.Line, strings.TrimPrefix(at.Message, "toml: "))
		}
		return nil, errors.New(strings.TrimPrefix(err.Error(), "toml: "))
	}
	set := new(Set)
	for i := range doc.Rules {
		one, err := doc.Rules[i].rule()
		if err != nil {
			return nil, fmt.Errorf("rule %q: %w", doc.Rules[i].ID, err)
		}
		if slices.ContainsFunc(set.Rules, func(r Rule) bool { return r.ID == one.ID }) {
			return nil, fmt.Errorf("rule %q: is there twice", one.ID)
		}
		set.Rules = append(set.Rules, one)
	}
	if err := set.extend(&doc, base); err != nil {
		return nil, err
	}
	if doc.AllowList != nil {
		doc.Allowlists = append(doc.Allowlists, *doc.AllowList)
	}
	for i := range doc.Allowlists {
		if err := set.allow(&doc.Allowlists[i]); err != nil {
			return nil, fmt.Errorf("allowlist: %w", err)
		}
	}
	return set, nil
}

// extend adds the rules of this program if the file asks for them.
func (s *Set) extend(doc *document, known func() (*Set, error)) error {
	switch e := doc.Extend; {
	case e.Path != "" || e.URL != "":
		return errors.New("extend: only useDefault is known: write all other rules into one file")
	case !e.UseDefault:
		return nil
	}
	base, err := known()
	if err != nil {
		return err
	}
	for _, id := range doc.Extend.DisabledRules {
		if !slices.ContainsFunc(base.Rules, func(r Rule) bool { return r.ID == id }) {
			return fmt.Errorf("extend: disabledRules: no rule %q", id)
		}
	}
	for _, r := range base.Rules {
		if slices.Contains(doc.Extend.DisabledRules, r.ID) {
			continue
		}
		if i := slices.IndexFunc(s.Rules, func(own Rule) bool { return own.ID == r.ID }); i >= 0 {
			s.Rules[i] = s.Rules[i].over(r)
		} else {
			s.Rules = append(s.Rules, r)
		}
	}
	s.Allow = append(s.Allow, base.Allow...)
	return nil
}

// over returns the rule with what another of its name says besides.
func (r Rule) over(base Rule) Rule {
	if r.Expr == "" {
		r.Expr = base.Expr
	}
	if r.About == "" {
		r.About = base.About
	}
	if r.Path == nil {
		r.Path = base.Path
	}
	if r.Entropy == 0 {
		r.Entropy = base.Entropy
	}
	if r.Group == 0 {
		r.Group = base.Group
	}
	r.Keywords = append(slices.Clone(base.Keywords), r.Keywords...)
	r.Allow = append(slices.Clone(base.Allow), r.Allow...)
	return r
}

// allow adds an allowlist of all rules, or of those that it names.
func (s *Set) allow(a *allowlist) error {
	list, err := a.allowlist()
	if err != nil {
		return err
	}
	if len(a.TargetRules) == 0 {
		s.Allow = append(s.Allow, list)
	}
	for _, id := range a.TargetRules {
		i := slices.IndexFunc(s.Rules, func(r Rule) bool { return r.ID == id })
		if i < 0 {
			return fmt.Errorf("no rule %q", id)
		}
		s.Rules[i].Allow = append(slices.Clone(s.Rules[i].Allow), list)
	}
	return nil
}

func (r *rule) rule() (Rule, error) {
	one := Rule{ID: r.ID, About: r.Description, Expr: r.Regex, Group: r.SecretGroup, Entropy: r.Entropy}
	switch {
	case r.ID == "":
		return one, errors.New("has no id")
	case len(r.Required) > 0 || r.SkipReport:
		return one, errors.New("required and skipReport are not known: a rule stands alone")
	case r.AllowList != nil:
		r.Allowlists = append(r.Allowlists, *r.AllowList)
	}
	for _, word := range r.Keywords {
		one.Keywords = append(one.Keywords, strings.ToLower(word))
	}
	re, err := syntax.Parse(r.Regex, syntax.Perl)
	if err != nil {
		return one, err
	}
	if one.Group < 0 || one.Group > re.MaxCap() {
		return one, fmt.Errorf("secretGroup %d: regex has %d groups", one.Group, re.MaxCap())
	}
	if one.Path, err = anyOf(nonEmpty(r.Path)); err != nil {
		return one, err
	}
	for i := range r.Allowlists {
		list, err := r.Allowlists[i].allowlist()
		if err != nil {
			return one, fmt.Errorf("allowlist: %w", err)
		}
		one.Allow = append(one.Allow, list)
	}
	return one, nil
}

func nonEmpty(text string) []string {
	if text == "" {
		return nil
	}
	return []string{text}
}

// anyOf returns an expression for one of several; nil for none.
func anyOf(exprs []string) (Expression, error) {
	if len(exprs) == 0 {
		return nil, nil
	}
	for _, e := range exprs {
		if _, err := syntax.Parse(e, syntax.Perl); err != nil {
			return nil, err
		}
	}
	all := "(?:" + strings.Join(exprs, ")|(?:") + ")"
	return sync.OnceValue(func() *regexp.Regexp { return regexp.MustCompile(all) }), nil
}

func (a *allowlist) allowlist() (list *Allowlist, err error) {
	list = &Allowlist{target: a.RegexTarget, words: newWords(a.StopWords)}
	switch strings.ToUpper(a.Condition) {
	case "AND", "&&":
		list.all = true
	case "", "OR", "||":
	default:
		return nil, fmt.Errorf("condition %q: want AND or OR", a.Condition)
	}
	switch a.RegexTarget {
	case "", "secret", "match", "line":
	default:
		return nil, fmt.Errorf("regexTarget %q: want secret, match or line", a.RegexTarget)
	}
	if len(a.Paths)+len(a.Regexes)+len(a.StopWords)+len(a.Commits) == 0 {
		return nil, errors.New("names nothing: want paths, regexes or stopwords")
	}
	if list.paths, err = anyOf(a.Paths); err != nil {
		return nil, err
	}
	list.match, err = anyOf(a.Regexes)
	return list, err
}

// A Candidate is what a rule found.
type Candidate struct{ Secret, Match, Line, Path string }

// Left is why a candidate does not count.
type Left int

// Why a candidate does not count.
const (
	Counts Left = iota
	ByPath      // its path is allowed
	ByText      // its text is allowed
)

// Allowed says whether allowlists leave a candidate out, as gitleaks does.
func Allowed(lists []*Allowlist, c *Candidate) Left {
	by := Counts
	for _, a := range lists {
		if !a.all && (a.words.in(c.Secret) || a.text(c)) {
			return ByText
		}
		path := a.paths != nil && c.Path != "" && a.paths().MatchString(c.Path)
		if !a.all {
			if path {
				by = ByPath
			}
			continue
		}
		if a.paths != nil && !path || a.match != nil && !a.text(c) || a.words != nil && !a.words.in(c.Secret) {
			continue
		}
		if a.match != nil || a.words != nil {
			return ByText
		}
		if path {
			by = ByPath
		}
	}
	return by
}

// text reports whether the text of a candidate is allowed.
func (a *Allowlist) text(c *Candidate) bool {
	target := c.Secret
	switch a.target {
	case "match":
		target = c.Match
	case "line":
		target = c.Line
	}
	return a.match != nil && target != "" && a.match().MatchString(target)
}

// Entropy returns the bits a character, as gitleaks counts them: the length is that in bytes.
func Entropy(text string) (bits float64) {
	if text == "" {
		return 0
	}
	var count [utf8.RuneSelf]int
	others := map[rune]int{}
	for _, r := range text {
		if r < utf8.RuneSelf {
			count[r]++
		} else {
			others[r]++
		}
	}
	add := func(n int) {
		if p := float64(n) / float64(len(text)); n > 0 {
			bits -= p * math.Log2(p)
		}
	}
	for _, n := range count {
		add(n)
	}
	for _, n := range others {
		add(n)
	}
	return bits
}

// words are looked for in a text in any spelling, by their first two bytes.
type words map[[2]byte][]string

func newWords(list []string) words {
	if len(list) == 0 {
		return nil
	}
	w := words{}
	for _, word := range list {
		if word = strings.ToLower(word); len(word) < 2 {
			word += "\x00\x00" // nothing holds it
		}
		key := [2]byte{word[0], word[1]}
		w[key] = append(w[key], word)
	}
	return w
}

func (w words) in(text string) bool {
	if w == nil {
		return false
	}
	text = strings.ToLower(text)
	for i := 0; i+1 < len(text); i++ {
		for _, word := range w[[2]byte{text[i], text[i+1]}] {
			if strings.HasPrefix(text[i:], word) {
				return true
			}
		}
	}
	return false
}
