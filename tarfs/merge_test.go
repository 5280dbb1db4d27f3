package tarfs_test

import (
	"errors"
	"fmt"
	"slices"
	"strings"
	"testing"

	"layup/tarfs"
)

// A mergeCase says what layers show. A row is "path type layer", then if they apply "meta" and the layer of the
// metadata, "implied", "content" and the layer of the bytes, "first" and the first of several names. A hidden row is
// "path writer-remover how", a warning is "code layer path".
type mergeCase struct {
	name    string
	layers  []string // in the notation of item
	visible string
	hidden  string
	warned  string
	spec    string // what the view of the specification shows, if it differs
}

func rows(s stack) string {
	var list []string
	top := s.tree.Top()
	for v := range top.Walk(s.tree.Root(), -1) {
		if v.Node().IsRoot() && v.Implied() {
			continue
		}
		row := fmt.Sprintf("%s %s %d", v.Node().Path(), v.Type(), v.Layer())
		if v.MetaLayer() != v.Layer() && !v.Implied() {
			row += fmt.Sprintf(" meta %d", v.MetaLayer())
		}
		if v.Implied() {
			row += " implied"
		} else if v.ContentLayer() != v.Layer() && !v.Node().IsRoot() {
			row += fmt.Sprintf(" content %d", v.ContentLayer())
		}
		if first, ok := top.FirstName(v); ok {
			row += " first " + first.Path()
		}
		if data := contentOf(v, s.tars); data != "" {
			row += " =" + data
		}
		list = append(list, row)
	}
	return strings.Join(list, "; ")
}

func hiddenRows(s stack) string {
	var list []string
	for v := range s.tree.Versions() {
		if by, how := v.HiddenBy(); how != tarfs.NotHidden {
			list = append(list, fmt.Sprintf("%s %d-%d %s", v.Node().Path(), v.Layer(), by, how))
		}
	}
	return strings.Join(list, "; ")
}

func warnedRows(s stack) string {
	list := s.warned()
	slices.Sort(list)
	for i := range list {
		list[i] = strings.TrimSpace(list[i])
	}
	return strings.Join(list, "; ")
}

func (c mergeCase) check(t *testing.T) {
	var layers [][]item
	for _, text := range c.layers {
		layers = append(layers, layerOf(text))
	}
	s := stackOf(t, layers, tarfs.Runtime)
	same(t, "visible", rows(s), c.visible)
	same(t, "hidden", hiddenRows(s), c.hidden)
	same(t, "warned", warnedRows(s), c.warned)
	if c.spec == "" {
		c.spec = c.visible
	}
	same(t, "visible by the specification", rows(stackOf(t, layers, tarfs.Spec)), c.spec)
	for _, view := range []tarfs.View{tarfs.Runtime, tarfs.Spec} {
		if d := compareWithModel(t, layers, view); d != "" {
			t.Errorf("not as the model, view %d:\n%s", view, d)
		}
	}
}

func same(t *testing.T, what, got, want string) {
	t.Helper()
	want = strings.Join(strings.Fields(want), " ")
	if got != want {
		t.Errorf("%s:\n got %s\nwant %s", what, got, want)
	}
}

func TestMerge(t *testing.T) {
	for _, table := range [][]mergeCase{nameCases, parentCases, whiteoutCases, opaqueCases, deviceCases, duplicateCases,
		linkCases, typeCases, stackCases} {
		for _, c := range table {
			t.Run(c.name, c.check)
		}
	}
}

var nameCases = []mergeCase{
	{name: "leading slashes and dots are stripped", layers: []string{"f /a; f ./b; f .//c; f ././d; f //e"},
		visible: "/a file 0; /b file 0; /c file 0; /d file 0; /e file 0", warned: "path-absolute 0 //e; path-absolute 0 /a"},
	{name: "a parent reference is cleaned by its letters", layers: []string{"f x/../a; f y/./b"},
		visible: "/a file 0; /y dir 0 implied; /y/b file 0", warned: "parent-not-listed 0 /y"},
	{name: "what climbs over the root is clamped there", layers: []string{"f ../a; f /../../b; f c/../../c"},
		visible: "/a file 0; /b file 0; /c file 0", warned: "path-escapes-root 0 ../a; path-escapes-root 0 /../../b; " +
			"path-escapes-root 0 c/../../c"},
	{name: "a whiteout may climb too", layers: []string{"f a", "f ../.wh.a"}, hidden: "/a 0-1 whiteout",
		warned: "path-escapes-root 1 ../.wh.a"},
	{name: "a directory of no name is the root", layers: []string{"d ./ 0700 5:5; f a"},
		visible: "/ dir -1 meta 0; /a file 0"},
	{name: "a slash is the root and not absolute", layers: []string{"d / 0700"}, visible: "/ dir -1 meta 0"},
	{name: "a parent reference is the root", layers: []string{"d .."}, visible: "/ dir -1 meta 0",
		warned: "path-escapes-root 0 ../"},
	{name: "the last layer that lists the root says its metadata",
		layers: []string{"d ./ 0700", "f a", "d ./ 0711 7:7", "f b"}, visible: "/ dir -1 meta 2; /a file 1; /b file 3"},
	{name: "a root that is not a directory is ignored",
		layers: []string{`f "" =x; f . =y; l / -> a; h ./ -> a; c .. #0:0; p //; V .; f a`}, visible: "/a file 0",
		warned: "path-escapes-root 0 ..; root-not-a-directory 0"},
	{name: "names are bytes", layers: []string{"f caf\xe9; f a\\b; f A; f a; f e\u0301; f \u00e9"},
		visible: "/A file 0; /a file 0; /a\\b file 0; /caf\xe9 file 0; /e\u0301 file 0; /\u00e9 file 0"},
	{name: "a name of 255 bytes and its whiteout of 259", layers: []string{"f " + deepName, "f .wh." + deepName},
		hidden: "/" + deepName + " 0-1 whiteout"},
	{name: "three dots are a name", layers: []string{"f ...; f a/..."},
		visible: "/... file 0; /a dir 0 implied; /a/... file 0", warned: "parent-not-listed 0 /a"},
}

var parentCases = []mergeCase{
	{name: "a symlink of one layer is followed in that layer", layers: []string{"d real; l ln -> real; f ln/f"},
		visible: "/ln symlink 0; /real dir 0; /real/f file 0", warned: "parent-through-symlink 0 /ln/f"},
	{name: "an absolute symlink stays in the image", layers: []string{"d real; l ln -> /real; f ln/f"},
		visible: "/ln symlink 0; /real dir 0; /real/f file 0", warned: "parent-through-symlink 0 /ln/f"},
	{name: "a symlink is relative to its own directory", layers: []string{"l d/ln -> e; f d/ln/f"},
		visible: "/d dir 0 implied; /d/e dir 0 implied; /d/e/f file 0; /d/ln symlink 0",
		warned:  "parent-not-listed 0 /d; parent-through-symlink 0 /d/ln/f"},
	{name: "dots in a target are clamped at the root", layers: []string{"l ln -> ../../out; f ln/f"},
		visible: "/ln symlink 0; /out dir 0 implied; /out/f file 0",
		warned:  "parent-not-listed 0 /out; parent-through-symlink 0 /ln/f"},
	{name: "symlinks through symlinks", layers: []string{"l a -> b; l b -> /c/../d; f a/f"},
		visible: "/a symlink 0; /b symlink 0; /d dir 0 implied; /d/f file 0",
		warned:  "parent-not-listed 0 /d; parent-through-symlink 0 /a/f"},
	{name: "a symlink to the root", layers: []string{"l r -> /; f r/f; f r/r/g"},
		visible: "/f file 0; /g file 0; /r symlink 0",
		warned:  "parent-through-symlink 0 /r/f; parent-through-symlink 0 /r/r/g"},
	{name: "the last component is not followed", layers: []string{"l a -> b; d b; f b/x", "d a"},
		visible: "/a dir 1; /b dir 0; /b/x file 0", hidden: "/a 0-1 replaced-by-other-type",
		warned: "symlink-replaced-by-directory 1 /a"},
	{name: "a symlink of a lower layer is not followed", layers: []string{"d real; l ln -> real", "f ln/f"},
		visible: "/ln dir 1 implied; /ln/f file 1; /real dir 0", hidden: "/ln 0-1 replaced-by-other-type",
		warned: "parent-not-listed 1 /ln; symlink-hidden-by-implied-directory 1 /ln"},
	{name: "a whiteout through a symlink of its layer", layers: []string{"d real; f real/f", "l ln -> real; f ln/.wh.f"},
		visible: "/ln symlink 1; /real dir 0", hidden: "/real/f 0-1 whiteout",
		warned: "parent-not-listed 1 /real; parent-through-symlink 1 /ln/.wh.f"},
	{name: "an opaque marker through a symlink of its layer",
		layers: []string{"d real; f real/f", "l ln -> real; f ln/.wh..wh..opq"}, visible: "/ln symlink 1; /real dir 0",
		hidden: "/real/f 0-1 opaque",
		warned: "parent-not-listed 1 /real; parent-through-symlink 1 /ln/.wh..wh..opq"},
	{name: "a file for a parent", layers: []string{"f a; f a/b; d a/c; f a/.wh.d; l a/l -> x; h a/h -> a; p a/p; " +
		"f a/.wh..wh..opq; d c/d; p c/d/e; f c/d/e/f/g"}, visible: "/a file 0; /c dir 0 implied; /c/d dir 0; /c/d/e fifo 0",
		warned: "parent-not-a-directory 0 /a/.wh..wh..opq; parent-not-a-directory 0 /a/.wh.d; " +
			"parent-not-a-directory 0 /a/b; parent-not-a-directory 0 /a/c; parent-not-a-directory 0 /a/h; " +
			"parent-not-a-directory 0 /a/l; parent-not-a-directory 0 /a/p; parent-not-a-directory 0 /c/d/e/f/g; " +
			"parent-not-listed 0 /c"},
	{name: "a symlink to a file for a parent", layers: []string{"f a; l l -> a; f l/b"},
		visible: "/a file 0; /l symlink 0", warned: "parent-not-a-directory 0 /a/b"},
	{name: "a file of a lower layer does not count as a parent", layers: []string{"f a", "f a/b"},
		visible: "/a dir 1 implied; /a/b file 1", hidden: "/a 0-1 replaced-by-other-type",
		warned: "file-hidden-by-implied-directory 1 /a; parent-not-listed 1 /a"},
	{name: "a file replaces what was only implied, with its children", layers: []string{"f a/b/c; f a/b"},
		visible: "/a dir 0 implied; /a/b file 0", warned: "duplicate-entry 0 /a/b; parent-not-listed 0 /a"},
	{name: "a directory listed after its child is listed", layers: []string{"f a/b; d a 0700"},
		visible: "/a dir 0; /a/b file 0"},
	{name: "only the top-most missing directory is named", layers: []string{"f a/b/c/f; d a/b/d; f a/b/d/e/f"},
		visible: "/a dir 0 implied; /a/b dir 0 implied; /a/b/c dir 0 implied; /a/b/c/f file 0; /a/b/d dir 0; " +
			"/a/b/d/e dir 0 implied; /a/b/d/e/f file 0",
		warned: "parent-not-listed 0 /a; parent-not-listed 0 /a/b/d/e"},
	{name: "what a name resolved to is not remembered when a symlink changes it",
		layers:  []string{"d d; l l -> d/z/..; f l/x; l l/z -> /e/f; f l/y"},
		visible: "/d dir 0; /d/x file 0; /d/z symlink 0; /e dir 0 implied; /e/y file 0; /l symlink 0",
		warned: "parent-not-listed 0 /e; parent-through-symlink 0 /l/x; parent-through-symlink 0 /l/y; " +
			"parent-through-symlink 0 /l/z"},
}

// A loop of symlinks is damage: the layer ends there. Earlier entries and other layers count.
func TestLoopEndsTheLayer(t *testing.T) {
	for name, layers := range map[string][]string{
		"a loop of two":           {"f k; l a -> b; l b -> a; f a/f; f never", "f above"},
		"a loop of one":           {"f k; l a -> a; d a/d; f never", "f above"},
		"a loop by the root":      {"f k; l a -> /b/../a; h a/x -> k; f never", "f above"},
		"a whiteout below a loop": {"f k; l a -> a; f a/.wh.x; f never", "f above"},
		"a marker below a loop":   {"f k; l a -> a; f a/.wh..wh..opq; f never", "f above"},
	} {
		s := stackOf(t, [][]item{layerOf(layers[0]), layerOf(layers[1])}, tarfs.Runtime)
		if len(s.errs) != 1 || s.errs[0].Layer != 0 || !errors.Is(s.errs[0], tarfs.ErrLoop) ||
			!strings.Contains(s.errs[0].Error(), `layer 0: "a/`) {
			t.Errorf("%s: errors %v", name, s.errs)
		}
		got := rows(s)
		if !strings.Contains(got, "/above file 1") || !strings.Contains(got, "/k file 0") || strings.Contains(got, "never") {
			t.Errorf("%s: %s", name, got)
		}
	}
}

// A chain of forty links is followed, one of forty-one is a loop, as in Linux.
func TestResolveFollowsFortyLinks(t *testing.T) {
	for _, c := range []struct{ links, errs int }{{40, 0}, {41, 1}} {
		var text strings.Builder
		text.WriteString("d d0")
		for i := range c.links {
			fmt.Fprintf(&text, ";l d%d -> d%d", i+1, i)
		}
		fmt.Fprintf(&text, ";f d%d/f", c.links)
		if s := stackOf(t, [][]item{layerOf(text.String())}, tarfs.Runtime); len(s.errs) != c.errs {
			t.Errorf("%d links: %v", c.links, s.errs)
		}
	}
}

// A layer that could not be read does not change the numbers of the others.
func TestMissingLayerKeepsTheNumbers(t *testing.T) {
	below, above := mustScan(t, tarOf(layerOf("f a"))), mustScan(t, tarOf(layerOf("f .wh.a; f b")))
	tree, errs := tarfs.Merge([]*tarfs.Layer{nil, below, nil, above}, tarfs.Runtime)
	s := stack{tree: tree, tars: [][]byte{nil, nil, nil, nil}}
	if len(errs) != 0 || rows(s) != "/b file 3" || hiddenRows(s) != "/a 1-3 whiteout" || tree.Layers() != 4 {
		t.Errorf("%v: %s, hidden %s", errs, rows(s), hiddenRows(s))
	}
}

// The header of a hard link overrides metadata. A directory that is listed again replaces all metadata.
func TestMetadata(t *testing.T) {
	for _, c := range []struct {
		name   string
		layers []string
		path   string
		want   string
	}{
		{"the link's header overrides the shared inode",
			[]string{"f a =1 0600 1:2 @3 x:user.k=v; h b -> a 4755 5:6 @7 x:user.l=w"}, "/a",
			"/a file 4755 5:6 layer=0 meta=0 @7 =1 content=0 x:user.k=v"},
		{"of two links the last overrides", []string{"f a =1; h b -> a 0600 5:6 @7; h c -> a 0640 8:9 @10"}, "/b",
			"/b file 0640 8:9 layer=0 meta=0 @10 =1 content=0"},
		{"a skipped link overrides nothing", []string{"f a =1 0600 1:2 @3; h a -> a 0777 5:6"}, "/a",
			"/a file 0600 1:2 layer=0 meta=0 @3 =1 content=0"},
		{"a link into a lower layer leaves that alone", []string{"f a =1 0600 1:2 @3 x:user.k=v", "h b -> a 0640 5:6 @7"},
			"/a", "/a file 0600 1:2 layer=0 meta=0 @3 =1 content=0 x:user.k=v"},
		{"a link into a lower layer keeps attributes", []string{"f a =1 0600 1:2 @3 x:user.k=v", "h b -> a 0640 5:6 @7"},
			"/b", "/b file 0640 5:6 layer=1 meta=1 @7 =1 content=0 x:user.k=v"},
		{"attributes of a directory are replaced, not merged", []string{"d d x:user.k=v", "d d x:user.l=w"}, "/d",
			"/d dir 0755 0:0 layer=1 meta=1 @1600000000 x:user.l=w"},
		{"an implied directory", []string{"f d/f"}, "/d", "/d dir 0755 0:0 layer=0 meta=-1 implied"},
		{"an implied directory over one with metadata", []string{"d d 0700 5:5", "f d/f"}, "/d",
			"/d dir 0700 5:5 layer=0 meta=0 @1600000000"},
		{"only twelve bits of the mode count", []string{"f a 0106755"}, "/a",
			"/a file 6755 0:0 layer=0 meta=0 @1600000000 = content=0"},
		{"a user of all ones is root", []string{"f a 4294967295:4294967295"}, "/a",
			"/a file 0644 0:0 layer=0 meta=0 @1600000000 = content=0"},
		{"a user of all ones but one is no one", []string{"f a 4294967294:4294967294"}, "/a",
			"/a file 0644 4294967294:4294967294 layer=0 meta=0 @1600000000 = content=0"},
		{"attributes of a symlink", []string{"l s -> t x:user.k=v"}, "/s",
			"/s symlink 0644 0:0 layer=0 meta=0 @1600000000 -> t content=0 x:user.k=v"},
		{"a time before 1970", []string{"f a @-86400"}, "/a", "/a file 0644 0:0 layer=0 meta=0 @-86400 = content=0"},
	} {
		var layers [][]item
		for _, text := range c.layers {
			layers = append(layers, layerOf(text))
		}
		s := stackOf(t, layers, tarfs.Runtime)
		v, ok := s.tree.Top().Lookup(c.path)
		if !ok || facts(v, s.tars) != c.want {
			t.Errorf("%s: got %s, want %s", c.name, facts(v, s.tars), c.want)
		}
	}
}

// A tree without its index finds every path that it found before, and no other.
func TestSettledTreesFindTheSamePaths(t *testing.T) {
	s := stackOf(t, [][]item{
		layerOf("d a; f a/b; f a/bc; f a/long-names-with-one-beginning-1; f a/long-names-with-one-beginning-2; d e; f g"),
		layerOf("f a/.wh.b; f a/c/d; f h"),
	}, tarfs.Runtime)
	found := map[string]tarfs.Node{}
	for n := range s.tree.Nodes() {
		found[n.Path()], _ = s.tree.Lookup(n.Path())
	}
	s.tree.Settle()
	for path, want := range found {
		if got, ok := s.tree.Lookup(path); !ok || got != want {
			t.Errorf("%s: got %v, %t", path, got, ok)
		}
	}
	for _, path := range []string{"/b", "/a/a", "/a/bcd", "/a/long-names-with-one-beginning-", "/z", "/e/x", "/a/c/d/e"} {
		if _, ok := s.tree.Lookup(path); ok {
			t.Errorf("%s: found", path)
		}
	}
	if len(found) != 11 {
		t.Errorf("%d paths", len(found))
	}
}
