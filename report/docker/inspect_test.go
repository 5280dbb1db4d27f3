package docker_test

import (
	"encoding/json"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"layup/fixtures"
	"layup/fixtures/direct"
	"layup/fixtures/harness"
	"layup/report/call"
)

// Unlike docker's, our templates may mix the names of Go and of JSON, and an unknown fact is an error that says so.
func TestTemplatesFindEverySpellingAndSayWhatIsUnknown(t *testing.T) {
	name := direct.Pack(t, "myfile")
	id := strings.TrimSpace(direct.Layup(t, "inspect", "-f", "{{.Id}}", name).Out)
	for _, c := range []struct {
		template, out, err string
		status             int
	}{
		{"{{.ID}} {{.Id}}", id + " " + id + "\n", "", 0},
		{"{{.Id}}{{.Variant}}{{.OsVersion}} {{json .Manifests}}", id + " null\n", "", 0},
		{`{{join .RepoTags ","}} {{.Id}}`, "shop:1.2 " + id + "\n", "", 0},
		{"{{.Id}} {{.Nope}}", "\n", "template parsing error: template: :1:10: executing \"\" at <.Nope>: map has no entry " +
			"for key \"Nope\"\n", 1},
		{"{{.Id}}{{$d := .}}{{$d.Metadata.LastTagTime}}", "\n", "layup: " + name +
			": .Metadata is known to an engine only; read its store: docker-root:/var/lib/docker\n", 1},
		{"{{.Identity}}", "\n", "layup: " + name + ": .Identity is known to an engine only; read its store: " +
			"docker-root:/var/lib/docker\n", 1},
		{"{{.Id}}{{.Config.Metadata}}", "\n", "template parsing error: template: :1:16: executing \"\" at " +
			"<.Config.Metadata>: map has no entry for key \"Metadata\"\n", 1},
		{`{{upper .}}`, "\n", "template parsing error: template: :1:8: executing \"\" at <.>: wrong type for value; " +
			"expected string; got map[string]interface {}\n", 1},
		{`{{join .Os ","}}`, "\n", "template parsing error: template: :1:7: executing \"\" at <.Os>: wrong type for value; " +
			"expected []string; got string\n", 1},
		{`{{pad .Os -1 0}}`, "\n", "template parsing error: template: :1:2: executing \"\" at <pad .Os -1 0>: error " +
			"calling pad: strings: negative Repeat count\n", 1},
		{"{{", "", "template parsing error: template: :1: unclosed action\n", 64},
		{"", direct.Layup(t, "inspect", name).Out, "", 0},
	} {
		got := direct.Layup(t, "inspect", "-f", c.template, name)
		if want := (direct.Of(c.out, c.err, c.status)); got != want {
			t.Errorf("%s:\ngot  %v\nwant %v", c.template, got, want)
		}
	}
}

// Without a config there is no ID, so serve cannot name the image.
func TestWithoutConfigThereIsNoID(t *testing.T) {
	for _, format := range []fixtures.Format{fixtures.DockerV1, fixtures.FlatRootfsBare} {
		data, err := fixtures.Packing{Format: format}.Pack(direct.Load(t, "myfile"))
		if err != nil {
			t.Fatal(err)
		}
		name := t.TempDir() + "/image"
		if err := os.WriteFile(name, data, 0o644); err != nil {
			t.Fatal(err)
		}
		for _, field := range []string{".Id", ".ID"} {
			want := direct.Of("\n", "layup: "+name+": "+field+" is not known: there is no config, of which it would be "+
				"the digest\n", call.Refuted)
			if got := direct.Layup(t, "inspect", "-q", "-f", "{{"+field+"}}", name); got != want {
				t.Errorf("%s: got %v want %v", format, got, want)
			}
		}
		if got := direct.Layup(t, "inspect", name); !strings.Contains(got.Out, `"Id": "",`) || got.Status != call.Answered {
			t.Errorf("%s: %v", format, got)
		}
		got := direct.Layup(t, "serve", "-q", "--socket", filepath.Join(harness.ShortDir(t), "s"), name)
		if !strings.HasPrefix(got.Err, "layup: "+name+
			": a bare layer, or an archive from before Docker 1.10, has no config") || got.Status != call.Failed {
			t.Errorf("%s: serve: %v", format, got)
		}
	}
}

// People also type docker image inspect, docker inspect --type image and docker image history.
func TestDockersLongerCommandsAreTakenAsTheyAre(t *testing.T) {
	name := direct.Pack(t, "myfile")
	for typed, short := range map[string]string{
		"image inspect": "inspect", "-q image inspect -f {{.Os}}": "-q inspect -f {{.Os}}", "image history -q": "history -q",
		"inspect --type image": "inspect", "inspect --type=image -s": "inspect",
	} {
		got, want := direct.Layup(t, append(strings.Fields(typed), name)...), direct.Layup(t, append(strings.Fields(short),
			name)...)
		if got != want || got.Status != call.Answered {
			t.Errorf("%s: got %v want %v", typed, got, want)
		}
	}
	for typed, want := range map[string]direct.Result{
		"inspect --type container":            direct.Of("[]\n", "layup: "+name+": no such container\n", call.Refuted),
		"inspect -f {{.Os}} --type=container": direct.Of("\n", "layup: "+name+": no such container\n", call.Refuted),
		"inspect --type volume": direct.Of("", "layup: inspect: --type: \"volume\": not one of image, "+
			"container\n", call.Failed),
		"image ls": direct.Of("", "layup: unknown command \"image\"\nlayup: hint: did you "+
			"mean layup images?\n", call.Failed),
		"__complete image inspect --ty": direct.Of("--type\ttake images or containers alone, as docker "+
			"inspect does\n:4\n", "", call.Answered),
		"__complete -q image inspect --type con": direct.Of("container\n:4\n", "", call.Answered),
	} {
		args := strings.Fields(typed)
		if args[0] != "__complete" {
			args = append(args, name)
		}
		if got := direct.Layup(t, args...); got != want {
			t.Errorf("%s: got %v want %v", typed, got, want)
		}
	}
}

// A template that loops, calls itself or doubles strings ends with an error, in the promised time. A test of package
// render tries more of them in less time.
func TestTemplatesWithoutEndAreStopped(t *testing.T) {
	name := direct.Pack(t, "myfile")
	for _, c := range []struct{ template, want string }{
		{"{{range 1000000000000}}{{end}}", "template stopped after 5 s"},
		{`{{define "a"}}{{template "a"}}{{end}}{{template "a"}}`, "template calls itself too deep: over 1000 levels"},
		{`{{$x := "aaaaaaaa"}}{{range 100}}{{$x = print $x $x}}{{end}}`, "template functions make over 16 MiB"},
		{`{{$x := pad "x" 9000000 0}}{{range 1000000}}{{$y := upper $x}}{{end}}`, "template functions make over 16 MiB"},
	} {
		for _, command := range [][]string{{"inspect", "-f"}, {"history", "--format"}} {
			if command[0] == "history" && strings.Contains(c.want, "5 s") {
				continue
			}
			got := direct.Layup(t, append(command, c.template, name)...)
			if !strings.HasPrefix(got.Err, "layup: "+name+": "+c.want) || got.Status != call.Refuted {
				t.Errorf("%s %s: got %v want %s", command[0], c.template, got, c.want)
			}
		}
	}
}

// The ID is the digest of what --raw prints.
func TestStoredDocumentsArePrintedExactly(t *testing.T) {
	img := direct.Load(t, "myfile")
	for _, c := range []struct {
		format fixtures.Format
		flag   string
		begins string
		status int
		err    string
	}{
		{fixtures.Docker20, "--raw", `{"architecture"`, 0, ""},
		{fixtures.Docker20, "--manifest", "", 1, "it has no manifest of its own; --raw prints the config\n"},
		{fixtures.OCI, "--manifest", `{"schemaVersion":2`, 0, ""},
		{fixtures.FlatRootfsBare, "--raw", "", 1, "a bare layer has no config\n"},
	} {
		data, err := fixtures.Packing{Format: c.format, Layers: fixtures.Gzip}.Pack(img)
		if err != nil {
			t.Fatal(err)
		}
		name := t.TempDir() + "/image"
		if err := os.WriteFile(name, data, 0o644); err != nil {
			t.Fatal(err)
		}
		got := direct.Layup(t, "inspect", c.flag, name)
		if !strings.HasPrefix(got.Out, c.begins) || c.begins == "" && got.Out != "" || got.Status != c.status ||
			!strings.HasSuffix(got.Err, c.err) {
			t.Errorf("%s %s: %v", c.format, c.flag, got)
		}
	}
}

// An input that cannot be read does not print an empty list, which would say that there is no such image. history -q
// prints no notes.
func TestWhatCannotBeReadIsNoEmptyAnswer(t *testing.T) {
	name := filepath.Join(t.TempDir(), "image")
	if err := os.WriteFile(name, []byte(strings.Repeat("no image\n", 200)), 0o600); err != nil {
		t.Fatal(err)
	}
	if got := direct.Layup(t, "inspect", name); got.Out != "" || got.Status != call.Failed || got.Err == "" {
		t.Errorf("inspect: %v", got)
	}
	data, err := fixtures.Packing{Format: fixtures.FlatRootfsBare}.Pack(direct.Load(t, "myfile"))
	if err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(name, data, 0o600); err != nil {
		t.Fatal(err)
	}
	if got := direct.Layup(t, "history", name); !strings.Contains(got.Err, "the image has no history") {
		t.Errorf("history: %v", got)
	}
	if got := direct.Layup(t, "history", "-q", name); got != (direct.Result{}) {
		t.Errorf("history -q: %v", got)
	}
}

func TestPluginIntroducesItself(t *testing.T) {
	got := direct.Layup(t, "docker-cli-plugin-metadata")
	var m map[string]string
	if err := json.Unmarshal([]byte(got.Out), &m); err != nil || got.Status != 0 {
		t.Fatalf("exit %d: %s: %v", got.Status, got.Out, err)
	}
	for _, key := range []string{"Vendor", "Version", "ShortDescription"} {
		if m[key] == "" {
			t.Errorf("%s is missing", key)
		}
	}
	if m["SchemaVersion"] != "0.1.0" {
		t.Errorf("schema version: got %q", m["SchemaVersion"])
	}
}
