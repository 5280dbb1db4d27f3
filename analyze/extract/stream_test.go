package extract_test

import (
	"archive/tar"
	"bytes"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"layup/analyze"
	"layup/analyze/extract"
	"layup/fixtures"
	"layup/fixtures/sample"
)

const severalLayers = `layer ADD
d 0755 0:0 a
f 0644 0:0 a/first "one"
h a/again -> a/first
f 0644 0:0 z "last of the first layer"
layer ADD
f 0644 0:0 a/middle "two"
f 0644 0:0 empty ""
l m -> a/first
layer RUN chmod
f 0600 0:0 a/first "three"
`

// write packs an image that is given as text and returns its path.
func write(t *testing.T, text string, p fixtures.Packing) string {
	t.Helper()
	img, err := fixtures.Parse("image", text)
	if err != nil {
		t.Fatal(err)
	}
	data, err := p.Pack(img)
	if err != nil {
		t.Fatal(err)
	}
	name := filepath.Join(t.TempDir(), "image.tar")
	if err := os.WriteFile(name, data, 0o600); err != nil {
		t.Fatal(err)
	}
	return name
}

// load loads an image and keeps most bodies.
func load(t *testing.T, name string, verify bool) *analyze.Image {
	t.Helper()
	opt := analyze.Default()
	opt.Bodies, opt.Source.Verify = analyze.MostBodies, verify
	img, err := analyze.Open(t.Context(), name, opt)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { img.Close() })
	return img
}

// everything plans to extract the whole image.
func everything(t *testing.T, img *analyze.Image, strip int) *extract.Plan {
	t.Helper()
	plan, err := extract.NewPlan(img, img.Top().Walk(img.Tree().Root(), -1), strip)
	if err != nil {
		t.Fatal(err)
	}
	return plan
}

// inPlace returns the tar that Tar writes to a file.
func inPlace(t *testing.T, plan *extract.Plan) []byte {
	t.Helper()
	f, err := os.Create(filepath.Join(t.TempDir(), "out.tar"))
	if err != nil {
		t.Fatal(err)
	}
	defer f.Close()
	n, err := plan.Tar(t.Context(), f)
	if err != nil {
		t.Fatal(err)
	}
	b, err := io.ReadAll(f)
	if err != nil || int64(len(b)) != n {
		t.Fatalf("%d bytes, said %d: %v", len(b), n, err)
	}
	return b
}

// A stream has the bytes of a file, whatever the compression, verified or not, sparse or not.
func TestStreamsHaveTheBytesOfFiles(t *testing.T) {
	sources := map[string]string{"sparse": sparseTar(t)}
	for _, c := range []fixtures.Codec{fixtures.Plain, fixtures.Gzip, fixtures.Zstd} {
		sources[string(c)] = write(t, severalLayers, fixtures.Packing{Format: fixtures.OCI, Layers: c})
	}
	for say, name := range sources {
		for _, verify := range []bool{true, false} {
			plan := everything(t, load(t, name, verify), 0)
			var stream bytes.Buffer
			if err := plan.Stream(t.Context(), &stream); err != nil {
				t.Errorf("%s: %v", say, err)
			}
			if want := inPlace(t, plan); !bytes.Equal(stream.Bytes(), want) || len(want)%10240 != 0 {
				t.Errorf("%s, verify %t: %d bytes, as a file %d", say, verify, stream.Len(), len(want))
			}
		}
	}
}

// alter changes bytes of a file and keeps its time.
func alter(t *testing.T, name, from, to string) {
	t.Helper()
	info, err := os.Stat(name)
	if err != nil {
		t.Fatal(err)
	}
	b, err := os.ReadFile(name)
	if err != nil || bytes.Count(b, []byte(from)) != 1 {
		t.Fatalf("%d places, %v", bytes.Count(b, []byte(from)), err)
	}
	f, err := os.OpenFile(name, os.O_WRONLY, 0)
	if err != nil {
		t.Fatal(err)
	}
	_, err = f.WriteAt([]byte(to), int64(bytes.Index(b, []byte(from))))
	if err := errors.Join(err, f.Close(), os.Chtimes(name, time.Time{}, info.ModTime())); err != nil {
		t.Fatal(err)
	}
}

// An input that changes before its contents are read leaves no directory, no complete tar, and none of its new bytes.
func TestInputsThatChangeBetweenTheirTwoReadingsGiveNothing(t *testing.T) {
	name := write(t, severalLayers, fixtures.Packing{Format: fixtures.Docker20})
	plan := everything(t, load(t, name, true), 0)
	alter(t, name, "two", "TWO")
	changed := func(err error) bool {
		return err != nil && strings.Contains(err.Error(), "input changed while being read")
	}

	dir := t.TempDir()
	if _, err := plan.Into(t.Context(), filepath.Join(dir, "out"), extract.Options{}); !changed(err) {
		t.Errorf("a directory: %v", err)
	}
	if left, err := os.ReadDir(dir); err != nil || len(left) > 0 {
		t.Errorf("left: %v %v", left, err)
	}
	f, err := os.Create(filepath.Join(dir, "out.tar"))
	if err != nil {
		t.Fatal(err)
	}
	defer f.Close()
	if _, err := plan.Tar(t.Context(), f); !changed(err) {
		t.Errorf("a file: %v", err)
	}
	var stream bytes.Buffer
	err = plan.Stream(t.Context(), &stream)
	_, cut := errors.AsType[*extract.CutError](err)
	if !cut || !changed(err) || !strings.Contains(err.Error(), `"/a/middle"`) {
		t.Errorf("a stream: %v", err)
	}
	if bytes.Contains(stream.Bytes(), []byte("TWO")) || !bytes.Contains(stream.Bytes(), []byte("three")) {
		t.Errorf("the stream has new bytes, or nothing: %q", stream.Bytes())
	}
	r := tar.NewReader(&stream)
	for err = nil; err == nil; {
		if _, err = r.Next(); err == nil {
			_, err = io.Copy(io.Discard, r)
		}
	}
	if err != io.ErrUnexpectedEOF {
		t.Errorf("the stream seems complete: %v", err)
	}
}

const hole = 64 << 20

// sparseTar writes a layer with a file of one byte between two holes, as GNU tar did before PAX.
func sparseTar(t *testing.T) string {
	t.Helper()
	regions := ""
	for _, n := range []int{hole, 1, 2*hole + 1, 0} { // offset and size in turn
		regions += fmt.Sprintf("%011o\x00", n)
	}
	entry := sample.Header("sparse", 'S', "x", sample.At(sample.AtMagic, "ustar  \x00"), sample.At(386, regions),
		sample.At(483, fmt.Sprintf("%011o\x00", 2*hole+1)))
	name := filepath.Join(t.TempDir(), "layer.tar")
	if err := os.WriteFile(name, sample.Ended(entry), 0o600); err != nil {
		t.Fatal(err)
	}
	return name
}

// full takes some bytes, and then no more.
type full struct{ left int }

var errFull = errors.New("no space left")

func (f *full) Write(p []byte) (int, error) {
	if len(p) > f.left {
		return 0, errFull
	}
	f.left -= len(p)
	return len(p), nil
}

// A stream that cannot be written names the entry that it cuts, also if its buffer cannot be flushed.
func TestAStreamThatCannotBeWrittenNamesTheEntry(t *testing.T) {
	const text = "layer ADD\nf 0644 0:0 large \"0123456789abcdef\" repeat=20000\n"
	name := write(t, text, fixtures.Packing{Format: fixtures.OCI})
	plan := everything(t, load(t, name, true), 0)
	err := plan.Stream(t.Context(), &full{100_000})
	if _, cut := errors.AsType[*extract.CutError](err); !cut || !errors.Is(err, errFull) ||
		err.Error() != `"/large": no space left` {
		t.Errorf("got %v", err)
	}
}

// A compressed layer is kept as a tar while it is verified: whatever becomes of the file then, a stream has its bytes.
func TestStreamsReadCompressedLayersOnce(t *testing.T) {
	for _, c := range []fixtures.Codec{fixtures.Gzip, fixtures.Zstd} {
		name := write(t, severalLayers, fixtures.Packing{Format: fixtures.OCI, Layers: c})
		plan := everything(t, load(t, name, true), 0)
		want := inPlace(t, plan)
		b, err := os.ReadFile(name)
		if err == nil {
			err = os.WriteFile(name, make([]byte, len(b)), 0o600)
		}
		var stream bytes.Buffer
		if err := errors.Join(err, plan.Stream(t.Context(), &stream)); err != nil || !bytes.Equal(stream.Bytes(), want) {
			t.Errorf("%s: %d bytes of %d, %v", c, stream.Len(), len(want), err)
		}
	}
}
