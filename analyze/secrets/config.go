package secrets

import (
	"encoding/json"
	"fmt"
	"maps"
	"regexp"
	"slices"
	"strings"

	v1 "github.com/google/go-containerregistry/pkg/v1"

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

// fields are the texts of the history, of the config, of what builders left in it if that is something else, and of the
// annotations of the manifest.
func (s *Search) fields(img *analyze.Image) []field {
	list := history(img)
	seen := map[string]bool{}
	add := func(name, text string) {
		seen[text] = true
		list = append(list, field{name, text, tarfs.NoLayer})
	}
	s.settings("config", &img.ConfigFile.Config, add)
	add("author", img.ConfigFile.Author)
	var left struct {
		Config v1.Config `json:"container_config"`
	}
	if json.Unmarshal(img.Config, &left) == nil { // else nothing reads it
		s.settings("container_config", &left.Config, func(name, text string) {
			if !seen[text] {
				add(name, text)
			}
		})
	}
	var manifest struct{ Annotations map[string]string }
	if json.Unmarshal(img.Manifest, &manifest) == nil {
		s.pairs("manifest.annotations", manifest.Annotations, add)
	}
	return list
}

// settings are the texts of a container's configuration.
func (s *Search) settings(of string, c *v1.Config, add func(name, text string)) {
	for i, v := range c.Env {
		name, _, _ := strings.Cut(v, "=")
		add(s.at(of+".Env", name, i), v)
	}
	s.pairs(of+".Labels", c.Labels, add)
	for _, list := range []struct {
		name  string
		words []string
	}{{"Entrypoint", c.Entrypoint}, {"Cmd", c.Cmd}, {"Shell", c.Shell}, {"User", []string{c.User}},
		{"WorkingDir", []string{c.WorkingDir}}, {"Volumes", slices.Sorted(maps.Keys(c.Volumes))}} {
		add(of+"."+list.name, strings.Join(list.words, " "))
	}
	if c.Healthcheck != nil {
		add(of+".Healthcheck", strings.Join(c.Healthcheck.Test, " "))
	}
	for i, step := range c.OnBuild {
		add(fmt.Sprintf("%s.OnBuild[%d]", of, i), step)
	}
}

// pairs are the texts of labels or annotations.
func (s *Search) pairs(of string, texts map[string]string, add func(name, text string)) {
	for i, key := range slices.Sorted(maps.Keys(texts)) {
		add(s.at(of, key, i), key+"="+texts[key])
	}
}

// history are the texts of the steps.
func history(img *analyze.Image) (list []field) {
	add := func(layer int, text, name string, i int) {
		list = append(list, field{fmt.Sprintf(name, i), text, layer})
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
	return list
}
