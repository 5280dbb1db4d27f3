// Package secrets is the command secrets: which keys, tokens and passwords an image holds, live or hidden.
package secrets

import (
	"context"
	"fmt"
	"strconv"
	"strings"

	"github.com/spf13/pflag"

	"layup/analyze"
	"layup/analyze/secrets"
	"layup/analyze/show"
	"layup/report/call"
	"layup/report/render"
)

const details = `
Every version of every file in every layer is searched while its layer is verified: what is live, what a later layer
overwrote or deleted, and what no layer ever showed. So are the history with its build arguments, the environment,
labels and commands of the config. Values are masked unless --show-secrets is given.

The rules are those of gitleaks 8.30.1, and some for places where programs keep secrets: .netrc, .npmrc, kubeconfig,
.docker/config.json, shell histories, repositories left behind, addresses with passwords. What says "gitleaks:allow"
counts also: an image does not say what is allowed in it.
`

// An asked is what the flags ask for.
type asked struct {
	live, hidden, shown, binary bool
	base                        call.BaseFlags
}

// Secrets is the command secrets.
func Secrets() call.Command {
	return call.Command{Name: "secrets", Group: call.Trust, Brief: "keys, tokens, passwords",
		Args: "IMAGE...", Min: 1, Max: -1, New: newSecrets, Details: details,
		About: "find keys, tokens and passwords in all layers, history and config", No: "something was found",
		Refuses:  []call.Refusal{call.NoTOC},
		Examples: []string{"layup secrets shop.tar", "layup secrets --hidden shop.tar"}}
}

func newSecrets(f *pflag.FlagSet) call.Answer {
	a := &asked{}
	f.BoolVar(&a.live, "live", false, "only what is visible, and the config")
	f.BoolVar(&a.hidden, "hidden", false, "only what a later layer hides, and the history")
	f.BoolVar(&a.binary, "binary", false, "also the strings in programs")
	f.BoolVar(&a.shown, "show-secrets", false, "show the values")
	a.base.Flags(f, true)
	return a.answer
}

func (a *asked) answer(ctx context.Context, c *call.Call) (int, error) {
	search, err := secrets.New(secrets.Options{Binary: a.binary})
	if err != nil {
		return call.Failed, err
	}
	needs := search.Needs()
	if err := a.base.Find(ctx, c, &needs); err != nil {
		return call.Failed, err
	}
	return c.Ask(ctx, c.Args, nil, needs, func(_ *call.Call, img *analyze.Image, _ []string) (call.Part, error) {
		set, err := search.Read(ctx, img)
		if err != nil {
			return call.Part{}, err
		}
		return a.part(set), nil
	})
}

// part is the answer for one image.
func (a *asked) part(set *secrets.Set) call.Part {
	var list []*secrets.Finding
	left := 0
	for i := range set.Findings {
		switch f := &set.Findings[i]; {
		case a.live && !f.Live(), a.hidden && f.Live():
		case f.Left:
			left++
		default:
			list = append(list, f)
		}
	}
	var p call.Part
	p.Section = table(a.shown).Section(list)
	p.Refuted = len(list) > 0
	p.Odd = set.Warnings
	p.Footer = footer(list, left, set)
	return p
}

func table(shown bool) render.Table[*secrets.Finding] {
	type finding = *secrets.Finding
	return render.Table[finding]{
		render.IntOf("layer", func(f finding) int { return f.Layer }).Column("LAYER"),
		render.TextOf("status", status),
		render.Cell("STATUS", statusOf).Tone(render.ToneOf),
		render.TextOf("rule", func(f finding) string { return f.Rule }).Column("RULE"),
		render.TextOf("description", func(f finding) string { return f.About }),
		render.NameOf("path", func(f finding) string { return f.Path }),
		render.TextOf("field", func(f finding) string { return f.Field }),
		render.IntOf("line", func(f finding) int { return f.Line }),
		render.TextOf("value", func(f finding) string { return value(f, shown) }).Column("VALUE").Cut(),
		render.Cell("PATH", where).Path(),
	}
}

func where(f *secrets.Finding) string {
	if f.Path == "" {
		return f.Field
	}
	if f.Line == 0 {
		return f.Path
	}
	return f.Path + ":" + strconv.Itoa(f.Line)
}

func value(f *secrets.Finding, shown bool) string {
	if shown || f.Secret == "" {
		return f.Secret
	}
	return show.Masked
}

// status says what became of a finding; empty for a field.
func status(f *secrets.Finding) string {
	if f.Path == "" {
		return ""
	}
	return f.Hit.Status.String()
}

func statusOf(f *secrets.Finding) string {
	switch {
	case f.Path == "":
		return "-"
	case f.Hit.Status == analyze.Live || f.Hit.Status == analyze.Unseen:
		return f.Hit.Status.String()
	}
	return fmt.Sprintf("%s by %d", f.Hit.Status, f.Hit.HiddenBy)
}

func footer(list []*secrets.Finding, left int, set *secrets.Set) string {
	live := 0
	for _, f := range list {
		if f.Live() {
			live++
		}
	}
	parts := []string{"nothing was found"}
	if len(list) > 0 {
		parts[0] = fmt.Sprintf("%s, %d live", show.Count(len(list), "finding"), live)
	}
	if left > 0 {
		parts = append(parts, show.Count(left, "finding")+" left out by the rules' paths")
	}
	if set.Programs > 0 {
		parts = append(parts, show.Count(set.Programs, "program")+" not searched (--binary)")
	}
	if set.Compressed > 0 {
		parts = append(parts, show.Count(set.Compressed, "compressed file")+" not searched")
	}
	return strings.Join(parts, "; ")
}
