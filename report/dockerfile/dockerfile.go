// Package dockerfile is the command dockerfile: the Dockerfile of an image, with the layers that each instruction made.
package dockerfile

import (
	"context"
	"fmt"
	"io"
	"strconv"
	"strings"

	"github.com/spf13/pflag"

	"layup/analyze"
	"layup/analyze/digest"
	"layup/analyze/dockerfile"
	"layup/analyze/show"
	"layup/report/call"
	"layup/report/render"
)

const details = `
Prints the Dockerfile that the image's provenance holds (BuildKit, --provenance=mode=max), each instruction with the
layers that it made and the bytes that they have as stored. FROM has the layers of the base. A provenance is verified by
digest and must be about the image's manifest, but nothing signs it: trust it as the image.

Without a provenance it prints an estimate from the history and the configuration, and the first line says so. The
history does not know the sources of a classic COPY (file:1b82143ddc7f stands for one), comments, other stages, and how
lines were broken. --base-of FILE finds the layers of the base, which are one FROM then.

The text alone: layup dockerfile -f '{{.text}}' IMAGE
`

// Dockerfile is the command dockerfile.
func Dockerfile() call.Command {
	return call.Command{Name: "dockerfile", Group: call.Image, Brief: "what built it",
		Args: "IMAGE", Min: 1, Max: 1, New: newDockerfile, Details: details,
		About:    "print the Dockerfile, or an estimate, with the layer and size of each line",
		Examples: []string{"layup dockerfile shop.tar", "layup dockerfile -f '{{.text}}' shop.tar > Dockerfile"}}
}

var partsTable = render.Table[dockerfile.Part]{
	render.TextOf("name", func(p dockerfile.Part) string { return p.Name }),
	render.IntOf("line", func(p dockerfile.Part) int { return p.Line }),
	render.IntOf("endLine", func(p dockerfile.Part) int { return p.EndLine }),
	render.Of("text", render.Text, func(p dockerfile.Part) render.Value { return render.T(p.Text) }),
	render.Of("layers", render.Object, func(p dockerfile.Part) render.Value {
		if len(p.Layers) == 0 {
			return render.Value{}
		}
		return render.O(p.Layers)
	}),
	render.Of("size", render.Int, func(p dockerfile.Part) render.Value {
		if len(p.Layers) == 0 {
			return render.Value{}
		}
		return render.I(p.Size)
	}),
	render.Cell("LAYER", func(p dockerfile.Part) string { return span(p.Layers) }).Right(),
	render.Cell("SIZE", size).Right(),
	render.Cell("LINE", func(p dockerfile.Part) string { return strconv.Itoa(p.Line) }).Right(),
	render.Cell("TEXT", func(p dockerfile.Part) string { return strings.ReplaceAll(p.Text, "\n", " ⏎ ") }),
}

func newDockerfile(f *pflag.FlagSet) call.Answer {
	var base call.BaseFlags
	base.Flags(f, false)
	return func(ctx context.Context, c *call.Call) (int, error) {
		needs := analyze.Needs{Layers: analyze.Never, Origin: true}
		if err := base.Find(ctx, c, &needs); err != nil {
			return call.Failed, err
		}
		return c.Ask(ctx, c.Args, nil, needs, func(_ *call.Call, img *analyze.Image, _ []string) (call.Part, error) {
			d := dockerfile.Of(img)
			p := call.Part{Section: partsTable.Section(d.Parts)}
			p.Extra = []render.Extra{{Name: "estimate", Value: d.Estimate}}
			p.Text = func(w io.Writer, _ render.Terminal) error { return write(w, d) }
			return p, nil
		})
	}
}

// write prints the lines with a margin: layers, their size, the number of the line. An estimate says so first.
func write(w io.Writer, d dockerfile.Dockerfile) error {
	parts := d.Parts
	if d.Estimate {
		if _, err := fmt.Fprintln(w, parts[0].Text); err != nil {
			return err
		}
		parts = parts[1:]
	}
	layers, sizes := []string{"LAYER"}, []string{"SIZE"}
	for _, p := range parts {
		layers, sizes = append(layers, span(p.Layers)), append(sizes, size(p))
	}
	wide, widest := width(layers), width(sizes)
	name := ""
	if _, err := fmt.Fprintf(w, "%*s  %*s  LINE\n", wide, layers[0], widest, sizes[0]); err != nil {
		return err
	}
	for i, p := range parts {
		if p.Name != name {
			name = p.Name
			from := fmt.Sprintf("# %s, from the provenance %s, which nothing signs", show.Safe(name),
				digest.Short(d.Statement.Digest))
			if _, err := fmt.Fprintf(w, "%*s  %*s        %s\n", wide, "", widest, "", from); err != nil {
				return err
			}
		}
		for k, line := range strings.Split(p.Text, "\n") {
			left := fmt.Sprintf("%*s  %*s", wide, "", widest, "")
			if k == 0 {
				left = fmt.Sprintf("%*s  %*s", wide, layers[i+1], widest, sizes[i+1])
			}
			line = show.Line(strings.ReplaceAll(line, "\t", "    "))
			line = strings.TrimRight(fmt.Sprintf("%s  %4d  %s", left, p.Line+k, line), " ")
			if _, err := fmt.Fprintln(w, line); err != nil {
				return err
			}
		}
	}
	return nil
}

// span writes layers that follow each other as FROM-TO.
func span(layers []int) string {
	var list []string
	for i := 0; i < len(layers); {
		k := i
		for k+1 < len(layers) && layers[k+1] == layers[k]+1 {
			k++
		}
		text := strconv.Itoa(layers[i])
		if k > i {
			text += "-" + strconv.Itoa(layers[k])
		}
		list, i = append(list, text), k+1
	}
	return strings.Join(list, ",")
}

func size(p dockerfile.Part) string {
	if len(p.Layers) == 0 {
		return ""
	}
	return show.Size(p.Size)
}

func width(list []string) (most int) {
	for _, s := range list {
		most = max(most, len(s))
	}
	return most
}
