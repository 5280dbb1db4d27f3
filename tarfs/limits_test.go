package tarfs_test

import (
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

// At a limit an archive is read; one further it is refused with the limit's name, the value and how to raise it.
func TestLimitsHoldAtTheirEdge(t *testing.T) {
	limits := tarfs.Limits{Entries: 3, Path: 300, Components: 10, Link: 200, Header: 2000, Xattrs: 4, XattrBytes: 100, Sparse: 5000}
	path := func(n int) string { return strings.Repeat("p", n) }
	for _, c := range []struct {
		name     string
		at, over []byte
		value    int64
	}{
		{"entries", archive(repeated(one, 3)...), archive(repeated(one, 4)...), 4},
		{"path", archive(member{longName: path(300)}), archive(member{longName: path(301)}), 301},
		{"components", archive(member{name: "1/2/3/4/5/6/7/8/9/10"}), archive(member{name: "1/2/3/4/5/6/7/8/9/10/11"}), 11},
		{"link", archive(member{name: "l", flag: '2', longLink: path(200)}), archive(member{name: "l", flag: '2', longLink: path(201)}), 201},
		{"header", archive(member{name: "a", pax: []string{"comment=" + path(2000-len("2000 comment=\n"))}}), archive(member{name: "a", pax: []string{"comment=" + path(2001-len("2000 comment=\n"))}}), 2001},
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
	return member{name: "sp", data: sparseMap10(), pax: []string{"GNU.sparse.major=1", "GNU.sparse.minor=0", fmt.Sprintf("GNU.sparse.realsize=%d", size)}}
}

// Slashes at the end of a name, and those that say nothing, make no components.
func TestTheDeepestPathMayEndInASlash(t *testing.T) {
	deepest := strings.Repeat("d/", tarfs.DefaultLimits().Components)
	if _, err := scan(archive(member{flag: '5', longName: deepest}), tarfs.ScanOptions{Limits: tarfs.DefaultLimits()}); err != nil {
		t.Errorf("2,048 components in 4,096 bytes: %v", err)
	}
}

// Without digests nothing of a sparse file is expanded, so its size is no reason to refuse it.
func TestSparseSizeIsLimitedOnlyWhereContentIsRead(t *testing.T) {
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
