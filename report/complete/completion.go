// Package complete answers shells that ask what a person may type next.
package complete

import (
	"context"
	"fmt"
	"slices"
	"strings"

	"github.com/spf13/pflag"

	"layup/analyze/show"
	"layup/report/call"
)

// What follows the candidates: a sum of bits, as other tools' scripts also read it.
const (
	filesToo = 0
	noSpace  = 2 // after the only candidate
	noFiles  = 4
)

// A candidate may stand in place of the word that is being typed.
type candidate struct{ word, about string }

// Answer is the command that completion scripts ask.
func Answer() call.Command {
	return call.Command{Name: "__complete", Args: "[WORD...]", Max: -1, Hidden: true, Plain: true, New: newComplete,
		About: "answer a completion script"}
}

func newComplete(*pflag.FlagSet) call.Answer {
	return func(ctx context.Context, c *call.Call) (int, error) {
		r := readRequest(c.Args)
		r.call = c
		found, directive := r.candidates(ctx)
		var b strings.Builder
		shown := 0
		for _, c := range found {
			if line := r.line(c); line != "" && strings.HasPrefix(c.word, r.typed.text) {
				b.WriteString(line + "\n")
				if shown++; strings.HasSuffix(c.word, "/") || strings.HasSuffix(c.word, "=") && !strings.Contains(c.word, "/") {
					directive |= noSpace
				}
			}
		}
		if shown != 1 {
			directive &^= noSpace // no space follows the part that several share
		}
		fmt.Fprintf(&b, ":%d\n", directive)
		return call.Answered, c.Print(ctx, b.String())
	}
}

// A request is what a completion script sends.
type request struct {
	call       *call.Call
	words      []string // before the one being typed, without the program's name
	typed      typedWord
	quoted     bool // candidates must be quoted as the shell reads them
	closed     bool // an open quote must be closed: bash leaves it open if the candidate ends with that quote
	redirected bool // a file's name is being typed, whatever the command
}

func readRequest(args []string) request {
	shell := ""
	if len(args) > 0 && strings.HasPrefix(args[0], "--shell=") {
		shell, args = strings.TrimPrefix(args[0], "--shell="), args[1:]
	}
	var r request
	switch {
	case shell == "bash" && len(args) == 2: // the line and what divides words
		words, redirected := typedLine(args[0])
		r.typed, r.redirected, r.quoted = readTyped(words[len(words)-1].raw, args[1]), redirected, true
		r.closed = true
		for _, w := range words[min(1, len(words)-1) : len(words)-1] {
			r.words = append(r.words, w.text)
		}
		return r
	case len(args) == 0:
		return r
	}
	r.words, r.typed = slices.Clone(args[:len(args)-1]), typedWord{text: args[len(args)-1]}
	switch shell {
	case "zsh":
		r.typed, r.quoted = readTyped(r.typed.text, ""), true
		for i, w := range r.words {
			r.words[i] = readTyped(w, "").text
		}
	case "fish": // it unquotes the words before, but expands nothing
		r.typed = readTyped(r.typed.text, "")
		for i, w := range r.words {
			r.words[i] = expanded(w, w)
		}
	}
	return r
}

// line writes a candidate for the shell. If the shell quotes it itself, line is empty for a name that would look like
// two, or that a terminal could obey.
func (r request) line(c candidate) string {
	word := c.word
	switch {
	case r.quoted:
		word = r.typed.complete(strings.TrimPrefix(word, r.typed.text))
		if r.closed {
			word += r.typed.quote()
		}
	case show.Safe(strings.Trim(word, " ")) != strings.Trim(word, " "):
		return ""
	}
	if c.about != "" {
		word += "\t" + show.Safe(c.about)
	}
	return word
}
