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
whole and checked; on failure or interruption it is removed again. Nothing is written outside of it,
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
	layer, upto, layerTar, strip    *number
	deleted, force                  bool
	sameOwner, devices, allowSetuid bool
}

func newExtract(f *pflag.FlagSet) Answer {
	t := &taking{}
	f.StringVarP(&t.dir, "directory", "C", "", "build the tree under `DIR`, a new or empty directory")
	t.upto = count(f, "upto", "what is visible after layer `N`")
	t.layer = count(f, "layer", "what layer `N` itself wrote, hidden or not")
	f.BoolVar(&t.deleted, "deleted", false, "what later layers deleted, the newest version of each path")
	t.layerTar = count(f, "layer-tar", "the exact tar of layer `N`, with -o")
	t.strip = count(f, "strip", "cut `N` components off the beginning of each path")
	f.BoolVar(&t.sameOwner, "same-owner", false, "give paths the image's owners and attributes (needs root); a tar always has them")
	f.BoolVar(&t.devices, "devices", false, "make devices (needs root); a tar always has them")
	f.BoolVar(&t.allowSetuid, "setuid", false, "keep setuid and setgid bits and file capabilities; a tar always has them")
	f.BoolVar(&t.force, "force", false, "replace the file that -o names")
	return t.answer
}

func (t *taking) answer(ctx context.Context, c *Call) (int, error) {
	if err := t.check(c); err != nil {
		return failed, err
	}
	patterns, err := t.patterns(c.Args[1:])
	if err != nil {
		return failed, err
	}
	c.bodies = analyze.SomeBodies
	if t.streams(c) {
		c.bodies = analyze.MostBodies
	}
	if c.whereTo = " -o " + show.Shell(c.output); t.dir != "" {
		c.whereTo = " -C " + show.Shell(t.dir)
	}
	images, err := c.load(ctx, c.Args[:1], false)
	if err != nil {
		return failed, err
	}
	defer images.close()
	if status := images.refused(c); status != answered {
		return status, nil
	}
	img := images[0].image
	status := statusOf(img, part{})
	if t.layerTar.given {
		err = t.writeLayer(ctx, c, img)
	} else {
		var taken int
		taken, err = t.take(ctx, c, img, patterns)
		status = worst(status, taken)
	}
	if err != nil {
		return failed, t.explained(img, err)
	}
	images.complain(c)
	return status, nil
}

// check refuses what the flags cannot mean together, and a target that is taken, before an image is read.
func (t *taking) check(c *Call) error {
	modes := 0
	for _, given := range []bool{t.layer.given, t.upto.given, t.deleted, t.layerTar.given} {
		if given {
			modes++
		}
	}
	toFile := c.output != ""
	switch {
	case c.all:
		return usage("layup images "+show.Shell(c.Args[0])+"  lists them", "extract: takes from one image; --all does not apply")
	case modes > 1:
		return usage("", "extract: --layer, --upto, --deleted and --layer-tar exclude each other")
	case t.dir != "" && toFile:
		return usage("", "extract: -C and -o exclude each other")
	case t.dir == "" && !toFile:
		return usage("-C DIR makes a directory, -o FILE.tar a tar, -o - writes it to the standard output", "extract: -C or -o is missing: it names where to extract to")
	case t.layerTar.given && (t.dir != "" || t.strip.given || len(c.Args) > 1):
		return usage("layup extract --layer N -C DIR  extracts what a layer wrote", "extract: --layer-tar writes one layer's tar as it is: neither PATH nor -C nor --strip applies")
	case t.dir != "":
		if t.force {
			return usage("name a new directory, or an empty one", "extract: --force replaces the file that -o names; no directory is ever replaced")
		}
		if err := c.checkOutside("-C ", t.dir); err != nil {
			return err
		}
		return targetError("-C ", t.dir, extract.CheckDir(t.dir))
	case c.output == "-":
		if width(c.stdout) > 0 {
			return usage("-o FILE.tar, or a pipe behind it", "extract: the standard output is a terminal, which is no place for a tar")
		}
		return nil
	}
	return c.checkFresh(t.force)
}

// streams reports whether the tar of several layers is written where no place can be returned to.
func (t *taking) streams(c *Call) bool {
	if c.output == "" || t.layerTar.given {
		return false
	}
	info, err := os.Stat(c.output)
	return c.output == "-" || err == nil && !info.Mode().IsRegular()
}

// checkFresh refuses to replace a file unless forced to.
func (c *Call) checkFresh(force bool) error {
	info, err := os.Stat(c.output)
	if err != nil || force || !info.Mode().IsRegular() {
		return nil
	}
	return usage("--force replaces it", "-o %q: exists", c.output)
}

// targetError adds to what is wrong with the directory what to do about it.
func targetError(flag, dir string, err error) error {
	switch {
	case err == nil:
		return nil
	case errors.Is(err, extract.ErrNotEmpty):
		return usage("name a new directory, or an empty one", "%s%w", flag, err)
	case errors.Is(err, fs.ErrNotExist):
		return usage("mkdir -p "+show.Shell(filepath.Dir(filepath.Clean(dir))), "%s%w", flag, err)
	}
	return fmt.Errorf("%s%w", flag, err)
}

// take extracts the paths that were chosen.
func (t *taking) take(ctx context.Context, c *Call, img *analyze.Image, patterns []*pattern) (int, error) {
	s, err := t.choose(c, img, patterns)
	if err != nil {
		return failed, err
	}
	status := answered
	if len(s.missing) > 0 {
		status = refuted
	}
	defer func() {
		for _, err := range s.missing {
			c.console.fail(named(img, err))
		}
	}()
	if len(s.versions) == 0 {
		return refuted, nil
	}
	plan, err := extract.NewPlan(img, slices.Values(s.versions), t.strip.or(0))
	if err != nil {
		return failed, err
	}
	if plan.Len() == 0 {
		s.missing = append(s.missing, fmt.Errorf("--strip %d leaves nothing of any path", t.strip.n))
		return refuted, nil
	}
	plan.Tell(c.console.trackExtract(c.progress.word))
	defer c.console.close()
	if t.dir == "" {
		return status, t.writeTar(ctx, c, plan)
	}
	made, err := t.build(ctx, c, plan)
	return worst(status, made), err
}

// build makes the tree.
func (t *taking) build(ctx context.Context, c *Call, plan *extract.Plan) (int, error) {
	c.console.undoing.Add(1) // what was begun is removed before the program ends
	defer c.console.undoing.Done()
	result, err := plan.Into(ctx, t.dir, extract.Options{SameOwner: t.sameOwner, Devices: t.devices, Setuid: t.allowSetuid, KeepGoing: c.keepGoing})
	if err != nil {
		return failed, err
	}
	c.console.note(t.dir + ": " + summary(result))
	return c.console.leftOut(result), nil
}

// explained adds to what went wrong what would not have.
func (t *taking) explained(img *analyze.Image, err error) error {
	if place, ok := errors.AsType[*extract.PlaceError](err); ok {
		return targetError("-C ", t.dir, place.Err)
	}
	err = named(img, err)
	switch collision, _ := errors.AsType[*extract.CollisionError](err); {
	case collision != nil:
		return usage("a lesser --strip, or a PATH for one of them", "%w", err)
	case errors.Is(err, syscall.EPERM) && (t.sameOwner || t.devices):
		return usage("--same-owner and --devices need root; -o FILE.tar does not, and keeps both", "%w", err)
	case extract.Refused(err):
		return usage("--keep-going leaves it out; -o FILE.tar keeps every name", "%w", err)
	}
	return err
}

// writeTar writes the plan where -o says: in place of a file, or one entry behind the other.
func (t *taking) writeTar(ctx context.Context, c *Call, plan *extract.Plan) error {
	if !t.streams(c) {
		return c.replaceFile(func(f *os.File) error {
			w := &writerAt{w: f}
			_, err := plan.Tar(ctx, w)
			if w.err != nil {
				return writeError(c.output, w.err)
			}
			return err
		})
	}
	return c.write(ctx, func(w io.Writer, _ render.Terminal) error {
		err := plan.Stream(ctx, w)
		if _, cut := errors.AsType[*extract.CutError](err); cut {
			return usage("what was written so far is no whole tar: it has no end", "%w", err)
		}
		return err
	})
}

// writerAt keeps the first error of what it writes to.
type writerAt struct {
	w   io.WriterAt
	err error
}

func (w *writerAt) WriteAt(p []byte, at int64) (int, error) {
	n, err := w.w.WriteAt(p, at)
	if w.err == nil {
		w.err = err
	}
	return n, err
}

// writeLayer writes one layer's tar as it is.
func (t *taking) writeLayer(ctx context.Context, c *Call, img *analyze.Image) error {
	if err := checkLayer(img, "layer-tar", t.layerTar.n); err != nil {
		return err
	}
	return c.write(ctx, func(w io.Writer, _ render.Terminal) error {
		tar, err := img.LayerTar(ctx, t.layerTar.n)
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
		n    *number
	}{{"layer", t.layer}, {"upto", t.upto}} {
		if f.n.given {
			if err := checkLayer(img, f.name, f.n.n); err != nil {
				return err
			}
		}
	}
	return nil
}

// typeWords are the types in the singular and the plural.
var typeWords = [...][2]string{tarfs.File: {"file", "files"}, tarfs.Dir: {"directory", "directories"}, tarfs.Symlink: {"symlink", "symlinks"},
	tarfs.Char: {"character device", "character devices"}, tarfs.Block: {"block device", "block devices"}, tarfs.Fifo: {"FIFO", "FIFOs"}}
