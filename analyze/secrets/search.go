// Package secrets finds what should not be in an image: keys, tokens and passwords in the content of every version of
// every file, in the history and in the config.
package secrets

import (
	"encoding/json"
	"path"
	"strings"
	"sync/atomic"

	"layup/analyze"
	"layup/analyze/secrets/pattern"
	"layup/analyze/secrets/ruleset"
	"layup/analyze/sieve"
)

// Options say what to search.
type Options struct {
	Rules  *ruleset.Set // nil for the rules of this program
	Binary bool         // also the strings in programs and in compressed files
	// Archives lets the files in archives and in compressed files be searched, one level deep.
	Archives bool
}

// A Search looks for secrets in images. Several goroutines may use it at once.
type Search struct {
	opt    Options
	rules  []ruleset.Rule
	texts  *pattern.Set // of the rules with an expression
	of     []int        // by pattern of texts: its rule
	paths  *pattern.Set // of the paths of rules
	ofPath []int
	idle   chan *searcher
	pool   atomic.Int64 // work that files may spend beyond what they have by themselves
}

// What may be spent on places that look like secrets: in a file, for each of its bytes, and in all files together
// beyond that. Ordinary text needs a tenth for each byte.
const (
	fileWork = 1 << 20
	byteWork = 2
	poolWork = 128 << 20
	takeWork = 2 << 10 // for judging a match
)

// New prepares a search.
func New(opt Options) (*Search, error) {
	if opt.Rules == nil {
		var err error
		if opt.Rules, err = ruleset.Default(); err != nil {
			return nil, err
		}
	}
	s := &Search{opt: opt, rules: opt.Rules.Rules, idle: make(chan *searcher, mostIdle)}
	s.pool.Store(poolWork)
	var texts, paths []*pattern.Pattern
	var words [][]string
	for i, r := range s.rules {
		if r.Expr != "" {
			p, err := pattern.New(r.Expr)
			if err != nil {
				return nil, err
			}
			texts, words, s.of = append(texts, p), append(words, r.Keywords), append(s.of, i)
		}
		if r.Path != nil {
			p, err := pattern.New(r.Path().String())
			if err != nil {
				return nil, err
			}
			paths, s.ofPath = append(paths, p), append(s.ofPath, i)
		}
	}
	s.texts, s.paths = pattern.NewSet(texts, words), pattern.NewSet(paths, make([][]string, len(paths)))
	return s, nil
}

// mostIdle is how many searchers are kept for the next file.
const mostIdle = 16

// Needs are what Read needs of an image.
func (s *Search) Needs() analyze.Needs { return analyze.Needs{Sieve: s.choose, Sparse: true} }

// choose begins the search of a file while its layer is read.
func (s *Search) choose(name []byte, size int64) sieve.Filter {
	if size == 0 {
		return nil
	}
	f := s.begin(place(string(name)))
	f.size = size
	return f.piece
}

// place is the path by which rules know a file: from the root, without a slash before it.
func place(name string) string { return strings.TrimPrefix(path.Clean("/"+name), "/") }

// A raw is a finding in one file, or in one text of the config, before it is known what became of the file.
type raw struct {
	Rule   int    `json:"r"`
	Line   int    `json:"l,omitempty"` // from 1; 0 if the path tells
	Offset int64  `json:"o,omitempty"`
	Secret []byte `json:"s,omitempty"`
	Left   bool   `json:"p,omitempty"` // an allowlist names its path
}

// A note is what is set aside of a file: what was found, or why nothing was looked for.
type note struct {
	Found   []raw  `json:"f,omitempty"`
	More    int    `json:"m,omitempty"` // findings beyond mostFound
	Skipped string `json:"k,omitempty"` // program or compressed: not searched
	Cut     bool   `json:"c,omitempty"` // the file was not searched to its end
}

// mostFound is how many findings in one file are kept.
const mostFound = 1000

// mostKept is how many bytes of their values are kept.
const mostKept = 1 << 20

func (n *note) empty() bool { return len(n.Found) == 0 && n.Skipped == "" && !n.Cut }

// The first byte of what is set aside of a file says what follows, so that no file looks like a note.
const (
	aNote byte = iota
	aFile
)

func (n *note) encode() []byte {
	if n.empty() {
		return nil
	}
	b, err := json.Marshal(n)
	if err != nil {
		panic(err) // it holds only numbers and strings
	}
	return append([]byte{aNote}, b...)
}
