// Package ruleset holds the rules that tell secrets, as data. It reads them as gitleaks writes them.
package ruleset

import (
	"bytes"
	_ "embed"
	"encoding/json"
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

	"layup/analyze/secrets/pattern"
)

// ours are the rules of gitleaks 8.30.1 (MIT, see its notice in the file LICENSE), as they are in gitleaks.toml, and
// those of this program in own.toml. A test writes them as JSON and compares: JSON takes a tenth of the time to read.
//
//go:embed rules.json
var ours []byte

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
	paths  *pattern.Any
	match  *pattern.Any
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
	var doc document
	if err := json.Unmarshal(ours, &doc); err != nil {
		return nil, err
	}
	return doc.set(nil)
})

// Prepare returns files of rules as one, in JSON with a rule on each line.
func Prepare(files ...string) ([]byte, error) {
	var all document
	for _, text := range files {
		doc, err := parse(text)
		if err != nil {
			return nil, err
		}
		all.Rules = append(all.Rules, doc.Rules...)
		all.Allowlists = append(all.Allowlists, doc.Allowlists...)
		if doc.AllowList != nil {
			all.Allowlists = append(all.Allowlists, *doc.AllowList)
		}
	}
	text, err := json.Marshal(all)
	return bytes.ReplaceAll(text, []byte(`,{"ID":`), []byte(",\n{\"ID\":")), err
}

// A document is a file of rules.
type document struct {
	Extend struct {
		UseDefault    bool     `toml:"useDefault"`
		Path          string   `toml:"path"`
		URL           string   `toml:"url"`
		DisabledRules []string `toml:"disabledRules"`
	} `toml:"extend" json:",omitzero"`
	Rules      []rule      `toml:"rules" json:",omitzero"`
	AllowList  *allowlist  `toml:"allowlist" json:",omitzero"`
	Allowlists []allowlist `toml:"allowlists" json:",omitzero"`
}

type rule struct {
	ID          string           `toml:"id" json:",omitempty"`
	Description string           `toml:"description" json:",omitempty"`
	Regex       string           `toml:"regex" json:",omitempty"`
	Path        string           `toml:"path" json:",omitempty"`
	SecretGroup int              `toml:"secretGroup" json:",omitempty"`
	Entropy     float64          `toml:"entropy" json:",omitempty"`
	Keywords    []string         `toml:"keywords" json:",omitempty"`
	AllowList   *allowlist       `toml:"allowlist" json:",omitempty"`
	Allowlists  []allowlist      `toml:"allowlists" json:",omitempty"`
	Required    []map[string]any `toml:"required" json:",omitempty"`
	SkipReport  bool             `toml:"skipReport" json:",omitempty"`
}

type allowlist struct {
	Condition   string   `toml:"condition" json:",omitempty"`
	Paths       []string `toml:"paths" json:",omitempty"`
	Commits     []string `toml:"commits" json:",omitempty"`
	RegexTarget string   `toml:"regexTarget" json:",omitempty"`
	Regexes     []string `toml:"regexes" json:",omitempty"`
	StopWords   []string `toml:"stopwords" json:",omitempty"`
	TargetRules []string `toml:"targetRules" json:",omitempty"`
}

// Parse reads the text of a file of rules.
func Parse(text string) (*Set, error) {
	doc, err := parse(text)
	if err != nil {
		return nil, err
	}
	return doc.set(Default)
}

// parse reads a file of rules and the syntax of its expressions.
func parse(text string) (*document, error) {
	doc := new(document)
	if _, err := toml.Decode(text, doc); err != nil {
		if at, ok := errors.AsType[toml.ParseError](err); ok {
			return nil, fmt.Errorf("line %d: %s", at.Position.Line, strings.TrimPrefix(at.Message, "toml: "))
		}
		return nil, errors.New(strings.TrimPrefix(err.Error(), "toml: "))
	}
	for i := range doc.Rules {
		if err := doc.Rules[i].check(); err != nil {
			return nil, fmt.Errorf("rule %q: %w", doc.Rules[i].ID, err)
		}
	}
	for _, list := range doc.lists() {
		if err := list.check(); err != nil {
			return nil, fmt.Errorf("allowlist: %w", err)
		}
	}
	return doc, nil
}

// lists are the allowlists of all rules.
func (d *document) lists() []allowlist {
	if d.AllowList == nil {
		return d.Allowlists
	}
	return append(slices.Clone(d.Allowlists), *d.AllowList)
}

// set returns the rules, which may extend others.
func (d *document) set(base func() (*Set, error)) (*Set, error) {
	set := new(Set)
	names := map[string]bool{}
	for i := range d.Rules {
		one, err := d.Rules[i].rule()
		if err == nil && names[one.ID] {
			err = errors.New("is there twice")
		}
		if err != nil {
			return nil, fmt.Errorf("rule %q: %w", d.Rules[i].ID, err)
		}
		names[one.ID] = true
		set.Rules = append(set.Rules, one)
	}
	if err := set.extend(d, base); err != nil {
		return nil, err
	}
	for _, list := range d.lists() {
		if err := set.allow(&list); err != nil {
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

// check reads the syntax of a rule's expressions.
func (r *rule) check() error {
	re, err := syntax.Parse(r.Regex, syntax.Perl)
	if err != nil {
		return err
	}
	if r.SecretGroup < 0 || r.SecretGroup > re.MaxCap() {
		return fmt.Errorf("secretGroup %d: regex has %d groups", r.SecretGroup, re.MaxCap())
	}
	if _, err := syntax.Parse(r.Path, syntax.Perl); err != nil {
		return err
	}
	for _, list := range r.lists() {
		if err := list.check(); err != nil {
			return fmt.Errorf("allowlist: %w", err)
		}
	}
	return nil
}

func (r *rule) lists() []allowlist {
	if r.AllowList == nil {
		return r.Allowlists
	}
	return append(slices.Clone(r.Allowlists), *r.AllowList)
}

func (r *rule) rule() (Rule, error) {
	one := Rule{ID: r.ID, About: r.Description, Expr: r.Regex, Group: r.SecretGroup, Entropy: r.Entropy,
		Path: expression(r.Path)}
	switch {
	case r.ID == "":
		return one, errors.New("has no id")
	case len(r.Required) > 0 || r.SkipReport:
		return one, errors.New("required and skipReport are not known: a rule stands alone")
	}
	for _, word := range r.Keywords {
		one.Keywords = append(one.Keywords, strings.ToLower(word))
	}
	for _, a := range r.lists() {
		list, err := a.allowlist()
		if err != nil {
			return one, fmt.Errorf("allowlist: %w", err)
		}
		one.Allow = append(one.Allow, list)
	}
	return one, nil
}

// expression returns an expression; nil for an empty one.
func expression(text string) Expression {
	if text == "" {
		return nil
	}
	return sync.OnceValue(func() *regexp.Regexp { return regexp.MustCompile(text) })
}

// check reads the syntax of an allowlist's expressions.
func (a *allowlist) check() error {
	for _, expr := range slices.Concat(a.Paths, a.Regexes) {
		if _, err := syntax.Parse(expr, syntax.Perl); err != nil {
			return err
		}
	}
	return nil
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
	list.paths, list.match = pattern.NewAny(a.Paths), pattern.NewAny(a.Regexes)
	return list, nil
}

// A Candidate is what a rule found.
type Candidate struct {
	Secret, Match, Line, Path string
	Known                     map[*Allowlist]bool // whether they name Path, if that is known; nil to know nothing
}

// names reports whether an allowlist names the path of a candidate.
func (a *Allowlist) names(c *Candidate) bool {
	if a.paths == nil || c.Path == "" {
		return false
	}
	names, known := c.Known[a]
	if !known {
		if names = a.paths.Matches(c.Path); c.Known != nil {
			c.Known[a] = names
		}
	}
	return names
}

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
		path := a.names(c)
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
	return a.match != nil && target != "" && a.match.Matches(target)
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
