package report_test

import (
	"archive/tar"
	"bytes"
	"compress/gzip"
	"encoding/json"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"layup/fixtures"
	"layup/fixtures/direct"
	"layup/report/call"
)

// A made is a layout that a test makes; its methods end the test if they fail.
type made struct {
	*fixtures.Layout
	t *testing.T
}

func newMade(t *testing.T, images ...*fixtures.Image) made {
	t.Helper()
	l, err := fixtures.NewLayout(filepath.Join(t.TempDir(), "layout"), images...)
	if err != nil {
		t.Fatal(err)
	}
	return made{l, t}
}

func (m made) blob(mediaType, data string) fixtures.Descriptor {
	m.t.Helper()
	d, err := m.Blob(mediaType, []byte(data))
	if err != nil {
		m.t.Fatal(err)
	}
	return d
}

// titled is a blob that is a file of an artifact.
func (m made) titled(title, data string) fixtures.Descriptor {
	return m.blob("application/octet-stream", data).Annotated("org.opencontainers.image.title", title)
}

// artifact lists a manifest in index.json.
func (m made) artifact(name, configType string, more fixtures.Descriptor, layers ...fixtures.Descriptor) string {
	m.t.Helper()
	doc := fixtures.Descriptor{"config": m.blob(configType, "{}"), "layers": layers}
	for key, value := range more {
		doc[key] = value
	}
	d, err := m.Manifest(doc)
	if err == nil {
		err = m.Top(d, name)
	}
	if err != nil {
		m.t.Fatal(err)
	}
	return d.Digest()
}

// chart is a tar.gz of a file, as Helm makes it.
func chart(t *testing.T, name, content string) string {
	t.Helper()
	var b bytes.Buffer
	gz := gzip.NewWriter(&b)
	w := tar.NewWriter(gz)
	if err := w.WriteHeader(&tar.Header{Name: name, Mode: 0o644, Size: int64(len(content))}); err != nil {
		t.Fatal(err)
	}
	w.Write([]byte(content))
	if w.Close() != nil || gz.Close() != nil {
		t.Fatal("no chart")
	}
	return b.String()
}

const (
	helmConfig  = "application/vnd.cncf.helm.config.v1+json"
	helmContent = "application/vnd.cncf.helm.chart.content.v1.tar+gzip"
	emptyConfig = "application/vnd.oci.empty.v1+json"
	imageConfig = "application/vnd.oci.image.config.v1+json"
)

func imageOf(t *testing.T, text string) *fixtures.Image {
	t.Helper()
	img, err := fixtures.Parse("image", text)
	if err != nil {
		t.Fatal(err)
	}
	return img
}

// artifacts is a layout with an image, a chart, and the files of a model.
func artifacts(t *testing.T) made {
	t.Helper()
	m := newMade(t, imageOf(t, "tag t:1\nlayer A\nf 0644 0:0 etc/a \"1\"\n"))
	m.artifact("chart", helmConfig, nil, m.blob(helmContent, chart(t, "shop/Chart.yaml", "name: shop\n")))
	m.artifact("files", emptyConfig, fixtures.Descriptor{"artifactType": "application/vnd.acme.files"},
		m.titled("dir/one.txt", "one"), m.titled("../../up.txt", "up"), m.titled("dir/.wh.one.txt", "no whiteout"),
		m.titled("kept.tar.gz", chart(t, "inside", "x")), m.titled("/", "nameless"),
		m.blob("application/wasm", "\x00asm"))
	return m
}

func TestArtifactsAreListedWithTypesAndTitles(t *testing.T) {
	m := artifacts(t)
	direct.Expect(t, "images", direct.Items(t, "kind number reference artifactType titles", "images", m.Dir),
		"kind=image number=0 reference=docker.io/library/t:1",
		"kind=artifact number=1 reference=chart artifactType="+helmConfig,
		"kind=artifact number=2 reference=files artifactType=application/vnd.acme.files "+
			`titles=["dir/one.txt","../../up.txt","dir/.wh.one.txt","kept.tar.gz","/"]`)
}

func TestArtifactsOpenAsTreesOfTheirFiles(t *testing.T) {
	m := artifacts(t)
	if got := direct.Layup(t, "owner", m.Dir, "/etc/a"); got.Status != call.Answered {
		t.Errorf("the only image: exit %d: %s", got.Status, got.Err)
	}
	direct.Expect(t, "a chart", direct.Items(t, "path", "ls", "-R", "--image", "chart", m.Dir),
		"path=/", "path=/shop", "path=/shop/Chart.yaml")
	byDigest := func(data string) string { return "path=/" + strings.Replace(m.blob("x", data).Digest(), ":", "-", 1) }
	want := []string{"path=/", "path=/dir", "path=/dir/.wh.one.txt", "path=/dir/one.txt", "path=/kept.tar.gz"}
	names := []string{byDigest("nameless"), byDigest("\x00asm")}
	if names[0] > names[1] {
		names[0], names[1] = names[1], names[0]
	}
	direct.Expect(t, "titled files", direct.Items(t, "path", "ls", "-R", "--image", "@2", m.Dir),
		append(append(want, names...), "path=/up.txt")...)
	for path, want := range map[string]string{"/dir/one.txt": "one", "/up.txt": "up", "/dir/.wh.one.txt": "no whiteout"} {
		got := direct.Layup(t, "cat", "--image", "files", m.Dir, path)
		if got.Out != want || got.Status != call.Answered {
			t.Errorf("cat %s: %q, exit %d: %s", path, got.Out, got.Status, got.Err)
		}
	}
	dir := filepath.Join(t.TempDir(), "out")
	if got := direct.Layup(t, "extract", "--image", "files", m.Dir, "-C", dir); got.Status != call.Answered {
		t.Errorf("extract: exit %d: %s", got.Status, got.Err)
	}
	if text, err := os.ReadFile(filepath.Join(dir, "up.txt")); err != nil || string(text) != "up" {
		t.Errorf("a title that climbs: %q, %v", text, err)
	}
	direct.Expect(t, "everything", direct.Items(t, "path", "find", "--all", "--name", "Chart.yaml", m.Dir),
		"path=/shop/Chart.yaml")
	got := direct.Layup(t, "inspect", "--image", "chart", m.Dir)
	if got.Status == call.Answered || !strings.Contains(got.Err, "image") {
		t.Errorf("inspect of a chart: exit %d: %s", got.Status, got.Err)
	}
}

func TestVerifyReadsEveryBlobOfAnArtifact(t *testing.T) {
	m := artifacts(t)
	for _, args := range [][]string{{"--image", "chart"}, {"--image", "files"}, {"--all"}, {}} {
		got := direct.Layup(t, append([]string{"verify", m.Dir}, args...)...)
		if got.Status != call.Answered || strings.Contains(got.Out, "FAIL") {
			t.Errorf("verify %v: exit %d\n%s%s", args, got.Status, got.Out, got.Err)
		}
	}
	for _, data := range []string{"one", "up", "\x00asm", chart(t, "inside", "x"), "{}"} {
		d := m.blob("x", data).Digest()
		file := m.BlobFile(d)
		direct.Put(t, file, append([]byte{data[0] ^ 1}, data[1:]...))
		for _, args := range [][]string{{"--image", "files"}, {}} {
			got := direct.Layup(t, append([]string{"verify", m.Dir, "-f", "csv"}, args...)...)
			if got.Status != call.Refuted || !direct.FailsOn(t, got.Out, d) {
				t.Errorf("%q, flipped, %v: exit %d\n%s%s", data, args, got.Status, got.Out, got.Err)
			}
		}
		if got := direct.Layup(t, "cat", "--image", "files", m.Dir, "/dir/one.txt"); data == "one" &&
			(got.Status != call.Failed || got.Out != "") {
			t.Errorf("cat of a flipped file: exit %d: %q", got.Status, got.Out)
		}
		direct.Put(t, file, []byte(data))
	}
}

// What is not an image is verified blob by blob, and the record has the titles of the files.
func TestArtifactsOfEveryTypeAreVerified(t *testing.T) {
	const wasm, spdx, tensors = "\x00asm\x01\x00\x00\x00", `{"spdxVersion":"SPDX-2.3"}`, "weights"
	for name, c := range map[string]struct {
		add  func(m made)
		rows []string // name and result of each layer
		data []string
	}{
		"helm": {func(m made) {
			m.artifact("a", helmConfig, nil, m.blob(helmContent, chart(t, "shop/Chart.yaml", "name: shop\n")))
		}, []string{"pass=true"}, []string{chart(t, "shop/Chart.yaml", "name: shop\n")}},
		"oras": {func(m made) {
			m.artifact("a", emptyConfig, fixtures.Descriptor{"artifactType": "application/vnd.acme.rocket"},
				m.titled("hello.txt", "hello"), m.titled("empty.txt", ""))
		}, []string{"name=hello.txt pass=true", "name=empty.txt pass=true"}, []string{"hello"}},
		"wasm": {func(m made) {
			m.artifact("a", "application/vnd.wasm.config.v0+json", nil, m.blob("application/wasm", wasm))
		}, []string{"pass=true"}, []string{wasm}},
		"sbom": {func(m made) {
			m.artifact("a", emptyConfig, fixtures.Descriptor{"artifactType": "application/spdx+json"},
				m.blob("application/spdx+json", spdx).Annotated("org.opencontainers.image.title", "sbom.json"))
		}, []string{"name=sbom.json pass=true"}, []string{spdx}},
		"model pack": {func(m made) {
			m.artifact("a", "application/vnd.cncf.model.config.v1+json", nil,
				m.blob("application/vnd.cncf.model.weight.v1.raw", tensors).Annotated("org.cncf.model.filepath", "w/a.bin"))
		}, []string{"name=w/a.bin pass=true"}, []string{tensors}},
		"with the config of an image": {func(m made) {
			m.artifact("a", imageConfig, fixtures.Descriptor{"artifactType": "application/vnd.acme.rocket"},
				m.titled("hello.txt", "hello"))
		}, []string{"name=hello.txt pass=true"}, []string{"hello"}},
	} {
		t.Run(name, func(t *testing.T) {
			m := newMade(t)
			c.add(m)
			layers := func() (list []string) {
				for _, row := range direct.Items(t, "what name pass", "verify", m.Dir) {
					if rest, ok := strings.CutPrefix(row, "what=layer "); ok {
						list = append(list, rest)
					}
				}
				return list
			}
			direct.Expect(t, "layers", layers(), c.rows...)
			for _, command := range [][]string{{"verify", m.Dir}, {"layers", m.Dir}, {"ls", "-R", m.Dir}} {
				if got := direct.Layup(t, command...); got.Status != call.Answered {
					t.Errorf("%v: exit %d: %s", command, got.Status, got.Err)
				}
			}
			for _, data := range c.data {
				d := m.blob("", data).Digest()
				direct.Put(t, m.BlobFile(d), append([]byte(data[:len(data)-1]), data[len(data)-1]^1))
				got := direct.Layup(t, "verify", m.Dir, "-f", "csv")
				if got.Status != call.Refuted || !direct.FailsOn(t, got.Out, d) {
					t.Errorf("flipped: exit %d\n%s%s", got.Status, got.Out, got.Err)
				}
			}
		})
	}
}

// Cosign marks statements by their layers, by their tags, and in layouts of cosign save; OCI 1.1 by their subject.
func TestStatementsAreListedAndVerifiedButNeverChosen(t *testing.T) {
	m := newMade(t, imageOf(t, "tag t:1\nlayer A\nf 0644 0:0 etc/a \"1\"\n"))
	subject := fixtures.Descriptor{"mediaType": "application/vnd.oci.image.manifest.v1+json",
		"digest": "sha256:" + strings.Repeat("a", 64), "size": 1}
	signature := m.blob("application/vnd.dev.cosign.simplesigning.v1+json", `{"critical":{}}`)
	sbom := m.blob("application/spdx+json", `{"spdx":1}`)
	m.artifact("", imageConfig, nil, signature)
	m.artifact("sha256-"+strings.Repeat("b", 64)+".sbom", imageConfig, nil, sbom)
	m.artifact("named", emptyConfig, fixtures.Descriptor{"artifactType": "application/spdx+json", "subject": subject},
		sbom)
	items := direct.Items(t, "kind number subject artifactType", "images", m.Dir)
	direct.Expect(t, "images", items, "kind=image number=0",
		"kind=attestation artifactType=application/vnd.dev.cosign.simplesigning.v1+json",
		"kind=attestation subject=sha256:"+strings.Repeat("b", 64)+" artifactType=application/spdx+json",
		"kind=attestation subject=sha256:"+strings.Repeat("a", 64)+" artifactType=application/spdx+json")
	if got := direct.Layup(t, "owner", m.Dir, "/etc/a"); got.Status != call.Answered {
		t.Errorf("the only image: exit %d: %s", got.Status, got.Err)
	}
	if got := direct.Layup(t, "ls", "--image", "named", m.Dir); got.Status != call.Failed ||
		!strings.Contains(got.Err, "statement about an image") {
		t.Errorf("a statement by name: exit %d: %s", got.Status, got.Err)
	}
	for _, flags := range []string{"--all", "-q"} {
		if got := direct.Layup(t, "verify", flags, m.Dir); got.Status != call.Answered {
			t.Errorf("verify %s: exit %d\n%s%s", flags, got.Status, got.Out, got.Err)
		}
	}
	direct.Put(t, m.BlobFile(sbom.Digest()), []byte(`{"spdx":2}`))
	if got := direct.Layup(t, "verify", m.Dir); got.Status != call.Refuted || !strings.Contains(got.Err, "digest") {
		t.Errorf("a changed SBOM: exit %d: %s", got.Status, got.Err)
	}
	alone := newMade(t)
	alone.artifact("sha256-"+strings.Repeat("b", 64)+".sig", imageConfig, nil,
		alone.blob("application/vnd.dev.cosign.simplesigning.v1+json", "{}"))
	if got := direct.Layup(t, "verify", alone.Dir); got.Status != call.Answered || !strings.Contains(got.Out, "PASS") {
		t.Errorf("a signature alone: exit %d\n%s%s", got.Status, got.Out, got.Err)
	}
}

// firstDigest is the digest of the first manifest of a layout.
func firstDigest(t *testing.T, m made) string {
	t.Helper()
	var index struct{ Manifests []struct{ Digest string } }
	text, err := os.ReadFile(filepath.Join(m.Dir, "index.json"))
	if err == nil {
		err = json.Unmarshal(text, &index)
	}
	if err != nil || len(index.Manifests) == 0 {
		t.Fatalf("no manifest: %v", err)
	}
	return index.Manifests[0].Digest
}

// copyBlobs adds the blobs of one layout to another.
func copyBlobs(t *testing.T, from, to made) {
	t.Helper()
	list, err := filepath.Glob(from.BlobFile("sha256:*"))
	if err != nil {
		t.Fatal(err)
	}
	for _, name := range list {
		data, err := os.ReadFile(name)
		if err != nil {
			t.Fatal(err)
		}
		to.blob("", string(data))
	}
}

func asJSON(t *testing.T, v any) string {
	t.Helper()
	text, err := json.Marshal(v)
	if err != nil {
		t.Fatal(err)
	}
	return string(text)
}

func TestImagesListsSoundEntriesBesideOddOnes(t *testing.T) {
	m := newMade(t, imageOf(t, "tag t:1\nlayer A\nf 0644 0:0 etc/a \"1\"\n"))
	m.artifact("odd", imageConfig, nil, m.blob("application/vnd.oci.image.layer.v1.tar", "x"))
	for flag, want := range map[string]int{"-q": call.Failed, "--keep-going": call.Partly} {
		got := direct.Layup(t, "images", flag, "-f", "csv", m.Dir)
		if got.Status != want || !strings.Contains(got.Out, "docker.io/library/t:1") ||
			!strings.Contains(got.Out, "no rootfs.diff_ids") || !strings.Contains(got.Err, `image "odd"`) {
			t.Errorf("%s: exit %d, want %d\n%s%s", flag, got.Status, want, got.Out, got.Err)
		}
	}
}

// A folder holds files, layouts one level down, and what is neither.
func TestImagesAndVerifyTakeSeveralInputsAndFolders(t *testing.T) {
	dir := t.TempDir()
	img := imageOf(t, "tag t:1\nlayer A\nf 0644 0:0 etc/a \"1\"\n")
	direct.Put(t, filepath.Join(dir, "a.tar"), direct.Archive(t, "tag a:1\nlayer A\nf 0644 0:0 etc/a \"2\"\n",
		fixtures.Packing{Format: fixtures.OCI}))
	direct.Put(t, filepath.Join(dir, "notes.txt"), []byte("no image"))
	if _, err := fixtures.NewLayout(filepath.Join(dir, "layout"), img); err != nil {
		t.Fatal(err)
	}
	if err := os.Mkdir(filepath.Join(dir, "empty"), 0o755); err != nil {
		t.Fatal(err)
	}
	sources := []string{"source=" + filepath.Join(dir, "a.tar"), "source=" + filepath.Join(dir, "layout")}
	for _, args := range [][]string{{"--all", dir}, {filepath.Join(dir, "a.tar"), filepath.Join(dir, "layout")}} {
		rows := strings.Split(direct.Layup(t, append([]string{"images", "-f", "csv"}, args...)...).Out, "\n")
		if len(rows) != 4 || !strings.HasPrefix(rows[1], sources[0][7:]+",") ||
			!strings.HasPrefix(rows[2], sources[1][7:]+",") {
			t.Errorf("images %v: %q", args, rows)
		}
		got := direct.Layup(t, append([]string{"verify"}, args...)...)
		if got.Status != call.Answered || strings.Count(got.Out, "PASS") < 2 || strings.Contains(got.Out, "FAIL") {
			t.Errorf("verify %v: exit %d\n%s%s", args, got.Status, got.Out, got.Err)
		}
	}
	got := direct.Layup(t, "find", "--all", "--name", "a", dir)
	if !strings.Contains(got.Out, "layout") || !strings.Contains(got.Err, "empty: a directory") {
		t.Errorf("find: %s%s", got.Out, got.Err)
	}
	direct.Put(t, filepath.Join(dir, "cut.tar"), direct.Archive(t, "tag a:1\nlayer A\nf 0644 0:0 etc/a \"2\"\n",
		fixtures.Packing{Format: fixtures.OCI})[:1500])
	for _, command := range []string{"images", "verify"} {
		got := direct.Layup(t, command, "--all", dir)
		if got.Status == call.Answered || !strings.Contains(got.Out, "a.tar") || !strings.Contains(got.Err, "cut.tar") {
			t.Errorf("%s of a folder with a cut file: exit %d\n%s%s", command, got.Status, got.Out, got.Err)
		}
	}
}

func TestOwnerAsksSeveralImagesForOnePath(t *testing.T) {
	a := direct.Image(t, "a", "layer A\nf 0644 0:0 etc/a \"1\"\n")
	b := direct.Image(t, "b", "layer A\nf 0644 0:0 etc/b \"1\"\nlayer B\nf 0644 0:0 etc/a \"2\"\n")
	got := direct.Layup(t, "owner", "--path", "/etc/a", "-f", "csv", a, b)
	if rows := strings.Split(got.Out, "\n"); got.Status != call.Answered || len(rows) != 4 ||
		!strings.HasPrefix(rows[1], a) || !strings.HasPrefix(rows[2], b) {
		t.Errorf("exit %d\n%s%s", got.Status, got.Out, got.Err)
	}
	if got := direct.Layup(t, "owner", a); got.Status != call.Failed || !strings.Contains(got.Err, "PATH is missing") {
		t.Errorf("without a path: exit %d: %s", got.Status, got.Err)
	}
	for command, want := range map[string]string{"owner": "--path PATH IMAGE...", "find": "--name PATTERN IMAGE...",
		"images": "SOURCE...", "verify": "IMAGE...", "hidden": "IMAGE... [PATTERN...]"} {
		if got := direct.Layup(t, "help", command); !strings.Contains(got.Out, "layup "+command+" [flags] "+want) {
			t.Errorf("help %s does not say %q", command, want)
		}
	}
}
