package report

import (
	"context"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"syscall"

	"github.com/spf13/pflag"

	"layup/analyze"
	"layup/analyze/extract"
	"layup/analyze/show"
	"layup/analyze/temporary"
	"layup/report/arg"
	"layup/report/call"
	"layup/report/render"
	"layup/tarfs"
)

const extractDetails = `
Without PATH everything that the image shows is extracted. A PATH that holds * ? [ { or \ is a pattern
as "layup find" takes it, unless there is a path of exactly that name: without / it is matched against
base names, with one against whole paths. A directory brings what lies in it. Symlinks among the
directories of a PATH are followed inside the image, one at its end is extracted itself. Paths keep
their full name below DIR and in the tar, and the directories they lie in come with them.

-C wants a DIR that is new or empty. The tree is built under a temporary name and shows up when it is
whole and checked; on failure or interruption it is removed again. What kill -9 leaves has a name of the
form .DIR.layup-RANDOM, and the next run for the same DIR removes it. Nothing is written outside of it,
whatever the image holds. Owners, devices, setuid bits and file capabilities are left out unless
asked for, and what was left out is said. A path that the file system cannot hold is an
error; with --keep-going it is left out. -o writes the same tree as a tar in path order, with owners,
modes, devices, attributes, hard links and holes as the image has them.

-o - streams that tar to the standard output. Files of compressed layers are read and checked first, and
kept in an unlinked file (--tmpdir) meanwhile; those of layers stored plainly come from the image itself,
each checked before its last bytes are written. Where the image changed since it was loaded, exit status
is 2, and the tar ends in the middle of a file.

--layer N takes what layer N itself wrote, whatever later layers did to it; --deleted the newest version
of every path that the image still carries and no longer shows; --layer-tar N the tar of that layer,
byte for byte as its diffID covers it.
`

// A taking is what the flags of extract ask for.
type taking struct {
	dir                             string
	layer, upto, layerTar, strip    *arg.Number
	deleted, force                  bool
	sameOwner, devices, allowSetuid bool
}

func newExtract(f *pflag.FlagSet) call.Answer {
	t := &taking{}
	f.StringVarP(&t.dir, "directory", "C", "", "build the tree under `DIR`, a new or empty directory")
	t.upto = arg.Count(f, "upto", "what is visible after layer `N`")
	t.layer = arg.Count(f, "layer", "what layer `N` itself wrote, hidden or not")
	f.BoolVar(&t.deleted, "deleted", false, "what later layers deleted, the newest version of each path")
	t.layerTar = arg.Count(f, "layer-tar", "the exact tar of layer `N`, with -o")
	t.strip = arg.Count(f, "strip", "cut `N` components off the beginning of each path")
	f.BoolVar(&t.sameOwner, "same-owner", false, "give paths the image's owners and attributes (needs root); a tar "+
		"always has them")
	f.BoolVar(&t.devices, "devices", false, "make devices (needs root); a tar always has them")
	f.BoolVar(&t.allowSetuid, "setuid", false, "keep setuid and setgid bits and file capabilities; a tar always has them")
	f.BoolVar(&t.force, "force", false, "replace the file that -o names")
	return t.answer
}

func (t *taking) answer(ctx context.Context, c *call.Call) (int, error) {
	if err := t.check(c); err != nil {
		return call.Failed, err
	}
	patterns, err := t.patterns(c.Args[1:])
	if err != nil {
		return call.Failed, err
	}
	needs := analyze.Needs{Bodies: analyze.SomeBodies}
	if t.streams(c) {
		needs.Bodies = analyze.MostBodies
	}
	return c.One(ctx, needs, func(img *analyze.Image) (int, error) {
		status, err := call.Answered, error(nil)
		if t.layerTar.Given {
			err = t.writeLayer(ctx, c, img)
		} else {
			status, err = t.take(ctx, c, img, patterns)
		}
		if err != nil {
			return call.Failed, t.explained(img, err)
		}
		return status, nil
	})
}

// check refuses flags that exclude each other and a target that exists, before an image is read.
func (t *taking) check(c *call.Call) error {
	modes := 0
	for _, given := range []bool{t.layer.Given, t.upto.Given, t.deleted, t.layerTar.Given} {
		if given {
			modes++
		}
	}
	toFile := c.Output != ""
	switch {
	case modes > 1:
		return call.Usage("", "extract: --layer, --upto, --deleted and --layer-tar exclude each other")
	case t.dir != "" && toFile:
		return call.Usage("", "extract: -C and -o exclude each other")
	case t.dir == "" && !toFile:
		return call.Usage("-C DIR makes a directory, -o FILE.tar a tar, -o - writes it to the standard output",
			"extract: -C or -o is missing: it names where to extract to")
	case t.layerTar.Given && (t.dir != "" || t.strip.Given || len(c.Args) > 1):
		return call.Usage("layup extract --layer N -C DIR  extracts what a layer wrote",
			"extract: --layer-tar writes one layer's tar as it is: neither PATH nor -C nor --strip applies")
	case t.dir != "":
		if t.force {
			return call.Usage("name a new directory, or an empty one",
				"extract: --force replaces the file that -o names; no directory is ever replaced")
		}
		if err := c.CheckOutside("-C ", t.dir); err != nil {
			return err
		}
		return targetError("-C ", t.dir, temporary.CheckDir(t.dir))
	case c.Output == "-":
		if c.Terminal().TTY {
			return call.Usage("-o FILE.tar, or pipe it to a command", "extract: a tar is not written to a terminal")
		}
		return nil
	}
	return checkFresh(c, t.force)
}

// streams reports whether a merged tar is written to an output that cannot seek.
func (t *taking) streams(c *call.Call) bool {
	if c.Output == "" || t.layerTar.Given {
		return false
	}
	info, err := os.Stat(c.Output)
	return c.Output == "-" || err == nil && !info.Mode().IsRegular()
}

// checkFresh refuses to replace a file unless forced to.
func checkFresh(c *call.Call, force bool) error {
	info, err := os.Stat(c.Output)
	if err != nil || force || !info.Mode().IsRegular() {
		return nil
	}
	return call.Usage("--force replaces it", "-o %q: exists", c.Output)
}

// targetError adds a hint to an error about the directory.
func targetError(flag, dir string, err error) error {
	switch {
	case err == nil:
		return nil
	case errors.Is(err, temporary.ErrNotEmpty):
		return call.Usage("name a new directory, or an empty one", "%s%w", flag, err)
	case errors.Is(err, fs.ErrNotExist):
		return call.Usage("mkdir -p "+show.Shell(filepath.Dir(filepath.Clean(dir))), "%s%w", flag, err)
	}
	return fmt.Errorf("%s%w", flag, err)
}

// take extracts the paths that were chosen.
func (t *taking) take(ctx context.Context, c *call.Call, img *analyze.Image, patterns []*pattern) (int, error) {
	s, err := t.choose(c, img, patterns)
	if err != nil {
		return call.Failed, err
	}
	status := call.Answered
	if len(s.missing) > 0 {
		status = call.Refuted
	}
	defer func() {
		for _, err := range s.missing {
			c.Fail(call.Named(img, err))
		}
	}()
	if len(s.versions) == 0 {
		return call.Refuted, nil
	}
	plan, err := extract.NewPlan(img, slices.Values(s.versions), t.strip.Or(0))
	if err != nil {
		return call.Failed, err
	}
	if plan.Len() == 0 {
		s.missing = append(s.missing, fmt.Errorf("--strip %d leaves nothing of any path", t.strip.N))
		return call.Refuted, nil
	}
	if line := c.Progress(); line != nil {
		plan.Tell(func(done, all int64) {
			line.Update(fmt.Sprintf("layup: extracting: %s of %s", show.Size(done), show.Size(all)))
		})
	}
	if t.dir == "" {
		return status, t.writeTar(ctx, c, plan)
	}
	made, err := t.build(ctx, c, plan)
	return call.Worst(status, made), err
}

// build makes the tree.
func (t *taking) build(ctx context.Context, c *call.Call, plan *extract.Plan) (int, error) {
	defer c.Undoing()() // what was begun is removed before the program ends
	result, err := plan.Into(ctx, t.dir, extract.Options{SameOwner: t.sameOwner, Devices: t.devices, Setuid: t.allowSetuid,
		KeepGoing: c.KeepGoing})
	if err != nil {
		return call.Failed, err
	}
	c.Note(t.dir + ": " + summary(result))
	return leftOut(c, result), nil
}

// explained adds a hint to an error.
func (t *taking) explained(img *analyze.Image, err error) error {
	if place, ok := errors.AsType[*extract.PlaceError](err); ok {
		return targetError("-C ", t.dir, place.Err)
	}
	err = call.Named(img, err)
	switch collision, _ := errors.AsType[*extract.CollisionError](err); {
	case collision != nil:
		return call.Usage("a smaller --strip, or a PATH for one of them", "%w", err)
	case errors.Is(err, syscall.EPERM) && (t.sameOwner || t.devices):
		return call.Usage("--same-owner and --devices need root; -o FILE.tar does not, and keeps both", "%w", err)
	case extract.Refused(err):
		return call.Usage("--keep-going leaves it out; -o FILE.tar keeps every name", "%w", err)
	}
	return err
}

// writeTar writes the plan to the file or stream that -o names.
func (t *taking) writeTar(ctx context.Context, c *call.Call, plan *extract.Plan) error {
	if !t.streams(c) {
		return c.WriteAt(ctx, func(w io.WriterAt) error {
			_, err := plan.Tar(ctx, w)
			return err
		})
	}
	return c.Write(ctx, func(w io.Writer, _ render.Terminal) error {
		err := plan.Stream(ctx, w)
		if _, cut := errors.AsType[*extract.CutError](err); cut {
			return call.Usage("the tar written so far is incomplete: it has no end", "%w", err)
		}
		return err
	})
}

// writeLayer writes one layer's tar as it is.
func (t *taking) writeLayer(ctx context.Context, c *call.Call, img *analyze.Image) error {
	if err := call.CheckLayer(img, "layer-tar", t.layerTar.N); err != nil {
		return err
	}
	return c.Write(ctx, func(w io.Writer, _ render.Terminal) error {
		tar, err := img.LayerTar(ctx, t.layerTar.N)
		if err != nil {
			return err
		}
		_, err = io.Copy(w, tar)
		return errors.Join(err, tar.Close())
	})
}

// checkVersions refuses layers that the image does not have.
func (t *taking) checkVersions(img *analyze.Image) error {
	for _, f := range []struct {
		name string
		n    *arg.Number
	}{{"layer", t.layer}, {"upto", t.upto}} {
		if f.n.Given {
			if err := call.CheckLayer(img, f.name, f.n.N); err != nil {
				return err
			}
		}
	}
	return nil
}

// typeWords are the types in the singular and the plural.
var typeWords = [...][2]string{tarfs.File: {"file", "files"}, tarfs.Dir: {"directory", "directories"},
	tarfs.Symlink: {"symlink", "symlinks"},
	tarfs.Char:    {"character device", "character devices"}, tarfs.Block: {"block device", "block devices"},
	tarfs.Fifo: {"FIFO", "FIFOs"}}
