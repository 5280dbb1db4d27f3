package report

import (
	"cmp"
	"context"
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/spf13/pflag"

	"layup/analyze"
	"layup/analyze/digest"
	"layup/analyze/show"
	"layup/analyze/source"
	"layup/analyze/source/kinds"
	"layup/report/call"
	"layup/report/catalogue"
	"layup/report/item"
	"layup/report/render"
	"layup/tarfs"
)

const imagesDetails = `
IMAGE ID is the digest of the config: one image has one ID in every archive and store, whatever its DIGEST,
that of the manifest. Of a container IMAGE ID is that of its image, and DIGEST the container's own ID.

IMAGE is what --image takes (@N), or what else is there: attestations and signatures, which are never
analysed as images, and blobs that nothing refers to ("v1-config": those that docker save 25 to 28 adds for
old engines). "missing" is named by an index, but not in the source.
Of artifacts (Helm charts, models, files) TYPE and TITLES say what they are; ls, cat and extract open them.
What cannot be read is a row with its ERROR: the exit status is 2 then, or 3 with --keep-going.

Of docker://HOST/REPOSITORY without tag and digest the tags are listed, with --detail what each holds; of
docker://HOST/ the repositories, where the registry has a catalogue. With a tag or a digest, what refers
to the image (signatures, attestations) is also listed: "referrer".

Of registry-root: the tags of all repositories are listed, then manifests without a tag, and blobs that no
manifest names. STATE deleted: the registry no longer serves it, but the disk still has it.

Of an engine's store also volumes are listed, directories that no image and no container uses (build cache,
what a removed container left), and records that cannot be read. OF says what such a thing belongs to.

Of docker-daemon: without a name the images of the running engine are listed.

With -C the images of a catalogue are listed: where they were found and when they were first seen, how many layers they
have, and what could not be read.
`

var imagesTable = render.Table[source.Listed]{
	render.TextOf("kind", func(l source.Listed) string { return l.Kind }),
	render.Cell("IMAGE", func(l source.Listed) string {
		switch {
		case l.Number < 0:
			return l.Kind
		case l.Kind == source.KindArtifact:
			return fmt.Sprintf("@%d artifact", l.Number)
		}
		return fmt.Sprintf("@%d", l.Number)
	}),
	render.IntOf("number", func(l source.Listed) int { return l.Number }),
	render.TextOf("reference", func(l source.Listed) string { return l.Reference }),
	render.Cell("REFERENCE", func(l source.Listed) string {
		if l.Reference == "" && l.Kind == source.KindImage && l.Directory != "" { // an engine's
			return "<none>"
		}
		return l.Reference
	}).Path(),
	render.Cell("STATE", stateOf).If(some(stateOf)),
	render.Cell("OF", imageOf).Cut().If(some(imageOf)),
	render.TextOf("digest", func(l source.Listed) string { return l.Digest }),
	render.TextOf("id", idOf),
	render.TextOf("platform", func(l source.Listed) string { return l.Platform }).Column("PLATFORM").If(areKnown),
	render.Cell("IMAGE ID", idOf).Hex().Spare().If(some(idOf)),
	render.Cell("DIGEST", distinct).Hex().Spare().If(some(distinct)),
	render.IntOf("size", func(l source.Listed) int64 { return l.Size }),
	render.Cell("SIZE", func(l source.Listed) string {
		if l.Missing {
			return "missing"
		}
		if l.Partial {
			return "over " + render.Sized(render.Counted(l.Size))
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
	render.Of("partialSize", render.Bool, func(l source.Listed) render.Value {
		if !l.Partial {
			return render.Value{}
		}
		return render.B(true)
	}),
	render.TextOf("state", stateOf),
	render.TextOf("image", imageOf),
	render.NameOf("directory", directoryOf).Column("DIRECTORY").Cut().Spare().If(some(directoryOf)),
	render.TextOf("artifactType", typeOf).Column("TYPE").Cut().Spare().If(some(typeOf)),
	render.TextOf("subject", func(l source.Listed) string { return l.Subject }),
	render.Of("titles", render.Object, func(l source.Listed) render.Value {
		if len(l.Titles) == 0 {
			return render.Value{}
		}
		return render.O(l.Titles)
	}),
	render.Cell("TITLES", titlesOf).Cut().If(some(titlesOf)),
	render.TextOf("error", errorOf).Column("ERROR").Wrap().If(some(errorOf)),
}

// some returns a function that reports whether a text is there for any entry.
func some(text func(source.Listed) string) func([]source.Listed) bool {
	return func(list []source.Listed) bool {
		return slices.ContainsFunc(list, func(l source.Listed) bool { return text(l) != "" })
	}
}

// distinct is the digest of a manifest or a blob, or a container's ID; empty if it is the image's ID.
func distinct(l source.Listed) string {
	if l.Digest == l.ID {
		return ""
	}
	return l.Digest
}

func idOf(l source.Listed) string        { return l.ID }
func directoryOf(l source.Listed) string { return l.Directory }
func typeOf(l source.Listed) string      { return l.Type }
func titlesOf(l source.Listed) string    { return strings.Join(l.Titles, ", ") }

// errorOf says why an entry cannot be read.
func errorOf(l source.Listed) string {
	if l.Err == nil {
		return ""
	}
	return l.Err.Error()
}

// stateOf is the state of a container, or of an image that its registry deleted.
func stateOf(l source.Listed) string {
	if l.Container == nil {
		return l.State
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

// shownCreated is a time as other tables have it, and anything else as it is.
func shownCreated(v render.Value) string {
	t, err := time.Parse(time.RFC3339Nano, v.String())
	if err != nil {
		return v.String()
	}
	return show.When(t.Unix())
}

func newImages(f *pflag.FlagSet) call.Answer {
	at := catalogue.Flag(f)
	detail := f.Bool("detail", false, "of a repository in a registry: ask every tag what it holds")
	return func(ctx context.Context, c *call.Call) (int, error) {
		if *at != "" {
			return catalogue.Images(ctx, c, *at)
		}
		opt, err := c.Options(c.Args, analyze.Needs{})
		if err != nil {
			return call.Failed, err
		}
		opt.Source.Registry.List, opt.Source.Registry.Detail = true, *detail
		list := func(name string) (contents, error) { return contentsOf(ctx, name, opt.Source) }
		doc := render.Doc{Command: c.Command.Name, Many: opt.Select.All || len(c.Args) > 1}
		status, failed, warnings, partial := call.Answered, []error(nil), []tarfs.Warning(nil), false
		for found := range call.Inputs(ctx, c, c.Args, list) {
			if found.Err != nil && !doc.Many || ctx.Err() != nil {
				return call.Failed, cmp.Or(found.Err, ctx.Err())
			}
			section, errs := found.Value.section(found.Name, found.Err, doc.Many)
			warnings = append(warnings, found.Value.warnings...)
			partial = partial || slices.ContainsFunc(found.Value.list, func(l source.Listed) bool { return l.Partial })
			doc.Sections = append(doc.Sections, section)
			if failed = append(failed, errs...); found.Err != nil || len(errs) > 0 && !c.KeepGoing {
				status = call.Failed
			} else if len(errs) > 0 {
				status = call.Worst(status, call.Partly)
			}
		}
		if err := c.WriteDoc(ctx, doc); err != nil {
			return call.Failed, err
		}
		for _, err := range failed {
			c.Fail(err)
		}
		c.Warn(warnings)
		if partial {
			c.Note("a size marked with \"over\" leaves out layers that cannot be read: layers says which")
		}
		return status, nil
	}
}

// A contents is what a source holds.
type contents struct {
	kind     string
	list     []source.Listed
	warnings []tarfs.Warning // about the input as a whole
}

// contentsOf lists what the source of that name holds.
func contentsOf(ctx context.Context, name string, opt kinds.Options) (contents, error) {
	src, err := kinds.Open(ctx, name, opt)
	if err != nil {
		return contents{}, err
	}
	defer src.Close() // opened for reading: closing cannot lose anything
	list, err := src.List(ctx)
	return contents{src.Kind(), list, src.Warnings()}, err
}

// quoted is a reference for a message; empty if there is none.
func quoted(reference string) string {
	if reference == "" {
		return ""
	}
	return show.Cut(reference)
}

// section is what the document says of a source, and what of it could not be read. Err is why it could not be opened.
func (held contents) section(name string, err error, many bool) (render.Section, []error) {
	section := imagesTable.Section(held.list)
	section.Source, section.Extra = name, []render.Extra{{Name: "source", Value: held.kind}}
	if many {
		section.Image, section.Extra = item.ImageFacts{Name: name, Source: held.kind}, nil
	}
	if err != nil {
		section.Errors = []any{item.ErrorFacts{Message: err.Error()}}
		return section, []error{err}
	}
	for _, w := range held.warnings {
		section.Warnings = append(section.Warnings, item.NewWarningFacts(w))
	}
	var errs []error
	var last error
	for _, l := range held.list {
		if l.Err == nil || l.Err == last { // an entry with several names is listed several times
			continue
		}
		last = l.Err
		what := strings.TrimSpace(l.Kind + " " + cmp.Or(quoted(l.Reference), digest.Short(l.Digest)))
		err := l.Err
		if l.Kind != source.KindRecord { // its error names it
			err = fmt.Errorf("%s: %w", what, err)
		}
		section.Errors = append(section.Errors, item.ErrorFacts{Message: err.Error()})
		errs = append(errs, fmt.Errorf("%s: %w", show.Safe(name), err))
	}
	return section, errs
}
