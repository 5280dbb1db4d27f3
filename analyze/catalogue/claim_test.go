package catalogue_test

import (
	"archive/tar"
	"bytes"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"layup/analyze"
	"layup/analyze/catalogue"
)

// A claimed layer is what a blob holds, and the diffID that its image claims.
type claimed struct {
	blob   []byte
	diffID string
}

func sum(data []byte) string {
	s := sha256.Sum256(data)
	return hex.EncodeToString(s[:])
}

// tarOf returns a tar with files; a name with a link is a symlink, or a hard link if the link begins with =.
func tarOf(t testing.TB, headers ...*tar.Header) []byte {
	t.Helper()
	out := new(bytes.Buffer)
	w := tar.NewWriter(out)
	for _, h := range headers {
		h.Mode = 0o644
		if err := w.WriteHeader(h); err != nil {
			t.Fatal(err)
		}
		if _, err := w.Write(make([]byte, h.Size)); err != nil {
			t.Fatal(err)
		}
	}
	if err := w.Close(); err != nil {
		t.Fatal(err)
	}
	return out.Bytes()
}

func file(name string) *tar.Header { return &tar.Header{Typeflag: tar.TypeReg, Name: name, Size: 3} }

// good is a layer with its own diffID.
func good(tar []byte) claimed { return claimed{tar, "sha256:" + sum(tar)} }

// configOf returns the config of an image.
func configOf(t testing.TB, layers []claimed) []byte {
	t.Helper()
	var ids []string
	for _, l := range layers {
		ids = append(ids, l.diffID)
	}
	return asJSON(t, map[string]any{"os": "linux", "architecture": "amd64",
		"rootfs": map[string]any{"type": "layers", "diff_ids": ids}})
}

func asJSON(t testing.TB, v any) []byte {
	t.Helper()
	data, err := json.Marshal(v)
	if err != nil {
		t.Fatal(err)
	}
	return data
}

// layout writes an OCI layout, in which each blob has a digest, and returns its directory.
func layout(t testing.TB, layers ...claimed) string {
	t.Helper()
	dir := t.TempDir()
	blob := func(mediaType string, data []byte) map[string]any {
		at := filepath.Join(dir, "blobs", "sha256", sum(data))
		if err := os.MkdirAll(filepath.Dir(at), 0o755); err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(at, data, 0o644); err != nil {
			t.Fatal(err)
		}
		return map[string]any{"mediaType": mediaType, "digest": "sha256:" + sum(data), "size": len(data)}
	}
	const oci = "application/vnd.oci.image."
	var list []any
	for _, l := range layers {
		list = append(list, blob(oci+"layer.v1.tar", l.blob))
	}
	manifest := blob(oci+"manifest.v1+json", asJSON(t, map[string]any{"schemaVersion": 2,
		"mediaType": oci + "manifest.v1+json", "config": blob(oci+"config.v1+json", configOf(t, layers)), "layers": list}))
	for name, v := range map[string]any{"oci-layout": map[string]string{"imageLayoutVersion": "1.0.0"},
		"index.json": map[string]any{"schemaVersion": 2, "manifests": []any{manifest}}} {
		if err := os.WriteFile(filepath.Join(dir, name), asJSON(t, v), 0o644); err != nil {
			t.Fatal(err)
		}
	}
	return dir
}

// saved writes an archive of docker save, in which blobs have no digests, and returns its name.
func saved(t testing.TB, layers ...claimed) string {
	t.Helper()
	out := new(bytes.Buffer)
	w := tar.NewWriter(out)
	add := func(name string, data []byte) string {
		if err := w.WriteHeader(&tar.Header{Name: name, Mode: 0o644, Size: int64(len(data))}); err != nil {
			t.Fatal(err)
		}
		if _, err := w.Write(data); err != nil {
			t.Fatal(err)
		}
		return name
	}
	var names []string
	for i, l := range layers {
		names = append(names, add(fmt.Sprintf("layer%d/layer.tar", i), l.blob))
	}
	config := configOf(t, layers)
	add("manifest.json", asJSON(t, []any{map[string]any{"Config": add(sum(config)+".json", config), "Layers": names,
		"RepoTags": []string{"saved:1"}}}))
	if err := w.Close(); err != nil {
		t.Fatal(err)
	}
	at := filepath.Join(t.TempDir(), "saved.tar")
	if err := os.WriteFile(at, out.Bytes(), 0o644); err != nil {
		t.Fatal(err)
	}
	return at
}

// A search by digest finds sparse files: they have digests in a catalogue, as find makes them.
func TestSparseFilesHaveDigests(t *testing.T) {
	sparse := &tar.Header{Typeflag: tar.TypeReg, Name: "GNUSparseFile.0/f", Size: 512 + 3, Format: tar.FormatPAX,
		PAXRecords: map[string]string{"GNU_sparse.major": "1", "GNU_sparse.minor": "0", "GNU_sparse.name": "f",
			"GNU_sparse.realsize": "10"}}
	data := bytes.ReplaceAll(tarOf(t, sparse), []byte("GNU_sparse."), []byte("GNU.sparse."))
	at := bytes.LastIndex(data, []byte("GNUSparseFile.0/f")) + 512
	copy(data[at:], "1\n0\n3\n")
	copy(data[at+512:], "abc")
	cat := filepath.Join(t.TempDir(), "catalogue")
	index(t, cat, true, layout(t, good(data)))
	want := sum([]byte("abc\x00\x00\x00\x00\x00\x00\x00"))
	if lines, errs := ask(t, cat, catalogue.Query{Sums: []string{want}}); len(lines) < 2 || len(errs) > 0 {
		t.Errorf("a sparse file is not found by its digest: %q %v", lines, errs)
	}
}

// tried indexes a source that has a layer which cannot be read.
func tried(t *testing.T, at, name string) {
	t.Helper()
	c, err := catalogue.Create(t.Context(), directory(t, at), nil)
	if err != nil {
		t.Fatal(err)
	}
	done, err := c.Index(t.Context(), []string{name}, catalogue.IndexOptions{Options: analyze.Default(), Now: day})
	if err != nil || len(done.Failures) != 1 {
		t.Errorf("a layer that is not what it claims to be: %v, %d failures", err, len(done.Failures))
	}
}

// A blob that only claims to be a layer never has the files of that layer, in whatever order they are indexed.
func TestAClaimIsNotALayer(t *testing.T) {
	truth := good(tarOf(t, file("etc/real")))
	lie := claimed{tarOf(t, file("etc/hidden")), truth.diffID}
	for name, write := range map[string]func(testing.TB, ...claimed) string{"layout": layout, "saved": saved} {
		honest, liar := write(t, truth), write(t, lie)
		for _, first := range []bool{true, false} {
			at := filepath.Join(t.TempDir(), "catalogue")
			if first {
				index(t, at, false, honest)
			}
			tried(t, at, liar)
			if !first {
				index(t, at, false, honest)
			}
			lines, errs := ask(t, at, catalogue.Query{Names: []string{"real"}})
			for _, line := range lines {
				if strings.HasPrefix(line, liar) && strings.Contains(line, "/etc/real") {
					t.Errorf("%s: the image that lies has the files of the other: %s", name, line)
				}
			}
			if len(lines) != 6 || len(errs) != 1 {
				t.Errorf("%s: the honest image and its file, and the liar: %q %v", name, lines, errs)
			}
			if again := index(t, at, false, honest); again.Layers != 0 || again.New != 0 {
				t.Errorf("%s: what is known is read again: %+v", name, again)
			}
		}
	}
}

// A task of a plan that cannot read a blob makes all images suspect that have the layer which the blob claims to be.
func TestAClaimInAPlanIsNotALayer(t *testing.T) {
	truth := good(tarOf(t, file("etc/real")))
	honest, liar := layout(t, truth), saved(t, claimed{tarOf(t, file("etc/hidden")), truth.diffID})
	at := filepath.Join(t.TempDir(), "catalogue")
	index(t, at, false, honest)
	c, err := catalogue.Open(t.Context(), directory(t, at))
	if err != nil {
		t.Fatal(err)
	}
	opt := catalogue.IndexOptions{Options: analyze.Default(), Now: day}
	if plan, _, err := c.Plan(t.Context(), []string{liar}, 1, opt); err != nil || plan.Layers != 1 {
		t.Fatalf("a layer that nothing proves is not planned: %v", err)
	}
	if done, err := c.Shard(t.Context(), 0, opt); err != nil || len(done.Failures) != 1 {
		t.Errorf("%v, %d failures", err, len(done.Failures))
	}
	if _, errs := ask(t, at, catalogue.Query{Names: []string{"real"}}); len(errs) != 2 {
		t.Errorf("nothing says that an image may hold something else: %v", errs)
	}
}

// A blob that could not be read is forgotten when it was read: nothing lists it any more.
func TestABlobThatIsReadLaterIsWhole(t *testing.T) {
	truth := good(tarOf(t, file("etc/real")))
	dir := layout(t, claimed{truth.blob, truth.diffID})
	blob := filepath.Join(dir, "blobs", "sha256", sum(truth.blob))
	if err := os.WriteFile(blob, truth.blob[:700], 0o644); err != nil {
		t.Fatal(err)
	}
	at := filepath.Join(t.TempDir(), "catalogue")
	tried(t, at, dir)
	if err := os.WriteFile(blob, truth.blob, 0o644); err != nil {
		t.Fatal(err)
	}
	index(t, at, false, dir)
	if lines, errs := ask(t, at, catalogue.Query{Names: []string{"real"}}); len(lines) != 4 || len(errs) > 0 {
		t.Errorf("%q %v", lines, errs)
	}
	r := reader(t, at)
	if images, layers := r.Images(), r.Layers(); len(images) != 1 || len(layers) != 1 || layers[0].Err != nil {
		t.Errorf("%d images, layers %+v", len(images), layers)
	}
}

// A hard link to a symlink of a lower layer leads where the symlink leads.
func TestAHardLinkToASymlinkIsFollowed(t *testing.T) {
	low := good(tarOf(t, &tar.Header{Typeflag: tar.TypeSymlink, Name: "l", Linkname: "/etc"}, file("etc/passwd")))
	high := good(tarOf(t, &tar.Header{Typeflag: tar.TypeLink, Name: "m", Linkname: "l"}))
	at := filepath.Join(t.TempDir(), "catalogue")
	index(t, at, false, layout(t, low, high))
	r := reader(t, at)
	found, err := r.FindPaths(t.Context(), []string{"/m/passwd"}, true, false)
	if err != nil || found.Len() != 1 {
		t.Fatalf("%v", err)
	}
	if _, err := found.Image(0).Owner("/m/passwd", true, analyze.Last); err != nil {
		t.Errorf("%v", err)
	}
}

// Two processes that make a catalogue at once, one with digests, do not fill it with layers that lack them.
func TestTwoChoicesOfDigestsDoNotMix(t *testing.T) {
	p, no, yes := directory(t, filepath.Join(t.TempDir(), "catalogue")), false, true
	first, err := catalogue.Create(t.Context(), p, &no)
	if err != nil {
		t.Fatal(err)
	}
	if err := p.Remove(t.Context(), "catalogue.json"); err != nil { // as if the other had not seen it
		t.Fatal(err)
	}
	if _, err := catalogue.Create(t.Context(), p, &yes); err != nil {
		t.Fatal(err)
	}
	from := []string{layout(t, good(tarOf(t, file("a"))))}
	_, err = first.Index(t.Context(), from, catalogue.IndexOptions{Options: analyze.Default(), Now: day})
	if err == nil || !strings.Contains(err.Error(), "two processes") {
		t.Errorf("layers without digests are in a catalogue with digests: %v", err)
	}
}
