package tarfs_test

import (
	"errors"
	"fmt"
	"io/fs"
	"math/rand/v2"
	"path"
	"slices"
	"strings"
	"testing"

	"layup/tarfs"
)

func TestResolve(t *testing.T) {
	s := stackOf(t, [][]item{layerOf(`f real/f =1; l ln -> real; l abs -> /real/f; l up -> ../../real/f; ` +
		`l d/deep -> ../ln/f; l dead -> nowhere; l loop -> loop; l self -> .; l r -> /; l slash -> real/; ` +
		`l file -> real/f; f \x`)}, tarfs.Runtime)
	for _, c := range []struct {
		path, follow, last string // what it leads to with and without following the last component
	}{
		{"/real/f", "/real/f", "/real/f"}, {"real//f", "/real/f", "/real/f"}, {"./real/./f", "/real/f", "/real/f"},
		{"/", "/", "/"}, {"", "/", "/"}, {"..", "/", "/"}, {"../../real", "/real", "/real"},
		{"ln", "/real", "/ln"}, {"ln/", "/real", "/ln"}, {"ln/f", "/real/f", "/real/f"}, {"abs", "/real/f", "/abs"},
		{"up", "/real/f", "/up"}, {"d/deep", "/real/f", "/d/deep"},
		{"self/self/real/f", "/real/f", "/real/f"}, {"r/r/d/deep", "/real/f", "/d/deep"}, {"ln/../d", "/d", "/d"},
		{"slash/f", "/real/f", "/real/f"},
		{"dead", "not there", "/dead"}, {"dead/x", "not there", "not there"}, {"loop", "loop", "/loop"},
		{"loop/x", "loop", "loop"},
		{"real/f/x", "not there", "not there"}, {"real/f/..", "not there", "not there"},
		{"real/f/.", "not there", "not there"}, {"file/..", "not there", "not there"},
		{"nowhere/../real", "not there", "not there"}, {"REAL", "not there", "not there"},
	} {
		for _, follow := range []bool{true, false} {
			want := c.last
			if follow {
				want = c.follow
			}
			v, err := s.tree.Top().Resolve(c.path, follow)
			if got := outcome(v, err); got != want {
				t.Errorf("%q, follow %v: %s, want %s", c.path, follow, got, want)
			}
		}
	}
}

func outcome(v tarfs.Version, err error) string {
	switch {
	case errors.Is(err, tarfs.ErrLoop):
		return "loop"
	case errors.Is(err, fs.ErrNotExist):
		return "not there"
	case err != nil:
		return err.Error()
	}
	return v.Node().Path()
}

// naive resolves one component after another, by recursion and Lookup.
func naive(s *tarfs.Snapshot, dir []string, path string, follow bool, links *int) ([]string, error) {
	parts := strings.Split(path, "/")
	for i, p := range parts {
		here, _ := s.Lookup(strings.Join(dir, "/"))
		rest := strings.Trim(strings.Join(parts[i+1:], "/"), "/")
		switch {
		case p == "":
			continue
		case here.Type() != tarfs.Dir:
			return nil, fs.ErrNotExist
		case p == ".":
			continue
		case p == "..":
			dir = dir[:max(0, len(dir)-1)]
			continue
		}
		at := append(dir[:len(dir):len(dir)], p)
		v, ok := s.Lookup(strings.Join(at, "/"))
		if !ok {
			return nil, fs.ErrNotExist
		}
		if v.Type() != tarfs.Symlink || rest == "" && !follow {
			dir = at
			continue
		}
		if *links++; *links > 40 {
			return nil, tarfs.ErrLoop
		}
		if strings.HasPrefix(v.Link(), "/") {
			dir = nil
		}
		to, err := naive(s, dir, v.Link(), true, links)
		if err != nil {
			return nil, err
		}
		dir = to
	}
	return dir, nil
}

func FuzzResolve(f *testing.F) {
	for _, seed := range modelSeeds {
		f.Add([]byte(seed), "a/b/l/../a")
	}
	f.Add([]byte("\x04\x06\x05\x04\x00\x02\x04\x01\x00"), "l/a/b")
	f.Fuzz(func(t *testing.T, data []byte, path string) {
		if len(path) > 200 {
			return
		}
		s := stackOf(t, layersOf(data), tarfs.Runtime)
		for n := range s.tree.Layers() {
			for _, follow := range []bool{true, false} {
				compareResolve(t, s.tree.At(n), path, follow)
			}
		}
	})
}

func compareResolve(t *testing.T, s *tarfs.Snapshot, path string, follow bool) {
	t.Helper()
	links := 0
	want := "/"
	parts, wantErr := naive(s, nil, path, follow, &links)
	if wantErr != nil {
		want = outcome(tarfs.Version{}, wantErr)
	} else {
		want += strings.Join(parts, "/")
	}
	v, err := s.Resolve(path, follow)
	got := outcome(v, err)
	if got != want {
		t.Fatalf("%q, follow %v: %s, want %s", path, follow, got, want)
	}
	canonical, err := s.Canonical(path, follow)
	if (err != nil) != (want == "loop") {
		t.Fatalf("%q, follow %v: canonical: %v", path, follow, err)
	}
	if wantErr == nil && canonical != want {
		t.Fatalf("%q, follow %v: canonical %s, want %s", path, follow, canonical, want)
	}
}

// history describes all versions of a path.
func history(tree *tarfs.Tree, p string) (lines []string) {
	n, _ := tree.Lookup(p)
	for v := range n.Versions() {
		major, minor := v.Device()
		line := fmt.Sprintf("%s %v meta %d content %d %d -> %q %d:%d %v", version(v), v.Meta(), v.MetaLayer(),
			v.ContentLayer(), v.Size(), v.Link(), major, minor, v.Xattrs())
		if first, ok := tree.Top().FirstName(v); ok {
			line += " first " + first.Path()
		}
		lines = append(lines, line)
	}
	return lines
}

// needed returns a path, and what decides what becomes of it: the directories above it, what hard links lead to, the
// other names of its files.
func needed(owns [][]tarfs.Own, p string) map[string]bool {
	all := map[string]bool{}
	todo := []string{p}
	for len(todo) > 0 {
		p := todo[len(todo)-1]
		if todo = todo[:len(todo)-1]; all[p] {
			continue
		}
		all[p] = true
		todo = append(todo, path.Dir(p))
		for _, list := range owns {
			for _, o := range list {
				if o.Path == p && (o.Type == tarfs.Hardlink || o.Saying == tarfs.Implies && o.Link != "") {
					todo = append(todo, o.Link)
				}
				if o.Path == p && o.Next != "" {
					todo = append(todo, o.Next)
				}
			}
		}
	}
	return all
}

// What a layer alone says is enough to tell what becomes of a path, even without what it says of most others.
func TestWhatLayersSayAloneMergesAsTheyDo(t *testing.T) {
	dependent := 0
stacks:
	for seed := range uint64(*modelStacks) {
		random := rand.New(rand.NewPCG(seed, 3))
		data := make([]byte, 20+random.IntN(100))
		for i := range data {
			if data[i] = byte(random.IntN(256)); random.IntN(25) == 0 {
				data[i] = 255
			}
		}
		layers := layersOf(data)
		s := stackOf(t, layers, tarfs.Runtime)
		var owns [][]tarfs.Own
		for i := range layers {
			own, err := mustScan(t, s.tars[i]).Own(tarfs.Runtime)
			if err != nil {
				dependent++
				continue stacks
			}
			list := slices.Collect(own.All())
			if !slices.IsSortedFunc(list, func(a, b tarfs.Own) int {
				return strings.Compare(path.Base(a.Path)+"\x00"+a.Path, path.Base(b.Path)+"\x00"+b.Path)
			}) {
				t.Errorf("seed %d: not sorted: %v", seed, list)
			}
			owns = append(owns, list)
		}
		for n := range s.tree.Nodes() {
			want := needed(owns, n.Path())
			tables := make([]*tarfs.Layer, len(owns))
			for i, list := range owns {
				tables[i] = tarfs.Settle(func(yield func(tarfs.Own) bool) {
					for _, o := range list {
						if want[o.Path] && !yield(o) {
							return
						}
					}
				})
			}
			tree, errs := tarfs.Merge(tables, tarfs.Runtime)
			if d := differ("history", history(tree, n.Path()), history(s.tree, n.Path())); d != "" || len(errs) > 0 {
				t.Fatalf("seed %d, %s: %v\n%s%s", seed, n.Path(), errs, notation(layers), d)
			}
		}
	}
	if dependent > *modelStacks/2 {
		t.Errorf("%d of %d stacks are refused", dependent, *modelStacks)
	}
}

// partDiffers says how merging a part answers otherwise about a path than merging all; asked is false if it has no
// answer.
func partDiffers(t testing.TB, s stack, tables []*tarfs.Layer, view tarfs.View, path string,
) (difference string, asked bool) {
	part, ok := tarfs.MergePart(tables, view, s.tree.Warnings(), []string{path})
	if !ok {
		return "", false
	}
	about := func(tree *tarfs.Tree) (list []string) {
		for at := path; ; at = at[:strings.LastIndex(at, "/")] {
			if n, ok := tree.Lookup(at); ok {
				for v := range n.Versions() {
					by, how := v.HiddenBy()
					list = append(list, fmt.Sprint(facts(v, s.tars), " hidden ", by, how, v.Since(), v.Relists()))
				}
			}
			if at == "" {
				break
			}
		}
		for upto := range tables {
			snap := tree.At(upto)
			for _, follow := range []bool{false, true} {
				v, err := snap.Resolve(path, follow)
				if err != nil {
					list = append(list, fmt.Sprint(upto, follow, err))
					continue
				}
				list = append(list, fmt.Sprint(upto, follow, s.show(snap, v), v.Xattrs()))
			}
		}
		return list
	}
	difference = differ("about "+path, about(part), about(s.tree))
	if !slices.Equal(part.Warnings(), s.tree.Warnings()) {
		difference += "other warnings"
	}
	return difference, true
}

// partNames are names of directories, which end with a slash, and of other files.
var partNames = []string{"./", "a/", "b/", "a/b/", "b/c/", "x/", "x/y/", "a/b/f", "b/f", "b/c/f", "a/f", "f", "g",
	"a/g", "x/y/z", "x/y/l", "l", "a/l", "b/c/l", "m"}

// partStack is a random stack. Most of its layers hold nothing odd.
func partStack(r *rand.Rand) (layers [][]item) {
	links := strings.Fields("a b /b ../b l m /x ../.. b/c a/../b f ../f l/f b/c/f /")
	targets := strings.Fields("f a/f b/f b/c/f a/b/f g x/y/z l/f m/f a/l m")
	for range 1 + r.IntN(4) {
		var items []item
		names := slices.Clone(partNames)
		r.Shuffle(len(names), func(i, k int) { names[i], names[k] = names[k], names[i] })
		names = names[:1+r.IntN(8)]
		if r.IntN(3) > 0 { // directories before what is in them
			slices.Sort(names)
		}
		for _, name := range names {
			it := item{kind: 'f', name: name, mode: int64(r.IntN(0o777)), mtime: int64(r.IntN(9))}
			base := path.Base(name)
			switch odd := r.IntN(16); {
			case odd == 0 && base != ".":
				it.name = strings.TrimSuffix(path.Dir(name)+"/", "./") + ".wh." + base
			case odd == 1 && base != ".":
				it.name = strings.TrimSuffix(name, "/") + "/.wh..wh..opq"
			case odd == 2:
				it.kind = "fdlhc"[r.IntN(5)]
			case odd == 3 && r.IntN(3) == 0:
				it.name = []string{"/", "./a/../", ".//"}[r.IntN(3)] + name
			case strings.HasSuffix(name, "/"):
				it.kind = 'd'
			case base == "l" || base == "m":
				it.kind = 'l'
			case base == "g" || odd == 4:
				it.kind = 'h'
			}
			switch it.kind {
			case 'l':
				it.link = links[r.IntN(len(links))]
			case 'h':
				it.link = targets[r.IntN(len(targets))]
			case 'f':
				if !strings.Contains(it.name, ".wh.") {
					it.data = fmt.Sprint(r.IntN(1000))
				}
			}
			items = append(items, it)
		}
		layers = append(layers, items)
	}
	return layers
}

// TestAPartOfTheMergeAnswersAsTheWhole asks random stacks about every path, and some that lead through links.
func TestAPartOfTheMergeAnswersAsTheWhole(t *testing.T) {
	r := rand.New(rand.NewPCG(7, 11))
	asked, all := 0, 0
	for range 1500 {
		layers, view := partStack(r), tarfs.View(r.IntN(2))
		s := stackOf(t, layers, view)
		if len(s.errs) > 0 {
			continue
		}
		var tables []*tarfs.Layer
		for _, data := range s.tars {
			tables = append(tables, mustScan(t, data))
		}
		paths := []string{"/l/f", "/a/l/f", "/l/l/f", "/m/f", "/m/b/f", "/m/c/f", "/x/y/l/f", "/nothing/here",
			"/l/../f", "/m/../b/f"}
		for n := range s.tree.Nodes() {
			paths = append(paths, strings.TrimSuffix(n.Path(), "/"))
		}
		for _, path := range paths {
			difference, ok := partDiffers(t, s, tables, view, path)
			if difference != "" {
				t.Fatalf("view %d\n%s%s", view, notation(layers), difference)
			}
			if all++; ok {
				asked++
			}
		}
	}
	if asked < all/10 {
		t.Errorf("only %d of %d questions were answered from a part", asked, all)
	}
	t.Logf("%d of %d", asked, all)
}

// TestAPartOfTheMergeAnswers has stacks and paths about which a part must answer, or must not.
func TestAPartOfTheMergeAnswers(t *testing.T) {
	file := func(name string) item { return item{kind: 'f', name: name, data: "one"} }
	var whiteouts []item
	links := []item{file("f")}
	for i := range 1500 {
		whiteouts = append(whiteouts, item{kind: 'f', name: fmt.Sprint(".wh.", i)})
		links = append(links, item{kind: 'h', name: fmt.Sprint("h", i), link: "f"})
	}
	for _, c := range []struct {
		what, path string
		items      []item
		want       bool
	}{
		{"a directory that no entry lists", "/b", []item{file("b/c/f")}, true},
		{"a path through a symlink", "/l/f", []item{file("b/c/f"), {kind: 'l', name: "l", link: "b/c"}}, true},
		{"a path that two symlinks lead to", "/l/f",
			[]item{file("b/c/f"), {kind: 'l', name: "l", link: "m"}, {kind: 'l', name: "m", link: "b/c"}}, true},
		{"above what may be a symlink", "/l/../f", []item{file("f"), {kind: 'l', name: "l", link: "b/c"}}, false},
		{"more warnings than are kept", "/f", append(whiteouts, file("f")), true},
		{"more names than are followed", "/f", links, false},
	} {
		s := stackOf(t, [][]item{c.items}, tarfs.Runtime)
		difference, ok := partDiffers(t, s, []*tarfs.Layer{mustScan(t, s.tars[0])}, tarfs.Runtime, c.path)
		if difference != "" || ok != c.want || len(s.errs) > 0 {
			t.Errorf("%s: answered %v, want %v %v\n%s", c.what, ok, c.want, s.errs, difference)
		}
	}
	own := tarfs.Settle(func(func(tarfs.Own) bool) {})
	if _, ok := tarfs.MergePart([]*tarfs.Layer{own}, tarfs.Runtime, nil, []string{"/f"}); ok {
		t.Error("a layer that has no entries of its own is answered")
	}
}
