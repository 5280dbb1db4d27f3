package call

import (
	"runtime"

	"github.com/spf13/pflag"

	"layup/analyze"
	"layup/analyze/show"
	"layup/analyze/source/repository"
	"layup/report/arg"
	"layup/report/render"
	"layup/tarfs"
)

// Common holds the flags that every command knows, before or after the command's name.
type Common struct {
	groups []group

	Format, Output      string
	NoTrunc             bool
	Image, Platform     string
	All                 bool
	view                *arg.Choice
	NoVerify, KeepGoing bool
	limits              []string
	Jobs                *arg.Number
	tempDir             string
	Registry            registryFlags
	stores              storeFlags
	progress, color     *arg.Choice
	Quiet, Verbose      bool
	help, version       bool
	profiles            profiles
	FormatGiven         bool
	Reading             analyze.Reading // which layers are read; a command may do without
	OutputGiven         bool            // also where -o was given an empty name
}

// A group is a set of flags under one title in the help.
type group struct {
	title string
	flags *pflag.FlagSet
}

// NewCommon returns the common flags, grouped as the help shows them.
func NewCommon() *Common {
	c := &Common{}
	f := c.group("Output")
	f.StringVarP(&c.Format, "format", "f", "table", render.Usage(false))
	f.StringVarP(&c.Output, "output", "o", "", "write the answer to `FILE`, through a temporary file beside it and a rename")
	f.BoolVar(&c.NoTrunc, "no-trunc", false, "never cut a table or leave columns out to fit the terminal")
	c.color = arg.Choose(f, "color", []string{"auto", "always", "never"}, "colour; auto (the default) is on a terminal without NO_COLOR")
	c.progress = arg.Choose(f, "progress", []string{"auto", "plain", "none"}, "progress on stderr; auto (the default) is a status line on a terminal, plain a line per layer")
	f.BoolVarP(&c.Quiet, "quiet", "q", false, "no warnings, notes or progress on stderr; errors remain")
	f.BoolVarP(&c.Verbose, "verbose", "v", false, "show warnings of low severity one by one, too")
	f.BoolVarP(&c.help, "help", "h", false, "print this help")

	f = c.group("Choosing an image")
	f.StringVar(&c.Image, "image", "", "of several images in a file, the one with this `REF`, or @N for the N-th, from 0")
	f.StringVar(&c.Platform, "platform", "", "of several platforms, this one (`OS/ARCH`, OS/ARCH/VARIANT)")
	f.BoolVar(&c.All, "all", false, "answer for every image and platform in the input, or in each file of a directory that is no image itself")

	f = c.group("Reading")
	c.view = arg.Choose(f, "view", []string{"runtime", "spec"}, "merge layers as engines do (the default), or as the specification says")
	f.BoolVar(&c.NoVerify, "no-verify", false, "do not check sizes, digests and diffIDs")
	f.BoolVar(&c.KeepGoing, "keep-going", false, "answer from what can be read of damaged layers; exit status 3 then")
	f.StringArrayVar(&c.limits, "limit", nil, "change a limit for hostile input (`NAME=VALUE`); the value none lifts it")
	c.Jobs = arg.Count(f, "jobs", "read `N` layers at once (default: one per processor)")
	f.StringVar(&c.tempDir, "tmpdir", "", "directory (`DIR`) of unlinked spool files, which only pipes and compressed archives need")
	c.profiles.flags(f)
	c.Registry.flags(c.group("Registry"))
	c.stores.flags(c.group("Engine stores"))
	return c
}

func (c *Common) group(title string) *pflag.FlagSet {
	g := group{title, NewFlagSet()}
	c.groups = append(c.groups, g)
	return g.flags
}

// NewFlagSet returns a set that reports errors instead of printing them, and lists flags in the order they were defined.
func NewFlagSet() *pflag.FlagSet {
	f := pflag.NewFlagSet("", pflag.ContinueOnError)
	f.SortFlags = false
	f.Usage = func() {}
	return f
}

// AddTo makes the common flags known to another set.
func (c *Common) AddTo(f *pflag.FlagSet) {
	for _, g := range c.groups {
		f.AddFlagSet(g.flags)
	}
}

// Options turns the flags into what loading an image takes.
func (c *Common) Options() (analyze.Options, error) {
	opt := analyze.Default()
	opt.Source.Verify = !c.NoVerify
	opt.Source.TempDir = c.tempDir
	opt.Select.Image, opt.Select.Platform, opt.Select.All = c.Image, c.Platform, c.All
	opt.KeepGoing, opt.Layers = c.KeepGoing, c.Reading
	opt.Jobs = c.Jobs.Or(runtime.GOMAXPROCS(0))
	opt.Source.Registry, opt.Source.TOC = c.Registry.options(), c.Registry.TOC
	opt.Source.Store = c.stores.StoreOptions
	if c.view.Word == "spec" {
		opt.View = tarfs.Spec
	}
	for _, l := range c.limits {
		if err := setLimit(&opt, l); err != nil {
			return opt, err
		}
	}
	opt.Source.Registry.Timing = repository.Timing(&opt.Source.Limits)
	return opt, nil
}

// flags returns the flags that show the same image once more, as a shell takes them, for hints.
func (c *Common) flags() string {
	var s string
	for _, f := range []struct{ name, value string }{{"image", c.Image}, {"platform", c.Platform}} {
		if f.value != "" {
			s += " --" + f.name + " " + show.Shell(f.value)
		}
	}
	if c.view.Word != "runtime" {
		s += " --view " + c.view.Word
	}
	if c.NoVerify {
		s += " --no-verify"
	}
	if c.KeepGoing {
		s += " --keep-going"
	}
	return s
}
