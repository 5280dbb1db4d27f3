package call

import (
	"fmt"
	"runtime"
	"slices"
	"strings"

	"github.com/spf13/pflag"

	"layup/analyze"
	"layup/analyze/show"
	"layup/analyze/source/repository"
	"layup/report/arg"
	"layup/report/render"
	"layup/tarfs"
)

// common holds the flags that every command knows, before or after the command's name.
type common struct {
	groups []group

	Format, Output  string // Output is empty or - for the standard output
	KeepGoing       bool
	image, platform string
	all, noVerify   bool
	as, view        *arg.Choice
	limits          []string
	jobs            *arg.Number
	noCache         bool
	tempDir         string
	registry        registryFlags
	stores          storeFlags
	progress, color *arg.Choice
	quiet, verbose  bool
	noTrunc         bool
	allRows         bool
	help, version   bool
	profiles        profiles
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
	f.StringVarP(&c.Format, "format", "f", "table", render.Usage(render.AnyItems))
	f.StringVarP(&c.Output, "output", "o", "", "write the answer to `FILE`, through a temporary file beside it "+
		"and a rename")
	f.BoolVar(&c.noTrunc, "no-trunc", false, "never cut a table or leave columns out to fit the terminal")
	f.BoolVar(&c.allRows, "all-rows", false,
		"on a terminal and in markdown, show every row of du, waste and hidden, not only the 20 largest")
	c.color = arg.Choose(f, "color", []string{"auto", "always", "never"},
		"colour; auto (the default) is on a terminal without NO_COLOR")
	c.progress = arg.Choose(f, "progress", []string{"auto", "plain", "none"},
		"progress on stderr; auto (the default) is a status line on a terminal, plain a line per layer")
	f.BoolVarP(&c.quiet, "quiet", "q", false, "no warnings, notes or progress on stderr; errors remain")
	f.BoolVarP(&c.verbose, "verbose", "v", false, "also show warnings of low severity, one by one")
	f.BoolVarP(&c.help, "help", "h", false, "print this help")

	f = c.group("Choosing an image")
	f.StringVar(&c.image, "image", "", "of several images in a file, the one with this `REF`, or @N for the N-th, from 0")
	f.StringVar(&c.platform, "platform", "", "of several platforms, this one (`OS/ARCH`, OS/ARCH/VARIANT)")
	f.BoolVar(&c.all, "all", false, "answer for every image and platform in the input, or in each file and layout of a "+
		"directory that is not an image itself")

	f = c.group("Reading")
	c.view = arg.Choose(f, "view", []string{"runtime", "spec"},
		"merge layers as engines do (the default), or as the specification says")
	c.as = arg.Choose(f, "as", []string{"auto", "layer"}, "what a file is: auto (the default) goes by its content, layer "+
		"is a bare layer or a root file system, whatever its files are called")
	f.BoolVar(&c.noVerify, "no-verify", false, "do not check sizes, digests and diffIDs")
	f.BoolVar(&c.KeepGoing, "keep-going", false, "answer from what can be read of damaged layers; exit status 3 then")
	f.StringArrayVar(&c.limits, "limit", nil, "change a limit for hostile input (`NAME=VALUE`); the value none lifts it")
	c.jobs = arg.Count(f, "jobs", "read `N` layers at once (default: one per processor)")
	f.StringVar(&c.tempDir, "tmpdir", "", "directory (`DIR`) of unlinked spool files, which only pipes and compressed "+
		"archives need")
	f.BoolVar(&c.noCache, "no-cache", false, "read everything again, and keep nothing of it for the next question, as "+
		"LAYUP_CACHE=off does")
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

// newFlagSet returns a set that reports errors instead of printing them, and lists flags in the order they were
// defined.
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

// options turns the flags and what a question needs into what loading an image takes.
func (c *common) options(needs analyze.Needs) (analyze.Options, error) {
	opt := analyze.Default()
	opt.Needs, opt.KeepGoing = needs, c.KeepGoing
	opt.Source.Verify, opt.Source.TempDir = !c.noVerify, c.tempDir
	opt.Select.Image, opt.Select.Platform, opt.Select.All = c.image, c.platform, c.all
	opt.Jobs = c.jobs.Or(runtime.GOMAXPROCS(0))
	opt.Source.Registry.Client, opt.Source.Registry.TOC = c.registry.options(), c.registry.toc
	opt.Source.Store = c.stores.Options
	if c.as.Word != "auto" {
		opt.Source.As = c.as.Word
	}
	if c.view.Word == "spec" {
		opt.View = tarfs.Spec
	}
	for _, limit := range c.limits {
		name, value, ok := strings.Cut(limit, "=")
		if !ok {
			return opt, fmt.Errorf("--limit %q: want NAME=VALUE", limit)
		}
		if err := opt.Source.Limits.Set(name, value); err != nil {
			return opt, fmt.Errorf("--limit %q: %w", limit, err)
		}
	}
	opt.Source.Cache = c.cache()
	opt.Source.Registry.Client.Timing = repository.Timing(&opt.Source.Limits)
	return opt, nil
}

// share gives a common flag and a command's own flag of the same name one value. If both were given, the command's
// wins.
func (c *common) share(own *pflag.FlagSet) {
	for _, g := range c.groups {
		g.flags.VisitAll(func(f *pflag.Flag) {
			switch o := own.Lookup(f.Name); {
			case o == f:
			case o.Changed:
				g.flags.Set(f.Name, o.Value.String()) // both take the same words
			case f.Changed:
				own.Set(f.Name, f.Value.String())
			}
		})
	}
}

// Given reports whether a flag that every command knows is on the command line.
func (c *common) Given(name string) bool {
	return slices.ContainsFunc(c.groups, func(g group) bool { return g.flags.Changed(name) })
}

// flags returns the flags that choose the image again, quoted for a shell, for hints.
func (c *common) flags() string {
	var s string
	for _, f := range []struct{ name, value string }{{"image", c.image}, {"platform", c.platform}} {
		if f.value != "" {
			s += " --" + f.name + " " + show.Shell(f.value)
		}
	}
	if c.view.Word != "runtime" {
		s += " --view " + c.view.Word
	}
	if c.noVerify {
		s += " --no-verify"
	}
	if c.KeepGoing {
		s += " --keep-going"
	}
	return s
}
