// Package html writes a document as one page that a browser shows without a network. The page holds the document's
// sections as JSON, its large tables as compressed columns, one style and one script.
//
// Nothing of the document is markup: the script puts every text into the page as text. The page's content security
// policy allows only the style and the script that are in it, by their digests. The same document gives the same bytes.
package html

import (
	"bufio"
	"crypto/sha256"
	"embed"
	"encoding/base64"
	"fmt"
	"html"
	"io"
	"strings"

	"layup/analyze/expression"
	"layup/analyze/show"
	"layup/report/render"
)

//go:embed *.js *.css
var files embed.FS

// Mark begins every page.
const Mark = "<!doctype html>\n<!-- made by layup report -->\n"

// A Page is a document.
type Page struct {
	Title    string
	Sections []Section
	Tables   []*Table
}

// A Section is a part of the document under a name.
type Section struct {
	Name string
	render.Section
}

// modules are the script's parts: each imports only from those before it.
var modules = []string{"text", "palette", "dom", "data", "state", "paths", "tree", "union", "search", "grid", "outline",
	"layers", "views", "map", "files", "versions", "findings", "config", "compare", "main"}

// A module imports from others and exports to others in whole lines.
var (
	importLine = expression.Lazy(`(?m)^import \{[^}]*\} from "\./(\w+)\.js";\n`)
	exportWord = expression.Lazy(`(?m)^export (const|let|class|function|async function) `)
)

// script joins the modules to one: their names are in one scope.
func script() (string, error) {
	var b strings.Builder
	for _, name := range modules {
		text, err := files.ReadFile(name + ".js")
		if err != nil {
			return "", err
		}
		own := importLine().ReplaceAllString(string(text), "")
		b.WriteString(exportWord().ReplaceAllString(own, "$1 "))
	}
	return b.String(), nil
}

// policy allows the page its own style and script and nothing else.
func policy(style, script string) string {
	return fmt.Sprintf("default-src 'none'; style-src '%s'; script-src '%s'; base-uri 'none'; form-action 'none'",
		sum(style), sum(script))
}

func sum(text string) string {
	digest := sha256.Sum256([]byte(text))
	return "sha256-" + base64.StdEncoding.EncodeToString(digest[:])
}

// Write writes the page.
func (p Page) Write(w io.Writer) error {
	code, err := script()
	if err != nil {
		return err
	}
	style, err := files.ReadFile("style.css")
	if err != nil {
		return err
	}
	b := bufio.NewWriterSize(w, 64<<10)
	b.WriteString(Mark + `<html lang="en">` + "\n<head>\n" + `<meta charset="utf-8">` + "\n")
	fmt.Fprintf(b, "<meta http-equiv=\"Content-Security-Policy\" content=\"%s\">\n", policy(string(style), code))
	b.WriteString(`<meta name="viewport" content="width=device-width, initial-scale=1">` + "\n")
	b.WriteString(`<meta name="color-scheme" content="light dark">` + "\n")
	fmt.Fprintf(b, "<title>%s</title>\n<style>%s</style>\n</head>\n<body>\n", html.EscapeString(show.Safe(p.Title)), style)
	b.WriteString("<noscript>This report needs JavaScript, which runs without a network.</noscript>\n")
	for _, s := range p.Sections {
		if err := writeData(b, s.Name, func(w *bufio.Writer) error { return render.WriteSection(w, s.Section) }); err != nil {
			return err
		}
	}
	for _, t := range p.Tables {
		if err := writeData(b, t.name, t.write); err != nil {
			return err
		}
	}
	fmt.Fprintf(b, "<script type=\"module\">%s</script>\n</body>\n</html>\n", code)
	return b.Flush()
}

// writeData writes JSON that the script finds by a name.
func writeData(b *bufio.Writer, name string, write func(*bufio.Writer) error) error {
	fmt.Fprintf(b, "<script type=\"application/json\" id=\"data-%s\">", name)
	inert := bufio.NewWriterSize(&escaper{b}, 16<<10)
	if err := write(inert); err != nil {
		return err
	}
	if err := inert.Flush(); err != nil {
		return err
	}
	_, err := b.WriteString("</script>\n")
	return err
}

// An escaper writes JSON so that nothing in it can end the script element or begin markup. In JSON these characters
// occur only in strings.
type escaper struct{ w *bufio.Writer }

func (e *escaper) Write(p []byte) (int, error) {
	for _, c := range p {
		var err error
		switch c {
		case '<', '>', '&':
			_, err = fmt.Fprintf(e.w, `\u%04x`, c)
		default:
			err = e.w.WriteByte(c)
		}
		if err != nil {
			return 0, err
		}
	}
	return len(p), nil
}
