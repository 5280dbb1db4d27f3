package document

import (
	"encoding/json"
	"errors"
	"fmt"
	"slices"
	"strings"
	"time"

	v1 "github.com/google/go-containerregistry/pkg/v1"

	"layup/analyze/digest"
)

// storedConfig is a config as builders write it. Its own types accept what engines read and Go's types refuse.
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

// A moment is a time. It is zero if the text is empty or not a time.
type moment struct{ time.Time }

// UnmarshalJSON reads a time. The method of time.Time would refuse an empty text.
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
	return fmt.Errorf("%s: %w", place, Typed(err))
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

// A Config is an image's config.
type Config struct {
	Raw     []byte
	File    *v1.ConfigFile // never nil
	DiffIDs []string
	ID      string // the digest of Raw
}

// ParseConfig reads an image's config and checks its diffIDs.
func ParseConfig(doc []byte, limits *Limits) (*Config, error) {
	var raw storedConfig
	if err := Unmarshal(doc, limits.JSONDepth, &raw); err != nil {
		return nil, fmt.Errorf("config: %w", err)
	}
	if err := Over(limitHistory, len(raw.History), limits.History); err != nil {
		return nil, fmt.Errorf("config: history entries: %w", err)
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
	c := &Config{Raw: doc, File: cf, ID: digest.Of(doc)}
	if raw.RootFS == nil {
		return c, nil
	}
	cf.RootFS.Type = raw.RootFS.Type
	var err error
	if c.DiffIDs, err = parseDiffIDs(raw.RootFS.DiffIDs); err != nil {
		return nil, err
	}
	for _, d := range c.DiffIDs {
		cf.RootFS.DiffIDs = append(cf.RootFS.DiffIDs, v1.Hash{Algorithm: digest.Algorithm(d), Hex: digest.Hex(d)})
	}
	return c, nil
}

func parseDiffIDs(raw []json.RawMessage) ([]string, error) {
	list := make([]string, len(raw))
	for i, r := range raw {
		var s *string
		err := Typed(json.Unmarshal(r, &s))
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

// CountLayers returns an error unless there is a diffID for every layer.
func CountLayers(layers int, diffIDs []string) error {
	switch {
	case layers == len(diffIDs):
		return nil
	case len(diffIDs) == 0:
		return fmt.Errorf("config: no rootfs.diff_ids: %d layers but 0 diff_ids", layers)
	}
	return fmt.Errorf("%d layers but %d diff_ids", layers, len(diffIDs))
}

// LayerHistory returns the entries of the history that stand for a layer.
func LayerHistory(cf *v1.ConfigFile) []v1.History {
	return slices.DeleteFunc(slices.Clone(cf.History), func(h v1.History) bool { return h.EmptyLayer })
}

// A V1Image is ID/json of an archive of Docker before 1.10: one layer that knows its parent.
type V1Image struct {
	ID              string           `json:"id"`
	Parent          string           `json:"parent"`
	Created         moment           `json:"created"`
	Author          string           `json:"author"`
	Comment         string           `json:"comment"`
	Architecture    string           `json:"architecture"`
	Variant         string           `json:"variant"`
	OS              string           `json:"os"`
	Config          *storedExecution `json:"config"`
	ContainerConfig struct {
		Cmd words `json:"Cmd"`
	} `json:"container_config"`

	Raw []byte `json:"-"`
}

// ParseV1 reads ID/json.
func ParseV1(doc []byte, limits *Limits) (*V1Image, error) {
	img := &V1Image{Raw: doc}
	return img, Unmarshal(doc, limits.JSONDepth, img)
}

// Later reports whether a layer below the top is as docker save since 1.10 writes it, beside manifest.json: created at
// the beginning of Unix time. Source: moby, image/tarexport/save.go, saveImage.
func (img *V1Image) Later() bool { return img.Created.Time.Equal(time.Unix(0, 0)) }

// V1Config makes the config of an image from its chain of V1Images, oldest first.
func V1Config(chain []*V1Image) *v1.ConfigFile {
	top := chain[len(chain)-1]
	cf := &v1.ConfigFile{Architecture: top.Architecture, Variant: top.Variant, OS: top.OS, Author: top.Author,
		Created: v1.Time(top.Created)}
	if top.Config != nil {
		cf.Config = top.Config.execution()
	}
	for _, l := range chain {
		cf.History = append(cf.History, v1.History{Created: v1.Time(l.Created), Author: l.Author, Comment: l.Comment,
			CreatedBy: strings.Join(l.ContainerConfig.Cmd, " ")})
	}
	return cf
}
