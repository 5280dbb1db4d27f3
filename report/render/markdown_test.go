package render

import (
	"bytes"
	"slices"
	"strings"
	"testing"

	"github.com/yuin/goldmark"
	"github.com/yuin/goldmark/ast"
	"github.com/yuin/goldmark/extension"
	tables "github.com/yuin/goldmark/extension/ast"
	source "github.com/yuin/goldmark/text"

	"layup/analyze/show"
)

// hostile are texts that Markdown, or GitHub's additions to it, would take for more than themselves.
var hostile = []string{
	"<script>alert(1)</script>", "<img src=x onerror=alert(1)>", "[x](javascript:alert(1))", "![x](http://example.com/a)",
	"a|b", `a\|b`, "`", "``", "a`b", "`|`", "|", `\`, "**bold**",
	"_it_", "# head", "- item", "+ item", "1. item", "> quote",
	"www.example.com", "http://example.com", "mail@example.com", "@everyone", "owner/repo#1", ":tada:", "~~gone~~",
	"&lt;b&gt;", "a\nb", "| --- |", "---", "===", "\u2028x\u202ey", "\x1b[31m", "\xff\xfe", " two spaces ", "",
	"```", "$x^2$", "<!-- -->", "</td></table>", strings.Repeat("`|", 2000),
}

// parsed reads a Markdown text as GitHub does, and fails if there is anything but text, code and tables.
func parsed(t *testing.T, markdown []byte) (rows [][]string, plain string) {
	t.Helper()
	root := goldmark.New(goldmark.WithExtensions(extension.GFM)).Parser().Parse(source.NewReader(markdown))
	err := ast.Walk(root, func(n ast.Node, entering bool) (ast.WalkStatus, error) {
		switch n := n.(type) {
		case *ast.Document, *ast.Paragraph, *ast.Text, *ast.CodeSpan, *ast.FencedCodeBlock,
			*tables.Table, *tables.TableHeader,
			*ast.String:
		case *ast.Emphasis:
			if n.Level != 2 || !entering {
				break
			}
			if !bytes.HasPrefix(content(n, markdown), []byte("layup ")) {
				t.Errorf("emphasis of %q", content(n, markdown))
			}
		case *tables.TableRow:
			if entering {
				rows = append(rows, nil)
			}
		case *tables.TableCell:
			if _, header := n.Parent().(*tables.TableHeader); entering && !header {
				rows[len(rows)-1] = append(rows[len(rows)-1], string(content(n, markdown)))
			}
		default:
			t.Errorf("%s in\n%.300q", n.Kind(), markdown)
		}
		return ast.WalkContinue, nil
	})
	if err != nil {
		t.Fatal(err)
	}
	return rows, string(content(root, markdown))
}

// content is the text below a node as a reader sees it.
func content(n ast.Node, markdown []byte) []byte {
	var b []byte
	_ = ast.Walk(n, func(n ast.Node, entering bool) (ast.WalkStatus, error) {
		if t, ok := n.(*ast.Text); ok && entering {
			b = append(b, t.Value(markdown)...)
		}
		return ast.WalkContinue, nil
	})
	return b
}

func TestMarkdownShowsHostileTextAsItIs(t *testing.T) {
	type thing struct{ a, b string }
	table := Table[thing]{
		Cell("A", func(x thing) string { return x.a }),
		Cell("B", func(x thing) string { return x.b }),
	}
	for _, one := range hostile {
		things := []thing{{one, "plain words, 5.2MB (0.12%)"}, {"before", one}, {one, one}}
		s := table.Section(things)
		s.Name, s.Footer, s.Head = one, one, []string{one, "of " + one}
		s.Errors = []any{one}
		s.Lists = []List{table.List("more", things)}
		var out bytes.Buffer
		doc := Doc{Command: "ls", Sections: []Section{s}}
		if err := (Format{write: writeMarkdown}).Write(&out, doc, Terminal{}); err != nil {
			t.Fatal(err)
		}
		rows, plain := parsed(t, out.Bytes())
		safe := show.Safe(one)
		want := [][]string{{safe, things[0].b}, {"before", safe}, {safe, safe}}
		if want = append(want, want...); !slices.EqualFunc(rows, want, slices.Equal) {
			t.Errorf("%q: got %q in\n%s", one, rows, out.String())
		}
		if !strings.Contains(plain, safe) {
			t.Errorf("%q: the summary says %q", one, plain)
		}
	}
}
