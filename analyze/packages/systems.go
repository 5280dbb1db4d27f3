package packages

import (
	"errors"
	"fmt"
	"path"
	"slices"

	"layup/analyze/packages/apk"
	"layup/analyze/packages/dpkg"
	"layup/analyze/packages/record"
	"layup/analyze/packages/rpm"
	"layup/tarfs"
)

// A system is a package manager of a whole image: its database has all its packages.
type system struct {
	manager string
	// files returns the files of the database as a view shows them, none if there is no database.
	files func(view *tarfs.Snapshot) []database
	// read returns the packages in them. What it cannot read is a warning.
	read func(r *reader, files []database) []record.Package
}

// A database is a file of a database.
type database struct {
	tarfs.Version
	name string // where the manager looks for it, from the root
}

var systemManagers = []system{
	{Dpkg, dpkgFiles, readDpkg}, {APK, apkFiles, readAPK}, {RPM, rpmFiles, readRPM},
}

// systems reads the databases of the system's managers after every layer that changes them.
func (s *Set) systems() error {
	layers := s.img.Tree().Layers()
	states := make([][][]database, len(systemManagers)) // by manager and layer
	var all []tarfs.Version
	for layer := range layers {
		view := s.img.Tree().At(layer)
		for i, m := range systemManagers {
			files := m.files(view)
			states[i] = append(states[i], files)
			for _, f := range files {
				all = append(all, f.Version)
			}
		}
	}
	if v, ok := releaseFile(s.img.Top()); ok {
		all = append(all, v)
	}
	if err := s.reader.prepare(all); err != nil {
		return err
	}
	s.readDistro()
	for i, m := range systemManagers {
		t := tracker{set: s, manager: m.manager}
		var before []uint64
		for layer, files := range states[i] {
			now := inodes(files)
			if layer > 0 && slices.Equal(now, before) {
				continue
			}
			before = now
			t.read(layer, func() []record.Package { return m.read(s.reader, files) })
			if err := s.reader.ctx.Err(); err != nil {
				return err
			}
		}
	}
	return nil
}

// inodes tell apart contents of files.
func inodes(files []database) (list []uint64) {
	for _, v := range files {
		inode, _ := v.Inode()
		list = append(list, inode)
	}
	return list
}

// fileAt returns the file to which a path leads in a view.
func fileAt(view *tarfs.Snapshot, name string) (tarfs.Version, bool) {
	v, err := view.Resolve(name, true)
	return v, err == nil && v.Type() == tarfs.File
}

func dpkgFiles(view *tarfs.Snapshot) (files []database) {
	if v, ok := fileAt(view, dpkg.StatusFile); ok {
		files = append(files, database{v, dpkg.StatusFile})
	}
	dir, err := view.Resolve(dpkg.StatusDir, true)
	if err != nil || dir.Type() != tarfs.Dir {
		return files
	}
	for v := range view.Walk(dir.Node(), 1) {
		if v.Type() == tarfs.File && !slices.Contains(dpkg.Beside, path.Ext(v.Node().Name())) {
			files = append(files, database{v, dpkg.StatusDir + "/" + v.Node().Name()})
		}
	}
	return files
}

func readDpkg(r *reader, files []database) (list []record.Package) {
	for _, v := range files {
		text, err := r.text(v.Version)
		if err != nil {
			r.complain(v.Version, err)
			continue
		}
		found, err := dpkg.Status(text, r.dpkg)
		if v.name != dpkg.StatusFile {
			for i := range found {
				found[i].Lists, found[i].Sums = []string{v.name + ".list"}, []string{v.name + ".md5sums"}
			}
		}
		r.complain(v.Version, err)
		list = append(list, found...)
	}
	return list
}

func apkFiles(view *tarfs.Snapshot) []database {
	for _, name := range apk.Databases {
		if v, ok := fileAt(view, name); ok {
			return []database{{v, name}}
		}
	}
	return nil
}

func readAPK(r *reader, files []database) (list []record.Package) {
	for _, v := range files {
		text, err := r.text(v.Version)
		if err == nil {
			list, err = apk.Installed(text)
		}
		r.complain(v.Version, err)
	}
	return list
}

func rpmFiles(view *tarfs.Snapshot) []database {
	for _, dir := range rpm.Directories {
		for _, name := range []string{rpm.SQLite, rpm.NDB, rpm.BDB} {
			v, ok := fileAt(view, dir+"/"+name)
			if !ok || v.Size() == 0 {
				continue
			}
			if log, ok := fileAt(view, dir+"/"+rpm.SQLiteWAL); ok && name == rpm.SQLite {
				return []database{{v, name}, {log, name}}
			}
			return []database{{v, name}}
		}
	}
	return nil
}

func readRPM(r *reader, files []database) (list []record.Package) {
	if len(files) == 0 {
		return nil
	}
	d := rpm.Database{Name: files[0].name}
	var err, logged error
	d.Data, d.Size, err = r.open(files[0].Version)
	if len(files) > 1 {
		d.Log, d.Ends, logged = r.open(files[1].Version)
	}
	if r.leftRPM -= d.Size + d.Ends; r.leftRPM < 0 || r.seen > mostSeen {
		err = errTooLarge
	}
	if err = errors.Join(err, logged); err == nil {
		list, err = d.Packages(r.ctx, r.rpm)
	}
	r.complain(files[0].Version, err)
	return list
}

// A tracker follows the packages of a database, or of a place, through the layers.
type tracker struct {
	set     *Set
	manager string
	now     map[version]*Package
	state   int // how many states were read
}

// An identity is equal for versions of one package.
type identity struct{ name, architecture, place string }

// A version is one of a package.
type version struct {
	identity
	version string
}

func versionOf(p *record.Package) version {
	return version{identity{p.Name, p.Architecture, p.Place}, p.Version}
}

// read says what a database holds after a layer. If a part of it cannot be read, packages that it does not show are not
// known to be gone.
func (t *tracker) read(layer int, read func() []record.Package) {
	r := t.set.reader
	complaints := r.complaints
	list := read()
	r.seen += len(list)
	for i := range list {
		r.seen += len(list[i].Files)
	}
	t.at(layer, list, r.complaints == complaints)
}

// at says what is there after a layer: all of it, or a part. The layer before it, if any, was told of before.
func (t *tracker) at(layer int, list []record.Package, all bool) {
	t.state++
	if t.now == nil {
		t.now = make(map[version]*Package, len(list))
	}
	var fresh map[identity]string // a version that is new
	arrives := func(v version) *Package {
		if fresh == nil {
			fresh = map[identity]string{}
		}
		fresh[v.identity] = v.version
		return t.set.add(t.manager, layer, Installed)
	}
	for i := range list {
		v := versionOf(&list[i])
		p := t.now[v]
		if p != nil && p.state == t.state {
			continue
		}
		switch {
		case list[i].Leftover && p != nil && p.Status == Installed:
			p.Status, p.RemovedBy = Leftover, layer
		case list[i].Leftover && p == nil:
			p = t.set.add(t.manager, layer, Leftover)
			p.RemovedBy = layer
		case p != nil && p.Status == Leftover && !list[i].Leftover:
			p.Status = Removed // it is installed again
			fallthrough
		case p == nil:
			p = arrives(v)
		}
		t.set.record(p, list[i], layer)
		p.state, t.now[v] = t.state, p
	}
	for v, p := range t.now {
		if p.state == t.state || !all && fresh[v.identity] == "" {
			continue
		}
		p.gone(layer, fresh[v.identity])
		delete(t.now, v)
	}
}

// gone ends a package that is no longer there.
func (p *Package) gone(layer int, instead string) {
	switch {
	case p.Status == Leftover:
		p.Status = Removed // it was purged
	case instead != "":
		p.Status, p.RemovedBy, p.NewVersion = Upgraded, layer, instead
	default:
		p.Status, p.RemovedBy = Removed, layer
	}
}

// record notes what a database says of a package after a layer. The newest counts, unless its files are too many.
func (s *Set) record(p *Package, said record.Package, layer int) {
	r, held := s.reader, 0
	for _, f := range said.Files {
		held += len(f.Path)
	}
	files, paths := r.files+len(said.Files)-len(p.Files), r.paths+held-p.held
	if files > mostFiles || paths > mostPaths {
		r.full(layer, fmt.Sprintf("more than %d files of packages, or %d bytes of their paths", mostFiles, mostPaths))
		said.Files = p.Files
	} else {
		r.files, r.paths, p.held = files, paths, held
	}
	p.Package = said
}

// add appends a package.
func (s *Set) add(manager string, layer int, status Status) *Package {
	p := &Package{Manager: manager, Layer: layer, RemovedBy: tarfs.NoLayer, Status: status}
	if len(s.List) == mostPackages {
		s.full(layer)
		return p
	}
	s.List = append(s.List, p)
	return p
}

func (s *Set) full(layer int) {
	s.reader.full(layer, fmt.Sprintf("more than %d versions of packages", mostPackages))
}
