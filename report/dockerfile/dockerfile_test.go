package dockerfile_test

import (
	"bytes"
	"encoding/base64"
	"regexp"
	"strings"
	"testing"

	"layup/fixtures"
	"layup/fixtures/direct"
	"layup/fixtures/harness"
)

const built = `platform linux/amd64
tag shop:1
env A=b
cmd /srv/a
layer /bin/sh -c #(nop) ADD file:0123456789abcdef in / 
f 0644 0:0 etc/os-release "base"
layer COPY /a /srv/a # buildkit
f 0644 0:0 srv/a "a"
layer RUN /bin/sh -c echo b > /srv/b # buildkit
f 0644 0:0 srv/b "b"
`

var shop = fixtures.Provenance{
	Name: "build/Dockerfile",
	Text: "FROM golang AS build\nRUN <<EOF\nFROM x\nEOF\n\n" +
		"FROM base:1\nCOPY --from=build /a /srv/a\nRUN echo b \\\n\t>/srv/b\n",
	From: "docker.io/library/base:1", Base: 1, Lines: [][2]int{{7, 7}, {8, 9}},
}

func TestDockerfileOfTheProvenanceIsPrintedWithLayers(t *testing.T) {
	dir := harness.Attested(t, built, fixtures.SLSA1, shop, nil)
	got := direct.Layup(t, "dockerfile", dir)
	lines := direct.Lines(got.Out)
	for i, want := range []string{"LAYER  SIZE  LINE", "# build/Dockerfile, from the provenance",
		"1  FROM golang AS build", "2  RUN <<EOF", "3  FROM x", "4  EOF", "5", "6  FROM base:1",
		"7  COPY --from=build /a /srv/a", `8  RUN echo b \`, "9      >/srv/b"} {
		if i >= len(lines) || !strings.Contains(lines[i], want) {
			t.Fatalf("line %d is not %q:\n%s%s", i, want, got.Out, got.Err)
		}
	}
	for line, layer := range map[int]string{2: "", 4: "", 7: "0", 8: "1", 9: "2", 10: ""} {
		if words := strings.Fields(lines[line][:5]); strings.Join(words, " ") != layer {
			t.Errorf("layer %q of %q, want %q", words, lines[line], layer)
		}
	}
	text := strings.ReplaceAll(shop.Text, "\t", "    ")
	plain := strings.ReplaceAll(direct.Layup(t, "dockerfile", "-f", "{{.text}}", dir).Out, "\t", "    ")
	if plain != text {
		t.Errorf("the text alone is %q, want %q", plain, text)
	}
	if table := direct.Layup(t, "dockerfile", "-f", "markdown", dir); !strings.Contains(table.Out, "TEXT") ||
		!strings.Contains(table.Out, "⏎") {
		t.Errorf("markdown: %s", table.Out)
	}
	direct.Expect(t, "items", direct.Items(t, "name line endLine layers", "dockerfile", dir)[3:],
		"name=build/Dockerfile line=6 endLine=6 layers=[0]", "name=build/Dockerfile line=7 endLine=7 layers=[1]",
		"name=build/Dockerfile line=8 endLine=9 layers=[2]")
}

// Without a provenance the first line says that what follows is an estimate.
func TestEstimateSaysSo(t *testing.T) {
	image := direct.Image(t, "shop", built)
	base := direct.Image(t, "base", strings.Join(strings.SplitAfter(built, "\n")[:6], ""))
	for _, tt := range []struct {
		args []string
		want string
	}{
		{[]string{image}, "FROM scratch|ADD file:0123456789ab /|COPY /a /srv/a|RUN echo b > /srv/b|" +
			"# from the configuration:|ENV A=b|CMD [\"/srv/a\"]"},
		{[]string{"--base-of", base, image}, "FROM shop:1|COPY /a /srv/a|RUN echo b > /srv/b|" +
			"# from the configuration, perhaps of the base:|ENV A=b|CMD [\"/srv/a\"]"},
	} {
		got := direct.Lines(direct.Layup(t, append([]string{"dockerfile", "-f", "{{.text}}"}, tt.args...)...).Out)
		if len(got) == 0 || !strings.HasPrefix(got[0], "# This is an estimate") ||
			strings.Join(got[1:], "|") != tt.want {
			t.Errorf("%s: got %q, want %q", tt.args, got, tt.want)
		}
		table := direct.Lines(direct.Layup(t, append([]string{"dockerfile"}, tt.args...)...).Out)
		if !strings.HasPrefix(table[0], "# This is an estimate") {
			t.Errorf("the first line is %q", table[0])
		}
	}
}

// Of two Dockerfiles with one name, only that which made layers has them.
func TestDockerfilesOfOneNameAreToldApart(t *testing.T) {
	dir := harness.Attested(t, built, fixtures.SLSA1, shop, func(doc []byte) []byte {
		other := base64.StdEncoding.EncodeToString([]byte(strings.Repeat("# other\n", 9)))
		more := `"infos":[{"filename":"build/Dockerfile","data":"` + other + `"},`
		return bytes.Replace(doc, []byte(`"infos":[`), []byte(more), 1)
	})
	dir2 := harness.Attested(t, built, fixtures.SLSA1, shop, func(doc []byte) []byte {
		other := base64.StdEncoding.EncodeToString([]byte(strings.Repeat("# other\n", 9)))
		return regexp.MustCompile(`"infos":\[(.*?)\]`).ReplaceAll(doc,
			[]byte(`"infos":[${1},{"filename":"build/Dockerfile","data":"`+other+`"}]`))
	})
	for _, image := range []string{dir, dir2} {
		if a := direct.Layup(t, "dockerfile", "-f", "{{.layers}} {{.text}}", image); strings.Contains(a.Out, "[1] # other") ==
			strings.Contains(a.Out, "[1] COPY") {
			t.Errorf("%s%s", a.Out, a.Err)
		}
	}
}

// What a config says cannot end the line, and so cannot look like another instruction.
func TestNewLinesOfTheConfigAreEscaped(t *testing.T) {
	img, err := fixtures.Parse("evil", built)
	if err != nil {
		t.Fatal(err)
	}
	img.User, img.Labels = "x\nRUN evil", map[string]string{"l": "\"a\nRUN evil\"", "k\nRUN evil": "v", "m": "x\nRUN evil"}
	img.Env = []string{"A=\"a\nRUN evil\"", "B\nRUN evil=c"}
	for _, word := range []string{"WORKDIR a", "LABEL a=\"b", "ENV a", "ONBUILD RUN", "MAINTAINER a", "ARG A=\"b",
		"EXPOSE 80", "STOPSIGNAL 9", "CMD a", "COPY a", "VOLUME a", "HEALTHCHECK &{"} {
		img.History = append(img.History, fixtures.History{CreatedBy: word + "\nRUN evil", Empty: true})
	}
	a := direct.Layup(t, "dockerfile", direct.Write(t, "evil.tar", img))
	for _, line := range direct.Lines(a.Out) {
		if strings.Contains(line, "  RUN evil") {
			t.Errorf("%s", a.Out)
			break
		}
	}
	if !strings.Contains(a.Out, `USER x\nRUN evil`) {
		t.Errorf("%s%s", a.Out, a.Err)
	}
}
