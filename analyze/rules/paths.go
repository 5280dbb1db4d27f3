package rules

import (
	"fmt"
	"iter"
	"slices"

	"layup/analyze"
	"layup/analyze/filter"
	"layup/analyze/secrets"
	"layup/tarfs"
)

const (
	setuidBit     = 0o4000
	setgidBit     = 0o2000
	stickyBit     = 0o1000
	worldWritable = 0o002
)

// broken are versions that break a rule. Only the first Most in path order are kept.
type broken struct {
	list []analyze.Hit
	n    int
}

// look finds the versions that break each rule, in one walk for all rules. The walk is not in path order, which would
// cost as much as all the rest. Only a rule that more than Most versions break needs that order.
func (s *subject) look(rules []Rule) []broken {
	found := make([]broken, len(rules))
	see := func(hits iter.Seq[analyze.Hit]) {
		for h := range hits {
			for i := range rules {
				if s.breaks(&rules[i], h) {
					if found[i].n++; found[i].n <= Most {
						found[i].list = append(found[i].list, h)
					}
				}
			}
		}
	}
	if slices.ContainsFunc(rules, func(r Rule) bool { return r.breaks != nil }) {
		see(s.UnorderedHits())
		for i := range found {
			slices.SortStableFunc(found[i].list, func(a, b analyze.Hit) int {
				return tarfs.ComparePaths(a.Version.Node().Path(), b.Version.Node().Path())
			})
		}
		see(s.Unseen())
	}
	for i := range found {
		if f := &found[i]; f.n > Most {
			f.list = f.list[:0]
			for h := range s.Find(true, func(h analyze.Hit) bool { return s.breaks(&rules[i], h) }) {
				if f.list = append(f.list, h); len(f.list) == Most {
					break
				}
			}
		}
	}
	return found
}

// breaks reports whether a version breaks a rule.
func (s *subject) breaks(r *Rule, h analyze.Hit) bool {
	return r.breaks != nil && (h.Status == analyze.Live || !r.live) && r.breaks(h) != "" &&
		s.Counts(h.Version.Layer()) && !s.except.Match(h.Version.Node())
}

// visible makes a rule about visible versions: the message says how one breaks it, and is empty otherwise.
func visible(message func(tarfs.Version) string) Rule {
	return Rule{breaks: func(h analyze.Hit) string { return message(h.Version) }, live: true}
}

// every makes a rule about all versions, even ones that no layer ever showed.
func every(message func(analyze.Hit) string) Rule { return Rule{breaks: message} }

// Forbid forbids visible paths that match a glob.
func Forbid(glob string) (Rule, error) {
	matches, err := filter.Glob(glob, false)
	r := visible(func(v tarfs.Version) string {
		if !matches(v.Node()) {
			return ""
		}
		return "forbidden " + v.Type().String()
	})
	r.Limit = glob
	return r, err
}

// ForbidDeleted forbids hidden versions of paths that match a glob.
func ForbidDeleted(glob string) (Rule, error) {
	matches, err := filter.Glob(glob, false)
	r := every(func(h analyze.Hit) string {
		if h.Status == analyze.Live || !matches(h.Version.Node()) {
			return ""
		}
		return "still in the image, " + becameOf(h)
	})
	r.Limit = glob
	return r, err
}

// becameOf says what became of a version.
func becameOf(h analyze.Hit) string {
	switch h.Status {
	case analyze.Live:
		return "visible"
	case analyze.Unseen:
		return "shown by no layer (" + h.How.String() + ")"
	}
	return fmt.Sprintf("%s by layer %d", h.Status, h.HiddenBy)
}

// Require demands a visible path that matches a glob.
func Require(glob string) (Rule, error) {
	matches, err := filter.Glob(glob, false)
	return Rule{Limit: glob, test: func(s *subject) findings {
		n := int64(0)
		for h := range s.UnorderedHits() {
			if h.Status == analyze.Live && matches(h.Version.Node()) {
				n++
			}
		}
		if n == 0 {
			return measured(n, false, "nothing visible matches %s", glob)
		}
		return measured(n, true, "%d match", n)
	}}, err
}

// NoSetuid forbids visible setuid files, except for paths that match.
func NoSetuid(except filter.Patterns) Rule { return noBit(except, setuidBit, "setuid") }

// NoSetgid forbids visible setgid files, except for paths that match.
func NoSetgid(except filter.Patterns) Rule { return noBit(except, setgidBit, "setgid") }

func noBit(except filter.Patterns, bit uint16, name string) Rule {
	return visible(func(v tarfs.Version) string {
		m := v.Meta()
		if v.Type() != tarfs.File || m.Mode&bit == 0 || except.Match(v.Node()) {
			return ""
		}
		return fmt.Sprintf("%s file, mode %04o, owner %d:%d", name, m.Mode, m.UID, m.GID)
	})
}

// NoWorldWritable forbids visible files that everyone may write, and such directories without the sticky bit, except
// for paths that match.
func NoWorldWritable(except filter.Patterns) Rule {
	return visible(func(v tarfs.Version) string {
		mode := v.Meta().Mode
		ours := v.Type() == tarfs.File || v.Type() == tarfs.Dir && mode&stickyBit == 0
		if !ours || mode&worldWritable == 0 || except.Match(v.Node()) {
			return ""
		}
		return fmt.Sprintf("%s that everyone may write, mode %04o", v.Type(), mode)
	})
}

// NoSensitive forbids secrets in the history, and sensitive files, visible or hidden, except for paths that match.
func NoSensitive(except filter.Patterns) Rule {
	r := every(func(h analyze.Hit) string {
		rule := analyze.Sensitive(h.Version)
		if rule == "" || except.Match(h.Version.Node()) {
			return ""
		}
		return rule + ", " + becameOf(h)
	})
	r.test = func(s *subject) (found findings) {
		for _, secret := range s.Secrets() {
			message := fmt.Sprintf("secret %s in %s", secret.Name, secret.Place())
			found.add(Finding{Layer: secret.Layer, Message: message})
		}
		return found
	}
	return r
}

// NoSecrets forbids what a search for secrets finds, in files, visible or hidden, in the config and in the history,
// except for paths that match and for what is known. Load the image with the needs of the search.
func NoSecrets(search *secrets.Search, known func(*secrets.Finding) bool, except filter.Patterns) Rule {
	return Rule{test: func(s *subject) (found findings) {
		set, err := search.Read(s.ctx, s.Image)
		if err != nil {
			return measured(nil, false, "%v", err)
		}
		left := 0
		for i := range set.Findings {
			f := &set.Findings[i]
			if f.Left {
				left++
			}
			if f.Left || s.excepts(f.Path) || known(f) {
				continue
			}
			if n, there := s.Tree().Lookup(f.Path); f.Path != "" && there && except.Match(n) {
				continue
			}
			message := f.Rule + " in " + f.Field
			if f.Path != "" {
				message = f.Rule + ", " + becameOf(f.Hit)
			}
			if f.Path != "" && f.Line > 0 {
				message = fmt.Sprintf("%s in line %d, %s", f.Rule, f.Line, becameOf(f.Hit))
			}
			found.add(Finding{Path: f.Path, Layer: f.Layer, Message: message})
		}
		for _, w := range set.Warnings {
			found.add(Finding{Path: w.Path, Layer: w.Layer, Message: w.Text()})
		}
		if found.n == 0 && set.Programs+set.Compressed+left > 0 {
			return measured(int64(0), true, "none; not searched: %d programs, %d compressed files; "+
				"left out by the paths of rules: %d", set.Programs, set.Compressed, left)
		}
		return found
	}}
}

// excepts reports whether a path is excepted.
func (s *subject) excepts(path string) bool {
	n, there := s.Tree().Lookup(path)
	return path != "" && there && s.except.Match(n)
}

// NoPrivateKey forbids private keys, visible or hidden, except for paths that match.
func NoPrivateKey(except filter.Patterns) Rule {
	return every(func(h analyze.Hit) string {
		if analyze.Sensitive(h.Version) != analyze.PrivateKey || except.Match(h.Version.Node()) {
			return ""
		}
		return analyze.PrivateKey + ", " + becameOf(h)
	})
}

// NoEngineDependent forbids whatever makes engines show different trees or refuse the image.
func NoEngineDependent() Rule {
	return Rule{test: func(s *subject) (found findings) {
		for _, w := range s.Warnings() {
			if w.Code.Severity != tarfs.High || s.excepts(w.Path) || !s.Counts(w.Layer) {
				continue
			}
			message := w.Code.Name + ": " + w.Text()
			if w.More > 0 {
				message += fmt.Sprintf(" (and %d more of the kind)", w.More)
			}
			found.add(Finding{Path: w.Path, Layer: w.Layer, Message: message})
		}
		return found
	}}
}
