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

// hostile scans headers that are cheap to store and would be dear to merge.
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

func TestMergingKeepsToTheLimits(t *testing.T) {
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

// What a table holds besides names counts, too: a map of a sparse file is cheap to store, and so are attributes without a value.
func TestMapsAndAttributesCountAsNames(t *testing.T) {
	limits := tarfs.Limits{NameBytes: 4000}
	regions := func(n, size int64) member {
		var numbers []int64
		for i := range n {
			numbers = append(numbers, i*10, size)
		}
		return member{name: "sp", data: sparseMap10(numbers...) + strings.Repeat("x", int(n*size)), pax: []string{"GNU.sparse.major=1", "GNU.sparse.minor=0", "GNU.sparse.realsize=99999"}}
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
		if limit, over := errors.AsType[*tarfs.LimitError](err); over == c.ok || over && limit.Name != "name-bytes" || !over && err != nil {
			t.Errorf("%s: %v", c.say, err)
		}
	}
}
