package check

import (
	"bytes"
	"cmp"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"slices"
	"strings"

	"go.yaml.in/yaml/v3"

	"layup/analyze/near"
	"layup/analyze/show"
	"layup/report/call"
)

// ruleFiles are where rules are looked for when no --config is given: in the working directory only.
var ruleFiles = [...]string{".layup.yaml", ".dive-ci"}

// maxRuleFile is how many bytes a file of rules may have.
const maxRuleFile = 64 << 10

// configured returns the rules and the name of the file that --config names, else of the first that is in the working
// directory, and says which it was. The name is empty if there is no file.
func configured(c *call.Call, name string) (found ruleFile, file string, err error) {
	names := []string{name}
	if name == "" {
		names = nil
		for _, n := range ruleFiles {
			if _, err := os.Lstat(n); err == nil {
				names = append(names, n)
			}
		}
	}
	if len(names) == 0 {
		return found, "", nil
	}
	if found, err = rulesIn(names[0]); err != nil {
		return found, "", fmt.Errorf("check: %q: %w", names[0], err)
	}
	said := fmt.Sprintf("rules from %s (%d)", show.Shell(names[0]), len(found.rules))
	if len(names) > 1 {
		said += ", not from " + show.Shell(names[1])
	}
	c.Note(said)
	if slices.ContainsFunc(found.rules, func(r givenRule) bool { return r.kind.takes == filed }) {
		c.Note("efficiency and waste are counted as layup waste does; dive's numbers differ, layup help check says why")
	}
	return found, names[0], nil
}

// rulesIn reads a file of rules.
func rulesIn(name string) (found ruleFile, err error) {
	info, err := os.Stat(name)
	if err == nil && !info.Mode().IsRegular() {
		err = errors.New("is not a regular file")
	}
	if pathErr, ok := errors.AsType[*fs.PathError](err); ok {
		err = pathErr.Err
	}
	if err != nil {
		return found, err
	}
	f, err := os.Open(name)
	if err != nil {
		return found, err
	}
	defer f.Close() // only read from
	data, err := io.ReadAll(io.LimitReader(f, maxRuleFile+1))
	if err != nil {
		return found, err
	}
	if len(data) > maxRuleFile {
		return found, fmt.Errorf("is longer than %d bytes", maxRuleFile)
	}
	return parseRules(name, data)
}

// A ruleFile is what a file of rules says.
type ruleFile struct {
	rules  []givenRule
	except []string // as --except has it
}

// parseRules reads YAML with one key, rules: a mapping from names of rules, or except, to values. It refuses aliases
// and unknown keys.
func parseRules(name string, data []byte) (found ruleFile, err error) {
	var doc, more yaml.Node
	decoder := yaml.NewDecoder(bytes.NewReader(data))
	switch err := decoder.Decode(&doc); {
	case err == io.EOF:
		return found, nil
	case err != nil:
		return found, errors.New(strings.TrimPrefix(err.Error(), "yaml: "))
	}
	if err := decoder.Decode(&more); err != io.EOF {
		return found, errors.New("holds more than one document")
	}
	if err := plainYAML(&doc); err != nil {
		return found, err
	}
	top, err := mapping(doc.Content[0])
	if err != nil {
		return found, err
	}
	for _, pair := range top {
		if pair.key.Value != "rules" {
			return found, fmt.Errorf("line %d: unknown key %q; rules stand under the key rules", pair.key.Line, pair.key.Value)
		}
		rules, err := mapping(pair.value)
		if err != nil {
			return found, err
		}
		for _, rule := range rules {
			if err := found.add(name, rule); err != nil {
				return found, err
			}
		}
	}
	return found, nil
}

// add understands one key of rules.
func (f *ruleFile) add(file string, p pair) (err error) {
	if p.key.Value == "except" {
		f.except, err = scalars(p.value)
		return err
	}
	given, err := filedRule(file, p)
	f.rules = append(f.rules, given...)
	return err
}

// plainYAML refuses what makes a document more than it looks like.
func plainYAML(n *yaml.Node) error {
	switch {
	case n.Kind == yaml.AliasNode || n.Anchor != "":
		return fmt.Errorf("line %d: aliases and anchors are not read here", n.Line)
	case n.Style&yaml.TaggedStyle != 0:
		return fmt.Errorf("line %d: tags are not read here", n.Line)
	}
	for _, c := range n.Content {
		if err := plainYAML(c); err != nil {
			return err
		}
	}
	return nil
}

// A pair is a key and a value of a mapping.
type pair struct{ key, value *yaml.Node }

// mapping returns the pairs of a mapping, none of nothing.
func mapping(n *yaml.Node) ([]pair, error) {
	if n.Kind == yaml.ScalarNode && n.Tag == "!!null" {
		return nil, nil
	}
	if n.Kind != yaml.MappingNode {
		return nil, fmt.Errorf("line %d: want keys and values", n.Line)
	}
	var list []pair
	seen := map[string]bool{}
	for i := 0; i+1 < len(n.Content); i += 2 {
		key := n.Content[i]
		if key.Kind != yaml.ScalarNode {
			return nil, fmt.Errorf("line %d: a key must be a word", key.Line)
		}
		if seen[key.Value] {
			return nil, fmt.Errorf("line %d: duplicate key %q", key.Line, key.Value)
		}
		seen[key.Value] = true
		list = append(list, pair{key, n.Content[i+1]})
	}
	return list, nil
}

// disabled is dive's word for a rule that is not checked.
const disabled = "disabled"

// filedRule understands one rule.
func filedRule(file string, p pair) ([]givenRule, error) {
	kind, err := ruleNamed(p.key)
	if err != nil {
		return nil, err
	}
	where := fmt.Sprintf("%s: line %d: %s", show.Shell(file), p.key.Line, kind.name)
	values, err := scalars(p.value)
	if err != nil {
		return nil, err
	}
	scalar := p.value.Kind == yaml.ScalarNode
	if kind.takes == except {
		if err := noWords(values, p.value); err != nil {
			return nil, fmt.Errorf("line %d: %s: %w", p.value.Line, kind.name, err)
		}
	}
	switch on := len(values) == 1 && values[0] == "true"; {
	case scalar && values[0] == disabled, scalar && values[0] == "false" && (kind.takes == nothing_ ||
		kind.takes == except):
		return nil, nil
	case kind.takes == nothing_ && scalar && on:
		return []givenRule{{kind, "", where}}, nil
	case kind.takes == nothing_:
		return nil, fmt.Errorf("line %d: %s: want true, false or disabled", p.value.Line, kind.name)
	case kind.takes == except && scalar && on:
		return []givenRule{{kind, "", where}}, nil
	case kind.takes == except:
		return []givenRule{{kind, strings.Join(values, ","), where}}, nil
	case kind.takes != each && !scalar:
		return nil, fmt.Errorf("line %d: %s: want one value", p.value.Line, kind.name)
	}
	var list []givenRule
	for _, v := range values {
		list = append(list, givenRule{kind, v, where})
	}
	return list, nil
}

// noWords refuses exceptions that are meant for something else: whoever writes "no" or "True" does not mean a file of
// that name.
func noWords(values []string, n *yaml.Node) error {
	for _, v := range values {
		switch word := strings.ToLower(v); word {
		case "yes", "no", "on", "off", "true", "false", disabled:
			if n.Kind != yaml.ScalarNode || v != "true" && v != "false" && v != disabled {
				return fmt.Errorf("%q: want true, false, disabled, or patterns; /**/%s is a file of that name", v, v)
			}
		}
	}
	return nil
}

func ruleNamed(key *yaml.Node) (ruleKind, error) {
	names := []string{"except"}
	for _, k := range ruleKinds() {
		if k.name == key.Value {
			return k, nil
		}
		names = append(names, k.name)
	}
	hint := cmp.Or(near.Hint(key.Value, names), "layup help check lists the rules")
	return ruleKind{}, call.Usage(hint, "line %d: unknown rule %q", key.Line, key.Value)
}

// scalars returns the value of a scalar, or those of a list of scalars.
func scalars(n *yaml.Node) ([]string, error) {
	list := []*yaml.Node{n}
	if n.Kind == yaml.SequenceNode {
		list = n.Content
	}
	var values []string
	for _, v := range list {
		if v.Kind != yaml.ScalarNode || v.Tag == "!!null" || v.Value == "" {
			return nil, fmt.Errorf("line %d: want a value", v.Line)
		}
		values = append(values, v.Value)
	}
	return values, nil
}
