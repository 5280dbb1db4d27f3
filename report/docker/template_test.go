package docker

import (
	"bytes"
	"encoding/json"
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
	data, err := fixtures.ReadGzip("../../fixtures/engine/" + name + ".gz")
	if err != nil {
		t.Fatal(err)
	}
	return data
}

// engineDocument returns an engine's document of an image, as one from a store.
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

// Templates on an engine's document give what docker's client gave.
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
		if pointer.ReplaceAllString(text, "POINTER") != pointer.ReplaceAllString(p.Stdout, "POINTER") ||
			message != p.Stderr || exit != p.Exit {
			t.Errorf("%s: got %d %q %q want %d %q %q", p.Template, exit, text, message, p.Exit, p.Stdout, p.Stderr)
		}
	}
	if pairs < 150 {
		t.Errorf("only %d templates", pairs)
	}
}
