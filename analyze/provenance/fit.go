package provenance

import (
	"errors"
	"slices"
	"strings"

	"layup/analyze/digest"
	"layup/analyze/source/document"
)

// A Build is how the layers of an image came about.
type Build struct {
	Lines []*Line // by layer; nil for those of the base, and if a line is unknown
	Base  *Base   // nil if it is unknown
}

// A Base is the image on which another was built.
type Base struct {
	Name   string // as references are shown; scratch for nothing
	Digest string // empty if unknown
	Layers int    // how many layers it has; 0 for scratch
}

// Fit finds the steps that made the layers with these digests, oldest first. A layer belongs to the step with a chain
// that ends with it. If the image was compressed again, its digests are others, and the length of the chain tells.
func (s *Statement) Fit(layers []string) (*Build, error) {
	b := &Build{Lines: make([]*Line, len(layers))}
	if len(s.chains) == 0 {
		return b, nil
	}
	ends, stacks := make([]end, len(layers)), s.stacks(layers)
	for _, c := range s.chains {
		if n := len(c.layers); n > 0 && n <= len(layers) {
			if how := stacks[c.top()]; how != "" {
				ends[n-1].add(c.step, how)
			}
		}
	}
	if !slices.ContainsFunc(ends, func(e end) bool { return e.how != "" }) {
		return nil, errors.New("it describes other layers than the image has")
	}
	s.findBase(b, ends)
	from, size := 0, 0
	if b.Base != nil {
		from = b.Base.Layers
	}
	for i := from; i < len(layers); i++ {
		if b.Lines[i] = s.line(ends[i]); b.Lines[i] != nil {
			size += len(b.Lines[i].Text)
		}
		if size > mostText { // each may be a copy
			return nil, errors.New("its instructions have more than 4 MiB")
		}
	}
	return b, nil
}

// An end is the steps with a chain that ends with one layer.
type end struct {
	how   string
	steps []string
}

// add notes a step. Digests prove more than positions.
func (e *end) add(step, how string) {
	if e.how == Position && how == Digest {
		*e = end{}
	}
	if e.how == "" || e.how == how {
		e.how, e.steps = how, append(e.steps, step)
	}
}

// top tells the chain from others.
func (c chain) top() string {
	if len(c.layers) == 0 {
		return ""
	}
	return digest.Chain(c.layers)[len(c.layers)-1]
}

// stacks says how the stacks below the image's layers are named: by the digests of the layers, or by those that they
// had in the build, if its result has as many layers. Without the result, it is the longest of all.
func (s *Statement) stacks(layers []string) map[string]string {
	how, longest := map[string]string{}, 0
	for _, c := range s.chains {
		longest = max(longest, len(c.layers))
	}
	for _, c := range s.chains {
		if len(c.layers) == len(layers) && (c.step == s.root || s.root == "" && len(layers) == longest) {
			for _, id := range digest.Chain(c.layers) {
				how[id] = Position
			}
		}
	}
	for _, id := range digest.Chain(layers) {
		how[id] = Digest
	}
	return how
}

// findBase finds the last layer that a fetched image ends with. If a step of the build itself made the first layer, the
// build began with nothing.
func (s *Statement) findBase(b *Build, ends []end) {
	for i, e := range slices.Backward(ends) {
		for _, step := range e.steps {
			if ref, ok := s.images[step]; ok {
				b.Base = newBase(ref, i+1)
				return
			}
		}
	}
	if s.root != "" && ends[0].how != "" {
		b.Base = &Base{Name: "scratch"}
	}
}

// newBase reads the reference of a base: NAME[:TAG][@DIGEST].
func newBase(ref string, layers int) *Base {
	name, d, _ := strings.Cut(document.Familiar(ref), "@")
	if !digest.Valid(d) {
		d = ""
	}
	return &Base{Name: name, Digest: d, Layers: layers}
}

// line returns the lines of the steps that made a layer; nil if there are none, or several.
func (s *Statement) line(e end) *Line {
	var at []location
	for _, step := range e.steps {
		at = append(at, s.spots[step]...)
	}
	slices.SortFunc(at, func(a, b location) int {
		return slices.Compare([]int{a.file, a.from, a.to}, []int{b.file, b.from, b.to})
	})
	if at = slices.Compact(at); len(at) != 1 {
		return nil
	}
	f := s.files[at[0].file]
	return &Line{at[0].file, f.name, at[0].from, at[0].to, f.lines(at[0].from, at[0].to), e.how}
}
