package report

import (
	"context"
	"errors"
	"fmt"
	"strconv"
	"strings"

	"layup/analyze"
	"layup/analyze/source"
	"layup/tarfs"
)

// sideNames are what messages and tables call the two images.
var sideNames = [2]string{"A", "B"}

// load loads both images, or the one whose layers are compared.
func (d *comparing) load(ctx context.Context, c *Call) (imageList, [2]analyze.Side, error) {
	if err := c.checkTarget(c.Args); err != nil {
		return nil, [2]analyze.Side{}, err
	}
	switch {
	case d.stages != "":
		return d.loadStages(ctx, c)
	case d.container:
		return d.loadContainer(ctx, c)
	}
	var sides [2]analyze.Side
	var opt [2]analyze.Options
	for i := range opt {
		one := *c.common
		if d.image[i] != "" {
			one.image = d.image[i]
		}
		if d.platform[i] != "" {
			one.platform = d.platform[i]
		}
		var err error
		if opt[i], err = d.options(c, &one); err != nil {
			return nil, sides, err
		}
		opt[i].Note = func(text string) { c.console.note(sideNames[i] + ": " + text) }
	}
	images, errs := analyze.OpenPair(ctx, [2]string(c.Args), opt, d.aspects)
	var list imageList
	for i, img := range images {
		list = append(list, loaded{name: sideNames[i] + ": " + c.Args[i], many: true, image: img, err: errs[i]})
		if errs[i] != nil {
			chooseSide(errs[i], strings.ToLower(sideNames[i]))
			list[i].err = fmt.Errorf("%s: %w", sideNames[i], errs[i])
			continue
		}
		sides[i] = img.After(analyze.Last)
	}
	return list, sides, list.ready(ctx)
}

// chooseSide makes the choices that an error offers those of one side: the flags of both would ask the other one for it, too.
func chooseSide(err error, side string) {
	c, ok := errors.AsType[*source.ChoiceError](err)
	if !ok {
		return
	}
	for i := range c.Choices {
		flag, value, found := strings.Cut(c.Choices[i].Flag, " ")
		if found && (flag == "--image" || flag == "--platform") {
			c.Choices[i].Flag = flag + "-" + side + " " + value
		}
	}
}

func (d *comparing) options(c *Call, one *common) (analyze.Options, error) {
	opt, err := one.options()
	opt.Digests, opt.Source.Stdin, opt.Note = d.digests, c.stdin, c.console.note
	opt.Progress = c.console.track(c.progress.word)
	return opt, err
}

// ready says if the command is interrupted.
func (list imageList) ready(ctx context.Context) error {
	if ctx.Err() != nil {
		list.close()
		return ctx.Err()
	}
	return nil
}

// unfit prints why images could not be loaded and returns the exit status, where that is so of any.
func (list imageList) unfit(c *Call) int {
	for _, l := range list {
		if l.err != nil {
			list.explain(c)
			return failed
		}
	}
	return answered
}

func (d *comparing) loadStages(ctx context.Context, c *Call) (imageList, [2]analyze.Side, error) {
	var sides [2]analyze.Side
	from, to, err := parseStages(d.stages)
	if err != nil {
		return nil, sides, err
	}
	opt, err := d.options(c, c.common)
	if err != nil {
		return nil, sides, err
	}
	img, err := analyze.OpenStages(ctx, c.Args[0], from, to, d.aspects, opt)
	list := imageList{{name: c.Args[0], image: img, err: err}}
	if err := list.ready(ctx); err != nil || list[0].err != nil {
		return list, sides, err
	}
	for _, n := range []int{from, to} {
		if err := checkLayer(img, "layers", n); n != analyze.Last && err != nil {
			list.close()
			return nil, sides, fmt.Errorf("%s: %w", c.Args[0], err)
		}
	}
	sides[0], sides[1] = img.After(from), img.After(to)
	return list, sides, nil
}

// parseStages understands I..J; what is left out is the empty tree before, and the last layer behind.
func parseStages(s string) (from, to int, err error) {
	const hint = "0..3 is what the layers 1 to 3 changed, -1..0 what layer 0 holds, 2.. what came after layer 2"
	first, last, ok := strings.Cut(s, "..")
	from, to = tarfs.NoLayer, analyze.Last
	if ok && first != "" {
		from, ok = stage(first)
	}
	if ok && last != "" {
		to, ok = stage(last)
	}
	if !ok || s == ".." {
		return 0, 0, usage(hint, "diff: --layers %q: want I..J, numbers of layers from 0, or -1 for the empty tree", s)
	}
	return from, to, nil
}

func stage(s string) (int, bool) {
	n, err := strconv.ParseInt(s, 10, 32)
	return int(n), err == nil && n >= tarfs.NoLayer
}
