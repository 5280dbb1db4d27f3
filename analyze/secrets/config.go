package secrets

import (
	"fmt"
	"maps"
	"regexp"
	"slices"
	"strings"

	"layup/analyze"
	"layup/tarfs"
)

// Variable is the rule for the variables of the config and of the history: their names or values say that they are
// secret.
const Variable = "secret-variable"

// A field is a text of the config or of the history.
type field struct {
	name, text string
	layer      int // the one that the step made, or tarfs.NoLayer
}

// config adds what is in the config and in the history.
func (s *Search) config(set *Set, img *analyze.Image) {
	if img.ConfigFile == nil {
		return
	}
	first := len(set.Findings)
	for _, f := range s.fields(img) {
		if f.text == "" {
			continue
		}
		for _, r := range s.text(f.text) {
			rule := &s.rules[r.Rule]
			set.Findings = append(set.Findings, Finding{Rule: rule.ID, About: rule.About, Field: f.name, Layer: f.layer,
				Line: r.Line, Offset: r.Offset, Secret: string(r.Secret)})
		}
	}
	for _, v := range img.Secrets() {
		name, about := fmt.Sprintf("history[%d].created_by", v.Step), v.Where
		if v.Step < 0 {
			name = s.at("config.Env", v.Name, slices.IndexFunc(img.ConfigFile.Config.Env, func(entry string) bool {
				return entry == v.Value || strings.HasPrefix(entry, v.Name+"=")
			}))
		}
		if s.plain(v.Name) {
			about += " " + v.Name
		}
		known := slices.ContainsFunc(set.Findings[first:], func(f Finding) bool {
			return f.Field == name && (strings.Contains(f.Secret, v.Value) || strings.Contains(v.Value, f.Secret))
		})
		if !known {
			set.Findings = append(set.Findings, Finding{Rule: Variable, About: about, Field: name,
				Layer: v.Layer, Secret: v.Value})
		}
	}
}

// text searches a text that is not a file.
func (s *Search) text(text string) []raw {
	f := s.begin("")
	f.feed([]byte(text))
	return f.finish().Found
}

var plainName = regexp.MustCompile(`^[\w./-]+$`)

// plain reports whether a name of a variable or of a label may be shown: it holds no secret.
func (s *Search) plain(name string) bool {
	return plainName.MatchString(name) && len(s.text(name)) == 0
}

// at is the place of a name in a field; its number there if the name is not to be shown.
func (s *Search) at(field, name string, i int) string {
	if s.plain(name) {
		return field + "." + name
	}
	return fmt.Sprintf("%s[%d]", field, i)
}

// fields are the texts of the config and of the history.
func (s *Search) fields(img *analyze.Image) []field {
	var list []field
	add := func(layer int, text, name string, args ...any) {
		list = append(list, field{fmt.Sprintf(name, args...), text, layer})
	}
	layer := 0
	for i, h := range img.ConfigFile.History {
		at := tarfs.NoLayer
		if !h.EmptyLayer {
			if at = layer; at >= len(img.Layers) {
				at = tarfs.NoLayer
			}
			layer++
		}
		if at != tarfs.NoLayer && !img.Counts(at) {
			continue
		}
		add(at, h.CreatedBy, "history[%d].created_by", i)
		add(at, h.Comment, "history[%d].comment", i)
		add(at, h.Author, "history[%d].author", i)
	}
	c := &img.ConfigFile.Config
	for i, v := range c.Env {
		name, _, _ := strings.Cut(v, "=")
		add(tarfs.NoLayer, v, "%s", s.at("config.Env", name, i))
	}
	for i, key := range slices.Sorted(maps.Keys(c.Labels)) {
		add(tarfs.NoLayer, key+"="+c.Labels[key], "%s", s.at("config.Labels", key, i))
	}
	add(tarfs.NoLayer, strings.Join(c.Entrypoint, " "), "config.Entrypoint")
	add(tarfs.NoLayer, strings.Join(c.Cmd, " "), "config.Cmd")
	add(tarfs.NoLayer, strings.Join(c.Shell, " "), "config.Shell")
	if c.Healthcheck != nil {
		add(tarfs.NoLayer, strings.Join(c.Healthcheck.Test, " "), "config.Healthcheck")
	}
	for i, step := range c.OnBuild {
		add(tarfs.NoLayer, step, "config.OnBuild[%d]", i)
	}
	add(tarfs.NoLayer, img.ConfigFile.Author, "author")
	return list
}
