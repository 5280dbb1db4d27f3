package report

import (
	"fmt"
	"strings"

	"layup/analyze"
	"layup/analyze/filter"
	"layup/report/render"
	"layup/tarfs"
)

const (
	setuidBit     = 0o4000
	setgidBit     = 0o2000
	stickyBit     = 0o1000
	worldWritable = 0o002
)

// offence is the finding of a rule that a version breaks.
func offence(v tarfs.Version, format string, args ...any) finding {
	return finding{node: v.Node(), located: true, layer: v.Layer(), message: fmt.Sprintf(format, args...)}
}

// live returns the findings of a rule about visible versions.
func live(s *subject, message func(tarfs.Version) string) findings {
	var found findings
	for v := range s.Top().Walk(s.Tree().Root(), -1) {
		if m := message(v); m != "" {
			found.add(offence(v, "%s", m))
		}
	}
	return found
}

func forbid(glob string) (gate, error) {
	m, err := filter.Glob(glob, false)
	return gate{limit: render.T(glob), test: func(s *subject) findings {
		return live(s, func(v tarfs.Version) string {
			if !m(v.Node()) {
				return ""
			}
			return "forbidden " + v.Type().String()
		})
	}}, err
}

func forbidDeleted(glob string) (gate, error) {
	m, err := filter.Glob(glob, false)
	return gate{limit: render.T(glob), test: func(s *subject) findings {
		return hiddenFindings(s, func(h analyze.Hit) string {
			if !m(h.Version.Node()) {
				return ""
			}
			return "still in the image, " + becameOf(h)
		})
	}}, err
}

// hiddenFindings are those of a rule about what is hidden, also what no version ever showed.
func hiddenFindings(s *subject, message func(analyze.Hit) string) findings {
	var found findings
	add := func(h analyze.Hit) {
		if m := message(h); m != "" {
			found.add(offence(h.Version, "%s", m))
		}
	}
	for h := range s.Hits() {
		if h.Status != analyze.Live {
			add(h)
		}
	}
	for h := range s.Unseen() {
		add(h)
	}
	return found
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

func require(glob string) (gate, error) {
	m, err := filter.Glob(glob, false)
	return gate{limit: render.T(glob), test: func(s *subject) findings {
		found := 0
		for v := range s.Top().Walk(s.Tree().Root(), -1) {
			if m(v.Node()) {
				found++
			}
		}
		if found == 0 {
			return measured(render.I(0), false, "nothing visible matches %s", glob)
		}
		return measured(render.I(int64(found)), true, "%d match", found)
	}}, err
}

// exceptions reads patterns separated by commas, but those within braces or behind a backslash.
func exceptions(list string) (func(tarfs.Node) bool, error) {
	globs, err := filter.Globs(splitGlobs(list)...)
	return globs.Match, err
}

func splitGlobs(list string) []string {
	var globs []string
	depth, start := 0, 0
	for i := 0; i < len(list); i++ {
		switch list[i] {
		case '\\':
			i++
		case '{':
			depth++
		case '}':
			depth--
		case ',':
			if depth <= 0 {
				globs, start = append(globs, list[start:i]), i+1
			}
		}
	}
	globs = append(globs, list[start:])
	kept := globs[:0]
	for _, g := range globs {
		if g = strings.TrimSpace(g); g != "" {
			kept = append(kept, g)
		}
	}
	return kept
}

// excepting makes a rule about visible versions with exceptions.
func excepting(list string, message func(tarfs.Version) string) (gate, error) {
	excepted, err := exceptions(list)
	g := gate{test: func(s *subject) findings {
		return live(s, func(v tarfs.Version) string {
			m := message(v)
			if m != "" && excepted(v.Node()) {
				return ""
			}
			return m
		})
	}}
	if list != "" {
		g.limit = render.T("but " + list)
	}
	return g, err
}

func noSetuid(list string) (gate, error) { return noBit(list, setuidBit, "setuid") }
func noSetgid(list string) (gate, error) { return noBit(list, setgidBit, "setgid") }

func noBit(list string, bit uint16, name string) (gate, error) {
	return excepting(list, func(v tarfs.Version) string {
		m := v.Meta()
		if v.Type() != tarfs.File || m.Mode&bit == 0 {
			return ""
		}
		return fmt.Sprintf("%s file, mode %s, owner %d:%d", name, modeOf(v), m.UID, m.GID)
	})
}

func noWorldWritable(list string) (gate, error) {
	return excepting(list, func(v tarfs.Version) string {
		mode := v.Meta().Mode
		ours := v.Type() == tarfs.File || v.Type() == tarfs.Dir && mode&stickyBit == 0
		if !ours || mode&worldWritable == 0 {
			return ""
		}
		return fmt.Sprintf("%s that everyone may write, mode %s", v.Type(), modeOf(v))
	})
}

// noSensitive looks at every version, visible or not, and at the history.
func noSensitive(list string) (gate, error) {
	excepted, err := exceptions(list)
	g := gate{test: func(s *subject) findings {
		var found findings
		judge := func(h analyze.Hit) {
			if rule := analyze.Sensitive(h.Version); rule != "" && !excepted(h.Version.Node()) {
				found.add(offence(h.Version, "%s, %s", rule, becameOf(h)))
			}
		}
		for h := range s.Hits() {
			judge(h)
		}
		for h := range s.Unseen() {
			judge(h)
		}
		for _, secret := range s.Secrets() {
			found.add(finding{layer: secret.Layer, message: fmt.Sprintf("secret %s in %s", secret.Name, secret.Place())})
		}
		return found
	}}
	if list != "" {
		g.limit = render.T("but " + list)
	}
	return g, err
}

// noEngineDependent finds what makes engines show another tree, or refuse the image.
func noEngineDependent(string) (gate, error) {
	return gate{test: func(s *subject) findings {
		var found findings
		for _, w := range s.Warnings() {
			if w.Code.Severity != tarfs.High {
				continue
			}
			message := w.Code.Name + ": " + w.Code.Message
			if w.More > 0 {
				message += fmt.Sprintf(" (and %d more of the kind)", w.More)
			}
			found.add(finding{path: w.Path, located: w.Path != "", layer: w.Layer, message: message})
		}
		return found
	}}, nil
}
