package packages

import (
	"context"
	"crypto/md5"
	"crypto/sha1"
	"crypto/sha256"
	"crypto/sha512"
	"hash"
	"io"

	"layup/analyze"
	"layup/analyze/packages/dpkg"
	"layup/analyze/packages/record"
	"layup/tarfs"
)

// hashes make the digests of databases, by their length in bytes.
var hashes = map[int]func() hash.Hash{
	md5.Size: md5.New, sha1.Size: sha1.New, sha256.Size: sha256.New,
	sha512.Size384: sha512.New384, sha512.Size: sha512.New,
}

// A promise is what a database says of the content at a path.
type promise struct {
	version tarfs.Version
	sums    []string // of a file
	link    string   // the target of a symlink
	changed bool
}

// Changed returns a test for visible paths with other content than an installed package's record says: another digest,
// another target of a symlink, or another type. It reads the files of which a record has a digest once more.
func (s *Set) Changed(ctx context.Context) (func(tarfs.Node) bool, error) {
	s.reader = newReader(ctx, s.img)
	defer s.reader.close()
	promises, err := s.promises()
	if err != nil {
		return nil, err
	}
	var files []tarfs.Version
	var of []*promise
	for _, p := range promises {
		if p.judge(); !p.changed && len(p.sums) > 0 && p.version.Type() == tarfs.File {
			files, of = append(files, p.version), append(of, p)
		}
	}
	buffer := make([]byte, 64<<10)
	err = s.img.Bodies(ctx, files, func(which []int, b *analyze.Body) error {
		return compare(which, of, b, buffer)
	})
	s.Warnings = append(s.Warnings, s.reader.warnings...)
	return func(n tarfs.Node) bool { p := promises[n.Number()]; return p != nil && p.changed }, err
}

// judge decides what needs no content.
func (p *promise) judge() {
	kind := p.version.Type()
	target := p.version.Link()
	if p.link != "" {
		p.changed = kind != tarfs.Symlink || target != p.link
		return
	}
	for _, sum := range p.sums {
		switch {
		case kind == tarfs.Symlink && len(sum) == sha1.Size: // as apk records a symlink
			made := sha1.Sum([]byte(target))
			p.changed = p.changed || string(made[:]) != sum
		case kind != tarfs.File || hashes[len(sum)] == nil:
			p.changed = p.changed || kind != tarfs.File
		}
	}
}

// compare hashes one content and compares it with what is promised of its paths.
func compare(which []int, of []*promise, b *analyze.Body, buffer []byte) error {
	made := map[int]hash.Hash{}
	var all []io.Writer
	for _, i := range which {
		for _, sum := range of[i].sums {
			if create := hashes[len(sum)]; create != nil && made[len(sum)] == nil {
				made[len(sum)] = create()
				all = append(all, made[len(sum)])
			}
		}
	}
	if _, err := io.CopyBuffer(io.MultiWriter(all...), b.Expanded(), buffer); err != nil {
		return err
	}
	for _, i := range which {
		for _, sum := range of[i].sums {
			if h := made[len(sum)]; h != nil && string(h.Sum(nil)) != sum {
				of[i].changed = true
			}
		}
	}
	return nil
}

// promises returns what the installed packages say of visible paths, by node.
func (s *Set) promises() (map[int]*promise, error) {
	top := newView(s, analyze.Last)
	var lists []tarfs.Version
	for _, p := range s.List {
		if !p.live() {
			continue
		}
		for _, names := range [][]string{p.Lists, p.Sums} {
			if f, ok := top.file(names); ok {
				lists = append(lists, f)
			}
		}
	}
	if top.moved, top.hasMoved = fileAt(top.view, dpkg.DiversionsFile); top.hasMoved {
		lists = append(lists, top.moved)
	}
	if err := s.reader.prepare(lists); err != nil {
		return nil, err
	}
	promises := map[int]*promise{}
	for _, p := range s.List {
		if !p.live() {
			continue
		}
		known := top.sums(p)
		for f := range top.paths(p) {
			if sum, ok := known[f.Path]; ok {
				f.Sum = sum
			}
			s.promise(promises, top, p, f)
		}
	}
	return promises, nil
}

// promise notes what a package says of one of its paths.
func (s *Set) promise(promises map[int]*promise, top *view, of *Package, f record.File) {
	if f.Ghost || f.Sum == "" && f.Link == "" {
		return
	}
	n, there := top.of(of, f.Path)
	if !there {
		return
	}
	p := promises[n.Number()]
	if p == nil {
		p = new(promise)
		p.version, _ = top.view.Of(n)
		promises[n.Number()] = p
	}
	if f.Link != "" {
		p.link = f.Link
	} else {
		p.sums = append(p.sums, f.Sum)
	}
}

// sums returns the digests that a package of dpkg keeps apart from its list, by path as they are written there: those
// of its settings, as the package shipped them, and those of all else.
func (v *view) sums(p *Package) map[string]string {
	if len(p.Sums) == 0 {
		return nil
	}
	known := map[string]string{}
	for _, f := range p.Files {
		known[f.Path] = f.Sum
	}
	file, ok := v.file(p.Sums)
	if !ok {
		return known
	}
	r := v.set.reader
	text, err := r.text(file)
	var list []record.File
	if err == nil {
		list, err = dpkg.Sums(text)
	}
	r.complain(file, err)
	for _, f := range list {
		known[f.Path] = f.Sum
	}
	return known
}
