package tarfs_test

import (
	"fmt"
	"strings"
	"testing"

	"layup/tarfs"
)

// Each code, layer and path has one warning.
func TestWarningsDoNotRepeat(t *testing.T) {
	s := stackOf(t, [][]item{layerOf("f a; f a; f a; h b -> x; h b -> x"), layerOf("f a; f a; h b -> x")}, tarfs.Runtime)
	same(t, "warned", warnedRows(s), "duplicate-entry 0 /a; duplicate-entry 1 /a; hardlink-target-missing 0 /b; "+
		"hardlink-target-missing 1 /b")
}

// At most a thousand warnings of a code are kept. The last one counts the others.
func TestAThousandWarningsOfACodeAreKept(t *testing.T) {
	for _, c := range []struct{ n, kept, more int }{{999, 999, 0}, {1000, 1000, 0}, {1001, 1000, 1}, {2500, 1000, 1500}} {
		var text strings.Builder
		for i := range c.n {
			fmt.Fprintf(&text, "f .wh.%d;", i)
		}
		s := stackOf(t, [][]item{layerOf(text.String() + "f a; f a")}, tarfs.Runtime)
		kept, more := 0, 0
		for _, w := range s.tree.Warnings() {
			if w.Code == tarfs.WhiteoutHidesNothing {
				kept++
				if more += w.More; w.More > 0 && kept != c.kept {
					t.Errorf("%d: the %dth says how many more there are", c.n, kept)
				}
			}
		}
		if kept != c.kept || more != c.more || !warns(s.tree, tarfs.DuplicateEntry) {
			t.Errorf("%d: %d kept and %d more, want %d and %d", c.n, kept, more, c.kept, c.more)
		}
	}
}

// A layer with global headers has one warning without a path.
func TestGlobalHeaderIsNotAnEntry(t *testing.T) {
	g := member{name: "a", data: "1", global: true, pax: []string{"path=globalname", "comment=x"}}
	l := mustScan(t, archive(g, g, two))
	tree, _ := tarfs.Merge([]*tarfs.Layer{l}, tarfs.Runtime)
	s := stack{tree: tree, tars: [][]byte{archive(g, g, two)}}
	same(t, "visible", rows(s), "/a file 0 =1; /b file 0 =22")
	same(t, "warned", warnedRows(s), "duplicate-entry 0 /a; pax-global-header 0")
}

// Sparse files are shown expanded. Those in the old GNU format have a warning.
func TestSparseFilesExpand(t *testing.T) {
	want := strings.Repeat("\x00", 4096) + "aaaa" + strings.Repeat("\x00", 4092) + "bbbb" + strings.Repeat("\x00", 4092)
	for _, c := range streams {
		if !strings.Contains(c.name, "sparse") || c.err != "" || !strings.HasPrefix(c.want, "sp file 12288") {
			continue
		}
		tree, _ := tarfs.Merge([]*tarfs.Layer{mustScan(t, c.data)}, tarfs.Runtime)
		v, _ := tree.Top().Lookup("sp")
		if got := contentOf(v, [][]byte{c.data}); got != want {
			t.Errorf("%s: %d bytes differ from the %d wanted", c.name, len(got), len(want))
		}
		if old := strings.HasPrefix(c.name, "old"); warns(tree, tarfs.EntryTypeRefused) != old {
			t.Errorf("%s: flagged %v, want %v", c.name, !old, old)
		}
	}
}

func TestOnlySchilyAttributesCount(t *testing.T) {
	m := member{name: "a", pax: []string{"LIBARCHIVE.xattr.user.k=dg==", "SCHILY.xattr.user.z=1", "SCHILY.acl.access=x",
		"SCHILY.xattr.security.capability=\x01\x00=\n", "SCHILY.xattr.user.z=2"}}
	tree, _ := tarfs.Merge([]*tarfs.Layer{mustScan(t, archive(m))}, tarfs.Runtime)
	v, _ := tree.Top().Lookup("a")
	if got := fmt.Sprintf("%q", v.Xattrs()); got != `[{"security.capability" "\x01\x00=\n"} {"user.z" "2"}]` {
		t.Error(got)
	}
}
