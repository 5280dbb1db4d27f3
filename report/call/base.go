package call

import (
	"context"
	"fmt"

	"github.com/spf13/pflag"

	"layup/analyze"
	"layup/analyze/show"
)

// BaseFlags say what is known of the base of images, and whether its layers count.
type BaseFlags struct {
	own bool
	of  []string
}

// Flags adds --base-of, and --own for a question that can leave out the base.
func (b *BaseFlags) Flags(f *pflag.FlagSet, own bool) {
	if own {
		f.BoolVar(&b.own, "own", false, "leave out the layers of the base image: count what its own build added")
	}
	f.StringArrayVar(&b.of, "base-of", nil, "look for the base image in this `FILE`, or in a folder of images "+
		"(repeatable); without it, or a match, the provenance or the annotations of the image tell it")
}

// Given reports whether there is one of the flags.
func (b *BaseFlags) Given() bool { return b.own || len(b.of) > 0 }

// Find opens the images among which the base may be, and adds to the needs what the flags ask for.
func (b *BaseFlags) Find(ctx context.Context, c *Call, needs *analyze.Needs) error {
	if c.own.Lookup("own") != nil && !b.own && len(b.of) > 0 {
		return Usage(c.Line()+" --own", "%s: --base-of is for --own", c.Command.Name)
	}
	needs.Own, needs.Origin = b.own, needs.Origin || b.own
	if len(b.of) == 0 {
		return nil
	}
	opt, err := c.Options(b.of, analyze.Needs{})
	if err == nil {
		needs.Bases, err = analyze.Candidates(ctx, b.of, opt)
	}
	if err != nil {
		return fmt.Errorf("--base-of: %w", err)
	}
	return nil
}

// WithoutBase says in the sum of an answer which layers do not count; empty if all do.
func WithoutBase(img *analyze.Image) string {
	base, known := img.Base()
	if !known || base.Layers < 1 || img.Counts(0) {
		return ""
	}
	text := fmt.Sprintf("; without layers 0 to %d of the base", base.Layers-1)
	if base.Layers == 1 {
		text = "; without layer 0 of the base"
	}
	if base.Name != "" {
		text += " " + show.Safe(base.Name)
	}
	return text
}
