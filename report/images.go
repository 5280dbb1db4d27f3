package report

import (
	"cmp"
	"context"
	"fmt"
	"slices"
	"time"

	"github.com/spf13/pflag"

	"layup/analyze"
	"layup/analyze/digest"
	"layup/analyze/show"
	"layup/analyze/source"
	"layup/analyze/source/kinds"
	"layup/report/call"
	"layup/report/render"
)

const imagesDetails = `
IMAGE is what --image takes (@N), or what else is there: attestations, which are never analysed as
images, and blobs that nothing refers to. "missing" is named by an index, but not in the source.

Of docker://HOST/REPOSITORY without tag and digest the tags are listed, with --detail what each holds; of
docker://HOST/ the repositories, where the registry has a catalogue. With a tag or a digest, what refers
to the image (signatures, attestations) is also listed: "referrer".

Of docker-daemon: without a name the images of the running engine are listed.
`

var imagesTable = render.Table[source.Listed]{
	render.TextOf("kind", func(l source.Listed) string { return l.Kind }),
	render.Cell("IMAGE", func(l source.Listed) string {
		if l.Number < 0 {
			return l.Kind
		}
		return fmt.Sprintf("@%d", l.Number)
	}),
	render.IntOf("number", func(l source.Listed) int { return l.Number }),
	render.TextOf("reference", func(l source.Listed) string { return l.Reference }).Column("REFERENCE").Cut(),
	render.Cell("STATE", stateOf).If(areStored),
	render.Cell("OF", imageOf).Cut().If(areStored),
	render.TextOf("digest", func(l source.Listed) string { return l.Digest }),
	render.TextOf("platform", func(l source.Listed) string { return l.Platform }).Column("PLATFORM").If(areKnown),
	render.Cell("DIGEST", func(l source.Listed) string { return digest.Short(l.Digest) }).Spare().If(areKnown),
	render.IntOf("size", func(l source.Listed) int64 { return l.Size }),
	render.Cell("SIZE", func(l source.Listed) string {
		if l.Missing {
			return "missing"
		}
		return render.Sized(render.Counted(l.Size))
	}).Right().If(areKnown),
	render.TextOf("created", func(l source.Listed) string { return l.Created }).
		Column("CREATED", shownCreated).Cut().Spare().If(areKnown),
	render.Of("missing", render.Bool, func(l source.Listed) render.Value {
		if !l.Missing {
			return render.Value{}
		}
		return render.B(true)
	}),
	render.TextOf("state", stateOf),
	render.TextOf("image", imageOf),
	render.NameOf("directory",
		func(l source.Listed) string { return l.Directory }).Column("DIRECTORY").Cut().If(areStored),
	render.TextOf("artifactType", func(l source.Listed) string { return l.Type }).Column("TYPE").Cut().
		If(func(list []source.Listed) bool {
			return areKnown(list) && slices.ContainsFunc(list, func(l source.Listed) bool { return l.Type != "" })
		}),
	render.TextOf("subject", func(l source.Listed) string { return l.Subject }),
}

// stateOf is the state of a container.
func stateOf(l source.Listed) string {
	if l.Container == nil {
		return ""
	}
	return l.Container.State
}

// imageOf is the image of a container, or what a directory or a volume belongs to.
func imageOf(l source.Listed) string {
	if l.Container == nil {
		return l.Of
	}
	return cmp.Or(l.Container.Image, l.Container.ImageID)
}

// areKnown reports whether there is more than names.
func areKnown(list []source.Listed) bool {
	return slices.ContainsFunc(list, func(l source.Listed) bool { return l.Size >= 0 || l.Digest != "" || l.Missing })
}

// areStored reports whether an engine keeps the images in directories.
func areStored(list []source.Listed) bool {
	return areKnown(list) && slices.ContainsFunc(list, func(l source.Listed) bool { return l.Directory != "" })
}

// shownCreated is a time as other tables have it, and anything else as it is.
func shownCreated(v render.Value) string {
	t, err := time.Parse(time.RFC3339Nano, v.String())
	if err != nil {
		return v.String()
	}
	return show.When(t.Unix())
}

func newImages(f *pflag.FlagSet) call.Answer {
	detail := f.Bool("detail", false, "of a repository in a registry: ask every tag what it holds")
	return func(ctx context.Context, c *call.Call) (int, error) {
		opt, err := c.Options(c.Args, analyze.Needs{})
		if err != nil {
			return call.Failed, err
		}
		opt.Source.Registry.List, opt.Source.Registry.Detail = true, *detail
		src, err := kinds.Open(ctx, c.Args[0], opt.Source)
		if err != nil {
			return call.Failed, err
		}
		defer src.Close()
		listed, err := src.List(ctx)
		if err != nil {
			return call.Failed, err
		}
		section := imagesTable.Section(listed)
		section.Extra = []render.Extra{{Name: "source", Value: src.Kind()}}
		return call.Answered, c.WriteDoc(ctx, render.Doc{Command: c.Command.Name, Sections: []render.Section{section}})
	}
}
