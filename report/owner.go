package report

import (
	"context"
	"fmt"
	"iter"
	"slices"
	"strings"

	"github.com/spf13/pflag"

	"layup/analyze"
	databases "layup/analyze/packages"
	"layup/analyze/show"
	"layup/report/call"
	"layup/report/catalogue"
	"layup/report/item"
	"layup/report/packages"
	"layup/report/render"
	"layup/tarfs"
)

const ownerDetails = `
The owner is the top-most layer that has an entry for the path, also where that entry changed only the
mode, for then a container sees that layer's copy. Symlinks in the path and at its end are followed
inside the image; "asked" then holds what was asked. Of several paths those that are there are
printed, and each missing one is a line on stderr. With --path, every argument is an image. --packages
adds the packages whose lists name the path, or that own a directory above it: layup help packages.

With -C, every argument is a path, and the images of a catalogue (layup help index) that show it are
listed, each with the layer that owns it.

INSTRUCTION is the line of the Dockerfile, as in Dockerfile:5, if a provenance of BuildKit (mode=max) is
attached to the image, else what the history says. Nothing signs a provenance: trust it as the image.
`

var ownerFields = slices.Concat(item.PathField, []render.Field{{Name: "asked", Kind: render.Name}}, item.MetaFields,
	item.LayerField, item.EntryFields, item.InstructionFields, item.LineField, packages.OwnerField)

func newOwner(f *pflag.FlagSet) call.Answer {
	fleet := catalogue.Flag(f)
	noFollow := f.Bool("no-follow", false, "do not follow a symlink at the end of a path")
	given := f.StringArray("path", nil, "ask for this `PATH` (repeatable); every argument is an image then")
	packaged := f.Bool("packages", false, "show the packages that each path belongs to")
	needs := analyze.Needs{Origin: true}
	f.BoolVar(&needs.Digests, "digests", false, "show the SHA-256 of the files' content")
	ask := func(ctx context.Context, c *call.Call, img *analyze.Image, paths []string) (call.Part, error) {
		var p call.Part
		var found []analyze.Owner
		for _, path := range paths {
			o, err := img.Owner(path, !*noFollow, analyze.Last)
			if err != nil {
				p.Missing = append(p.Missing, c.Missing(img, analyze.Last, !*noFollow, err))
				continue
			}
			found = append(found, o)
		}
		belongs := func(tarfs.Node) render.Value { return render.Value{} }
		if *packaged {
			set, err := databases.Read(ctx, img)
			if err != nil {
				return p, err
			}
			p.Odd = set.Warnings
			belongs = func(n tarfs.Node) render.Value { return packages.Owners(set, n) }
		}
		p.Fields, p.Rows = ownerFields, ownerRows(img, found, belongs)
		p.Columns = ownerColumns(needs.Digests, *packaged)
		return p, nil
	}
	return func(ctx context.Context, c *call.Call) (int, error) {
		images, paths := c.Args, *given
		switch {
		case *fleet != "":
			images, paths = nil, slices.Concat(c.Args, *given)
		case len(paths) == 0:
			images, paths = c.Args[:1], c.Args[1:]
		}
		switch {
		case len(paths) == 0:
			return call.Failed, c.Lacks("PATH")
		case slices.Contains(paths, ""):
			return call.Failed, call.NoPath("owner")
		}
		if *fleet != "" {
			return ownersIn(ctx, c, *fleet, paths, !*noFollow, needs.Digests)
		}
		needs.Paths = paths
		if *packaged {
			needs.Sieve, needs.Paths = databases.Needs(false).Sieve, nil
		}
		return c.Ask(ctx, images, paths, needs,
			func(c *call.Call, img *analyze.Image, paths []string) (call.Part, error) {
				return ask(ctx, c, img, paths)
			})
	}
}

// ownersIn says in which images of a catalogue the paths are, and which layers own them.
func ownersIn(ctx context.Context, c *call.Call, at string, paths []string, follow, digests bool) (int, error) {
	r, err := catalogue.Open(ctx, c, at, "packages")
	if err != nil {
		return call.Failed, err
	}
	defer r.Close() // only read from
	if digests && !r.Digests {
		return call.Failed, catalogue.WithoutDigests(r)
	}
	found, err := r.FindPaths(ctx, paths, follow, digests)
	if err != nil {
		return call.Failed, err
	}
	ask := func(img *analyze.Image) (s render.Section, some bool) {
		var list []analyze.Owner
		for _, p := range paths {
			if o, err := img.Owner(p, follow, analyze.Last); err == nil {
				list = append(list, o)
			}
		}
		s.Fields, s.Columns = ownerFields, ownerColumns(digests, false)
		s.Rows = ownerRows(img, list, func(tarfs.Node) render.Value { return render.Value{} })
		return s, len(list) > 0
	}
	missing := fmt.Errorf("%s: no image shows %s", show.Safe(at), strings.Join(paths, ", "))
	return catalogue.Answer{Reader: r, Found: found, Ask: ask, Missing: missing}.Write(ctx, c)
}

// ownerRows are the rows of paths. The last value of each is what belongs returns.
func ownerRows(img *analyze.Image, found []analyze.Owner, belongs func(tarfs.Node) render.Value,
) iter.Seq[[]render.Value] {
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
			row = append(item.AppendMeta(row, v), render.I(int64(v.Layer())))
			made := img.Instruction(v.Layer())
			row = item.AppendLine(item.AppendInstruction(item.AppendEntry(row, v, snap), made), made)
			if row = append(row, belongs(v.Node())); !yield(row) {
				return
			}
		}
	}
}

func ownerColumns(digests, packaged bool) []render.Column {
	path, asked := item.PathColumn(ownerFields), item.At(ownerFields, "asked")
	path.Cut, path.Path = true, true
	inner := path.Cell
	path.Cell = func(row []render.Value) string {
		if row[asked].Absent() {
			return inner(row)
		}
		return row[asked].String() + " => " + inner(row)
	}
	columns := []render.Column{path, item.Column(ownerFields, "LAYER", "layer", render.Dashed), item.Column(ownerFields,
		"SIZE", "size", render.Sized)}
	if digests {
		columns = append(columns, item.DigestColumn(ownerFields))
	}
	if packaged {
		columns = append(columns, packages.OwnerColumn(item.At(ownerFields, "packages")))
	}
	return append(columns, item.InstructionColumn(ownerFields))
}
