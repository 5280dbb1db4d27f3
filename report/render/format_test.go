package render

import (
	"strings"
	"testing"
)

func TestUnknownFormatsSuggestTheNearest(t *testing.T) {
	for format, want := range map[string]string{
		"jsn":       "or a Go template such as '{{.path}}'; did you mean json?",
		"JSON":      "; did you mean json?",
		"jsonlines": `unknown --format "jsonlines": it is table, json, jsonl, csv, tsv, markdown, schema, or a Go template`,
		"yaml":      `unknown --format "yaml": it is table`,
		"":          `unknown --format "": it is table`,
		"tabel":     "; did you mean table?",
		"a\x1b[m":   `unknown --format "a\x1b[m"`,
		"{{":        `format "{{": template:1: unclosed action`,
		"{{.a b c":  `format "{{.a b c": template:1: `,
		"{{x}}":     `function "x" not defined`,
	} {
		_, err := Parse(format, For(AnyItems))
		if err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("Parse(%q): %v, want %s", format, err, want)
		}
	}
}

func TestFormatsKnowTheirNames(t *testing.T) {
	for _, c := range []struct{ format, name string }{
		{"table", "table"}, {"json", "json"}, {"jsonl", "jsonl"}, {"csv", "csv"}, {"tsv", "tsv"}, {"sarif", "sarif"},
		{"junit", "junit"}, {"bodyfile", "bodyfile"}, {"{{.a}}", "template"}, {"table {{.a}}", "template"},
	} {
		if f, err := Parse(c.format, Formats); err != nil || f.Name != c.name || f.Whole != (c.name == "json") {
			t.Errorf("%s: %s, %v, %v", c.format, f.Name, f.Whole, err)
		}
	}
}

func TestValuesSayWhatTheyHold(t *testing.T) {
	for _, c := range []struct {
		v    Value
		text string
		num  int64
	}{
		{Value{}, "", 0}, {T("a\xff"), "a\xff", 0}, {N("a\xff"), "a\xff", 0}, {I(-7), "-7", -7}, {B(true), "true", 0},
		{B(false), "false", 0},
		{At(1600000000, 0), "2020-09-13T12:26:40Z", 1600000000}, {At(1<<62, 0), "4611686018427387904", 1 << 62},
		{O([]int{1}), "[1]", 0}, {O(nil), "", 0},
	} {
		if c.v.String() != c.text || c.v.Int() != c.num || c.v.Absent() != (c.v == Value{}) {
			t.Errorf("%#v: String %q, Int %d", c.v, c.v.String(), c.v.Int())
		}
	}
	if sec, nsec := At(1, 2).Time(); sec != 1 || nsec != 2 || !B(true).Bool() || B(false).Bool() || I(1).Bool() ||
		O(3).Object() != 3 {
		t.Error("accessors")
	}
}
