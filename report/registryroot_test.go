package report_test

import (
	"archive/tar"
	"bytes"
	"compress/gzip"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"layup/fixtures"
	"layup/fixtures/direct"
	"layup/report/call"
)

// aRegistrysDisk is the disk of a registry with two repositories: lab/shop has an image with two layers, an index of
// two platforms and an image without a tag, other has the first image. It returns the digests of the manifests.
func aRegistrysDisk(t *testing.T) (root string, digests map[string]string) {
	t.Helper()
	root = filepath.Join(t.TempDir(), "registry")
	m := newMade(t, imageOf(t, "tag shop:1\nlayer A\nf 0644 0:0 etc/MYFILE \"1\"\nlayer B\nf 0644 0:0 b \"2\"\n"))
	digests = map[string]string{"1": firstDigest(t, m)}
	if err := m.Serve(root, "other"); err != nil {
		t.Fatal(err)
	}
	var platforms []fixtures.Descriptor
	for _, arch := range []string{"amd64", "arm64"} {
		img := imageOf(t, "tag x:1\nlayer A\nf 0644 0:0 etc/MYFILE \"1\"\nlayer C\nf 0644 0:0 "+arch+" \"3\"\n")
		img.Platform.Arch = arch
		one := newMade(t, img)
		d := fixtures.Descriptor{"mediaType": "application/vnd.oci.image.manifest.v1+json", "digest": firstDigest(t, one),
			"platform": map[string]string{"os": "linux", "architecture": arch}}
		copyBlobs(t, one, m)
		info, err := os.Stat(m.BlobFile(d.Digest()))
		if err != nil {
			t.Fatal(err)
		}
		d["size"] = info.Size()
		digests[arch] = d.Digest()
		platforms = append(platforms, d)
	}
	index := m.blob("application/vnd.oci.image.index.v1+json", `{"schemaVersion":2,"manifests":`+asJSON(t, platforms)+`}`)
	digests["multi"] = index.Digest()
	if err := m.Top(index, "multi"); err != nil {
		t.Fatal(err)
	}
	old := newMade(t, imageOf(t, "tag x:1\nlayer A\nf 0644 0:0 etc/MYFILE \"1\"\nlayer D\nf 0644 0:0 old \"4\"\n"))
	digests["old"] = firstDigest(t, old)
	copyBlobs(t, old, m)
	if err := m.Serve(root, "lab/shop"); err != nil {
		t.Fatal(err)
	}
	return root, digests
}

func TestRegistrysDiskIsListedAndSearchedWhole(t *testing.T) {
	root, digests := aRegistrysDisk(t)
	want := []string{
		"kind=image number=0 reference=lab/shop:1 platform=linux/amd64",
		"kind=image number=0 reference=other:1 platform=linux/amd64",
		"kind=image number=1 reference=lab/shop:multi platform=linux/amd64",
		"kind=image number=2 reference=lab/shop:multi platform=linux/arm64",
		"kind=image number=3 reference=lab/shop@" + digests["old"] + " platform=linux/amd64"}
	for _, name := range []string{root, filepath.Join(root, "docker"), filepath.Join(root, "docker/registry/v2"),
		tarred(t, root, false), tarred(t, root, true)} {
		if name != root {
			name = strings.TrimPrefix(name, "registry-root:")
		}
		direct.Expect(t, "images "+name, direct.Items(t, "kind number reference platform", "images", "registry-root:"+name),
			want...)
		direct.Expect(t, "find "+name, direct.Items(t, "path layer", "find", "registry-root:"+name, "MYFILE"),
			"path=/etc/MYFILE layer=0")
		found := direct.Items(t, "path images", "find", "registry-root:"+name, "b", "old")
		direct.Expect(t, "two files "+name, found,
			`path=/b images=["lab/shop:1"]`, `path=/old images=["lab/shop@`+digests["old"]+`"]`)
		got := direct.Layup(t, "verify", "registry-root:"+name)
		if got.Status != call.Answered || strings.Count(got.Out, "\nPASS") != 5 {
			t.Errorf("verify %s: exit %d\n%s%s", name, got.Status, got.Out, got.Err)
		}
	}
	direct.Expect(t, "one repository", direct.Items(t, "reference", "images", "registry-root:"+root+":other"),
		"reference=other:1")
	for inside, want := range map[string]string{":other": "/b", ":lab/shop:1": "/b", ":shop:1": "/b",
		":lab/shop@" + digests["old"]: "/old", ":lab/shop@" + digests["arm64"]: "/arm64", ":lab/shop:multi": "/amd64"} {
		got := direct.Layup(t, "owner", "--platform", "linux/amd64", "registry-root:"+root+inside, want)
		if want == "/arm64" {
			got = direct.Layup(t, "owner", "registry-root:"+root+inside, want)
		}
		if got.Status != call.Answered {
			t.Errorf("%s: exit %d: %s", inside, got.Status, got.Err)
		}
	}
	got := direct.Layup(t, "ls", "registry-root:"+root+":lab/shop")
	if got.Status != call.Failed || !strings.Contains(got.Err, "registry-root:"+root+":lab/shop:1") {
		t.Errorf("several images: exit %d: %s", got.Status, got.Err)
	}
}

func TestRegistrysDiskWithoutItsPrefixIsNamed(t *testing.T) {
	root, _ := aRegistrysDisk(t)
	for _, name := range []string{root, tarred(t, root, false), tarred(t, root, true)} {
		got := direct.Layup(t, "images", name)
		if got.Status != call.Failed || !strings.Contains(got.Err, "layup images registry-root:"+name) {
			t.Errorf("%s: exit %d: %s", name, got.Status, got.Err)
		}
	}
	got := direct.Layup(t, "images", "registry-root:"+t.TempDir())
	if got.Status != call.Failed || !strings.Contains(got.Err, "is not the disk of a registry") {
		t.Errorf("an empty directory: exit %d: %s", got.Status, got.Err)
	}
}

// What is damaged on the disk is named, and the rest is answered.
func TestRegistrysDiskIsReadAroundDamage(t *testing.T) {
	manifests := "docker/registry/v2/repositories/lab/shop/_manifests/"
	blob := func(digest string) string {
		return "docker/registry/v2/blobs/sha256/" + digest[7:9] + "/" + digest[7:] + "/data"
	}
	for _, c := range []struct {
		say    string
		damage func(root string, digests map[string]string) error
		row    string // begins the row of what is damaged
		status int
	}{
		{"a tag without a link", func(root string, _ map[string]string) error {
			return os.Remove(filepath.Join(root, manifests, "tags/1/current/link"))
		}, "reference=lab/shop:1 error=the tag has no link", call.Failed},
		{"a damaged link", func(root string, _ map[string]string) error {
			return os.WriteFile(filepath.Join(root, manifests, "tags/1/current/link"), []byte("sha256:12"), 0o600)
		}, "reference=lab/shop:1 error=the link to its manifest is damaged", call.Failed},
		{"a deleted manifest", func(root string, d map[string]string) error {
			return os.Remove(filepath.Join(root, manifests, "revisions/sha256", d["old"][7:], "link"))
		}, "reference=lab/shop@old state=deleted", call.Answered},
		{"a missing manifest", func(root string, d map[string]string) error {
			return os.Remove(filepath.Join(root, blob(d["old"])))
		}, "reference=lab/shop@old missing=true", call.Answered},
		{"a damaged manifest", func(root string, d map[string]string) error {
			return os.WriteFile(filepath.Join(root, blob(d["old"])), []byte("{}"), 0o600)
		}, "reference=lab/shop@old error=manifest old", call.Failed},
	} {
		root, digests := aRegistrysDisk(t)
		if err := c.damage(root, digests); err != nil {
			t.Fatal(err)
		}
		for _, keep := range []bool{false, true} {
			args := []string{"images", "-f", "jsonl", "registry-root:" + root}
			want := c.status
			if keep {
				args = append(args, "--keep-going")
				want = min(want, call.Partly)
				if c.status == call.Failed {
					want = call.Partly
				}
			}
			got := direct.Layup(t, args...)
			if got.Status != want || !strings.Contains(got.Out, `"reference":"lab/shop:multi","digest"`) {
				t.Errorf("%s, keep going %v: exit %d, want %d\n%s%s", c.say, keep, got.Status, want, got.Out, got.Err)
			}
		}
		rows := direct.Items(t, "reference state missing error", "images", "--keep-going", "registry-root:"+root)
		text := strings.ReplaceAll(strings.Join(rows, "\n"), digests["old"], "old")
		if !strings.Contains(text, c.row) {
			t.Errorf("%s: want %q in\n%s", c.say, c.row, text)
		}
		if got := direct.Layup(t, "owner", "registry-root:"+root+":lab/shop:multi", "/etc/MYFILE"); got.Status != 0 {
			t.Errorf("%s: another image: exit %d: %s", c.say, got.Status, got.Err)
		}
		found := direct.Layup(t, "find", "--keep-going", "registry-root:"+root, "MYFILE")
		if !strings.Contains(found.Out, "/etc/MYFILE") {
			t.Errorf("%s: find: exit %d: %s%s", c.say, found.Status, found.Out, found.Err)
		}
	}
}

// tarred is a tar of a directory.
func tarred(t *testing.T, dir string, compressed bool) string {
	t.Helper()
	var b bytes.Buffer
	w := tar.NewWriter(&b)
	if err := w.AddFS(os.DirFS(dir)); err != nil {
		t.Fatal(err)
	}
	if err := w.Close(); err != nil {
		t.Fatal(err)
	}
	name, data := filepath.Join(t.TempDir(), "registry.tar"), b.Bytes()
	if compressed {
		var z bytes.Buffer
		gz := gzip.NewWriter(&z)
		gz.Write(data)
		if err := gz.Close(); err != nil {
			t.Fatal(err)
		}
		name, data = name+".gz", z.Bytes()
	}
	direct.Put(t, name, data)
	return name
}
