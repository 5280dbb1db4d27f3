package report

import (
	"errors"
	"fmt"
	"iter"
	"slices"
	"strings"

	"github.com/spf13/pflag"

	"layup/analyze"
	"layup/analyze/show"
	"layup/report/render"
	"layup/tarfs"
)

const ownerDetails = `
The owner is the top-most layer that has an entry for the path, also where that entry changed only the
mode, for then a container sees that layer's copy. Symlinks in the path and at its end are followed
inside the image; "asked" then holds what was asked. Of several paths those that are there are
printed, and each missing one is a line on stderr.
`

var ownerFields = slices.Concat(pathField, []render.Field{{Name: "asked", Kind: render.Name}}, metaFields, layerField, entryFields, instructionFields)

func newOwner(f *pflag.FlagSet) Answer {
	noFollow := f.Bool("no-follow", false, "do not follow a symlink at the end of a path")
	digests := f.Bool("digests", false, "show the SHA-256 of the files' content")
	return about(digests, func(c *Call, img *analyze.Image, paths []string) (part, error) {
		var p part
		var found []analyze.Owner
		for _, path := range paths {
			o, err := img.Owner(path, !*noFollow, analyze.Last)
			if err != nil {
				p.missing = append(p.missing, c.missing(img, analyze.Last, !*noFollow, err))
				continue
			}
			found = append(found, o)
		}
		p.Fields, p.Rows, p.Columns = ownerFields, ownerRows(img, found), ownerColumns(*digests)
		return p, nil
	})
}

func ownerRows(img *analyze.Image, found []analyze.Owner) iter.Seq[[]render.Value] {
	snap := img.Tree().At(analyze.Last)
	return func(yield func([]render.Value) bool) {
		var row []render.Value
		for _, o := range found {
			v, path := o.Version, o.Version.Node().Path()
			asked := render.Value{}
			if o.Asked != path {
				asked = render.N(o.Asked)
			}
			row = append(row[:0], render.N(path), asked)
			row = append(appendMeta(row, v), render.I(int64(v.Layer())))
			row = appendInstruction(appendEntry(row, v, snap), img.Instruction(v.Layer()))
			if !yield(row) {
				return
			}
		}
	}
}

func ownerColumns(digests bool) []render.Column {
	path, asked := pathColumn(ownerFields), at(ownerFields, "asked")
	inner := path.Cell
	path.Cell = func(row []render.Value) string {
		if row[asked].Absent() {
			return inner(row)
		}
		return row[asked].String() + " => " + inner(row)
	}
	columns := []render.Column{path, layerColumn(ownerFields, "LAYER", "layer"), sizeColumn(ownerFields, "SIZE", "size")}
	if digests {
		columns = append(columns, text(ownerFields, "SHA256", "sha256"))
	}
	return append(columns, instructionColumn(ownerFields))
}

// missing adds to the error about a path that is not there where its symlinks lead, and the command that tells more.
func (c *Call) missing(img *analyze.Image, upto int, follow bool, err error) error {
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
			err = fmt.Errorf("%w: %s", err, cut(by))
		}
		return &advised{err, []string{c.next(img, "log", meant.Path)}}
	case there:
		return &advised{err, []string{c.next(img, "log", meant.Path)}}
	case e.Similar != "":
		return &advised{err, []string{"did you mean: " + c.next(img, c.Report.Name, e.Similar)}}
	}
	return err
}

// cut shortens an instruction to what a message can hold.
func cut(instruction string) string {
	const longest = 60
	if r := []rune(instruction); len(r) > longest {
		return string(r[:longest-1]) + "…"
	}
	return instruction
}

// next is a command line about a path of the same image.
func (c *Call) next(img *analyze.Image, command, path string) string {
	again := *c.common
	if c.all {
		again.image, again.platform = img.Reference, img.Platform
	}
	next := fmt.Sprintf("layup %s%s %s %s", command, again.flags(), show.Shell(img.Name), show.Shell(path))
	if command == c.Report.Name {
		next += c.whereTo
	}
	return next
}
