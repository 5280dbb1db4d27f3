package diff

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"strconv"
	"strings"

	"github.com/spf13/pflag"

	"layup/analyze"
	"layup/analyze/source/advice"
	"layup/report/call"
	"layup/tarfs"
)

// sideNames are what messages and tables call the two images.
var sideNames = [2]string{"A", "B"}

// load loads both images, or the one whose layers are compared.
func (d *comparing) load(ctx context.Context, c *call.Call) (call.Images, [2]analyze.Side, error) {
	switch {
	case d.stages != "":
		return d.loadStages(ctx, c)
	case d.container:
		return d.loadContainer(ctx, c)
	}
	return d.Choice.Load(ctx, c, d.needs, func(names [2]string, opt [2]analyze.Options) ([2]*analyze.Image, [2]error) {
		return analyze.OpenPair(ctx, names, opt, d.aspects)
	})
}

// A Choice says which images of two inputs are compared.
type Choice struct {
	Image, Platform [2]string // as --image and --platform say it for both
}

// Flags adds the flags that choose.
func (o *Choice) Flags(f *pflag.FlagSet) {
	for i, side := range []string{"a", "b"} {
		f.StringVar(&o.Image[i], "image-"+side, "", "--image for "+strings.ToUpper(side)+" only: `REF` or @N")
	}
	for i, side := range []string{"a", "b"} {
		f.StringVar(&o.Platform[i], "platform-"+side, "", "--platform for "+strings.ToUpper(side)+
			" only: `OS/ARCH` or OS/ARCH/VARIANT")
	}
}

// An Opener opens two images.
type Opener func(names [2]string, opt [2]analyze.Options) ([2]*analyze.Image, [2]error)

// Load loads the two images that the arguments name. Unfit says which of them could not be loaded.
func (o *Choice) Load(ctx context.Context, c *call.Call, needs analyze.Needs, open Opener) (call.Images,
	[2]analyze.Side, error) {
	var sides [2]analyze.Side
	var opt [2]analyze.Options
	for i := range opt {
		var err error
		if opt[i], err = c.Options(c.Args, needs); err != nil {
			return nil, sides, err
		}
		opt[i].Select.Image = cmp.Or(o.Image[i], opt[i].Select.Image)
		opt[i].Select.Platform = cmp.Or(o.Platform[i], opt[i].Select.Platform)
		opt[i].Note = func(text string) { c.Note(sideNames[i] + ": " + text) }
	}
	images, errs := open([2]string(c.Args), opt)
	var list call.Images
	for i, img := range images {
		list = append(list, call.Loaded{Name: sideNames[i] + ": " + c.Args[i], Many: true, Image: img, Err: errs[i]})
		if errs[i] != nil {
			chooseSide(errs[i], strings.ToLower(sideNames[i]))
			list[i].Err = fmt.Errorf("%s: %w", sideNames[i], errs[i])
			continue
		}
		sides[i] = img.After(analyze.Last)
	}
	return list, sides, ready(ctx, list)
}

// chooseSide turns the choices that an error offers into flags of one side.
func chooseSide(err error, side string) {
	c, ok := errors.AsType[*advice.ChoiceError](err)
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

// ready says if the command is interrupted.
func ready(ctx context.Context, list call.Images) error {
	if ctx.Err() != nil {
		list.Close()
		return ctx.Err()
	}
	return nil
}

// Unfit prints why images could not be loaded, if any could not, and returns the exit status.
func Unfit(c *call.Call, list call.Images) int {
	for _, l := range list {
		if l.Err != nil {
			list.Explain(c)
			return call.Failed
		}
	}
	return call.Answered
}

func (d *comparing) loadStages(ctx context.Context, c *call.Call) (call.Images, [2]analyze.Side, error) {
	var sides [2]analyze.Side
	from, to, err := parseStages(d.stages)
	if err != nil {
		return nil, sides, err
	}
	opt, err := c.Options(c.Args, d.needs)
	if err != nil {
		return nil, sides, err
	}
	img, err := analyze.OpenStages(ctx, c.Args[0], from, to, d.aspects, opt)
	list := call.Images{{Name: c.Args[0], Image: img, Err: err}}
	if err := ready(ctx, list); err != nil || list[0].Err != nil {
		return list, sides, err
	}
	for _, n := range []int{from, to} {
		if err := call.CheckLayer(img, "layers", n); n != analyze.Last && err != nil {
			list.Close()
			return nil, sides, fmt.Errorf("%s: %w", c.Args[0], err)
		}
	}
	sides[0], sides[1] = img.After(from), img.After(to)
	return list, sides, nil
}

// parseStages understands I..J. Without I, it is the empty tree; without J, the last layer.
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
		return 0, 0, call.Usage(hint, "diff: --layers %q: want I..J, numbers of layers from 0, or -1 for the empty tree", s)
	}
	return from, to, nil
}

func stage(s string) (int, bool) {
	n, err := strconv.ParseInt(s, 10, 32)
	return int(n), err == nil && n >= tarfs.NoLayer
}
