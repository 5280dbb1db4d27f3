package catalogue

import (
	"cmp"
	"context"
	"fmt"

	"github.com/spf13/pflag"

	"layup/analyze"
	"layup/analyze/catalogue"
	"layup/analyze/show"
	"layup/analyze/source"
	"layup/analyze/source/advice"
	"layup/report/call"
	"layup/report/item"
	"layup/report/render"
)

// Flag adds the flag that names a catalogue to ask in place of an image.
func Flag(f *pflag.FlagSet) *string { return flagOf(f) }

// Open opens a catalogue to ask it. It refuses flags that mean nothing there.
func Open(ctx context.Context, c *call.Call, at string, refused ...string) (*catalogue.Reader, error) {
	for _, flag := range append(refused, "image", "all", "view", "no-verify", "toc") {
		if c.Changed(flag) {
			return nil, call.Usage("without -C it is about one image", "%s: --%s does not apply to a catalogue",
				c.Command.Name, flag)
		}
	}
	p, err := placeOf(ctx, c, at)
	if err != nil {
		return nil, err
	}
	cat, err := catalogue.Open(ctx, p)
	if err != nil {
		return nil, err
	}
	r, err := cat.Read(ctx)
	if err == nil && c.Changed("platform") {
		var opt analyze.Options
		if opt, err = c.Options(nil, analyze.Needs{}); err == nil {
			err = r.Only(opt.Select.Platform)
		}
		if err != nil {
			r.Close() // only read from
			return nil, err
		}
	}
	return r, err
}

// WithoutDigests says that a catalogue does not know the content of files.
func WithoutDigests(r *catalogue.Reader) error {
	return &advice.Hinted{Err: fmt.Errorf("%s: was made without the digests of files", r.Place),
		Hint: "layup index -C ANOTHER --digests SOURCE...  makes one that has them"}
}

// Sound returns an error if files of the catalogue cannot be read, unless --keep-going is given.
func Sound(c *call.Call, r *catalogue.Reader) error {
	if len(r.Damaged) == 0 || c.KeepGoing {
		return nil
	}
	for _, err := range r.Damaged[:len(r.Damaged)-1] {
		c.Fail(err)
	}
	return call.Usage("--keep-going answers from the rest", "%w", r.Damaged[len(r.Damaged)-1])
}

// An Answer is what a question found in the images of a catalogue.
type Answer struct {
	Reader *catalogue.Reader
	Found  *catalogue.Found
	// Ask returns the section of an image. It is called again when the section is written.
	Ask func(img *analyze.Image) (section render.Section, some bool)
	// Missing is what to say if no image has anything.
	Missing error
}

// shown is how many images that could not be read are named on stderr; images -C lists all.
const shown = 5

// Write writes the answer and returns the exit status.
func (a Answer) Write(ctx context.Context, c *call.Call) (int, error) {
	if err := Sound(c, a.Reader); err != nil {
		return call.Failed, err
	}
	doc := render.Doc{Command: c.Command.Name, Many: true}
	titles := a.titles()
	some := false
	for i := range a.Found.Len() {
		if ctx.Err() != nil {
			return call.Failed, ctx.Err()
		}
		img := a.Found.Image(i)
		section, has := a.Ask(img)
		errs := a.errors(img)
		if !has && len(errs) == 0 {
			continue
		}
		some = some || has
		section.Image, section.Source, section.Name = a.facts(img), img.Name, titles[i]
		section.Rows = func(yield func([]render.Value) bool) {
			if again, has := a.Ask(a.Found.Image(i)); has && again.Rows != nil {
				again.Rows(yield)
			}
		}
		for _, e := range errs {
			section.Errors = append(section.Errors, e)
		}
		doc.Sections = append(doc.Sections, section)
	}
	if len(doc.Sections) == 0 {
		doc.Sections = []render.Section{a.none()}
	}
	if err := c.WriteDoc(ctx, doc); err != nil {
		return call.Failed, err
	}
	return a.Status(c, some), nil
}

// Status says on stderr what is missing in the answer, and returns the exit status. Some is whether there is anything.
func (a Answer) Status(c *call.Call, some bool) int {
	status, unread := call.Answered, 0
	if !some {
		c.Fail(a.Missing)
		status = call.Refuted
	}
	for _, err := range a.Reader.Damaged {
		c.Fail(err)
	}
	for i := range a.Found.Len() {
		img := a.Found.Source(i)
		err := img.Err
		for n, l := range img.Layers {
			if l.Err != nil && err == nil {
				err = &analyze.LayerError{Layer: n, Digest: cmp.Or(l.Digest, l.DiffID), Err: l.Err}
			}
		}
		if err == nil {
			continue
		}
		if unread++; unread <= shown {
			c.Fail(fmt.Errorf("%s: %s: %w", show.Safe(img.Name), show.Safe(analyze.Title(img)), err))
		}
	}
	if more := unread - shown; more > 0 {
		c.Fail(fmt.Errorf("%s more could not be read whole: layup images -C lists them", show.Count(more, "image")))
	}
	if unread > 0 || len(a.Reader.Damaged) > 0 {
		status = call.Partly
	}
	return status
}

// none is a section without an image: it gives the answer its fields.
func (a Answer) none() render.Section {
	section, _ := a.Ask(catalogue.NoImage())
	section.Rows, section.Columns = nil, nil
	return section
}

func (a Answer) titles() []string {
	images := make([]*source.Image, a.Found.Len())
	for i := range images {
		images[i] = a.Found.Source(i)
	}
	return analyze.Titles(images)
}

func (a Answer) facts(img *analyze.Image) item.ImageFacts {
	facts := item.FactsOf(img)
	facts.Name = img.Name
	return facts
}

// errors are the reasons why an image may hold more than the answer says.
func (a Answer) errors(img *analyze.Image) (list []item.ErrorFacts) {
	if img.Err != nil {
		list = append(list, item.ErrorFacts{Message: img.Err.Error()})
	}
	for _, e := range img.Errors() {
		list = append(list, item.ErrorFacts{Layer: &e.Layer, Message: e.Err.Error()})
	}
	return list
}
