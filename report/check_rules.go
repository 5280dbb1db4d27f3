package report

import (
	"errors"
	"fmt"
	"math"
	"strconv"
	"strings"

	"layup/analyze"
	"layup/analyze/show"
	"layup/report/render"
	"layup/tarfs"
)

// A subject is an image with what rules ask again and again.
type subject struct {
	*analyze.Image
	account analyze.Account
}

// A gate is one rule that an image is held against.
type gate struct {
	rule  string
	limit render.Value
	test  func(*subject) findings
}

// findings are what breaks a rule, or the one finding that says that it holds. Of those of one rule only the first are kept.
type findings struct {
	list []finding
	n    int
}

// mostFindings is how many findings of a rule are kept: an image may break it a million times.
const mostFindings = 1000

func (f *findings) add(one finding) {
	if f.n++; len(f.list) < mostFindings {
		f.list = append(f.list, one)
	}
}

// judge returns the rule's findings, at least one: either all pass or none.
func (g gate) judge(s *subject) []finding {
	found := g.test(s)
	if found.n == 0 {
		found.add(finding{pass: true, layer: tarfs.NoLayer, value: render.I(0), message: "none"})
	}
	if more := found.n - len(found.list); more > 0 {
		found.list[len(found.list)-1].message += fmt.Sprintf(" (and %s more)", show.Grouped(int64(more)))
	}
	for i := range found.list {
		f := &found.list[i]
		f.rule, f.limit = g.rule, g.limit
		if f.value.Absent() {
			f.value = render.I(int64(found.n))
		}
	}
	return found.list
}

// measured is the one finding of a rule about a number.
func measured(value render.Value, pass bool, format string, args ...any) findings {
	return findings{list: []finding{{value: value, pass: pass, layer: tarfs.NoLayer, message: fmt.Sprintf(format, args...)}}, n: 1}
}

func maxWasted(value string) (gate, error) {
	limit, err := parseSize(value)
	return gate{limit: render.I(limit), test: func(s *subject) findings {
		hidden := s.account.Hidden
		return measured(render.I(hidden), hidden <= limit, "%s bytes hidden, at most %s allowed", show.Grouped(hidden), show.Grouped(limit))
	}}, err
}

// highestWastedBytes is dive's rule, which fails where the limit is reached.
func highestWastedBytes(value string) (gate, error) {
	limit, err := parseDiveSize(value)
	return gate{limit: render.I(limit), test: func(s *subject) findings {
		hidden := s.account.Hidden
		return measured(render.I(hidden), hidden < limit, "%s bytes hidden, fewer than %s allowed", show.Grouped(hidden), show.Grouped(limit))
	}}, err
}

// parseDiveSize reads sizes as dive does: 20MB, 20 mb, 20M are all millions, 20MiB powers of 1024.
func parseDiveSize(s string) (int64, error) {
	plain := strings.ToLower(strings.NewReplacer(" ", "", ",", "").Replace(s))
	digits := strings.TrimLeft(plain, "0123456789.")
	number := plain[:len(plain)-len(digits)]
	unit, known := map[string]string{"": "", "b": "", "k": "kB", "kb": "kB", "m": "MB", "mb": "MB", "g": "GB", "gb": "GB", "t": "TB", "tb": "TB",
		"ki": "KiB", "kib": "KiB", "mi": "MiB", "mib": "MiB", "gi": "GiB", "gib": "GiB", "ti": "TiB", "tib": "TiB"}[digits]
	if !known {
		return 0, errors.New("not a size like 20MB")
	}
	return parseSize(number + unit)
}

func maxWastedPercent(value string) (gate, error) {
	limit, err := parseNumber(strings.TrimSuffix(value, "%"), 100)
	return gate{limit: render.O(limit), test: func(s *subject) findings {
		got := percent(s.account.Hidden, s.account.Stored)
		exact := 100 * float64(s.account.Hidden)
		return measured(render.O(got), exact <= limit*float64(s.account.Stored), "%s%% of the stored bytes hidden, at most %s%% allowed",
			drawnPercent(s.account.Hidden, s.account.Stored), value)
	}}, err
}

// parseNumber reads a number from 0 to most.
func parseNumber(s string, most float64) (float64, error) {
	n, err := strconv.ParseFloat(strings.TrimSpace(s), 64)
	if err != nil || math.IsNaN(n) || n < 0 || n > most {
		return 0, fmt.Errorf("not a number from 0 to %v", most)
	}
	return n, nil
}

func minEfficiency(value string) (gate, error) {
	limit, err := parseNumber(value, 1)
	return gate{limit: render.O(limit), test: func(s *subject) findings {
		got := ratio(s.account.Live, s.account.Stored, 1)
		return measured(render.O(got), float64(s.account.Live) >= limit*float64(s.account.Stored), "efficiency %v (live / stored), at least %v wanted", got, limit)
	}}, err
}

func lowestEfficiency(value string) (gate, error) { return minEfficiency(value) }

// ratio returns a part of a whole with four digits, cut off; of nothing it is what is said.
func ratio(part, whole int64, ofNothing float64) float64 {
	if whole == 0 {
		return ofNothing
	}
	return math.Floor(float64(part)/float64(whole)*1e4) / 1e4
}

// highestUserWastedPercent is dive's rule about the layers above the lowest; it fails where the ratio is reached.
func highestUserWastedPercent(value string) (gate, error) {
	limit, err := parseNumber(value, 1)
	return gate{limit: render.O(limit), test: func(s *subject) findings {
		var hidden, stored int64
		for _, l := range s.account.Layers[min(1, len(s.account.Layers)):] {
			hidden, stored = hidden+l.Hidden, stored+l.Stored
		}
		got := ratio(hidden, stored, 0)
		return measured(render.O(got), float64(hidden) < limit*float64(stored) || stored == 0 && limit > 0,
			"%v of the bytes above layer 0 hidden, less than %v allowed", got, limit)
	}}, err
}

func maxLayers(value string) (gate, error) {
	limit, err := strconv.ParseUint(value, 10, 31)
	if err != nil {
		err = errors.New("not a number from 0 on")
	}
	return gate{limit: render.I(int64(limit)), test: func(s *subject) findings {
		return measured(render.I(int64(len(s.Layers))), len(s.Layers) <= int(limit), "%d layers, at most %d allowed", len(s.Layers), limit)
	}}, err
}

func maxSize(value string) (gate, error) {
	limit, err := parseSize(value)
	return gate{limit: render.I(limit), test: func(s *subject) findings {
		stored := s.account.Stored
		return measured(render.I(stored), stored <= limit, "%s bytes stored, at most %s allowed", show.Grouped(stored), show.Grouped(limit))
	}}, err
}

func userNotRoot(string) (gate, error) {
	return gate{test: func(s *subject) findings {
		user := s.ConfigFile.Config.User
		if root, why := isRoot(s.Image, user); root {
			return measured(render.T(user), false, "%s", why)
		}
		return measured(render.T(user), true, "user %q", user)
	}}, nil
}

// isRoot reports whether a config's user is root: by number, by name, or because nobody else is named.
func isRoot(img *analyze.Image, user string) (bool, string) {
	name, _, _ := strings.Cut(user, ":")
	if name == "" {
		return true, "the config names no user, so root runs"
	}
	n, err := strconv.ParseInt(name, 10, 64)
	switch {
	case err == nil && uint32(n) == 0, name == "root":
		return true, fmt.Sprintf("user %q is root", user)
	case err != nil && img.HasOtherRoots():
		return true, fmt.Sprintf("user %q may be root: /etc/passwd has the number 0 for more names than root", user)
	}
	return false, ""
}

func baseGate(name string, ids []string) gate {
	return gate{limit: render.T(name), test: func(s *subject) findings {
		facts := s.LayerFacts()
		for i, id := range ids {
			if i >= len(facts) || facts[i].DiffID == "" || facts[i].DiffID != id {
				found := measured(render.I(int64(i)), false, "only the first %d of the %d layers of the base", i, len(ids))
				if i < len(facts) {
					found.list[0].layer = i
				}
				return found
			}
		}
		return measured(render.I(int64(len(ids))), true, "begins with the %d layers of the base", len(ids))
	}}
}
