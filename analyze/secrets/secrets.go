package secrets

import (
	"cmp"
	"context"
	"encoding/json"
	"errors"
	"io"
	"slices"
	"strings"

	"layup/analyze"
	"layup/analyze/sieve"
	"layup/tarfs"
)

// A Finding is something secret in an image.
type Finding struct {
	Rule, About string
	Path        string      // of the file; empty if it is in the config or the history
	Field       string      // of the config or the history: config.Env.NAME, history[2].created_by; else empty
	Layer       int         // the one that holds it, or tarfs.NoLayer
	Line        int         // from 1; 0 if the path or the name of a variable tells
	Offset      int64       // of the match in the file, in bytes
	Secret      string      // unmasked; empty if the path tells
	Hit         analyze.Hit // what became of the file; not of a field
	Left        bool        // the rules leave its path out
}

// Live reports whether whoever runs the image sees the finding.
func (f *Finding) Live() bool { return f.Path == "" || f.Hit.Status == analyze.Live }

// A Set is what was found in an image.
type Set struct {
	Findings   []Finding // by path, then those of fields
	Programs   int       // that were not searched
	Compressed int       // archives and other compressed files that were not searched
	Warnings   []tarfs.Warning
}

// Read returns what a search found in an image that was loaded with its needs.
func (s *Search) Read(ctx context.Context, img *analyze.Image) (*Set, error) {
	set := new(Set)
	for b := range img.Tree().Bodies() {
		v := b.Version()
		c := img.Sieved(v)
		if c == nil || !img.Counts(v.Layer()) {
			continue
		}
		if err := ctx.Err(); err != nil {
			return nil, err
		}
		n, err := noteOf(c)
		if err != nil {
			return nil, err
		}
		s.file(set, v, n)
	}
	slices.SortStableFunc(set.Findings, func(a, b Finding) int {
		return cmp.Or(strings.Compare(a.Path, b.Path), cmp.Compare(a.Layer, b.Layer), cmp.Compare(a.Offset, b.Offset),
			strings.Compare(a.Rule, b.Rule))
	})
	s.config(set, img)
	return set, nil
}

// noteOf reads back what was set aside.
func noteOf(c *sieve.Content) (n note, err error) {
	text := make([]byte, c.Size)
	if _, err := c.ReadAt(text, 0); err != nil && err != io.EOF {
		return n, err
	}
	if json.Unmarshal(text, &n) != nil {
		return n, errors.New("internal error: what was set aside is damaged")
	}
	return n, nil
}

// file adds what was found in a file.
func (s *Search) file(set *Set, v tarfs.Version, n note) {
	switch n.Skipped {
	case program:
		set.Programs++
	case compressed:
		set.Compressed++
	}
	if len(n.Found) == 0 {
		return
	}
	hit := hitOf(v)
	for _, r := range n.Found {
		rule := &s.rules[r.Rule]
		set.Findings = append(set.Findings, Finding{Rule: rule.ID, About: rule.About, Path: v.Node().Path(), Layer: v.Layer(),
			Line: r.Line, Offset: r.Offset, Secret: string(r.Secret), Hit: hit, Left: r.Left})
	}
}

// hitOf says what became of the version that stands for a content.
func hitOf(v tarfs.Version) analyze.Hit {
	h := analyze.HitOf(v)
	if h.How >= tarfs.ReplacedInLayer {
		h.Status = analyze.Unseen
	}
	return h
}
