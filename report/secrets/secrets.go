// Package secrets is the command secrets: which keys, tokens and passwords an image holds, live or hidden.
package secrets

import (
	"context"
	"fmt"
	"os"
	"runtime/debug"
	"slices"
	"strconv"
	"strings"

	"github.com/spf13/pflag"

	"layup/analyze"
	"layup/analyze/near"
	"layup/analyze/secrets"
	"layup/analyze/secrets/ruleset"
	"layup/analyze/show"
	"layup/report/call"
	"layup/report/item"
	"layup/report/render"
)

const details = `
Every version of every file in every layer is searched while its layer is verified: what is live, what a later layer
overwrote or deleted, and what no layer ever showed. So are the history with its build arguments, and the environment,
labels and commands of the config. Values are masked in every format unless --show-secrets is given.

The rules are those of gitleaks 8.30.1, and some for places where programs keep secrets: .netrc, .npmrc, kubeconfig,
.docker/config.json, shell histories, repositories left behind, addresses with passwords in them. --rules FILE has
rules instead, as gitleaks writes them; with "useDefault = true" below "[extend]" it adds to these. As in gitleaks a
rule may leave out paths, such as node_modules: the last line counts what it finds there, and --all-paths lists it. A
comment "gitleaks:allow" does not count: an image does not say what is allowed in it.

Programs and compressed files are recognized by their content, and counted: --binary searches their strings, and
--in-archives the files in archives (zip, jar, war, whl, tar, gzip, xz, zstd, bzip2), one level deep: a.jar!/b. In
other files that are not text, runs of printable bytes are searched.

--baseline FILE leaves out what is known: fingerprints, one a line, or a document of this command (-f json or jsonl).
A fingerprint is made of the rule, the path and the value, so it stays when the image is built again.
    layup secrets -f json -o known.json shop.tar
    layup secrets --baseline known.json shop-1.1.tar
    layup check --no-secrets --baseline known.json shop-1.1.tar
`

// An asked is what the flags ask for.
type asked struct {
	live, hidden, shown, binary, archives, everywhere bool
	only                                              []string
	rules, baseline                                   string
	known                                             Known
	base                                              call.BaseFlags
}

// Secrets is the command secrets.
func Secrets() call.Command {
	return call.Command{Name: "secrets", Group: call.Trust, Brief: "keys, tokens, passwords",
		Args: "IMAGE...", Min: 1, Max: -1, Items: render.Findings, New: newSecrets, Details: details,
		About: "find keys, tokens and passwords in all layers, history and config", No: "something was found",
		Refuses: []call.Refusal{call.NoTOC},
		Examples: []string{"layup secrets shop.tar", "layup secrets --hidden --in-archives shop.tar",
			"layup secrets --baseline known.json --format sarif -o secrets.sarif shop.tar"}}
}

func newSecrets(f *pflag.FlagSet) call.Answer {
	a := &asked{}
	f.BoolVar(&a.live, "live", false, "only what is visible, and the config")
	f.BoolVar(&a.hidden, "hidden", false, "only what later layers hide, and the history")
	f.StringArrayVar(&a.only, "rule", nil, "only this `RULE` (repeatable)")
	f.StringVar(&a.rules, "rules", "", "rules from this `FILE` (TOML, as gitleaks has it)")
	f.StringVar(&a.baseline, "baseline", "", "leave out the findings that this `FILE` names")
	f.BoolVar(&a.binary, "binary", false, "also the strings in programs and compressed files")
	f.BoolVar(&a.archives, "in-archives", false, "also the files in archives")
	f.BoolVar(&a.everywhere, "all-paths", false, "also at paths that the rules leave out")
	f.BoolVar(&a.shown, "show-secrets", false, "show the values")
	a.base.Flags(f, true)
	return a.answer
}

// collectLess makes the garbage collector run at its usual pace: expressions and their automata are many objects with
// pointers, which cost it far more than tables of images do.
func collectLess() {
	if os.Getenv("GOGC") == "" {
		debug.SetGCPercent(100)
	}
}

func (a *asked) answer(ctx context.Context, c *call.Call) (int, error) {
	collectLess()
	if a.live && a.hidden {
		return call.Failed, call.Usage("", "secrets: --live and --hidden exclude each other; without them all is listed")
	}
	search, err := Search(a.rules, a.binary, a.archives)
	if err == nil {
		err = refuse(search, a.only)
	}
	if err == nil {
		a.known, err = Baseline(a.baseline)
	}
	if err != nil {
		return call.Failed, fmt.Errorf("secrets: %w", err)
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

// refuse refuses the names of rules that are not there.
func refuse(search *secrets.Search, names []string) error {
	all := append(search.Names(), secrets.Variable)
	for _, name := range names {
		if !slices.Contains(all, name) {
			return call.Usage(near.Hint(name, all), "--rule %q: no such rule", name)
		}
	}
	return nil
}

// Search prepares a search with the rules of a file, or those of the program if its name is empty.
func Search(file string, binary, archives bool) (*secrets.Search, error) {
	opt := secrets.Options{Binary: binary, Archives: archives}
	if file != "" {
		text, err := read(file, mostRules)
		if err == nil {
			opt.Rules, err = ruleset.Parse(string(text))
		}
		if err != nil {
			return nil, fmt.Errorf("--rules %s: %w", show.Shell(file), err)
		}
	}
	return secrets.New(opt)
}

// part is the answer for one image.
func (a *asked) part(set *secrets.Set) call.Part {
	var t tally
	for i := range set.Findings {
		switch f := &set.Findings[i]; {
		case a.live && !f.Live(), a.hidden && !f.Hidden(), len(a.only) > 0 && !slices.Contains(a.only, f.Rule):
		case f.Left && !a.everywhere:
			t.left++
		case a.known.Has(f):
			t.known++
		default:
			t.list = append(t.list, f)
		}
	}
	var p call.Part
	p.Section = table(a.shown).Section(t.list)
	p.Refuted = len(t.list) > 0 || set.Cut > 0 || set.More > 0
	p.Odd = set.Warnings
	p.Footer = t.footer(set, a.archives)
	p.Extra = []render.Extra{{Name: "totals", Value: t.totals(set)}}
	return p
}

// Everywhere is what a page says of all findings in an image that was loaded for something else: it reads the image's
// content again.
func Everywhere(ctx context.Context, img *analyze.Image, shown bool) (render.Section, error) {
	search, err := Search("", false, false)
	if err != nil {
		return render.Section{}, err
	}
	set, err := search.ReadContents(ctx, img)
	if err != nil {
		return render.Section{}, err
	}
	a := asked{shown: shown}
	p := a.part(set)
	p.Section.Extra = []render.Extra{{Name: "line", Value: p.Footer}, {Name: "searched", Value: true}}
	for _, w := range p.Odd {
		p.Section.Warnings = append(p.Section.Warnings, item.NewWarningFacts(w))
	}
	return p.Section, nil
}

func table(shown bool) render.Table[*secrets.Finding] {
	type finding = *secrets.Finding
	return render.Table[finding]{
		render.IntOf("layer", func(f finding) int { return f.Layer }).Column("LAYER", render.Dashed),
		render.TextOf("status", status),
		render.IntOf("hiddenBy", hiddenBy),
		render.Of("live", render.Bool, func(f finding) render.Value { return render.B(f.Live()) }),
		render.Of("pass", render.Bool, func(finding) render.Value { return render.B(false) }),
		render.Cell("STATUS", statusOf).Tone(render.ToneOf),
		render.TextOf("rule", func(f finding) string { return f.Rule }).Column("RULE"),
		render.TextOf("message", message),
		render.NameOf("path", func(f finding) string {
			if f.Path == "" {
				return ""
			}
			return f.Place()
		}),
		render.TextOf("field", func(f finding) string { return f.Field }),
		render.Of("line", render.Int, func(f finding) render.Value {
			if f.Line == 0 {
				return render.Value{}
			}
			return render.I(int64(f.Line))
		}),
		render.TextOf("value", func(f finding) string { return value(f, shown) }).Column("VALUE").Cut(),
		render.IntOf("length", func(f finding) int { return len(f.Secret) }),
		render.TextOf("fingerprint", func(f finding) string { return f.Fingerprint() }),
		render.Cell("PATH", where).Path(),
	}
}

// message says what was found, for readers who see nothing else.
func message(f *secrets.Finding) string {
	text := f.About
	if f.Field != "" {
		text += ", in " + f.Field
	}
	if f.Line > 0 && f.Path != "" {
		text += ", line " + strconv.Itoa(f.Line)
	}
	if s := status(f); s != "" {
		text += ", " + statusOf(f)
	}
	return text
}

func where(f *secrets.Finding) string {
	if f.Path == "" || f.Line == 0 {
		return f.Place()
	}
	return f.Place() + ":" + strconv.Itoa(f.Line)
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

// hiddenBy is the layer that hid the file, or what is absent.
func hiddenBy(f *secrets.Finding) int {
	if f.Path == "" || f.Hit.Status == analyze.Unseen {
		return -1
	}
	return int(f.Hit.HiddenBy)
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

// A tally is what is listed of an image, and how much is not.
type tally struct {
	list        []*secrets.Finding
	left, known int
}

// A total is the document's "totals".
type total struct {
	Live       int `json:"live"`
	Hidden     int `json:"hidden"` // of files, also what no layer ever showed
	Known      int `json:"known"`  // that the baseline names
	Left       int `json:"left"`   // at paths that the rules leave out
	Programs   int `json:"programs"`
	Compressed int `json:"compressed"` // both not searched
	Cut        int `json:"cut"`        // files not searched to their end
	More       int `json:"more"`       // findings beyond the limits
}

func (t *tally) totals(set *secrets.Set) total {
	n := total{Known: t.known, Left: t.left, Programs: set.Programs, Compressed: set.Compressed, Cut: set.Cut,
		More: set.More}
	for _, f := range t.list {
		if f.Live() {
			n.Live++
		} else {
			n.Hidden++
		}
	}
	return n
}

func (t *tally) footer(set *secrets.Set, inside bool) string {
	n := t.totals(set)
	parts := []string{"nothing was found"}
	if len(t.list) > 0 {
		parts[0] = fmt.Sprintf("%s, %d live", show.Count(len(t.list), "finding"), n.Live)
	}
	add := func(n int, what, how string) {
		if n > 0 {
			parts = append(parts, show.Count(n, what)+how)
		}
	}
	add(n.More, "further finding", " in files with too many")
	add(n.Known, "known finding", " left out")
	add(n.Left, "finding", " at paths that the rules leave out (--all-paths)")
	add(n.Programs, "program", " not searched (--binary)")
	how := " not searched (--in-archives)"
	if inside {
		how = " not searched: in another, above 1 GiB, or of a kind that is not read"
	}
	add(n.Compressed, "compressed file", how)
	add(n.Cut, "file", " not searched to the end")
	return strings.Join(parts, "; ")
}
