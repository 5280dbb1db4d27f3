package packages

import (
	"context"
	"slices"
	"strings"

	"github.com/spf13/pflag"

	"layup/analyze"
	"layup/analyze/filter"
	databases "layup/analyze/packages"
	"layup/report/render"
	"layup/tarfs"
)

// A Filter is the flags of a search that ask for packages.
type Filter struct {
	names               []string
	unpackaged, changed bool
}

// NewFilter adds the flags to a command.
func NewFilter(f *pflag.FlagSet) *Filter {
	s := &Filter{}
	f.StringArrayVar(&s.names, "package", nil, "only what belongs to packages of this name (a `PATTERN`; repeatable)")
	f.BoolVar(&s.unpackaged, "unpackaged", false, "only visible files of no package")
	f.BoolVar(&s.changed, "changed", false, "only visible files with other content than their package recorded")
	return s
}

// Given reports whether any of the flags was given.
func (f *Filter) Given() bool { return len(f.names) > 0 || f.unpackaged || f.changed }

// Check refuses patterns that are wrong.
func (f *Filter) Check() error { return checkPatterns("find: --package", f.names) }

// Needs adds to what a search needs.
func (f *Filter) Needs(needs *analyze.Needs) {
	if f.Given() {
		more := databases.Needs(f.changed)
		needs.Sieve, needs.Bodies = more.Sieve, max(needs.Bodies, more.Bodies)
	}
}

// Test reads the packages of an image, and returns what the flags leave of its versions, and what was odd.
func (f *Filter) Test(ctx context.Context, img *analyze.Image) (filter.Test, []tarfs.Warning, error) {
	if !f.Given() {
		return filter.All(), nil, nil
	}
	set, err := databases.Read(ctx, img)
	if err != nil {
		return nil, nil, err
	}
	var tests []filter.Test
	if f.changed {
		changed, err := set.Changed(ctx)
		if err != nil {
			return nil, nil, err
		}
		tests = append(tests, filter.Live, func(h analyze.Hit) bool { return changed(h.Version.Node()) })
	}
	if f.unpackaged {
		tests = append(tests, filter.Live, func(h analyze.Hit) bool {
			return h.Version.Type() != tarfs.Dir && len(set.Owners(h.Version.Node())) == 0
		})
	}
	if len(f.names) > 0 {
		tests = append(tests, func(h analyze.Hit) bool {
			return h.Status != analyze.Unseen && slices.ContainsFunc(set.Of(h.Version), func(p *databases.Package) bool {
				return named(p, f.names)
			})
		})
	}
	return filter.All(tests...), set.Warnings, nil
}

// OwnerField is the packages of a path.
var OwnerField = []render.Field{{Name: "packages", Kind: render.Object}}

// An owner is a package of a path.
type owner struct {
	Name         string `json:"name"`
	Version      string `json:"version"`
	Architecture string `json:"architecture,omitempty"`
	Manager      string `json:"manager"`
	Layer        int    `json:"layer"`
}

// Owners is the value of OwnerField; absent if the path belongs to no package.
func Owners(set *databases.Set, n tarfs.Node) render.Value {
	var list owners
	for _, p := range set.Owners(n) {
		list = append(list, owner{p.Name, p.Version, p.Architecture, p.Manager, p.Layer})
	}
	if list == nil {
		return render.Value{}
	}
	return render.O(list)
}

type owners []owner

// OwnerColumn shows the packages of OwnerField, which is at an index of the row.
func OwnerColumn(at int) render.Column {
	return render.Column{Title: "PACKAGE", Cell: func(row []render.Value) string {
		list, _ := row[at].Object().(owners)
		if len(list) == 0 {
			return "-"
		}
		texts := make([]string, len(list))
		for i, p := range list {
			texts[i] = p.Name + " " + p.Version
		}
		return strings.Join(texts, ", ")
	}}
}
