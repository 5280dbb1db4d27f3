package source

import (
	"encoding/json"
	"errors"
	"fmt"
	"time"

	v1 "github.com/google/go-containerregistry/pkg/v1"

	"layup/analyze/digest"
	"layup/tarfs"
)

// storedConfig is a config as it may be written: what Go's types refuse although engines read it has types of its own here.
type storedConfig struct {
	v1.ConfigFile
	Created moment           `json:"created"`
	History []*storedHistory `json:"history"`
	RootFS  *storedRootFS    `json:"rootfs"`
	Config  *storedExecution `json:"config"`
}

type storedRootFS struct {
	Type    string            `json:"type"`
	DiffIDs []json.RawMessage `json:"diff_ids"`
}

type storedHistory struct {
	v1.History
	Created moment `json:"created"`
}

type storedExecution struct {
	v1.Config
	Cmd        words `json:"Cmd"`
	Entrypoint words `json:"Entrypoint"`
	Shell      words `json:"Shell"`
}

func (e *storedExecution) execution() v1.Config {
	c := e.Config
	c.Cmd, c.Entrypoint, c.Shell = e.Cmd, e.Entrypoint, e.Shell
	return c
}

// A moment is a time, zero where the text is empty or none.
type moment struct{ time.Time }

// UnmarshalJSON hides that of the embedded time, which refuses an empty text. What is no time is an unknown one.
func (m *moment) UnmarshalJSON(text []byte) error {
	var s *string
	if err := json.Unmarshal(text, &s); err != nil || s == nil {
		return typedAs("created", err)
	}
	if t, err := time.Parse(time.RFC3339Nano, *s); err == nil {
		m.Time = t
	}
	return nil
}

// typedAs names the place of a mismatch that encoding/json does not know.
func typedAs(place string, err error) error {
	if err == nil {
		return nil
	}
	return fmt.Errorf("%s: %w", place, typed(err))
}

// words is a list of strings that old builders wrote as one string.
type words []string

// UnmarshalJSON reads a list or a string.
func (w *words) UnmarshalJSON(text []byte) error {
	if len(text) > 0 && text[0] == '"' {
		var s string
		err := json.Unmarshal(text, &s)
		*w = words{s}
		return err
	}
	return typedAs("Cmd, Entrypoint or Shell", json.Unmarshal(text, (*[]string)(w)))
}

// parseConfig reads an image's config and checks what the layers rest on.
func parseConfig(doc []byte, limits *Limits) (*v1.ConfigFile, []string, error) {
	var raw storedConfig
	if err := unmarshal(doc, limits.JSONDepth, &raw); err != nil {
		return nil, nil, fmt.Errorf("config: %w", err)
	}
	if err := over(limitHistory, int64(len(raw.History)), int64(limits.History)); err != nil {
		return nil, nil, fmt.Errorf("config: history entries: %w", err)
	}
	cf := &raw.ConfigFile
	cf.Created = v1.Time(raw.Created)
	for _, h := range raw.History {
		if h == nil {
			h = new(storedHistory) // it still stands for a layer
		}
		h.History.Created = v1.Time(h.Created)
		cf.History = append(cf.History, h.History)
	}
	if raw.Config != nil {
		cf.Config = raw.Config.execution()
	}
	if raw.RootFS == nil {
		return cf, nil, nil
	}
	cf.RootFS.Type = raw.RootFS.Type
	diffIDs, err := parseDiffIDs(raw.RootFS.DiffIDs)
	for _, d := range diffIDs {
		algorithm := digest.Algorithm(d)
		cf.RootFS.DiffIDs = append(cf.RootFS.DiffIDs, v1.Hash{Algorithm: algorithm, Hex: d[len(algorithm)+1:]})
	}
	return cf, diffIDs, err
}

func parseDiffIDs(raw []json.RawMessage) ([]string, error) {
	list := make([]string, len(raw))
	for i, r := range raw {
		var s *string
		err := typed(json.Unmarshal(r, &s))
		if err == nil && s == nil {
			err = errors.New("want a string, found null")
		}
		if err == nil {
			list[i], err = *s, digest.Check(*s)
		}
		if err != nil {
			return nil, fmt.Errorf("config: rootfs.diff_ids[%d]: %w", i, err)
		}
	}
	return list, nil
}

// countLayers demands a diffID for every layer.
func countLayers(layers int, diffIDs []string) error {
	switch {
	case layers == len(diffIDs):
		return nil
	case len(diffIDs) == 0:
		return fmt.Errorf("config: no rootfs.diff_ids: %d layers but 0 diff_ids", layers)
	}
	return fmt.Errorf("%d layers but %d diff_ids", layers, len(diffIDs))
}

// historyEntries counts the entries that stand for a layer.
func historyEntries(cf *v1.ConfigFile) int {
	entries := 0
	for _, h := range cf.History {
		if !h.EmptyLayer {
			entries++
		}
	}
	return entries
}

// historyWarnings says where instructions cannot be given to layers.
func historyWarnings(cf *v1.ConfigFile, layers int) []tarfs.Warning {
	switch {
	case layers == 0 || historyEntries(cf) == layers:
		return nil
	case len(cf.History) == 0:
		return []tarfs.Warning{{Code: HistoryAbsent, Layer: tarfs.NoLayer}}
	}
	return []tarfs.Warning{{Code: HistoryDoesNotMatchLayers, Layer: tarfs.NoLayer}}
}

// configPlatform returns what the config says it runs on.
func configPlatform(cf *v1.ConfigFile) platform {
	return platform{OS: cf.OS, Architecture: cf.Architecture, Variant: cf.Variant, OSVersion: cf.OSVersion}
}
