package call

import (
	"errors"
	"fmt"
	"strings"

	"layup/analyze"
	"layup/analyze/near"
	"layup/analyze/show"
	"layup/tarfs"
)

// Missing adds to the error about a path that is not there where its symlinks lead, and the command that tells more.
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
	there := e.DeletedBy != tarfs.NoLayer || e.Later != tarfs.NoLayer // once, or later
	if !there && len(img.Errors()) > 0 {
		err = fmt.Errorf("%q: no such path in what could be read of the image", meant.Path)
	}
	if meant.Path != e.Path {
		err = fmt.Errorf("%q leads to %w", e.Path, err)
	}
	switch {
	case e.DeletedBy != tarfs.NoLayer:
		if by := img.Instruction(e.DeletedBy).Readable; by != "" {
			err = fmt.Errorf("%w: %s", err, Cut(by))
		}
		return Usage(c.Next(img, "log", meant.Path), "%w", err)
	case there:
		return Usage(c.Next(img, "log", meant.Path), "%w", err)
	case e.Similar != "":
		return Usage(near.Meant(c.Next(img, c.Command.Name, e.Similar)), "%w", err)
	}
	return err
}

// Cut shortens an instruction to what a message can hold.
func Cut(instruction string) string {
	const longest = 60
	if r := []rune(instruction); len(r) > longest {
		return string(r[:longest-1]) + "…"
	}
	return instruction
}

// Next is a command line about a path of the same image.
func (c *Call) Next(img *analyze.Image, command, path string) string {
	again := *c.Common
	if c.All {
		again.Image, again.Platform = img.Reference, img.Platform
	}
	next := fmt.Sprintf("layup %s%s %s %s", command, again.flags(), show.Shell(img.Name), show.Shell(path))
	if command == c.Command.Name {
		next += c.WhereTo
	}
	return next
}

// Named adds the image's name, but not to what went wrong with the output.
func Named(img *analyze.Image, err error) error {
	if _, ok := errors.AsType[*outputError](err); ok {
		return err
	}
	return fmt.Errorf("%s: %w", img.Name, err)
}
