package kinds

import (
	"fmt"
	"strings"
	"testing"

	"layup/analyze/source"
	"layup/analyze/source/archive"
	"layup/fixtures/sample"
)

// legacyMembers are an archive of Docker before 1.10: images 1 to n, each the parent of the next, the last one tagged.
func legacyMembers(t *testing.T, files ...string) []member {
	t.Helper()
	var list []member
	id := func(i int) string { return fmt.Sprintf("%064x", i) }
	for i, file := range files {
		image := map[string]any{"id": id(i + 1), "os": "linux", "architecture": "amd64", "created": "2014-01-02T03:04:05Z",
			"container_config": map[string]any{"Cmd": []string{"/bin/sh", "-c", "make " + file}}}
		if i > 0 {
			image["parent"] = id(i)
		}
		list = append(list, member{name: id(i+1) + "/json", body: asJSON(image)},
			member{name: id(i+1) + "/VERSION", body: "1.0"},
			member{name: id(i+1) + "/layer.tar", body: string(sample.Tar(t, file))})
	}
	top := id(len(files))
	names := map[string]any{"shop": map[string]string{"1.2": top, "latest": top}}
	return append(list, member{name: "repositories", body: asJSON(names)})
}

func TestVeryOldArchivesAreReadByParents(t *testing.T) {
	list := legacyMembers(t, "a", "b", "c")
	for _, name := range []string{fileOf(t, "x.tar", archiveOf(t, list...)), unpack(t, list...)} {
		img := one(t, name)
		if got := files(t, img); got != "a b c" || img.Platform != "linux/amd64" || img.ID != "" {
			t.Errorf("got %q, %s, %q", got, img.Platform, img.ID)
		}
		if got := strings.Join(img.References, " "); got != "shop:1.2 shop:latest" {
			t.Errorf("got %q", got)
		}
		if h := img.History(); len(h) != 3 || h[2].CreatedBy != "/bin/sh -c make c" {
			t.Errorf("got %v", h)
		}
	}
}

func TestVeryOldArchivesSavedByIDAreReadFromTheTop(t *testing.T) {
	list := without(legacyMembers(t, "a", "b"), "repositories")
	id := func(i int) string { return fmt.Sprintf("%064x", i) }
	img := one(t, fileOf(t, "x.tar", archiveOf(t, list...)))
	if got := files(t, img); got != "a b" || img.Reference != "" || img.Source != archive.Docker {
		t.Errorf("got %q, %q, %s", got, img.Reference, img.Source)
	}
	other := []member{{name: id(7) + "/json", body: asJSON(map[string]string{"id": id(7), "parent": id(1)})},
		{name: id(7) + "/layer.tar", body: string(sample.Tar(t, "c"))}}
	two := openFile(t, fileOf(t, "x.tar", archiveOf(t, append(list, other...)...)))
	images, _, err := two.Choose(t.Context(), source.Selection{Image: id(7)})
	if err != nil || files(t, images[0]) != "a c" {
		t.Errorf("one of two by ID: %v", err)
	}
	if _, _, err := two.Choose(t.Context(), source.Selection{}); flags(err) != "--image @0, --image @1" {
		t.Errorf("two: got %v with %q", err, flags(err))
	}
	whole := archiveOf(t, list...)
	for case_, tt := range map[string]struct {
		content []byte
		want    string
	}{
		"cut at its end mark": {whole[:len(whole)-1024], "looks truncated"},
		"every image is a parent": {archiveOf(t, replaced(list, id(1)+"/json", func(m *member) {
			m.body = asJSON(map[string]string{"parent": id(2)})
		})...), "every image is the parent of another"},
		"a parent that is not there": {archiveOf(t, without(without(list, id(1)+"/json"), id(1)+"/layer.tar")...),
			`member "` + id(1) + `/json" not in the archive`},
		"the config of a later docker": {archiveOf(t, append(list, member{name: id(9) + ".json", body: "{}"})...),
			"manifest.json not found"},
	} {
		if got := refusal(t, fileOf(t, "x.tar", tt.content)); !strings.Contains(got, tt.want) {
			t.Errorf("%s: got %q, want %q", case_, got, tt.want)
		}
	}
}

func TestBrokenParentsAreNamed(t *testing.T) {
	list := legacyMembers(t, "a", "b")
	second := fmt.Sprintf("%064x/json", 2)
	for _, tt := range []struct{ case_, name, body, want string }{
		{"its own ancestor", fmt.Sprintf("%064x/json", 1), fmt.Sprintf(`{"parent":"%064x"}`, 2), "is its own ancestor"},
		{"no parent", second, `{"parent":"beef"}`, `member "beef/json" not in the archive`},
		{"a parent outside", second, `{"parent":"../../etc"}`, `member "../../etc/json" not in the archive`},
		{"another ID", second, `{"id":"beef"}`, `found "beef"`},
		{"no names", "repositories", `{}`, "repositories: lists no image"},
		{"names of another shape", "repositories", `{"shop":"x"}`, "repositories: "},
	} {
		changed := replaced(list, tt.name, func(m *member) { m.body = tt.body })
		if got := refusal(t, fileOf(t, "x.tar", archiveOf(t, changed...))); !strings.Contains(got, tt.want) {
			t.Errorf("%s: got %q, want %q", tt.case_, got, tt.want)
		}
	}
}
