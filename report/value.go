package report

import (
	"errors"
	"fmt"
	"strconv"
	"strings"

	"github.com/spf13/pflag"
)

// A choice is a flag that takes one of a few words.
type choice struct {
	word  string
	words []string
}

func (c *choice) String() string { return c.word }
func (c *choice) Type() string   { return strings.Join(c.words, "|") }

func (c *choice) Set(s string) error {
	for _, w := range c.words {
		if s == w {
			c.word = s
			return nil
		}
	}
	if near := nearest(s, c.words); near != "" {
		return fmt.Errorf("not one of %s; did you mean %s?", strings.Join(c.words, ", "), near)
	}
	return fmt.Errorf("not one of %s", strings.Join(c.words, ", "))
}

// choose adds a flag that takes one of words, the first by default.
func choose(f *pflag.FlagSet, name string, words []string, usage string) *choice {
	c := &choice{words[0], words}
	f.Var(c, name, usage)
	return c
}

// A number is a flag that takes a number from 0 on, or is not given.
type number struct {
	given bool
	n     int
}

func (n *number) Type() string { return "N" }

func (n *number) String() string {
	if !n.given {
		return ""
	}
	return strconv.Itoa(n.n)
}

func (n *number) Set(s string) error {
	v, err := strconv.ParseUint(s, 10, 31)
	if err != nil {
		return errors.New("not a number from 0 on")
	}
	n.given, n.n = true, int(v)
	return nil
}

// or returns the number given, else another.
func (n *number) or(other int) int {
	if n.given {
		return n.n
	}
	return other
}

// count adds a flag that takes a number from 0 on.
func count(f *pflag.FlagSet, name, usage string) *number {
	n := &number{}
	f.Var(n, name, usage)
	return n
}

// words is a flag that takes some of a few words, separated by commas or one by one.
type words struct {
	given []string
	words []string
}

func (w *words) String() string { return strings.Join(w.given, ",") }
func (w *words) Type() string   { return "WORD,..." }

func (w *words) Set(s string) error {
	for word := range strings.SplitSeq(s, ",") {
		one := choice{words: w.words}
		if err := one.Set(word); err != nil {
			return err
		}
		w.given = append(w.given, word)
	}
	return nil
}

// chooseSome adds a flag that takes some of words.
func chooseSome(f *pflag.FlagSet, name string, among []string, usage string) *words {
	w := &words{words: among}
	f.Var(w, name, usage)
	return w
}
