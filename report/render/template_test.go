package render

import (
	"bufio"
	"fmt"
	"strings"
	"testing"
	"time"
)

func TestTemplatesSeeItemsByBothSpellings(t *testing.T) {
	for format, want := range map[string]string{
		"{{.path}} {{.Path}}":                              "/a\ufffd<&> /a\ufffd<&>|/b,\"\n /b,\"\n|",
		`{{.size}}\t{{.Size}}\n`:                           "-5\t-5\n|\t\n|",
		"{{.pathBase64}}{{.MtimeUnix}}":                    "L2H/PCY+|253402300800|",
		"{{.mtime}}":                                       "2020-09-13T12:26:40.000000005Z||",
		"{{if .implied}}i{{else}}-{{end}}":                 "-|i|",
		"{{json .xattrs}}":                                 `{"user.a":"` + "\u202e\U000e0041\x7f" + `"}|null|`,
		`{{range $k, $v := .xattrs}}{{$k}}{{end}}`:         "user.a||",
		`{{join (split "a,b" ",") "\t"}}`:                  "a\tb|a\tb|",
		`{{upper .createdBy}}{{pad .createdBy 1 2}};`:      "=1+1 =1+1  ;|;|",
		`{{printf "%3v" .size}}`:                           " -5|   |",
		`{{with .}}{{.size}}{{end}}`:                       "-5||",
		`{{define "x"}}{{.size}}{{end}}{{template "x" .}}`: "-5||",
		`{{truncate .path 2}}{{title "a"}}{{lower "B"}}`:   "/aAb|/bAb|",
		`{{printf "%999999999d" 1}}`:                       "%!(NOVERB)%!(EXTRA int=1)|%!(NOVERB)%!(EXTRA int=1)|",
		`{{pad .createdBy 0 0}}{{html "<"}}{{js "'"}}{{urlquery " "}}{{print 1 2}}{{println}}{{len .path}}`: "" +
			"=1+1&lt;\\'+1 2\n8|&lt;\\'+1 2\n5|",
	} {
		got := write(t, format, sample(), Terminal{})
		if want = strings.ReplaceAll(want, "|", "\n"); got != want {
			t.Errorf("%s: got %q, want %q", format, got, want)
		}
	}
}

func TestAWholeItemIsItsJSON(t *testing.T) {
	for _, d := range []Doc{sample(), two()} {
		want := write(t, "jsonl", d, Terminal{})
		for _, format := range []string{"{{json .}}", "{{.}}", "{{$}}"} {
			if got := write(t, format, d, Terminal{}); got != want {
				t.Errorf("%s: got %s, want %s", format, got, want)
			}
		}
	}
	if got := write(t, "{{.source}} {{.Image}}", two(), Terminal{}); !strings.Contains(got, "shop.tar shop:1.3\n") {
		t.Errorf("several images: got %s", got)
	}
}

func TestUnknownFieldsListTheKnownOnes(t *testing.T) {
	for format, field := range map[string]string{
		"{{.nosuch}}": "nosuch", "{{if .No}}{{end}}": "No", "{{range .path}}{{$.x}}{{end}}": "x",
		"{{with .}}{{.y}}{{end}}": "y",
		"{{json (index .z 1)}}":   "z", `{{define "t"}}{{.u}}{{end}}{{template "t" .}}`: "u", "table {{.path}}\t{{.v}}": "v",
		"{{.PATH}}": "PATH", "{{.source}}": "source",
		`{{define "t"}}{{template "t" .}}{{.w}}{{end}}{{template "t" $}}`: "w",
	} {
		f, err := Parse(format, Formats)
		if err != nil {
			t.Fatal(err)
		}
		for _, rows := range []func(func([]Value) bool){sample().Sections[0].Rows, nil} {
			d := sample()
			d.Sections[0].Rows = rows
			var b strings.Builder
			err = f.Write(&b, d, Terminal{})
			want := `template: unknown field "` + field +
				`"; the fields are path, pathBase64, size, mtime, mtimeUnix, implied, xattrs, createdBy`
			if err == nil || err.Error() != want || b.Len() > 0 {
				t.Errorf("%s: %v, want %s; written %q", format, err, want, b.String())
			}
		}
	}
	got := write(t, "{{range .xattrs}}{{.}}{{end}}{{.xattrs.other}}", sample(), Terminal{})
	if !strings.Contains(got, "<no value>") {
		t.Errorf("members of objects are not fields: got %q", got)
	}
}

func TestATemplateThatFailsLateLeavesNothing(t *testing.T) {
	for _, format := range []string{`{{.path}}{{slice .createdBy 1}}`, `table {{.path}}\t{{slice .createdBy 1}}`} {
		f, _ := Parse(format, Formats)
		var b strings.Builder
		if err := f.Write(&b, sample(), Terminal{}); err == nil || b.Len() > 0 {
			t.Errorf("%s: %v, written %q", format, err, b.String())
		}
	}
}

func TestACharacterCutInTwoIsHarmlessOnATerminal(t *testing.T) {
	d := Doc{Sections: []Section{{Fields: []Field{{"a", Text}}, Rows: rowsOf([]Value{T("\u26db")})}}}
	if got := write(t, "{{slice .a 1 2}}", d, Terminal{Width: 80}); got != "\ufffd\n" {
		t.Errorf("got %q", got)
	}
}

func TestTableTemplatesHaveHeadersOfTheirFields(t *testing.T) {
	for format, want := range map[string]string{
		`table {{.Path}}\t{{.createdBy}}\t{{.Size}}`: "" +
			"PATH          CREATED BY  SIZE\n$'/a\\xff<&>'  =1+1        -5\n$'/b,\"\\n'\n",
		`table{{.size}}`: "SIZE\n-5\n\n",
		`table {{if .implied}}{{.size}}{{end}} ({{json .xattrs}})\t{{range .xattrs}}{{.}},{{end}}` +
			`\t{{with .mtimeUnix}}{{.}}{{end}}\t{{"x"}}`: "" +
			"SIZE (XATTRS)                               XATTRS                    MTIME UNIX\n" +
			` ({"user.a":"$'\\u202e\\U000e0041\\x7f'"})  $'\u202e\U000e0041\x7f',                x` + "\n" +
			" (null)                                                               253402300800  x\n",
	} {
		if got := write(t, format, sample(), Terminal{}); got != want {
			t.Logf("%q", got)
			t.Errorf("%s: got\n%swant\n%s", format, got, want)
		}
	}
}

// tower is a template of n floors, each of which calls the one below twice.
func tower(n int) string {
	var b strings.Builder
	b.WriteString(`{{define "t0"}}{{end}}`)
	for i := range n {
		fmt.Fprintf(&b, `{{define "t%d"}}{{template "t%d"}}{{template "t%d"}}{{end}}`, i+1, i, i)
	}
	fmt.Fprintf(&b, `{{template "t%d"}}`, n)
	return b.String()
}

// bounded writes the sample with a template in tight bounds.
func bounded(t *testing.T, source string, b bounds) (string, error) {
	t.Helper()
	p, err := compile(source, false)
	if err != nil {
		t.Fatalf("%s: %v", source, err)
	}
	p.bounds = b
	var out strings.Builder
	w := bufio.NewWriter(&out)
	err = p.write(w, sample(), Terminal{})
	if flushed := w.Flush(); flushed != nil {
		t.Fatal(flushed)
	}
	return out.String(), err
}

// tight are bounds of which a template passes the one that is wanted first, however slow the machine is.
func tight(want string) bounds {
	b := bounds{time: 10 * time.Minute, bytes: 1 << 20, depth: 500}
	switch {
	case strings.Contains(want, "stopped"):
		b.time = 50 * time.Millisecond
	case strings.Contains(want, "output"):
		b.bytes = 2 << 20
	}
	return b
}

func TestTemplatesEndAtTheirBounds(t *testing.T) {
	doubled := func(action string) string { return "{{$x := `a\\`}}" + strings.Repeat(action, 60) + "{{len $x}}" }
	for _, c := range []struct{ template, want string }{
		{"{{range 1000000000000}}x{{end}}", "template output is over 2 MiB"},
		{"{{range 1000000000000}}{{end}}", "template stopped after 0.05 s"},
		{"{{range 1000000000000}}{{$x := 1}}{{end}}", "template stopped after 0.05 s"},
		{"{{range 1000000000000}}{{if true}}{{continue}}{{end}}x{{end}}", "template stopped after 0.05 s"},
		{"{{range 1000000000000}}{{\"\"}}{{end}}", "template stopped after 0.05 s"},
		{`{{define "a"}}{{range 10}}{{template "b"}}{{end}}{{end}}{{define "b"}}{{range 1000000}}{{end}}{{end}}` +
			`{{range 1000000}}{{template "a"}}{{end}}`, "template stopped after 0.05 s"},
		{tower(40), "template stopped after 0.05 s"},
		{`{{define "a"}}{{template "a" .}}{{end}}{{template "a" .}}`, "template calls itself too deep: over 500 levels"},
		{`{{template "template" .}}`, "template calls itself too deep: over 500 levels"},
		{`{{block "a" .}}{{template "a" .}}{{end}}`, "template calls itself too deep: over 500 levels"},
		{doubled("{{$x = js $x}}"), "template functions make over 1 MiB"},
		{doubled("{{$x = json $x}}"), "template functions make over 1 MiB"},
		{doubled("{{$x = html $x $x}}"), "template functions make over 1 MiB"},
		{doubled("{{$x = print $x $x}}"), "template functions make over 1 MiB"},
		{doubled("{{$x = println $x $x}}"), "template functions make over 1 MiB"},
		{doubled("{{$x = urlquery $x $x}}"), "template functions make over 1 MiB"},
		{doubled(`{{$x = printf "%s%s" $x $x}}`), "template functions make over 1 MiB"},
		{doubled(`{{$x = join (split $x "") $x}}`), "template functions make over 1 MiB"},
		{doubled(`{{$x = pad $x (len $x) 0}}`), "template functions make over 1 MiB"},
		{`{{printf "` + strings.Repeat("%1000000d", 100) + `" 1}}`, "template functions make over 1 MiB"},
		{`{{printf "%-+0999999d%*d" 1 1000000 1}}`, "template functions make over 1 MiB"},
		{`{{pad "x" 1000000000000 0}}`, "template functions make over 1 MiB"},
		{`{{pad "x" 9223372036854775807 9223372036854775807}}`, "template functions make over 1 MiB"},
		{`{{pad "x" -1 0}}`, "negative Repeat count"},
		{`{{$s := pad "x" 500000 0}}{{$t := split $s " "}}`, "template functions make over 1 MiB"},
	} {
		out, err := bounded(t, c.template, tight(c.want))
		if err == nil || !strings.Contains(err.Error(), c.want) || out != "" {
			t.Errorf("%.80s: %v, want %s; written %d bytes", c.template, err, c.want, len(out))
		}
	}
}

func TestTheUsualBoundsAreThePromisedOnes(t *testing.T) {
	for _, b := range []bounds{usualBounds, dockerBounds} {
		if b.time != 5*time.Second || b.bytes != 16<<20 || b.depth != 1000 {
			t.Errorf("got %+v", b)
		}
	}
	unhurried := usualBounds
	unhurried.time = 10 * time.Minute
	if _, err := bounded(t, `{{printf "%500000d" 1}}{{range 100000}}{{end}}`, unhurried); err != nil {
		t.Errorf("within the bounds: %v", err)
	}
}

func TestManyItemsMayTakeLongerTogether(t *testing.T) {
	p, err := compile("{{.path}}", false)
	if err != nil {
		t.Fatal(err)
	}
	p.bounds = bounds{time: time.Millisecond, perItem: time.Second, bytes: 1000, depth: 1}
	w := bufio.NewWriter(&strings.Builder{})
	if err := p.write(w, listing(50_000), Terminal{}); err != nil {
		t.Error(err)
	}
}
