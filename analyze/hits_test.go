package analyze_test

import (
	"fmt"
	"slices"
	"testing"

	"layup/analyze"
	"layup/fixtures/harness"
)

// load opens an image that is given as text.
func load(t *testing.T, text string) *analyze.Image {
	t.Helper()
	return harness.Open(t, text, analyze.Default())
}

func TestHitsSayWhatBecameOfEachVersion(t *testing.T) {
	for _, test := range []struct {
		say, image string
		want       []string
	}{
		{"a file replaced by a directory that a later layer lists again is overwritten", `
layer one
f 0644 0:0 a "x"
layer two
d 0755 0:0 a
layer three
d 0700 0:0 a
`, []string{"/a 0 overwritten 1", "/a 2 live -1"}},
		{"a file deleted and written again by a later layer is deleted", `
layer one
f 0644 0:0 a "x"
layer two
w a
layer three
f 0644 0:0 a "x"
`, []string{"/a 0 deleted 1", "/a 2 live -1"}},
		{"a file hidden by an opaque marker whose layer writes it again is overwritten", `
layer one
d 0755 0:0 d
f 0644 0:0 d/a "x"
layer two
d 0755 0:0 d
o d
f 0644 0:0 d/a "y"
`, []string{"/d 1 live -1", "/d/a 0 overwritten 1", "/d/a 1 live -1"}},
		{"what lay in a directory that became a file is deleted", `
layer one
d 0755 0:0 d
f 0644 0:0 d/a "x"
layer two
f 0644 0:0 d "now a file"
`, []string{"/d 0 overwritten 1", "/d 1 live -1", "/d/a 0 deleted 1"}},
	} {
		t.Run(test.say, func(t *testing.T) {
			var got []string
			for h := range load(t, test.image).Hits() {
				if !h.Version.Node().IsRoot() {
					got = append(got, fmt.Sprint(h.Version.Node().Path(), " ", h.Version.Layer(), " ", h.Status, " ", h.HiddenBy))
				}
			}
			if !slices.Equal(got, test.want) {
				t.Errorf("got  %q\nwant %q", got, test.want)
			}
		})
	}
}
