package browse

import (
	"bytes"
	"cmp"
	"slices"

	"layup/analyze"
	"layup/analyze/space"
	"layup/tarfs"
)

// A stage is what the tree shows: an image after one of its layers, beside what was there before, if it is compared.
type stage struct {
	before, after analyze.Side // before has no image if nothing is compared
	sizes         *space.Directories
	marks         *marks
}

// none stands for the number of a node that a tree does not have.
const none = -1

// A place is a path in both trees, by the numbers of its nodes; of one image the trees are the same.
type place struct{ a, b int32 }

// A state says what became of what a row shows.
type state uint8

const (
	absent  state = iota // nothing was ever there
	visible              // after
	gone                 // visible before, not after
	hidden               // neither; an older layer had it
)

func (s *stage) compared() bool { return s.before.Image != nil }

// oneTree reports whether both sides are of one image.
func (s *stage) oneTree() bool { return !s.compared() || s.before.Image == s.after.Image }

func (s *stage) root() place { return place{0, 0} }

// shown returns what is at a place.
func (s *stage) shown(p place) (tarfs.Version, state) {
	if p.b != none {
		if v, ok := s.after.View().Of(s.after.Image.Tree().Numbered(int(p.b))); ok {
			return v, visible
		}
	}
	if p.a != none && s.compared() {
		if v, ok := s.before.View().Of(s.before.Image.Tree().Numbered(int(p.a))); ok {
			return v, gone
		}
	}
	var last tarfs.Version
	found := absent
	if p.b != none {
		for v := range s.after.Image.Tree().Numbered(int(p.b)).Versions() {
			if v.Layer() <= s.after.Upto {
				last, found = v, hidden
			}
		}
	}
	return last, found
}

// size is that of a file, or of all that is visible at and below a directory; -1 while it is not known.
func (s *stage) size(p place) int64 {
	v, state := s.shown(p)
	switch {
	case v.Type() == tarfs.File:
		return v.Size()
	case v.Type() != tarfs.Dir:
		return 0
	case state == visible && s.sizes != nil:
		return s.sizes.Bytes(v.Node())
	}
	return -1
}

// children are the places below one that any layer ever had, by name.
func (s *stage) children(p place) []place {
	below := func(img *analyze.Image, number int32) (list []tarfs.Node) {
		if number == none {
			return nil
		}
		for n := range img.Tree().Numbered(int(number)).Walk(1) {
			list = append(list, n)
		}
		return list[min(1, len(list)):]
	}
	b := below(s.after.Image, p.b)
	list := make([]place, 0, len(b))
	if s.oneTree() {
		for _, n := range b {
			list = append(list, place{int32(n.Number()), int32(n.Number())})
		}
		return list
	}
	a := below(s.before.Image, p.a)
	for len(a)+len(b) > 0 {
		order := 0
		switch {
		case len(a) == 0:
			order = 1
		case len(b) == 0:
			order = -1
		default:
			order = bytes.Compare([]byte(a[0].Name()), []byte(b[0].Name()))
		}
		next := place{none, none}
		if order <= 0 {
			next.a, a = int32(a[0].Number()), a[1:]
		}
		if order >= 0 {
			next.b, b = int32(b[0].Number()), b[1:]
		}
		list = append(list, next)
	}
	return list
}

// A mark says what happened to a path between before and after, and to paths below it.
type mark uint8

const (
	added mark = 1 << iota
	modified
	deleted

	changes = added | modified | deleted
	below   = 3 // how far the marks of what is below are shifted
)

// marks has the mark of each node of both trees, by number.
type marks struct{ a, b []mark }

// of returns the mark of a place.
func (m *marks) of(p place) mark {
	switch {
	case m == nil:
		return 0
	case p.a == none:
		return m.b[p.b]
	case p.b == none:
		return m.a[p.a]
	}
	return m.a[p.a] | m.b[p.b]
}

// set adds a mark to a place.
func (m *marks) set(p place, bits mark) {
	if p.a != none {
		m.a[p.a] |= bits
	}
	if p.b != none {
		m.b[p.b] |= bits
	}
}

// A marker marks the paths of a walk, and the directories above them.
type marker struct {
	marks *marks
	open  []place // the directories from the root to the path that came last
}

// mark takes the next pair of a walk.
func (w *marker) mark(p tarfs.Pair, how mark) {
	at := place{none, none}
	var parent place
	if p.InA {
		at.a, parent.a = int32(p.A.Node().Number()), int32(p.A.Node().Parent().Number())
	}
	if p.InB {
		at.b, parent.b = int32(p.B.Node().Number()), int32(p.B.Node().Parent().Number())
	}
	for len(w.open) > 0 {
		top := w.open[len(w.open)-1]
		if at.a > 0 && top.a == parent.a || at.b > 0 && top.b == parent.b {
			break
		}
		w.open = w.open[:len(w.open)-1]
	}
	if how != 0 {
		w.marks.set(at, how)
		for _, dir := range slices.Backward(w.open) {
			if w.marks.of(dir)>>below&how != 0 {
				break
			}
			w.marks.set(dir, how<<below)
		}
	}
	w.open = append(w.open, at)
}

// markLayer marks what one layer did.
func (s *stage) markLayer() *marks {
	list := make([]mark, s.after.Image.Tree().Len())
	w := marker{marks: &marks{list, list}}
	for p := range tarfs.Pairs(s.before.View(), s.after.View()) {
		how := mark(0)
		switch {
		case !p.InA:
			how = added
		case !p.InB:
			how = deleted
		case p.A != p.B:
			how = modified
		}
		w.mark(p, how)
	}
	return w.marks
}

// markImages marks how two images differ.
func (s *stage) markImages(c *analyze.Comparison) *marks {
	type pair struct{ a, b int32 }
	differ := map[pair]mark{}
	numbers := func(p tarfs.Pair) pair {
		n := pair{none, none}
		if p.InA {
			n.a = int32(p.A.Node().Number())
		}
		if p.InB {
			n.b = int32(p.B.Node().Number())
		}
		return n
	}
	for d := range c.Paths() {
		differ[numbers(d.Pair)] = map[string]mark{analyze.Added: added, analyze.Changed: modified,
			analyze.Removed: deleted}[d.Change]
	}
	w := marker{marks: &marks{make([]mark, s.before.Image.Tree().Len()), make([]mark, s.after.Image.Tree().Len())}}
	for p := range tarfs.Pairs(s.before.View(), s.after.View()) {
		w.mark(p, differ[numbers(p)])
	}
	return w.marks
}

// A row is a place that is drawn.
type row struct {
	place
	depth int32
	open  bool
}

// A forest is the rows of a stage: each directory that is open has its children after it.
type forest struct {
	*stage
	rows   []row
	filter mark // only what has one of these marks, or something below it; 0: all
	old    bool // also what is hidden
	bySize bool
}

// wanted reports whether a place is drawn.
func (f *forest) wanted(p place) bool {
	_, state := f.shown(p)
	if state == absent || state == hidden && !f.old {
		return false
	}
	m := f.marks.of(p)
	m |= m >> below
	return f.filter == 0 || m&f.filter != 0
}

// branches are the wanted children of a place in their order.
func (f *forest) branches(p place) []place {
	list := slices.DeleteFunc(f.children(p), func(c place) bool { return !f.wanted(c) })
	if f.bySize {
		sizes := map[place]int64{}
		for _, c := range list {
			sizes[c] = f.size(c)
		}
		slices.SortStableFunc(list, func(x, y place) int { return cmp.Compare(sizes[y], sizes[x]) })
	}
	return list
}

// toggle opens or closes a row.
func (f *forest) toggle(i int) {
	r := &f.rows[i]
	if r.open {
		r.open = false
		f.rows = slices.Delete(f.rows, i+1, f.end(i))
		return
	}
	list := f.branches(r.place)
	if len(list) == 0 {
		return
	}
	r.open = true
	grown := make([]row, len(list))
	for k, p := range list {
		grown[k] = row{place: p, depth: r.depth + 1}
	}
	f.rows = slices.Insert(f.rows, i+1, grown...)
}

// end is the index after all that is below a row.
func (f *forest) end(i int) int {
	end := i + 1
	for end < len(f.rows) && f.rows[end].depth > f.rows[i].depth {
		end++
	}
	return end
}

// parent is the index of the row above; that of the root is its own.
func (f *forest) parent(i int) int {
	depth := f.rows[i].depth
	for i > 0 && f.rows[i].depth >= depth {
		i--
	}
	return i
}

// An opening says which directories are open after rows were made anew.
type opening int

const (
	asBefore opening = iota
	all
	onlyRoot
)

// grow makes the rows; old are those before.
func (f *forest) grow(how opening, old []row) {
	open := map[place]bool{f.root(): true}
	for _, r := range old {
		if how == asBefore && r.open {
			open[r.place] = true
		}
	}
	f.rows = nil
	todo := []row{{place: f.root()}} // the next row is the last
	for len(todo) > 0 {
		r := todo[len(todo)-1]
		todo = todo[:len(todo)-1]
		if open[r.place] || how == all && f.isDir(r.place) {
			list := f.branches(r.place)
			for _, p := range slices.Backward(list) {
				todo = append(todo, row{place: p, depth: r.depth + 1})
			}
			r.open = len(list) > 0
		}
		f.rows = append(f.rows, r)
	}
}

func (f *forest) isDir(p place) bool {
	v, _ := f.shown(p)
	return v.Type() == tarfs.Dir
}

// find returns the index of a place, and opens the directories above it; -1 if it is not drawn.
func (f *forest) find(n tarfs.Node) int {
	var path []int32
	inB := n == f.after.Image.Tree().Numbered(n.Number())
	for ; !n.IsRoot(); n = n.Parent() {
		path = append(path, int32(n.Number()))
	}
	at := 0
	for _, number := range slices.Backward(path) {
		if !f.rows[at].open {
			f.toggle(at)
		}
		next := slices.IndexFunc(f.rows[at+1:f.end(at)], func(r row) bool {
			return inB && r.b == number || !inB && r.a == number
		})
		if next < 0 {
			return -1
		}
		at += 1 + next
	}
	return at
}
