package call

import (
	"context"
	"errors"
	"fmt"
	"os"
	"slices"
	"strings"

	"layup/analyze"
	"layup/analyze/show"
	"layup/analyze/source"
	"layup/analyze/source/advice"
	"layup/tarfs"
)

// A Loaded is one image, or why there is none.
type Loaded struct {
	Name  string // as the user named the source
	title string // tells it from other images: the reference, else the ID; with the platform if that is not enough
	Many  bool   // there are others
	Image *analyze.Image
	Err   error
	part  Part  // the answer about it
	asked error // why there is no answer
}

// Images are what one command asks about.
type Images []Loaded

// Where begins a message about an image.
func (l Loaded) Where() string {
	if l.Many && l.title != "" {
		return l.Name + ": " + l.title
	}
	return l.Name
}

// Title tells the image from others: its reference, else its ID, or the name of a container.
func (l Loaded) Title() string { return l.title }

// entitle finds for each image a title of its own.
func (list Images) entitle() {
	images := make([]*source.Image, len(list))
	for i, l := range list {
		if l.Image != nil {
			images[i] = l.Image.Image
		}
	}
	for i, title := range analyze.Titles(images) {
		list[i].title, list[i].Many = title, len(list) > 1
	}
}

// Load loads one image of each name, or all of them with --all. An image that cannot be loaded is in the list, with the
// reason. There is an error only if the command line is wrong or the command is interrupted.
func (c *Call) Load(ctx context.Context, names []string, needs analyze.Needs) (Images, error) {
	opt, err := c.Options(names, needs)
	if err != nil {
		return nil, err
	}
	return c.LoadEach(ctx, names, opt, nil)
}

// LoadAll loads all container images of each name, as with --all.
func (c *Call) LoadAll(ctx context.Context, names []string, needs analyze.Needs) (Images, error) {
	opt, err := c.Options(names, needs)
	if err != nil {
		return nil, err
	}
	opt.Select.All, opt.Select.ImagesOnly = true, true
	return c.LoadEach(ctx, names, opt, nil)
}

// LoadEach loads images. Visit, if there is one, gets each of several before the next one is loaded, and can read its
// content.
func (c *Call) LoadEach(ctx context.Context, names []string, opt analyze.Options, visit func(*Loaded)) (Images, error) {
	defer c.console.close()
	var list Images
	add := func(l Loaded) {
		if l.Err == nil && visit != nil {
			visit(&l)
		}
		list = append(list, l)
	}
	for _, name := range names {
		if opt.Select.All {
			c.loadAll(ctx, name, opt, add)
			continue
		}
		img, err := analyze.Open(ctx, name, opt)
		add(Loaded{Name: name, Image: img, Err: err})
	}
	if ctx.Err() != nil {
		list.Close()
		return nil, ctx.Err()
	}
	list.entitle()
	return list, nil
}

// Options turns the flags and what a question needs into what opening an image takes. It refuses an -o that would
// replace one of the names.
func (c *Call) Options(names []string, needs analyze.Needs) (analyze.Options, error) {
	if err := c.checkTarget(names); err != nil {
		return analyze.Options{}, err
	}
	if needs.Digests && c.registry.toc {
		return analyze.Options{}, Usage("", "%s: --toc: the digests of files' content need the layers themselves",
			c.Command.Name)
	}
	opt, err := c.options(needs)
	if err != nil {
		return opt, err
	}
	opt.Source.Registry.Client.Hold = c.Undoing
	opt.Select.ImagesOnly = c.Command.Docker
	opt.Source.Stdin, opt.Note, opt.Source.Registry.Client.Note = c.stdin, c.Note, c.Note
	opt.Source.Note = c.Note
	opt.Progress = c.console.track(c.progress.Word)
	return opt, nil
}

// Refused prints why images could not be loaded and returns the exit status. It returns Answered if all were loaded, or
// if some were and --keep-going is given.
func (list Images) Refused(c *Call) int {
	sound := 0
	for _, l := range list {
		if l.Err == nil {
			sound++
		}
	}
	if sound == len(list) || sound > 0 && c.KeepGoing {
		return Answered
	}
	list.Explain(c)
	if c.swapped(list) {
		c.Hint("IMAGE comes before PATH: layup " + c.Command.Name + " " + show.Shell(c.Args[len(c.Args)-1]) + " " +
			show.Shell(c.Args[0]))
	}
	return Failed
}

// Explain prints why images could not be loaded.
func (list Images) Explain(c *Call) {
	for _, l := range list {
		if l.Err == nil {
			continue
		}
		c.Fail(l.Err)
		_, damage := errors.AsType[*source.DamagedError](l.Err)
		switch {
		case !ofLayer(l.Err) || c.KeepGoing:
		case damage && (l.Image == nil || !l.Image.Remote):
			c.Hint("the file may be damaged in transfer; --keep-going answers from what can be read")
		default:
			c.Hint("--keep-going answers from the layers that can be read")
		}
	}
}

// swapped reports whether the user seems to have typed the path before the archive. A name is enough for a hint.
func (c *Call) swapped(list Images) bool {
	if len(list) != 1 || len(c.Args) != 2 || !strings.Contains(c.Command.Args, "PATH") ||
		strings.Contains(c.Args[0], ".tar") {
		return false
	}
	info, err := os.Stat(c.Args[1])
	return err == nil && info.Mode().IsRegular() && strings.Contains(c.Args[1], ".tar")
}

// ofLayer reports whether one layer's content is the cause: others may be whole. Limits are not.
func ofLayer(err error) bool {
	_, layer := errors.AsType[*analyze.LayerError](err)
	_, limit := errors.AsType[*tarfs.LimitError](err)
	_, known := errors.AsType[*advice.Hinted](err) // it has a better hint
	return layer && !limit && !known
}

// Complain prints, after the answer, what could not be read and what is odd.
func (list Images) Complain(c *Call) {
	for _, l := range list {
		if l.Err != nil {
			c.Fail(l.Err)
			continue
		}
		l.Complain(c)
	}
}

// Complain prints what could not be read of an image, and its warnings.
func (l Loaded) Complain(c *Call) {
	for _, e := range l.Image.Errors() {
		c.console.line(fmt.Sprintf("%s: %v", l.Where(), e))
	}
	about := ""
	if l.Many {
		about = l.Where() + ": "
	}
	c.console.warn(about, l.warnings())
	c.tellTOC(l)
}

// warnings are what is odd in the image, and what the question found odd.
func (l Loaded) warnings() []tarfs.Warning { return slices.Concat(l.Image.Warnings(), l.part.Odd) }

// Close releases the sources of all images.
func (list Images) Close() {
	for _, l := range list {
		if l.Image != nil {
			l.Image.Close() // only read from: nothing is lost by a failing close
		}
	}
}

// loadAll loads every image of a source, or of a folder of sources.
func (c *Call) loadAll(ctx context.Context, name string, opt analyze.Options, add func(Loaded)) {
	for o := range analyze.OpenFolder(ctx, name, opt) {
		if o.Skipped != "" {
			c.noteSkipped(o.Name, o.Skipped)
			continue
		}
		add(Loaded{Name: o.Name, Image: o.Value, Err: o.Err})
	}
}

// CheckLayer checks a number that the user gave for a layer of the image.
func CheckLayer(img *analyze.Image, flag string, n int) error {
	if n < len(img.Layers) {
		return nil
	}
	if len(img.Layers) == 0 {
		return fmt.Errorf("--%s %d: the image has no layers", flag, n)
	}
	return fmt.Errorf("--%s %d: the image has the layers 0 to %d", flag, n, len(img.Layers)-1)
}
