package report

import (
	"errors"
	"fmt"
	"iter"
	"slices"
	"strings"

	"layup/analyze"
	"layup/analyze/filter"
	"layup/report/call"
	"layup/tarfs"
)

// A pattern is one PATH of extract.
type pattern struct {
	arg   string
	glob  filter.Pattern // nil if it is not a pattern
	node  tarfs.Node
	found bool // the node is a path of this name
	hits  int
}

// patterns reads the arguments.
func (t *taking) patterns(args []string) ([]*pattern, error) {
	var list []*pattern
	for _, arg := range args {
		p := &pattern{arg: arg}
		if filter.IsGlob(arg) {
			m, err := filter.Glob(arg, false)
			if err != nil {
				return nil, fmt.Errorf("extract: %w", err)
			}
			p.glob = m
		}
		list = append(list, p)
	}
	return list, nil
}

func (p *pattern) matches(n tarfs.Node) bool {
	if p.found {
		return n == p.node
	}
	return p.glob != nil && p.glob(n)
}

// A selection is what is to be extracted, in path order, and what is not there.
type selection struct {
	versions []tarfs.Version
	missing  []error
	above    func(tarfs.Node) (tarfs.Version, bool) // the directory that something selected lies in
	chain    []tarfs.Node                           // the directories that what was added last lies in
	leaf     tarfs.Node                             // the last path that is not a directory
	bent     []tarfs.Version                        // what lies below a path that is not a directory here
}

// choose finds what is to be extracted.
func (t *taking) choose(c *call.Call, img *analyze.Image, patterns []*pattern) (*selection, error) {
	if err := t.checkVersions(img); err != nil {
		return nil, err
	}
	s := &selection{}
	candidates := t.candidates(img, s)
	for _, p := range patterns {
		if err := t.locate(c, img, p); err != nil {
			s.missing = append(s.missing, err)
		}
	}
	var inside tarfs.Node // the last path that was asked for: what lies below comes with it
	within := false
	for v := range candidates {
		n := v.Node()
		within = within && n.Within(inside)
		for _, p := range patterns {
			if (!within || p.hits == 0) && (p.matches(n) || p.found && n.Within(p.node)) {
				p.hits++
				if !within {
					inside, within = n, true
				}
			}
		}
		if within || len(patterns) == 0 {
			s.add(v)
		}
	}
	for _, p := range patterns {
		if p.hits == 0 && (p.found || p.glob != nil) {
			s.missing = append(s.missing, t.unmatched(img, p))
		}
	}
	if len(patterns) == 0 && len(s.versions) == 0 {
		s.missing = append(s.missing, t.nothing())
	}
	s.tellBent(c)
	return s, nil
}

// candidates yields one version of each path in path order: those that the flags ask for.
func (t *taking) candidates(img *analyze.Image, s *selection) iter.Seq[tarfs.Version] {
	if t.deleted {
		s.above = newestDir
		return deleted(img.Tree())
	}
	snap := img.Tree().At(t.upto.Or(t.layer.Or(analyze.Last)))
	s.above = snap.Of
	walk := snap.Walk(img.Tree().Root(), -1)
	if !t.layer.Given {
		return walk
	}
	return func(yield func(tarfs.Version) bool) {
		for v := range walk {
			if v.MetaLayer() == t.layer.N && !yield(v) {
				return
			}
		}
	}
}

// deleted yields the newest version of each path that is no longer visible.
func deleted(tree *tarfs.Tree) iter.Seq[tarfs.Version] {
	return func(yield func(tarfs.Version) bool) {
		for n := range tree.Nodes() {
			var newest tarfs.Version
			seen := false
			for v := range n.Versions() {
				newest, seen = v, true
			}
			if _, how := newest.HiddenBy(); seen && how != tarfs.NotHidden && !yield(newest) {
				return
			}
		}
	}
}

// newestDir returns the newest version of a path that is a directory.
func newestDir(n tarfs.Node) (dir tarfs.Version, ok bool) {
	for v := range n.Versions() {
		if v.Type() == tarfs.Dir {
			dir, ok = v, true
		}
	}
	return dir, ok
}

// locate finds the path that an argument names, if it names one. The error says that it is not there.
func (t *taking) locate(c *call.Call, img *analyze.Image, p *pattern) error {
	if t.deleted || t.layer.Given {
		if p.node, p.found = img.Tree().Lookup(p.arg); p.found || p.glob != nil {
			return nil
		}
		// perhaps a directory of the path is a symlink
		if o, err := img.Owner(p.arg, false, t.layer.Or(analyze.Last)); err == nil {
			p.node, p.found = o.Version.Node(), true
			return nil
		}
		return fmt.Errorf("%q: no such path in any layer", p.arg)
	}
	upto := t.upto.Or(analyze.Last)
	o, err := img.Owner(p.arg, false, upto)
	if err != nil {
		if p.glob != nil {
			return nil
		}
		return c.Missing(img, upto, false, err)
	}
	p.node, p.found = o.Version.Node(), true
	switch path := p.node.Path(); {
	case path != o.Asked && !strings.HasSuffix(o.Asked, "/."):
		c.Note(fmt.Sprintf("%q is %q in the image, and is extracted under that name", o.Asked, path))
	case o.Version.Type() == tarfs.Symlink:
		c.Note(fmt.Sprintf("%q is a symlink to %q: the link itself is extracted", path, o.Version.Link()))
	}
	return nil
}

// unmatched says that an argument brought nothing.
func (t *taking) unmatched(img *analyze.Image, p *pattern) error {
	what := ""
	switch {
	case t.layer.Given:
		what = fmt.Sprintf(" in layer %d", t.layer.N)
	case t.deleted:
		what = " that was deleted"
	}
	if !p.found {
		return fmt.Errorf("%w%s", nothing(len(img.Errors()) > 0, []string{p.arg}), what)
	}
	var layers []string
	for v := range p.node.Versions() {
		if !v.Implied() {
			layers = append(layers, fmt.Sprint(v.Layer()))
		}
	}
	err := fmt.Errorf("%q: nothing there%s", p.node.Path(), what)
	if t.layer.Given && len(layers) > 0 {
		return call.Usage("written by layer "+strings.Join(layers, ", "), "%w", err)
	}
	return err
}

// nothing says why there is nothing to extract.
func (t *taking) nothing() error {
	switch {
	case t.deleted:
		return errors.New("nothing was deleted")
	case t.layer.Given:
		return fmt.Errorf("layer %d wrote nothing", t.layer.N)
	}
	return errors.New("the image is empty")
}

// tellBent says what could not be extracted together with what replaced its directory.
func (s *selection) tellBent(c *call.Call) {
	if len(s.bent) == 0 {
		return
	}
	path := s.bent[0].Node().Path()
	c.Note(fmt.Sprintf("left out: %d older paths, such as %q, below what was not a directory when it was deleted "+
		"(--layer %d has that one)", len(s.bent), path, s.bent[0].Layer()))
}

// add selects a version, and before it the directories that it lies in.
func (s *selection) add(v tarfs.Version) {
	n := v.Node()
	if n.IsRoot() {
		s.versions = append(s.versions, v)
		return
	}
	var missing []tarfs.Version
	at := n.Parent()
	keep := 0
	for ; !at.IsRoot(); at = at.Parent() {
		if k := slices.Index(s.chain, at); k >= 0 {
			keep = k + 1
			break
		}
		dir, ok := s.above(at)
		if !ok || dir.Type() != tarfs.Dir || at == s.leaf {
			s.bent = append(s.bent, v)
			return
		}
		missing = append(missing, dir)
	}
	s.chain = s.chain[:keep]
	for _, dir := range slices.Backward(missing) {
		s.chain = append(s.chain, dir.Node())
		s.versions = append(s.versions, dir)
	}
	s.versions = append(s.versions, v)
	if v.Type() == tarfs.Dir {
		s.chain = append(s.chain, n)
	} else {
		s.leaf = n
	}
}
