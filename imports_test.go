package main

import (
	"go/parser"
	"go/token"
	"io/fs"
	"maps"
	"os"
	"path"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"testing"
)

// A room is what a package may import: of this module, and of other modules. The standard library is open to all but where said.
type room struct {
	ours   []string // packages of this module
	others []string // modules
}

// The map of the house. Arrows never turn back: main, report, analyze, analyze/source, tarfs.
var rooms = map[string]room{
	"layup":                         {ours: []string{"layup/report"}},
	"layup/tarfs":                   {},
	"layup/analyze/source/inflate":  {},
	"layup/analyze/source/bolt":     {},
	"layup/analyze/source/store":    {ours: []string{"layup/tarfs", "layup/analyze/source/bolt"}, others: []string{"github.com/klauspost/compress", "golang.org/x/sys"}},
	"layup/analyze/source/registry": {others: []string{"github.com/google/go-containerregistry"}},
	"layup/analyze/source/oci":      {},
	"layup/analyze/source":          {ours: []string{"layup/tarfs", "layup/analyze/source/inflate", "layup/analyze/source/oci", "layup/analyze/source/registry", "layup/analyze/source/store"}, others: []string{"github.com/google/go-containerregistry", "github.com/klauspost/compress", "github.com/ulikunitz/xz", "golang.org/x/sys"}},
	"layup/analyze/unified":         {},
	"layup/analyze":                 {ours: []string{"layup/analyze/source", "layup/analyze/unified", "layup/tarfs"}, others: []string{"github.com/bmatcuk/doublestar", "github.com/docker/go-units"}},
	"layup/analyze/extract":         {ours: []string{"layup/analyze", "layup/tarfs"}, others: []string{"golang.org/x/sys"}},
	"layup/report/render":           {others: []string{"github.com/olekukonko/tablewriter", "github.com/clipperhouse/displaywidth", "github.com/docker/go-units", "github.com/docker/cli", "golang.org/x/term"}},
	"layup/report/engineapi":        {ours: []string{"layup/analyze"}},
	"layup/report":                  {ours: []string{"layup/report/engineapi", "layup/analyze", "layup/analyze/extract", "layup/analyze/source", "layup/analyze/unified", "layup/analyze/source/registry", "layup/tarfs", "layup/report/render"}, others: []string{"go.yaml.in/yaml", "github.com/spf13/pflag", "github.com/bmatcuk/doublestar", "github.com/docker/go-units", "golang.org/x/term"}},
	"layup/fixtures/bench":          {},
	"layup/fixtures":                {others: []string{"github.com/klauspost/compress", "github.com/ulikunitz/xz"}},
}

// noFiles are packages of the standard library that tarfs must do without: it knows nothing of files, networks, compression or tables.
var noFiles = []string{"os", "net", "compress", "text/tabwriter", "encoding/json", "encoding/csv"}

func TestImportsPointOneWay(t *testing.T) {
	found := imports(t)
	for _, pkg := range slices.Sorted(maps.Keys(found)) {
		r, known := rooms[pkg]
		if !known {
			t.Errorf("package %s is not on the map", pkg)
			continue
		}
		for _, imp := range found[pkg] {
			if !r.allows(imp) {
				t.Errorf("%s must not import %s", pkg, imp)
			}
			if pkg == "layup/tarfs" && slices.ContainsFunc(noFiles, func(p string) bool { return below(imp, p) }) {
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

// What go.mod asks for directly is explained in DEPENDENCIES.md.
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

func (r room) allows(imp string) bool {
	first, _, _ := strings.Cut(imp, "/")
	switch {
	case first == "layup":
		return slices.Contains(r.ours, imp)
	case strings.Contains(first, "."):
		return slices.ContainsFunc(r.others, func(m string) bool { return below(imp, m) })
	}
	return true
}

func below(imp, dir string) bool { return imp == dir || strings.HasPrefix(imp, dir+"/") }

// imports returns what the source files of each package import, for every platform, tests left out.
func imports(t *testing.T) map[string][]string {
	found := map[string][]string{}
	err := filepath.WalkDir(".", func(name string, d fs.DirEntry, err error) error {
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
		pkg := path.Join("layup", filepath.ToSlash(filepath.Dir(name)))
		for _, spec := range file.Imports {
			imp, err := strconv.Unquote(spec.Path.Value)
			if err != nil {
				return err
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
