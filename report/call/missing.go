package call

import (
	"errors"
	"fmt"
	"strings"

	"layup/analyze"
	"layup/analyze/near"
	"layup/analyze/show"
	"layup/report/render"
	"layup/tarfs"
)

// Missing adds to the error about a missing path the target of its symlinks and the command that tells more.
func (c *Call) Missing(img *analyze.Image, upto int, follow bool, err error) error {
	e, ok := errors.AsType[*analyze.NotFoundError](err)
	if !ok {
		return err
	}
	meant := *e
	if to, err := img.Tree().At(upto).Canonical(e.Path, follow); err == nil {
		meant.Path = "/" + strings.Trim(to, "/")
	}
	err = &meant
	there := e.DeletedBy != tarfs.NoLayer || e.Later != tarfs.NoLayer // before, or later
	if !there && len(img.Errors()) > 0 {
		err = fmt.Errorf("%q: no such path in what could be read of the image", meant.Path)
	}
	if meant.Path != e.Path {
		err = fmt.Errorf("%q leads to %w", e.Path, err)
	}
	switch {
	case e.DeletedBy != tarfs.NoLayer:
		if by := img.Instruction(e.DeletedBy).Short(); by != "" {
			err = fmt.Errorf("%w: %s", err, render.DockerCut(by, 60))
		}
		return Usage(c.Next(img, "log", meant.Path), "%w", err)
	case there:
		return Usage(c.Next(img, "log", meant.Path), "%w", err)
	}
	return c.NeverThere(img, e, err)
}

// NeverThere adds to the error about a path that no layer has what may be meant instead.
func (c *Call) NeverThere(img *analyze.Image, e *analyze.NotFoundError, err error) error {
	switch {
	case strings.ContainsAny(e.Path, "*?["):
		return Usage(c.Next(img, "find", e.Path)+"  takes patterns", "%w", err)
	case e.Similar != "":
		return Usage(near.Meant(c.Next(img, c.Command.Name, e.Similar)), "%w", err)
	}
	return err
}

// Next is a command line about a path of the same image.
func (c *Call) Next(img *analyze.Image, command, path string) string {
	again := *c.common
	if c.all {
		again.image, again.platform = img.Reference, img.Platform
	}
	next := fmt.Sprintf("layup %s%s %s %s", command, again.flags(), show.Shell(img.Name), show.Shell(path))
	for _, place := range []struct{ short, flag string }{{"-C", "directory"}, {"-o", "output"}} {
		if f := c.own.Lookup(place.flag); f != nil && f.Changed && command == c.Command.Name {
			next += " " + place.short + " " + show.Shell(f.Value.String())
		}
	}
	return next
}

// Named adds the image's name, unless the error is about the output.
func Named(img *analyze.Image, err error) error {
	if _, ok := errors.AsType[*outputError](err); ok {
		return err
	}
	return fmt.Errorf("%s: %w", img.Name, err)
}
