package call

import (
	"errors"
	"fmt"
	"slices"
	"strings"

	"layup/analyze/show"
	"layup/analyze/source/advice"
)

// The exit statuses, as every help prints them.
const (
	Answered = 0
	Refuted  = 1 // the answer is no
	Failed   = 2
	Partly   = 3 // with --keep-going
)

// Worst returns the worse of two exit statuses: 2, 3, 1, 0.
func Worst(a, b int) int {
	rank := [...]int{Answered: 0, Refuted: 1, Partly: 2, Failed: 3}
	if rank[b] > rank[a] {
		return b
	}
	return a
}

// An advised error has hints, each one line.
type advised struct {
	err   error
	hints []string
}

func (a *advised) Error() string { return a.err.Error() }
func (a *advised) Unwrap() error { return a.err }

// Usage says that the command line is wrong; hint may be empty.
func Usage(hint, format string, args ...any) error {
	err := fmt.Errorf(format, args...)
	if hint == "" {
		return err
	}
	return &advised{err, []string{hint}}
}

// mostHints is how many choices are shown: an index may hold thousands.
const mostHints = 20

// hints collects what the errors in the chain advise; typed is the command line.
func hints(err error, typed []string) []string {
	if a, ok := errors.AsType[*advised](err); ok {
		return a.hints
	}
	if c, ok := errors.AsType[*advice.ChoiceError](err); ok {
		lines := make([]string, 0, len(c.Choices))
		for _, choice := range c.Choices {
			line := choice.Flag
			if what := strings.Trim(choice.What, `"`); !strings.HasSuffix(line, " "+what) {
				line += "  (" + choice.What + ")"
			}
			if len(lines) == mostHints {
				return append(lines, fmt.Sprintf("and %d more; layup images lists them", len(c.Choices)-mostHints))
			}
			lines = append(lines, line)
		}
		return lines
	}
	if m, ok := errors.AsType[*advice.Misnamed](err); ok {
		var lines []string
		for _, meant := range m.Meant {
			lines = append(lines, again(typed, m.Name, meant.Flag)+"  ("+meant.What+")")
		}
		return lines
	}
	if h, ok := errors.AsType[*advice.Hinted](err); ok {
		return []string{h.Hint}
	}
	return nil
}

// again is the command line with another name in the place of one. If the line does not hold the name as a word, it is
// the name alone.
func again(typed []string, name, instead string) string {
	at := slices.Index(typed, name)
	if at < 0 {
		return instead
	}
	words := []string{"layup"}
	for _, word := range Masked(typed) {
		words = append(words, show.Shell(word))
	}
	words[1+at] = instead
	return strings.Join(words, " ")
}
