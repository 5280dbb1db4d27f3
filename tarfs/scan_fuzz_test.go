package tarfs_test

import (
	"bytes"
	"crypto/sha256"
	"io"
	"runtime"
	"testing"

	"layup/tarfs"
)

// Whatever the bytes, Scan returns, keeps to the archive, and allocates no more than in proportion to it.
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

// checkContents demands that what Extents name lies in the archive, in order, and that the digest is that of the content.
func checkContents(t *testing.T, tree *tarfs.Tree, data []byte) {
	for v := range tree.Versions() {
		if v.Size() < 0 {
			t.Fatalf("%q is of %d bytes", v.Node().Path(), v.Size())
		}
		var end int64
		for _, e := range v.Extents() {
			if e.FileOffset < end || e.Size <= 0 || e.FileOffset+e.Size > v.Size() || e.TarOffset < blockSize || e.TarOffset+e.Size > int64(len(data)) {
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

// Streams with content are digested as they expand.
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
