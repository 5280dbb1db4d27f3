package analyze_test

import (
	"fmt"
	"slices"
	"testing"
)

// Each line of want is the files of a layer, its paths +added ~modified -deleted, and its hidden bytes.
func TestLayerFactsCountWhatTheMergeDid(t *testing.T) {
	for _, test := range []struct {
		say, image string
		want       []string
	}{
		{"implied directories are created also", `
layer one
f 0644 0:0 a/b/c "x"
`, []string{"1 +3 ~0 -0 0"}},
		{"a directory listed again is modified, and hides nothing", `
layer one
d 0755 0:0 d
f 0644 0:0 d/a "x"
layer two
d 0700 0:0 d
layer three
d 0755 0:0 d
`, []string{"2 +2 ~0 -0 0", "1 +0 ~1 -0 0", "1 +0 ~1 -0 0"}},
		{"a directory that was implied and is listed later is modified", `
layer one
f 0644 0:0 d/a "x"
layer two
d 0700 0:0 d
`, []string{"1 +2 ~0 -0 0", "1 +0 ~1 -0 0"}},
		{"a directory only implied again is not touched", `
layer one
d 0755 0:0 d
layer two
f 0644 0:0 d/a "x"
`, []string{"1 +1 ~0 -0 0", "1 +1 ~0 -0 0"}},
		{"a file written again is modified, and the old bytes are hidden", `
layer one
f 0644 0:0 a "xx"
layer two
f 0644 0:0 a "xxx"
`, []string{"1 +1 ~0 -0 2", "1 +0 ~1 -0 0"}},
		{"a deleted directory counts with its children", `
layer one
d 0755 0:0 d
f 0644 0:0 d/a "xx"
f 0644 0:0 d/e/b "xxx"
layer two
w d
`, []string{"3 +4 ~0 -0 5", "0 +0 ~0 -4 0"}},
		{"what an opaque marker hides counts, the directory does not", `
layer one
d 0755 0:0 d
f 0644 0:0 d/a "xx"
f 0644 0:0 d/b "xxx"
layer two
d 0755 0:0 d
o d
f 0644 0:0 d/a "y"
`, []string{"3 +3 ~0 -0 5", "2 +0 ~2 -1 0"}},
		{"a directory replaced by a file is modified, its children are deleted", `
layer one
d 0755 0:0 d
f 0644 0:0 d/a "xx"
layer two
f 0644 0:0 d "y"
`, []string{"2 +2 ~0 -0 2", "1 +0 ~1 -1 0"}},
		{"a file replaced by a directory that nothing lists is modified", `
layer one
f 0644 0:0 d "xx"
layer two
f 0644 0:0 d/a "y"
`, []string{"1 +1 ~0 -0 2", "1 +1 ~1 -0 0"}},
		{"a path deleted and made again by a later layer is deleted and added", `
layer one
f 0644 0:0 a "xx"
layer two
w a
layer three
f 0644 0:0 a "y"
layer four
w a
`, []string{"1 +1 ~0 -0 2", "0 +0 ~0 -1 0", "1 +1 ~0 -0 1", "0 +0 ~0 -1 0"}},
		{"a hidden directory made again and listed twice is added once", `
layer one
d 0755 0:0 d
layer two
w d
layer three
f 0644 0:0 d/a "y"
layer four
d 0755 0:0 d
`, []string{"1 +1 ~0 -0 0", "0 +0 ~0 -1 0", "1 +2 ~0 -0 0", "1 +0 ~1 -0 0"}},
		{"bytes that another name still shows are not hidden", `
layer one
f 0644 0:0 a "xx"
h b -> a
layer two
w a
`, []string{"2 +2 ~0 -0 0", "0 +0 ~0 -1 0"}},
		{"bytes of two hidden names count once", `
layer one
f 0644 0:0 a "xx"
h b -> a
layer two
w a
w b
`, []string{"2 +2 ~0 -0 2", "0 +0 ~0 -2 0"}},
		{"bytes hidden twice count once, for the layer that holds them", `
layer one
f 0644 0:0 a "xx"
layer two
h b -> a
layer three
w a
w b
`, []string{"1 +1 ~0 -0 2", "1 +1 ~0 -0 0", "0 +0 ~0 -2 0"}},
		{"bytes of a lower layer that a hard link shows are not hidden", `
layer one
f 0644 0:0 a "xx"
layer two
h b -> a
layer three
w a
`, []string{"1 +1 ~0 -0 0", "1 +1 ~0 -0 0", "0 +0 ~0 -1 0"}},
		{"the same layer twice hides itself", `
layer one
f 0644 0:0 a "xx"
layer two
f 0644 0:0 a "xx"
`, []string{"1 +1 ~0 -0 2", "1 +0 ~1 -0 0"}},
		{"a whiteout over nothing deletes nothing", `
layer one
d 0755 0:0 d
o d
w gone
`, []string{"1 +1 ~0 -0 0"}},
		{"a whiteout beside an entry of its name is a modification", `
layer one
f 0644 0:0 a "xx"
layer two
f 0644 0:0 a "y"
w a
`, []string{"1 +1 ~0 -0 2", "1 +0 ~1 -0 0"}},
		{"the root is nobody's change, symlinks and devices hide no bytes", `
layer one
d 0755 0:0 .
l ln -> somewhere
c 0666 0:0 null 1:3
layer two
d 0700 0:0 .
w ln
w null
`, []string{"3 +2 ~0 -0 0", "1 +0 ~0 -2 0"}},
		{"a device 0:0 is a whiteout, not a file", `
layer one
f 0644 0:0 a "xx"
layer two
c 0666 0:0 a 0:0
`, []string{"1 +1 ~0 -0 2", "0 +0 ~0 -1 0"}},
	} {
		t.Run(test.say, func(t *testing.T) {
			var got []string
			for _, l := range load(t, test.image).LayerFacts() {
				got = append(got, fmt.Sprintf("%d +%d ~%d -%d %d", l.Files, l.Added, l.Modified, l.Deleted, l.HiddenBytes))
			}
			if !slices.Equal(got, test.want) {
				t.Errorf("got  %q\nwant %q", got, test.want)
			}
		})
	}
}

// A chainID is computed from the one below. Source: OCI image specification, config, Layer ChainID.
func TestLayerFactsNameLayers(t *testing.T) {
	const file = "f 0644 0:0 a \"x\"\n"
	img := load(t, "layer RUN /bin/sh -c one # buildkit\n"+file+"empty ENV A=b\nlayer two\n"+file)
	facts := img.LayerFacts()
	for i, l := range facts {
		if l.Index != i || l.DiffID == "" || l.Compression != "none" || l.Size != l.Unpacked || l.Size == 0 {
			t.Errorf("%+v", l)
		}
	}
	a, b := facts[0], facts[1]
	if a.DiffID != b.DiffID || a.ChainID != a.DiffID || b.ChainID == b.DiffID || b.ChainID == "" {
		t.Errorf("chainIDs %s of %s, %s of %s", a.ChainID, a.DiffID, b.ChainID, b.DiffID)
	}
	if got := facts[0].Instruction.Readable + ", " + facts[1].Instruction.Readable; got != "RUN one, two" {
		t.Errorf("instructions %q", got)
	}
}

// Sizes are counted as engines do: an inode once, a symlink by its target's length, the last of a file written twice,
// and nothing else.
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
