package kinds

import (
	"strings"
	"testing"

	"layup/analyze/source"
	"layup/analyze/source/archive"
	"layup/analyze/source/document"
	"layup/fixtures/sample"
	"layup/tarfs"
)

// A savedImage is an image as Docker 25 and later save it: uncompressed layers in blobs.
type savedImage struct {
	*oneImage
	tags []string
	// reached is how index.json leads to the image: not at all if it is nil.
	reached func(manifest map[string]any)
}

// savedBy returns what docker save of Docker 25 and later writes.
func savedBy(t *testing.T, images ...savedImage) string {
	t.Helper()
	l := newLayout()
	var entries []any
	for _, s := range images {
		desc := l.image(s.oneImage, s.reached)
		if s.reached != nil {
			l.top(desc, "")
		}
		var names []string
		for _, d := range s.diffIDs {
			names = append(names, document.BlobName(d))
		}
		entries = append(entries, map[string]any{"Config": document.BlobName(sample.Digest([]byte(s.config))),
			"RepoTags": s.tags, "Layers": names})
	}
	list := append(l.members(), member{name: "manifest.json", body: asJSON(entries)})
	return fileOf(t, "x.tar", archiveOf(t, list...))
}

func asItIs(map[string]any) {}

func noLayers(m map[string]any) { m["layers"] = []any{} }

// foreign describes the first layer as its registry has it.
func foreign(m map[string]any) {
	d := m["layers"].([]any)[0].(map[string]any)
	d["mediaType"] = "application/vnd.docker.image.rootfs.foreign.diff.tar.gzip"
	d["digest"], d["size"], d["urls"] = sample.Digest([]byte("far")), 3, []string{"https://mcr.example/x"}
}

// Source: moby, daemon/internal/image/tarexport/save.go; moby/moby#47210, #51389, #47065.
func TestWhatDockerSavesWithoutATagIsRead(t *testing.T) {
	a, b := sampleOf(t, "a", "b"), sampleOf(t, "a")
	tagged := []string{"shop:1.2"}
	for _, tt := range []struct {
		case_  string
		images []savedImage
		want   []string // files of each image; a bang if index.json misses it
		refs   string
	}{
		{"by ID", []savedImage{{a, nil, nil}}, []string{"a b!"}, "|"},
		{"two by digest", []savedImage{{a, nil, nil}, {b, nil, nil}}, []string{"a b!", "a!"}, "||"},
		{"a tag and an ID", []savedImage{{a, tagged, asItIs}, {b, nil, nil}}, []string{"a b", "a!"}, "shop:1.2||"},
		{"an ID and a tag", []savedImage{{b, nil, nil}, {a, tagged, asItIs}}, []string{"a b", "a!"}, "shop:1.2||"},
		{"a manifest without layers", []savedImage{{a, tagged, noLayers}}, []string{"a b!"}, "shop:1.2|"},
		{"a foreign layer", []savedImage{{a, tagged, foreign}}, []string{"a b!"}, "shop:1.2|"},
	} {
		opened := openFile(t, savedBy(t, tt.images...))
		images, _, err := opened.Choose(t.Context(), source.Selection{All: true})
		if err != nil || len(images) != len(tt.want) || len(opened.Warnings()) != 1 {
			t.Errorf("%s: got %d images, %v, %v", tt.case_, len(images), err, opened.Warnings())
			continue
		}
		refs := ""
		for i, img := range images {
			refs += img.Reference + "|"
			got, missed := files(t, img), tarfs.Warning{Code: archive.IndexMissesImage, Layer: tarfs.NoLayer}
			if len(img.Warnings) == 1 && img.Warnings[0] == missed {
				got += "!"
			}
			if got != tt.want[i] || img.Verified != "full" {
				t.Errorf("%s: image %d: got %q with %v, want %q", tt.case_, i, got, img.Warnings, tt.want[i])
			}
		}
		if refs != tt.refs {
			t.Errorf("%s: got %q, want %q", tt.case_, refs, tt.refs)
		}
	}
}

func TestWhatDockerDoesNotSaveIsRefused(t *testing.T) {
	a, b := sampleOf(t, "a", "b"), sampleOf(t, "a", "evil")
	const disagree = "manifest.json and index.json disagree: image "
	for _, tt := range []struct{ case_, name, want string }{
		{"a tag that index.json does not have",
			savedBy(t, savedImage{a, []string{"x:1"}, asItIs}, savedImage{b, []string{"x:2"}, nil}), disagree + "1"},
		{"another image in index.json", func() string {
			l := newLayout()
			l.top(l.image(a, nil), "t")
			l.image(b, nil)
			return fileOf(t, "x.tar", archiveOf(t, append(l.members(), b.blobManifest())...))
		}(), disagree + "0"},
		{"a foreign layer in another place", savedBy(t, savedImage{a, []string{"x:1"}, func(m map[string]any) {
			foreign(m)
			list := m["layers"].([]any)
			list[0], list[1] = list[1], list[0]
		}}), disagree + "0"},
		{"a layer that is not foreign", savedBy(t, savedImage{a, []string{"x:1"}, func(m map[string]any) {
			foreign(m)
			d := m["layers"].([]any)[0].(map[string]any)
			d["mediaType"], d["urls"] = typeLayer, nil
		}}), disagree + "0"},
	} {
		if got := refusal(t, tt.name); !strings.HasPrefix(got, tt.name+": "+tt.want) {
			t.Errorf("%s: got %q, want %q", tt.case_, got, tt.want)
		}
	}
	l := newLayout()
	l.image(a, nil)
	other := *a
	other.diffIDs = []string{a.diffIDs[1], a.diffIDs[0]}
	list := append(l.members(), other.blobManifest())
	if got := refusal(t, fileOf(t, "x.tar", archiveOf(t, list...))); !strings.Contains(got, disagree) {
		t.Errorf("layers in another order than the config's: got %q", got)
	}
}
