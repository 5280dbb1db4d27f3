// Package catalogue is the command index, and what find, owner, images and layers answer from a catalogue.
package catalogue

import (
	"bufio"
	"context"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"strconv"
	"strings"
	"time"

	"github.com/spf13/pflag"

	"layup/analyze"
	"layup/analyze/catalogue"
	"layup/analyze/catalogue/place"
	"layup/analyze/show"
	"layup/analyze/source/advice"
	"layup/report/call"
	"layup/report/render"
)

const indexDetails = `
Reads what the layers of images hold into a catalogue: a directory of Parquet files that find, owner, images and layers
ask with -C, and that other engines read as they are. Each layer is read once, however many images have it; a layer that
the catalogue knows is not even fetched. A SOURCE is an image as everywhere; all images and platforms in it count. It
may also be a directory with images in it, docker://HOST/REPOSITORY for all tags, docker://HOST/ for all repositories
of a registry that lists them, or @FILE with one source a line (@- is the standard input).

What cannot be read is a row in the summary, and exit status 3; the rest is indexed. Answers from the catalogue name
the images whose layers could not be read. Interrupted, the same command goes on: run it again also to add what is
new. Several processes may write to one catalogue at the same time.

Without --digests the catalogue does not know the content of files, and takes less room. SOURCE_DATE_EPOCH, if it is
set, is the time at which images are noted as seen.
`

// Index is the command index.
func Index() call.Command {
	return call.Command{Name: "index", Group: call.Other, Brief: "many images, once",
		Args: "SOURCE...", Max: -1, New: newIndex, Details: indexDetails,
		About: "read the layers of many images into a catalogue",
		Refuses: []call.Refusal{{Flag: "image", Why: "everything is indexed"},
			{Flag: "no-verify", Why: "only what was verified enters the catalogue"},
			{Flag: "view", Why: "a catalogue shows images as engines do"},
			call.NoTOC},
		Examples: []string{"layup index -C fleet images/*.tar", "layup index -C fleet --digests docker://registry.example/",
			"layup index -C fleet docker-root: @more.txt", "layup find -C fleet '**/MYFILE'"}}
}

// flagOf adds the flag that names a catalogue.
func flagOf(f *pflag.FlagSet) *string {
	return f.StringP("catalogue", "C", "", "the catalogue: a `DIRECTORY`, or s3://BUCKET/PREFIX")
}

// placeOf returns the place of a catalogue. It opens no connection if that is forbidden.
func placeOf(ctx context.Context, c *call.Call, at string) (place.Place, error) {
	if place.Remote(at) && c.Offline() {
		return nil, fmt.Errorf("%s: is not asked: --offline or LAYUP_OFFLINE=1 forbids every connection", show.Safe(at))
	}
	return place.Open(ctx, at)
}

func newIndex(f *pflag.FlagSet) call.Answer {
	at := flagOf(f)
	job := arrayOf(f)
	digests := f.Bool("digests", false, "also the SHA-256 of every file, for find --sha256 and --sha256-file")
	return func(ctx context.Context, c *call.Call) (int, error) {
		if *at == "" {
			return call.Failed, call.Usage("layup index -C fleet "+show.Shell(append(c.Args, "SOURCE")[0]),
				"index: -C is missing: it names the catalogue")
		}
		if err := job.check(c, f); err != nil {
			return call.Failed, err
		}
		opt, err := c.Options(nil, analyze.Needs{})
		if err != nil {
			return call.Failed, err
		}
		opt.Source.Cache = nil // the catalogue itself remembers each layer
		sources, err := listed(c)
		if err != nil {
			return call.Failed, err
		}
		now, err := today()
		if err != nil {
			return call.Failed, err
		}
		p, err := placeOf(ctx, c, *at)
		if err != nil {
			return call.Failed, err
		}
		var wanted *bool
		if f.Changed("digests") {
			wanted = digests
		}
		cat, err := job.open(ctx, p, wanted)
		if err != nil {
			return call.Failed, err
		}
		how := catalogue.IndexOptions{Options: opt, Now: now, Told: track(c),
			Skipped: func(name, why string) { c.Note("skipped " + show.Shell(name) + ": " + why) }}
		if status, handled, err := job.run(ctx, c, cat, sources, how); handled {
			return status, err
		}
		done, err := cat.Index(ctx, sources, how)
		if err != nil {
			return call.Failed, err
		}
		return summarize(ctx, c, done)
	}
}

// today is when images are seen.
func today() (time.Time, error) {
	const name = "SOURCE_DATE_EPOCH"
	text, set := os.LookupEnv(name)
	if !set || text == "" {
		return time.Now(), nil
	}
	seconds, err := strconv.ParseInt(text, 10, 64)
	if err != nil {
		return time.Time{}, fmt.Errorf("%s: %q: not a number of seconds", name, text)
	}
	return time.Unix(seconds, 0), nil
}

// listed returns the sources that the arguments name, with those of lists.
func listed(c *call.Call) (sources []string, err error) {
	for _, arg := range c.Args {
		name, list := strings.CutPrefix(arg, "@")
		if !list {
			sources = append(sources, arg)
			continue
		}
		if sources, err = readList(c, name, sources); err != nil {
			return nil, fmt.Errorf("index: @%s: %w", show.Safe(name), err)
		}
	}
	if len(sources) == 0 && len(c.Args) > 0 {
		return nil, errors.New("index: the lists name no source")
	}
	return sources, nil
}

// readList adds the sources of a list. Empty lines and those that begin with # do not count.
func readList(c *call.Call, name string, sources []string) ([]string, error) {
	in := io.Reader(c.Stdin())
	if name != "-" {
		f, err := os.Open(name)
		if failed, ok := errors.AsType[*fs.PathError](err); ok {
			return nil, &advice.Hinted{Err: failed.Err, Hint: "a file whose name begins with @ is ./@" + show.Shell(name)}
		}
		if err != nil {
			return nil, err
		}
		defer f.Close() // only read from
		in = f
	}
	lines := bufio.NewScanner(in)
	for lines.Scan() {
		if line := strings.TrimSpace(lines.Text()); line != "" && line[0] != '#' {
			sources = append(sources, line)
		}
	}
	return sources, lines.Err()
}

// track shows how far indexing has come.
func track(c *call.Call) func(catalogue.Indexed) {
	line := c.Progress()
	if line == nil {
		return nil
	}
	began, before := time.Now(), catalogue.Indexed{}
	return func(at catalogue.Indexed) {
		if at.Done != before.Done {
			line.Line(fmt.Sprintf("layup: %d of %d sources: %s", at.Done, at.Sources, counts(at)))
		}
		before = at
		text := "layup: " + counts(at)
		took := time.Since(began).Seconds()
		if took > 1 {
			text += fmt.Sprintf(", %s/s", show.Size(int64(float64(at.Bytes)/took)))
		}
		if at.Sources > 1 && at.Done > 0 {
			left := time.Duration(took / float64(at.Done) * float64(at.Sources-at.Done) * float64(time.Second))
			text += fmt.Sprintf("; %d of %d sources, %s left", at.Done, at.Sources, left.Round(time.Second))
		}
		line.Update(text)
	}
}

func counts(at catalogue.Indexed) string {
	return fmt.Sprintf("%s, %s read, %s", show.Count(at.Images, "image"), show.Count(at.Layers, "layer"),
		show.Size(at.Bytes))
}

var failures = render.Table[catalogue.Failure]{
	render.NameOf("source", func(f catalogue.Failure) string { return f.Source }).Column("SOURCE").Path(),
	render.TextOf("error", func(f catalogue.Failure) string { return f.Err.Error() }).Column("ERROR").Wrap(),
}

// summarize writes what was done, and what could not be read.
func summarize(ctx context.Context, c *call.Call, done catalogue.Indexed) (int, error) {
	section := summary(done)
	section.Footer = fmt.Sprintf("%s, %d of them new; %s read (%s), %d known already; %d rows written",
		show.Count(done.Images, "image"), done.New, show.Count(done.Layers, "layer"), show.Size(done.Bytes), done.Known,
		done.Rows)
	return finish(ctx, c, section, done)
}

// summary is a document of what was done.
func summary(done catalogue.Indexed) render.Section {
	section := failures.Section(done.Failures)
	for _, number := range []struct {
		name string
		n    int64
	}{{"imagesFound", int64(done.Images)}, {"imagesNew", int64(done.New)}, {"layersRead", int64(done.Layers)},
		{"layersKnown", int64(done.Known)}, {"bytesRead", done.Bytes}, {"rowsWritten", done.Rows}} {
		section.Extra = append(section.Extra, render.Extra{Name: number.name, Value: number.n})
	}
	return section
}

// finish writes a summary, and returns the status.
func finish(ctx context.Context, c *call.Call, section render.Section, done catalogue.Indexed) (int, error) {
	if len(done.Failures) == 0 {
		section.Text = func(io.Writer, render.Terminal) error { return nil } // a header over nothing helps nobody
	}
	if err := c.WriteDoc(ctx, render.Doc{Command: c.Command.Name, Sections: []render.Section{section}}); err != nil {
		return call.Failed, err
	}
	for _, f := range done.Failures {
		err := f.Err
		if name := show.Safe(f.Source); !strings.HasPrefix(err.Error(), name+":") {
			err = fmt.Errorf("%s: %w", name, err)
		}
		c.Fail(err)
	}
	switch {
	case len(done.Failures) == 0:
		return call.Answered, nil
	case done.Images == 0 && done.Layers == 0:
		return call.Failed, nil
	}
	return call.Partly, nil
}
