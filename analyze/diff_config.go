package analyze

import (
	"maps"
	"reflect"
	"slices"
	"strings"
)

// Reordered is the change of a list that differs only in its order. The other changes are Added, Removed and Changed.
const Reordered = "reordered"

// A ConfigChange is a difference between the parts of two configs that an engine uses.
type ConfigChange struct {
	Field  string // one of AspectNames; config if one image has none
	Name   string // of an environment variable, a label, a port, a volume, a part of the platform; else empty
	Change string // Added, Removed, Changed, Reordered
	A, B   any    // a string, a list of strings, or a struct for encoding/json; nil if a side has none
}

// A configField is a part of the config: values by their names. A field with a single value has the empty name.
type configField struct {
	aspect Aspect
	name   string
	values func(*Image) map[string]any
}

// configFields are the fields that engines apply to a container. They ignore the others (Hostname, Image, Tty…).
var configFields = []configField{
	{ConfigPlatform, "platform", func(img *Image) map[string]any {
		c := img.ConfigFile
		return map[string]any{"os": c.OS, "architecture": c.Architecture,
			"variant": variant(c.Architecture, c.Variant), "osVersion": c.OSVersion}
	}},
	{ConfigUser, "user", own(func(img *Image) any { return img.ConfigFile.Config.User })},
	{ConfigEnv, "env", func(img *Image) map[string]any { return environment(img.ConfigFile.Config.Env) }},
	{ConfigEntrypoint, "entrypoint", own(func(img *Image) any { return img.ConfigFile.Config.Entrypoint })},
	{ConfigCmd, "cmd", own(func(img *Image) any { return img.ConfigFile.Config.Cmd })},
	{ConfigWorkdir, "workdir", own(func(img *Image) any { return img.ConfigFile.Config.WorkingDir })},
	{ConfigLabels, "labels", func(img *Image) map[string]any {
		labels := map[string]any{}
		for name, value := range img.ConfigFile.Config.Labels {
			labels[name] = present(value)
		}
		return labels
	}},
	{ConfigPorts, "ports", func(img *Image) map[string]any { return names(img.ConfigFile.Config.ExposedPorts) }},
	{ConfigVolumes, "volumes", func(img *Image) map[string]any { return names(img.ConfigFile.Config.Volumes) }},
	{ConfigStopSignal, "stopsignal", own(func(img *Image) any { return img.ConfigFile.Config.StopSignal })},
	{ConfigHealthcheck, "healthcheck", func(img *Image) map[string]any {
		if h := img.ConfigFile.Config.Healthcheck; h != nil {
			return map[string]any{"": *h}
		}
		return nil
	}},
	{ConfigShell, "shell", own(func(img *Image) any { return img.ConfigFile.Config.Shell })},
	{ConfigOnBuild, "onbuild", own(func(img *Image) any { return img.ConfigFile.Config.OnBuild })},
}

// own makes the only value of a field.
func own(value func(*Image) any) func(*Image) map[string]any {
	return func(img *Image) map[string]any { return map[string]any{"": value(img)} }
}

// usualVariants are the variants of architectures that name none: for engines, with and without are one platform.
// Source: package platforms of containerd.
var usualVariants = map[string]string{"arm64": "v8", "arm": "v7", "amd64": "v1"}

// variant returns the variant of an architecture, empty if it is the usual one.
func variant(architecture, variant string) string {
	if variant == usualVariants[architecture] {
		return ""
	}
	return variant
}

// A present text counts even if it is empty.
type present string

// environment returns the variables by name; of equal names the last one counts.
func environment(list []string) map[string]any {
	values := map[string]any{}
	for _, v := range list {
		name, value, _ := strings.Cut(v, "=")
		values[name] = present(value)
	}
	return values
}

func names(set map[string]struct{}) map[string]any {
	values := map[string]any{}
	for name := range set {
		values[name] = present("")
	}
	return values
}

// compareConfigs returns what differs, in the order of the fields, then of names.
func compareConfigs(a, b *Image, ignore Aspect) []ConfigChange {
	noneA, noneB := a.Config == nil, b.Config == nil
	switch {
	case ignore&Config == Config, noneA && noneB:
		return nil
	case noneA:
		return []ConfigChange{{Field: "config", Change: Added}}
	case noneB:
		return []ConfigChange{{Field: "config", Change: Removed}}
	}
	var list []ConfigChange
	for _, f := range configFields {
		if ignore&f.aspect == 0 {
			list = append(list, f.compare(a, b)...)
		}
	}
	one, two := a.ConfigFile.Config.Env, b.ConfigFile.Config.Env
	sameValues := maps.Equal(environment(one), environment(two))
	if ignore&(ConfigEnv|Order) == 0 && sameValues && !slices.Equal(one, two) {
		list = append(list, ConfigChange{Field: "env", Change: Reordered, A: one, B: two})
	}
	return list
}

func (f configField) compare(a, b *Image) []ConfigChange {
	one, two := f.values(a), f.values(b)
	every := map[string]any{}
	maps.Copy(every, one)
	maps.Copy(every, two)
	var list []ConfigChange
	for _, name := range slices.Sorted(maps.Keys(every)) {
		c := ConfigChange{Field: f.name, Name: name, Change: Changed, A: filled(one[name]), B: filled(two[name])}
		switch {
		case reflect.DeepEqual(c.A, c.B):
			continue
		case c.A == nil:
			c.Change = Added
		case c.B == nil:
			c.Change = Removed
		}
		list = append(list, c)
	}
	return list
}

// filled returns a value as it is shown, or nil for an empty one: many writers leave out empty values.
func filled(v any) any {
	switch v := v.(type) {
	case present:
		return string(v)
	case string:
		if v == "" {
			return nil
		}
	case []string:
		if len(v) == 0 {
			return nil
		}
	}
	return v
}
