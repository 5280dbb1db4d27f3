package diff

import (
	"context"
	"fmt"
	"io"
	"iter"
	"slices"

	"layup/analyze"
	"layup/analyze/show"
	"layup/analyze/source"
	"layup/analyze/source/kinds"
	"layup/report/call"
	"layup/report/item"
	"layup/report/render"
)

// What the read-write layer of a container can be compared with.
const (
	againstInit  = "init"
	againstImage = "image"
)

// loadContainer loads a container: what it began with, and what it shows now.
func (d *comparing) loadContainer(ctx context.Context, c *call.Call) (call.Images, [2]analyze.Side, error) {
	var sides [2]analyze.Side
	needs := d.needs
	needs.Bodies = analyze.SomeBodies // contents of the same size are compared
	opt, err := c.Options(c.Args, needs)
	if err != nil {
		return nil, sides, err
	}
	img, err := analyze.Open(ctx, c.Args[0], opt)
	list := call.Images{{Name: c.Args[0], Image: img, Err: err}}
	if err := ready(ctx, list); err != nil || list[0].Err != nil {
		return list, sides, err
	}
	if img.Container == nil {
		list.Close()
		return nil, sides, call.Usage("layup diff IMAGE-A IMAGE-B compares two images; --layers I..J two stages of one",
			"diff: IMAGE-B is missing, and %s is not a container", show.Shell(c.Args[0]))
	}
	return list, d.sidesOf(img), nil
}

// sidesOf returns what a container began with, and what it shows now.
func (d *comparing) sidesOf(img *analyze.Image) [2]analyze.Side {
	return [2]analyze.Side{img.Began(d.against.Word != againstImage), img.After(analyze.Last)}
}

// checkAll refuses --all with anything but a store.
func (d *comparing) checkAll(c *call.Call) error {
	switch {
	case d.container && kinds.IsWholeStore(c.Args[0]) && !d.content:
		return nil
	case d.container && d.content:
		return call.Usage("layup diff --content "+show.Shell(c.Args[0])+":CONTAINER  takes one",
			"diff: --content and --all exclude each other")
	case d.container:
		return call.Usage("layup images "+show.Shell(c.Args[0])+"  lists what it holds",
			"diff: --all takes a store of an engine, and compares each container with its image")
	}
	return call.Usage("layup images "+show.Shell(c.Args[0])+"  lists them; --image-a and --image-b take one each",
		"diff: --all does not apply: it compares two images")
}

// everyContainer answers what every container of a store changed.
func (d *comparing) everyContainer(ctx context.Context, c *call.Call) (int, error) {
	needs := d.needs
	needs.Bodies = analyze.SomeBodies // contents of the same size are compared
	opt, err := c.Options(c.Args, needs)
	if err != nil {
		return call.Failed, err
	}
	opt.Select.OnlyBoxes = true
	answers := map[*analyze.Image]*diffAnswer{}
	list, err := c.LoadEach(ctx, c.Args, opt, func(l *call.Loaded) {
		a, err := d.compare(ctx, c, call.Images{*l}, d.sidesOf(l.Image))
		if l.Err = err; err == nil {
			a.Rest() // the trees of all would need too much memory
			answers[l.Image] = a
		}
	})
	if err != nil {
		return call.Failed, err
	}
	defer list.Close()
	if status := list.Refused(c); status != call.Answered {
		return status, nil
	}
	doc, status := render.Doc{Command: c.Command.Name, Many: true}, call.Answered
	for _, l := range list {
		if l.Err != nil {
			status = call.Worst(status, call.Failed)
			doc.Sections = append(doc.Sections, render.Section{Image: item.ImageFacts{Name: l.Name}, Source: l.Name,
				Errors: []any{item.ErrorFacts{Message: l.Err.Error()}}})
			continue
		}
		a := answers[l.Image]
		status = call.Worst(status, a.status())
		doc.Sections = append(doc.Sections, a.awake(ctx, l))
	}
	if err := c.WriteDoc(ctx, doc); err != nil {
		return call.Failed, err
	}
	list.Complain(c)
	return status, nil
}

// awake is the section of one of several containers, with trees only while it is written.
func (a *diffAnswer) awake(ctx context.Context, l call.Loaded) render.Section {
	a.Wake()
	s := a.section(ctx)
	a.Rest()
	woken := func(rows iter.Seq[[]render.Value]) iter.Seq[[]render.Value] {
		return func(yield func([]render.Value) bool) {
			a.Wake()
			defer a.Rest()
			rows(yield)
		}
	}
	s.Rows = woken(s.Rows)
	for i := range s.Tables {
		s.Tables[i].Rows = woken(s.Tables[i].Rows)
	}
	if text := s.Text; text != nil {
		s.Text = func(w io.Writer, t render.Terminal) error {
			a.Wake()
			defer a.Rest()
			return text(w, t)
		}
	}
	if a.equal() {
		s.Footer = a.containerSummary()
	}
	facts := item.FactsOf(l.Image)
	facts.Name = l.Name
	s.Image, s.Source, s.Name = facts, l.Name, l.Title()
	return s
}

// letters are what docker diff calls changes.
var letters = map[string]string{analyze.Added: "A", analyze.Changed: "C", analyze.Removed: "D"}

// begun says in words what a container is compared with: engines other than Docker write no init layer.
func (a *diffAnswer) begun() string {
	init := func(l *source.Layer) bool { return l.Role == source.RoleInit }
	if a.asked.against.Word == againstImage || !slices.ContainsFunc(a.A.Image.Layers, init) {
		return "its image"
	}
	return "its image and its init layer"
}

// containerSummary counts what the container changed.
func (a *diffAnswer) containerSummary() string {
	return fmt.Sprintf("%d added, %d changed, %d deleted against %s", a.stat.Added, a.stat.Changed, a.stat.Removed,
		a.begun())
}
