package report

import (
	"context"
	"fmt"
	"strings"
	"time"

	"github.com/spf13/pflag"

	"layup/analyze"
	"layup/analyze/show"
	"layup/analyze/source/pull"
	"layup/report/call"
)

const pullDetails = `
Fetches images into an OCI layout: -o FILE.tar makes a tar, any other name a directory. Every byte is
compared with its digest and size, and TARGET is what it was before, or whole. All platforms are fetched,
or one with --platform; --all adds attestations, what refers to the images (signatures, SBOMs), and the tags
under which cosign keeps the like (sha256-HEX.sig, .att, .sbom). The result depends on what the references
name at that time alone: blobs are as served, times are 0.

What was fetched is kept in TARGET.layup-partial until all is there, so that the same command goes on
where it ended; then it is removed. The standard output has a line for each reference: its name by digest.
`

func newPull(f *pflag.FlagSet) call.Answer {
	f.StringP("output", "o", "", "write to `TARGET`: a tar where its name ends in .tar, else a directory")
	docker := f.Bool("docker", false, "add manifest.json, so that docker load takes the tar: one platform of "+
		"each reference")
	force := f.Bool("force", false, "replace TARGET; of directories only an OCI layout")
	noResume := f.Bool("no-resume", false, "begin anew, and leave nothing behind but TARGET")
	return func(ctx context.Context, c *call.Call) (int, error) {
		if err := checkPull(c); err != nil {
			return call.Failed, err
		}
		common, err := c.Options(nil, analyze.Needs{})
		if err != nil {
			return call.Failed, err
		}
		opt := pull.Options{
			Registry: common.Source.Registry.Client, Limits: common.Source.Limits,
			Platform: common.Select.Platform, All: common.Select.All, Jobs: common.Jobs,
			Target: c.Output, Docker: *docker, Force: *force, NoResume: *noResume,
			Note: c.Note, Progress: trackPull(c),
		}
		opt.Registry.MaxManifest = opt.Limits.Manifest
		done := c.Undoing() // what is complete gets its name, and what nobody needs is removed
		pulled, err := pull.Pull(ctx, c.Args, opt)
		done()
		if err != nil {
			return call.Failed, err
		}
		if err := c.Print(ctx, referenceLines(pulled)); err != nil {
			return call.Failed, err
		}
		c.Note(fmt.Sprintf("wrote %s: references: %d, blobs: %d, %s", show.Shell(c.Output), len(pulled.References),
			pulled.Blobs, show.Size(pulled.Bytes)))
		return call.Answered, nil
	}
}

// checkPull refuses what the common flags cannot mean here.
func checkPull(c *call.Call) error {
	switch {
	case c.Output == "-":
		return call.Usage("layup pull -o image.tar "+show.Shell(c.Args[0]),
			"pull: -o -: what may have to go on after an interruption needs a file or a directory")
	case c.Output == "":
		return call.Usage("layup pull -o image.tar "+show.Shell(c.Args[0]),
			"pull: -o is missing: it names a directory, or a file that ends in .tar")
	}
	return nil
}

// referenceLines names each image by its digest.
func referenceLines(pulled *pull.Pulled) string {
	var b strings.Builder
	for _, r := range pulled.References {
		name, _, _ := strings.Cut(r.Reference, "@")
		fmt.Fprintf(&b, "docker://%s@%s\n", name, r.Digest)
	}
	return b.String()
}

// trackPull begins to show how far fetching has come, as --progress says.
func trackPull(c *call.Call) func(pull.Progress) {
	line := c.Progress()
	if line == nil {
		return nil
	}
	began, before := time.Now(), int64(-1)
	return func(at pull.Progress) {
		if before < 0 {
			before = at.Read
		}
		if at.JustFinished != "" {
			line.Line("layup: " + at.JustFinished + ": fetched")
		}
		line.Update(fmt.Sprintf("layup: fetching: %s of %s%s, blobs to go: %d", show.Size(at.Read), show.Size(at.Bytes),
			call.Rate(at.Read-before, time.Since(began)), at.Blobs-at.Done))
	}
}
