package packages_test

import (
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/santhosh-tekuri/jsonschema/v6"

	"layup/fixtures"
	"layup/fixtures/direct"
)

// schema compiles a published schema: of ECMA-424 (CycloneDX 1.6, Apache-2.0) and of SPDX 2.3 (CC-BY-3.0), without
// descriptions.
func schema(t *testing.T, name string) *jsonschema.Schema {
	t.Helper()
	c := jsonschema.NewCompiler()
	c.AssertFormat()
	for _, file := range []string{"bom-1.6.schema.json", "jsf-0.82.schema.json", "spdx.schema.json",
		"spdx-2.3.schema.json"} {
		f, err := os.Open(filepath.Join("testdata", file))
		if err != nil {
			t.Fatal(err)
		}
		defer f.Close()
		doc, err := jsonschema.UnmarshalJSON(f)
		if err == nil {
			err = c.AddResource(doc.(map[string]any)["$id"].(string), doc)
		}
		if err != nil {
			t.Fatal(err)
		}
	}
	s, err := c.Compile(name)
	if err != nil {
		t.Fatal(err)
	}
	return s
}

// A bill of materials is as its schema says, for any names, and its bytes depend on the image alone.
func TestBillsOfMaterialsFitTheirSchemas(t *testing.T) {
	image := direct.Pack(t, "packages")
	hostile := direct.Image(t, "hostile", "layer COPY\nf 0644 0:0 var/lib/dpkg/status "+
		`"Package: \x1b[31m\xff\"<a b>\nVersion: \u202e1%&\nArchitecture: ../..\nSource: \x00\n\n`+
		`Package: b\nVersion: 1\n"`+"\n"+
		`f 0644 0:0 node_modules/@a/b/package.json "{\"name\":\"@a/b\",\"version\":\"\",\"license\":{}}"`+"\n"+
		`f 0644 0:0 node_modules/c/package.json "{\"name\":\"c\\u0000\",\"version\":\"1 2\",`+
		`\"license\":\"GPL \\u001b\"}"`+"\n")
	for format, id := range map[string]string{"cyclonedx": "http://cyclonedx.org/schema/bom-1.6.schema.json",
		"spdx": "http://spdx.org/rdf/terms/2.3"} {
		s := schema(t, id)
		for _, name := range []string{image, hostile} {
			a := direct.Layup(t, "packages", "-f", format, name)
			doc, err := jsonschema.UnmarshalJSON(strings.NewReader(a.Out))
			if err == nil {
				err = s.Validate(doc)
			}
			if err != nil || a.Status != 0 {
				t.Errorf("%s: exit %d: %v\n%s\n%s", format, a.Status, err, a.Out, a.Err)
			}
			if again := direct.Layup(t, "packages", "-f", format, name); again.Out != a.Out {
				t.Errorf("%s: another run gives other bytes", format)
			}
			if strings.ContainsAny(a.Out, "\x1b\x00\u202e") {
				t.Errorf("%s: a raw control character", format)
			}
		}
		one := direct.Layup(t, "packages", "-f", format, image).Out
		for _, want := range []string{"libc6", "2.36-9+deb12u4", "pkg:deb/debian/libc6@2.36-9%2Bdeb12u4?arch=amd64",
			"pkg:npm/left-pad@1.3.0", "2024-01-01T00:00:00Z", "layup:layer"} {
			if !strings.Contains(strings.ReplaceAll(one, `\u0026`, "&"), want) {
				t.Errorf("%s: %s is not in it: %s", format, want, one)
			}
		}
		if strings.Contains(one, "curl") {
			t.Errorf("%s: a removed package is in it", format)
		}
		t.Setenv("SOURCE_DATE_EPOCH", "1700000000")
		if dated := direct.Layup(t, "packages", "-f", format, image).Out; !strings.Contains(dated, "2023-11-14T22:13:20Z") {
			t.Errorf("%s: not the time of SOURCE_DATE_EPOCH: %s", format, dated)
		}
		os.Unsetenv("SOURCE_DATE_EPOCH")
	}
}

// What the flags leave.
func TestFlagsLeaveWhatTheySay(t *testing.T) {
	image := direct.Pack(t, "packages")
	list := func(args ...string) string {
		a := direct.Layup(t, append([]string{"packages", "-f", "{{.name}} {{.layer}}", image}, args...)...)
		if a.Status > 1 {
			t.Errorf("%q: exit %d: %s", args, a.Status, a.Err)
		}
		return strings.ReplaceAll(strings.TrimSpace(a.Out), "\n", ", ")
	}
	for _, c := range []struct{ args, want string }{
		{"", "base-files 0, bash 0, libc6 2, left-pad 4"},
		{"--history", "base-files 0, bash 0, curl 1, libc6 0, libc6 2, left-pad 4"},
		{"--manager node", "left-pad 4"},
		{"--name ba*", "base-files 0, bash 0"},
		{"--name bash --name left-pad", "bash 0, left-pad 4"},
		{"--name nothing", ""},
		{"--layer 2", "libc6 2"},
		{"--layer 3 --history", "curl 1"},
		{"--sort size", "libc6 2, bash 0, left-pad 4, base-files 0"},
		{"--sort wasted --history", "libc6 0, curl 1, bash 0, base-files 0, libc6 2, left-pad 4"},
	} {
		if got := list(strings.Fields(c.args)...); got != c.want {
			t.Errorf("%s: got %q, want %q", c.args, got, c.want)
		}
	}
}

// The files of a Python distribution are those of its RECORD, with their digests.
func TestPythonFilesAreThoseOfTheRecord(t *testing.T) {
	const site = "usr/lib/python3/site-packages/"
	image := direct.Image(t, "python", "layer COPY\n"+
		"f 0644 0:0 "+site+`shop-1.0.dist-info/METADATA "Name: shop\nVersion: 1.0\n"`+"\n"+
		"f 0644 0:0 "+site+`shop-1.0.dist-info/RECORD "shop/a.py,sha256=JwQvTm7KfQsqfuQCbfLs-lHTM55tEiqgmRGOzYVjutk,5\n`+
		`shop/b.py,sha256=JwQvTm7KfQsqfuQCbfLs-lHTM55tEiqgmRGOzYVjutk,5\n`+
		`../../../bin/shop,,\nshop-1.0.dist-info/METADATA,,\n"`+"\n"+
		"f 0644 0:0 "+site+"shop/a.py \"right\"\nf 0644 0:0 "+site+"shop/b.py \"wrong\"\n"+
		"f 0755 0:0 usr/bin/shop \"run\"\nf 0755 0:0 usr/bin/other \"run\"\n")
	for flag, want := range map[string]string{"--changed": "/" + site + "shop/b.py", "--unpackaged": "/usr/bin/other"} {
		if got := strings.TrimSpace(direct.Layup(t, "find", "-f", "{{.path}}", flag, image).Out); got != want {
			t.Errorf("find %s: got %q, want %q", flag, got, want)
		}
	}
	if got := direct.Layup(t, "packages", "-f", "{{.name}} {{.files}}", image).Out; got != "shop 5\n" {
		t.Errorf("got %q: a file that its record and its directory give to a package counts once", got)
	}
}

// Images without dpkg have a file for each package, of which the name may have dots.
func TestFilesOfSinglePackagesAreRead(t *testing.T) {
	const dir = "var/lib/dpkg/status.d/"
	image := direct.Image(t, "distroless", "layer COPY\n"+
		"f 0644 0:0 "+dir+`libssl1.1 "Package: libssl1.1\nVersion: 1.1.1n\nArchitecture: amd64\n"`+"\n"+
		"f 0644 0:0 "+dir+`libssl1.1.md5sums "d41d8cd98f00b204e9800998ecf8427e  usr/lib/libssl.so.1.1\n"`+"\n"+
		"f 0644 0:0 "+dir+`libssl1.1.preinst "#!/bin/sh\n"`+"\nf 0644 0:0 usr/lib/libssl.so.1.1 \"\"\n")
	got := direct.Layup(t, "packages", "-f", "{{.name}} {{.version}} {{.files}}", image)
	if got.Out != "libssl1.1 1.1.1n 1\n" || got.Err != "" {
		t.Errorf("%q %s", got.Out, got.Err)
	}
}

// A database that cannot be read removes nothing.
func TestDamagedDatabasesRemoveNoPackages(t *testing.T) {
	const status = "f 0644 0:0 var/lib/dpkg/status "
	const a, b = `Package: a\nStatus: install ok installed\nVersion: 1\nArchitecture: all\n\n`,
		`Package: b\nStatus: install ok installed\nVersion: 1\nArchitecture: all\n\n`
	image := direct.Image(t, "damaged", "layer COPY\n"+status+`"`+a+b+`"`+"\nlayer RUN\n"+
		status+`"`+a+`no field\n\n"`+"\n")
	got := direct.Layup(t, "packages", "--history", "-f", "{{.name}} {{.status}}", image)
	if got.Out != "a installed\nb installed\n" || !strings.Contains(got.Err, "package-database-damaged") &&
		!strings.Contains(got.Err, "cannot be read") {
		t.Errorf("%q %s", got.Out, got.Err)
	}
}

// A database may have another name, to which a symlink leads.
func TestDatabasesMayHaveOtherNames(t *testing.T) {
	const status = `"Package: a\nStatus: install ok installed\nVersion: 1\nArchitecture: all\n\n"`
	image := direct.Image(t, "links", "layer COPY\nd 0755 0:0 var/lib/dpkg\n"+
		"l var/lib/dpkg/status -> status.real\nf 0644 0:0 var/lib/dpkg/status.real "+status+"\n"+
		"f 0644 0:0 var/lib/dpkg/info/a.list \"/bin/a\\n\"\nf 0755 0:0 bin/a \"a\"\n")
	if got := direct.Layup(t, "packages", "-f", "{{.name}} {{.files}}", image); got.Out != "a 1\n" {
		t.Errorf("%q %s", got.Out, got.Err)
	}
	img, err := fixtures.Parse("rpm", "layer COPY\nl var/lib/rpm/rpmdb.sqlite -> ../../../db\n")
	if err != nil {
		t.Fatal(err)
	}
	content, err := fixtures.ReadGzip("../../analyze/packages/testdata/rpm.sqlite.gz")
	if err != nil {
		t.Fatal(err)
	}
	db := fixtures.Entry{Kind: 'f', Mode: 0o644, Path: "db", Content: content}
	img.Layers[0].Entries = append(img.Layers[0].Entries, db)
	if got := direct.Layup(t, "packages", "-f", "{{.name}}", direct.Write(t, "rpm.tar", img)); got.Out != "first\n" {
		t.Errorf("%q %s", got.Out, got.Err)
	}
}

// An image without dpkg may lack the files that say what a package has.
func TestMissingListsAreTold(t *testing.T) {
	image := direct.Image(t, "distroless", "layer COPY\n"+
		"f 0644 0:0 var/lib/dpkg/status.d/a \"Package: a\\nVersion: 1\\n\"\n"+
		"f 0644 0:0 var/lib/dpkg/status.d/b \"Package: b\\nVersion: 1\\n\"\n"+
		"f 0644 0:0 var/lib/dpkg/status.d/b.list \"/bin/b\\n\"\nf 0755 0:0 bin/b \"b\"\n")
	got := direct.Layup(t, "packages", "-v", "-f", "{{.name}} {{.files}}", image)
	if got.Out != "a 0\nb 1\n" ||
		!strings.Contains(got.Err, "package-list-missing: layer 0: /var/lib/dpkg/status.d/a.list") ||
		strings.Contains(got.Err, "status.d/b") {
		t.Errorf("%q %s", got.Out, got.Err)
	}
}

// A digest in apk's database belongs to the file before it, even if that is refused.
func TestDigestsOfRefusedFilesAreNotThoseOfOthers(t *testing.T) {
	image := direct.Image(t, "apk", "layer COPY\nf 0644 0:0 lib/apk/db/installed \"P:a\\nV:1\\nF:etc\\nR:a\\nR:"+
		strings.Repeat("x", 5000)+`\nZ:Q1aaaaaaaaaaaaaaaaaaaaaaaaaaa=\n\n"`+"\nf 0644 0:0 etc/a \"a\"\n")
	if got := direct.Layup(t, "find", "--changed", image); got.Out != "" {
		t.Errorf("%q %s", got.Out, got.Err)
	}
}

// Databases that many layers change do not use up the limits of what is known.
func TestDatabasesOfManyLayersAreReadWhole(t *testing.T) {
	var text, files strings.Builder
	for i := range 9000 {
		fmt.Fprintf(&files, `R:f%d\n`, i)
	}
	for layer := range 80 {
		text.WriteString("layer RUN\nf 0644 0:0 lib/apk/db/installed ")
		fmt.Fprintf(&text, "\"P:a\\nV:1\\nF:etc\\n%s\\nP:b\\nV:%d\\n\\n\"\n", files.String(), layer)
	}
	text.WriteString("f 0644 0:0 etc/f8999 \"\"\n")
	image := direct.Image(t, "many", text.String())
	got := direct.Layup(t, "packages", "-f", "{{.name}} {{.version}} {{.layer}} {{.files}}", image)
	if got.Out != "a 1 0 1\nb 79 79 0\n" || got.Err != "" {
		t.Errorf("%q %.300s", got.Out, got.Err)
	}
}
