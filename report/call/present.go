package call

import (
	"context"
	"fmt"
	"io"
	"iter"

	"layup/analyze"
	"layup/report/render"
)

// A Part is the answer about one image.
type Part struct {
	render.Section
	Refuted bool    // the answer is no: exit status 1
	Missing []error // what was asked for and is not there: a line on stderr each, and exit status 1
}

// A question is what a command asks of each image; args are what follows the image's name.
// Its errors do not name the image: that is done for all of them.
type question func(c *Call, img *analyze.Image, args []string) (Part, error)

// About returns the answer of a command whose first argument is the image; digests may be nil.
func About(digests *bool, ask question) Answer {
	return func(ctx context.Context, c *Call) (int, error) {
		return c.Answer(ctx, c.Args[:1], c.Args[1:], digests != nil && *digests, ask)
	}
}

// Answer asks the question of every image and writes the document. Nothing is written before all of them are loaded.
func (c *Call) Answer(ctx context.Context, names, args []string, digests bool, ask question) (int, error) {
	images, err := c.Load(ctx, names, digests)
	if err != nil {
		return Failed, err
	}
	defer images.Close()
	if status := images.Refused(c); status != Answered {
		return status, nil
	}
	doc := render.Doc{Command: c.Command.Name, Many: c.All || len(names) > 1}
	status, missing := Answered, []error(nil)
	for _, l := range images {
		if l.Err != nil {
			doc.Sections = append(doc.Sections, failedSection(l))
			status = Worst(status, Failed)
			continue
		}
		p, err := ask(c, l.Image, args)
		if err != nil {
			return Failed, fmt.Errorf("%s: %w", l.Where(), err)
		}
		doc.Sections = append(doc.Sections, dress(ctx, doc.Many, l, p.Section))
		for _, err := range p.Missing {
			missing = append(missing, fmt.Errorf("%s: %w", l.Where(), err))
		}
		status = Worst(status, StatusOf(l.Image, p))
	}
	if err := c.WriteDoc(ctx, doc); err != nil {
		return Failed, err
	}
	for _, err := range missing {
		c.Fail(err)
	}
	images.Complain(c)
	return status, nil
}

// StatusOf is the exit status that one image's answer asks for.
func StatusOf(img *analyze.Image, p Part) int {
	status := Answered
	if p.Refuted || len(p.Missing) > 0 {
		status = Refuted
	}
	if len(img.Errors()) > 0 {
		status = Worst(status, Partly)
	}
	return status
}

// WriteDoc writes the document in the format asked for.
func (c *Call) WriteDoc(ctx context.Context, doc render.Doc) error {
	doc.Version, _ = Build()
	return c.Write(ctx, func(w io.Writer, t render.Terminal) error { return c.Formatter.Write(w, doc, t) })
}

// ImageFacts is the "image" object of the document.
type ImageFacts struct {
	Name      string `json:"name,omitempty"` // only where there are several
	Source    string `json:"source,omitempty"`
	Reference string `json:"reference,omitempty"`
	ID        string `json:"id,omitempty"`
	Platform  string `json:"platform,omitempty"`
	Layers    *int   `json:"layers,omitempty"` // nil where the image could not be opened
	Verified  string `json:"verified,omitempty"`
}

func FactsOf(img *analyze.Image) ImageFacts {
	layers := len(img.Layers)
	return ImageFacts{Source: img.Source, Reference: img.Reference, ID: img.ID, Platform: img.Platform, Layers: &layers, Verified: img.Verified}
}

// dress adds to a section what every document says of its image.
func dress(ctx context.Context, many bool, l Loaded, s render.Section) render.Section {
	img := l.Image
	facts := FactsOf(img)
	if many {
		facts.Name = img.Name
	}
	s.Image, s.Source, s.Name = facts, l.Name, l.title
	s.Rows = Interruptible(ctx, s.Rows)
	if s.Text == nil && !many && Empty(s.Rows) {
		s.Text = func(io.Writer, render.Terminal) error { return nil } // a header over nothing helps nobody
	}
	for _, w := range img.Warnings() {
		s.Warnings = append(s.Warnings, NewWarningFacts(w))
	}
	for _, e := range img.Errors() {
		s.Errors = append(s.Errors, ErrorFacts{&e.Layer, e.Err.Error()})
	}
	return s
}

// failedSection is the section of an image that could not be loaded.
func failedSection(l Loaded) render.Section {
	facts := ImageFacts{Name: l.Name}
	if l.Image != nil {
		facts = FactsOf(l.Image)
		facts.Name = l.Name
	}
	return render.Section{Image: facts, Source: l.Name, Errors: []any{ErrorFacts{nil, l.Err.Error()}}}
}

// ErrorFacts is a member of the document's "errors"; without a layer where the image could not be opened at all.
type ErrorFacts struct {
	Layer   *int   `json:"layer,omitempty"`
	Message string `json:"message"`
}

// Interruptible ends the rows when the command is interrupted: the first pass over a table's rows writes nothing that could fail.
func Interruptible(ctx context.Context, rows iter.Seq[[]render.Value]) iter.Seq[[]render.Value] {
	if rows == nil {
		return nil
	}
	return func(yield func([]render.Value) bool) {
		n := 0
		for row := range rows {
			if n++; n%1024 == 0 && ctx.Err() != nil || !yield(row) {
				return
			}
		}
	}
}

func Empty(rows iter.Seq[[]render.Value]) bool {
	if rows == nil {
		return true
	}
	for range rows {
		return false
	}
	return true
}
