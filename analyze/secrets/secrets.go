package secrets

import (
	"cmp"
	"context"
	"crypto/pbkdf2"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
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
	Inner       string      // of a file in an archive: its name there; else empty
	Field       string      // of the config or the history: config.Env.NAME, history[2].created_by; else empty
	Layer       int         // the one that holds it, or tarfs.NoLayer
	Line        int         // from 1; 0 if the path or the name of a variable tells
	Offset      int64       // of the match in the file, in bytes
	Secret      string      // unmasked; empty if the path tells
	Hit         analyze.Hit // what became of the file; not of a field
	Left        bool        // the rules leave its path out
	fingerprint string      // once it was computed
}

// Live reports whether a container of the image sees the finding: in a visible file, or in the config.
func (f *Finding) Live() bool {
	return f.Path != "" && f.Hit.Status == analyze.Live || strings.HasPrefix(f.Field, "config")
}

// Hidden reports whether the finding lies in what the image carries and does not show: a hidden file, or the history.
func (f *Finding) Hidden() bool {
	return f.Path != "" && f.Hit.Status != analyze.Live || strings.HasPrefix(f.Field, "history")
}

// Place is the path of the file, followed by !/ and the name in it if it is an archive, or the field.
func (f *Finding) Place() string {
	switch {
	case f.Inner != "":
		return f.Path + "!/" + f.Inner
	case f.Path != "":
		return f.Path
	}
	return f.Field
}

// Fingerprint tells the finding from others, also in later builds: it is made of the rule, the place and the value. It
// takes long to compute for whoever tries all values, and little for all findings that an image may have.
func (f *Finding) Fingerprint() string {
	const rounds, size, shown = 128, 16, 12
	if f.fingerprint == "" {
		secret := sha256.Sum256([]byte(f.Secret)) // of a length that every mode of package crypto allows
		salt := sha256.Sum256([]byte(f.Rule + "\x00" + f.Place()))
		sum, err := pbkdf2.Key(sha256.New, string(secret[:]), salt[:], rounds, size)
		if err != nil {
			panic(err) // the lengths are allowed
		}
		f.fingerprint = hex.EncodeToString(sum[:shown])
	}
	return f.fingerprint
}

// A Set is what was found in an image.
type Set struct {
	Findings   []Finding // by path, then those of fields
	Programs   int       // that were not searched
	Compressed int       // archives and other compressed files that were not searched
	Cut        int       // files that were not searched to their end; Warnings name them
	More       int       // findings that are only counted, because there are too many
	Warnings   []tarfs.Warning
	bytes      int // of the values of Findings
}

// The limits of findings in files of one image. What is beyond them is counted.
const (
	mostFindings = 100_000
	mostBytes    = 64 << 20 // of values
)

// What this package warns of.
var (
	NotToItsEnd = tarfs.Code{Name: "secrets-not-to-its-end", Severity: tarfs.Medium,
		Message: "a file was not searched for secrets to its end: its text is made to cost too much"}
	NotAllOfIt = tarfs.Code{Name: "secrets-archive-not-read", Severity: tarfs.Medium,
		Message: "an archive, or a part of it, cannot be read: secrets may be in it"}
	TooMany = tarfs.Code{Name: "secrets-too-many", Severity: tarfs.Medium,
		Message: "more than 1,000 findings in a file, or 100,000 in all: the others are only counted"}
)

// Names are those of the rules.
func (s *Search) Names() (list []string) {
	for _, r := range s.rules {
		list = append(list, r.ID)
	}
	return list
}

// Read returns what a search found in an image that was loaded with its needs.
func (s *Search) Read(ctx context.Context, img *analyze.Image) (*Set, error) {
	set := new(Set)
	u := s.unpacking(ctx, set)
	for b := range img.Tree().Bodies() {
		v := b.Version()
		c := img.Sieved(v)
		if c == nil || !img.Counts(v.Layer()) {
			continue
		}
		if err := ctx.Err(); err != nil {
			return nil, err
		}
		if err := u.one(v, c); err != nil {
			return nil, err
		}
	}
	return set, s.finish(ctx, img, set)
}

// finish adds what further paths, the config and the history tell, and sorts the findings.
func (s *Search) finish(ctx context.Context, img *analyze.Image, set *Set) error {
	if err := s.otherNames(ctx, img, set); err != nil {
		return err
	}
	slices.SortStableFunc(set.Findings, func(a, b Finding) int {
		return cmp.Or(strings.Compare(a.Path, b.Path), strings.Compare(a.Inner, b.Inner),
			cmp.Compare(a.Layer, b.Layer), cmp.Compare(a.Offset, b.Offset), strings.Compare(a.Rule, b.Rule))
	})
	s.config(set, img)
	return nil
}

// one adds what was set aside of a file: what was found in it, or all of it, which is an archive.
func (u *unpacking) one(v tarfs.Version, c *sieve.Content) error {
	var first [1]byte
	if _, err := c.ReadAt(first[:], 0); err != nil {
		return err
	}
	rest := io.NewSectionReader(c, 1, c.Size-1)
	if first[0] == aFile {
		return u.archive(v, rest)
	}
	var n note
	text, err := io.ReadAll(rest)
	if err == nil {
		err = json.Unmarshal(text, &n)
	}
	if err != nil {
		return err
	}
	u.s.add(u.set, v, n, "")
	return nil
}

// add adds what was found in a file, or in a file in an archive.
func (s *Search) add(set *Set, v tarfs.Version, n note, inner string) {
	switch n.Skipped {
	case program:
		set.Programs++
	case compressed:
		set.Compressed++
	}
	if n.Cut {
		set.Cut++
		set.warn(NotToItsEnd, v, "")
	}
	if n.More > 0 {
		set.More += n.More
		set.warn(TooMany, v, "")
	}
	if len(n.Found) == 0 {
		return
	}
	hit := hitOf(v)
	for i, r := range n.Found {
		if len(set.Findings) >= mostFindings || set.bytes > mostBytes {
			set.More += len(n.Found) - i
			set.warn(TooMany, v, "")
			return
		}
		set.bytes += len(r.Secret)
		rule := &s.rules[r.Rule]
		set.Findings = append(set.Findings, Finding{Rule: rule.ID, About: rule.About, Path: v.Node().Path(), Inner: inner,
			Layer: v.Layer(), Line: r.Line, Offset: r.Offset, Secret: string(r.Secret), Hit: hit, Left: r.Left})
	}
}

// mostWarnings is how many warnings are kept: the others are counted.
const mostWarnings = 100

func (s *Set) warn(code tarfs.Code, v tarfs.Version, note string) {
	if len(s.Warnings) < mostWarnings {
		s.Warnings = append(s.Warnings, tarfs.Warning{Code: code, Layer: v.Layer(), Path: v.Node().Path(), Note: note})
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
