package kinds

import (
	"os"
	"path/filepath"
	"testing"

	"layup/analyze/source"
	"layup/fixtures/sample"
)

// readAll asks everything of what opens; errors are welcome, panics are not.
func readAll(t *testing.T, name string) {
	opt := testOptions(t)
	opt.Limits.ImageBytes, opt.Limits.LayerBytes, opt.Limits.Window = 1<<24, 1<<24, 1<<23
	a, err := Open(t.Context(), name, opt)
	if err != nil {
		return
	}
	_, _ = a.List(t.Context())
	images, _, err := a.Choose(t.Context(), source.Selection{All: true})
	if err == nil {
		for _, img := range images {
			_ = img.History()
			for _, l := range img.Layers {
				_, _ = l.Scan(t.Context(), source.ScanOptions{})
			}
		}
	}
	if err := a.Close(); err != nil {
		t.Error(err)
	}
}

func FuzzArchive(f *testing.F) {
	s := sampleOf(f, "a", "b")
	l := newLayout()
	l.top(platformOf(l.image(s, nil), "linux/amd64"), "t").top(l.index(l.tops[0]), "u")
	f.Add(archiveOf(f, s.dockerMembers("x:1")...))
	f.Add(archiveOf(f, l.members()...))
	f.Add(archiveOf(f, append(l.members(), s.blobManifest("x:1"))...))
	f.Add(sample.Gzip(f, sample.Tar(f, "etc/passwd")))
	f.Fuzz(func(t *testing.T, content []byte) {
		path := filepath.Join(t.TempDir(), "x")
		if err := os.WriteFile(path, content, 0o600); err != nil {
			t.Fatal(err)
		}
		readAll(t, path)
	})
}

// FuzzDocuments puts a text in the place of each document of an image, with digests that fit it.
func FuzzDocuments(f *testing.F) {
	s := sampleOf(f, "a")
	l := newLayout()
	l.top(l.image(s, nil), "t")
	for _, m := range append(l.members(), s.dockerMembers("x:1")...) {
		f.Add([]byte(m.body), uint8(0))
	}
	f.Add([]byte(`{"manifests":[null]}`), uint8(1))
	f.Add([]byte(`{"shop":{"1":"x"}}`), uint8(5))
	f.Fuzz(func(t *testing.T, doc []byte, place uint8) {
		odd := sampleOf(t, "a")
		l := newLayout()
		list := odd.dockerMembers("x:1")
		names := []string{"manifest.json", "index.json", "config", "manifest", "oci-layout", "repositories"}
		switch name := names[place%6]; name {
		case "config":
			odd.config = string(doc)
			list = l.top(l.image(odd, nil), "t").members()
		case "manifest":
			l.image(odd, nil)
			list = l.top(l.blob(typeManifest, doc), "t").members()
		case "index.json", "oci-layout":
			list = l.top(l.image(odd, nil), "t").members()
			fallthrough
		default:
			if name == "repositories" {
				list = without(list, "manifest.json")
			}
			list = replaced(list, name, func(m *member) { m.body = string(doc) })
		}
		readAll(t, fileOf(t, "x.tar", archiveOf(t, list...)))
	})
}
