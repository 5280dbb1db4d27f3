// Package packages is the command packages: which packages an image holds, and which layers brought and removed them.
package packages

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"os"
	"path"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/bmatcuk/doublestar/v4"
	"github.com/spf13/pflag"

	"layup/analyze"
	databases "layup/analyze/packages"
	"layup/analyze/show"
	"layup/report/arg"
	"layup/report/call"
	"layup/report/item"
	"layup/report/render"
)

const details = `
The databases of dpkg, apk and rpm are read after every layer that changes them, and so is what npm, pip, the Go
toolchain and Maven left: package.json below node_modules, *.dist-info and *.egg-info, the build info of executables,
pom.properties in archives of Java. LAYER is the one that first brought the version. With --history, versions that a
later layer replaced or removed are listed also. All of it is what the image says of itself: nothing is guessed from
other files.

FILES are visible files, without directories. SIZE is what the layers store of them, WASTED what they store of files
of that version and later layers hide; a file of two packages counts for both. A path of a list is looked up in the
image through its symlinks, so that /bin/ls of a list is /usr/bin/ls of the image. In JSON, "missing" counts paths of
the list that are not visible.

    layup owner --packages IMAGE PATH    the package of a path
    layup find --package NAME IMAGE      its files, in all layers
    layup find --unpackaged IMAGE        visible files of no package
    layup find --changed IMAGE           files that differ from their record

--format cyclonedx and spdx write the installed packages as a software bill of materials. The same image gives the
same bytes: its time is SOURCE_DATE_EPOCH, else that of the image.
`

// An asked is what the flags ask for.
type asked struct {
	history       bool
	names         []string
	manager, sort *arg.Choice
	layer         *arg.Number
}

// Packages is the command packages.
func Packages() call.Command {
	return call.Command{Name: "packages", Group: call.Files, Brief: "packages, their layers",
		Args: "IMAGE...", Min: 1, Max: -1, Items: render.Components, New: newPackages,
		Details: details, No: "no package matches",
		Refuses: []call.Refusal{call.NoTOC},
		About:   "list the packages, and which layers brought and removed them",
		Examples: []string{"layup packages shop.tar", "layup packages --history --name 'libssl*' shop.tar",
			"layup packages -f cyclonedx -o shop.cdx.json shop.tar"}}
}

func newPackages(f *pflag.FlagSet) call.Answer {
	a := &asked{}
	f.BoolVar(&a.history, "history", false, "also versions that a later layer replaced or removed")
	f.StringArrayVar(&a.names, "name", nil, "only packages of this name (a `PATTERN`; repeatable)")
	a.manager = arg.Choose(f, "manager", append([]string{"any"}, databases.Managers...),
		"only what this manager installed")
	a.layer = arg.Count(f, "layer", "only what layer `N` brought or removed")
	a.sort = arg.Choose(f, "sort", []string{"name", "size", "wasted", "files", "layer"},
		"sort by name, largest, most wasted, most files, or oldest layer first")
	return a.answer
}

func (a *asked) answer(ctx context.Context, c *call.Call) (int, error) {
	if err := checkPatterns("packages: --name", a.names); err != nil {
		return call.Failed, err
	}
	created, err := epoch()
	if err != nil {
		return call.Failed, err
	}
	return c.Ask(ctx, c.Args, nil, databases.Needs(false),
		func(_ *call.Call, img *analyze.Image, _ []string) (call.Part, error) {
			if err := call.CheckLayer(img, "layer", a.layer.Or(0)); a.layer.Given && err != nil {
				return call.Part{}, err
			}
			set, err := databases.Read(ctx, img)
			if err != nil {
				return call.Part{}, err
			}
			return a.part(img, set, created), nil
		})
}

// checkPatterns refuses patterns that match nothing because they are wrong.
func checkPatterns(flag string, patterns []string) error {
	for _, p := range patterns {
		if !doublestar.ValidatePattern(p) {
			return call.Usage("", "%s %q: not a pattern", flag, p)
		}
	}
	return nil
}

// epoch returns the time of SOURCE_DATE_EPOCH; zero if it is not set.
func epoch() (time.Time, error) {
	text := os.Getenv("SOURCE_DATE_EPOCH")
	if text == "" {
		return time.Time{}, nil
	}
	sec, err := strconv.ParseInt(text, 10, 64)
	if err != nil || !show.Dated(sec) {
		return time.Time{}, fmt.Errorf("SOURCE_DATE_EPOCH=%s: not seconds since 1970", show.Safe(text))
	}
	return time.Unix(sec, 0).UTC(), nil
}

// distro is the document's "distro".
type distro struct {
	ID      string `json:"id,omitempty"`
	Version string `json:"version,omitempty"`
	Name    string `json:"name,omitempty"`
}

// part is the answer for one image.
func (a *asked) part(img *analyze.Image, set *databases.Set, created time.Time) call.Part {
	list := a.chosen(set)
	var p call.Part
	p.Section = table(img, set).Section(list)
	p.Odd = set.Warnings
	p.Footer = footer(list)
	p.Extra = []render.Extra{{Name: "distro", Value: distro{set.Distro.ID, set.Distro.Version, set.Distro.Name}}}
	p.Subject = subject(img, set, created)
	p.Enough = true
	switch {
	case len(list) > 0:
	case a.narrowed():
		p.Missing = []error{errors.New("no package matches")}
	default:
		p.Footer = "no package is recorded: nothing of " + strings.Join(databases.Managers, ", ")
	}
	return p
}

// All is every version of every package of an image, with a line that counts them and what could not be read.
func All(img *analyze.Image, set *databases.Set) render.Section {
	s := table(img, set).Section(set.List)
	s.Extra = []render.Extra{{Name: "line", Value: footer(set.List)}}
	for _, w := range set.Warnings {
		s.Warnings = append(s.Warnings, item.NewWarningFacts(w))
	}
	return s
}

// narrowed reports whether less is asked for than all packages.
func (a *asked) narrowed() bool {
	return len(a.names) > 0 || a.manager.Word != "any" || a.layer.Given
}

// chosen returns what the flags leave of the packages, in their order.
func (a *asked) chosen(set *databases.Set) (list []*databases.Package) {
	for _, p := range set.List {
		switch {
		case !a.history && p.Status != databases.Installed,
			a.manager.Word != "any" && p.Manager != a.manager.Word,
			len(a.names) > 0 && !named(p, a.names),
			a.layer.Given && p.Layer != a.layer.N && p.RemovedBy != a.layer.N:
			continue
		}
		list = append(list, p)
	}
	by := map[string]func(p *databases.Package) int64{
		"size":   func(p *databases.Package) int64 { return -p.Size },
		"wasted": func(p *databases.Package) int64 { return -p.Wasted },
		"files":  func(p *databases.Package) int64 { return -int64(p.Paths) },
		"layer":  func(p *databases.Package) int64 { return int64(p.Layer) },
	}[a.sort.Word]
	if by != nil {
		slices.SortStableFunc(list, func(a, b *databases.Package) int { return cmp.Compare(by(a), by(b)) })
	}
	return list
}

// named reports whether a pattern matches the name of a package.
func named(p *databases.Package, patterns []string) bool {
	return slices.ContainsFunc(patterns, func(pattern string) bool {
		return p.Name == pattern || doublestar.MatchUnvalidated(pattern, p.Name)
	})
}

func table(img *analyze.Image, set *databases.Set) render.Table[*databases.Package] {
	type pkg = *databases.Package
	several := func(list []pkg) bool {
		return slices.ContainsFunc(list, func(p pkg) bool { return p.Status != databases.Installed })
	}
	placed := func(list []pkg) bool { return slices.ContainsFunc(list, func(p pkg) bool { return p.Place != "" }) }
	return render.Table[pkg]{
		render.TextOf("name", func(p pkg) string { return p.Name }).Column("NAME").Cut(),
		render.TextOf("version", func(p pkg) string { return p.Version }).Column("VERSION").Cut(),
		render.TextOf("architecture", func(p pkg) string { return p.Architecture }).Column("ARCH").Spare(),
		render.TextOf("manager", func(p pkg) string { return p.Manager }).Column("MANAGER").Spare(),
		render.IntOf("layer", func(p pkg) int { return p.Layer }).Column("LAYER"),
		render.TextOf("diffID", func(p pkg) string { return img.Layers[p.Layer].DiffID }),
		render.TextOf("status", func(p pkg) string { return p.Status.String() }),
		render.IntOf("removedBy", func(p pkg) int { return p.RemovedBy }),
		render.TextOf("newVersion", func(p pkg) string { return p.NewVersion }),
		render.Cell("STATUS", statusOf).Tone(render.ToneOf).If(several),
		render.IntOf("files", func(p pkg) int { return p.Paths }).Column("FILES"),
		render.IntOf("missing", func(p pkg) int { return p.Missing }),
		render.IntOf("size", func(p pkg) int64 { return p.Size }).Column("SIZE", render.Sized),
		render.IntOf("wasted", func(p pkg) int64 { return p.Wasted }).Column("WASTED", render.Sized),
		render.TextOf("upstream", func(p pkg) string { return p.Source }),
		render.TextOf("upstreamVersion", func(p pkg) string { return p.SourceVersion }),
		render.TextOf("license", func(p pkg) string { return p.License }),
		render.TextOf("purl", func(p pkg) string { return p.PURL(set.Distro) }),
		render.NameOf("path", func(p pkg) string { return p.Place }),
		render.Cell("PATH", func(p pkg) string { return p.Place }).Path().Spare().If(placed),
	}
}

// statusOf says what became of a version.
func statusOf(p *databases.Package) string {
	switch p.Status {
	case databases.Upgraded:
		return fmt.Sprintf("replaced by %d (%s)", p.RemovedBy, p.NewVersion)
	case databases.Removed, databases.Leftover:
		word := "removed by " + strconv.Itoa(p.RemovedBy)
		if p.Status == databases.Leftover {
			word += " (settings left)"
		}
		return word
	}
	return p.Status.String()
}

func footer(list []*databases.Package) string {
	count := map[string]int{}
	gone, size, wasted := 0, int64(0), int64(0)
	for _, p := range list {
		if p.Status == databases.Installed {
			count[p.Manager]++
		} else {
			gone++
		}
		size += p.Size
		wasted += p.Wasted
	}
	var parts []string
	for _, m := range databases.Managers {
		if count[m] > 0 {
			parts = append(parts, fmt.Sprintf("%d %s", count[m], m))
		}
	}
	line := show.Count(len(list)-gone, "package") + " installed"
	if len(parts) > 0 {
		line += " (" + strings.Join(parts, ", ") + ")"
	}
	if gone > 0 {
		line += "; " + show.Count(gone, "other version")
	}
	return fmt.Sprintf("%s; %s in files, %s wasted", line, show.Size(size), show.Size(wasted))
}

// subject is what a bill of materials says of the image.
func subject(img *analyze.Image, set *databases.Set, created time.Time) render.Subject {
	if created.IsZero() && img.ConfigFile != nil {
		created = img.ConfigFile.Created.Time
	}
	name := cmp.Or(analyze.Title(img.Image), path.Base(filepath.ToSlash(img.Name)))
	s := render.Subject{Name: name, Version: img.ID, Platform: img.Platform,
		System: set.Distro.ID, SystemVersion: set.Distro.Version}
	if !created.IsZero() && show.Dated(created.Unix()) {
		s.Created = created.UTC().Format(time.RFC3339)
	}
	return s
}
