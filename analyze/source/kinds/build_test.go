package kinds

import (
	"archive/tar"
	"bytes"
	"encoding/json"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"layup/analyze/source"
	"layup/analyze/source/document"
	"layup/fixtures/sample"
)

// A member is a file of an archive that a test builds.
type member struct {
	name string
	body string
	link string
	kind byte // of the tar; 0 is a file, or a symlink if there is a link
}

// archiveOf writes members to a tar.
func archiveOf(t testing.TB, list ...member) []byte {
	t.Helper()
	var out bytes.Buffer
	w := tar.NewWriter(&out)
	for _, m := range list {
		h := &tar.Header{Name: m.name, Mode: 0o644, Size: int64(len(m.body)), Linkname: m.link, Typeflag: m.kind}
		if m.kind == 0 && m.link != "" {
			h.Typeflag = tar.TypeSymlink
		}
		if err := w.WriteHeader(h); err != nil {
			t.Fatal(err)
		}
		if _, err := w.Write([]byte(m.body)); err != nil {
			t.Fatal(err)
		}
	}
	if err := w.Close(); err != nil {
		t.Fatal(err)
	}
	return out.Bytes()
}

// unpack writes members below a new directory.
func unpack(t testing.TB, list ...member) string {
	t.Helper()
	dir := t.TempDir()
	for _, m := range list {
		at := filepath.Join(dir, m.name)
		if err := os.MkdirAll(filepath.Dir(at), 0o755); err != nil {
			t.Fatal(err)
		}
		if m.link != "" {
			if err := os.Symlink(m.link, at); err != nil {
				t.Fatal(err)
			}
			continue
		}
		if err := os.WriteFile(at, []byte(m.body), 0o644); err != nil {
			t.Fatal(err)
		}
	}
	return dir
}

// fileOf writes bytes to a new file of that name.
func fileOf(t testing.TB, name string, content []byte) string {
	t.Helper()
	at := filepath.Join(t.TempDir(), name)
	if err := os.WriteFile(at, content, 0o644); err != nil {
		t.Fatal(err)
	}
	return at
}

func asJSON(v any) string {
	text, err := json.Marshal(v)
	if err != nil {
		panic(err)
	}
	return string(text)
}

// A oneImage is an image of which tests build archives. Its layers are tars of one file each.
type oneImage struct {
	config  string
	layers  [][]byte
	diffIDs []string
	created []string
}

// sampleOf builds an image whose layers hold the named files.
func sampleOf(t testing.TB, files ...string) *oneImage {
	t.Helper()
	s := new(oneImage)
	var history []map[string]any
	for i, file := range files {
		plain := sample.Tar(t, file)
		s.layers = append(s.layers, plain)
		s.diffIDs = append(s.diffIDs, sample.Digest(plain))
		s.created = append(s.created, fmt.Sprintf("step %d", i))
		history = append(history, map[string]any{"created_by": s.created[i]})
	}
	s.config = asJSON(map[string]any{
		"os": "linux", "architecture": "amd64", "created": "2024-01-02T03:04:05Z",
		"history": history, "rootfs": map[string]any{"type": "layers", "diff_ids": s.diffIDs},
	})
	return s
}

// dockerMembers are the members of a docker save archive before engine 25.
func (s *oneImage) dockerMembers(tags ...string) []member {
	entry := map[string]any{"Config": hexOf(sample.Digest([]byte(s.config))) + ".json", "RepoTags": tags}
	var list []member
	var names []string
	for i, layer := range s.layers {
		name := fmt.Sprintf("%064x/layer.tar", i)
		names = append(names, name)
		list = append(list, member{name: name, body: string(layer)})
	}
	entry["Layers"] = names
	return append(list,
		member{name: entry["Config"].(string), body: s.config},
		member{name: "manifest.json", body: asJSON([]any{entry})})
}

func hexOf(digest string) string { return digest[strings.IndexByte(digest, ':')+1:] }

// A layout is an OCI layout that a test builds.
type layout struct {
	blobs map[string]string
	tops  []map[string]any
	order []string
}

func newLayout() *layout { return &layout{blobs: map[string]string{}} }

// blob stores bytes and returns their descriptor.
func (l *layout) blob(mediaType string, content []byte) map[string]any {
	digest := sample.Digest(content)
	if _, ok := l.blobs[digest]; !ok {
		l.order = append(l.order, digest)
	}
	l.blobs[digest] = string(content)
	return map[string]any{"mediaType": mediaType, "digest": digest, "size": len(content)}
}

const (
	typeManifest = "application/vnd.oci.image.manifest.v1+json"
	typeIndex    = "application/vnd.oci.image.index.v1+json"
	typeConfig   = "application/vnd.oci.image.config.v1+json"
	typeLayer    = "application/vnd.oci.image.layer.v1.tar"
)

// image stores an image and returns its manifest's descriptor; edit may change the manifest before.
func (l *layout) image(s *oneImage, edit func(manifest map[string]any)) map[string]any {
	var layers []any
	for _, plain := range s.layers {
		layers = append(layers, l.blob(typeLayer, plain))
	}
	manifest := map[string]any{
		"schemaVersion": 2, "mediaType": typeManifest, "config": l.blob(typeConfig, []byte(s.config)), "layers": layers,
	}
	if edit != nil {
		edit(manifest)
	}
	return l.blob(typeManifest, []byte(asJSON(manifest)))
}

// index stores an index of descriptors.
func (l *layout) index(children ...map[string]any) map[string]any {
	index := map[string]any{"schemaVersion": 2, "mediaType": typeIndex, "manifests": children}
	return l.blob(typeIndex, []byte(asJSON(index)))
}

// top lists a descriptor in index.json, under a name.
func (l *layout) top(desc map[string]any, ref string) *layout {
	entry := map[string]any{}
	for k, v := range desc {
		entry[k] = v
	}
	if ref != "" {
		entry["annotations"] = map[string]string{"org.opencontainers.image.ref.name": ref}
	}
	l.tops = append(l.tops, entry)
	return l
}

// platformOf adds a platform, os/arch[/variant], to a descriptor.
func platformOf(desc map[string]any, name string) map[string]any {
	part := strings.Split(name+"//", "/")
	desc["platform"] = map[string]string{"os": part[0], "architecture": part[1], "variant": part[2]}
	return desc
}

// members are the files of the layout.
func (l *layout) members() []member {
	list := []member{
		{name: "oci-layout", body: `{"imageLayoutVersion":"1.0.0"}`},
		{name: "index.json", body: asJSON(map[string]any{"schemaVersion": 2, "manifests": l.tops})},
	}
	for _, digest := range l.order {
		if content, ok := l.blobs[digest]; ok {
			list = append(list, member{name: document.BlobName(digest), body: content})
		}
	}
	return list
}

// replaced returns the members with one of them changed, or added.
func replaced(list []member, name string, edit func(m *member)) []member {
	out := append([]member(nil), list...)
	for i := range out {
		if out[i].name == name {
			edit(&out[i])
			return out
		}
	}
	m := member{name: name}
	edit(&m)
	return append(out, m)
}

// without leaves one member out.
func without(list []member, name string) []member {
	var out []member
	for _, m := range list {
		if m.name != name {
			out = append(out, m)
		}
	}
	return out
}

func testOptions(t testing.TB) Options {
	return Options{Options: source.Options{Verify: true, Limits: document.DefaultLimits(), TempDir: t.TempDir()}}
}

// openFile opens an archive that must open.
func openFile(t testing.TB, name string) *Opened {
	t.Helper()
	a, err := Open(t.Context(), name, testOptions(t))
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := a.Close(); err != nil {
			t.Error(err)
		}
	})
	return a
}

// one opens an archive of one image.
func one(t testing.TB, name string) *source.Image {
	t.Helper()
	images, _, err := openFile(t, name).Choose(t.Context(), source.Selection{})
	if err != nil {
		t.Fatal(err)
	}
	return images[0]
}

// refusal returns the error of opening, choosing or reading an image, or nothing.
func refusal(t testing.TB, name string) string {
	t.Helper()
	a, err := Open(t.Context(), name, testOptions(t))
	if err != nil {
		return err.Error()
	}
	defer a.Close()
	images, _, err := a.Choose(t.Context(), source.Selection{})
	if err != nil {
		return err.Error()
	}
	for _, l := range images[0].Layers {
		if _, err := l.Scan(t.Context(), source.ScanOptions{}); err != nil {
			return fmt.Sprintf("layer %d: %v", l.Index, err)
		}
	}
	return ""
}

// files reads all layers and lists what they hold, in order.
func files(t testing.TB, img *source.Image) string {
	t.Helper()
	var names []string
	for _, l := range img.Layers {
		s, err := l.Scan(t.Context(), source.ScanOptions{})
		if err != nil {
			t.Fatalf("layer %d: %v", l.Index, err)
		}
		names = append(names, strings.Join(sample.Names(s.Table), ","))
	}
	return strings.Join(names, " ")
}
