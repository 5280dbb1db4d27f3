// Package pull fetches images from registries into an OCI layout.
package pull

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"syscall"

	"layup/analyze/show"
	"layup/analyze/source/advice"
	"layup/analyze/source/disk"
	"layup/analyze/source/document"
	"layup/analyze/source/pull/layout"
	"layup/analyze/source/registry"
)

// Options say what to fetch, and where it goes.
type Options struct {
	Registry registry.Options
	Limits   document.Limits
	Target   string // a file if it ends in .tar, else a directory
	Platform string // the only one to fetch for each reference; empty means all
	All      bool   // also attestations, what refers to the images, and cosign's tags about them
	Docker   bool   // also manifest.json; one platform for each reference
	Force    bool   // replace the target
	NoResume bool   // neither continue an earlier pull nor keep what an interrupted one fetched
	Jobs     int    // blobs fetched at once; 0 means 4
	Note     func(string)
	Progress func(Progress) // from one goroutine at a time; may be nil
}

// Progress says how far fetching has come.
type Progress struct {
	Blobs, Done  int    // to be fetched, fetched
	Bytes, Read  int64  // of all blobs; read now or by an earlier pull
	JustFinished string // the digest of the blob that has just been completed, or empty
}

// Pulled is what was fetched.
type Pulled struct {
	References []Reference
	Blobs      int
	Bytes      int64
}

// A Reference is what a reference named at the time of the pull.
type Reference struct {
	Reference string // in full, with its tag
	Digest    string // of the index or manifest that index.json names
	Platform  string // empty if all were fetched, or if it is unknown
}

// partialSuffix, added to the target's name, names the directory of an unfinished pull.
const partialSuffix = ".layup-partial"

// defaultJobs is how many blobs are fetched at once.
const defaultJobs = 4

// Pull fetches images from registries into an OCI layout. It compares every digest and size. After an error the target
// is what it was before.
func Pull(ctx context.Context, names []string, opt Options) (*Pulled, error) {
	if err := opt.checkTarget(); err != nil {
		return nil, err
	}
	client, err := registry.New(opt.Registry)
	if err != nil {
		return nil, err
	}
	defer client.Close()
	p := &plan{client: client, opt: opt, blobs: map[string]download{}}
	for _, name := range names {
		if err := p.add(ctx, name); err != nil {
			return nil, registry.Advised(fmt.Errorf("%s: %w", show.Safe(name), err))
		}
	}
	if err := p.check(); err != nil {
		return nil, err
	}
	if err := p.fetch(ctx); err != nil {
		return nil, registry.Advised(err)
	}
	return p.pulled(), nil
}

func (opt Options) tar() bool { return strings.HasSuffix(opt.Target, ".tar") }

func (opt Options) partial() string { return filepath.Clean(opt.Target) + partialSuffix }

// checkTarget refuses a target that cannot be written, or that holds something other than an earlier pull.
func (opt Options) checkTarget() error {
	switch filepath.Base(filepath.Clean(opt.Target)) {
	case ".", "..", string(filepath.Separator):
		return fmt.Errorf("-o %q: is not the name of a directory that pull can make", opt.Target)
	}
	dir := filepath.Dir(filepath.Clean(opt.Target))
	if info, err := os.Stat(dir); err != nil || !info.IsDir() {
		return fmt.Errorf("-o %q: %q is not a directory", opt.Target, dir)
	}
	if err := layout.Recover(opt.partial(), filepath.Clean(opt.Target)); err != nil {
		return opt.located(err)
	}
	info, err := os.Lstat(opt.Target)
	switch {
	case errors.Is(err, os.ErrNotExist):
		return nil
	case err != nil:
		return opt.located(err)
	case opt.tar() && info.IsDir():
		return fmt.Errorf("-o %q: is a directory, and a name that ends in .tar is a file", opt.Target)
	case !opt.tar() && info.Mode()&fs.ModeSymlink != 0:
		return fmt.Errorf("-o %q: is a symlink, and pull replaces none", opt.Target)
	case !opt.tar() && !info.IsDir():
		err := fmt.Errorf("-o %q: exists and is not a directory", opt.Target)
		return &advice.Hinted{Err: err, Hint: "a name that ends in .tar makes a tar, any other a directory"}
	case opt.tar() && !info.Mode().IsRegular():
		return fmt.Errorf("-o %q: %w", opt.Target, disk.Irregular(info.Mode()))
	case !opt.tar() && isEmptyDir(opt.Target):
		return nil
	case !opt.Force:
		return &advice.Hinted{Err: fmt.Errorf("-o %q: exists", opt.Target), Hint: "--force replaces it"}
	case !opt.tar() && !layout.Is(opt.Target):
		return fmt.Errorf("-o %q: is a directory, but not an OCI layout: even --force does not replace it", opt.Target)
	}
	return nil
}

// located adds the target to an error of the file system, and says what to do if the disk is full.
func (opt Options) located(err error) error {
	var where string
	var cause error
	if e, is := errors.AsType[*fs.PathError](err); is {
		where, cause = e.Path, e.Err
	} else if e, is := errors.AsType[*os.LinkError](err); is {
		where, cause = e.New, e.Err
	} else {
		return err
	}
	err = fmt.Errorf("-o %q: %s: %w", opt.Target, show.Safe(where), cause)
	full := func(errno syscall.Errno) bool { return errors.Is(cause, errno) }
	if !slices.ContainsFunc([]syscall.Errno{syscall.ENOSPC, syscall.EDQUOT, syscall.EFBIG}, full) {
		return err
	}
	hint := "make room there; then the same command continues"
	if opt.NoResume {
		hint = "make room there, or write elsewhere: -o TARGET"
	}
	return &advice.Hinted{Err: err, Hint: hint}
}

func isEmptyDir(name string) bool {
	list, err := os.ReadDir(name)
	return err == nil && len(list) == 0
}

// fetch fetches what the plan names, and writes it.
func (p *plan) fetch(ctx context.Context) error {
	dir := p.opt.partial()
	partial, err := layout.Open(dir, p.opt.NoResume)
	if err != nil {
		return p.opt.located(err)
	}
	if err = p.fill(ctx, partial); err == nil {
		err = p.write(ctx, partial)
	}
	if err == nil {
		return nil
	}
	err = p.opt.located(err)
	if p.opt.NoResume {
		return errors.Join(err, partial.Remove())
	}
	p.note(fmt.Sprintf("what was fetched is kept in %s: the same command continues from there", show.Safe(dir)))
	_ = partial.Close() // the first error counts
	return err
}

// write makes the layout of what was fetched.
func (p *plan) write(ctx context.Context, partial *layout.Partial) error {
	l := layout.Layout{Index: p.index(), Blobs: p.list()}
	if p.opt.Docker {
		doc, err := p.dockerManifest(partial)
		if err != nil {
			return err
		}
		l.Docker = doc
	}
	if p.opt.tar() {
		return partial.Tar(ctx, l, p.opt.Target)
	}
	return partial.Directory(ctx, l, filepath.Clean(p.opt.Target))
}

func (p *plan) note(text string) {
	if p.opt.Note != nil {
		p.opt.Note(text)
	}
}
