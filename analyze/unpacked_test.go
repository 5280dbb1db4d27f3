package analyze_test

import (
	"slices"
	"testing"
)

// As engines count: an inode once, a symlink as long as its target, of a file written twice the last; nothing for the
// rest.
func TestUnpackedSizesAreThoseOfFilesAndSymlinks(t *testing.T) {
	img := load(t, `layer files
d 0755 0:0 d
f 0644 0:0 d/first "12345"
h d/second -> d/first
h a-third -> d/first
f 0644 0:0 other "12345"
layer links
l short -> x
l long -> /twelve/bytes
layer others
c 0666 0:0 null 1:3
p 0600 0:0 pipe
w d/first
layer twice
f 0644 0:0 twice "123"
f 0644 0:0 twice "1234567"
layer nothing
`)
	if got, want := img.UnpackedSizes(), []int64{10, 14, 0, 7, 0}; !slices.Equal(got, want) {
		t.Errorf("got %v want %v", got, want)
	}
}
