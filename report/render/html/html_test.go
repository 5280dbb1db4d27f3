package html

import (
	"bytes"
	"encoding/json"
	"io/fs"
	"regexp"
	"slices"
	"strings"
	"testing"

	"layup/report/render"
)

// A module imports only what earlier modules export, and no two modules have a name in common.
func TestModulesJoinToOneScript(t *testing.T) {
	exported := map[string][]string{}
	imports := regexp.MustCompile(`(?m)^import \{ ([^}]*) \} from "\./(\w+)\.js";$`)
	exports := regexp.MustCompile(`(?m)^export (?:const|let|class|function|async function) (\w+)`)
	names := regexp.MustCompile(`(?m)^(?:export )?(?:const|let|class|function|async function) (\w+)`)
	owner := map[string]string{}
	for _, module := range modules {
		text, err := files.ReadFile(module + ".js")
		if err != nil {
			t.Fatal(err)
		}
		for _, m := range imports.FindAllStringSubmatch(string(text), -1) {
			for _, name := range strings.Split(m[1], ", ") {
				if !slices.Contains(exported[m[2]], name) {
					t.Errorf("%s: imports %s, which %s does not export before it", module, name, m[2])
				}
			}
		}
		for _, m := range exports.FindAllStringSubmatch(string(text), -1) {
			exported[module] = append(exported[module], m[1])
		}
		for _, m := range names.FindAllStringSubmatch(string(text), -1) {
			if owner[m[1]] != "" {
				t.Errorf("%s and %s: both declare %s", owner[m[1]], module, m[1])
			}
			owner[m[1]] = module
		}
	}
	code, err := script()
	if err != nil {
		t.Fatal(err)
	}
	if regexp.MustCompile(`(?m)^(import|export)\b`).MatchString(code) {
		t.Error("the joined script still imports or exports")
	}
	if strings.Contains(strings.ToLower(code), "</script") {
		t.Error("the script ends its own element")
	}
}

// Every embedded module is in the page, and none of them reads markup or runs text.
func TestModulesNeverReadMarkup(t *testing.T) {
	forbidden := regexp.MustCompile(`innerHTML|outerHTML|insertAdjacentHTML|document\.write|DOMParser|eval\(|` +
		`new Function|setHTML|createContextualFragment|srcdoc|XMLHttpRequest|fetch\(|https?://`)
	found, err := fs.Glob(files, "*.js")
	if err != nil {
		t.Fatal(err)
	}
	for _, name := range found {
		if !slices.Contains(modules, strings.TrimSuffix(name, ".js")) {
			t.Errorf("%s: is not a part of the script", name)
		}
		text, err := files.ReadFile(name)
		if err != nil {
			t.Fatal(err)
		}
		if word := forbidden.Find(text); word != nil {
			t.Errorf("%s: uses %s", name, word)
		}
	}
	if len(found) != len(modules) {
		t.Errorf("%d files, %d modules", len(found), len(modules))
	}
}

// Nothing of the document can end its element or begin markup, and the JSON still says what was put in.
func TestDataIsInert(t *testing.T) {
	evil := "</script><script>alert(1)</script><!-- & \u2028\u2029 \x00\xff <img src=x onerror=alert(1)>"
	page := Page{Title: evil, Sections: []Section{{Name: "about",
		Section: render.Section{Extra: []render.Extra{{Name: "text", Value: evil}}}}}}
	var b bytes.Buffer
	if err := page.Write(&b); err != nil {
		t.Fatal(err)
	}
	text := b.String()
	if n := strings.Count(text, "<script"); n != 2 {
		t.Errorf("%d script elements, want 2", n)
	}
	if strings.Contains(text, "<img") || strings.Contains(text, "\u2028") {
		t.Error("markup or a line separator of the document is in the page")
	}
	_, rest, _ := strings.Cut(text, `id="data-about">`)
	data, _, _ := strings.Cut(rest, "</script>")
	var got struct{ Text string }
	if err := json.Unmarshal([]byte(data), &got); err != nil {
		t.Fatal(err)
	}
	if want := strings.ToValidUTF8(evil, "\ufffd"); got.Text != want {
		t.Errorf("got %q want %q", got.Text, want)
	}
}

func TestTheSameDocumentGivesTheSameBytes(t *testing.T) {
	write := func() string {
		table := NewTable("files")
		names, numbers := table.Names("name"), table.Signed("number")
		for i := range 100_000 {
			names.AddName(strings.Repeat("a", i%9))
			numbers.AddSigned(int64(i) - 50_000)
		}
		var b bytes.Buffer
		if err := (Page{Title: "a", Tables: []*Table{table}}).Write(&b); err != nil {
			t.Fatal(err)
		}
		return b.String()
	}
	if first, second := write(), write(); first != second {
		t.Error("two pages of one document differ")
	}
}
