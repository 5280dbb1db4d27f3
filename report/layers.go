package report

import (
	"cmp"
	"context"
	"fmt"
	"slices"

	"github.com/spf13/pflag"

	"layup/analyze"
	"layup/analyze/show"
	"layup/report/call"
	"layup/report/catalogue"
	"layup/report/item"
	"layup/report/render"
)

const layersDetails = `
Oldest first. CHANGES are the paths that the merge created (+), replaced or re-listed (~), and hid
without a replacement (-). HIDDEN are bytes that the layer wrote and no longer shows. DIGEST names the
stored blob, and COMPRESSED is its size; if nothing names the blob, DIGEST is the diffID, that of the tar
inside. INSTRUCTION is the line of the Dockerfile, as in Dockerfile:5, if a provenance of BuildKit (mode=max)
is attached to the image, else what the history says. --no-files answers from the manifest and the config
alone, which are verified; the layers are not.

With -C the unique layers of a catalogue are listed: their key (the diffID, if it is known), how many entries they have,
and how many images have them.
`

// A layer is a layer and whether it was read: else nothing in it was counted.
type layer struct {
	analyze.LayerFacts
	read bool
	base string // what the base is called, if the layer is one of it
}

// unnamed stands for the name of a base that nothing names.
const unnamed = "yes"

// layersOf returns the layers of an image.
func layersOf(img *analyze.Image) []layer {
	base, _ := img.Base()
	var list []layer
	for i, l := range img.LayerFacts() {
		one := layer{LayerFacts: l, read: img.LayersRead()}
		if img.OfBase(i) {
			one.base = cmp.Or(base.Name, unnamed)
		}
		list = append(list, one)
	}
	return list
}

var layersTable = slices.Concat(render.Table[layer]{
	render.IntOf("index", func(l layer) int { return l.Index }).Column("LAYER"),
	render.TextOf("digest", func(l layer) string { return l.Digest }),
	render.TextOf("diffID", func(l layer) string { return l.DiffID }),
	render.Cell("DIGEST", func(l layer) string { return cmp.Or(l.Digest, l.DiffID) }).Hex().Spare(),
	render.TextOf("chainID", func(l layer) string { return l.ChainID }),
	render.TextOf("mediaType", func(l layer) string { return l.MediaType }),
	render.TextOf("compression", func(l layer) string { return l.Compression }).Column("COMPRESSION").Spare().If(wereRead),
	render.IntOf("size", func(l layer) int64 { return l.Size }).Column("COMPRESSED", render.Sized),
	counted("unpackedSize", func(l layer) int64 { return l.Unpacked }),
	render.Cell("UNPACKED", func(l layer) string { return l.atLeast(render.Sized(render.Counted(l.Unpacked))) }).Right().
		Spare().If(wereRead),
	counted("files", func(l layer) int { return l.Files }),
	counted("added", func(l layer) int { return l.Added }),
	counted("modified", func(l layer) int { return l.Modified }),
	counted("deleted", func(l layer) int { return l.Deleted }),
	render.Cell("CHANGES", func(l layer) string {
		return l.atLeast(fmt.Sprintf("+%d ~%d -%d", l.Added, l.Modified, l.Deleted))
	}).If(wereRead),
	counted("hiddenBytes", func(l layer) int64 { return l.HiddenBytes }),
	render.Cell("HIDDEN", func(l layer) string { return l.atLeast(render.Sized(render.Counted(l.HiddenBytes))) }).Right().
		If(wereRead),
	render.Of("partial", render.Bool, func(l layer) render.Value {
		if !l.Partial {
			return render.Value{}
		}
		return render.B(true)
	}),
}, item.InstructionMembers(instructionOf), render.Table[layer]{
	item.LineMember(instructionOf),
	render.TextOf("created", func(l layer) string { return l.Instruction.Created }),
	render.TextOf("role", func(l layer) string { return l.Role }).Column("ROLE").Spare().If(areDirectories),
	render.NameOf("directory", func(l layer) string { return l.Directory }),
	render.TextOf("link", func(l layer) string { return l.Link }).Column("LINK").Spare().If(areDirectories),
	render.Of("base", render.Bool, func(l layer) render.Value {
		if l.base == "" {
			return render.Value{}
		}
		return render.B(true)
	}),
	render.Cell("BASE", func(l layer) string { return l.base }).Cut().Spare().If(areBased),
	render.Cell("DIRECTORY", func(l layer) string { return l.Directory }).Cut().Spare().If(areDirectories),
	render.Cell("INSTRUCTION", func(l layer) string { return l.Instruction.Short() }).Cut(),
})

func instructionOf(l layer) analyze.Instruction { return l.Instruction }

// counted is a number that is known only after the layer was read.
func counted[N int | int64](name string, number func(layer) N) render.Member[layer] {
	return render.IntOf(name, func(l layer) N {
		if !l.read || l.absent() {
			return -1
		}
		return number(l)
	})
}

// absent reports whether nothing of the layer could be read.
func (l layer) absent() bool { return l.Partial && l.Unpacked <= 0 }

// atLeast marks a number that leaves out what could not be read.
func (l layer) atLeast(number string) string {
	switch {
	case l.absent():
		return "-"
	case l.Partial:
		return "over " + number
	}
	return number
}

func wereRead(layers []layer) bool {
	return !slices.ContainsFunc(layers, func(l layer) bool { return !l.read })
}

// areBased reports whether some layers are known to be those of the base.
func areBased(layers []layer) bool {
	return slices.ContainsFunc(layers, func(l layer) bool { return l.base != "" })
}

// areDirectories reports whether an engine keeps the layers unpacked.
func areDirectories(layers []layer) bool { return len(layers) > 0 && layers[0].Directory != "" }

func newLayers(f *pflag.FlagSet) call.Answer {
	at := catalogue.Flag(f)
	noFiles := f.Bool("no-files", false,
		"read no layer: what the manifest and the config say of them (of a registry the layers are not fetched)")
	var base call.BaseFlags
	base.Flags(f, false)
	ask := func(c *call.Call, img *analyze.Image, _ []string) (call.Part, error) {
		layers := layersOf(img)
		p := call.Part{Section: layersTable.Section(layers)}
		p.Footer = layersFooter(layers)
		return p, nil
	}
	return func(ctx context.Context, c *call.Call) (int, error) {
		if *at != "" {
			return catalogue.Layers(ctx, c, *at)
		}
		needs := analyze.Needs{Loose: true, Origin: true}
		if *noFiles {
			needs.Layers = analyze.Never
		}
		if err := base.Find(ctx, c, &needs); err != nil {
			return call.Failed, err
		}
		return c.Ask(ctx, c.Args, nil, needs, ask)
	}
}

// layersFooter sums the layers up. A sum is left out if one of its numbers is unknown.
func layersFooter(layers []layer) string {
	if len(layers) == 0 {
		return ""
	}
	line := show.Count(len(layers), "layer")
	for _, sum := range []struct {
		name string
		of   func(layer) int64
	}{
		{"compressed", func(l layer) int64 { return l.Size }},
		{"unpacked", func(l layer) int64 { return l.Unpacked }},
		{"hidden", func(l layer) int64 { return l.HiddenBytes }},
	} {
		total, known := int64(0), sum.name == "compressed" || wereRead(layers)
		for _, l := range layers {
			if n := sum.of(l); n >= 0 || !l.absent() { // the footer says what is missing
				known = known && n >= 0
				total += n
			}
		}
		if known {
			line += fmt.Sprintf(", %s %s", show.Size(total), sum.name)
		}
	}
	return line + ofBase(layers)
}

// ofBase says which layers are those of the base: a narrow terminal leaves out the column.
func ofBase(layers []layer) string {
	n := 0
	for n < len(layers) && layers[n].base != "" {
		n++
	}
	switch {
	case n == 0:
		return ""
	case layers[0].base == unnamed:
		return "; the base has " + show.Count(n, "layer")
	}
	return fmt.Sprintf("; the base %s has %s", show.Safe(layers[0].base), show.Count(n, "layer"))
}
