package call

import (
	"context"
	"fmt"
	"io"
	"iter"

	"layup/analyze"
	"layup/analyze/show"
	"layup/report/item"
	"layup/report/render"
	"layup/tarfs"
)

// A Part is the answer about one image.
type Part struct {
	render.Section
	Odd     []tarfs.Warning // what the question found odd, besides the image's warnings
	Refuted bool            // the answer is no: exit status 1
	Partly  bool            // a part of the image's content cannot be read, as Odd says: exit status 3
	Missing []error         // what was asked for and is not there: a line on stderr each, and exit status 1
	Enough  bool            // of several images, one without Missing is enough
}

// A question is what a command asks of each image; args are what follows the image's name.
// Its errors do not name the image: Ask adds the name.
type question func(c *Call, img *analyze.Image, args []string) (Part, error)

// About returns the answer of a command with an image as its first argument. Flags may change needs.
func About(needs *analyze.Needs, ask question) Answer {
	return func(ctx context.Context, c *Call) (int, error) {
		return c.Ask(ctx, c.Args[:1], c.Args[1:], *needs, ask)
	}
}

// One answers from one image, the first argument. The status is at least that of damage in the image.
func (c *Call) One(ctx context.Context, needs analyze.Needs, do func(img *analyze.Image) (int, error)) (int, error) {
	images, err := c.Load(ctx, c.Args[:1], needs)
	if err != nil {
		return Failed, err
	}
	defer images.Close()
	if status := images.Refused(c); status != Answered {
		return status, nil
	}
	status, err := do(images[0].Image)
	if err != nil {
		return Failed, err
	}
	images.Complain(c)
	return Worst(status, statusOf(images[0].Image, Part{})), nil
}

// Ask asks the question of every image and writes the document. Nothing is written before all of them are loaded.
func (c *Call) Ask(ctx context.Context, names, args []string, needs analyze.Needs, ask question) (int, error) {
	opt, err := c.Options(names, needs)
	if err != nil {
		return Failed, err
	}
	answer := func(l *Loaded) { l.part, l.asked = ask(c, l.Image, args) }
	var visit func(*Loaded)
	if opt.Select.All || len(names) > 1 {
		visit = func(l *Loaded) { // the trees of all would need too much memory
			answer(l)
			again := func() Part { p, _ := ask(c, l.Image, args); return p }
			l.part.settle(again, l.Image.Rest)
			l.Image.Rest()
		}
	}
	images, err := c.LoadEach(ctx, names, opt, visit)
	if err != nil {
		return Failed, err
	}
	defer images.Close()
	if status := images.Refused(c); status != Answered {
		return status, nil
	}
	doc := render.Doc{Command: c.Command.Name, Many: c.all || len(names) > 1}
	status, missing := Answered, []error(nil)
	if none := images.spare(); none != nil {
		status, missing = Refuted, []error{none}
	}
	for i := range images {
		l := &images[i]
		if l.Err != nil {
			doc.Sections = append(doc.Sections, failedSection(*l))
			status = Worst(status, Failed)
			continue
		}
		if visit == nil {
			answer(l)
		}
		if l.asked != nil {
			return Failed, fmt.Errorf("%s: %w", l.Where(), l.asked)
		}
		doc.Sections = append(doc.Sections, describe(doc.Many, *l, l.part.Section))
		for _, err := range l.part.Missing {
			missing = append(missing, fmt.Errorf("%s: %w", l.Where(), err))
		}
		status = Worst(status, statusOf(l.Image, l.part))
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

// spare forgets what several images lack if one of them has enough. If none has, it returns one error about all.
func (list Images) spare() error {
	var lacking []*Part
	enough := false
	for i := range list {
		switch p := &list[i].part; {
		case !p.Enough || list[i].Err != nil || len(list) < 2:
		case len(p.Missing) == 0:
			enough = true
		default:
			lacking = append(lacking, p)
		}
	}
	var none error
	for _, p := range lacking {
		if !enough {
			none, p.Columns = p.Missing[0], nil // a header over nothing helps nobody
		}
		p.Missing = nil
	}
	if none == nil {
		return nil
	}
	return fmt.Errorf("%w in any of %s", none, show.Count(len(lacking), "image"))
}

// statusOf is the exit status that one image's answer asks for.
func statusOf(img *analyze.Image, p Part) int {
	status := Answered
	if p.Refuted || len(p.Missing) > 0 {
		status = Refuted
	}
	if p.Partly || len(img.Errors()) > 0 {
		status = Worst(status, Partly)
	}
	return status
}

// WriteDoc writes the document in the format asked for.
func (c *Call) WriteDoc(ctx context.Context, doc render.Doc) error {
	doc.Version, _, _ = Build()
	for i := range doc.Sections {
		doc.Sections[i].Rows = interruptible(ctx, doc.Sections[i].Rows)
	}
	return c.Write(ctx, func(w io.Writer, t render.Terminal) error { return c.formatter.Write(w, doc, t) })
}

// describe adds to a section what every document says about its image.
func describe(many bool, l Loaded, s render.Section) render.Section {
	img := l.Image
	facts := item.FactsOf(img)
	if many {
		facts.Name = img.Name
	}
	s.Image, s.Source, s.Name = facts, l.Name, l.title
	if s.Text == nil && !many && empty(s.Rows) {
		s.Text = func(io.Writer, render.Terminal) error { return nil } // a header over nothing helps nobody
	}
	for _, w := range l.warnings() {
		s.Warnings = append(s.Warnings, item.NewWarningFacts(w))
	}
	if n := len(img.Errors()); n > 0 && s.Footer != "" {
		s.Footer += fmt.Sprintf("; without what could not be read of %s", show.Count(n, "layer"))
	}
	if s.Footer != "" {
		s.Footer += WithoutBase(img)
	}
	for _, e := range img.Errors() {
		s.Errors = append(s.Errors, item.ErrorFacts{Layer: &e.Layer, Message: e.Err.Error()})
	}
	return s
}

// failedSection is the section of an image that could not be loaded.
func failedSection(l Loaded) render.Section {
	facts := item.ImageFacts{Name: l.Name}
	if l.Image != nil {
		facts = item.FactsOf(l.Image)
		facts.Name = l.Name
	}
	return render.Section{Image: facts, Source: l.Name, Errors: []any{item.ErrorFacts{Message: l.Err.Error()}}}
}

// interruptible ends the rows when the command is interrupted: the first pass over a table's rows writes nothing that
// could fail.
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
