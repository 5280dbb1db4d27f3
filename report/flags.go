package report

import (
	"runtime"

	"github.com/spf13/pflag"

	"layup/analyze"
	"layup/analyze/show"
	"layup/report/render"
	"layup/tarfs"
)

// common holds the flags that every command knows, before or after the command's name.
type common struct {
	groups []group

	format, output      string
	noTrunc             bool
	image, platform     string
	all                 bool
	view                *choice
	noVerify, keepGoing bool
	limits              []string
	jobs                *number
	tempDir             string
	registry            registryFlags
	stores              storeFlags
	progress, color     *choice
	quiet, verbose      bool
	help, version       bool
	profiles            profiles
	formatGiven         bool
	reading             analyze.Reading // which layers are read; a command may do without
	outputGiven         bool            // also where -o was given an empty name
}

// A group is a set of flags under one title in the help.
type group struct {
	title string
	flags *pflag.FlagSet
}

// newCommon returns the common flags, grouped as the help shows them.
func newCommon() *common {
	c := &common{}
	f := c.group("Output")
	f.StringVarP(&c.format, "format", "f", "table", render.Usage(false))
	f.StringVarP(&c.output, "output", "o", "", "write the answer to `FILE`, through a temporary file beside it and a rename")
	f.BoolVar(&c.noTrunc, "no-trunc", false, "never cut a table or leave columns out to fit the terminal")
	c.color = choose(f, "color", []string{"auto", "always", "never"}, "colour; auto (the default) is on a terminal without NO_COLOR")
	c.progress = choose(f, "progress", []string{"auto", "plain", "none"}, "progress on stderr; auto (the default) is a status line on a terminal, plain a line per layer")
	f.BoolVarP(&c.quiet, "quiet", "q", false, "no warnings, notes or progress on stderr; errors remain")
	f.BoolVarP(&c.verbose, "verbose", "v", false, "show warnings of low severity one by one, too")
	f.BoolVarP(&c.help, "help", "h", false, "print this help")

	f = c.group("Choosing an image")
	f.StringVar(&c.image, "image", "", "of several images in a file, the one with this `REF`, or @N for the N-th, from 0")
	f.StringVar(&c.platform, "platform", "", "of several platforms, this one (`OS/ARCH`, OS/ARCH/VARIANT)")
	f.BoolVar(&c.all, "all", false, "answer for every image and platform in the input, or in each file of a directory that is no image itself")

	f = c.group("Reading")
	c.view = choose(f, "view", []string{"runtime", "spec"}, "merge layers as engines do (the default), or as the specification says")
	f.BoolVar(&c.noVerify, "no-verify", false, "do not check sizes, digests and diffIDs")
	f.BoolVar(&c.keepGoing, "keep-going", false, "answer from what can be read of damaged layers; exit status 3 then")
	f.StringArrayVar(&c.limits, "limit", nil, "change a limit for hostile input (`NAME=VALUE`); the value none lifts it")
	c.jobs = count(f, "jobs", "read `N` layers at once (default: one per processor)")
	f.StringVar(&c.tempDir, "tmpdir", "", "directory (`DIR`) of unlinked spool files, which only pipes and compressed archives need")
	c.profiles.flags(f)
	c.registry.flags(c.group("Registry"))
	c.stores.flags(c.group("Engine stores"))
	return c
}

func (c *common) group(title string) *pflag.FlagSet {
	g := group{title, newFlagSet()}
	c.groups = append(c.groups, g)
	return g.flags
}

// newFlagSet returns a set that reports errors instead of printing them, and lists flags in the order they were defined.
func newFlagSet() *pflag.FlagSet {
	f := pflag.NewFlagSet("", pflag.ContinueOnError)
	f.SortFlags = false
	f.Usage = func() {}
	return f
}

// addTo makes the common flags known to another set.
func (c *common) addTo(f *pflag.FlagSet) {
	for _, g := range c.groups {
		f.AddFlagSet(g.flags)
	}
}

// options turns the flags into what loading an image takes.
func (c *common) options() (analyze.Options, error) {
	opt := analyze.Default()
	opt.Source.Verify = !c.noVerify
	opt.Source.TempDir = c.tempDir
	opt.Select.Image, opt.Select.Platform, opt.Select.All = c.image, c.platform, c.all
	opt.KeepGoing, opt.Layers = c.keepGoing, c.reading
	opt.Jobs = c.jobs.or(runtime.GOMAXPROCS(0))
	opt.Source.Registry, opt.Source.TOC = c.registry.options(), c.registry.toc
	opt.Source.Store = c.stores.StoreOptions
	if c.view.word == "spec" {
		opt.View = tarfs.Spec
	}
	for _, l := range c.limits {
		if err := setLimit(&opt, l); err != nil {
			return opt, err
		}
	}
	opt.Source.Registry.Timing = opt.Source.Limits.Timing()
	return opt, nil
}

// flags returns the flags that show the same image once more, as a shell takes them, for hints.
func (c *common) flags() string {
	var s string
	for _, f := range []struct{ name, value string }{{"image", c.image}, {"platform", c.platform}} {
		if f.value != "" {
			s += " --" + f.name + " " + show.Shell(f.value)
		}
	}
	if c.view.word != "runtime" {
		s += " --view " + c.view.word
	}
	if c.noVerify {
		s += " --no-verify"
	}
	if c.keepGoing {
		s += " --keep-going"
	}
	return s
}
