package secrets

import (
	"fmt"
	"maps"
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
	for _, f := range fields(img) {
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
		name := "config.Env." + v.Name
		if v.Step >= 0 {
			name = fmt.Sprintf("history[%d].created_by", v.Step)
		}
		known := slices.ContainsFunc(set.Findings[first:], func(f Finding) bool {
			return f.Field == name && (strings.Contains(f.Secret, v.Value) || strings.Contains(v.Value, f.Secret))
		})
		if !known {
			set.Findings = append(set.Findings, Finding{Rule: Variable, About: v.Where + " " + v.Name, Field: name,
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

// fields are the texts of the config and of the history.
func fields(img *analyze.Image) []field {
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
	for _, v := range c.Env {
		name, _, _ := strings.Cut(v, "=")
		add(tarfs.NoLayer, v, "config.Env.%s", name)
	}
	for _, key := range slices.Sorted(maps.Keys(c.Labels)) {
		add(tarfs.NoLayer, key+"="+c.Labels[key], "config.Labels.%s", key)
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
