package kinds

import (
	"strings"
	"testing"

	"layup/analyze/source"
	"layup/analyze/source/document"
	"layup/fixtures/sample"
	"layup/tarfs"
)

// withManifest adds manifest.json, which names these layers, to a layout.
func withManifest(l *layout, s *oneImage, tag string, order ...int) []member {
	config := document.BlobName(sample.Digest([]byte(s.config)))
	var layers []string
	for _, i := range order {
		layers = append(layers, document.BlobName(s.diffIDs[i]))
	}
	entry := map[string]any{"Config": config, "RepoTags": []string{tag}, "Layers": layers}
	return append(l.members(), member{name: "manifest.json", body: asJSON([]any{entry})})
}

func TestManifestJSONGivesTagsAndOrder(t *testing.T) {
	s := sampleOf(t, "a", "b", "c", "a")
	for _, tt := range []struct {
		case_ string
		order []int // in the OCI manifest
		codes int
	}{
		{"the same order", []int{0, 1, 2, 3}, 0},
		{"another order", []int{2, 0, 3, 1}, 1},
		{"the same layer twice, swapped", []int{3, 1, 2, 0}, 0},
	} {
		l := newLayout()
		l.top(l.image(s, func(m map[string]any) {
			all := append([]any(nil), m["layers"].([]any)...)
			for i, from := range tt.order {
				m["layers"].([]any)[i] = all[from]
			}
		}), "1.2")
		img := one(t, fileOf(t, "x", archiveOf(t, withManifest(l, s, "shop:1.2", 0, 1, 2, 3)...)))
		if got := files(t, img); got != "a b c a" || len(img.Warnings) != tt.codes {
			t.Errorf("%s: got %q, %v", tt.case_, got, img.Warnings)
		}
		if tt.codes > 0 && img.Warnings[0] != (tarfs.Warning{Code: source.LayersOutOfOrder, Layer: tarfs.NoLayer}) {
			t.Errorf("%s: got %v", tt.case_, img.Warnings)
		}
		if img.Layers[0].MediaType != typeLayer || img.Manifest == nil {
			t.Errorf("%s: the OCI manifest is lost", tt.case_)
		}
	}
}

func TestDocumentsThatDisagreeAreRefused(t *testing.T) {
	s, other := sampleOf(t, "a", "b"), sampleOf(t, "a", "evil")
	l := newLayout()
	l.top(l.image(s, nil), "1.2")
	for _, layer := range other.layers {
		l.blob("", layer)
	}
	l.blob("", []byte(other.config))
	for case_, list := range map[string][]member{
		"another config":       withManifest(l, other, "shop:1.2", 0, 1),
		"fewer layers":         withManifest(l, s, "shop:1.2", 0),
		"a layer twice":        withManifest(l, s, "shop:1.2", 0, 0),
		"a config not there":   withManifest(l, sampleOf(t, "x"), "shop:1.2", 0),
		"files outside blobs/": append(l.members(), other.dockerMembers("shop:1.2")...),
	} {
		got := refusal(t, fileOf(t, "x", archiveOf(t, list...)))
		if !strings.Contains(got, "manifest.json and index.json disagree: image 0") {
			t.Errorf("%s: got %q", case_, got)
		}
	}
}

func TestManifestJSONMayNameFilesOutsideTheLayout(t *testing.T) {
	s := sampleOf(t, "a", "b")
	l := newLayout()
	l.top(l.image(s, nil), "1.2")
	list := append(l.members(), s.dockerMembers("shop:1.2")...)
	for i, d := range s.diffIDs { // one content, two names
		list = replaced(list, document.BlobName(d), func(m *member) {
			m.body, m.link = "", strings.Repeat("../", 2)+s.dockerMembers()[i].name
		})
	}
	if got := files(t, one(t, fileOf(t, "x", archiveOf(t, list...)))); got != "a b" {
		t.Errorf("got %q", got)
	}
}

func TestNamesOfIndexAndManifestJSONAreJoined(t *testing.T) {
	s := sampleOf(t, "a")
	l := newLayout()
	desc := l.image(s, nil)
	l.top(desc, "1.2")
	l.tops[0]["annotations"] = map[string]string{"io.containerd.image.name": "docker.io/library/shop:1.2",
		"org.opencontainers.image.ref.name": "1.2"}
	l.top(desc, "again")
	img := one(t, fileOf(t, "x", archiveOf(t, withManifest(l, s, "shop:1.2", 0)...)))
	if got := strings.Join(img.References, " "); got != "shop:1.2 again" {
		t.Errorf("got %q", got)
	}
}

// What an index calls an image is not the digest of its index, also if it looks like a digest.
func TestANameThatLooksLikeADigestIsNotOne(t *testing.T) {
	forged := sample.Digest([]byte("another index"))
	for _, nested := range []bool{false, true} {
		l := newLayout()
		desc := l.image(sampleOf(t, "a"), nil)
		want := ""
		if nested {
			desc = l.index(desc)
			want = desc["digest"].(string)
		}
		l.top(desc, forged)
		l.tops[0]["annotations"].(map[string]string)[document.NameAnnotation] = "shop:" + forged
		img := one(t, fileOf(t, "x", archiveOf(t, l.members()...)))
		if img.Index != want {
			t.Errorf("nested %v: got index %s, want %q", nested, img.Index, want)
		}
	}
}
