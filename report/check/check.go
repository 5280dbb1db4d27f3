// Package check is the command check: rules from flags and files, and what they say of an image.
package check

import (
	"context"
	"fmt"
	"strings"

	"github.com/spf13/pflag"

	"layup/analyze"
	"layup/analyze/filter"
	"layup/analyze/rules"
	"layup/analyze/show"
	"layup/report/call"
	"layup/report/render"
)

const details = `
Every rule given must hold, else the exit status is 1. Without any, those of dive hold (lowestEfficiency 0.9,
highestUserWastedPercent 0.1), no-private-key and no-engine-dependent. Rules are flags, or stand under "rules:" in a
YAML file under the same names: --config FILE, else .layup.yaml or .dive-ci in the working directory,
nowhere else, for what is delivered must not bring its own rules. Flags and the file are both held.

The three rules of dive's .dive-ci are known by their names; each may be "disabled":
    lowestEfficiency           fails when live / stored is below it
    highestWastedBytes         fails when hidden bytes reach it
    highestUserWastedPercent   the same as a ratio of stored, layer 0 in neither
Spelled lowest-efficiency and so on, as later versions of dive do, they are the same.

live, stored and hidden are those of layup waste. dive's own numbers differ: it counts every version
of a path that several layers have, the visible one too, and passes over what goes with a deleted
directory. Beside rules that are given none is held; dive would hold two of its own.

max-size is what docker images shows: the layers unpacked, each file once. The message says how much more an engine
with containerd's store shows, which also counts the compressed layers.

GLOB is what find takes. --format sarif and junit are for what shows results of checks.
`

var findingsTable = render.Table[rules.Finding]{
	render.Cell("RESULT", func(f rules.Finding) string {
		if f.Pass {
			return "pass"
		}
		return "FAIL"
	}).Tone(render.ToneOf),
	render.TextOf("rule", func(f rules.Finding) string { return f.Rule }).Column("RULE"),
	render.Of("limit", render.Object,
		func(f rules.Finding) render.Value { return measured(f.Limit) }).Column("LIMIT").Spare(),
	render.Of("value", render.Object, func(f rules.Finding) render.Value { return measured(f.Value) }),
	render.Of("pass", render.Bool, func(f rules.Finding) render.Value { return render.B(f.Pass) }),
	render.NameOf("path", func(f rules.Finding) string { return f.Path }),
	render.IntOf("layer", func(f rules.Finding) int { return f.Layer }).Column("LAYER").Spare(),
	render.Cell("PATH", func(f rules.Finding) string { return f.Path }).Path(),
	render.TextOf("message", func(f rules.Finding) string { return f.Message }).Column("MESSAGE").Wrap(),
}

// measured is the limit of a rule, or what was measured.
func measured(v any) render.Value {
	switch v := v.(type) {
	case int64:
		return render.I(v)
	case string:
		return render.T(v)
	}
	return render.O(v)
}

// Check is the command check.
func Check() call.Command {
	return call.Command{Name: "check", Group: call.Trust, Brief: "rules for a build to keep",
		Args: "IMAGE...", Min: 1, Max: -1, Items: render.Findings, New: newCheck,
		Details: details,
		Refuses: []call.Refusal{call.NoTOC},
		About:   "check an image against rules, for CI", No: "a rule does not hold",
		Examples: []string{"layup check --no-sensitive --no-setuid=/usr/bin/su shop.tar",
			"layup check --config gate.yaml --all images/",
			"layup check --max-wasted 20MB --format sarif -o layup.sarif shop.tar"}}
}

func newCheck(f *pflag.FlagSet) call.Answer {
	flags := newRuleFlags(f)
	config := f.String("config", "", "read rules from this `FILE`, instead of .layup.yaml or .dive-ci in the "+
		"working directory")
	var own call.BaseFlags
	own.Flags(f, true)
	return func(ctx context.Context, c *call.Call) (int, error) {
		given, err := flags.given()
		if err != nil {
			return call.Failed, fmt.Errorf("check: %w", err)
		}
		filed, said, err := configured(c, *config)
		if err != nil {
			return call.Failed, err
		}
		if given = append(given, filed.rules...); len(given) == 0 {
			if said != "" {
				return call.Failed, call.Usage("layup check --max-wasted 20MB IMAGE; layup help check lists the rules",
					"check: no rules in %s: nothing would be checked", show.Shell(said))
			}
			var names string
			given, names = standard()
			c.Note("no rules given, so these hold: " + names + "; layup help check lists others")
		}
		needs := analyze.Needs{Secrets: true}
		list, err := builtRules(ctx, c, given, flags.baseline, &needs)
		if err != nil {
			return call.Failed, err
		}
		but, err := filter.Globs(splitGlobs(strings.Join(append(flags.except, filed.except...), ","))...)
		if err != nil {
			return call.Failed, fmt.Errorf("check: except: %w", err)
		}
		ask := func(_ *call.Call, img *analyze.Image, _ []string) (call.Part, error) {
			return checked(ctx, img, list, but), nil
		}
		if err := own.Find(ctx, c, &needs); err != nil {
			return call.Failed, err
		}
		status, err := c.Ask(ctx, c.Args, nil, needs, ask)
		if status == call.Failed && err == nil && len(c.Args) > 1 && flags.bare() {
			c.Hint("every argument is an image; exceptions follow the rule and =: --no-setuid=/usr/bin/su")
		}
		return status, err
	}
}

// checked checks an image against the rules, without what is at excepted paths.
func checked(ctx context.Context, img *analyze.Image, list []rules.Rule, but filter.Patterns) call.Part {
	found, broken := rules.Check(ctx, img, list, but)
	var p call.Part
	p.Refuted = broken > 0
	p.Section = findingsTable.Section(found)
	whole := len(img.Errors()) == 0 // a rule that holds in what could be read may be broken in the rest
	p.Extra = []render.Extra{{Name: "pass", Value: broken == 0 && whole}}
	p.Footer = fmt.Sprintf("%d rules hold", len(list))
	if len(list) == 1 {
		p.Footer = "the rule holds"
	}
	switch {
	case broken > 0 && len(list) == 1:
		p.Footer = "the rule fails"
	case broken > 0:
		p.Footer = fmt.Sprintf("%d of %d rules fail", broken, len(list))
	}
	return p
}

// base returns the diffIDs that an image must begin with.
func base(ctx context.Context, c *call.Call, name string) ([]string, error) {
	opt, err := c.Options(nil, analyze.Needs{})
	if err != nil {
		return nil, err
	}
	opt.Select.Image, opt.Select.All, opt.KeepGoing = "", false, false
	img, err := analyze.Open(ctx, name, opt)
	if err != nil {
		return nil, fmt.Errorf("check: --base: %w", err)
	}
	defer img.Close()
	var ids []string
	for _, l := range img.LayerFacts() {
		ids = append(ids, l.DiffID)
	}
	if len(ids) == 0 {
		return nil, fmt.Errorf("check: --base: %s: has no layers: every image begins with it", name)
	}
	return ids, nil
}
