package check

import (
	"context"
	"fmt"
	"slices"
	"strings"

	"github.com/spf13/pflag"

	"layup/analyze"
	"layup/analyze/filter"
	"layup/analyze/rules"
	"layup/analyze/show"
	"layup/report/arg"
	"layup/report/call"
	"layup/report/secrets"
)

// A ruleKind is one rule that check knows, as a flag and as a key of a rule file.
type ruleKind struct {
	name, arg, about string
	takes            valueForm
	build            ruleBuilder
}

// valueForm says what a rule takes.
type valueForm int

const (
	one      valueForm = iota // one value
	each                      // any number of values, each a rule of its own
	nothing_                  // nothing
	except                    // nothing, or what is excepted, separated by commas
	filed                     // one value, in files only: dive's name for a rule
)

// ruleKinds are all rules, as the help shows them.
func ruleKinds() []ruleKind {
	return []ruleKind{
		{"max-wasted", "SIZE", "at most this `SIZE` of hidden content: 840, 4KiB, 20MB", one, sized(arg.ParseSize,
			rules.MaxWasted)},
		{"max-wasted-percent", "PERCENT", "at most this `PERCENT` of the stored content hidden", one,
			ratio(100, rules.MaxWastedPercent)},
		{"min-efficiency", "RATIO", "live / stored at least this `RATIO`, 0 to 1", one, ratio(1, rules.MinEfficiency)},
		{"forbid", "GLOB", "no visible path that matches this `GLOB` (repeatable)", each, rules.Forbid},
		{"forbid-deleted", "GLOB", "nothing hidden that matches this `GLOB` (repeatable)", each, rules.ForbidDeleted},
		{"require", "GLOB", "a visible path that matches this `GLOB` (repeatable)", each, rules.Require},
		{"no-setuid", "GLOB,...", "no visible setuid file, but those that match `=GLOB,...`", except,
			excepting(rules.NoSetuid)},
		{"no-setgid", "GLOB,...", "no visible setgid file, but those that match `=GLOB,...`", except,
			excepting(rules.NoSetgid)},
		{"no-world-writable", "GLOB,...", "no visible file, and no directory without the sticky bit, that everyone may " +
			"write, but `=GLOB,...`", except, excepting(rules.NoWorldWritable)},
		{"no-sensitive", "GLOB,...", "nothing, visible or hidden, that layup hidden marks as sensitive, but `=GLOB,...`; " +
			"no secret in the history", except, excepting(rules.NoSensitive)},
		{noSecrets, "GLOB,...", "nothing that layup secrets finds, visible or hidden, but `=GLOB,...`", except, nil},
		{"no-private-key", "GLOB,...", "no private key, visible or hidden, but `=GLOB,...`", except,
			excepting(rules.NoPrivateKey)},
		{"no-engine-dependent", "", "nothing on which engines disagree: no warning of severity high", nothing_,
			bare(rules.NoEngineDependent)},
		{"max-layers", "N", "at most `N` layers", one, maxLayers},
		{"max-size", "SIZE", "at most this `SIZE`, as docker images shows it", one,
			sized(arg.ParseSize, rules.MaxSize)},
		{"user-not-root", "", "a user in the config who is not root", nothing_, bare(rules.UserNotRoot)},
		{"base", "IMAGE", "the layers of this `IMAGE` first", one, nil},
		{"lowestEfficiency", "RATIO", "", filed, ratio(1, rules.MinEfficiency)},
		{"highestWastedBytes", "SIZE", "", filed, sized(parseDiveSize, rules.HighestWastedBytes)},
		{"highestUserWastedPercent", "RATIO", "", filed, ratio(1, rules.HighestUserWastedPercent)},
		{"lowest-efficiency", "RATIO", "", filed, ratio(1, rules.MinEfficiency)}, // as later versions of dive spell them
		{"highest-wasted-bytes", "SIZE", "", filed, sized(parseDiveSize, rules.HighestWastedBytes)},
		{"highest-user-wasted-percent", "RATIO", "", filed, ratio(1, rules.HighestUserWastedPercent)},
	}
}

// noSecrets is the name of the rule that searches for secrets.
const noSecrets = "no-secrets"

// A givenRule is a rule with its value, not yet understood.
type givenRule struct {
	kind  ruleKind
	value string
	where string // --max-wasted, or the line of a file
}

// ruleFlags are the flags of all rules.
type ruleFlags struct {
	values map[string]*ruleFlag
	except []string // of all rules that have exceptions

	baseline string // of the rule no-secrets
}

// A ruleFlag collects the values of one rule.
type ruleFlag struct {
	kind  ruleKind
	given []string
}

func (r *ruleFlag) String() string { return "" }

// Type returns bool if the rule takes nothing: the help names no value then.
func (r *ruleFlag) Type() string {
	if r.kind.takes == nothing_ {
		return "bool"
	}
	return r.kind.arg
}

// Set takes one value more; of a rule that takes one value the last counts.
func (r *ruleFlag) Set(s string) error {
	bare := r.kind.takes == nothing_ || r.kind.takes == except
	switch {
	case bare && s == "false":
		r.given = nil
		return nil
	case r.kind.takes == nothing_ && s != "true":
		return fmt.Errorf("takes no value")
	case r.kind.takes == except && (s == noException || s == "true"):
		s = ""
	}
	if r.kind.takes == one {
		r.given = nil
	}
	r.given = append(r.given, s)
	return nil
}

// noException is what the flag library passes for a rule without exceptions.
const noException = "(none)"

func newRuleFlags(f *pflag.FlagSet) *ruleFlags {
	r := &ruleFlags{values: map[string]*ruleFlag{}}
	for _, k := range ruleKinds() {
		if k.takes == filed {
			continue
		}
		value := &ruleFlag{kind: k}
		r.values[k.name] = value
		flag := f.VarPF(value, k.name, "", k.about)
		switch k.takes {
		case nothing_:
			flag.NoOptDefVal = "true"
		case except:
			flag.NoOptDefVal = noException
		}
	}
	f.StringArrayVar(&r.except, "except", nil, "no rule but --require counts or names what is at these paths (a `GLOB`; "+
		"repeatable)")
	f.StringVar(&r.baseline, "baseline", "", "with --no-secrets: leave out the findings that this `FILE` names")
	return r
}

// given returns the rules that flags ask for, in the order of the help.
func (r *ruleFlags) given() ([]givenRule, error) {
	var list []givenRule
	for _, k := range ruleKinds() {
		value := r.values[k.name]
		if value == nil || len(value.given) == 0 {
			continue
		}
		values := value.given
		if k.takes == except {
			values = []string{strings.Trim(strings.Join(values, ","), ",")}
		}
		for _, v := range values {
			list = append(list, givenRule{k, v, "--" + k.name})
		}
	}
	return list, nil
}

// standard are the rules if none is given: those that dive holds by itself, no private key, and nothing on which
// engines disagree.
func standard() (list []givenRule, said string) {
	values := map[string]string{"lowestEfficiency": "0.9", "highestUserWastedPercent": "0.1", "no-private-key": "",
		"no-engine-dependent": ""}
	var names []string
	for _, k := range ruleKinds() {
		if value, held := values[k.name]; held {
			list = append(list, givenRule{k, value, "the rules by default"})
			names = append(names, strings.TrimSpace(k.name+" "+value))
		}
	}
	return list, strings.Join(names, ", ")
}

// bare reports whether a rule that takes exceptions is given without any.
func (r *ruleFlags) bare() bool {
	for _, value := range r.values {
		if value.kind.takes == except && slices.Contains(value.given, "") {
			return true
		}
	}
	return false
}

// builtRules understands rules, and notes what they need of images.
func builtRules(ctx context.Context, c *call.Call, given []givenRule, baseline string, needs *analyze.Needs) (
	[]rules.Rule, error) {
	list := make([]rules.Rule, len(given))
	searched := false
	for i, g := range given {
		var err error
		switch {
		case g.kind.name == noSecrets:
			searched = true
			list[i], err = withoutSecrets(g, baseline, needs)
		case g.kind.build == nil:
			var ids []string
			ids, err = base(ctx, c, g.value)
			list[i] = rules.Base(g.value, ids)
		default:
			if list[i], err = g.kind.build(g.value); err != nil {
				err = fmt.Errorf("check: %s %q: %w", g.where, g.value, err)
			}
		}
		if err != nil {
			return nil, err
		}
		list[i].Name = g.kind.name
	}
	if baseline != "" && !searched {
		return nil, call.Usage("layup check --no-secrets --baseline "+show.Shell(baseline)+" IMAGE",
			"check: --baseline is for --no-secrets")
	}
	return list, nil
}

// withoutSecrets is the rule no-secrets.
func withoutSecrets(g givenRule, baseline string, needs *analyze.Needs) (rules.Rule, error) {
	known, err := secrets.Baseline(baseline)
	if err != nil {
		return rules.Rule{}, fmt.Errorf("check: %w", err)
	}
	but, err := filter.Globs(splitGlobs(g.value)...)
	if err != nil {
		return rules.Rule{}, fmt.Errorf("check: %s %q: %w", g.where, g.value, err)
	}
	search, err := secrets.Search("", false, false)
	if err != nil {
		return rules.Rule{}, fmt.Errorf("check: %w", err)
	}
	more := search.Needs()
	needs.Sieve, needs.Sparse = more.Sieve, more.Sparse
	return rules.NoSecrets(search, known.Has, but), nil
}
