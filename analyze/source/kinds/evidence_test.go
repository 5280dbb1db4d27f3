package kinds

import (
	"archive/tar"
	"errors"
	"slices"
	"strings"
	"testing"

	"layup/analyze/source/advice"
	"layup/analyze/source/archive"
	"layup/fixtures/sample"
)

// beside is what makes a tar look like a root file system.
var beside = member{name: "etc/passwd", body: "root:x:0:0::/:/bin/sh\n"}

// plain names the config and the layer of an image by words: no name but manifest.json tells what they are.
func plain(s *oneImage) []member {
	doc := asJSON([]any{map[string]any{"Config": "c", "Layers": []string{"l"}}})
	return []member{{name: "c", body: s.config}, {name: "l", body: string(s.layers[0])},
		{name: "manifest.json", body: doc}}
}

// An engine loads these, or did before they were damaged. A root file system beside the image must not hide it.
func TestNoImageHidesAsARootFileSystem(t *testing.T) {
	s := sampleOf(t, "a")
	list := plain(s)
	doc := list[2].body
	l := newLayout()
	layout := l.top(l.image(s, nil), "t").members()
	edited := func(list []member, name string, edit func(m *member)) []member { return replaced(list, name, edit) }
	long := strings.Repeat(" ", 5<<20)
	for _, tt := range []struct {
		case_ string
		list  []member
		want  string
	}{
		{"manifest.json twice", append(list, list[2]), `duplicate member "manifest.json"`},
		{"a good manifest.json after another", append([]member{{name: "manifest.json", body: "{}"}}, list...),
			"duplicate member"},
		{"a layer twice", append(list, list[1]), `duplicate member "l"`},
		{"data after the list", edited(list, "manifest.json", func(m *member) { m.body += "{}" }), "manifest.json: "},
		{"a list that is too long", edited(list, "manifest.json", func(m *member) { m.body += long }), "limit"},
		{"spaces before the list", edited(list, "manifest.json", func(m *member) { m.body = long + m.body }), "limit"},
		{"keys in lower case", edited(list, "manifest.json", func(m *member) {
			m.body = strings.ToLower(m.body) + "[]"
		}), "manifest.json: "},
		{"an escaped key", edited(list, "manifest.json", func(m *member) {
			m.body = strings.Replace(m.body, "Config", `\u0043onfig`, 1) + "[]"
		}), "manifest.json: "},
		{"a byte order mark", edited(list, "manifest.json", func(m *member) { m.body = "\ufeff" + m.body }),
			"manifest.json: "},
		{"an absolute link", append(list[:2:2], member{name: "manifest.json", link: "/opt/m"},
			member{name: "opt/m", body: doc}), "link out of the archive"},
		{"a link that climbs", append(list[:2:2], member{name: "manifest.json", link: "../opt/m"},
			member{name: "opt/m", body: doc}), "link out of the archive"},
		{"a hard link to a link", append(list[:2:2], member{name: "opt/m", body: doc}, member{name: "x", link: "/opt/m"},
			member{name: "manifest.json", link: "x", kind: tar.TypeLink}), "link out of the archive"},
		{"a member below a link", append(list[:2:2], member{name: "d", link: "."},
			member{name: "d/manifest.json", body: doc}), "lies below the link"},
		{"a link below a link", append(list[:2:2], member{name: "d", link: "/"}, member{name: "x", body: doc},
			member{name: "d/manifest.json", link: "x"}), "lies below the link"},
		{"a layer below a link", append(list, member{name: "d", link: "."}, member{name: "d/x"}), "lies below the link"},
		{"a config that is missing", list[1:], "config"},
		{"an index without schemaVersion", edited(layout, "index.json", func(m *member) {
			m.body = strings.Replace(m.body, `"schemaVersion":2`, `"x":2`, 1)
		}), ""},
		{"an index of another schema", edited(layout, "index.json", func(m *member) {
			m.body = strings.Replace(m.body, `"schemaVersion":2`, `"schemaVersion":3`, 1)
		}), "schemaVersion 3"},
		{"data after the index", edited(layout, "index.json", func(m *member) { m.body += "{}" }), "index.json: "},
		{"an index that is too long", edited(layout, "index.json", func(m *member) { m.body += long }), "limit"},
		{"index.json twice", append(layout, layout[1]), `duplicate member "index.json"`},
		{"a layout without its index", without(layout, "index.json"), "manifest.json not found"},
		{"oci-layout alone", layout[:1], "manifest.json not found"},
		{"blobs alone", layout[2:], "manifest.json not found"},
		{"docker save without manifest.json", without(s.dockerMembers("x:1"), "manifest.json"), "manifest.json not found"},
	} {
		content := archiveOf(t, append(slices.Clone(tt.list), beside)...)
		for packing, data := range map[string][]byte{"tar": content, "gzip": sample.Gzip(t, content),
			"zstd": sample.Zstd(t, content)} {
			name := fileOf(t, "x", data)
			a, err := Open(t.Context(), name, testOptions(t))
			hinted, _ := errors.AsType[*advice.Hinted](err)
			if err != nil && (hinted == nil || !strings.Contains(hinted.Hint, "--as layer")) {
				t.Errorf("%s in %s: no hint with %v", tt.case_, packing, err)
			}
			if err == nil && (a.Kind() == archive.Layer || a.Close() != nil) {
				t.Errorf("%s in %s: is a layer", tt.case_, packing)
			}
			if got := refusal(t, name); !strings.Contains(got, tt.want) || tt.want == "" && got != "" {
				t.Errorf("%s in %s: got %q, want %q", tt.case_, packing, got, tt.want)
			}
			opt := testOptions(t)
			opt.As = archive.Layer
			if a, err := Open(t.Context(), name, opt); err != nil || a.Close() != nil {
				t.Errorf("%s in %s: as a layer: %v", tt.case_, packing, err)
			}
		}
	}
}

// These are files of a root file system, whatever their names are.
func TestARootFileSystemMayLookLikeAnArchive(t *testing.T) {
	hex := strings.Repeat("ab", 32)
	for case_, list := range map[string][]member{
		"a web application's manifest": {{name: "manifest.json", body: `{"name":"shop","icons":[{"src":"a.png"}]}`}},
		"a list of files":              {{name: "manifest.json", body: `["a.js","b.js"]`}},
		"a list of objects":            {{name: "manifest.json", body: `[{"src":"a.js","config":null}]`}},
		"an empty list":                {{name: "manifest.json", body: `[]`}},
		"an empty manifest":            {{name: "manifest.json"}},
		"a large manifest":             {{name: "manifest.json", body: `{"x":"` + strings.Repeat("x", 5<<20) + `"}`}},
		"a link to a manifest": {{name: "manifest.json", link: "/app/manifest.json"},
			{name: "app/manifest.json", body: `{"name":"shop"}`}},
		"a link to nothing":           {{name: "manifest.json", link: "/app/manifest.json"}},
		"a manifest that is a folder": {{name: "manifest.json/x", body: "x"}},
		"a search index":              {{name: "index.json", body: `{"fields":["title"],"manifests":[]}`}},
		"a list of pages":             {{name: "index.json", body: `[{"title":"x"}]`}},
		"a file oci-layout":           {{name: "oci-layout", body: "{}"}},
		"blobs of another kind":       {{name: "blobs/a.bin", body: "x"}, {name: "blobs/sha256/short", body: "x"}},
		"blobs of a registry":         {{name: "blobs/sha256/ab/" + hex + "/data", body: "x"}},
		"an empty directory of blobs": {{name: "blobs/", kind: tar.TypeDir}, {name: "blobs/sha256/", kind: tar.TypeDir}},
		"a file called layer.tar":     {{name: "opt/layer.tar", body: "x"}, {name: "repositories", body: "x"}},
		"repositories, a directory":   {{name: "repositories/x", body: "x"}},
		"files called manifest.json":  {{name: "usr/share/x/manifest.json", body: `[{"Config":"c"}]`}},
		"a layout deeper down":        under("srv/layout/", plain(sampleOf(t, "a"))),
		"links beside documents": {{name: "usr/lib/x/manifest.json", body: `[{"Config":"c"}]`},
			{name: "lib", link: "usr/lib"}, {name: "usr/lib/y", link: "x"}},
	} {
		a := openFile(t, fileOf(t, "x.tar", archiveOf(t, append([]member{beside}, list...)...)))
		if a.Kind() != archive.Layer {
			t.Errorf("%s: got %s", case_, a.Kind())
		}
	}
}

// A cut in the middle makes the end of a layer the end of the archive.
func TestAnArchiveWithoutItsBeginningIsNotALayer(t *testing.T) {
	s := sampleOf(t, "etc/a", "b")
	l := newLayout()
	for case_, whole := range map[string][]byte{
		"docker save": archiveOf(t, s.dockerMembers("x:1")...),
		"words":       archiveOf(t, append(plain(s)[1:], plain(s)[0])...),
		"a layout":    archiveOf(t, append(l.top(l.image(s, nil), "t").members()[2:], l.members()[:2]...)...),
	} {
		inner := strings.Index(string(whole), string(s.layers[0]))
		name := fileOf(t, "x.tar", whole[inner:])
		if got := refusal(t, name); !strings.Contains(got, "an image archive goes on after the end of a layer, at offset ") {
			t.Errorf("%s: got %q", case_, got)
		}
	}
	two := append(sample.Tar(t, "a"), sample.Tar(t, "b")...)
	if got := refusal(t, fileOf(t, "x.tar", two)); got != "" {
		t.Errorf("two layers: %s", got)
	}
}

// A sector of a small compressed layer in the place of the first one makes the whole look like that layer.
func TestAnArchiveThatBeginsAsAnotherIsRefused(t *testing.T) {
	l := newLayout()
	whole := archiveOf(t, l.top(l.image(sampleOf(t, "a"), nil), "t").members()...)
	piece := sample.Gzip(t, sample.Tar(t, "a"))
	copy(whole, append(piece, make([]byte, 512-len(piece))...))
	if got := refusal(t, fileOf(t, "x.tar", whole)); !strings.Contains(got, "begins as gzip and goes on as a tar") {
		t.Errorf("got %q", got)
	}
}
