package report

import (
	"context"
	"errors"
	"fmt"
	"os"
	"strings"

	"layup/analyze"
	"layup/analyze/show"
	"layup/analyze/source"
	"layup/tarfs"
)

// A loaded is one image, or why there is none.
type loaded struct {
	name  string // as the user named the source
	title string // what tells it from other images: the reference, else the ID; with the platform where that is not enough
	many  bool   // there are others
	image *analyze.Image
	err   error
}

// An imageList is what one command asks.
type imageList []loaded

// where begins a message about an image.
func (l loaded) where() string {
	if l.many && l.title != "" {
		return l.name + ": " + l.title
	}
	return l.name
}

// entitle finds for each image a title of its own.
func (list imageList) entitle() {
	images := make([]*source.Image, len(list))
	for i, l := range list {
		if l.image != nil {
			images[i] = l.image.Image
		}
	}
	for i, title := range analyze.Titles(images) {
		list[i].title, list[i].many = title, len(list) > 1
	}
}

// load loads what the names name, one image each, or all of them with --all. The error is one of the command line or an interruption;
// an image that cannot be loaded is in the list as such.
func (c *Call) load(ctx context.Context, names []string, digests bool) (imageList, error) {
	opt, err := c.loading(names, digests)
	if err != nil {
		return nil, err
	}
	defer c.console.close()
	var list imageList
	for _, name := range names {
		if !c.all {
			img, err := analyze.Open(ctx, name, opt)
			list = append(list, loaded{name: name, image: img, err: err})
			continue
		}
		list = append(list, c.loadAll(ctx, name, opt)...)
	}
	if ctx.Err() != nil {
		list.close()
		return nil, ctx.Err()
	}
	list.entitle()
	return list, nil
}

// loading returns the options with which the names are loaded.
func (c *Call) loading(names []string, digests bool) (analyze.Options, error) {
	if err := c.checkTarget(names); err != nil {
		return analyze.Options{}, err
	}
	opt, err := c.options()
	if err != nil {
		return opt, err
	}
	if digests && c.registry.toc {
		return analyze.Options{}, usage("", "%s: --toc: the digests of files' content need the layers themselves", c.Report.Name)
	}
	opt.Digests, opt.Dense, opt.Secrets, opt.Bodies = digests, c.dense, c.secrets, c.bodies
	opt.Source.Stdin, opt.Note = c.stdin, c.console.note
	opt.Progress = c.console.track(c.progress.word)
	return opt, nil
}

// refused prints why images could not be loaded and returns the exit status, where that ends the command: always, but with --keep-going
// where other images can be answered for.
func (list imageList) refused(c *Call) int {
	sound := 0
	for _, l := range list {
		if l.err == nil {
			sound++
		}
	}
	if sound == len(list) || sound > 0 && c.keepGoing {
		return answered
	}
	list.explain(c)
	if c.swapped(list) {
		c.console.line("hint: IMAGE comes before PATH: layup " + c.Report.Name + " " + show.Shell(c.Args[len(c.Args)-1]) + " " + show.Shell(c.Args[0]))
	}
	return failed
}

// explain prints why images could not be loaded.
func (list imageList) explain(c *Call) {
	for _, l := range list {
		if l.err == nil {
			continue
		}
		c.console.fail(l.err)
		switch {
		case !damaged(l.err) || c.keepGoing:
		case l.image != nil && l.image.Remote:
			c.console.line("hint: --keep-going answers from the layers that can be read")
		default:
			c.console.line("hint: the file may be damaged in transfer; --keep-going answers from what can be read")
		}
	}
}

// swapped reports whether an archive seems to stand behind the path that was to be asked of it. Its name is enough for a hint.
func (c *Call) swapped(list imageList) bool {
	if len(list) != 1 || len(c.Args) != 2 || !strings.Contains(c.Report.Args, "PATH") || strings.Contains(c.Args[0], ".tar") {
		return false
	}
	info, err := os.Stat(c.Args[1])
	return err == nil && info.Mode().IsRegular() && strings.Contains(c.Args[1], ".tar")
}

// damaged reports whether a layer could not be read for what it holds, which another layer may be free of. Limits are not damage.
func damaged(err error) bool {
	_, layer := errors.AsType[*analyze.LayerError](err)
	_, limit := errors.AsType[*tarfs.LimitError](err)
	_, known := errors.AsType[*source.Hinted](err) // what to do is known better
	return layer && !limit && !known
}

// complain prints, after the answer, what could not be read and what is odd.
func (list imageList) complain(c *Call) {
	for _, l := range list {
		if l.err != nil {
			c.console.fail(l.err)
			continue
		}
		l.complain(c, l.image.Warnings())
	}
}

func (l loaded) complain(c *Call, warnings []tarfs.Warning) {
	for _, e := range l.image.Errors() {
		c.console.line(fmt.Sprintf("%s: %v", l.where(), e))
	}
	about := ""
	if l.many {
		about = l.where() + ": "
	}
	c.console.warn(about, warnings)
	c.tellTOC(l)
}

func (list imageList) close() {
	for _, l := range list {
		if l.image != nil {
			l.image.Close() // only read from: nothing is lost by a failing close
		}
	}
}

// loadAll loads every image of a source, or of a folder of sources.
func (c *Call) loadAll(ctx context.Context, name string, opt analyze.Options) (list imageList) {
	for o := range analyze.OpenFolder(ctx, name, opt) {
		if o.Skipped != "" {
			c.console.note("skipped " + show.Shell(o.Name) + ": " + o.Skipped)
			continue
		}
		list = append(list, loaded{name: o.Name, image: o.Image, err: o.Err})
	}
	return list
}

// checkLayer checks a number that the user gave for a layer of the image.
func checkLayer(img *analyze.Image, flag string, n int) error {
	if n < len(img.Layers) {
		return nil
	}
	if len(img.Layers) == 0 {
		return errors.New(flag + ": the image has no layers")
	}
	return fmt.Errorf("--%s %d: the image has the layers 0 to %d", flag, n, len(img.Layers)-1)
}
