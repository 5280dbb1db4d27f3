package kinds

import (
	"fmt"
	"strings"
	"testing"

	"layup/analyze/source"
	"layup/fixtures/sample"
)

// listing prints contents, a line each, without digests.
func listing(t *testing.T, name string) string {
	t.Helper()
	list, err := openFile(t, name).List(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	var lines []string
	for _, l := range list {
		line := fmt.Sprintf("%s %d %s %s %s", l.Kind, l.Number, l.Reference, l.Platform, l.Created)
		if l.Missing {
			line += " missing"
		}
		if (l.Size < 0) != l.Missing || (l.Kind == source.KindImage || l.Kind == source.KindArtifact) != (l.Number >= 0) {
			line += fmt.Sprintf(" size %d", l.Size)
		}
		lines = append(lines, strings.TrimSpace(line))
	}
	return strings.Join(lines, "\n")
}

func TestContentsListsEverything(t *testing.T) {
	docker := several(t)
	l := platforms(t, "linux/s390x", "linux/mips")
	l.blob("", []byte("nobody names me"))
	artifact := l.image(sampleOf(t, "x"), func(m map[string]any) {
		m["config"].(map[string]any)["mediaType"] = "application/x"
	})
	l.top(artifact, "sig")
	gone := platforms(t, "linux/s390x", "linux/mips")
	for digest, content := range gone.blobs {
		if strings.Contains(content, "schemaVersion") && strings.Contains(content, sample.Digest(sample.Tar(t, "b"))) {
			delete(gone.blobs, digest)
		}
	}
	const created = " 2024-01-02T03:04:05Z"
	for _, tt := range []struct{ case_, name, want string }{
		{"docker save", docker, "image 0 shop:1.2 linux/amd64" + created + "\nimage 0 shop:latest linux/amd64" + created +
			"\nimage 1 docker.io/library/tool:2 linux/amd64" + created + "\nimage 2  linux/amd64" + created},
		{"a layout", unpack(t, l.members()...), "image 0 t linux/amd64" + created + "\nimage 1 t linux/amd64" + created +
			"\nattestation -1 t unknown/unknown\nartifact 2 sig\nblob -1"},
		{"a missing platform", unpack(t, gone.members()...), "image 0 t linux/amd64" + created +
			"\nimage 1 t linux/mips  missing\nattestation -1 t unknown/unknown\nblob -1\nblob -1"},
		{"a layer", fileOf(t, "x", sample.Tar(t, "a")), "image 0"},
	} {
		if got := listing(t, tt.name); got != tt.want {
			t.Errorf("%s: got\n%s\nwant\n%s", tt.case_, got, tt.want)
		}
	}
}

func TestContentsCountsEachBlobOnce(t *testing.T) {
	s := sampleOf(t, "a", "b", "a")
	l := newLayout()
	manifest := l.image(s, nil)
	list, err := openFile(t, unpack(t, l.top(manifest, "t").members()...)).List(t.Context())
	want := int64(len(s.config) + len(s.layers[0]) + len(s.layers[1]) + manifest["size"].(int))
	if err != nil || len(list) != 1 || list[0].Size != want || list[0].Digest != manifest["digest"] {
		t.Errorf("got %+v, %v, want %d bytes", list, err, want)
	}
}

func TestContentsOfADamagedImageIsAnErrorAmongTheOthers(t *testing.T) {
	l := newLayout()
	s := sampleOf(t, "a")
	l.top(l.image(s, nil), "t").top(l.image(sampleOf(t, "b"), nil), "sound")
	l.blobs[sample.Digest([]byte(s.config))] = "{}"
	list, err := openFile(t, unpack(t, l.members()...)).List(t.Context())
	if err != nil || len(list) != 2 || list[0].Err == nil || list[1].Err != nil || list[1].Size < 0 ||
		!strings.Contains(list[0].Err.Error(), "config sha256:") {
		t.Errorf("got %+v, %v", list, err)
	}
}

func TestContentsMarksASizeWithoutAllLayers(t *testing.T) {
	s := sampleOf(t, "a", "b")
	for case_, edit := range map[string]func(l *layout, m map[string]any){
		"a foreign layer": func(l *layout, m map[string]any) {
			foreign(m)
			delete(l.blobs, s.diffIDs[0])
		},
		"an encrypted layer": func(_ *layout, m map[string]any) {
			m["layers"].([]any)[0].(map[string]any)["mediaType"] = typeLayer + "+encrypted"
		},
	} {
		l := newLayout()
		l.top(l.image(s, func(m map[string]any) { edit(l, m) }), "t")
		list, err := openFile(t, unpack(t, l.members()...)).List(t.Context())
		if err != nil || len(list) == 0 || !list[0].Partial {
			t.Errorf("%s: got %+v, %v", case_, list, err)
		}
	}
	l := newLayout()
	list, err := openFile(t, unpack(t, l.top(l.image(s, nil), "t").members()...)).List(t.Context())
	if err != nil || list[0].Partial {
		t.Errorf("a whole image: got %+v, %v", list, err)
	}
}
