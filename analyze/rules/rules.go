// Package rules checks images against rules about hidden bytes, sizes, layers, users, paths, permissions and secrets.
package rules

import (
	"context"
	"fmt"
	"math"
	"strconv"
	"strings"

	"layup/analyze"
	"layup/analyze/filter"
	"layup/analyze/show"
	"layup/tarfs"
)

// A Rule is one demand on an image. Load the image with the need Secrets.
type Rule struct {
	Name  string // chosen by the caller
	Limit any    // int64, float64, string, or nil
	test  func(*subject) findings
	// breaks is set in place of test, or also for a rule that has more to test. It says how a version breaks the rule; the
	// message is empty if it does not.
	breaks func(analyze.Hit) string
	live   bool // breaks is asked only about visible versions
}

// A Finding says that an image follows a rule, or describes one case in which it does not.
type Finding struct {
	Rule         string
	Limit, Value any // int64, float64, string, or nil
	Pass         bool
	Path         string // empty if the finding is not about a path
	Layer        int    // or tarfs.NoLayer
	Message      string
}

// A subject is an image with its account, which many rules need. What is excepted is not in the account.
type subject struct {
	*analyze.Image
	ctx      context.Context
	account  analyze.Account
	except   filter.Patterns
	excepted int64 // hidden bytes of paths that are excepted
}

// Check checks an image against rules. It returns at least one finding for each rule, and how many rules fail. What
// lies at paths that except matches counts for no rule; Require counts them.
func Check(
	ctx context.Context, img *analyze.Image, rules []Rule, except filter.Patterns,
) (list []Finding, failed int) {
	s := &subject{Image: img, ctx: ctx, account: img.Account(), except: except}
	s.leaveOut()
	for i, broken := range s.look(rules) {
		found := rules[i].judge(s, broken)
		if !found[0].Pass {
			failed++
		}
		list = append(list, found...)
	}
	return list, failed
}

// leaveOut takes the hidden bytes of excepted paths out of the account.
func (s *subject) leaveOut() {
	if len(s.except) == 0 {
		return
	}
	for _, w := range s.Wasted() {
		if !s.except.Match(w.Hit.Version.Node()) {
			continue
		}
		l := &s.account.Layers[w.Layer()]
		l.Stored, l.Hidden = l.Stored-w.Bytes, l.Hidden-w.Bytes
		s.account.Stored, s.account.Hidden = s.account.Stored-w.Bytes, s.account.Hidden-w.Bytes
		s.excepted += w.Bytes
	}
}

// beside says what the account leaves out; empty if that is nothing.
func (s *subject) beside() string {
	if s.excepted == 0 {
		return ""
	}
	return fmt.Sprintf(" (%s hidden bytes are excepted)", show.Grouped(s.excepted))
}

// findings are the cases that break a rule, or one finding that the image follows it. Only the first Most are kept.
type findings struct {
	list []Finding
	n    int
}

// Most is how many findings of a rule Check keeps: an image may break it a million times.
const Most = 1000

func (f *findings) add(one Finding) {
	if f.n++; len(f.list) < Most {
		f.list = append(f.list, one)
	}
}

// judge returns the rule's findings, at least one: either all pass or none.
func (r Rule) judge(s *subject, broken broken) []Finding {
	var found findings
	for _, h := range broken.list {
		v := h.Version
		found.add(Finding{Path: v.Node().Path(), Layer: v.Layer(), Message: r.breaks(h)})
	}
	found.n = broken.n
	if r.test != nil {
		more := r.test(s)
		for _, f := range more.list {
			found.add(f)
		}
		found.n += more.n - len(more.list)
	}
	if found.n == 0 {
		found.add(Finding{Pass: true, Layer: tarfs.NoLayer, Value: int64(0), Message: "none"})
	}
	if more := found.n - len(found.list); more > 0 {
		found.list[len(found.list)-1].Message += fmt.Sprintf(" (and %s more)", show.Grouped(int64(more)))
	}
	for i := range found.list {
		f := &found.list[i]
		f.Rule, f.Limit = r.Name, r.Limit
		if f.Value == nil {
			f.Value = int64(found.n)
		}
	}
	return found.list
}

// measured makes the one finding of a rule about a value.
func measured(value any, pass bool, format string, args ...any) findings {
	one := Finding{Value: value, Pass: pass, Layer: tarfs.NoLayer, Message: fmt.Sprintf(format, args...)}
	return findings{list: []Finding{one}, n: 1}
}

// MaxWasted limits the bytes of hidden content.
func MaxWasted(limit int64) Rule {
	return Rule{Limit: limit, test: func(s *subject) findings {
		n := s.account.Hidden
		return measured(n, n <= limit, "%s bytes hidden, at most %s allowed%s", show.Grouped(n), show.Grouped(limit),
			s.beside())
	}}
}

// HighestWastedBytes is dive's rule: hidden content must have fewer bytes than the limit.
func HighestWastedBytes(limit int64) Rule {
	return Rule{Limit: limit, test: func(s *subject) findings {
		n := s.account.Hidden
		return measured(n, n < limit, "%s bytes hidden, fewer than %s allowed%s", show.Grouped(n), show.Grouped(limit),
			s.beside())
	}}
}

// MaxWastedPercent limits the hidden part of the stored content, from 0 to 100.
func MaxWastedPercent(limit float64) Rule {
	return Rule{Limit: limit, test: func(s *subject) findings {
		hidden, stored := s.account.Hidden, s.account.Stored
		return measured(show.Percent(hidden, stored), 100*float64(hidden) <= limit*float64(stored),
			"%s%% of the stored bytes hidden, at most %v%% allowed%s", show.PercentText(hidden, stored), limit, s.beside())
	}}
}

// MinEfficiency demands a live part of the stored content, from 0 to 1.
func MinEfficiency(limit float64) Rule {
	return Rule{Limit: limit, test: func(s *subject) findings {
		got := ratio(s.account.Live, s.account.Stored, 1)
		return measured(got, float64(s.account.Live) >= limit*float64(s.account.Stored),
			"efficiency %v (live / stored), at least %v wanted%s", got, limit, s.beside())
	}}
}

// ratio returns a part of a whole with four digits after the point, rounded down, or ofNothing if the whole is 0.
func ratio(part, whole int64, ofNothing float64) float64 {
	if whole == 0 {
		return ofNothing
	}
	return math.Floor(float64(part)/float64(whole)*1e4) / 1e4
}

// HighestUserWastedPercent is dive's rule about the layers after the first: the hidden ratio must be less than the
// limit, from 0 to 1.
func HighestUserWastedPercent(limit float64) Rule {
	return Rule{Limit: limit, test: func(s *subject) findings {
		var hidden, stored int64
		for _, l := range s.account.Layers[min(1, len(s.account.Layers)):] {
			hidden, stored = hidden+l.Hidden, stored+l.Stored
		}
		got := ratio(hidden, stored, 0)
		return measured(got, float64(hidden) < limit*float64(stored) || stored == 0 && limit > 0,
			"%v of the bytes after layer 0 hidden, less than %v allowed%s", got, limit, s.beside())
	}}
}

// MaxLayers limits the number of layers.
func MaxLayers(limit int) Rule {
	return Rule{Limit: int64(limit), test: func(s *subject) findings {
		n := 0
		for layer := range s.Layers {
			if s.Counts(layer) {
				n++
			}
		}
		return measured(int64(n), n <= limit, "%d layers, at most %d allowed", n, limit)
	}}
}

// MaxSize limits the size that docker images shows.
func MaxSize(limit int64) Rule {
	return Rule{Limit: limit, test: func(s *subject) findings {
		size := s.ShownSize()
		n := size.Bytes()
		return measured(n, n <= limit, "%s, at most %s allowed", size, show.Grouped(limit))
	}}
}

// UserNotRoot demands that the config names a user other than root.
func UserNotRoot() Rule {
	return Rule{test: func(s *subject) findings {
		user := s.ConfigFile.Config.User
		if root, why := s.isRoot(user); root {
			return measured(user, false, "%s", why)
		}
		return measured(user, true, "user %q", user)
	}}
}

// isRoot reports whether a config's user is root, by number, by name, or because the config names nobody, and why.
func (s *subject) isRoot(user string) (bool, string) {
	name, _, _ := strings.Cut(user, ":")
	if name == "" {
		return true, "the config names no user, so root runs"
	}
	n, notNumber := strconv.ParseInt(name, 10, 64)
	switch {
	case notNumber == nil && uint32(n) == 0, name == "root":
		return true, fmt.Sprintf("user %q is root", user)
	case notNumber == nil:
		return false, ""
	}
	more, err := s.HasOtherRoots(s.ctx)
	switch {
	case err != nil:
		return true, fmt.Sprintf("user %q may be root: %v", user, err)
	case more:
		return true, fmt.Sprintf("user %q may be root: /etc/passwd has the number 0 for more names than root", user)
	}
	return false, ""
}

// Base demands that an image begins with the layers of another, given by its name and the diffIDs of its layers.
func Base(name string, diffIDs []string) Rule {
	return Rule{Limit: name, test: func(s *subject) findings {
		facts := s.LayerFacts()
		for i, id := range diffIDs {
			if i >= len(facts) || facts[i].DiffID == "" || facts[i].DiffID != id {
				found := measured(int64(i), false, "only the first %d of the %d layers of the base", i, len(diffIDs))
				if i < len(facts) {
					found.list[0].Layer = i
				}
				return found
			}
		}
		return measured(int64(len(diffIDs)), true, "begins with the %d layers of the base", len(diffIDs))
	}}
}
