package main

import (
	"bytes"
	"fmt"
	"go/ast"
	"go/parser"
	"go/token"
	"io/fs"
	"os"
	"path"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"
	"unicode/utf8"
)

// The sizes that no folder, line or function exceeds.
const (
	mostFiles    = 40  // Go files of a folder
	mostLine     = 120 // characters of a line
	mostFunction = 60  // lines of a function without its tables
)

// mechanisms exist once. A pattern of a line recognizes their code. A mechanism without a home may be anywhere.
var mechanisms = []struct {
	what, home string
	line       *regexp.Regexp
}{
	{"pattern of a digest", "analyze/digest/", regexp.MustCompile(`\[(0-9a-f|a-f0-9)\]\{64\}`)},
	{"check of a digest", "analyze/digest/", regexp.MustCompile(`^func (check|is|match|named|parse|valid)Digest\(`)},
	{"edit distance", "analyze/near/", regexp.MustCompile(`(?i)^func (\w*distance|levenshtein)\(`)},
	{"did you mean", "analyze/near/", regexp.MustCompile(`did you mean`)},
	{"reader of extents", "tarfs/", regexp.MustCompile(`xtents\[1:\]`)},
	{"chain ID", "analyze/digest/", regexp.MustCompile(`(?i)^func chainid\(`)},
	{"plural", "analyze/show/", regexp.MustCompile(`"1 " \+`)},
	{"quoting for shells", "analyze/show/", regexp.MustCompile("`'\\\\''`")},
	{"quoting for terminals", "analyze/show/", regexp.MustCompile(`\.IsPrint\(`)},
	{"bounded set of open files", "analyze/source/disk/", regexp.MustCompile(`(?i)^(const )?\s*maxOpen\s+= `)},
}

// banned matches words that nothing here uses, alone or as a part of a name.
var banned = regexp.MustCompile(`(?i:\b|_)` +
	`(?i:hand-?over|deliver(y|ies)|oddit(y|ies)|packed|shel(f|ves)|cargo|dress(es|ed)?|lament)(?:s?\b|_|[A-Z])|` +
	`[a-z](Hand-?[oO]ver|Deliver(y|ies)|Oddit(y|ies)|Packed|Shel(f|ves)|Cargo|Dress|Lament)`)

// Every banned word holds one of the stems, which are faster to search for than the pattern.
var stems = []string{"hand", "deliver", "oddit", "packed", "shel", "cargo", "dress", "lament"}

// A finding is a place that breaks a rule, and how.
type finding struct{ where, what string }

func TestHouseKeepsItsRules(t *testing.T) {
	files := documents(t)
	for _, rule := range []struct {
		name  string
		check func(map[string]string) []finding
	}{
		{"files", largeFolders}, {"lines", longLines}, {"functions", longFunctions},
		{"mechanisms", secondMechanisms}, {"words", bannedWords},
	} {
		t.Run(rule.name, func(t *testing.T) {
			for _, f := range rule.check(files) {
				t.Errorf("%s: %s", f.where, f.what)
			}
		})
	}
}

// largeFolders finds folders with too many Go files.
func largeFolders(files map[string]string) (found []finding) {
	count := map[string]int{}
	for name := range files {
		if strings.HasSuffix(name, ".go") {
			count[path.Dir(name)]++
		}
	}
	for dir, n := range count {
		if n > mostFiles {
			found = append(found, finding{dir + "/", fmt.Sprintf("%d Go files, at most %d", n, mostFiles)})
		}
	}
	return found
}

// longLines finds lines that are too long. In a document, tables and blocks of code cannot be wrapped.
func longLines(files map[string]string) (found []finding) {
	for name, text := range files {
		document, block := strings.HasSuffix(name, ".md"), false
		for i, line := range strings.Split(text, "\n") {
			if document && strings.HasPrefix(strings.TrimSpace(line), "```") {
				block = !block
			}
			if document && (block || strings.HasPrefix(line, "|")) {
				continue
			}
			if n := utf8.RuneCountInString(line); n > mostLine {
				found = append(found, finding{fmt.Sprintf("%s:%d", name, i+1), fmt.Sprintf("%d characters", n)})
			}
		}
	}
	return found
}

// longFunctions finds functions that are too long, also inside tables.
func longFunctions(files map[string]string) (found []finding) {
	for name, text := range files {
		if !strings.HasSuffix(name, ".go") {
			continue
		}
		set := token.NewFileSet()
		file, err := parser.ParseFile(set, name, text, parser.SkipObjectResolution)
		if err != nil {
			found = append(found, finding{name, err.Error()})
			continue
		}
		lines := func(n ast.Node) int { return set.Position(n.End()).Line - set.Position(n.Pos()).Line }
		ast.Inspect(file, func(n ast.Node) bool {
			var body *ast.BlockStmt
			switch f := n.(type) {
			case *ast.FuncDecl:
				body = f.Body
			case *ast.FuncLit:
				body = f.Body
			}
			if body == nil {
				return true
			}
			if n := 1 + lines(n) - tableLines(body, lines); n > mostFunction {
				at := set.Position(body.Pos())
				found = append(found, finding{fmt.Sprintf("%s:%d", name, at.Line), fmt.Sprintf("function of %d lines", n)})
			}
			return true
		})
	}
	return found
}

// tableLines counts the lines of the composite literals of a function.
func tableLines(body *ast.BlockStmt, lines func(ast.Node) int) (n int) {
	ast.Inspect(body, func(node ast.Node) bool {
		table, ok := node.(*ast.CompositeLit)
		if ok {
			n += lines(table)
		}
		return !ok
	})
	return n
}

// secondMechanisms finds code of a mechanism outside its home. Tests, fixtures and comments do not count.
func secondMechanisms(files map[string]string) (found []finding) {
	for _, m := range mechanisms {
		var all []finding
		for name, text := range files {
			if !strings.HasSuffix(name, ".go") || strings.HasSuffix(name, "_test.go") || strings.HasPrefix(name, "fixtures/") {
				continue
			}
			for i, line := range strings.Split(text, "\n") {
				if m.line.MatchString(line) && !strings.HasPrefix(strings.TrimSpace(line), "//") {
					all = append(all, finding{fmt.Sprintf("%s:%d", name, i+1), "second " + m.what})
				}
			}
		}
		elsewhere := slices.DeleteFunc(slices.Clone(all), func(f finding) bool {
			return m.home != "" && strings.HasPrefix(f.where, m.home)
		})
		if m.home != "" || len(all) > 1 {
			found = append(found, elsewhere...)
		}
	}
	return found
}

func bannedWords(files map[string]string) (found []finding) {
	for name, text := range files {
		if name == "house_test.go" {
			continue
		}
		for i, line := range strings.Split(text, "\n") {
			lower := strings.ToLower(line)
			if !slices.ContainsFunc(stems, func(stem string) bool { return strings.Contains(lower, stem) }) {
				continue
			}
			if word := banned.FindString(line); word != "" {
				found = append(found, finding{fmt.Sprintf("%s:%d", name, i+1), "banned word " + word})
			}
		}
	}
	return found
}

// documents returns the text of every Go file and every document.
func documents(t *testing.T) map[string]string {
	files := map[string]string{}
	err := filepath.WalkDir(".", func(name string, d fs.DirEntry, err error) error {
		switch {
		case err != nil:
			return err
		case d.IsDir() && strings.HasPrefix(d.Name(), ".") && name != ".":
			return fs.SkipDir
		case d.IsDir() || !strings.HasSuffix(name, ".go") && !strings.HasSuffix(name, ".md"):
			return nil
		}
		text, err := os.ReadFile(name)
		files[filepath.ToSlash(name)] = string(bytes.TrimSuffix(text, []byte("\n")))
		return err
	})
	if err != nil {
		t.Fatal(err)
	}
	return files
}
