package kinds

import (
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"testing"

	"layup/analyze/source"
	"layup/analyze/source/advice"
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

func TestSkopeosDirFormIsRefusedWithTheCommandThatConvertsIt(t *testing.T) {
	list := []member{{name: "version", body: "Directory Transport Version: 1.1\n"},
		{name: "manifest.json", body: `{"schemaVersion":2}`}}
	dir := unpack(t, list...)
	for name, want := range map[string]string{
		dir:          "skopeo copy dir:" + dir + " oci-archive:image.tar, then read image.tar",
		"dir:/x y":   "skopeo copy 'dir:/x y' oci-archive:image.tar, then read image.tar",
		"dir:" + dir: "skopeo copy dir:" + dir + " oci-archive:image.tar, then read image.tar",
		fileOf(t, "x.tar", archiveOf(t, list...)): "unpack the tar into DIR, " +
			"then skopeo copy dir:DIR oci-archive:image.tar, then read image.tar",
	} {
		_, err := Open(t.Context(), name, testOptions(t))
		hinted, ok := errors.AsType[*advice.Hinted](err)
		if !ok || !strings.HasSuffix(err.Error(), ": skopeo's dir: form is not supported") || hinted.Hint != want {
			t.Errorf("%s: got %v with %v, want %q", name, err, hinted, want)
		}
	}
}
