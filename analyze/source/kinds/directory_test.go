package kinds

import (
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"testing"

	"layup/analyze/source"
	"layup/analyze/source/archive"
	"layup/analyze/source/disk"
	"layup/analyze/source/document"
	"layup/fixtures/sample"
)

func TestLinksInsideALayoutAreFollowedAndNeverOut(t *testing.T) {
	l := newLayout()
	s := sampleOf(t, "a", "b")
	l.top(l.image(s, nil), "t")
	blob := document.BlobName(s.diffIDs[1])
	outside := fileOf(t, "outside", s.layers[1])
	for _, tt := range []struct {
		case_, name, target string
		want                string
	}{
		{"a blob elsewhere inside", blob, "../../kept", ""},
		{"a blob outside", blob, outside, "layer 1: blob " + s.diffIDs[1] + ": link to"},
		{"a device", blob, "/dev/zero", "not a regular file"},
		{"a directory", blob, "../sha256", "is a directory"},
		{"nothing", blob, "gone", "link to a file that does not exist"},
		{"itself", blob, filepath.Base(blob), "layer 1"},
		{"index.json a device", "index.json", "/dev/zero", "index.json: link to \"/dev/zero\""},
		{"index.json outside", "index.json", outside, "index.json: link to"},
	} {
		dir := unpack(t, l.members()...)
		if err := os.Rename(filepath.Join(dir, tt.name), filepath.Join(dir, "kept")); err != nil {
			t.Fatal(err)
		}
		if err := os.Symlink(tt.target, filepath.Join(dir, tt.name)); err != nil {
			t.Fatal(err)
		}
		if got := refusal(t, dir); (got == "") != (tt.want == "") || !strings.Contains(got, tt.want) {
			t.Errorf("%s: got %q, want %q", tt.case_, got, tt.want)
		}
	}
}

func TestADirectoryOfBlobsMayBeALinkInsideOnly(t *testing.T) {
	l := newLayout()
	l.top(l.image(sampleOf(t, "a"), nil), "t")
	dir := unpack(t, l.members()...)
	move := func(to, link string) {
		if err := os.Rename(filepath.Join(dir, "blobs"), to); err != nil {
			t.Fatal(err)
		}
		if err := os.Symlink(link, filepath.Join(dir, "blobs")); err != nil {
			t.Fatal(err)
		}
	}
	move(filepath.Join(dir, "store"), "store")
	if got := refusal(t, dir); got != "" {
		t.Errorf("inside: %s", got)
	}
	if err := os.Remove(filepath.Join(dir, "blobs")); err != nil {
		t.Fatal(err)
	}
	if err := os.Rename(filepath.Join(dir, "store"), filepath.Join(dir, "blobs")); err != nil {
		t.Fatal(err)
	}
	away := filepath.Join(t.TempDir(), "blobs")
	move(away, away)
	if got := refusal(t, dir); !strings.Contains(got, "leads out of it") {
		t.Errorf("outside: got %q", got)
	}
}

func TestManyLayersShareFewOpenFiles(t *testing.T) {
	var names []string
	for i := range 3 * disk.MaxOpen {
		names = append(names, fmt.Sprint("file", i))
	}
	l := newLayout()
	l.top(l.image(sampleOf(t, names...), nil), "t")
	a := openFile(t, unpack(t, l.members()...))
	images, _, err := a.Choose(t.Context(), source.Selection{})
	if err != nil {
		t.Fatal(err)
	}
	var wait sync.WaitGroup
	for range 4 {
		wait.Go(func() {
			for i, layer := range images[0].Layers {
				s, err := layer.Scan(t.Context(), source.ScanOptions{})
				if err != nil || len(sample.Names(s.Table)) != 1 || sample.Names(s.Table)[0] != names[i] {
					t.Errorf("layer %d: %v", i, err)
				}
			}
		})
	}
	wait.Wait()
}

func TestDirectoriesOfDockerSaveAreRead(t *testing.T) {
	img := one(t, unpack(t, sampleOf(t, "a", "b").dockerMembers("x:1")...))
	if files(t, img) != "a b" || img.Source != archive.Docker {
		t.Errorf("got %s", img.Source)
	}
}

// dirMembers are an image as skopeo writes it to dir:.
func dirMembers(s *oneImage) []member {
	l := newLayout()
	top := l.image(s, nil)["digest"].(string)
	list := []member{{name: "version", body: "Directory Transport Version: 1.1\n"}}
	for digest, content := range l.blobs {
		name := hexOf(digest)
		if digest == top {
			name = "manifest.json"
		}
		list = append(list, member{name: name, body: content})
	}
	return list
}

func TestSkopeosDirIsRead(t *testing.T) {
	s := sampleOf(t, "a", "b")
	list := dirMembers(s)
	dir := unpack(t, list...)
	for _, name := range []string{dir, "dir:" + dir, fileOf(t, "x.tar", archiveOf(t, list...))} {
		a := openFile(t, name)
		images, _, err := a.Choose(t.Context(), source.Selection{})
		if err != nil || files(t, images[0]) != "a b" || a.Kind() != archive.Dir || images[0].Reference != "" ||
			images[0].ID != sample.Digest([]byte(s.config)) || images[0].Verified != "full" {
			t.Errorf("%s: got %s, %v", name, a.Kind(), err)
		}
		if list, err := a.List(t.Context()); err != nil || len(list) != 1 {
			t.Errorf("%s: lists %v, %v", name, list, err)
		}
	}
	stray := append(list, member{name: strings.Repeat("0", 64), body: "x"}, member{name: "signature-1", body: "x"})
	if got := listing(t, unpack(t, stray...)); !strings.HasSuffix(got, "\nblob -1") {
		t.Errorf("a blob that nothing names: got %s", got)
	}
	for _, tt := range []struct{ name, want string }{
		{"dir:" + unpack(t, without(list, "version")...), "not what skopeo writes as dir:"},
		{unpack(t, without(list, hexOf(s.diffIDs[1]))...), "layer 1: blob " + s.diffIDs[1]},
		{unpack(t, replaced(list, hexOf(s.diffIDs[1]), func(m *member) { m.body += "x" })...),
			"layer 1: content does not match"},
	} {
		if got := refusal(t, tt.name); !strings.Contains(got, tt.want) {
			t.Errorf("%s: got %q, want %q", tt.name, got, tt.want)
		}
	}
}

func TestSkopeosDirMayHoldSeveralPlatforms(t *testing.T) {
	l := newLayout()
	list := []member{{name: "version", body: "Directory Transport Version: 1.1\n"}}
	top := l.index(platformOf(l.image(sampleOf(t, "a"), nil), "linux/s390x"),
		platformOf(l.image(sampleOf(t, "b"), nil), "linux/mips"))
	for digest, content := range l.blobs {
		name := hexOf(digest)
		switch {
		case digest == top["digest"]:
			name = "manifest.json"
		case strings.Contains(content, `"layers"`) && strings.Contains(content, "schemaVersion"):
			name += ".manifest.json"
		}
		list = append(list, member{name: name, body: content})
	}
	images, _, err := openFile(t, unpack(t, list...)).Choose(t.Context(), source.Selection{Platform: "linux/mips"})
	if err != nil || files(t, images[0]) != "b" {
		t.Errorf("got %v", err)
	}
}
