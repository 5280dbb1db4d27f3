package kinds

import (
	"encoding/json"
	"errors"
	"fmt"
	"slices"
	"strings"
	"testing"

	"layup/analyze/source"
	"layup/analyze/source/archive"
	"layup/analyze/source/document"
	"layup/fixtures/sample"
	"layup/tarfs"
)

func TestDockerSaveOfEveryToolIsRead(t *testing.T) {
	s := sampleOf(t, "a", "b")
	id := hexOf(sample.Digest([]byte(s.config)))
	entry := func(config string, layers ...string) member {
		entry := map[string]any{"Config": config, "RepoTags": []string{"shop:1.2"}, "Layers": layers}
		return member{name: "manifest.json", body: asJSON([]any{entry})}
	}
	zero, one_ := string(s.layers[0]), string(s.layers[1])
	for _, tt := range []struct {
		case_ string
		list  []member
	}{
		{"podman", []member{
			{name: hexOf(s.diffIDs[0]) + ".tar", body: zero}, {name: hexOf(s.diffIDs[1]) + ".tar", body: one_},
			{name: "v1/layer.tar", link: "../" + hexOf(s.diffIDs[0]) + ".tar"}, {name: id + ".json", body: s.config},
			entry(id+".json", hexOf(s.diffIDs[0])+".tar", hexOf(s.diffIDs[1])+".tar"),
		}},
		{"kaniko, crane", []member{
			{name: "sha256:" + id, body: s.config},
			{name: "0.tar.gz", body: string(sample.Gzip(t, s.layers[0]))},
			{name: "1.tar", body: string(sample.Zstd(t, s.layers[1]))},
			entry("sha256:"+id, "0.tar.gz", "1.tar"),
		}},
		{"a config of another name", []member{
			{name: "config.json", body: s.config}, {name: "0", body: zero}, {name: "1", body: one_},
			entry("config.json", "0", "1"),
		}},
		{"documents first", append([]member{entry(id+".json", "0", "1"), {name: id + ".json", body: s.config}},
			member{name: "0", body: zero}, member{name: "1", body: one_})},
	} {
		img := one(t, fileOf(t, "x.tar", archiveOf(t, tt.list...)))
		if got := files(t, img); got != "a b" || img.ID != "sha256:"+id || img.Reference != "shop:1.2" ||
			img.Platform != "linux/amd64" {
			t.Errorf("%s: got %q, %s, %s, %s", tt.case_, got, img.ID, img.Reference, img.Platform)
		}
		if img.Verified != "full" || img.Source != archive.Docker || len(img.Warnings) > 0 {
			t.Errorf("%s: got %s, %s, %v", tt.case_, img.Verified, img.Source, img.Warnings)
		}
		if got := img.Layers[1].DiffID; got != s.diffIDs[1] {
			t.Errorf("%s: got diffID %s", tt.case_, got)
		}
	}
}

func TestSavedByIDHasNoReference(t *testing.T) {
	list := sampleOf(t, "a").dockerMembers()
	if img := one(t, fileOf(t, "x.tar", archiveOf(t, list...))); img.Reference != "" || len(img.References) > 0 {
		t.Errorf("got %q", img.References)
	}
}

func TestALayerThatComesTwiceIsReadTwice(t *testing.T) {
	s := sampleOf(t, "a", "b", "a")
	list := s.dockerMembers("x:1")
	list[2] = member{name: list[2].name, link: "../" + list[0].name}
	if got := files(t, one(t, fileOf(t, "x.tar", archiveOf(t, list...)))); got != "a b a" {
		t.Errorf("got %q", got)
	}
}

func TestAnImageThatIsListedTwiceIsOne(t *testing.T) {
	s := sampleOf(t, "a", "b")
	list := s.dockerMembers("x:1")
	entry := func(edit func(entry map[string]any)) map[string]any {
		var entries []map[string]any
		if err := json.Unmarshal([]byte(list[len(list)-1].body), &entries); err != nil {
			t.Fatal(err)
		}
		edit(entries[0])
		return entries[0]
	}
	for _, tt := range []struct {
		case_, want string
		second      func(entry map[string]any)
	}{
		{"to the letter", "", func(entry map[string]any) {}},
		{"under another tag", "", func(entry map[string]any) { entry["RepoTags"] = []string{"x:2"} }},
		{"with other layers", `reference "x:1" is ambiguous (2 manifests)`, func(entry map[string]any) {
			layers := entry["Layers"].([]any)
			layers[0], layers[1] = layers[1], layers[0]
		}},
	} {
		entries := []any{entry(func(map[string]any) {}), entry(tt.second)}
		twice := replaced(list, "manifest.json", func(m *member) { m.body = asJSON(entries) })
		images, _, err := openFile(t, fileOf(t, "x.tar", archiveOf(t, twice...))).Choose(t.Context(), source.Selection{})
		if tt.want == "" && (err != nil || files(t, images[0]) != "a b") ||
			tt.want != "" && !strings.Contains(choices(err), tt.want) {
			t.Errorf("%s: got %v, want %q", tt.case_, err, tt.want)
		}
	}
}

func TestAnImageOfNoLayersIsAnImage(t *testing.T) {
	s := &oneImage{config: `{"os":"linux","architecture":"amd64","rootfs":{"type":"layers"}}`}
	img := one(t, fileOf(t, "x.tar", archiveOf(t, s.dockerMembers("x:1")...)))
	if len(img.Layers) != 0 || len(img.Warnings) != 0 {
		t.Errorf("got %d layers, %v", len(img.Layers), img.Warnings)
	}
}

func TestBadManifestsSayWhatIsWrong(t *testing.T) {
	for doc, want := range map[string]string{
		`{}`:                            "manifest.json: want a list, found object",
		`null`:                          "manifest.json: lists no image",
		`[]`:                            "manifest.json: lists no image",
		`[null]`:                        "manifest.json: image 0: null",
		`[{"Layers":["x"]}]`:            "manifest.json: image 0: names no Config",
		`[{"Config":1}]`:                "manifest.json: image 0: Config: want a string, found number",
		`[{"Config":"c","Layers":"x"}]`: "manifest.json: image 0: Layers: want a list, found string",
		`[{"Config":"c","Layers":["a"],"layers":["b"]}]`: `manifest.json: duplicate key "layers"`,
		`[{"Config":"../../etc/passwd"}]`:                `config: member "../../etc/passwd" not in the archive`,
		`[{"Config":"/etc/passwd"}]`:                     `config: member "/etc/passwd" not in the archive`,
		`<html>`:                                         "manifest.json: not JSON but an HTML",
		``:                                               "manifest.json: not JSON: it is empty",
	} {
		list := replaced(sampleOf(t, "a").dockerMembers("x:1"), "manifest.json", func(m *member) { m.body = doc })
		if got := refusal(t, fileOf(t, "x.tar", archiveOf(t, list...))); !strings.Contains(got, want) {
			t.Errorf("%s: got %q, want %q", doc, got, want)
		}
	}
}

func TestLayersAndDiffIDsMustBeAsMany(t *testing.T) {
	s := sampleOf(t, "a", "b")
	for _, tt := range []struct {
		config, want string
	}{
		{`{"rootfs":{"diff_ids":["` + s.diffIDs[0] + `"]}}`, "2 layers but 1 diff_ids"},
		{`{"rootfs":{"diff_ids":["` + strings.Join(append(s.diffIDs, s.diffIDs[0]), `","`) + `"]}}`,
			"2 layers but 3 diff_ids"},
		{`{}`, "config: no rootfs.diff_ids"},
		{`null`, "config: no rootfs.diff_ids"},
		{`{"rootfs":[]}`, "config: rootfs: want an object, found list"},
		{`{"rootfs":{"diff_ids":[1,null]}}`, "config: rootfs.diff_ids[0]: want a string, found number"},
		{`{"rootfs":{"diff_ids":["sha256:abcd"]}}`, `config: rootfs.diff_ids[0]: bad digest "sha256:abcd"`},
		{`{"rootfs":{"diff_ids":["sha256:` + strings.Repeat("A", 64) + `"]}}`, "bad digest"},
	} {
		s.config = tt.config
		if got := refusal(t, fileOf(t, "x.tar", archiveOf(t, s.dockerMembers("x:1")...))); !strings.Contains(got, tt.want) {
			t.Errorf("%s: got %q, want %q", tt.config, got, tt.want)
		}
	}
}

func TestAConfigThatIsNotWhatItsNameSaysIsRefused(t *testing.T) {
	list := sampleOf(t, "a").dockerMembers("x:1")
	list[1].body += " "
	path := fileOf(t, "x.tar", archiveOf(t, list...))
	if got := refusal(t, path); !strings.Contains(got, "config: content does not match its digest: want sha256:") {
		t.Errorf("got %q", got)
	}
	opt := testOptions(t)
	opt.Verify = false
	a, err := Open(t.Context(), path, opt)
	if err != nil {
		t.Fatal(err)
	}
	defer a.Close()
	if images, _, err := a.Choose(t.Context(), source.Selection{}); err != nil || images[0].Verified != "none" {
		t.Errorf("without verification: %v", err)
	}
}

func TestLimitsHoldBeforeReading(t *testing.T) {
	list := sampleOf(t, "a", "b").dockerMembers("x:1")
	for name, set := range map[string]func(l *document.Limits){
		document.LimitManifest: func(l *document.Limits) { l.Manifest = 10 },
		document.LimitConfig:   func(l *document.Limits) { l.Config = 10 },
		document.LimitLayers:   func(l *document.Limits) { l.Layers = 1 },
		"history":              func(l *document.Limits) { l.History = 1 },
	} {
		opt := testOptions(t)
		set(&opt.Limits)
		a, err := Open(t.Context(), fileOf(t, "x.tar", archiveOf(t, list...)), opt)
		if err == nil {
			_, _, err = a.Choose(t.Context(), source.Selection{})
			a.Close()
		}
		if limit, ok := errors.AsType[*tarfs.LimitError](err); !ok || limit.Name != name {
			t.Errorf("%s: got %v", name, err)
		}
	}
}

func TestHistoryIsGivenToLayersOnlyIfItFits(t *testing.T) {
	for _, tt := range []struct {
		history string
		code    tarfs.Code
		want    []string
	}{
		{`[{"created_by":"x"},{"created_by":"e","empty_layer":true},{"created_by":"y"}]`, tarfs.Code{}, []string{"x", "y"}},
		{`[{"created_by":"x"}]`, source.HistoryDoesNotMatchLayers, nil},
		{`[{"empty_layer":true},{"empty_layer":true}]`, source.HistoryDoesNotMatchLayers, nil},
		{`[]`, source.HistoryAbsent, nil},
		{`null`, source.HistoryAbsent, nil},
		{`[null,null]`, tarfs.Code{}, []string{"", ""}},
	} {
		s := sampleOf(t, "a", "b")
		s.config = fmt.Sprintf(`{"created":"","history":%s,"rootfs":{"diff_ids":["%s","%s"]}}`,
			tt.history, s.diffIDs[0], s.diffIDs[1])
		img := one(t, fileOf(t, "x.tar", archiveOf(t, s.dockerMembers("x:1")...)))
		var got []string
		for _, h := range img.History() {
			got = append(got, h.CreatedBy)
		}
		if !slices.Equal(got, tt.want) || (tt.code == tarfs.Code{}) != (len(img.Warnings) == 0) {
			t.Errorf("%s: got %q, %v", tt.history, got, img.Warnings)
		}
		for _, w := range img.Warnings {
			if w.Code != tt.code || w.Layer != tarfs.NoLayer {
				t.Errorf("%s: got %v", tt.history, w)
			}
		}
	}
}
