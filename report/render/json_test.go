package render

import (
	"bytes"
	"encoding/base64"
	"encoding/json"
	"strings"
	"testing"
	"unicode/utf8"

	"layup/analyze/show"
)

const sampleItems = `
{"path":"/a` + "\ufffd" + `<&>","pathBase64":"L2H/PCY+","size":-5,"mtime":"2020-09-13T12:26:40.000000005Z",` +
	`"xattrs":{"user.a":"\u202e\udb40\udc41\u007f"},"createdBy":"=1+1"},
{"path":"/b,\"\n","mtimeUnix":253402300800,"implied":true}]`

func TestJSONIsOneDocument(t *testing.T) {
	d := sample()
	got := write(t, "json", d, Terminal{})
	image := `"image":{"layers":3,"reference":"shop:1.2"},`
	want := `{"schemaVersion":1,"command":"ls",` + image + `"items":[` + sampleItems + `,"warnings":[]}` + "\n"
	if got != want {
		t.Errorf("got  %s\nwant %s", got, want)
	}

	d.Sections[0].Extra = []Extra{{"pass", false}, {"totals", map[string]int{"live": 3}}}
	d.Sections[0].Warnings = []any{map[string]string{"code": "<odd>"}}
	d.Sections[0].Errors = []any{map[string]any{"layer": 2}}
	got = write(t, "json", d, Terminal{})
	want = `{"schemaVersion":1,"command":"ls",` + image + `"pass":false,"totals":{"live":3},"items":[` + sampleItems +
		`,"warnings":[{"code":"<odd>"}],"errors":[{"layer":2}]}` + "\n"
	if got != want {
		t.Errorf("got  %s\nwant %s", got, want)
	}
}

func TestJSONOfNothingHasEmptyLists(t *testing.T) {
	got := write(t, "json", Doc{Command: "ls", Sections: []Section{{}}}, Terminal{})
	if want := `{"schemaVersion":1,"command":"ls","items":[],"warnings":[]}` + "\n"; got != want {
		t.Errorf("got %s want %s", got, want)
	}
	got = write(t, "json", Doc{Command: "ls", Many: true}, Terminal{})
	if want := `{"schemaVersion":1,"command":"ls","images":[]}` + "\n"; got != want {
		t.Errorf("got %s want %s", got, want)
	}
}

func TestJSONOfSeveralImagesHasImages(t *testing.T) {
	var doc struct {
		Items  []any
		Images []struct {
			Image    map[string]any
			Items    []map[string]any
			Warnings *[]any
			Errors   *[]any
		}
	}
	text := write(t, "json", two(), Terminal{})
	if err := json.Unmarshal([]byte(text), &doc); err != nil {
		t.Fatalf("%v in %s", err, text)
	}
	if len(doc.Images) != 2 || doc.Items != nil {
		t.Fatalf("got %s", text)
	}
	for _, image := range doc.Images {
		if len(image.Items) != 2 || image.Warnings == nil || image.Errors != nil || image.Image["reference"] != "shop:1.2" {
			t.Errorf("got %+v", image)
		}
	}
}

func TestLinesOfSeveralImagesBeginWithSourceAndImage(t *testing.T) {
	lines := strings.Split(write(t, "jsonl", two(), Terminal{}), "\n")
	if len(lines) != 5 || lines[4] != "" {
		t.Fatalf("got %q", lines)
	}
	for i, name := range []string{"shop:1.2", "shop:1.2", "shop:1.3", "shop:1.3"} {
		if begin := `{"source":"shop.tar","image":"` + name + `","path":`; !strings.HasPrefix(lines[i], begin) {
			t.Errorf("line %d: got %s, want %s…", i, lines[i], begin)
		}
	}
	one := write(t, "jsonl", sample(), Terminal{})
	if !strings.HasPrefix(one, `{"path":`) {
		t.Errorf("one image: got %s", one)
	}
}

func TestTimesAreRFC3339WhereYearsHaveFourDigits(t *testing.T) {
	for _, c := range []struct {
		sec  int64
		nsec uint32
		want string
	}{
		{0, 0, `"t":"1970-01-01T00:00:00Z"`},
		{-1, 999_999_999, `"t":"1969-12-31T23:59:59.999999999Z"`},
		{1600000000, 500_000_000, `"t":"2020-09-13T12:26:40.5Z"`},
		{firstSecond, 0, `"t":"0000-01-01T00:00:00Z"`},
		{firstSecond - 1, 999_999_999, `"tUnix":-62167219201`},
		{lastSecond, 999_999_999, `"t":"9999-12-31T23:59:59.999999999Z"`},
		{lastSecond + 1, 0, `"tUnix":253402300800`},
		{1<<63 - 1, 0, `"tUnix":9223372036854775807`},
		{-1 << 63, 0, `"tUnix":-9223372036854775808`},
		{lastSecond, 4_000_000_000, `"t":"9999-12-31T23:59:59Z"`},
	} {
		d := Doc{Sections: []Section{{Fields: []Field{{"t", Time}}, Rows: rowsOf([]Value{At(c.sec, c.nsec)})}}}
		if got := write(t, "jsonl", d, Terminal{}); got != "{"+c.want+"}\n" {
			t.Errorf("At(%d, %d): got %s, want {%s}", c.sec, c.nsec, got, c.want)
		}
	}
}

func FuzzJSONIsValidForAnyBytes(f *testing.F) {
	for _, c := range ugly {
		f.Add([]byte(c))
	}
	f.Fuzz(func(t *testing.T, raw []byte) {
		s := string(raw)
		d := Doc{Command: s, Sections: []Section{{Name: s,
			Fields: []Field{{"path", Name}, {"text", Text}, {"object", Object}},
			Rows:   rowsOf([]Value{N(s), T(s), O(map[string]string{s: s})}),
		}}}
		text := write(t, "json", d, Terminal{})
		var doc struct {
			Items []struct {
				Path, PathBase64, Text string
				Object                 map[string]string
			}
		}
		if err := json.Unmarshal([]byte(text), &doc); err != nil {
			t.Fatalf("%v in %s", err, text)
		}
		i := strings.IndexFunc(text, func(r rune) bool { return show.Odd(r) && r != '\n' })
		if i >= 0 || !utf8.ValidString(text) {
			t.Errorf("%q is not harmless on a terminal", text)
		}
		valid := string([]rune(s))
		item := doc.Items[0]
		if item.Path != valid || item.Text != valid || item.Object[valid] != valid {
			t.Errorf("got %+v, want %q", item, valid)
		}
		exact, err := base64.StdEncoding.DecodeString(item.PathBase64)
		if err != nil || utf8.Valid(raw) != (item.PathBase64 == "") || !utf8.Valid(raw) && !bytes.Equal(exact, raw) {
			t.Errorf("pathBase64 is %q, %v", item.PathBase64, err)
		}
	})
}

func TestWhatJSONCannotSayIsAnError(t *testing.T) {
	d := sample()
	d.Sections[0].Warnings = []any{make(chan int)}
	f, _ := Parse("json", Formats)
	var b strings.Builder
	if err := f.Write(&b, d, Terminal{}); err == nil || b.Len() > 0 {
		t.Errorf("error %v, written %q", err, b.String())
	}
}
