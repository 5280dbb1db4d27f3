package report

import (
	"cmp"
	"context"
	"fmt"
	"strings"
	"time"

	"github.com/spf13/pflag"

	"layup/analyze/show"
	"layup/analyze/source/pull"
	"layup/report/call"
)

const pullDetails = `
Fetches images into an OCI layout: -o FILE.tar makes a tar, any other name a directory. Every byte is
compared with its digest and size, and TARGET is what it was before, or whole. All platforms are fetched,
or one with --platform; --all adds attestations, and what refers to the images (signatures, SBOMs). The
result depends on what the references name at that time alone: blobs are as served, times are 0.

What was fetched is kept in TARGET.layup-partial until all is there, so that the same command goes on
where it ended; then it is removed. The standard output has a line for each reference: its name by digest.
`

func newPull(f *pflag.FlagSet) call.Answer {
	target := f.StringP("output", "o", "", "write to `TARGET`: a tar where its name ends in .tar, else a directory")
	docker := f.Bool("docker", false, "add manifest.json, so that docker load takes the tar: one platform of each reference")
	force := f.Bool("force", false, "replace TARGET; of directories only an OCI layout")
	noResume := f.Bool("no-resume", false, "begin anew, and leave nothing behind but TARGET")
	return func(ctx context.Context, c *call.Call) (int, error) {
		*target = cmp.Or(*target, c.Output) // before the command's name it is the common flag
		c.Output = ""                       // the answer goes to the standard output
		if err := checkPull(c, *target); err != nil {
			return call.Failed, err
		}
		common, err := c.Options()
		if err != nil {
			return call.Failed, err
		}
		common.Source.Registry.Note, common.Source.Registry.MaxManifest = c.Note, common.Source.Limits.Manifest
		opt := pull.Options{
			Registry: common.Source.Registry,
			Limits:   common.Source.Limits, Target: *target, Platform: c.Platform, All: c.All, Docker: *docker, Force: *force, NoResume: *noResume,
			Jobs: c.Jobs.Or(0), Note: c.Note, Progress: trackPull(c),
		}
		pulled, err := pull.Pull(ctx, c.Args, opt)
		c.Clear()
		if err != nil {
			return call.Failed, err
		}
		if err := c.Print(ctx, referenceLines(pulled)); err != nil {
			return call.Failed, err
		}
		c.Note(fmt.Sprintf("wrote %s: references: %d, blobs: %d, %s", show.Shell(*target), len(pulled.References), pulled.Blobs, show.Size(pulled.Bytes)))
		return call.Answered, nil
	}
}

// checkPull refuses what the common flags cannot mean here.
func checkPull(c *call.Call, target string) error {
	switch {
	case target == "-":
		return call.Usage("layup pull -o image.tar "+show.Shell(c.Args[0]), "pull: -o -: what may have to go on after an interruption needs a file or a directory")
	case target == "":
		return call.Usage("layup pull -o image.tar "+show.Shell(c.Args[0]), "pull: -o is missing: it names a directory, or a file that ends in .tar")
	case c.Image != "":
		return call.Usage("layup pull -o "+show.Shell(target)+" docker://HOST/NAME:TAG", "pull: --image does not apply: a reference names the image")
	case c.Registry.TOC:
		return call.Usage("", "pull: --toc does not apply: whole blobs are fetched")
	case c.NoVerify:
		return call.Usage("", "pull: --no-verify does not apply: only what was verified is written")
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
	line := c.StatusLine()
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
		line.Update(fmt.Sprintf("layup: fetching: %s of %s%s, blobs to go: %d", show.Size(at.Read), show.Size(at.Bytes), call.Rate(at.Read-before, time.Since(began)), at.Blobs-at.Done))
	}
}
