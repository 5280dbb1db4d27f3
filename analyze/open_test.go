package analyze_test

import (
	"archive/tar"
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"log"
	"os"
	"strings"
	"testing"
	"testing/iotest"

	v1 "github.com/google/go-containerregistry/pkg/v1"
	"github.com/google/go-containerregistry/pkg/v1/types"

	"layup/analyze"
	"layup/analyze/source"
	"layup/fixtures"
	"layup/fixtures/sample"
)

// opened describes an image, however it was opened.
func opened(t *testing.T, img *analyze.Image, err error) string {
	t.Helper()
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { img.Close() })
	owner, err := img.Owner("/etc/MYFILE", true, analyze.Last)
	if err != nil {
		t.Fatal(err)
	}
	content, err := contentOf(t, img, owner.Version)
	return fmt.Sprintf("%s %d %s %q %v", img.ID, owner.Version.Layer(), img.Verified, content, err)
}

func TestEveryDoorShowsTheSameImage(t *testing.T) {
	const name = "../fixtures/myfile.tar"
	data, err := os.ReadFile(name)
	if err != nil {
		t.Fatal(err)
	}
	ctx, opt := t.Context(), analyze.Default()
	img, err := analyze.Open(ctx, name, opt)
	want := opened(t, img, err)
	for door, open := range map[string]func() (*analyze.Image, error){
		"OpenReaderAt": func() (*analyze.Image, error) {
			return analyze.OpenReaderAt(ctx, "x", bytes.NewReader(data), int64(len(data)), opt)
		},
		"OpenReaderAt, compressed": func() (*analyze.Image, error) {
			small := sample.Gzip(t, data)
			return analyze.OpenReaderAt(ctx, "x", bytes.NewReader(small), int64(len(small)), opt)
		},
		"OpenReader": func() (*analyze.Image, error) {
			return analyze.OpenReader(ctx, "x", iotest.HalfReader(bytes.NewReader(data)), opt)
		},
	} {
		img, err := open()
		if got := opened(t, img, err); got != want {
			t.Errorf("%s: %s, want %s", door, got, want)
		}
	}
}

func TestWhatIsNotAnArchiveIsNamed(t *testing.T) {
	page := strings.NewReader("<html>")
	_, err := analyze.OpenReaderAt(t.Context(), "page", page, page.Size(), analyze.Default())
	_, err2 := analyze.OpenReader(t.Context(), "page", page, analyze.Default())
	for _, err := range []error{err, err2} {
		const want = "page: not a tar archive but an HTML or XML page"
		if _, ok := errors.AsType[*source.NoArchiveError](err); !ok || err.Error() != want {
			t.Errorf("got %v, want %s", err, want)
		}
	}
}

// A reader that never returns does not hold a program that gives up.
func TestOpenReaderEndsWithItsContext(t *testing.T) {
	ctx, cancel := context.WithCancel(t.Context())
	r, w := io.Pipe()
	defer w.Close()
	cancel()
	if _, err := analyze.OpenReader(ctx, "pipe", r, analyze.Default()); !errors.Is(err, context.Canceled) {
		t.Errorf("got %v", err)
	}
}

// A memoryImage is a v1.Image in memory. Its blobs may differ from their digests.
type memoryImage struct {
	v1.Image
	manifest v1.Descriptor
	blobs    map[string][]byte // by digest
}

// inMemory makes an image that is given as text.
func inMemory(text string) *memoryImage {
	src, err := fixtures.Parse("image", text)
	if err != nil {
		log.Fatal(err)
	}
	layout, err := fixtures.Packing{Format: fixtures.OCI, Layers: fixtures.Gzip}.Pack(src)
	if err != nil {
		log.Fatal(err)
	}
	img := &memoryImage{blobs: map[string][]byte{}}
	for r := tar.NewReader(bytes.NewReader(layout)); ; {
		h, err := r.Next()
		if err == io.EOF {
			return img
		}
		data, err2 := io.ReadAll(r)
		if name, ok := strings.CutPrefix(h.Name, "blobs/sha256/"); ok {
			img.blobs["sha256:"+name] = data
		}
		var index v1.IndexManifest
		if h.Name == "index.json" {
			err2 = errors.Join(err2, json.Unmarshal(data, &index))
			img.manifest = index.Manifests[0]
		}
		if err := errors.Join(err, err2); err != nil {
			log.Fatal(err)
		}
	}
}

func (m *memoryImage) MediaType() (types.MediaType, error) { return m.manifest.MediaType, nil }
func (m *memoryImage) Digest() (v1.Hash, error)            { return m.manifest.Digest, nil }
func (m *memoryImage) RawManifest() ([]byte, error)        { return m.blobs[m.manifest.Digest.String()], nil }

func (m *memoryImage) Manifest() (*v1.Manifest, error) {
	return v1.ParseManifest(bytes.NewReader(m.blobs[m.manifest.Digest.String()]))
}

func (m *memoryImage) RawConfigFile() ([]byte, error) {
	manifest, err := m.Manifest()
	if err != nil {
		return nil, err
	}
	return m.blobs[manifest.Config.Digest.String()], nil
}

func (m *memoryImage) LayerByDigest(h v1.Hash) (v1.Layer, error) {
	if m.blobs[h.String()] == nil {
		return nil, errors.New("no such layer")
	}
	return memoryLayer{data: m.blobs[h.String()]}, nil
}

type memoryLayer struct {
	v1.Layer
	data []byte
}

func (l memoryLayer) Compressed() (io.ReadCloser, error) {
	return io.NopCloser(bytes.NewReader(l.data)), nil
}

func TestOpenV1VerifiesWhatItIsGiven(t *testing.T) {
	const text = "tag shop:1\nlayer COPY\nf 0644 0:0 etc/MYFILE \"open=8\"\n"
	flip := func(b []byte) []byte { b[len(b)/2] ^= 1; return b }
	cut := func(b []byte) []byte { return b[:len(b)-1] }
	longer := func(b []byte) []byte { return append(b, 0) }
	drop := func([]byte) []byte { return nil }
	for _, c := range []struct {
		part   string
		change func([]byte) []byte
		want   string
	}{
		{"manifest", flip, "content does not match its digest"}, {"manifest", longer, "content does not match its digest"},
		{"config", flip, "content does not match its digest"}, {"config", cut, "size: want 263 bytes, found 262"},
		{"layer", flip, "content does not match its digest"}, {"layer", cut, "bytes, the image gives"},
		{"layer", longer, "the image gives more"}, {"layer", drop, "no such layer"},
	} {
		image := inMemory(text)
		manifest, err := image.Manifest()
		if err != nil {
			t.Fatal(err)
		}
		name := map[string]v1.Hash{"manifest": image.manifest.Digest, "config": manifest.Config.Digest,
			"layer": manifest.Layers[0].Digest}[c.part].String()
		if image.blobs[name] = c.change(image.blobs[name]); image.blobs[name] == nil {
			delete(image.blobs, name)
		}
		img, err := analyze.OpenV1(t.Context(), image, analyze.Default())
		if err == nil {
			img.Close()
		}
		if err == nil || !strings.Contains(err.Error(), c.want) {
			t.Errorf("another %s: got %v, want %q", c.part, err, c.want)
		}
	}
	opt := analyze.Default()
	opt.Bodies = analyze.SomeBodies
	img, err := analyze.OpenV1(t.Context(), inMemory(text), opt)
	if got := opened(t, img, err); !strings.HasSuffix(got, ` 0 full "open=8" <nil>`) {
		t.Errorf("got %s", got)
	}
}

// A layer that several images of an archive name is read once, with a digest or without one.
func TestImagesOfOneArchiveShareTheirLayers(t *testing.T) {
	var images []*fixtures.Image
	for i := range 3 {
		const text = "tag a:%d\nlayer base\nf 0644 0:0 etc/base \"1\"\nlayer own\nf 0644 0:0 etc/own \"%d\"\n"
		img, err := fixtures.Parse("shared", fmt.Sprintf(text, i, i))
		if err != nil {
			t.Fatal(err)
		}
		images = append(images, img)
	}
	for _, format := range []fixtures.Format{fixtures.Docker20, fixtures.Docker25, fixtures.OCI} {
		data, err := fixtures.Packing{Format: format}.Pack(images...)
		if err != nil {
			t.Fatal(err)
		}
		opt, layers := analyze.Default(), 0
		opt.Select.All = true
		opt.Progress = func(p analyze.Progress) { layers = p.Layers }
		for img, err := range analyze.OpenAll(t.Context(), write(t, data), opt) {
			if err != nil {
				t.Fatal(err)
			}
			if v, err := img.Owner("/etc/own", true, analyze.Last); err != nil || v.Version.Layer() != 1 {
				t.Errorf("%s: %v, %v", format, v, err)
			}
		}
		if layers != 4 {
			t.Errorf("%s: %d layers were read, want 4", format, layers)
		}
	}
}
