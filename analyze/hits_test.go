package analyze_test

import (
	"fmt"
	"slices"
	"strings"
	"testing"

	"layup/analyze"
	"layup/fixtures"
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

// family are layers of images that share some: later layers hide files, overwrite them, and take names from hard links.
var family = []string{
	`tag base:1
layer COPY rootfs
d 0755 0:0 etc
f 0644 0:0 etc/a "one"
f 0644 0:0 etc/b "two"
f 0644 0:0 bin/x "x"
h bin/y -> bin/x
h bin/z -> bin/x
`, `layer RUN rm etc/a
d 0700 0:0 etc
w etc/a
`, `layer RUN mv
w bin/x
f 0644 0:0 etc/b "other"
`, `layer COPY more
d 0755 0:0 etc
f 0644 0:0 etc/a "one"
f 0644 0:0 etc/a "again"
f 0644 0:0 etc/.wh.b "not empty"
`,
}

// searched describes what a search of each image by itself finds.
func searched(t *testing.T, name string, opt analyze.Options, unseen bool) (list []string) {
	opt.Select.All = true
	for img, err := range analyze.OpenAll(t.Context(), name, opt) {
		if err != nil {
			t.Fatal(err)
		}
		for h := range img.Find(unseen, func(analyze.Hit) bool { return true }) {
			list = append(list, img.Reference+" "+described(img, h))
		}
	}
	slices.Sort(list)
	return list
}

func described(img *analyze.Image, h analyze.Hit) string {
	line := fmt.Sprint(h.Version.Node().Path(), " ", h.Version.Layer(), " ", h.Status, " ", h.HiddenBy, " ", h.How, " ",
		h.Same, " ", h.Version.Size(), " ", h.Version.Since())
	if first, several := img.Top().FirstName(h.Version); several {
		line += " first " + first.Path()
	}
	return line
}

// Searching all images together finds what searching each of them finds.
func TestSearchOfAStoreIsTheSearchOfEachImage(t *testing.T) {
	var images []*fixtures.Image
	for i, layers := range [][]int{{0}, {0, 1}, {0, 1, 2}, {0, 2}, {0, 1, 2, 3}, {0, 3, 1}, {0}, {0, 2, 3}} {
		text := fmt.Sprintf("tag image:%d\n", i)
		for _, n := range layers {
			text += strings.TrimPrefix(family[n], "tag base:1\n")
		}
		img, err := fixtures.Parse("test", text)
		if err != nil {
			t.Fatal(err)
		}
		images = append(images, img)
	}
	file, err := fixtures.Packing{Format: fixtures.Docker25}.Pack(images...)
	if err != nil {
		t.Fatal(err)
	}
	name := write(t, file)
	for _, unseen := range []bool{false, true} {
		opt := analyze.Default()
		opt.Digests = true
		want := searched(t, name, opt, unseen)
		search := analyze.Search{Wanted: func(analyze.Hit) bool { return true }, Unseen: unseen}
		found, err := analyze.SearchStore(t.Context(), name, opt, search,
			func(img *analyze.Image, h analyze.Hit) (string, string) {
				line := described(img, h)
				return line, line
			})
		if err != nil {
			t.Fatal(err)
		}
		var got []string
		for _, hit := range found.Hits {
			for _, i := range hit.Images {
				got = append(got, found.Images[i].Reference+" "+hit.Item)
			}
		}
		slices.Sort(got)
		if !slices.Equal(got, want) {
			t.Errorf("unseen %v: got\n%s\nwant\n%s", unseen, strings.Join(got, "\n"), strings.Join(want, "\n"))
		}
	}
}
