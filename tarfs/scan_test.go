package tarfs_test

import (
	"errors"
	"fmt"
	"io"
	"slices"
	"strings"
	"testing"

	"layup/tarfs"
)

// entries lists the entries of a layer as the table of streams does.
func entries(l *tarfs.Layer) string {
	var list []string
	for e := range l.Raw() {
		size := e.Size
		if e.Type != tarfs.File {
			size = 0
		}
		list = append(list, fmt.Sprintf("%s %s %d", e.Name, e.Type, size))
	}
	return strings.Join(list, ",")
}

func TestScan(t *testing.T) {
	for _, c := range streams {
		t.Run(c.name, func(t *testing.T) { c.check(t, tarfs.ScanOptions{Limits: tarfs.DefaultLimits()}) })
		t.Run(c.name+", with digests", func(t *testing.T) {
			c.check(t, tarfs.ScanOptions{Limits: tarfs.DefaultLimits(), Digests: true})
		})
	}
}

func (c stream) check(t *testing.T, opt tarfs.ScanOptions) {
	l, err := scan(c.data, opt)
	if got := entries(l); got != c.want {
		t.Errorf("entries %q, want %q", got, c.want)
	}
	switch {
	case c.err == "" && err != nil:
		t.Fatalf("error %v, want none", err)
	case c.err != "" && err == nil:
		t.Fatalf("no error, want %s", c.err)
	case err != nil:
		if !strings.Contains(err.Error(), c.err) {
			t.Errorf("error %q, want %q", err, c.err)
		}
		if _, ok := errors.AsType[*tarfs.ScanError](err); !ok {
			t.Errorf("error is a %T", err)
		}
		return
	}
	if l.Size() != int64(len(c.data)) {
		t.Errorf("size %d, want %d: the diffID covers everything", l.Size(), len(c.data))
	}
	if l.EndMark() != c.end {
		t.Errorf("end mark %v, want %v", l.EndMark(), c.end)
	}
	tree, _ := tarfs.Merge([]*tarfs.Layer{l}, tarfs.Runtime)
	if tail := warns(tree, tarfs.DataAfterEnd); tail != c.tail {
		t.Errorf("%s warned: %v, want %v", tarfs.DataAfterEnd, tail, c.tail)
	}
}

func warns(tree *tarfs.Tree, code tarfs.Code) bool {
	for _, w := range tree.Warnings() {
		if w.Code == code {
			return true
		}
	}
	return false
}

// A reader that peeks one block at a time, and copies it, gives an equal answer.
func TestScanNeedsOneBlockAtATime(t *testing.T) {
	for _, c := range streams {
		for _, digests := range []bool{false, true} {
			opt := tarfs.ScanOptions{Digests: digests}
			want, wantErr := scan(c.data, opt)
			got, err := tarfs.Scan(&meanReader{data: c.data, err: io.EOF}, opt)
			if entries(got) != entries(want) || fmt.Sprint(err) != fmt.Sprint(wantErr) {
				t.Errorf("%s: %q, %v; want %q, %v", c.name, entries(got), err, entries(want), wantErr)
			}
		}
	}
}

var errDisk = errors.New("disk on fire")

// Wherever the source fails, Scan returns the failure and invents no entry.
func TestScanReturnsReadErrorsAtEveryOffset(t *testing.T) {
	for _, c := range streams {
		if c.err != "" || len(c.data) > 20000 {
			continue
		}
		for n := 0; n < len(c.data); n += 1 + n%7 {
			l, err := tarfs.Scan(&meanReader{data: c.data[:n], err: errDisk}, tarfs.ScanOptions{Digests: n%2 == 0})
			if !errors.Is(err, errDisk) {
				t.Fatalf("%s: cut at %d of %d: error %v, want %v", c.name, n, len(c.data), err, errDisk)
			}
			if !strings.HasPrefix(c.want, entries(l)) {
				t.Fatalf("%s: cut at %d: entries %q, want a beginning of %q", c.name, n, entries(l), c.want)
			}
		}
	}
}

// A truncated archive has no error only if padding, the end mark or whole entries are missing.
func TestScanNoticesTruncation(t *testing.T) {
	var ends []int
	members := []member{
		one, file("big", strings.Repeat("x", 1500)), {name: "d/", flag: '5'}, {name: "l", flag: '2', link: "a"},
		{name: "p", data: "1", pax: []string{"path=" + longPath}}, {name: "g", data: "1", longName: longPath},
		{name: "sp", data: sparseMap10(4096, 4) + "aaaa",
			pax: []string{"GNU.sparse.major=1", "GNU.sparse.minor=0", "GNU.sparse.realsize=12288"}},
	}
	var data []byte
	clean := map[int]bool{0: true}
	for _, m := range members {
		m.unpadded = true
		start := len(data)
		data = append(data, m.bytes()...)
		for pad := 0; ; pad++ {
			clean[len(data)] = true
			if len(data)%blockSize == 0 {
				break
			}
			data = append(data, 0)
		}
		ends = append(ends, start)
	}
	for n := range data {
		l, err := scan(data[:n], tarfs.ScanOptions{})
		if err == nil && !clean[n] && !betweenHeaders(members, ends, n) {
			t.Errorf("cut at %d: no error, %d entries", n, l.Len())
		}
		if err != nil && clean[n] {
			t.Errorf("cut at %d: %v", n, err)
		}
	}
}

// betweenHeaders reports whether n is the end of an extended header, or in its padding: archive/tar accepts an archive
// that ends there.
func betweenHeaders(members []member, starts []int, n int) bool {
	for i, m := range members {
		if len(m.pax) == 0 && m.longName == "" {
			continue
		}
		body := len(records(m.pax))
		if m.longName != "" {
			body = len(m.longName) + 1
		}
		end := starts[i] + blockSize + body
		if n >= end && n <= end+(-body&(blockSize-1)) {
			return true
		}
	}
	return false
}

// The scanner once took directories of equal length for the first of them: it compared with a buffer that it had
// refilled.
func TestDirectoriesOfTheSameLengthAreKeptApart(t *testing.T) {
	want := []string{"aaaa/x", "bbbb/x", "bbbb/y", "aaaa/y", "cccc/x"}
	table, err := tarfs.Scan(layer(want...), tarfs.ScanOptions{})
	if err != nil {
		t.Fatal(err)
	}
	var got []string
	for e := range table.Raw() {
		got = append(got, e.Name)
	}
	if !slices.Equal(got, want) {
		t.Errorf("got %q, want %q", got, want)
	}
}
