package packages

import (
	"io"
	"path"

	"layup/analyze/packages/language"
	"layup/analyze/packages/record"
	"layup/analyze/sieve"
	"layup/tarfs"
)

// A find is a path that had metadata of a language's package manager in some layer.
type find struct {
	node    tarfs.Node
	manager string
}

// languages reads what package managers of languages left at any path in any layer.
func (s *Set) languages() error {
	found, whole := s.executables()
	if err := s.reader.reread(whole); err != nil {
		return err
	}
	for n := range s.img.Tree().Unordered() {
		if manager := languageOf(n); manager != "" {
			found = append(found, find{n, manager})
		}
	}
	var all []tarfs.Version
	for _, f := range found {
		for v := range f.node.Versions() {
			if f.manager == Go {
				break // what was not noticed is not one
			}
			if s.img.Sieved(v) == nil {
				all = append(all, v)
			}
			if list, ok := s.pythonList(v); f.manager == Python && ok {
				all = append(all, list)
			}
		}
	}
	if err := s.reader.prepare(all); err != nil {
		return err
	}
	for _, f := range found {
		if len(s.List) == mostPackages {
			s.full(tarfs.NoLayer)
			break
		}
		s.follow(f)
		if err := s.reader.ctx.Err(); err != nil {
			return err
		}
	}
	return nil
}

// executables finds the executables of Go that were noticed while the layers were read, and those of them of which the
// part that was set aside does not tell.
func (s *Set) executables() (found []find, whole []tarfs.Version) {
	known := map[int]bool{}
	for b := range s.img.Tree().Bodies() {
		if b.Stored() < language.LeastExecutable {
			continue
		}
		v := b.Version()
		if by, how := v.HiddenBy(); how > tarfs.ReplacedByOtherType && by != tarfs.NoLayer {
			continue // no version ever showed it
		}
		set, ok := s.executable(v)
		if !ok {
			continue
		}
		if set.Size < v.Size() && language.NeedsWhole(set, set.Size) && s.reader.mayRead(v) {
			whole = append(whole, v)
		}
		if !known[v.Node().Number()] {
			known[v.Node().Number()] = true
			found = append(found, find{v.Node(), Go})
		}
	}
	return found, whole
}

// executable returns what was set aside of an executable that may be one of Go: a part, or all of it for its name.
func (s *Set) executable(v tarfs.Version) (*sieve.Content, bool) {
	set := s.img.Sieved(v)
	switch {
	case v.Type() != tarfs.File || set == nil:
		return nil, false
	case set.Size == v.Size():
		return set, language.BeginsAsExecutable(set)
	}
	return set, language.IsGo(set)
}

// languageOf returns the manager with metadata of a path's name; empty for none.
func languageOf(n tarfs.Node) string {
	switch name := n.Name(); {
	case name == "package.json" && language.IsNode(n.Path()):
		return Node
	case name == "METADATA" || name == "PKG-INFO" || path.Ext(name) == ".egg-info":
		if language.IsPython(n.Path()) {
			return Python
		}
	case language.IsJar(name):
		return Java
	}
	return ""
}

// pythonList returns the list of files beside a distribution's metadata, as it was after the layer of the metadata.
func (s *Set) pythonList(v tarfs.Version) (tarfs.Version, bool) {
	name := language.PythonRecord(v.Node().Path())
	if name == "" {
		return tarfs.Version{}, false
	}
	list, ok := s.img.Tree().At(v.Layer()).Lookup(name)
	return list, ok && list.Type() == tarfs.File
}

// follow follows the packages at a path through the layers.
func (s *Set) follow(f find) {
	t := tracker{set: s, manager: f.manager}
	until, known, before := tarfs.NoLayer, false, uint64(0)
	for v := range f.node.Versions() {
		if until != tarfs.NoLayer && v.Layer() != until {
			t.at(until, nil, true)
			known = false
		}
		if inode, ok := v.Inode(); !known || !ok || inode != before {
			t.read(v.Layer(), func() []record.Package { return s.readLanguage(f.manager, v) })
			known, before = ok, inode
		}
		until, _ = v.HiddenBy()
	}
	if until != tarfs.NoLayer {
		t.at(until, nil, true)
	}
}

func (s *Set) readLanguage(manager string, v tarfs.Version) (list []record.Package) {
	if v.Type() != tarfs.File {
		return nil
	}
	name, r := v.Node().Path(), s.reader
	var text, files []byte
	var err error
	switch manager {
	case Java:
	case Go:
		set, ok := s.executable(v)
		if !ok {
			return nil
		}
		if text = language.GoWhole; set.Size < v.Size() {
			text, err = r.text(v)
		}
	default:
		text, err = r.text(v)
	}
	if err != nil {
		r.complain(v, err)
		return nil
	}
	switch manager {
	case Node:
		list, err = language.Node(name, text)
	case Python:
		if record, ok := s.pythonList(v); ok {
			var failed error
			files, failed = r.text(record)
			r.complain(record, failed)
		}
		list, err = language.Python(name, text, files)
	case Go:
		list, err = language.Go(name, text, func() (io.ReaderAt, error) {
			if set := s.img.Sieved(v); set.Size == v.Size() {
				return set, nil
			}
			at, _, err := r.whole(v)
			return at, err
		})
	case Java:
		var at io.ReaderAt
		var size int64
		if at, size, err = r.open(v); err == nil {
			list, err = r.jars.Read(r.ctx, name, at, size)
		}
	}
	r.complain(v, err)
	return list
}
