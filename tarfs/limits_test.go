package tarfs_test

import (
	"archive/tar"
	"bufio"
	"bytes"
	"errors"
	"fmt"
	"strings"
	"testing"

	"layup/tarfs"
)

func repeated(m member, n int) []member {
	list := make([]member, n)
	for i := range list {
		list[i] = m
		list[i].name = fmt.Sprint(i)
	}
	return list
}

func xattrs(n, size int) []string {
	list := make([]string, n)
	for i := range list {
		name := fmt.Sprintf("%03d", i)
		list[i] = "SCHILY.xattr." + name + "=" + strings.Repeat("v", size-len(name))
	}
	return list
}

// At its limit an archive is read. One above, it is refused with the limit's name and value, and how to raise it.
func TestLimitsHoldAtTheirEdge(t *testing.T) {
	limits := tarfs.Limits{Entries: 3, Path: 300, Components: 10, Link: 200, Header: 2000, Xattrs: 4, XattrBytes: 100,
		Sparse: 5000}
	path := func(n int) string { return strings.Repeat("p", n) }
	for _, c := range []struct {
		name     string
		at, over []byte
		value    int64
	}{
		{"entries", archive(repeated(one, 3)...), archive(repeated(one, 4)...), 4},
		{"path", archive(member{longName: path(300)}), archive(member{longName: path(301)}), 301},
		{"components", archive(member{name: "1/2/3/4/5/6/7/8/9/10"}), archive(member{name: "1/2/3/4/5/6/7/8/9/10/11"}), 11},
		{"link", archive(member{name: "l", flag: '2', longLink: path(200)}),
			archive(member{name: "l", flag: '2', longLink: path(201)}), 201},
		{"header", archive(member{name: "a", pax: []string{"comment=" + path(2000-len("2000 comment=\n"))}}),
			archive(member{name: "a", pax: []string{"comment=" + path(2001-len("2000 comment=\n"))}}), 2001},
		{"xattrs", archive(member{name: "a", pax: xattrs(4, 10)}), archive(member{name: "a", pax: xattrs(5, 10)}), 5},
		{"xattr-bytes", archive(member{name: "a", pax: xattrs(4, 25)}), archive(member{name: "a", pax: xattrs(4, 26)}), 104},
		{"sparse", archive(hole(5000)), archive(hole(5001)), 5001},
	} {
		t.Run(c.name, func(t *testing.T) {
			opt := tarfs.ScanOptions{Limits: limits, Digests: true}
			if _, err := scan(c.at, opt); err != nil {
				t.Errorf("at the limit: %v", err)
			}
			_, err := scan(c.over, opt)
			limit, ok := errors.AsType[*tarfs.LimitError](err)
			if !ok || limit.Name != c.name || limit.Value != c.value {
				t.Fatalf("over the limit: %v, want %s of %d", err, c.name, c.value)
			}
			if want := fmt.Sprintf("%s: %d is over the limit of", c.name, c.value); !strings.Contains(err.Error(), want) {
				t.Errorf("error %q does not say %q", err, want)
			}
			if want := fmt.Sprintf("--limit %s=none", c.name); !strings.Contains(err.Error(), want) {
				t.Errorf("error %q does not say %q", err, want)
			}
			if _, err := scan(c.over, tarfs.ScanOptions{Digests: true}); err != nil {
				t.Errorf("without limits: %v", err)
			}
		})
	}
}

func hole(size int64) member {
	return member{name: "sp", data: sparseMap10(),
		pax: []string{"GNU.sparse.major=1", "GNU.sparse.minor=0", fmt.Sprintf("GNU.sparse.realsize=%d", size)}}
}

// Slashes at the end of a name do not add components.
func TestTheDeepestPathMayEndInASlash(t *testing.T) {
	deepest := strings.Repeat("d/", tarfs.DefaultLimits().Components)
	_, err := scan(archive(member{flag: '5', longName: deepest}), tarfs.ScanOptions{Limits: tarfs.DefaultLimits()})
	if err != nil {
		t.Errorf("2,048 components in 4,096 bytes: %v", err)
	}
}

// Without digests a sparse file is not expanded, so its size is not a reason to refuse it.
func TestSparseSizeIsLimitedOnlyIfContentIsRead(t *testing.T) {
	l, err := scan(archive(hole(1<<40)), tarfs.ScanOptions{Limits: tarfs.DefaultLimits()})
	if err != nil || entries(l) != "sp file 1099511627776" {
		t.Errorf("%q, %v", entries(l), err)
	}
}

func TestPAXHeaderOfTheDefaultLimitIsRead(t *testing.T) {
	limit := tarfs.DefaultLimits().Header
	record := "comment=" + strings.Repeat("c", limit-len("1048576 comment=\n"))
	data := archive(member{name: "a", pax: []string{record}})
	if _, err := scan(data, tarfs.ScanOptions{Limits: tarfs.DefaultLimits()}); err != nil {
		t.Error(err)
	}
	if d := compareWithLibrary(data); d != "" {
		t.Error(d)
	}
}

// hostile scans headers that are cheap to store and expensive to merge.
func hostile(t *testing.T, headers func(put func(*tar.Header))) *tarfs.Layer {
	t.Helper()
	var b bytes.Buffer
	w := tar.NewWriter(&b)
	headers(func(h *tar.Header) {
		if err := w.WriteHeader(h); err != nil {
			t.Fatal(err)
		}
	})
	if err := w.Close(); err != nil {
		t.Fatal(err)
	}
	table, err := tarfs.Scan(bufio.NewReader(&b), tarfs.ScanOptions{Limits: tarfs.DefaultLimits()})
	if err != nil {
		t.Fatal(err)
	}
	return table
}

func TestMergingObeysTheLimits(t *testing.T) {
	for _, test := range []struct {
		say, limit string
		headers    func(put func(*tar.Header))
	}{
		{"symlinks of long targets, followed by each entry", "link-steps", func(put func(*tar.Header)) {
			put(&tar.Header{Name: "d/", Typeflag: tar.TypeDir})
			put(&tar.Header{Name: "l", Typeflag: tar.TypeSymlink, Linkname: strings.Repeat("d/../", 800) + "d"})
			for i := range 20_000 {
				put(&tar.Header{Name: fmt.Sprintf("l/%d", i), Typeflag: tar.TypeReg})
			}
		}},
		{"a symlink that leads deeper than a path may be", "components", func(put func(*tar.Header)) {
			deep := strings.Repeat("d/", 1500)
			put(&tar.Header{Name: deep + "l", Typeflag: tar.TypeSymlink, Linkname: deep + "x"})
			put(&tar.Header{Name: deep + "l/f", Typeflag: tar.TypeReg})
		}},
		{"a symlink that leads to a longer path than there may be", "path", func(put func(*tar.Header)) {
			long := strings.Repeat(strings.Repeat("n", 200)+"/", 15)
			put(&tar.Header{Name: long + "l", Typeflag: tar.TypeSymlink, Linkname: long + "x"})
			put(&tar.Header{Name: long + "l/f", Typeflag: tar.TypeReg})
		}},
		{"directories that only deep names imply", "implied", func(put func(*tar.Header)) {
			for i := range 600 {
				put(&tar.Header{Name: fmt.Sprint(i) + strings.Repeat("/d", 2000), Typeflag: tar.TypeReg})
			}
		}},
	} {
		t.Run(test.say, func(t *testing.T) {
			_, errs := tarfs.Merge([]*tarfs.Layer{hostile(t, test.headers)}, tarfs.Runtime)
			var limit *tarfs.LimitError
			if len(errs) != 1 || !errors.As(errs[0], &limit) || limit.Name != test.limit {
				t.Errorf("got %v, want the limit %s", errs, test.limit)
			}
		})
	}
}

// Sparse maps and attributes also count as bytes of names, because they are cheap to store.
func TestMapsAndAttributesCountAsNames(t *testing.T) {
	limits := tarfs.Limits{NameBytes: 4000}
	regions := func(n, size int64) member {
		var numbers []int64
		for i := range n {
			numbers = append(numbers, i*10, size)
		}
		return member{name: "sp", data: sparseMap10(numbers...) + strings.Repeat("x", int(n*size)),
			pax: []string{"GNU.sparse.major=1", "GNU.sparse.minor=0", "GNU.sparse.realsize=99999"}}
	}
	for _, c := range []struct {
		say     string
		members []member
		ok      bool
	}{
		{"regions below the limit", []member{regions(100, 1), regions(100, 1)}, true},
		{"regions over the limit", []member{regions(100, 1), regions(100, 1), regions(100, 1)}, false},
		{"empty regions, which are not kept", []member{regions(1000, 0), regions(1000, 0)}, true},
		{"attributes below the limit", []member{attributed(200)}, true},
		{"attributes over the limit", []member{attributed(200), attributed(200)}, false},
	} {
		_, err := scan(archive(c.members...), tarfs.ScanOptions{Limits: limits})
		limit, over := errors.AsType[*tarfs.LimitError](err)
		if over == c.ok || over && limit.Name != "name-bytes" || !over && err != nil {
			t.Errorf("%s: %v", c.say, err)
		}
	}
}

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
