// Package complete answers the shells, which ask what may stand where a person types.
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

// What follows the candidates, as other tools' scripts read it, too: a sum of bits.
const (
	filesToo = 0
	noSpace  = 2 // behind the only candidate
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
				if shown++; strings.HasSuffix(c.word, "/") || strings.HasSuffix(c.word, "=") {
					directive |= noSpace
				}
			}
		}
		if shown != 1 {
			directive &^= noSpace // among several, none follows the part that they share
		}
		fmt.Fprintf(&b, ":%d\n", directive)
		return call.Answered, c.Print(ctx, b.String())
	}
}

// A request is what a completion script hands over.
type request struct {
	call       *call.Call
	words      []string // before the one being typed, without the program's name
	typed      typedWord
	quoted     bool // candidates are to be quoted as the shell reads them
	closed     bool // and a quote that is open closed: bash would leave it where the last character is such a sign already
	redirected bool // a file's name is being typed, in which no command has a say
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
	case "fish": // which has unquoted the words before, but expanded nothing
		r.typed = readTyped(r.typed.text, "")
		for i, w := range r.words {
			r.words[i] = expanded(w, w)
		}
	}
	return r
}

// line is how a candidate is written for the shell. Where that quotes it itself, names that it could not tell from two,
// or that a terminal could obey, are left out.
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
