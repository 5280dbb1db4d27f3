package tarfs_test

import (
	"bytes"
	"crypto/sha256"
	"errors"
	"flag"
	"fmt"
	"io"
	"math/rand/v2"
	"runtime"
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

// Whatever the bytes, Scan ends, stays within the archive, and allocates in proportion to it.
func FuzzScan(f *testing.F) {
	for _, c := range streams {
		f.Add(c.data)
	}
	limits := tarfs.DefaultLimits()
	limits.Sparse = 1 << 20
	f.Fuzz(func(t *testing.T, data []byte) {
		var before, after runtime.MemStats
		runtime.ReadMemStats(&before)
		l, err := scan(data, tarfs.ScanOptions{Limits: limits, Digests: true})
		runtime.ReadMemStats(&after)
		if spent := after.TotalAlloc - before.TotalAlloc; spent > uint64(1<<20+200*len(data)) {
			t.Errorf("%d bytes allocated for %d", spent, len(data))
		}
		if err == nil && l.Size() != int64(len(data)) {
			t.Errorf("size %d of %d without an error", l.Size(), len(data))
		}
		tree, _ := tarfs.Merge([]*tarfs.Layer{l, nil, l}, tarfs.Runtime)
		checkContents(t, tree, data)
	})
}

// checkContents checks that extents are in the archive and in order, and that the digest is that of the content.
func checkContents(t *testing.T, tree *tarfs.Tree, data []byte) {
	for v := range tree.Versions() {
		if v.Size() < 0 {
			t.Fatalf("%q is of %d bytes", v.Node().Path(), v.Size())
		}
		var end int64
		for _, e := range v.Extents() {
			if e.FileOffset < end || e.Size <= 0 || e.FileOffset+e.Size > v.Size() || e.TarOffset < blockSize ||
				e.TarOffset+e.Size > int64(len(data)) {
				t.Fatalf("%q of %d bytes: extent %+v in %d bytes of tar", v.Node().Path(), v.Size(), e, len(data))
			}
			end = e.FileOffset + e.Size
		}
		if want, ok := v.Digest(); ok && v.Size() <= 1<<20 {
			if got := sha256.Sum256([]byte(contentOf(v, [][]byte{data, nil, data}))); got != want {
				t.Fatalf("%q: digest %x, content %x", v.Node().Path(), want, got)
			}
		}
	}
}

// A digest covers the expanded content.
func TestDigestIsOfTheExpandedContent(t *testing.T) {
	for _, c := range streams {
		l, _ := scan(c.data, tarfs.ScanOptions{Digests: true})
		tree, _ := tarfs.Merge([]*tarfs.Layer{l}, tarfs.Runtime)
		checkContents(t, tree, c.data)
		mean, _ := tarfs.Scan(&meanReader{data: bytes.Clone(c.data), err: io.EOF}, tarfs.ScanOptions{Digests: true})
		tree, _ = tarfs.Merge([]*tarfs.Layer{mean}, tarfs.Runtime)
		checkContents(t, tree, c.data)
	}
}

var mutations = flag.Int("mutations", 30000, "how many mutated tars are read both by Scan and by archive/tar")

// Random changes with right checksums reach every field of a header and of its extensions.
func TestScanMatchesArchiveTarOnMutations(t *testing.T) {
	for seed := range uint64(*mutations) {
		random := rand.New(rand.NewPCG(seed, 2))
		c := streams[random.IntN(len(streams))]
		data := mutate(random, c.data)
		if d := compareWithLibrary(data); d != "" {
			t.Fatalf("seed %d, from %q:\n%s", seed, c.name, d)
		}
	}
}

// letters are bytes with a meaning somewhere in a header.
const letters = "\x00\x01 /09785-+.,=\nSLKxg1\x80\xff\xc0ustar"

// mutate changes up to three bytes and corrects the checksums of headers.
func mutate(random *rand.Rand, data []byte) []byte {
	out := join(data)
	if len(out) == 0 {
		return out
	}
	for range 1 + random.IntN(3) {
		at := random.IntN(len(out))
		if random.IntN(2) == 0 { // most of a header is unused
			at = at/blockSize*blockSize + []int{0, 1, 100, 108, 120, 124, 130, 135, 136, 140, 147, 156, 157, 257, 263, 264,
				329, 337, 345, 386, 398, 482, 483, 494, 508}[random.IntN(25)]
			at = min(at, len(out)-1)
		}
		out[at] = letters[random.IntN(len(letters))]
	}
	for at := 0; at+blockSize <= len(out); at += blockSize {
		if tarfs.IsHeader(data[at : at+blockSize]) {
			sum(out[at : at+blockSize])
		}
	}
	return out
}
