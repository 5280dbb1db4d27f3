package store

import "testing"

// What a layer holds is never kept aside, whatever it is called: it can be of any size.
func TestOnlyTheStoresOwnDocumentsAreKept(t *testing.T) {
	for _, c := range []struct {
		name string
		size int64
		want bool
	}{
		{"image/overlay2/repositories.json", 100, true},
		{"./image/overlay2/layerdb/sha256/ab/tar-split.json.gz", 60 << 20, true},
		{"overlay-layers/ab.tar-split.gz", 60 << 20, true},
		{"io.containerd.content.v1.content/blobs/sha256/ab", 1000, true},
		{"io.containerd.content.v1.content/blobs/sha256/ab", maxBlob + 1, false},
		{"overlay2/ab/link", 26, true},
		{"overlay2/ab/diff/x.tar-split.gz", 1, false},
		{"overlay2/ab/diff/blobs/x", 1, false},
		{"vfs/dir/ab/etc/passwd", 1, false},
		{"containers/ab/ab-json.log", 1, false},
		{"tmp/huge", maxDatabase + 1, false},
	} {
		if got := document(c.name, c.size); got != c.want {
			t.Errorf("%s of %d bytes: %t", c.name, c.size, got)
		}
	}
}
