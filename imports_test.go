package main

import (
	"go/parser"
	"go/token"
	"io/fs"
	"maps"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"testing"
)

// Modules of others that a room names.
const (
	registries = "github.com/google/go-containerregistry"
	compress   = "github.com/klauspost/compress"
	xz         = "github.com/ulikunitz/xz"
	sys        = "golang.org/x/sys"
	term       = "golang.org/x/term"
	doublestar = "github.com/bmatcuk/doublestar"
	units      = "github.com/docker/go-units"
	templates  = "github.com/docker/cli"
	tables     = "github.com/olekukonko/tablewriter"
	datadog    = "github.com/DataDog/datadog-agent/pkg/template"
	widths     = "github.com/clipperhouse/displaywidth"
	yaml       = "go.yaml.in/yaml"
	tomls      = "github.com/BurntSushi/toml"
	bolt       = "go.etcd.io/bbolt"
	flags      = "github.com/spf13/pflag"
	teas       = "charm.land/bubbletea"
	escapes    = "github.com/charmbracelet/x/ansi"
	objects    = "github.com/minio/minio-go"

	fileSystems = "github.com/erofs/go-erofs"
	parquet     = "github.com/parquet-go/parquet-go"
)

// rooms is the map of the house: what each package may import of this module and of others. Every package may import
// the standard library. Imports point only one way: main, report, analyze, analyze/source, tarfs.
var rooms = map[string][]string{
	"layup":              {"report"},
	"tarfs":              {},
	"analyze/digest":     {},
	"analyze/cache":      {compress},
	"analyze/near":       {},
	"analyze/expression": {},
	"analyze/show":       {},

	"analyze/temporary": {sys},

	"analyze/catalogue/place": {objects},
	"analyze/catalogue/sql":   {datadog},

	"analyze/source/advice":         {},
	"analyze/source/bolt":           {},
	"analyze/source/disk":           {},
	"analyze/source/decode/inflate": {},
	"analyze/source/decode":         {"tarfs", "analyze/source/decode/inflate", compress, xz},
	"analyze/source/document":       {"tarfs", "analyze/source/decode", registries},

	"analyze/source/registry":    {registries},
	"analyze/source/store":       {"tarfs", "analyze/source/bolt", "analyze/source/decode", sys},
	"analyze/source/pull/layout": {sys},
	"analyze/source/pull": {"tarfs", "analyze/source/decode", "analyze/source/document", "analyze/source/pull/layout",
		"analyze/source/registry"},

	"analyze/source": {"tarfs", "analyze/cache", "analyze/source/decode", "analyze/source/document",
		"analyze/source/erofs",
		"analyze/source/store", registries},
	"analyze/source/erofs":   {"tarfs", "analyze/source/store", fileSystems},
	"analyze/source/input":   sourceOf(),
	"analyze/source/archive": sourceOf("analyze/source/input"),
	"analyze/source/repository": sourceOf("analyze/cache", "analyze/source/registry", "analyze/source/store",
		compress),
	"analyze/source/tree":         sourceOf("analyze/source/input", "analyze/source/store"),
	"analyze/source/engine":       sourceOf("analyze/source/input", "analyze/source/store", "analyze/source/tree"),
	"analyze/source/registryroot": sourceOf("analyze/source/store", "analyze/source/tree"),
	"analyze/source/v1image":      sourceOf(registries),
	"analyze/source/daemon":       sourceOf("analyze/source/archive", "analyze/source/input"),
	"analyze/source/kinds": {"analyze/source", "analyze/source/archive", "analyze/source/daemon", "analyze/source/engine",
		"analyze/source/input", "analyze/source/registry", "analyze/source/registryroot", "analyze/source/repository",
		"analyze/source/v1image", "tarfs", registries},

	"analyze/provenance": {"analyze/source/document"},

	"analyze/sieve":     {"analyze/source", "tarfs"},
	"analyze/signature": {"analyze/source", "analyze/source/document"},
	"analyze": {"analyze/provenance", "analyze/sieve", "analyze/signature", "analyze/source", "analyze/source/document",
		"analyze/source/kinds", "analyze/unified", "analyze/space", "tarfs", doublestar, units, registries},
	"analyze/dockerfile": {"analyze", "analyze/provenance", "tarfs"},
	"analyze/extract":    {"analyze", "tarfs", sys},
	"analyze/filter":     {"analyze", "analyze/source", "tarfs", doublestar},
	"analyze/rules":      {"analyze", "analyze/filter", "analyze/secrets", "tarfs"},
	"analyze/packages": {"analyze", "analyze/packages/apk", "analyze/packages/dpkg", "analyze/packages/language",
		"analyze/packages/record", "analyze/packages/rpm", "analyze/sieve", "tarfs"},
	"analyze/archives": {"analyze/source/decode", "tarfs"},
	"analyze/secrets": {"analyze", "analyze/archives", "analyze/secrets/pattern", "analyze/secrets/ruleset",
		"analyze/sieve", "tarfs", registries},
	"analyze/secrets/pattern":   {},
	"analyze/secrets/ruleset":   {"analyze/secrets/pattern", tomls},
	"analyze/packages/record":   {},
	"analyze/packages/apk":      {"analyze/packages/record"},
	"analyze/packages/dpkg":     {"analyze/packages/record"},
	"analyze/packages/rpm":      {"analyze/packages/record"},
	"analyze/packages/language": {"analyze/packages/record", "analyze/sieve"},
	"analyze/unified":           {},
	"analyze/space":             {"tarfs"},

	"analyze/catalogue": {"analyze", "analyze/catalogue/place", "analyze/source", "analyze/source/document",
		"analyze/source/kinds", "tarfs", parquet, compress, registries},

	"report/render":      {tables, datadog, widths, units, templates, term},
	"report/render/html": {"report/render", compress},
	"report/engineapi":   {"analyze", "analyze/source/document"},
	"report/arg":         {flags},
	"report/call": {"report/arg", "report/item", "report/render", "analyze", "analyze/cache", "analyze/source",
		"analyze/source/engine",
		"analyze/source/kinds", "analyze/source/registry", "analyze/source/repository", "tarfs", flags, term},
	"report/item": {"report/render", "analyze", "analyze/provenance", "tarfs"},
	"report/browse": question("analyze/extract", "analyze/filter", "analyze/packages", "analyze/space", teas,
		escapes),
	"report/complete":   question("analyze/source/kinds"),
	"report/diff":       question("report/item", "analyze/source/kinds", "analyze/unified"),
	"report/docker":     question("report/engineapi"),
	"report/dockerfile": question("analyze/dockerfile"),
	"report/kept":       question("analyze/cache"),
	"report/packages":   question("analyze/filter", "analyze/packages", "report/item", doublestar),
	"report/secrets":    question("report/item", "analyze/secrets", "analyze/secrets/ruleset"),
	"report/catalogue": question("analyze/catalogue", "analyze/catalogue/place", "analyze/catalogue/sql",
		"analyze/filter", "report/item", datadog),
	"report/check":  question("analyze/filter", "analyze/rules", "report/secrets", yaml),
	"report/verify": question("report/item", "analyze/signature", "analyze/source/kinds"),
	"report": question("report/browse", "report/catalogue", "report/check", "report/complete", "report/diff",
		"report/docker", "report/dockerfile", "report/item", "report/kept", "report/packages",
		"report/render/html", "report/secrets",
		"report/verify", "analyze/archives", "analyze/catalogue", "analyze/extract", "analyze/sieve",
		"analyze/filter", "analyze/packages",
		"analyze/signature", "analyze/source/decode", "analyze/source/kinds", "analyze/source/pull", "analyze/space"),

	"fixtures":                {compress, xz},
	"fixtures/bench":          {"fixtures/storage"},
	"fixtures/fuzz":           {"analyze/temporary"},
	"fixtures/release":        {"report", registries},
	"fixtures/signed":         {"fixtures"},
	"fixtures/fleet":          {"fixtures"},
	"fixtures/direct":         {"fixtures", "report"},
	"fixtures/harness":        {"fixtures", "analyze", "tarfs"},
	"fixtures/harness/inside": {"fixtures/direct", "fixtures/harness"},
	"fixtures/storage":        {bolt},
	"fixtures/sample":         {compress, xz, "tarfs"},
}

// sourceOf returns what a kind of source may import.
func sourceOf(more ...string) []string {
	return append(more, "analyze/source", "analyze/source/decode", "analyze/source/document", "tarfs")
}

// question returns what a question of the command line may import.
func question(more ...string) []string {
	return append(more, "report/arg", "report/call", "report/render", "analyze", "analyze/source", "tarfs", flags)
}

// leaves are packages that import nothing of this module. Every package may import them, except tarfs.
var leaves = []string{"analyze/digest", "analyze/expression", "analyze/near", "analyze/show", "analyze/source/advice",
	"analyze/source/disk", "analyze/temporary"}

// reflected are packages of the standard library that call methods by names that only the run knows. With one of them
// the linker keeps every method of every type that is used: 5 MB.
var reflected = []string{"text/template", "html/template"}

// noFiles are packages of the standard library that tarfs must not import.
var noFiles = []string{"os", "net", "compress", "text/tabwriter", "encoding/json", "encoding/csv"}

func TestImportsPointOneWay(t *testing.T) {
	found := imports(t)
	for _, pkg := range slices.Sorted(maps.Keys(found)) {
		room, known := rooms[pkg]
		if !known {
			t.Errorf("package %s is not on the map", pkg)
			continue
		}
		if pkg != "tarfs" {
			room = slices.Concat(room, leaves)
		}
		for _, imp := range found[pkg] {
			if !allows(room, imp) || slices.Contains(reflected, imp) && !strings.HasPrefix(pkg, "fixtures/") {
				t.Errorf("%s must not import %s", pkg, imp)
			}
			if pkg == "tarfs" && slices.ContainsFunc(noFiles, func(p string) bool { return below(imp, p) }) {
				t.Errorf("%s must not import %s", pkg, imp)
			}
		}
	}
	for pkg := range rooms {
		if _, there := found[pkg]; !there {
			t.Errorf("package %s is on the map, but not there", pkg)
		}
	}
}

func TestDependenciesAreExplained(t *testing.T) {
	mod, err := os.ReadFile("go.mod")
	if err != nil {
		t.Fatal(err)
	}
	document, err := os.ReadFile("DEPENDENCIES.md")
	if err != nil {
		t.Fatal(err)
	}
	direct := 0
	for line := range strings.Lines(string(mod)) {
		module, version, _ := strings.Cut(strings.TrimSpace(line), " ")
		if !strings.HasPrefix(version, "v") || strings.Contains(version, "// indirect") {
			continue
		}
		direct++
		if !strings.Contains(string(document), module) {
			t.Errorf("%s is not explained", module)
		}
	}
	if direct < 5 {
		t.Errorf("only %d dependencies found in go.mod", direct)
	}
}

// allows reports whether a room names an import or a folder of it.
func allows(room []string, imp string) bool {
	first, rest, _ := strings.Cut(imp, "/")
	switch {
	case first == "layup":
		return slices.Contains(room, rest)
	case strings.Contains(first, "."):
		return slices.ContainsFunc(room, func(m string) bool { return below(imp, m) })
	}
	return true
}

func below(imp, dir string) bool { return imp == dir || strings.HasPrefix(imp, dir+"/") }

// imports returns what each package imports on any platform, without its tests.
func imports(t *testing.T) map[string][]string {
	mod, err := os.ReadFile("go.mod")
	if err != nil {
		t.Fatal(err)
	}
	module, _, _ := strings.Cut(strings.TrimPrefix(string(mod), "module "), "\n") // "make module" gives it another name
	found := map[string][]string{}
	err = filepath.WalkDir(".", func(name string, d fs.DirEntry, err error) error {
		if err != nil {
			return err
		}
		if d.IsDir() && strings.HasPrefix(d.Name(), ".") && name != "." {
			return fs.SkipDir
		}
		if d.IsDir() || !strings.HasSuffix(name, ".go") || strings.HasSuffix(name, "_test.go") {
			return nil
		}
		file, err := parser.ParseFile(token.NewFileSet(), name, nil, parser.ImportsOnly)
		if err != nil {
			return err
		}
		pkg := filepath.ToSlash(filepath.Dir(name))
		if pkg == "." {
			pkg = "layup"
		}
		for _, spec := range file.Imports {
			imp, err := strconv.Unquote(spec.Path.Value)
			if err != nil {
				return err
			}
			if rest, ours := strings.CutPrefix(imp, module+"/"); ours {
				imp = "layup/" + rest
			}
			found[pkg] = append(found[pkg], imp)
		}
		return nil
	})
	if err != nil {
		t.Fatal(err)
	}
	return found
}
