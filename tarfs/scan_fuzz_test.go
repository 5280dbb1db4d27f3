package tarfs_test

import (
	"bytes"
	"crypto/sha256"
	"flag"
	"io"
	"math/rand/v2"
	"runtime"
	"testing"

	"layup/tarfs"
)

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
