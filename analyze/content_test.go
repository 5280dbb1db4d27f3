package analyze_test

import (
	"bytes"
	"crypto/sha256"
	"crypto/sha512"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"layup/analyze"
	"layup/fixtures"
	"layup/fixtures/sample"
	"layup/tarfs"
)

// sparse is a file in GNU's format 0.1. The regions are offset and size in turn.
func sparse(name string, size int64, regions []int64, stored string) []byte {
	records := ""
	for _, r := range [][2]string{{"major", "0"}, {"minor", "1"}, {"name", name}, {"size", fmt.Sprint(size)},
		{"numblocks", fmt.Sprint(len(regions) / 2)},
		{"map", strings.Trim(strings.ReplaceAll(fmt.Sprint(regions), " ", ","), "[]")}} {
		records += sample.Record("GNU.sparse."+r[0], r[1])
	}
	return append(sample.Header("pax", 'x', records), sample.Header(name, '0', stored)...)
}

// files returns a tar of files, given as name and content in turn.
func files(t *testing.T, list ...string) []byte {
	t.Helper()
	var of []sample.File
	for i := 0; i < len(list); i += 2 {
		of = append(of, sample.File{Name: list[i], Content: []byte(list[i+1])})
	}
	return sample.TarOf(t, of...)
}

// write writes an image to a file.
func write(t *testing.T, content []byte) string {
	t.Helper()
	name := filepath.Join(t.TempDir(), "image.tar")
	if err := os.WriteFile(name, content, 0o644); err != nil {
		t.Fatal(err)
	}
	return name
}

// open loads an image with a folder of its own for temporary files, which must be empty at the end.
func open(t *testing.T, name string, opt analyze.Options) *analyze.Image {
	t.Helper()
	opt.Source.TempDir = t.TempDir()
	img, err := analyze.Open(t.Context(), name, opt)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := img.Close(); err != nil {
			t.Error(err)
		}
		if left, err := os.ReadDir(opt.Source.TempDir); err != nil || len(left) > 0 {
			t.Errorf("temporary files left: %v, %v", left, err)
		}
	})
	return img
}

func contentOf(t *testing.T, img *analyze.Image, v tarfs.Version) (string, error) {
	t.Helper()
	r, err := img.Content(t.Context(), v)
	if err != nil {
		return "", err
	}
	b, err := io.ReadAll(r)
	return string(b), errors.Join(err, r.Close())
}

func versionAt(t *testing.T, img *analyze.Image, path string) tarfs.Version {
	t.Helper()
	v, ok := img.Top().Lookup(path)
	if !ok {
		t.Fatalf("%s is not there", path)
	}
	return v
}

func TestContentOfSparseFilesIsExpanded(t *testing.T) {
	zeros := func(n int) string { return strings.Repeat("\x00", n) }
	files := []struct {
		name    string
		size    int64
		regions []int64
		stored  string
		want    string
	}{
		{"hole-at-start", 1005, []int64{1000, 5}, "hello", zeros(1000) + "hello"},
		{"hole-at-end", 1005, []int64{0, 5}, "hello", "hello" + zeros(1000)},
		{"hole-inside", 1005, []int64{0, 2, 1002, 3}, "hello", "he" + zeros(1000) + "llo"},
		{"holes-around", 1005, []int64{100, 2, 200, 3}, "hello", zeros(100) + "he" + zeros(98) + "llo" + zeros(802)},
		{"empty-regions", 1005, []int64{0, 0, 100, 5, 200, 0, 1005, 0}, "hello", zeros(100) + "hello" + zeros(900)},
		{"all-hole", 100_000, []int64{100_000, 0}, "", zeros(100_000)},
		{"no-hole", 5, []int64{0, 2, 2, 3}, "hello", "hello"},
	}
	var layer []byte
	for _, f := range files {
		layer = append(layer, sparse(f.name, f.size, f.regions, f.stored)...)
	}
	layer = append(layer, sample.TarOf(t, sample.File{Name: "empty"},
		sample.File{Name: "plain", Content: []byte("text")})...)
	name := write(t, layer)
	for _, verify := range []bool{true, false} {
		opt := analyze.Default()
		opt.Source.Verify, opt.Digests = verify, true
		img := open(t, name, opt)
		check := func(name, want string) {
			v := versionAt(t, img, name)
			if got, err := contentOf(t, img, v); err != nil || got != want {
				t.Errorf("%s, verify %t: %q, %v", name, verify, got, err)
			}
			if sum, ok := v.Digest(); !ok || sum != sha256.Sum256([]byte(want)) {
				t.Errorf("%s: digest %x", name, sum)
			}
		}
		for _, f := range files {
			check(f.name, f.want)
		}
		check("empty", "")
		check("plain", "text")
	}
}

func TestContentOfHugeSparseFilesIsLimited(t *testing.T) {
	const huge = 1 << 50
	img := open(t, write(t, sample.Ended(sparse("one-region", huge, []int64{huge - 5, 5}, "hello"),
		sparse("all-hole", huge, []int64{huge, 0}, ""))), analyze.Default())
	for _, name := range []string{"one-region", "all-hole"} {
		_, err := img.Content(t.Context(), versionAt(t, img, name))
		if limit, ok := errors.AsType[*tarfs.LimitError](err); !ok || limit.Name != "sparse" {
			t.Errorf("%s: %v", name, err)
		}
	}
}

func TestContentIsThatOfEveryPacking(t *testing.T) {
	long := strings.Repeat("0123456789abcdef", 70_000) // more than is kept in memory
	src, err := fixtures.Parse("test", fmt.Sprintf(`tag test:1
layer one
f 0644 0:0 a "one\n"
f 0644 0:0 long %q
layer two
h b -> a
layer three
w a
`, long))
	if err != nil {
		t.Fatal(err)
	}
	for _, codec := range []fixtures.Codec{
		fixtures.Plain, fixtures.Gzip, fixtures.Zstd, fixtures.ZstdChunked, fixtures.XZ, fixtures.Bzip2,
	} {
		file, err := fixtures.Packing{Format: fixtures.OCI, Layers: codec}.Pack(src)
		if err != nil {
			t.Fatal(err)
		}
		name := write(t, file)
		for _, verify := range []bool{true, false} {
			opt := analyze.Default()
			opt.Source.Verify = verify
			img := open(t, name, opt)
			for path, want := range map[string]string{"b": "one\n", "long": long} {
				v := versionAt(t, img, path)
				if got, err := contentOf(t, img, v); err != nil || got != want || v.ContentLayer() != 0 {
					t.Errorf("%s, verify %t, %s: %d bytes of layer %d, %v", codec, verify, path, len(got), v.ContentLayer(), err)
				}
			}
			hidden := img.Hidden(false, func(analyze.Hit) bool { return true })
			if len(hidden) != 1 {
				t.Fatalf("hidden: %v", hidden)
			}
			if got, err := contentOf(t, img, hidden[0].Version); err != nil || got != "one\n" {
				t.Errorf("%s, verify %t, deleted: %q, %v", codec, verify, got, err)
			}
		}
	}
}

// A diffID may be of any algorithm that the OCI image specification registers.
func TestContentIsCheckedBySHA512(t *testing.T) {
	layer := files(t, "a", "text")
	config := fmt.Appendf(nil, `{"os":"linux","architecture":"amd64","rootfs":{"type":"layers","diff_ids":["sha512:%x"]}}`,
		sha512.Sum512(layer))
	id := fmt.Sprintf("%x.json", sha256.Sum256(config))
	manifest := fmt.Sprintf(`[{"Config":%q,"RepoTags":["x:1"],"Layers":["layer.tar"]}]`, id)
	name := write(t, files(t, id, string(config), "layer.tar", string(layer), "manifest.json", manifest))
	img := open(t, name, analyze.Default())
	v := versionAt(t, img, "a")
	if got, err := contentOf(t, img, v); err != nil || got != "text" {
		t.Errorf("%q, %v", got, err)
	}
	rewrite(t, name, "text", "tExt")
	_, err := contentOf(t, img, v)
	checkChanged(t, err)
}

// rewrite changes bytes of a file in place and keeps its time.
func rewrite(t *testing.T, name, old, with string) {
	t.Helper()
	before, err := os.Stat(name)
	if err != nil {
		t.Fatal(err)
	}
	content, err := os.ReadFile(name)
	if err != nil || bytes.Count(content, []byte(old)) != 1 || len(old) != len(with) {
		t.Fatalf("%q is there %d times, %v", old, bytes.Count(content, []byte(old)), err)
	}
	err = os.WriteFile(name, bytes.Replace(content, []byte(old), []byte(with), 1), 0o644)
	if err := errors.Join(err, os.Chtimes(name, before.ModTime(), before.ModTime())); err != nil {
		t.Fatal(err)
	}
}

func checkChanged(t *testing.T, err error) {
	t.Helper()
	layer, ok := errors.AsType[*analyze.LayerError](err)
	if !ok || layer.Layer != 0 || !strings.Contains(err.Error(), "input changed while being read") {
		t.Errorf("got %v, want that the input changed in layer 0", err)
	}
}

func TestContentOfAChangedInputIsRefused(t *testing.T) {
	for say, change := range map[string]func(t *testing.T, name string){
		"the file's own bytes":  func(t *testing.T, name string) { rewrite(t, name, "secret", "SECRET") },
		"bytes of another file": func(t *testing.T, name string) { rewrite(t, name, "other", "OTHER") },
		"its length": func(t *testing.T, name string) {
			if err := os.Truncate(name, 1500); err != nil {
				t.Fatal(err)
			}
		},
	} {
		t.Run(say, func(t *testing.T) {
			name := write(t, files(t, "a", "secret", "b", "other"))
			img := open(t, name, analyze.Default())
			v := versionAt(t, img, "a")
			change(t, name)
			_, err := img.Content(t.Context(), v)
			if say == "its length" {
				layer, ok := errors.AsType[*analyze.LayerError](err)
				if !ok || layer.Layer != 0 || !strings.Contains(err.Error(), "changed while being read") {
					t.Errorf("got %v", err)
				}
				return
			}
			checkChanged(t, err)
		})
	}
}

// --keep-going reads a damaged layer as it is stored. Its digest does not prove it, and the input did not change.
func TestContentOfADamagedLayerIsWhatIsStored(t *testing.T) {
	src, err := fixtures.Parse("test", "tag test:1\nlayer one\nf 0644 0:0 a \"secret\"\nf 0644 0:0 b \"other\"\n")
	if err != nil {
		t.Fatal(err)
	}
	for _, format := range []fixtures.Format{fixtures.Docker20, fixtures.Docker25} {
		file, err := fixtures.Packing{Format: format}.Pack(src)
		if err != nil {
			t.Fatal(err)
		}
		name := write(t, file)
		rewrite(t, name, "other", "OTHER")
		opt := analyze.Default()
		if _, err := analyze.Open(t.Context(), name, opt); err == nil {
			t.Fatal("the damage is not noticed")
		}
		opt.KeepGoing = true
		img := open(t, name, opt)
		if len(img.Errors()) != 1 {
			t.Fatalf("errors %v", img.Errors())
		}
		for path, want := range map[string]string{"a": "secret", "b": "OTHER"} {
			if got, err := contentOf(t, img, versionAt(t, img, path)); err != nil || got != want {
				t.Errorf("%s: %s: %q, %v", format, path, got, err)
			}
		}
	}
}

func TestContentIsOfFilesOnly(t *testing.T) {
	img := load(t, "layer one\nd 0755 0:0 d\nl l -> d\n")
	for _, name := range []string{"d", "l"} {
		_, err := img.Content(t.Context(), versionAt(t, img, name))
		if err == nil || !strings.Contains(err.Error(), `"/`+name+`"`) {
			t.Errorf("%s: %v", name, err)
		}
	}
}
