package kinds

import (
	"errors"
	"runtime"
	"strings"
	"testing"

	"layup/analyze/source"
	"layup/analyze/source/advice"
	"layup/fixtures/sample"
)

// several is a docker save archive of images a, b and c; c has no tag.
func several(t *testing.T) string {
	var list []member
	var entries []any
	for _, f := range []struct {
		file string
		tags []string
	}{{"a", []string{"shop:1.2", "shop:latest"}}, {"b", []string{"docker.io/library/tool:2"}}, {"c", nil}} {
		s := sampleOf(t, f.file)
		config := hexOf(sample.Digest([]byte(s.config))) + ".json"
		list = append(list, member{name: f.file, body: string(s.layers[0])}, member{name: config, body: s.config})
		entries = append(entries, map[string]any{"Config": config, "RepoTags": f.tags, "Layers": []string{f.file}})
	}
	return fileOf(t, "x.tar", archiveOf(t, append(list, member{name: "manifest.json", body: asJSON(entries)})...))
}

func flags(err error) string {
	choice, ok := errors.AsType[*advice.ChoiceError](err)
	if !ok {
		return ""
	}
	var list []string
	for _, c := range choice.Choices {
		list = append(list, c.Flag)
	}
	return strings.Join(list, ", ")
}

func TestAllGivesEveryImageInOrder(t *testing.T) {
	images, _, err := openFile(t, several(t)).Choose(t.Context(), source.Selection{All: true})
	if err != nil || len(images) != 3 || files(t, images[0])+files(t, images[1])+files(t, images[2]) != "abc" {
		t.Errorf("got %d images, %v", len(images), err)
	}
}

// platforms is a layout of one name with an image for each platform, the file named like its place.
func platforms(t *testing.T, names ...string) *layout {
	l := newLayout()
	var children []map[string]any
	for i, name := range names {
		children = append(children, platformOf(l.image(sampleOf(t, string(rune('a'+i))), nil), name))
	}
	attestation := platformOf(l.image(sampleOf(t, "statement"), nil), "unknown/unknown")
	attestation["annotations"] = map[string]string{"vnd.docker.reference.type": "attestation-manifest"}
	return l.top(l.index(append(children, attestation)...), "t")
}

func TestOneOfSeveralPlatformsIsChosen(t *testing.T) {
	here := "linux/" + runtime.GOARCH
	for _, tt := range []struct {
		case_     string
		there     []string
		asked     string
		want      string
		noteParts string
		flags     string
	}{
		{"asked for", []string{"linux/amd64", "linux/arm64"}, "linux/arm64", "b", "", ""},
		{"with the usual variant", []string{"linux/amd64", "linux/arm64/v8"}, "linux/arm64", "b", "", ""},
		{"asked with the usual variant", []string{"linux/amd64", "linux/arm64"}, "linux/arm64/v8", "b", "", ""},
		{"by another spelling", []string{"linux/amd64", "linux/arm64"}, "linux/aarch64", "b", "", ""},
		{"arm is v7", []string{"linux/arm/v6", "linux/arm/v7"}, "linux/arm", "b", "", ""},
		{"arm v6", []string{"linux/arm/v6", "linux/arm/v7"}, "linux/arm/v6", "a", "", ""},
		{"a variant nobody asked for", []string{"linux/s390x", "linux/amd64/v3"}, "linux/amd64", "b", "", ""},
		{"this machine's", []string{"linux/s390x", here, "windows/" + runtime.GOARCH}, "", "b",
			"platform " + here + " of 3", ""},
		{"the only one", []string{"linux/s390x"}, "", "a", "", ""},
		{"not there", []string{"linux/s390x"}, "linux/mips", "", "", "--platform linux/s390x"},
		{"none fits", []string{"linux/s390x", "linux/ppc64le"}, "", "", "",
			"--platform linux/s390x, --platform linux/ppc64le"},
		{"two alike", []string{here, here}, "", "", "", "--image @0, --image @1"},
	} {
		l := platforms(t, tt.there...)
		images, note, err := openFile(t, unpack(t, l.members()...)).Choose(t.Context(), source.Selection{Platform: tt.asked})
		if tt.want == "" {
			if got := flags(err); got != tt.flags {
				t.Errorf("%s: got %v with %q, want %q", tt.case_, err, got, tt.flags)
			}
			continue
		}
		if err != nil {
			t.Errorf("%s: %v", tt.case_, err)
			continue
		}
		unasked := tt.noteParts == "" && note != ""
		if got := files(t, images[0]); got != tt.want || !strings.Contains(note, tt.noteParts) || unasked {
			t.Errorf("%s: got %q, note %q", tt.case_, got, note)
		}
	}
	_, _, err := openFile(t, several(t)).Choose(t.Context(), source.Selection{Platform: "arm64"})
	if err == nil || !strings.Contains(err.Error(), "want os/arch") {
		t.Errorf("half a platform: got %v", err)
	}
}

// windowsOf gives an image a platform that only its version of Windows tells from another's.
func windowsOf(desc map[string]any, version string) map[string]any {
	desc["platform"] = map[string]any{"os": "windows", "architecture": "amd64", "os.version": version}
	return desc
}

func TestImagesOfOnePlatformAreChosenByNumber(t *testing.T) {
	windows := newLayout()
	windows.top(windows.index(windowsOf(windows.image(sampleOf(t, "a"), nil), "10.0.1"),
		windowsOf(windows.image(sampleOf(t, "b"), nil), "10.0.2")), "t")
	unknown := newLayout()
	nowhere := func(file string) *oneImage {
		s := sampleOf(t, file)
		s.config = strings.Replace(s.config, `"os":"linux"`, `"os":""`, 1)
		return s
	}
	unknown.top(unknown.index(unknown.image(nowhere("a"), nil), unknown.image(nowhere("b"), nil)), "t")
	odd := platforms(t, "li nux/amd64", "linux/"+strings.Repeat("x", 40), "linux/s390x")
	for _, tt := range []struct {
		case_ string
		l     *layout
		asked string
		want  string
		flags string
	}{
		{"two of Windows", windows, "", `"t" windows/amd64 10.0.1 sha256:`, "--image @0, --image @1"},
		{"two of Windows, asked for", windows, "windows/amd64", `"t" windows/amd64 10.0.2 sha256:`, "--image @0, --image @1"},
		{"two of Windows, not asked for", windows, "linux/amd64", `"t" windows/amd64 10.0.2`, "--image @0, --image @1"},
		{"unknown platforms", unknown, "", "holds 2 images of unknown platform", "--image @0, --image @1"},
		{"platforms that are not words", odd, "linux/mips", `"t" linux/xxxx`,
			"--image @0, --image @1, --platform linux/s390x"},
	} {
		a := openFile(t, unpack(t, tt.l.members()...))
		_, _, err := a.Choose(t.Context(), source.Selection{Platform: tt.asked})
		if got := choices(err); !strings.Contains(got, tt.want) || flags(err) != tt.flags {
			t.Errorf("%s: got %q with %q, want %q with %q", tt.case_, got, flags(err), tt.want, tt.flags)
		}
	}
}

func TestAManifestListedTwiceIsOneImage(t *testing.T) {
	l := newLayout()
	image := l.image(sampleOf(t, "a"), nil)
	named := platformOf(l.image(sampleOf(t, "a"), nil), "linux/s390x")
	l.top(l.index(image, named, image), "t")
	a := openFile(t, unpack(t, l.members()...))
	images, _, err := a.Choose(t.Context(), source.Selection{All: true})
	if err != nil || len(images) != 1 || files(t, images[0]) != "a" {
		t.Errorf("got %d images, %v", len(images), err)
	}
}

func TestOnlyTheChosenPlatformMustBeInTheFile(t *testing.T) {
	l := platforms(t, "linux/s390x", "linux/mips", "linux/ppc64le")
	for digest, content := range l.blobs {
		manifest := strings.Contains(content, "schemaVersion") && strings.Contains(content, "layers")
		if manifest && !strings.Contains(content, sample.Digest(sample.Tar(t, "b"))) {
			delete(l.blobs, digest)
		}
	}
	path := unpack(t, l.members()...)
	images, note, err := openFile(t, path).Choose(t.Context(), source.Selection{})
	if err != nil || files(t, images[0]) != "b" || !strings.Contains(note, "linux/mips of 3 (the only one in this file") {
		t.Errorf("got %v, note %q", err, note)
	}
	_, _, err = openFile(t, path).Choose(t.Context(), source.Selection{Platform: "linux/s390x"})
	if err == nil || !strings.Contains(err.Error(), "not in this file") {
		t.Errorf("a missing platform: got %v", err)
	}
	images, note, err = openFile(t, path).Choose(t.Context(), source.Selection{All: true})
	if err != nil || len(images) != 1 || !strings.Contains(note, "left out") {
		t.Errorf("all: got %d images, %v, note %q", len(images), err, note)
	}
	_, _, err = openFile(t, path).Choose(t.Context(), source.Selection{Platform: "linux/arm"})
	if !strings.Contains(choices(err), "(not in this file)") {
		t.Errorf("got %v with %s", err, choices(err))
	}
}

func choices(err error) string {
	choice, ok := errors.AsType[*advice.ChoiceError](err)
	if !ok {
		return ""
	}
	text := choice.Message
	for _, c := range choice.Choices {
		text += "; " + c.What
	}
	return text
}

func TestOneReferenceMayHaveItsPlatformsSideBySide(t *testing.T) {
	l := newLayout()
	l.top(platformOf(l.image(sampleOf(t, "a"), nil), "linux/s390x"), "t")
	l.top(platformOf(l.image(sampleOf(t, "b"), nil), "linux/mips"), "t")
	sel := source.Selection{Image: "t", Platform: "linux/mips"}
	images, _, err := openFile(t, unpack(t, l.members()...)).Choose(t.Context(), sel)
	if err != nil || files(t, images[0]) != "b" {
		t.Errorf("got %v", err)
	}
}

func TestABrokenSiblingCostsOnlyItself(t *testing.T) {
	l := newLayout()
	bad := l.image(sampleOf(t, "a"), nil)
	l.top(bad, "bad").top(l.image(sampleOf(t, "b"), nil), "good")
	l.blobs[bad["digest"].(string)] += " "
	a := openFile(t, unpack(t, l.members()...))
	if images, _, err := a.Choose(t.Context(), source.Selection{Image: "good"}); err != nil || files(t, images[0]) != "b" {
		t.Errorf("the good one: %v", err)
	}
	_, _, err := a.Choose(t.Context(), source.Selection{Image: "bad"})
	if err == nil || !strings.Contains(err.Error(), `image "bad": manifest sha256:`) {
		t.Errorf("the bad one: %v", err)
	}
}

func TestAttestationsAreNeverImages(t *testing.T) {
	l := newLayout()
	d := platformOf(l.image(sampleOf(t, "a"), nil), "unknown/unknown")
	if got := refusal(t, unpack(t, l.top(d, "t").members()...)); !strings.Contains(got, "attestations only") {
		t.Errorf("got %q", got)
	}
}

func TestHostileNamesAreNotFlags(t *testing.T) {
	l := newLayout()
	l.top(l.image(sampleOf(t, "a"), nil), "--all; rm\x1b[2J").top(l.image(sampleOf(t, "b"), nil), "-x")
	_, _, err := openFile(t, unpack(t, l.members()...)).Choose(t.Context(), source.Selection{})
	if got := flags(err); got != "--image @0, --image @1" || strings.Contains(choices(err), "\x1b") {
		t.Errorf("got %q: %v", got, err)
	}
}
