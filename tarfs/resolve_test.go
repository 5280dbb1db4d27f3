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
