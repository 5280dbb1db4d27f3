package analyze

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"

	"layup/analyze/provenance"
	"layup/analyze/show"
	"layup/analyze/source"
	"layup/analyze/source/advice"
	"layup/tarfs"
)

// ProvenanceRefused warns of a statement about how the image was built that cannot be used.
var ProvenanceRefused = tarfs.Code{Name: "provenance-refused", Severity: tarfs.Medium,
	Message: "a statement about the build of this image is not used"}

// An origin is where an image comes from, if somebody asked.
type origin struct {
	lines     []*provenance.Line // by layer
	statement *Statement         // nil if there is none that says something
	base      *Base              // nil if nothing is known of it
}

// A Statement is what the image's builder states about the build. Nothing signs it.
type Statement struct {
	Digest string // of the blob that holds it
	*provenance.Statement
}

// Statement returns the statement from which the lines of Dockerfiles and perhaps the base come; nil if there is none.
// It needs Origin.
func (img *Image) Statement() *Statement { return img.statement }

// A Base is the image on which another was built.
type Base struct {
	Name   string // as references are shown, or the name of a file; scratch for nothing; empty if unknown
	Digest string // of its manifest or index; empty if unknown
	Layers int    // how many of the oldest layers it has; -1 if unknown
	From   BaseSource
}

// A BaseSource is what says that an image was built on another.
type BaseSource string

// What names a base, the first that does.
const (
	FromCandidate  BaseSource = "base-of" // the longest candidate of Options that the image begins with
	FromProvenance BaseSource = "provenance"
	FromAnnotation BaseSource = "annotation" // of OCI, org.opencontainers.image.base
)

// Base returns the image on which this one was built, and false if nothing is known of it. It needs Origin.
func (img *Image) Base() (Base, bool) {
	if img.base == nil {
		return Base{Layers: -1}, false
	}
	return *img.base, true
}

// OfBase reports whether a layer is known to be one of the base.
func (img *Image) OfBase(layer int) bool {
	return img.base != nil && layer >= 0 && layer < img.base.Layers
}

// A Candidate is an image that may be the base of others. Source: the diffIDs of its config.
type Candidate struct {
	Name    string
	ID      string
	DiffIDs []string
}

// Candidates opens inputs, or folders of inputs, and returns their images without reading layers. Note is told what is
// left out of a folder.
func Candidates(ctx context.Context, names []string, opt Options) ([]Candidate, error) {
	var list []Candidate
	opt.Select, opt.Needs = source.Selection{All: true, ImagesOnly: true}, Needs{Layers: Never}
	for _, name := range names {
		before := len(list)
		for found := range OpenFolder(ctx, name, opt) {
			switch {
			case found.Err != nil && found.Name == name:
				return nil, found.Err
			case found.Err == nil && found.Skipped == "":
				if c := candidate(found.Name, found.Value); len(c.DiffIDs) > 0 {
					list = append(list, c)
				}
			case opt.Note != nil:
				why := found.Skipped
				if found.Err != nil {
					why = found.Err.Error()
				}
				opt.Note("skipped " + show.Shell(found.Name) + ": " + why)
			}
		}
		if len(list) == before && ctx.Err() == nil {
			return nil, fmt.Errorf("%s: no image that names its layers by digest", name)
		}
	}
	return list, ctx.Err()
}

// candidate describes an image that may be a base. It has no diffIDs if one of them is unknown.
func candidate(input string, img *Image) Candidate {
	c := Candidate{Name: img.Reference, ID: img.ID}
	if c.Name == "" {
		c.Name = input
	}
	for _, id := range img.diffIDs() {
		if id == "" {
			return Candidate{}
		}
		c.DiffIDs = append(c.DiffIDs, id)
	}
	return c
}

// trace finds out how the image came about. A candidate for its base that somebody named wins over what the image says
// of itself: its provenance, then its annotations.
func (img *Image) trace() {
	img.readStatements()
	if best := img.longest(); best != nil {
		img.base = best
	}
	if img.base == nil {
		img.base = img.annotated()
	}
}

// readStatements takes the first statement that says something. One that cannot be used is a warning.
func (img *Image) readStatements() {
	var digests []string
	for _, l := range img.Layers {
		if l.Role != source.RoleInit && l.Role != source.RoleContainer {
			digests = append(digests, l.Digest)
		}
	}
	for _, stated := range img.Statements(provenance.Wanted) {
		err := stated.Err
		var s *provenance.Statement
		var build *provenance.Build
		if err == nil {
			s, err = provenance.Read(stated.Raw, img.ManifestDescriptor.Digest, &img.opt.Source.Limits)
		}
		if err == nil && s != nil && img.statement == nil {
			build, err = s.Fit(digests)
		}
		if err != nil {
			img.Image.Warnings = append(img.Image.Warnings, tarfs.Warning{Code: ProvenanceRefused, Layer: tarfs.NoLayer,
				Note: fmt.Sprintf("%s: %s: %v", ProvenanceRefused.Message, stated.Digest, err)})
			continue
		}
		if build == nil {
			continue
		}
		img.lines, img.statement = build.Lines, &Statement{stated.Digest, s}
		if b := build.Base; b != nil {
			img.base = &Base{Name: b.Name, Digest: b.Digest, Layers: b.Layers, From: FromProvenance}
		}
	}
}

// annotated is the base that annotations name. Its layers are known if the source also holds the base.
func (img *Image) annotated() *Base {
	named, ok := img.NamedBase()
	if !ok {
		return nil
	}
	b := &Base{Name: named.Name, Digest: named.Digest, Layers: -1, From: FromAnnotation}
	if n := len(named.DiffIDs); img.beginsWith(named.DiffIDs) {
		b.Layers = n
	}
	return b
}

// longest is the candidate with the most layers that the image begins with; nil if there is none.
func (img *Image) longest() (best *Base) {
	for _, c := range img.opt.Bases {
		n := len(c.DiffIDs)
		if c.ID != img.ID && (best == nil || n > best.Layers) && img.beginsWith(c.DiffIDs) {
			best = &Base{Name: c.Name, Layers: n, From: FromCandidate}
		}
	}
	return best
}

// beginsWith reports whether the image's oldest layers have these diffIDs, of which there must be some.
func (img *Image) beginsWith(diffIDs []string) bool {
	return len(diffIDs) > 0 && inCommon(img.Layers, diffIDs) == len(diffIDs)
}

// inCommon counts the layers with which both stacks begin.
func inCommon(layers []*source.Layer, diffIDs []string) (n int) {
	for n < min(len(layers), len(diffIDs)) && layers[n].DiffID == diffIDs[n] {
		n++
	}
	return n
}

// unowned is the error of a question about the image's own layers if it is not known which those are.
func (img *Image) unowned() error {
	if !img.opt.Own || img.base != nil && img.base.Layers >= 0 {
		return nil
	}
	const hint = "--base-of FILE names the image it was built on, or a folder of images among which it is"
	if len(img.opt.Bases) == 0 {
		return &advice.Hinted{Err: errors.New("which layers are those of the base is not known" + img.nearlyKnown()),
			Hint: hint}
	}
	others := slices.DeleteFunc(slices.Clone(img.opt.Bases), func(c Candidate) bool { return c.ID == img.ID })
	if len(others) == 0 {
		return &advice.Hinted{Err: errors.New("is itself the image of --base-of"), Hint: hint}
	}
	near := slices.MaxFunc(others, func(a, b Candidate) int {
		return inCommon(img.Layers, a.DiffIDs) - inCommon(img.Layers, b.DiffIDs)
	})
	text := fmt.Sprintf("begins with none of the images of --base-of (%d)", len(img.opt.Bases))
	if n := inCommon(img.Layers, near.DiffIDs); n > 0 {
		text += fmt.Sprintf("; with %s it shares the first %d of its %d layers", show.Cut(near.Name), n, len(near.DiffIDs))
	}
	return &advice.Hinted{Err: errors.New(text), Hint: hint}
}

// nearlyKnown says what is known of the base besides its layers.
func (img *Image) nearlyKnown() string {
	if img.base == nil {
		return ""
	}
	return "; its annotations only name it: " + strings.TrimSpace(show.Cut(img.base.Name)+" "+img.base.Digest)
}

// Counts reports whether sums and searches count what a layer holds. With the need Own they leave out the base.
func (img *Image) Counts(layer int) bool { return !img.opt.Own || !img.OfBase(layer) }
