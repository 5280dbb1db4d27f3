package provenance

import (
	"bytes"
	"encoding/base64"
	"encoding/json"
	"fmt"
	"os"
	"path/filepath"
	"runtime"
	"slices"
	"strings"
	"testing"

	"layup/analyze/source/document"
)

// subject is the manifest of the image that the files in testdata are about. BuildKit 0.34.2 made them.
const subject = "sha256:5e137834419214e50c637eaf45cb1cdabbd41b0dfea5dc8fee8a4e8a8c7cbc13"

// stored are the layers of that image.
var stored = []string{
	"sha256:7828eece3438f19d9160f2919ed28078cc166080ff5a0a725dafeca99c107be8",
	"sha256:f0c405045123c8959c437498fcab8ffc8fd823295b050c5fe6733cb65b885529",
	"sha256:d9dc2bef8b8fa1b98fa682c185d74433690cade3d1d25c5305c98b4ca4cd91ae",
	"sha256:f0c405045123c8959c437498fcab8ffc8fd823295b050c5fe6733cb65b885529",
	"sha256:1ae3fce6a0565af01649b48acc3730239f44838ff16969a4f8a9f74149d3ac53",
	"sha256:ddf05a8986144b9b52f963176f35e8613b648273b4c3b344ed1fc53a40d76112",
	"sha256:9468e8d7981876cf2d1ffd00310119ea24611ef3019bde540bafe299e64a3e76",
	"sha256:514a4c3817c0cfbb7e9bfe6bde1441611bbd4d5d5f06b6c3742dae4918cd74ac",
	"sha256:e64e79c9b6b99dfb5d136d987867d42063c2eac724246cea2acbf973c3e48779",
}

func example(t testing.TB, name string) []byte {
	t.Helper()
	text, err := os.ReadFile(filepath.Join("testdata", name))
	if err != nil {
		t.Fatal(err)
	}
	return text
}

// compressedAgain are layers with other digests.
func compressedAgain() []string {
	var list []string
	for i := range stored {
		list = append(list, fmt.Sprintf("sha256:%064x", i+1))
	}
	return list
}

func read(doc []byte, layers []string) (*Build, error) {
	limits := document.DefaultLimits()
	s, err := Read(doc, subject, &limits)
	if err != nil || s == nil {
		return nil, err
	}
	return s.Fit(layers)
}

// described says what is known of each layer and of the base.
func described(b *Build) []string {
	if b == nil {
		return nil
	}
	var list []string
	for i, l := range b.Lines {
		if l != nil {
			list = append(list, fmt.Sprintf("%d %s-%d %s %q", i, l, l.EndLine, l.Matched, l.Text))
		}
	}
	if b.Base != nil {
		list = append(list, fmt.Sprintf("base %d %s %s", b.Base.Layers, b.Base.Name, b.Base.Digest))
	}
	return list
}

// expected is what the build did.
func expected(how string) []string {
	return []string{
		"6 Dockerfile:5-5 " + how + ` "COPY --from=build /out/a /srv/a"`,
		"7 Dockerfile:6-7 " + how + ` "RUN echo two > /MYFILE && \\\n    rm -f /etc/hostname"`,
		"8 Dockerfile:9-9 " + how + ` "COPY app.txt /app.txt"`,
		"base 6 base sha256:080cd66ba4f6c3315448cf5327d8cce418c17ce6c2dcb455750700a2913e43a3",
	}
}

// asSLSA02 turns a statement of SLSA 1 into one of SLSA 0.2, as BuildKit writes both.
func asSLSA02(t testing.TB, doc []byte) []byte {
	return changed(t, doc, func(s map[string]any) {
		one := s["predicate"].(map[string]any)
		run := one["runDetails"].(map[string]any)["metadata"].(map[string]any)
		definition := one["buildDefinition"].(map[string]any)
		s["_type"], s["predicateType"] = "https://in-toto.io/Statement/v0.1", SLSA02
		s["predicate"] = map[string]any{
			"builder": map[string]any{"id": ""}, "buildType": "https://mobyproject.org/buildkit@v1",
			"materials": definition["resolvedDependencies"], "invocation": definition["externalParameters"],
			"buildConfig": definition["internalParameters"].(map[string]any)["buildConfig"],
			"metadata": map[string]any{"buildInvocationID": "x", "reproducible": false,
				buildkit02: run["buildkit_metadata"]},
		}
	})
}

// changed returns a statement after a change.
func changed(t testing.TB, doc []byte, change func(map[string]any)) []byte {
	t.Helper()
	var s map[string]any
	if err := json.Unmarshal(doc, &s); err != nil {
		t.Fatal(err)
	}
	change(s)
	text, err := json.Marshal(s)
	if err != nil {
		t.Fatal(err)
	}
	return text
}

func TestLayersBelongToTheStepsThatMadeThem(t *testing.T) {
	one := example(t, "max-v1.json")
	for _, tt := range []struct {
		say    string
		doc    []byte
		layers []string
		want   []string
	}{
		{"SLSA 1", one, stored, expected(Digest)},
		{"SLSA 0.2", asSLSA02(t, one), stored, expected(Digest)},
		{"compressed again", one, compressedAgain(), expected(Position)},
		{"only new layers compressed again", one, slices.Concat(stored[:6], compressedAgain()[6:]), expected(Position)},
		{"mode=min", example(t, "min.json"), stored, nil},
	} {
		got, err := read(tt.doc, tt.layers)
		if list := described(got); err != nil || !slices.Equal(list, tt.want) {
			t.Errorf("%s: got\n%s\n%v, want\n%s", tt.say, strings.Join(list, "\n"), err, strings.Join(tt.want, "\n"))
		}
	}
}

// The stages of one Dockerfile: here-documents, COPY --link, a stage on another stage, an instruction that changes
// nothing, comments in an instruction. BuildKit 0.34.2 made both statements.
func TestStagesAreTold(t *testing.T) {
	const stages = "sha256:d86f38f3ef31f9b3444c196346097666e1d7c041eacc752a331cebaef7c58389"
	want := []string{
		"9 Dockerfile:10 RUN echo $VERSION > /version",
		"10 Dockerfile:11 COPY --link app.txt /linked.txt",
		"11 Dockerfile:13 COPY --from=build --link /out/a /srv/a",
		"12 Dockerfile:14 WORKDIR /work",
		"13 Dockerfile:15 RUN <<EOF ⏎ echo one > /one ⏎ echo two > /two ⏎ EOF",
		"14 Dockerfile:19 COPY <<INLINE /inline.txt ⏎ some text ⏎ INLINE",
		"15 Dockerfile:23 RUN true",
		"16 Dockerfile:24 ADD app.txt /added.txt",
		"17 Dockerfile:26 COPY --chmod=600 app.txt /last.txt",
	}
	limits := document.DefaultLimits()
	for _, name := range []string{"stages-v1.json", "stages-v02.json"} {
		s, err := Read(example(t, name), stages, &limits)
		if err != nil {
			t.Fatal(err)
		}
		for how, layers := range map[string][]string{Digest: s.result(), Position: make([]string, len(s.result()))} {
			b, err := s.Fit(layers)
			if err != nil {
				t.Fatal(err)
			}
			var got []string
			for i, l := range b.Lines {
				if l != nil && l.Matched == how {
					got = append(got, fmt.Sprintf("%d %s %s", i, l, l.OneLine()))
				}
			}
			if !slices.Equal(got, want) || b.Base.Layers != 9 {
				t.Errorf("%s by %s: got\n%s\nbase %v", name, how, strings.Join(got, "\n"), b.Base)
			}
		}
	}
}

// result is the longest chain.
func (s *Statement) result() (longest []string) {
	for _, c := range s.chains {
		if len(c.layers) > len(longest) {
			longest = c.layers
		}
	}
	return longest
}

// buildkit is the part of a statement that tells layers and lines.
func buildkit(s map[string]any) map[string]any {
	run := s["predicate"].(map[string]any)["runDetails"].(map[string]any)["metadata"].(map[string]any)
	return run["buildkit_metadata"].(map[string]any)
}

// dockerfile is the first Dockerfile of a statement.
func dockerfile(s map[string]any) map[string]any {
	return buildkit(s)["source"].(map[string]any)["infos"].([]any)[0].(map[string]any)
}

func setText(s map[string]any, text string) {
	dockerfile(s)["data"] = base64.StdEncoding.EncodeToString([]byte(text))
}

const fine = "FROM base AS build\nRUN x\n\nFROM base\nCOPY --from=build /out/a /srv/a\n" +
	"RUN a \\\n  b\nENV A=b\nCOPY c /c\n"

func TestStatementsThatCannotBeTrustedAreRefused(t *testing.T) {
	one := example(t, "max-v1.json")
	with := func(change func(map[string]any)) []byte { return changed(t, one, change) }
	text := func(text string) []byte { return with(func(s map[string]any) { setText(s, text) }) }
	for _, tt := range []struct {
		say  string
		doc  []byte
		want string
	}{
		{"another image", bytes.ReplaceAll(one, []byte("5e137834"), []byte("5e137835")), "about another image"},
		{"no subject", with(func(s map[string]any) { s["subject"] = []any{} }), "about another image"},
		{"another predicate", with(func(s map[string]any) { s["predicateType"] = "x\x1b[31m" }), `"x\x1b[31m"`},
		{"not JSON", []byte("{"), "not JSON"},
		{"nothing", nil, "empty"},
		{"a key twice", append(one[:len(one)-1:len(one)-1], `,"predicateType":"x"}`...), "duplicate key"},
		{"a key in two cases", append(one[:len(one)-1:len(one)-1], `,"Predicate":{}}`...), "also in another case"},
		{"data after it", append(one[:len(one):len(one)], "{}"...), "data after"},
		{"too deep", []byte(strings.Repeat("[", 100)), "too deep"},
		{"texts for numbers", bytes.ReplaceAll(one, []byte(`"line":5`), []byte(`"line":"5"`)), "want a whole number"},
		{"a long Dockerfile", text(strings.Repeat("# comment\n", 200_000)), "more than 1048576"},
		{"an escape", text(strings.Replace(fine, "RUN a", "RUN \x1b[31ma", 1)), "line 6 holds characters"},
		{"a C1 control", text(strings.Replace(fine, "RUN a", "RUN \u009b31ma", 1)), "line 6 holds characters"},
		{"a turn of direction", text(strings.Replace(fine, "COPY c", "COPY \u202ec", 1)), "line 9 holds characters"},
		{"a lone carriage return", text(strings.Replace(fine, "RUN a", "RUN a\rRUN z", 1)), "line 6 holds characters"},
		{"bytes that are not UTF-8", text(strings.Replace(fine, "RUN a", "RUN \xff", 1)), "not UTF-8"},
		{"a name with an escape", with(func(s map[string]any) { dockerfile(s)["filename"] = "\x1b]0;x\a" }),
			"has a name of"},
		{"no name", with(func(s map[string]any) { dockerfile(s)["filename"] = "" }), "has no name"},
		{"a line beyond the end", text("FROM base\nRUN x\n"), "lines 5 to 5 of a file of 2"},
		{"line 0", bytes.Replace(one, []byte(`"line":5`), []byte(`"line":0`), 1), "lines 0 to 5"},
		{"a line before the first", bytes.Replace(one, []byte(`"line":5`), []byte(`"line":-1`), 1), "lines -1 to 5"},
		{"a file that is not there", bytes.Replace(one, []byte(`"locations":[{"ranges"`),
			[]byte(`"locations":[{"sourceIndex":1,"ranges"`), 1), "there is no file 1"},
		{"a chain with an invalid digest", bytes.ReplaceAll(one, []byte("sha256:e64e"), []byte("sha256:E64e")), "layers"},
	} {
		got, err := read(tt.doc, stored)
		if got != nil || err == nil || !strings.Contains(err.Error(), tt.want) {
			t.Errorf("%s: got %q, %v; want %q", tt.say, described(got), err, tt.want)
		}
		if err != nil && strings.ContainsAny(err.Error(), "\x1b\u009b\u202e\a\r") {
			t.Errorf("%s: raw characters in %q", tt.say, err)
		}
	}
	if _, err := read(one, stored[:8]); err != nil {
		t.Errorf("a part of the layers: %v", err)
	}
	if got, err := read(one, compressedAgain()[:8]); err == nil {
		t.Errorf("other layers, and another number: got %q", described(got))
	}
}

func TestOddDockerfilesAreRead(t *testing.T) {
	one := example(t, "max-v1.json")
	for _, tt := range []struct{ say, text, want string }{
		{"a byte order mark", "\ufeff" + fine, `"COPY c /c"`},
		{"Windows' ends of lines", strings.ReplaceAll(fine, "\n", "\r\n"), `"RUN a \\\n  b"`},
		{"no end of the last line", strings.TrimSuffix(fine, "\n"), `"COPY c /c"`},
		{"tabs", strings.ReplaceAll(fine, "  b", "\tb"), `"RUN a \\\n\tb"`},
		{"letters of other scripts", strings.ReplaceAll(fine, "  b", "  é 日本 🚀"), "🚀"},
	} {
		doc := changed(t, one, func(s map[string]any) { setText(s, tt.text) })
		got, err := read(doc, stored)
		if list := strings.Join(described(got), "\n"); err != nil || !strings.Contains(list, tt.want) {
			t.Errorf("%s: got %s, %v; want %s", tt.say, list, err, tt.want)
		}
	}
}

// What several steps may have made has no line, unless they are of one line.
func TestDoubtLeavesTheLineOut(t *testing.T) {
	one := example(t, "max-v1.json")
	alias := func(step string, line int) []byte {
		return changed(t, one, func(s map[string]any) {
			layers := buildkit(s)["layers"].(map[string]any)
			layers[step+":0"] = layers["step3:0"]
			at := map[string]any{"line": line}
			list := buildkit(s)["source"].(map[string]any)["locations"].(map[string]any)
			list[step] = map[string]any{"locations": []any{map[string]any{"ranges": []any{map[string]any{
				"start": map[string]any{"line": 6}, "end": at}}}}}
		})
	}
	for line, want := range map[int]bool{7: true, 8: false} {
		got, err := read(alias("step9", line), stored)
		if err != nil || (got.Lines[7] != nil) != want {
			t.Errorf("another step of lines 6 to %d: %q, %v", line, described(got), err)
		}
	}
}

// A build that begins with nothing has a base without layers.
func TestScratchIsABase(t *testing.T) {
	doc := changed(t, example(t, "max-v1.json"), func(s map[string]any) {
		layers := buildkit(s)["layers"].(map[string]any)
		delete(layers, "step0:0")
		for key, list := range layers {
			layers[key] = []any{list.([]any)[0].([]any)[6:]}
		}
	})
	got, err := read(doc, stored[6:])
	if list := described(got); err != nil || len(list) != 4 || list[3] != "base 0 scratch " || got.Lines[0].Line != 5 {
		t.Errorf("got %q, %v", list, err)
	}
}

func TestInstructionsFitOnOneLine(t *testing.T) {
	for text, want := range map[string]string{
		"COPY a /b":                       "COPY a /b",
		"RUN a && \\\n    b":              "RUN a && b",
		"RUN a; \\\n# why\n\n  b \\\n\tc": "RUN a; b c",
		"RUN <<EOF\necho a\n# b\nEOF":     "RUN <<EOF ⏎ echo a ⏎ # b ⏎ EOF",
	} {
		if got := oneLine(text); got != want {
			t.Errorf("%q: got %q, want %q", text, got, want)
		}
	}
}

// FuzzStatement reads statements that nobody vouches for. What they say must be lines of their Dockerfiles, and
// harmless.
func FuzzStatement(f *testing.F) {
	one := example(f, "max-v1.json")
	f.Add(one)
	f.Add(asSLSA02(f, one))
	f.Add(example(f, "min.json"))
	f.Fuzz(func(t *testing.T, doc []byte) {
		limits := document.DefaultLimits()
		s, err := Read(doc, subject, &limits)
		if err != nil || s == nil {
			return
		}
		for _, layers := range [][]string{stored, compressedAgain(), stored[:1], nil} {
			b, err := s.Fit(layers)
			if err != nil {
				continue
			}
			if len(b.Lines) != len(layers) || b.Base != nil && b.Base.Layers > len(layers) {
				t.Fatalf("%d lines, base %v", len(b.Lines), b.Base)
			}
			for _, l := range b.Lines {
				if l == nil {
					continue
				}
				holds := func(d Dockerfile) bool {
					return d.Name == l.Name && strings.Contains(strings.ReplaceAll(d.Text, "\r\n", "\n"), l.Text)
				}
				if l.Line < 1 || l.EndLine < l.Line || !slices.ContainsFunc(s.Dockerfiles(), holds) {
					t.Fatalf("%+v", l)
				}
				if strings.ContainsAny(l.Text+l.Name, "\x1b\u009b\u202e\x00\r") {
					t.Fatalf("raw characters in %q", l.Text)
				}
			}
		}
	})
}

// A statement whose instructions are too large in all is refused before they are copied.
func TestLargeInstructionsAreNotCopied(t *testing.T) {
	f, err := newFile("Dockerfile", bytes.Repeat([]byte("#\r\n"), mostDockerfile/3))
	if err != nil {
		t.Fatal(err)
	}
	s := &Statement{files: []*file{f}, spots: map[string][]location{"s": {{0, 1, len(f.ends)}}}}
	var layers []string
	for i := range 300 {
		layers = append(layers, fmt.Sprintf("sha256:%064x", i))
		s.chains = append(s.chains, chain{"s", slices.Clone(layers)})
	}
	var before, after runtime.MemStats
	runtime.ReadMemStats(&before)
	_, err = s.Fit(layers)
	runtime.ReadMemStats(&after)
	if copied := (after.TotalAlloc - before.TotalAlloc) >> 20; err == nil || copied > 100 {
		t.Errorf("%d MiB, %v", copied, err)
	}
}
