package analyze_test

import (
	"context"
	"errors"
	"fmt"
	"maps"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"layup/analyze"
	"layup/fixtures"
	"layup/tarfs"
)

// loadPair packs two images that are given as text, and loads them as diff does.
func loadPair(t *testing.T, texts [2]string) [2]*analyze.Image {
	t.Helper()
	opt := analyze.Default()
	images, errs := analyze.OpenPair(context.Background(), packPair(t, texts), [2]analyze.Options{opt, opt}, 0)
	for i, err := range errs {
		if err != nil {
			t.Fatal(err)
		}
		t.Cleanup(func() { images[i].Close() })
	}
	return images
}

// packPair packs two images and returns their paths.
func packPair(t *testing.T, texts [2]string) (names [2]string) {
	t.Helper()
	for i, text := range texts {
		src, err := fixtures.Parse("test", "tag test:1\n"+text)
		if err != nil {
			t.Fatal(err)
		}
		file, err := fixtures.Packing{Format: fixtures.Docker25}.Pack(src)
		if err != nil {
			t.Fatal(err)
		}
		names[i] = filepath.Join(t.TempDir(), "image.tar")
		if err := os.WriteFile(names[i], file, 0o644); err != nil {
			t.Fatal(err)
		}
	}
	return names
}

// Both images of a pair are in memory at once, so the limit of names counts them together.
func TestLimitOfNamesIsForBothImagesOfAPair(t *testing.T) {
	var text strings.Builder
	text.WriteString("layer all\n")
	for i := range 3000 {
		fmt.Fprintf(&text, "f 0644 0:0 %0100d \"\"\n", i)
	}
	names := packPair(t, [2]string{text.String(), text.String()})
	for limit, want := range map[int]bool{1 << 20: true, 400 << 10: false} {
		opt := analyze.Default()
		opt.Source.Limits.NameBytes = limit
		img, err := analyze.Open(t.Context(), names[0], opt)
		if err != nil {
			t.Fatalf("one image, %d bytes: %v", limit, err)
		}
		img.Close()
		images, errs := analyze.OpenPair(t.Context(), names, [2]analyze.Options{opt, opt}, 0)
		over, _ := errors.AsType[*tarfs.LimitError](errors.Join(errs[:]...))
		if want != (over == nil) || over != nil && over.Name != "name-bytes" {
			t.Errorf("a pair, %d bytes: %v", limit, errs)
		}
		for i, err := range errs {
			if err == nil {
				images[i].Close()
			}
		}
	}
}

func hashed(img *analyze.Image, path string) bool {
	v, _ := img.Top().Lookup(path)
	_, ok := v.Tag()
	return ok
}

// What no layer says is known by tags alone: whole digests of two large images do not fit into the memory.
func TestPairsKeepTagsUnlessDigestsAreWanted(t *testing.T) {
	const same = "layer all\nf 0644 0:0 a \"one\"\nf 0644 0:0 b \"two\"\n"
	const other = "layer it\nf 0644 0:0 b \"two\"\nf 0644 0:0 a \"6ne\"\n"
	images := loadPair(t, [2]string{same, other})
	for _, img := range images {
		if v, _ := img.Top().Lookup("/a"); !hashed(img, "/a") {
			t.Error("no tag")
		} else if _, ok := v.Digest(); ok {
			t.Error("a digest nobody asked for")
		}
	}
	stranger := loadPair(t, [2]string{same, same})[0] // its tags have another key
	for _, c := range []struct {
		a, b *analyze.Image
		want int
	}{{images[0], images[1], 1}, {images[0], stranger, 0}, {stranger, images[1], 1}, {stranger, stranger, 0}} {
		found, err := analyze.Compare(t.Context(), c.a.After(analyze.Last), c.b.After(analyze.Last), 0)
		if err != nil {
			t.Fatal(err)
		}
		for range 2 { // the second time it knows
			if got := len(slices.Collect(found.Paths())); got != c.want {
				t.Errorf("%d differences, want %d", got, c.want)
			}
		}
	}
}

// Shared layers hold equal files and are not hashed. A shared layer is read again only if a file of another layer
// leaves a doubt.
func TestSharedLayersAreNotHashed(t *testing.T) {
	const base = "layer base\nf 0644 0:0 big \"big\"\nf 0644 0:0 passwd \"one\"\n"
	images := loadPair(t, [2]string{base, base + "layer more\nf 0644 0:0 passwd \"two\"\nf 0644 0:0 new \"new\"\n"})
	if hashed(images[0], "/big") || hashed(images[1], "/big") || !hashed(images[1], "/passwd") {
		t.Error("the shared layer is hashed, or the other is not")
	}
	c, err := analyze.Compare(context.Background(), images[0].After(analyze.Last), images[1].After(analyze.Last), 0)
	if err != nil {
		t.Fatal(err)
	}
	var got []string
	for d := range c.Paths() {
		got = append(got, d.Change+" "+d.Path()+" "+strings.Join(d.What.Names(), ","))
	}
	if s := strings.Join(got, ";"); s != "added /new ;changed /passwd content" {
		t.Error(s)
	}
}

// Within one layer, only one entry is one content: a hard link in a layer above may lead to another entry.
func TestAnotherEntryOfASharedLayerIsAnotherContent(t *testing.T) {
	const base = "layer base\nf 0644 0:0 a \"one\"\nf 0644 0:0 b \"two\"\nf 0644 0:0 c \"one\"\n"
	images := loadPair(t, [2]string{base, base + "layer link\nh 0644 0:0 b -> a\nh 0644 0:0 c -> a\n"})
	a, b := images[0].After(analyze.Last), images[1].After(analyze.Last)
	c, err := analyze.Compare(context.Background(), a, b, analyze.Hardlinks)
	if err != nil {
		t.Fatal(err)
	}
	got := ""
	for d := range c.Paths() {
		got += d.Path() + " " + strings.Join(d.What.Names(), ",")
	}
	if got != "/b content" {
		t.Error(got)
	}
}

// What the first pass did not hash is read a second time, and must not have changed.
func TestAnInputThatChangesBetweenIsNoAnswer(t *testing.T) {
	const base = "layer base\nf 0644 0:0 passwd \"one\"\n"
	images := loadPair(t, [2]string{base, base + "layer more\nf 0644 0:0 passwd \"two\"\n"})
	data, err := os.ReadFile(images[0].Name)
	if err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(images[0].Name, []byte(strings.Replace(string(data), "one", "two", 1)), 0o644); err != nil {
		t.Fatal(err)
	}
	_, err = analyze.Compare(context.Background(), images[0].After(analyze.Last), images[1].After(analyze.Last), 0)
	if err == nil || !strings.Contains(err.Error(), "changed while being read") {
		t.Errorf("%v", err)
	}
}

// A hard link differs if paths of both images share their file in one image only. A name that is new or gone does not
// count.
func TestHardLinksAreComparedByWhatBothHave(t *testing.T) {
	const linked = "layer one\nf 0644 0:0 a \"x\"\nh b -> a\nh c -> a\n"
	const unlinked = "layer one\nf 0644 0:0 a \"x\"\nh b -> a\nf 0644 0:0 c \"x\"\n"
	for _, test := range []struct{ say, a, b, want string }{
		{"a link became a file of its own", linked, unlinked, "changed /c hardlinks"},
		{"the first name went", linked, "layer one\nf 0644 0:0 b \"x\"\nh c -> b\n", "removed /a "},
		{"one inode became two", linked + "h d -> a\n", unlinked + "h d -> c\n", "changed /c hardlinks;changed /d hardlinks"},
	} {
		images := loadPair(t, [2]string{test.a, test.b})
		c, err := analyze.Compare(context.Background(), images[0].After(analyze.Last), images[1].After(analyze.Last), 0)
		if err != nil {
			t.Fatal(err)
		}
		var got []string
		for d := range c.Paths() {
			got = append(got, d.Change+" "+d.Path()+" "+strings.Join(d.What.Names(), ","))
		}
		if s := strings.Join(got, ";"); s != test.want {
			t.Errorf("%s: %q, want %q", test.say, s, test.want)
		}
	}
}

// A directory that no layer lists has no time, and the default mode and owner.
func TestImpliedDirectoriesHaveNoTimeToCompare(t *testing.T) {
	for listed, want := range map[string]string{"d 0755 0:0 d\n": "", "d 0700 0:0 d\n": "mode"} {
		const file = "f 0644 0:0 d/f \"x\"\n"
		images := loadPair(t, [2]string{"layer one\n" + file, "layer one\n" + listed + file})
		c, err := analyze.Compare(context.Background(), images[0].After(analyze.Last), images[1].After(analyze.Last), 0)
		if err != nil {
			t.Fatal(err)
		}
		got := ""
		for d := range c.Paths() {
			got += strings.Join(d.What.Names(), ",")
		}
		if got != want {
			t.Errorf("%q: %q, want %q", listed, got, want)
		}
	}
}

func TestMovedLayersAreTold(t *testing.T) {
	const one, two = "layer one\nf 0644 0:0 a \"x\"\n", "layer two\nf 0644 0:0 b \"x\"\n"
	const three = "layer three\nf 0644 0:0 c \"x\"\n"
	images := loadPair(t, [2]string{one + two + two, two + one + three})
	c, err := analyze.Compare(context.Background(), images[0].After(analyze.Last), images[1].After(analyze.Last), 0)
	if err != nil {
		t.Fatal(err)
	}
	count := map[string]int{}
	for _, m := range c.Layers {
		count[m.Status]++
		if m.Status == analyze.Moved && (m.A < 0 || m.B < 0) || m.Status == analyze.Removed && m.B != tarfs.NoLayer {
			t.Errorf("%+v", m)
		}
	}
	want := map[string]int{analyze.Shared: 1, analyze.Moved: 1, analyze.Removed: 1, analyze.Added: 1}
	if !maps.Equal(count, want) {
		t.Errorf("%v", c.Layers)
	}
}
