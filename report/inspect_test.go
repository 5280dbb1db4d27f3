package report

import (
	"bytes"
	"compress/gzip"
	"encoding/json"
	"io"
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"testing"

	"layup/analyze"
	"layup/analyze/source"
	"layup/fixtures"
	"layup/report/call"
	"layup/report/render"
)

func unzipped(t *testing.T, name string) []byte {
	t.Helper()
	f, err := os.Open("../fixtures/engine/" + name + ".gz")
	if err != nil {
		t.Fatal(err)
	}
	defer f.Close()
	z, err := gzip.NewReader(f)
	if err != nil {
		t.Fatal(err)
	}
	data, err := io.ReadAll(z)
	if err != nil {
		t.Fatal(err)
	}
	return data
}

// engineDocument is what an engine said of an image of which the store is known.
func engineDocument(t *testing.T) (*analyze.DockerImage, *source.Image) {
	t.Helper()
	var list []*analyze.DockerImage
	if err := json.Unmarshal(unzipped(t, "nginx.inspect.json"), &list); err != nil || len(list) != 1 {
		t.Fatalf("%d documents: %v", len(list), err)
	}
	return list[0], &source.Image{Engine: &source.Engine{}}
}

func TestDocumentKeepsEveryFieldOfAnEngines(t *testing.T) {
	d, _ := engineDocument(t)
	var got bytes.Buffer
	if err := json.Indent(&got, append(append([]byte("["), d.JSON()...), ']'), "", "    "); err != nil {
		t.Fatal(err)
	}
	if want := string(unzipped(t, "nginx.inspect.json")); got.String()+"\n" != want {
		t.Errorf("got\n%s\nwant\n%s", got.String(), want)
	}
}

// newerJoin are the templates that docker 28 refuses and docker 29 runs.
var newerJoin = map[string]string{`{{join .Config.Labels ","}}`: "lab <lab@example.com>,lab nginx\n"}

// Templates on the document of an engine, with all that only an engine knows, against what docker's client made of them.
func TestTemplatesOnAnEnginesDocument(t *testing.T) {
	d, img := engineDocument(t)
	pointer := regexp.MustCompile(`0x[0-9a-f]{8,}`)
	pairs := 0
	for line := range strings.Lines(string(unzipped(t, "inspect-templates.jsonl"))) {
		var p struct {
			Image, Template, Stdout, Stderr string
			Exit                            int
		}
		if err := json.Unmarshal([]byte(line), &p); err != nil {
			t.Fatal(err)
		}
		if p.Image != "lab/nginx:latest" || p.Template == "json" {
			continue
		}
		pairs++
		if text, ok := newerJoin[p.Template]; ok {
			p.Stdout, p.Stderr, p.Exit = text, "", 0
		}
		template, err := render.ParseDocker(p.Template)
		text, exit := "", badTemplate
		if err == nil {
			if text, err = runTemplate(template, d, img); err != nil {
				text, exit = "\n", call.Refuted
			} else {
				exit = call.Answered
			}
		}
		message := ""
		if err != nil {
			message = rawTypeName.Replace(err.Error()) + "\n"
		}
		if pointer.ReplaceAllString(text, "POINTER") != pointer.ReplaceAllString(p.Stdout, "POINTER") || message != p.Stderr || exit != p.Exit {
			t.Errorf("%s: got %d %q %q want %d %q %q", p.Template, exit, text, message, p.Exit, p.Stdout, p.Stderr)
		}
	}
	if pairs < 150 {
		t.Errorf("only %d templates", pairs)
	}
}

// What docker says here it says of no image: a template may mix the names of Go and of JSON, and what it asks for that is not known is said.
func TestTemplatesFindEverySpellingAndSayWhatIsUnknown(t *testing.T) {
	name := pack(t, "myfile")
	id := strings.TrimSpace(layup(t, "inspect", "-f", "{{.Id}}", name).out)
	for _, c := range []struct {
		template, out, err string
		status             int
	}{
		{"{{.ID}} {{.Id}}", id + " " + id + "\n", "", 0},
		{"{{.Id}}{{.Variant}}{{.OsVersion}} {{json .Manifests}}", id + " null\n", "", 0},
		{`{{join .RepoTags ","}} {{.Id}}`, "shop:1.2 " + id + "\n", "", 0},
		{"{{.Id}} {{.Nope}}", "\n", "template parsing error: template: :1:10: executing \"\" at <.Nope>: map has no entry for key \"Nope\"\n", 1},
		{"{{.Id}}{{$d := .}}{{$d.Metadata.LastTagTime}}", "\n", "layup: " + name + ": .Metadata is known to an engine only; read its store: docker-root:/var/lib/docker\n", 1},
		{"{{.Identity}}", "\n", "layup: " + name + ": .Identity is known to an engine only; read its store: docker-root:/var/lib/docker\n", 1},
		{`{{upper .}}`, "\n", "template parsing error: template: :1:8: executing \"\" at <.>: wrong type for value; expected string; got map[string]interface {}\n", 1},
		{`{{join .Os ","}}`, "\n", "template parsing error: template: :1:7: executing \"\" at <.Os>: wrong type for value; expected []string; got string\n", 1},
		{`{{pad .Os -1 0}}`, "\n", "template parsing error: template: :1:2: executing \"\" at <pad .Os -1 0>: error calling pad: strings: negative Repeat count\n", 1},
		{"{{", "", "template parsing error: template: :1: unclosed action\n", 64},
		{"", layup(t, "inspect", name).out, "", 0},
	} {
		got := layup(t, "inspect", "-f", c.template, name)
		if want := (result{c.out, c.err, c.status}); got != want {
			t.Errorf("%s:\ngot  %v\nwant %v", c.template, got, want)
		}
	}
}

// Without a config there is no ID, and serve can call the image nothing.
func TestWithoutConfigThereIsNoID(t *testing.T) {
	for _, format := range []fixtures.Format{fixtures.DockerV1, fixtures.FlatRootfsBare} {
		data, err := fixtures.Packing{Format: format}.Pack(load(t, "myfile"))
		if err != nil {
			t.Fatal(err)
		}
		name := t.TempDir() + "/image"
		if err := os.WriteFile(name, data, 0o644); err != nil {
			t.Fatal(err)
		}
		for _, field := range []string{".Id", ".ID"} {
			want := result{"\n", "layup: " + name + ": " + field + " is not known: there is no config, of which it would be the digest\n", call.Refuted}
			if got := layup(t, "inspect", "-q", "-f", "{{"+field+"}}", name); got != want {
				t.Errorf("%s: got %v want %v", format, got, want)
			}
		}
		if got := layup(t, "inspect", name); !strings.Contains(got.out, `"Id": "",`) || got.status != call.Answered {
			t.Errorf("%s: %v", format, got)
		}
		got := layup(t, "serve", "-q", "--socket", filepath.Join(t.TempDir(), "s"), name)
		if !strings.HasPrefix(got.err, "layup: "+name+": a bare layer, or an archive from before Docker 1.10, has no config") || got.status != call.Failed {
			t.Errorf("%s: serve: %v", format, got)
		}
	}
}

// docker image inspect, docker inspect --type image, docker image history: whatever people type before an image's name.
func TestDockersLongerCommandsAreTakenAsTheyAre(t *testing.T) {
	name := pack(t, "myfile")
	for typed, short := range map[string]string{
		"image inspect": "inspect", "-q image inspect -f {{.Os}}": "-q inspect -f {{.Os}}", "image history -q": "history -q", "inspect --type image": "inspect", "inspect --type=image -s": "inspect",
	} {
		got, want := layup(t, append(strings.Fields(typed), name)...), layup(t, append(strings.Fields(short), name)...)
		if got != want || got.status != call.Answered {
			t.Errorf("%s: got %v want %v", typed, got, want)
		}
	}
	for typed, want := range map[string]result{
		"inspect --type container":               {"[]\n", "layup: " + name + ": no such container\n", call.Refuted},
		"inspect -f {{.Os}} --type=container":    {"\n", "layup: " + name + ": no such container\n", call.Refuted},
		"inspect --type volume":                  {"", "layup: inspect: --type: \"volume\": not one of image, container\n", call.Failed},
		"image ls":                               {"", "layup: unknown command \"image\"\nlayup: hint: did you mean: layup images\n", call.Failed},
		"__complete image inspect --ty":          {"--type\ttake images or containers alone, as docker inspect does\n:4\n", "", call.Answered},
		"__complete -q image inspect --type con": {"container\n:4\n", "", call.Answered},
	} {
		args := strings.Fields(typed)
		if args[0] != "__complete" {
			args = append(args, name)
		}
		if got := layup(t, args...); got != want {
			t.Errorf("%s: got %v want %v", typed, got, want)
		}
	}
}

// A template that loops, calls itself or doubles strings ends with an error, after the time that is promised: render tries more of them in less.
func TestTemplatesWithoutEndAreStopped(t *testing.T) {
	name := pack(t, "myfile")
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
			got := layup(t, append(command, c.template, name)...)
			if !strings.HasPrefix(got.err, "layup: "+name+": "+c.want) || got.status != call.Refuted {
				t.Errorf("%s %s: got %v want %s", command[0], c.template, got, c.want)
			}
		}
	}
}

// What --raw prints is what the ID is the digest of.
func TestStoredDocumentsArePrintedExactly(t *testing.T) {
	img := load(t, "myfile")
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
		got := layup(t, "inspect", c.flag, name)
		if !strings.HasPrefix(got.out, c.begins) || c.begins == "" && got.out != "" || got.status != c.status || !strings.HasSuffix(got.err, c.err) {
			t.Errorf("%s %s: %v", c.format, c.flag, got)
		}
	}
}

// What cannot be read leaves no empty list, which would say that there is no such image; and IDs alone come without notes.
func TestWhatCannotBeReadIsNoEmptyAnswer(t *testing.T) {
	name := filepath.Join(t.TempDir(), "image")
	if err := os.WriteFile(name, []byte(strings.Repeat("no image\n", 200)), 0o600); err != nil {
		t.Fatal(err)
	}
	if got := layup(t, "inspect", name); got.out != "" || got.status != call.Failed || got.err == "" {
		t.Errorf("inspect: %v", got)
	}
	data, err := fixtures.Packing{Format: fixtures.FlatRootfsBare}.Pack(load(t, "myfile"))
	if err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(name, data, 0o600); err != nil {
		t.Fatal(err)
	}
	if got := layup(t, "history", name); !strings.Contains(got.err, "the image has no history") {
		t.Errorf("history: %v", got)
	}
	if got := layup(t, "history", "-q", name); got != (result{}) {
		t.Errorf("history -q: %v", got)
	}
}
