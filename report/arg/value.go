// Package arg holds the values that flags take: words of a list, numbers, sizes, modes and times.
package arg

import (
	"errors"
	"slices"
	"strconv"
	"strings"

	"github.com/spf13/pflag"

	"layup/analyze/near"
)

// A Choice is a flag that takes one of a few words.
type Choice struct {
	Word  string
	Words []string
}

func (c *Choice) String() string { return c.Word }
func (c *Choice) Type() string   { return strings.Join(c.Words, "|") }

func (c *Choice) Set(s string) error {
	if slices.Contains(c.Words, s) {
		c.Word = s
		return nil
	}
	list := "not one of " + strings.Join(c.Words, ", ")
	if hint := near.Hint(s, c.Words); hint != "" {
		list += "; " + hint
	}
	return errors.New(list)
}

// Choose adds a flag that takes one of words, the first by default.
func Choose(f *pflag.FlagSet, name string, words []string, usage string) *Choice {
	c := &Choice{words[0], words}
	f.Var(c, name, usage)
	return c
}

// A Number is a flag that takes a number from 0 on, or is not given.
type Number struct {
	Given bool
	N     int
}

func (n *Number) Type() string { return "N" }

func (n *Number) String() string {
	if !n.Given {
		return ""
	}
	return strconv.Itoa(n.N)
}

func (n *Number) Set(s string) error {
	v, err := strconv.ParseUint(s, 10, 31)
	if err != nil {
		return errors.New("not a number from 0 on")
	}
	n.Given, n.N = true, int(v)
	return nil
}

// Or returns the number given, else another.
func (n *Number) Or(other int) int {
	if n.Given {
		return n.N
	}
	return other
}

// Count adds a flag that takes a number from 0 on.
func Count(f *pflag.FlagSet, name, usage string) *Number {
	n := &Number{}
	f.Var(n, name, usage)
	return n
}

// Words is a flag that takes some of a few words, separated by commas or one by one.
type Words struct {
	Given []string
	Words []string
}

func (w *Words) String() string { return strings.Join(w.Given, ",") }
func (w *Words) Type() string   { return "WORD,..." }

func (w *Words) Set(s string) error {
	for word := range strings.SplitSeq(s, ",") {
		one := Choice{Words: w.Words}
		if err := one.Set(word); err != nil {
			return err
		}
		w.Given = append(w.Given, word)
	}
	return nil
}

// ChooseSome adds a flag that takes some of words.
func ChooseSome(f *pflag.FlagSet, name string, among []string, usage string) *Words {
	w := &Words{Words: among}
	f.Var(w, name, usage)
	return w
}
