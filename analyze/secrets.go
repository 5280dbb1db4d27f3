package analyze

import (
	"cmp"
	"fmt"
	"regexp"
	"slices"
	"strings"

	"layup/analyze/expression"
	"layup/analyze/show"
	"layup/tarfs"
)

// A Secret is a value in the image's config or history that looks secret.
type Secret struct {
	Where string // build-argument, arg, env
	Name  string
	Value string
	Layer int // the one that the step made, or tarfs.NoLayer
	Step  int // of the history, from 0; -1 for the config
}

// Place describes where the secret is.
func (s Secret) Place() string {
	switch {
	case s.Step < 0:
		return "the config's environment"
	case s.Layer == tarfs.NoLayer:
		return fmt.Sprintf("step %d of the history (%s)", s.Step, s.Where)
	}
	return fmt.Sprintf("the history of layer %d (%s)", s.Layer, s.Where)
}

// A SecretRule tells secrets by the name of a variable, by its value, or by both.
type SecretRule struct {
	About string
	Name  func() *regexp.Regexp // nil: any
	Value func() *regexp.Regexp // nil: any except a reference, a boolean, a path, or nothing
}

// SecretRules are all rules; a variable that fits one is a secret.
var SecretRules = []SecretRule{
	{About: "a name that says so: ...TOKEN, ...PASSWORD, ...SECRET, ...API_KEY and their like",
		Name: expression.Lazy(`(?i)(token|passwd|api_?key|access_?key|private_?key|_pwd|(^|_)auth|(^|_)pass|_pass)s?$|` +
			`(token|secret|password|passphrase|credential)s?(_|$)|(^|_)(secret|password)|secret_?key`)},
	{About: "an address with a password in it", Value: expression.Lazy(`(?i)[a-z][a-z0-9+.-]*://[^/\s:@]*:[^/\s@]+@`)},
	{About: "a private key", Value: expression.Lazy(`-----BEGIN (?:[A-Z0-9]+ )*PRIVATE KEY`)},
	{About: "a token that shows who issued it", Value: expression.Lazy(`(?:^|[^A-Za-z0-9])(?:` +
		`gh[pousr]_[A-Za-z0-9]{36}|github_pat_\w{22}|glpat-[\w-]{20}|AKIA[0-9A-Z]{16}|` +
		`xox[abprs]-[\w-]{10}|npm_[A-Za-z0-9]{36})`)},
}

// harmlessValue matches a value that is never a secret: nothing, a reference, a boolean, or the path of a file.
var harmlessValue = expression.Lazy(`^(?:|\$\w+|\$\{[^}]*\}|(?i:true|false|yes|no|on|off|none|null)|` +
	`[01]|\*+|/(?:[\w.-]+/)*[\w.-]+/?)$`)

// fits reports whether a variable fits the rule.
func (r SecretRule) fits(name, value string) bool {
	switch {
	case r.Name != nil && !r.Name().MatchString(name):
		return false
	case r.Value != nil:
		return r.Value().MatchString(value)
	}
	return !harmlessValue().MatchString(value)
}

// Secrets returns the secrets in the history's build arguments, in its ARG and ENV steps, and in the config's
// environment, each name and value once.
func (img *Image) Secrets() []Secret {
	var list []Secret
	seen := map[[2]string]bool{}
	add := func(s Secret) {
		if id := [2]string{s.Name, s.Value}; isSecret(s.Name, s.Value) && !seen[id] {
			seen[id] = true
			list = append(list, s)
		}
	}
	layer, aligned := 0, img.instructions != nil
	counted := img.Counts(0) || !aligned // the steps up to the last layer of the base may not
	for step, h := range img.ConfigFile.History {
		at := tarfs.NoLayer
		if !h.EmptyLayer {
			if aligned {
				at = layer
			}
			layer++
		}
		if !counted {
			counted = img.Counts(layer)
			continue
		}
		where, pairs := variables(h.CreatedBy)
		for _, p := range pairs {
			add(Secret{Where: where, Name: p[0], Value: p[1], Layer: at, Step: step})
		}
	}
	for i, v := range img.ConfigFile.Config.Env {
		name, value, ok := strings.Cut(v, "=")
		if strings.Contains(name, "://") { // an address is not a name, and may hold a password
			name, value, ok = fmt.Sprintf("[%d]", i), v, true
		}
		if ok {
			add(Secret{Where: "env", Name: name, Value: value, Layer: tarfs.NoLayer, Step: -1})
		}
	}
	return list
}

func isSecret(name, value string) bool {
	return slices.ContainsFunc(SecretRules, func(r SecretRule) bool { return r.fits(name, value) })
}

// variables returns the names and values that a step of the history sets, and the kind of the step.
func variables(createdBy string) (where string, pairs [][2]string) {
	s := strings.TrimSpace(createdBy)
	if at := nop().FindString(s); at != "" {
		s = s[len(at):]
	}
	s = strings.TrimSpace(strings.TrimSuffix(s, "# buildkit"))
	word, rest, _ := strings.Cut(s, " ")
	switch word {
	case "ENV", "ARG":
		return strings.ToLower(word), assignments(" "+rest, false)
	}
	s = strings.TrimPrefix(s, "RUN ")
	head := arguments().FindStringSubmatch(s)
	if head == nil {
		return "", nil
	}
	s = s[len(head[0])-1:]
	if at := inner().FindStringIndex(s); at != nil {
		return "build-argument", assignments(s[:at[0]], false)
	}
	return "build-argument", assignments(s, true)
}

// assignments reads every NAME=VALUE. Values are not quoted and may hold spaces, even words that look like another
// name: one name too many is better than one too few. If a command follows, the last value is one word.
func assignments(s string, command bool) [][2]string {
	var pairs [][2]string
	names := argument().FindAllStringIndex(s, -1)
	for i, at := range names {
		value := s[at[1]:]
		if i+1 < len(names) {
			value = s[at[1]:names[i+1][0]]
		} else if command {
			value, _, _ = strings.Cut(value, " ")
		}
		pairs = append(pairs, [2]string{strings.TrimSpace(s[at[0] : at[1]-1]), strings.Trim(strings.TrimSpace(value), `"'`)})
	}
	return pairs
}

// shortSecret is how many bytes a value has that is masked only beside its name: elsewhere it may mean something else.
const shortSecret = 6

// Mask returns a function that replaces the values of secrets in a text of the config or of the history.
func Mask(secrets []Secret) func(string) string {
	var pairs []string
	for _, s := range secrets {
		if s.Value == "" {
			continue
		}
		for _, sign := range []string{"=", `="`, "='", " "} {
			pairs = append(pairs, s.Name+sign+s.Value, s.Name+sign+show.Masked)
		}
	}
	long := slices.Clone(secrets)
	slices.SortStableFunc(long, func(a, b Secret) int { return cmp.Compare(len(b.Value), len(a.Value)) })
	for _, s := range long {
		if len(s.Value) >= shortSecret {
			pairs = append(pairs, s.Value, show.Masked)
		}
	}
	return strings.NewReplacer(pairs...).Replace
}
