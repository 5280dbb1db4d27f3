package analyze_test

import (
	"crypto/sha256"
	"encoding/json"
	"fmt"
	"testing"

	"layup/analyze"
)

func TestConfigAloneKnowsNoSizes(t *testing.T) {
	opt := analyze.Default()
	for _, reading := range []analyze.Reading{analyze.Always, analyze.IfAtHand, analyze.Never} {
		opt.Layers = reading
		img, err := analyze.Open(t.Context(), "../fixtures/myfile.tar", opt)
		if err != nil {
			t.Fatal(err)
		}
		defer img.Close()
		d, rows := img.Docker(), img.DockerHistory()
		oldest, read := rows[len(rows)-1].Size, reading != analyze.Never
		if (d.Size != nil) != read || (oldest != nil) != read || img.LayersRead() != read {
			t.Errorf("reading %v: size %v, of the oldest row %v, layers read: %v", reading, d.Size, oldest, img.LayersRead())
		}
		if len(d.RootFS.Layers) != len(img.Layers) || len(img.LayerFacts()) != len(img.Layers) {
			t.Errorf("reading %v: %d of %d layers", reading, len(d.RootFS.Layers), len(img.Layers))
		}
		if !json.Valid(d.JSON()) {
			t.Errorf("reading %v: no JSON: %s", reading, d.JSON())
		}
	}
}

// ofConfig is an image with a config and no layers.
func ofConfig(t *testing.T, config string) *analyze.Image {
	t.Helper()
	return open(t, write(t, files(t, "config.json", config,
		"manifest.json", `[{"Config":"config.json","RepoTags":["a:1"],"Layers":[]}]`)), analyze.Default())
}

func TestCommentIsTheConfigsElseThatOfTheLastRow(t *testing.T) {
	const end = `"os":"linux","rootfs":{"type":"layers","diff_ids":[]},` +
		`"history":[{"comment":"old","empty_layer":true},{"comment":"last","empty_layer":true}]}`
	for config, want := range map[string]string{`{` + end: "last", `{"comment":"own",` + end: "own"} {
		if got := ofConfig(t, config).Docker().Comment; got != want {
			t.Errorf("%s: got %q want %q", config, got, want)
		}
	}
}

// Old builders wrote a command of one word as a string, and left the system out.
func TestOldSpellingsAreReadAsDockerReadsThem(t *testing.T) {
	d := ofConfig(t, `{"config":{"Cmd":"one word","Entrypoint":["a","b"],"Env":["A=1"]},`+
		`"rootfs":{"type":"layers","diff_ids":[]}}`).Docker()
	got := fmt.Sprintf("%q %q %q %s", d.Config.Cmd, d.Config.Entrypoint, d.Config.Env, d.Os)
	if got != `["one word"] ["a" "b"] ["A=1"] linux` {
		t.Errorf("got %s", got)
	}
}

// docker save links an image to its parent if it saves both, and docker load keeps the link.
func TestParentInTheSameArchiveIsKnown(t *testing.T) {
	const layers = `"rootfs":{"type":"layers","diff_ids":[]},"history":[{"created_by":"base","empty_layer":true}`
	parent, child := `{"os":"linux",`+layers+`]}`, `{"os":"linux",`+layers+`,{"created_by":"child","empty_layer":true}]}`
	id := func(config string) string { return fmt.Sprintf("sha256:%x", sha256.Sum256([]byte(config))) }
	name := write(t, files(t, id(parent)[7:]+".json", parent, id(child)[7:]+".json", child,
		"manifest.json", `[{"Config":"`+id(parent)[7:]+`.json","RepoTags":["base:1"],"Layers":[],`+
			`"Parent":"`+id("absent")+`"},`+
			`{"Config":"`+id(child)[7:]+`.json","RepoTags":["child:1"],"Layers":[],"Parent":"`+id(parent)+`"}]`))
	for _, c := range []struct {
		image, parent string
		ids           []string
	}{{"child:1", id(parent), []string{id(child), id(parent)}}, {"base:1", "", []string{id(parent)}}} {
		opt := analyze.Default()
		opt.Select.Image = c.image
		img, err := analyze.Open(t.Context(), name, opt)
		if err != nil {
			t.Fatal(err)
		}
		defer img.Close()
		if got := img.Docker().Parent; got != c.parent {
			t.Errorf("%s: parent %q want %q", c.image, got, c.parent)
		}
		var ids []string
		for _, row := range img.DockerHistory() {
			ids = append(ids, row.ID)
		}
		if fmt.Sprint(ids) != fmt.Sprint(c.ids) {
			t.Errorf("%s: IDs %v want %v", c.image, ids, c.ids)
		}
	}
}
