package kinds

import (
	"errors"
	"path/filepath"
	"strings"
	"testing"

	"layup/analyze/source"
	"layup/analyze/source/advice"
	"layup/analyze/source/archive"
	"layup/fixtures/sample"
)

// under moves members below a directory.
func under(dir string, list []member) []member {
	var out []member
	for _, m := range list {
		m.name = dir + m.name
		out = append(out, m)
	}
	return out
}

// noting opens a name and returns what it notes.
func noting(t *testing.T, name string) (a *Opened, notes string, err error) {
	t.Helper()
	opt := testOptions(t)
	opt.Note = func(text string) { notes += text }
	if a, err = Open(t.Context(), name, opt); err == nil {
		t.Cleanup(func() { a.Close() })
	}
	return a, notes, err
}

func TestALayoutOneLevelDownIsRead(t *testing.T) {
	s := sampleOf(t, "a", "b")
	l := newLayout()
	list := l.top(l.image(s, nil), "t").members()
	yaml := member{name: "zarf.yaml", body: "kind: ZarfPackageConfig"}
	app := member{name: "components/app.tar", body: string(archiveOf(t, s.dockerMembers("x:1")...))}
	for _, tt := range []struct {
		case_ string
		list  []member
		at    string
	}{
		{"a folder", under("shop/", list), "shop/"},
		{"a folder with dots", under("./shop/", list), "shop/"},
		{"a folder of a folder", under("home/user/shop/", list), "home/user/shop/"},
		{"a Zarf package", append(under("images/", list), yaml, app), "images/"},
		{"beside files, below a folder", append(under("p/images/", list), under("p/", []member{yaml})...), "p/images/"},
	} {
		for _, name := range []string{fileOf(t, "x.tar", archiveOf(t, tt.list...)),
			fileOf(t, "x.tar.gz", sample.Gzip(t, archiveOf(t, tt.list...)))} {
			a, note, err := noting(t, name)
			if err != nil || a.Kind() != archive.OCIArchive || !strings.Contains(note, "holds an OCI layout at "+tt.at+", ") {
				t.Errorf("%s: got %v, note %q", tt.case_, err, note)
				continue
			}
			images, _, err := a.Choose(t.Context(), source.Selection{})
			if err != nil || files(t, images[0]) != "a b" {
				t.Errorf("%s: got %v", tt.case_, err)
			}
		}
	}
	dir := unpack(t, append(under("images/", list), yaml, app)...)
	a, note, err := noting(t, dir)
	if err != nil || a.Kind() != archive.OCI || !strings.Contains(note, "holds an OCI layout at images/, ") {
		t.Fatalf("a directory: got %v, note %q", err, note)
	}
	if images, _, err := a.Choose(t.Context(), source.Selection{}); err != nil || files(t, images[0]) != "a b" {
		t.Errorf("a directory: got %v", err)
	}
}

func TestOtherImagesOneLevelDownAreNamed(t *testing.T) {
	s := sampleOf(t, "a")
	l := newLayout()
	layout := l.top(l.image(s, nil), "t").members()
	saved := s.dockerMembers("x:1")
	inner := string(archiveOf(t, saved...))
	two := append(under("a/", layout), under("b/", layout)...)
	for _, tt := range []struct {
		case_      string
		list       []member
		want, hint string // of the tar
		dir        string // of a directory
	}{
		{"docker save in a folder", under("img/", saved), "holds a docker save archive: img", "&& layup images img",
			"/img"},
		{"skopeo's dir: in a folder", under("img/", dirMembers(s)), "holds a directory of skopeo (dir:): img",
			"&& layup images img", "/img"},
		{"two layouts", two, "holds an OCI layout: a, an OCI layout: b", "&& layup images a", "/a"},
		{"a tar in a tar", []member{{name: "README", body: "x"}, {name: "./shop.tar", body: inner}},
			"holds an image archive: shop.tar", " ./shop.tar | layup images -", "/shop.tar, or --all"},
		{"a tar in a tar, in a folder", []member{{name: "f/shop.tar", body: inner}}, "holds an image archive: f/shop.tar",
			" f/shop.tar | layup images -", ""},
		{"a compressed tar in a tar", []member{{name: "shop.tar.gz", body: string(sample.Gzip(t, []byte(inner)))}},
			"holds an archive, compressed with gzip: shop.tar.gz", " shop.tar.gz | layup images -", "/shop.tar.gz, or --all"},
	} {
		for _, how := range []string{"file", "directory"} {
			name, hint := fileOf(t, "x.tar", archiveOf(t, tt.list...)), tt.hint
			if how == "directory" {
				name, hint = unpack(t, tt.list...), tt.dir
			}
			_, _, err := noting(t, name)
			hinted, ok := errors.AsType[*advice.Hinted](err)
			switch {
			case how == "directory" && tt.dir == "":
				if err == nil {
					t.Errorf("%s: a directory opens", tt.case_)
				}
			case !ok || !strings.Contains(hinted.Hint, hint), how == "file" && !strings.Contains(err.Error(), tt.want):
				t.Errorf("%s in a %s: got %v with %v, want %q and %q", tt.case_, how, err, hinted, tt.want, hint)
			}
		}
	}
}

func TestALayerMayHoldArchives(t *testing.T) {
	s := sampleOf(t, "a")
	l := newLayout()
	layout := l.top(l.image(s, nil), "t").members()
	shop := member{name: "opt/shop.tar", body: string(archiveOf(t, s.dockerMembers("x:1")...))}
	for case_, list := range map[string][]member{
		"a root file system with a layout":  append(under("images/", layout), member{name: "etc/passwd"}),
		"a root file system with an image":  {shop, {name: "bin/sh"}},
		"a web application":                 {{name: "app/manifest.json", body: `{"name":"x"}`}, {name: "app/index.json"}},
		"a compressed file beside others":   {{name: "data.gz", body: string(sample.Gzip(t, []byte("x")))}, {name: "main"}},
		"a tar that is not an image":        {{name: "data.tar", body: string(sample.Tar(t, "x"))}},
		"files of a build in one directory": under("app/", []member{{name: "main"}, {name: "lib/index.json", body: "{}"}}),
	} {
		if a := openFile(t, fileOf(t, "x.tar", archiveOf(t, list...))); a.Kind() != archive.Layer {
			t.Errorf("%s: got %s", case_, a.Kind())
		}
	}
	opt := testOptions(t)
	opt.As = archive.Layer
	name := fileOf(t, "x.tar", archiveOf(t, under("shop/", layout)...))
	a, err := Open(t.Context(), name, opt)
	if err != nil || a.Kind() != archive.Layer {
		t.Fatalf("as a layer: got %v", err)
	}
	a.Close()
	if _, err := Open(t.Context(), filepath.Dir(name), opt); err == nil || !strings.Contains(err.Error(), "not a layer") {
		t.Errorf("a directory as a layer: got %v", err)
	}
}
