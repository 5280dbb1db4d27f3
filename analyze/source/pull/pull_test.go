package pull

import (
	"crypto/sha256"
	"errors"
	"fmt"
	"io/fs"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"layup/analyze/digest"
	"layup/analyze/source"
	"layup/analyze/source/advice"
	"layup/analyze/source/document"
	"layup/analyze/source/kinds"
	"layup/fixtures"
)

// aRegistry serves images as docker://HOST/lab/shop:1.
func aRegistry(t *testing.T, p fixtures.Packing) (*fixtures.Server, string) {
	t.Helper()
	var images []*fixtures.Image
	for _, arch := range []string{"amd64", "arm64"} {
		img, err := fixtures.Load("myfile")
		if err != nil {
			t.Fatal(err)
		}
		img.Tags = []string{"shop:1"}
		img.Platform.Arch = arch
		images = append(images, img)
	}
	if p.Format != fixtures.ContainerdOCI {
		images = images[:1]
	}
	s := &fixtures.Server{Dir: t.TempDir()}
	if err := p.WriteDir(s.Dir, images...); err != nil {
		t.Fatal(err)
	}
	server := httptest.NewServer(s)
	t.Cleanup(server.Close)
	return s, "docker://" + strings.TrimPrefix(server.URL, "http://") + "/lab/shop"
}

func pullOptions(t *testing.T, form string) Options {
	return Options{Limits: document.DefaultLimits(), Target: filepath.Join(t.TempDir(), "image"+form)}
}

// blobNames lists the blobs of a layout in a directory.
func blobNames(t *testing.T, dir string) []string {
	t.Helper()
	list, err := fs.Glob(os.DirFS(dir), "blobs/*/*")
	if err != nil {
		t.Fatal(err)
	}
	return list
}

// put adds a blob to a layout in a directory.
func put(t *testing.T, dir string, content []byte) document.Descriptor {
	t.Helper()
	digest := fmt.Sprintf("sha256:%x", sha256.Sum256(content))
	if err := os.WriteFile(filepath.Join(dir, document.BlobName(digest)), content, 0o600); err != nil {
		t.Fatal(err)
	}
	return document.Descriptor{MediaType: document.OCIManifest, Digest: digest, Size: int64(len(content))}
}

// A signature is a manifest that refers to the image. A signature of the signature is also fetched.
func TestPullTakesReferrersOnlyWhenAllIsAskedFor(t *testing.T) {
	s, ref := aRegistry(t, fixtures.Packing{Format: fixtures.OCI, Layers: fixtures.Gzip})
	pulled, err := Pull(t.Context(), []string{ref + ":1"}, pullOptions(t, ""))
	if err != nil {
		t.Fatal(err)
	}
	config, layer := put(t, s.Dir, []byte("{}")), put(t, s.Dir, []byte("signature"))
	about := map[string]document.Descriptor{}
	subject := document.Descriptor{MediaType: document.OCIManifest, Digest: pulled.References[0].Digest, Size: 1}
	for range 2 {
		sign := func(d document.Descriptor) string {
			return fmt.Sprintf(`{"mediaType":%q,"digest":%q,"size":%d}`, d.MediaType, d.Digest, d.Size)
		}
		// The config's type is that of an image, as old signers write it.
		config.MediaType, layer.MediaType = "application/vnd.oci.image.config.v1+json", "application/vnd.example.signature"
		const text = `{"schemaVersion":2,"mediaType":%q,"artifactType":"application/vnd.example",` +
			`"config":%s,"layers":[%s],"subject":%s}`
		m := put(t, s.Dir, fmt.Appendf(nil, text, document.OCIManifest, sign(config), sign(layer), sign(subject)))
		about[subject.Digest], subject = m, m
	}
	s.Referrers = func(digest string) []byte {
		list := ""
		if d, ok := about[digest]; ok {
			list = fmt.Sprintf(`{"mediaType":%q,"digest":%q,"size":%d,"artifactType":"application/vnd.example",`+
				`"annotations":{"org.opencontainers.image.ref.name":"2"}}`, d.MediaType, d.Digest, d.Size)
		}
		return fmt.Appendf(nil, `{"schemaVersion":2,"mediaType":%q,"manifests":[%s]}`, document.OCIIndex, list)
	}
	for _, all := range []bool{false, true} {
		opt := pullOptions(t, "")
		opt.All = all
		if _, err := Pull(t.Context(), []string{ref + ":1"}, opt); err != nil {
			t.Fatal(err)
		}
		kinds, images := listed(t, opt.Target)
		want := []string{"image"}
		if all {
			want = []string{"image", "attestation", "attestation"}
		}
		if !slices.Equal(kinds, want) || images != 1 {
			t.Errorf("all %v: holds %v and %d images to choose from, want %v and 1", all, kinds, images, want)
		}
	}
}

// listed returns the kinds of what an archive holds, and the number of its images.
func listed(t *testing.T, name string) (held []string, images int) {
	t.Helper()
	opt := kinds.Options{Options: source.Options{Verify: true, Limits: document.DefaultLimits()}}
	a, err := kinds.Open(t.Context(), name, opt)
	if err != nil {
		t.Fatal(err)
	}
	defer a.Close()
	list, err := a.List(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	for _, l := range list {
		held = append(held, l.Kind)
		if l.Kind == "image" {
			images++
		}
	}
	return held, images
}

func TestPullOfOnePlatformMakesItTheOnlyImage(t *testing.T) {
	_, ref := aRegistry(t, fixtures.Packing{Format: fixtures.ContainerdOCI, Layers: fixtures.Gzip})
	for _, c := range []struct {
		platform string
		docker   bool
		want     string
	}{{"linux/amd64", false, "linux/amd64"}, {"linux/amd64", true, "linux/amd64"}, {"linux/arm64", true, "linux/arm64"}} {
		opt := pullOptions(t, ".tar")
		opt.Platform, opt.Docker = c.platform, c.docker
		pulled, err := Pull(t.Context(), []string{ref + ":1"}, opt)
		if err != nil {
			t.Errorf("%s: %v", c.platform, err)
			continue
		}
		if got := pulled.References[0].Platform; got != c.want {
			t.Errorf("%s: platform %q, want %q", c.platform, got, c.want)
		}
		if kinds, _ := listed(t, opt.Target); !slices.Equal(kinds, []string{"image"}) {
			t.Errorf("%s: holds %v, want an image", c.platform, kinds)
		}
	}
	opt := pullOptions(t, ".tar")
	opt.Platform = "plan9/mips"
	var choice *advice.ChoiceError
	if _, err := Pull(t.Context(), []string{ref + ":1"}, opt); !errors.As(err, &choice) || len(choice.Choices) < 2 {
		t.Errorf("a platform that is not there: %v, want the platforms to choose from", err)
	}
}

// A tag and a digest may name one image: the file has each blob once, and every name chooses its image.
func TestPullPutsSeveralReferencesIntoOneFile(t *testing.T) {
	s, ref := aRegistry(t, fixtures.Packing{Format: fixtures.OCI, Layers: fixtures.Zstd})
	opt := pullOptions(t, ".tar")
	opt.Docker = true
	var notes []string
	opt.Note = func(text string) { notes = append(notes, text) }
	first, err := Pull(t.Context(), []string{ref + ":1"}, opt)
	if err != nil {
		t.Fatal(err)
	}
	if !slices.ContainsFunc(notes, func(n string) bool { return strings.Contains(n, "zstd") }) {
		t.Errorf("notes %q: want one on zstd", notes)
	}
	opt = pullOptions(t, ".tar")
	opt.Docker = true
	before := len(s.Log())
	other := strings.Replace(ref, "/lab/shop", "/lab/other", 1) + ":1"
	pulled, err := Pull(t.Context(), []string{ref + ":1", ref + "@" + first.References[0].Digest, other}, opt)
	if err != nil {
		t.Fatal(err)
	}
	asked := map[string]bool{}
	for _, a := range s.Log()[before:] {
		if digest := a.Path[strings.LastIndexByte(a.Path, '/')+1:]; strings.Contains(a.Path, "/blobs/") {
			if asked[digest] {
				t.Errorf("%s: asked for twice", digest)
			}
			asked[digest] = true
		}
	}
	if len(pulled.References) != 3 {
		t.Errorf("%d references, want 3", len(pulled.References))
	}
	read := kinds.Options{Options: source.Options{Verify: true, Limits: document.DefaultLimits()}}
	a, err := kinds.Open(t.Context(), opt.Target, read)
	if err != nil {
		t.Fatal(err)
	}
	defer a.Close()
	for _, name := range []string{strings.TrimPrefix(ref, "docker://") + ":1", "lab/other:1"} {
		if _, _, err := a.Choose(t.Context(), source.Selection{Image: name}); err != nil {
			t.Errorf("%s: %v", name, err)
		}
	}
}

func TestPullNeedsARegistrysName(t *testing.T) {
	server := httptest.NewServer(http.NotFoundHandler())
	defer server.Close()
	host := strings.TrimPrefix(server.URL, "http://")
	for _, name := range []string{
		"alpine", "image.tar", "oci:dir", "docker://", "docker://" + host + "/", "docker://" + host + "/UPPER",
		"docker://" + host + "/lab/none:1", "",
	} {
		opt := pullOptions(t, ".tar")
		if _, err := Pull(t.Context(), []string{name}, opt); err == nil {
			t.Errorf("%q: was pulled", name)
		}
		if _, err := os.Lstat(opt.partial()); err == nil {
			t.Errorf("%q: left a partial directory", name)
		}
	}
}

// A note names each foreign layer that is left out. With --docker that is an error: no engine would load the file.
func TestPullLeavesOutForeignLayers(t *testing.T) {
	s, ref := aRegistry(t, fixtures.Packing{Format: fixtures.OCI})
	config := put(t, s.Dir, []byte(`{"architecture":"amd64","os":"windows",`+
		`"rootfs":{"type":"layers","diff_ids":["sha256:`+strings.Repeat("a", 64)+`"]}}`))
	const text = `{"schemaVersion":2,"mediaType":%q,` +
		`"config":{"mediaType":"application/vnd.oci.image.config.v1+json","digest":%q,"size":%d},` +
		`"layers":[{"mediaType":"application/vnd.docker.image.rootfs.foreign.diff.tar.gzip",` +
		`"digest":"sha256:%064d","size":5,"urls":["http://127.0.0.1:1/x"]}]}`
	m := put(t, s.Dir, fmt.Appendf(nil, text, document.OCIManifest, config.Digest, config.Size, 7))
	for _, docker := range []bool{false, true} {
		opt := pullOptions(t, ".tar")
		opt.Docker = docker
		var notes []string
		opt.Note = func(text string) { notes = append(notes, text) }
		_, err := Pull(t.Context(), []string{ref + "@" + m.Digest}, opt)
		foreign := func(note string) bool { return strings.Contains(note, "foreign") }
		if docker != (err != nil) || !slices.ContainsFunc(notes, foreign) {
			t.Errorf("docker %v: %v, notes %q", docker, err, notes)
		}
	}
}

// Cosign keeps signatures, attestations and SBOMs under tags that the digest of the image makes. Mirrors without them
// break clusters that demand signatures.
func TestPullOfAllKeepsTheTagsOfCosign(t *testing.T) {
	s, ref := aRegistry(t, fixtures.Packing{Format: fixtures.OCI, Layers: fixtures.Gzip})
	pulled, err := Pull(t.Context(), []string{ref + ":1"}, pullOptions(t, ""))
	if err != nil {
		t.Fatal(err)
	}
	layout := &fixtures.Layout{Dir: s.Dir}
	tags := document.AttachedTags(pulled.References[0].Digest)
	for _, tag := range tags {
		put(t, s.Dir, []byte("{}"))
		config := map[string]any{"mediaType": "application/vnd.oci.image.config.v1+json", "size": 2,
			"digest": digest.Of([]byte("{}"))}
		layer, err := layout.Blob("application/vnd.dev.cosign.simplesigning.v1+json", []byte("about "+tag))
		if err != nil {
			t.Fatal(err)
		}
		m, err := layout.Manifest(fixtures.Descriptor{"config": config, "layers": []any{layer}})
		if err == nil {
			err = layout.Top(m, tag)
		}
		if err != nil {
			t.Fatal(err)
		}
	}
	opt := pullOptions(t, "")
	opt.All, opt.Docker = true, true
	if _, err := Pull(t.Context(), []string{ref + ":1", ref + ":1"}, opt); err != nil {
		t.Fatal(err)
	}
	kinds, images := listed(t, opt.Target)
	if want := []string{"image", "attestation", "attestation", "attestation"}; !slices.Equal(kinds, want) || images != 1 {
		t.Errorf("holds %v and %d images to choose from, want %v and 1", kinds, images, want)
	}
	index, err := os.ReadFile(filepath.Join(opt.Target, "index.json"))
	for _, tag := range tags {
		if err != nil || !strings.Contains(string(index), `"org.opencontainers.image.ref.name":"`+tag+`"`) {
			t.Errorf("the tag %s is not in index.json: %v", tag, err)
		}
	}
}
