package report

import (
	"context"
	"fmt"
	"io"
	"iter"

	"layup/analyze"
	"layup/report/render"
)

// A part is the answer about one image.
type part struct {
	render.Section
	refuted bool    // the answer is no: exit status 1
	missing []error // what was asked for and is not there: a line on stderr each, and exit status 1
}

// A question is what a command asks of each image; args are what follows the image's name.
// Its errors do not name the image: that is done for all of them.
type question func(c *Call, img *analyze.Image, args []string) (part, error)

// about returns the answer of a command whose first argument is the image; digests may be nil.
func about(digests *bool, ask question) Answer {
	return func(ctx context.Context, c *Call) (int, error) {
		return c.answer(ctx, c.Args[:1], c.Args[1:], digests != nil && *digests, ask)
	}
}

// answer asks the question of every image and writes the document. Nothing is written before all of them are loaded.
func (c *Call) answer(ctx context.Context, names, args []string, digests bool, ask question) (int, error) {
	images, err := c.load(ctx, names, digests)
	if err != nil {
		return failed, err
	}
	defer images.close()
	if status := images.refused(c); status != answered {
		return status, nil
	}
	doc := render.Doc{Command: c.Report.Name, Many: c.all || len(names) > 1}
	status, missing := answered, []error(nil)
	for _, l := range images {
		if l.err != nil {
			doc.Sections = append(doc.Sections, failedSection(l))
			status = worst(status, failed)
			continue
		}
		p, err := ask(c, l.image, args)
		if err != nil {
			return failed, fmt.Errorf("%s: %w", l.where(), err)
		}
		doc.Sections = append(doc.Sections, dress(ctx, doc.Many, l, p.Section))
		for _, err := range p.missing {
			missing = append(missing, fmt.Errorf("%s: %w", l.where(), err))
		}
		status = worst(status, statusOf(l.image, p))
	}
	if err := c.writeDoc(ctx, doc); err != nil {
		return failed, err
	}
	for _, err := range missing {
		c.console.fail(err)
	}
	images.complain(c)
	return status, nil
}

// statusOf is the exit status that one image's answer asks for.
func statusOf(img *analyze.Image, p part) int {
	status := answered
	if p.refuted || len(p.missing) > 0 {
		status = refuted
	}
	if len(img.Errors()) > 0 {
		status = worst(status, partly)
	}
	return status
}

// writeDoc writes the document in the format asked for.
func (c *Call) writeDoc(ctx context.Context, doc render.Doc) error {
	doc.Version, _ = build()
	return c.write(ctx, func(w io.Writer, t render.Terminal) error { return c.formatter.Write(w, doc, t) })
}

// imageFacts is the "image" object of the document.
type imageFacts struct {
	Name      string `json:"name,omitempty"` // only where there are several
	Source    string `json:"source,omitempty"`
	Reference string `json:"reference,omitempty"`
	ID        string `json:"id,omitempty"`
	Platform  string `json:"platform,omitempty"`
	Layers    *int   `json:"layers,omitempty"` // nil where the image could not be opened
	Verified  string `json:"verified,omitempty"`
}

func factsOf(img *analyze.Image) imageFacts {
	layers := len(img.Layers)
	return imageFacts{Source: img.Source, Reference: img.Reference, ID: img.ID, Platform: img.Platform, Layers: &layers, Verified: img.Verified}
}

// dress adds to a section what every document says of its image.
func dress(ctx context.Context, many bool, l loaded, s render.Section) render.Section {
	img := l.image
	facts := factsOf(img)
	if many {
		facts.Name = img.Name
	}
	s.Image, s.Source, s.Name = facts, l.name, l.title
	s.Rows = interruptible(ctx, s.Rows)
	if s.Text == nil && !many && empty(s.Rows) {
		s.Text = func(io.Writer, render.Terminal) error { return nil } // a header over nothing helps nobody
	}
	for _, w := range img.Warnings() {
		s.Warnings = append(s.Warnings, newWarningFacts(w))
	}
	for _, e := range img.Errors() {
		s.Errors = append(s.Errors, errorFacts{&e.Layer, e.Err.Error()})
	}
	return s
}

// failedSection is the section of an image that could not be loaded.
func failedSection(l loaded) render.Section {
	facts := imageFacts{Name: l.name}
	if l.image != nil {
		facts = factsOf(l.image)
		facts.Name = l.name
	}
	return render.Section{Image: facts, Source: l.name, Errors: []any{errorFacts{nil, l.err.Error()}}}
}

// errorFacts is a member of the document's "errors"; without a layer where the image could not be opened at all.
type errorFacts struct {
	Layer   *int   `json:"layer,omitempty"`
	Message string `json:"message"`
}

// interruptible ends the rows when the command is interrupted: the first pass over a table's rows writes nothing that could fail.
func interruptible(ctx context.Context, rows iter.Seq[[]render.Value]) iter.Seq[[]render.Value] {
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

func empty(rows iter.Seq[[]render.Value]) bool {
	if rows == nil {
		return true
	}
	for range rows {
		return false
	}
	return true
}
