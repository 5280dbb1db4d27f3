package analyze_test

import (
	"context"
	"errors"
	"fmt"
	"os"
	"slices"
	"strings"
	"testing"
	"time"

	"layup/analyze"
	"layup/analyze/cache"
	"layup/fixtures"
	"layup/fixtures/sample"
	"layup/tarfs"
)

// archive writes an image of layers that hold one file each.
func archive(t *testing.T, codec fixtures.Codec, layers int) string {
	t.Helper()
	var text strings.Builder
	text.WriteString("tag test:1\n")
	for i := range layers {
		fmt.Fprintf(&text, "layer step %d\nf 0644 0:0 f%d \"x\" repeat=%d\n", i, i, 1000*(i+1))
	}
	src, err := fixtures.Parse("test", text.String())
	if err != nil {
		t.Fatal(err)
	}
	file, err := fixtures.Packing{Format: fixtures.OCI, Layers: codec}.Pack(src)
	if err != nil {
		t.Fatal(err)
	}
	return write(t, file)
}

// The limits of a whole image end the answer, also with KeepGoing. The error does not depend on which layer is read
// first.
func TestLimitsOfAnImageAreNotThoseOfALayer(t *testing.T) {
	name := archive(t, fixtures.Gzip, 12)
	for _, keep := range []bool{false, true} {
		for _, jobs := range []int{1, 3, 12} {
			for limit, want := range map[string]string{
				"image-bytes=20KB": "image-bytes: 20001 is over the limit of 20000 " +
					"(--limit image-bytes=none lifts it, for trusted input)",
				"image-entries=11": "image-entries: 12 is over the limit of 11 " +
					"(--limit image-entries=none lifts it, for trusted input)",
			} {
				opt := analyze.Default()
				opt.KeepGoing, opt.Jobs = keep, jobs
				key, value, _ := strings.Cut(limit, "=")
				if err := opt.Source.Limits.Set(key, value); err != nil {
					t.Fatal(err)
				}
				img, err := analyze.Open(t.Context(), name, opt)
				if _, ok := errors.AsType[*tarfs.LimitError](err); !ok || err.Error() != name+": "+want {
					t.Errorf("%s, %d jobs: %v", limit, jobs, err)
				}
				if err := img.Close(); err != nil {
					t.Errorf("closed again: %v", err)
				}
			}
		}
	}
}

func TestTheFirstOfSeveralDamagedLayersIsTheError(t *testing.T) {
	name := archive(t, fixtures.Plain, 4)
	rewrite(t, name, strings.Repeat("x", 4000), strings.Repeat("x", 3999)+"y")
	rewrite(t, name, "f1\x00", "g1\x00")
	for range 10 {
		opt := analyze.Default()
		opt.Jobs = 4
		_, err := analyze.Open(t.Context(), name, opt)
		if layer, ok := errors.AsType[*analyze.LayerError](err); !ok || layer.Layer != 1 {
			t.Fatalf("got %v, want layer 1", err)
		}
	}
}

func TestLoadingEndsWhenItIsCancelled(t *testing.T) {
	name := archive(t, fixtures.Zstd, 12)
	ctx, cancel := context.WithCancel(t.Context())
	opt := analyze.Default()
	opt.Jobs = 3
	opt.Progress = func(analyze.Progress) { cancel() }
	if _, err := analyze.Open(ctx, name, opt); !errors.Is(err, context.Canceled) {
		t.Errorf("got %v", err)
	}
}

func TestProgressTellsOfEveryLayerAndByte(t *testing.T) {
	opt := analyze.Default()
	opt.Jobs = 3
	var last analyze.Progress
	finished := map[int]bool{}
	opt.Progress = func(p analyze.Progress) {
		if p.Done < last.Done || p.Read < last.Read {
			t.Errorf("%+v after %+v", p, last)
		}
		if last = p; p.Finished >= 0 {
			finished[p.Finished] = true
		}
	}
	open(t, archive(t, fixtures.Gzip, 12), opt)
	if len(finished) != 12 || last.Done != 12 || last.Layers != 12 || last.Read != last.Bytes || last.Bytes == 0 {
		t.Errorf("%+v, finished %v", last, finished)
	}
}

// A compressed archive is read whole before its layers are known.
func TestProgressTellsOfACompressedArchive(t *testing.T) {
	data, err := os.ReadFile("../fixtures/myfile.tar")
	if err != nil {
		t.Fatal(err)
	}
	small := sample.Gzip(t, data)
	opt := analyze.Default()
	var before int64
	opt.Progress = func(p analyze.Progress) {
		if p.Layers == 0 {
			before = p.Read
		}
	}
	open(t, write(t, small), opt)
	if before != int64(len(small)) {
		t.Errorf("%d bytes were reported, want %d", before, len(small))
	}
}

func TestOpenAllLoadsEveryImageAndClosesThem(t *testing.T) {
	var images []*fixtures.Image
	for _, text := range []string{
		"tag one:1\nlayer one\nf 0644 0:0 a \"1\"\n", "tag two:1\nlayer two\nf 0644 0:0 a \"2\"\n",
	} {
		src, err := fixtures.Parse("test", text)
		if err != nil {
			t.Fatal(err)
		}
		images = append(images, src)
	}
	file, err := fixtures.Packing{Format: fixtures.Docker25}.Pack(images...)
	if err != nil {
		t.Fatal(err)
	}
	opt := analyze.Default()
	opt.Select.All = true
	var got []string
	for img, err := range analyze.OpenAll(t.Context(), write(t, file), opt) {
		if err != nil {
			t.Fatal(err)
		}
		text, err := contentOf(t, img, versionAt(t, img, "a"))
		if err := errors.Join(err, img.Close()); err != nil {
			t.Fatal(err)
		}
		got = append(got, img.Reference+"="+text)
	}
	if strings.Join(got, " ") != "one:1=1 two:1=2" {
		t.Errorf("got %q", got)
	}
}

func TestAnImageWithoutLayersHasARoot(t *testing.T) {
	img := load(t, "empty ENV A=b\n")
	o, err := img.Owner("/", true, analyze.Last)
	if err != nil || o.Version.Layer() != tarfs.NoLayer || o.Version.MetaLayer() != tarfs.NoLayer {
		t.Errorf("%+v, %v", o, err)
	}
	for _, upto := range []int{-1, 0, 5} {
		if _, err := img.Owner("/a", true, upto); err == nil {
			t.Error("found what is not there")
		}
	}
	hits := img.Hidden(false, func(analyze.Hit) bool { return true })
	if facts, log := img.LayerFacts(), img.Log("/"); len(facts)+len(hits)+len(log) != 0 {
		t.Errorf("%v %v %v", facts, hits, log)
	}
}

// What the question about one path needs of a merge has the facts of the whole merge, also if the path is not there.
func TestOnePathOfLayersThatACacheKnows(t *testing.T) {
	t.Parallel()
	kept, err := cache.Open(t.TempDir(), "test", cache.DefaultLimit)
	if err != nil {
		t.Fatal(err)
	}
	kept.Least = 1
	var names []string
	for _, image := range []string{"myfile", "links", "ugly"} {
		src, err := fixtures.Load(image)
		if err != nil {
			t.Fatal(err)
		}
		file, err := fixtures.Packing{Format: fixtures.Docker25, Layers: fixtures.Gzip}.Pack(src)
		if err != nil {
			t.Fatal(err)
		}
		names = append(names, write(t, file))
	}
	time.Sleep(2200 * time.Millisecond) // a younger file is not trusted
	open := func(name string, paths ...string) *analyze.Image {
		opt := analyze.Default()
		opt.Source.Cache, opt.Paths = kept, paths
		img, err := analyze.Open(t.Context(), name, opt)
		if err != nil {
			t.Fatal(err)
		}
		return img
	}
	for _, name := range names {
		whole := open(name)
		less := 0
		for v := range whole.Top().Walk(whole.Tree().Root(), -1) {
			for _, path := range []string{v.Node().Path(), v.Node().Path() + "-missing"} {
				img := open(name, path)
				if img.Tree().Len() < whole.Tree().Len() {
					less++
				}
				o, errO := img.Owner(path, true, analyze.Last)
				w, errW := whole.Owner(path, true, analyze.Last)
				switch {
				case fmt.Sprint(errO) != fmt.Sprint(errW):
					t.Errorf("%s: %v, want %v", path, errO, errW)
				case errW == nil && told(o.Version) != told(w.Version):
					t.Errorf("%s: %s, want %s", path, told(o.Version), told(w.Version))
				case !slices.Equal(img.Warnings(), whole.Warnings()):
					t.Errorf("%s: the warnings are others", path)
				}
				img.Close()
			}
		}
		if less == 0 {
			t.Errorf("%s: every path was answered from the whole", name)
		}
		whole.Close()
	}
}

// told is what a version is, with its history.
func told(v tarfs.Version) string {
	var b strings.Builder
	for v := range v.Node().Versions() {
		fmt.Fprintln(&b, v.Node().Path(), v.Type(), v.Layer(), v.MetaLayer(), v.ContentLayer(), v.Meta(), v.Size(), v.Link(),
			v.Xattrs(), v.Extents())
		layer, how := v.HiddenBy()
		fmt.Fprintln(&b, layer, how)
	}
	return b.String()
}
