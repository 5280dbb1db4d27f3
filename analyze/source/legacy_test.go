package source

import (
	"fmt"
	"strings"
	"testing"
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
			member{name: id(i+1) + "/VERSION", body: "1.0"}, member{name: id(i+1) + "/layer.tar", body: string(tarOf(t, file))})
	}
	top := id(len(files))
	return append(list, member{name: repositoriesName, body: asJSON(map[string]any{"shop": map[string]string{"1.2": top, "latest": top}})})
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

func TestBrokenParentsAreNamed(t *testing.T) {
	list := legacyMembers(t, "a", "b")
	second := fmt.Sprintf("%064x/json", 2)
	for _, tt := range []struct{ case_, name, body, want string }{
		{"its own ancestor", fmt.Sprintf("%064x/json", 1), fmt.Sprintf(`{"parent":"%064x"}`, 2), "is its own ancestor"},
		{"no parent", second, `{"parent":"beef"}`, `member "beef/json" not in the archive`},
		{"a parent outside", second, `{"parent":"../../etc"}`, `member "../../etc/json" not in the archive`},
		{"another ID", second, `{"id":"beef"}`, `found "beef"`},
		{"no names", repositoriesName, `{}`, "repositories: lists no image"},
		{"names of another shape", repositoriesName, `{"shop":"x"}`, "repositories: "},
	} {
		changed := replaced(list, tt.name, func(m *member) { m.body = tt.body })
		if got := refusal(t, fileOf(t, "x.tar", archiveOf(t, changed...))); !strings.Contains(got, tt.want) {
			t.Errorf("%s: got %q, want %q", tt.case_, got, tt.want)
		}
	}
}
