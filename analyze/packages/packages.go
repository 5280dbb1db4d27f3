// Package packages says which packages an image holds, which layer brought and removed each, and which files belong to
// them. It reads the databases of dpkg, apk and rpm, and what npm, pip, the Go toolchain and Maven leave in an image.
//
// All of it is what the image says of itself. A path of a database is looked up in the image, through its symlinks: a
// list says /bin/ls, and the image has /usr/bin/ls.
package packages

import (
	"cmp"
	"context"
	"slices"

	"layup/analyze"
	"layup/analyze/packages/record"
	"layup/tarfs"
)

// The managers, as documents name them.
const (
	Dpkg   = "dpkg"
	APK    = "apk"
	RPM    = "rpm"
	Node   = "node"
	Python = "python"
	Go     = "go"
	Java   = "java"
)

// Managers are all names of managers.
var Managers = []string{Dpkg, APK, RPM, Node, Python, Go, Java}

// A Status says what became of a version of a package.
type Status uint8

// The statuses of a package.
const (
	Installed Status = iota
	Upgraded         // another version is there in its place, newer or older
	Removed
	Leftover // removed, but its settings are still there
)

// String returns installed, upgraded, removed or config-files, which is dpkg's word.
func (s Status) String() string {
	return [...]string{"installed", "upgraded", "removed", "config-files"}[s]
}

// A Package is one version of a package that layers brought.
type Package struct {
	record.Package
	Manager    string
	Layer      int    // that brought the version
	RemovedBy  int    // the layer after which it was gone; tarfs.NoLayer if it is installed
	NewVersion string // what is there in its place; empty unless Status is Upgraded
	Status     Status
	Paths      int   // how many visible files belong to it, directories not counted
	Missing    int   // how many paths of its list are not visible
	Size       int64 // bytes that the layers store of its visible files, each content once
	Wasted     int64 // bytes of its files that later layers hide, each content once

	held  int // bytes of the paths of Files
	state int // of the tracker, the last one that had it
}

// live reports whether files of the final tree may belong to the package.
func (p *Package) live() bool { return p.Status == Installed || p.Status == Leftover }

// end is the last layer of which the final tree, or that before the removal, shows the package.
func (p *Package) end() int {
	if p.RemovedBy == tarfs.NoLayer || p.Status == Leftover {
		return analyze.Last
	}
	return p.RemovedBy - 1
}

// covers reports whether the package was there after a layer.
func (p *Package) covers(layer int) bool { return p.Layer <= layer && layer <= p.end() }

// A Set is all packages of an image.
type Set struct {
	List     []*Package      // by manager, name, architecture, place and layer
	Warnings []tarfs.Warning // what could not be read
	Distro   Distro

	img    *analyze.Image
	reader *reader
	claims claims
}

// Read finds the packages of an image that was loaded with Needs. What cannot be read is a warning. The error is that
// of reading the image again, which is rarely needed, or of ctx.
func Read(ctx context.Context, img *analyze.Image) (*Set, error) {
	s := &Set{img: img, reader: newReader(ctx, img)}
	defer s.reader.close()
	if err := s.systems(); err != nil {
		return nil, err
	}
	if err := s.languages(); err != nil {
		return nil, err
	}
	slices.SortStableFunc(s.List, func(a, b *Package) int {
		return cmp.Or(cmp.Compare(slices.Index(Managers, a.Manager), slices.Index(Managers, b.Manager)),
			cmp.Compare(a.Name, b.Name), cmp.Compare(a.Architecture, b.Architecture), cmp.Compare(a.Place, b.Place),
			cmp.Compare(a.Layer, b.Layer), cmp.Compare(a.Version, b.Version))
	})
	if err := s.own(); err != nil {
		return nil, err
	}
	s.account()
	s.Warnings = s.reader.warnings
	return s, ctx.Err()
}

// Owners returns the installed packages to which what is visible at a path belongs, in the order of List.
func (s *Set) Owners(n tarfs.Node) []*Package {
	return s.of(n, now)
}

// Of returns the packages to which a version of a path belonged when a layer wrote it, or belongs now if it is visible.
func (s *Set) Of(v tarfs.Version) []*Package {
	if by, _ := v.HiddenBy(); by == tarfs.NoLayer {
		return s.Owners(v.Node())
	}
	return s.of(v.Node(), v.Layer())
}
