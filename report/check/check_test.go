package check_test

import (
	"encoding/json"
	"encoding/xml"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"testing"

	"github.com/santhosh-tekuri/jsonschema/v6"

	"layup/analyze/rules"
	"layup/fixtures"
	"layup/fixtures/direct"
	"layup/report/call"
)

// gated is an image that breaks every rule.
const gated = `tag gated:1
env PATH=/bin
layer ADD rootfs /
d 0755 0:0 etc
f 0644 0:0 etc/passwd "root:x:0:0:root:/root:/bin/sh\napp:x:7:7:app:/:/bin/sh\n"
d 0755 0:0 usr
f 4755 0:0 usr/su "su"
f 4755 0:0 usr/other "other"
f 2755 0:0 usr/wall "wall"
d 1777 0:0 tmp
d 0777 0:0 open
f 0666 0:0 open/file "x"
f 0644 0:0 bulk "0123456789" repeat=100
layer COPY key /
f 0600 0:0 root.key "-----BEGIN PRIVATE KEY-----\nMII\n"
f 0644 0:0 bulk "0123456789" repeat=10
layer |1 TOKEN=hunter2 /bin/sh -c rm /root.key
w root.key
`

func TestRulesHoldOrFail(t *testing.T) {
	name := direct.Image(t, "gated", gated)
	for _, c := range []struct {
		args  string
		fails []string // rule, path and layer of each item that fails; none: the rule holds
	}{
		{"--max-wasted 1032", nil},
		{"--max-wasted 1031", []string{"max-wasted"}},
		{"--max-wasted 1kB", []string{"max-wasted"}},
		{"--max-wasted-percent 90", nil},
		{"--max-wasted-percent 80%", []string{"max-wasted-percent"}},
		{"--min-efficiency 0.1", nil},
		{"--min-efficiency 0.9", []string{"min-efficiency"}},
		{"--forbid *.key", nil},
		{"--forbid /usr/*u", []string{"forbid /usr/su 0"}},
		{"--forbid su --forbid tmp --forbid nobody", []string{"forbid /usr/su 0", "forbid /tmp 0"}},
		{"--forbid-deleted *.key", []string{"forbid-deleted /root.key 1"}},
		{"--forbid-deleted *.pem", nil},
		{"--require /etc/passwd", nil},
		{"--require /etc/group", []string{"require"}},
		{"--require root.key", []string{"require"}},
		{"--no-setuid", []string{"no-setuid /usr/other 0", "no-setuid /usr/su 0"}},
		{"--no-setuid=/usr/su", []string{"no-setuid /usr/other 0"}},
		{"--no-setuid=/usr/su,other", nil},
		{"--no-setuid=/usr/{su,other}", nil},
		{"--no-setuid=su --no-setuid=other", nil},
		{"--no-setuid --except su --except /usr/oth*", nil},
		{"--no-setuid --except su,/usr/oth*", nil},
		{"--forbid *.key --no-private-key --except /root.key", nil},
		{"--no-private-key", []string{"no-private-key /root.key 1"}},
		{"--no-private-key=/root.key", nil},
		{"--no-setuid=true --no-setgid=false", []string{"no-setuid /usr/other 0", "no-setuid /usr/su 0"}},
		{"--no-setgid", []string{"no-setgid /usr/wall 0"}},
		{"--no-world-writable", []string{"no-world-writable /open 0", "no-world-writable /open/file 0"}},
		{"--no-world-writable=/open,/open/**", nil},
		{"--no-sensitive", []string{"no-sensitive /root.key 1", "no-sensitive 2"}},
		{"--no-sensitive=/root.key", []string{"no-sensitive 2"}},
		{"--no-engine-dependent", nil},
		{"--max-layers 3", nil},
		{"--max-layers 2", []string{"max-layers"}},
		{"--max-size 1MB", nil},
		{"--max-size 1kB", []string{"max-size"}},
		{"--user-not-root", []string{"user-not-root"}},
	} {
		t.Run(c.args, func(t *testing.T) {
			t.Chdir(t.TempDir())
			args := append([]string{"check", name, "-q"}, strings.Fields(c.args)...)
			var got []string
			for _, item := range direct.Items(t, "pass rule path layer", args...) {
				if rest, failed := strings.CutPrefix(item, "pass=false rule="); failed {
					got = append(got, strings.NewReplacer("path=", "", "layer=", "").Replace(rest))
				}
			}
			direct.Expect(t, c.args, got, c.fails...)
			want := call.Refuted
			if c.fails == nil {
				want = call.Answered
			}
			if got := direct.Layup(t, args...); got.Status != want {
				t.Errorf("exit %d want %d: %s", got.Status, want, got.Err)
			}
			if got := direct.Layup(t, append(args, "-f", "json")...); !strings.Contains(got.Out, `"pass":`+
				map[bool]string{true: "true", false: "false"}[c.fails == nil]+`,"items"`) || strings.Contains(got.Out,
				"hunter2\",\"pass") {
				t.Errorf("the document's verdict: %.300s", got.Out)
			}
		})
	}
}

func TestUsersAreRootByNumberNameOrPasswd(t *testing.T) {
	for _, c := range []struct {
		user, passwd string
		root         bool
	}{
		{"", "", true}, {"root", "", true}, {"0", "", true}, {"0:0", "", true}, {"root:app", "", true}, {"00", "", true},
		{"4294967296", "", true},
		{"app", "root:x:0:0:::\napp:x:7:7:::\n", false}, {"7", "", false}, {"app:0", "", false},
		{"app", "root:x:0:0:::\napp:x:0:7:::\n", true}, {"7", "root:x:0:0:::\napp:x:0:7:::\n", false},
	} {
		img, err := fixtures.Parse("user", "layer A\nf 0644 0:0 etc/passwd "+`"`+strings.ReplaceAll(c.passwd, "\n", `\n`)+`"`)
		if err != nil {
			t.Fatal(err)
		}
		img.User = c.user
		got := direct.Layup(t, "check", "--config", direct.Rules(t, ""), "--user-not-root", direct.Write(t, "user.tar", img))
		if (got.Status == call.Refuted) != c.root || got.Status == call.Failed {
			t.Errorf("%q %q: exit %d: %s%s", c.user, c.passwd, got.Status, got.Out, got.Err)
		}
	}
}

func TestBaseIsTheBeginningOfTheStack(t *testing.T) {
	t.Chdir(t.TempDir())
	base := direct.Image(t, "base", "layer A\nf 0644 0:0 a \"1\"\nlayer B\nf 0644 0:0 b \"2\"\n")
	for text, want := range map[string]int{
		"layer A\nf 0644 0:0 a \"1\"\nlayer B\nf 0644 0:0 b \"2\"\nlayer C\nf 0644 0:0 c \"3\"\n": call.Answered,
		"layer A\nf 0644 0:0 a \"1\"\nlayer C\nf 0644 0:0 c \"3\"\n":                              call.Refuted,
		"layer A\nf 0644 0:0 a \"1\"\n":                                                           call.Refuted,
		"layer B\nf 0644 0:0 b \"2\"\nlayer A\nf 0644 0:0 a \"1\"\n":                              call.Refuted,
	} {
		if got := direct.Layup(t, "check", "--base", base, direct.Image(t, "top", text)); got.Status != want {
			t.Errorf("%q: exit %d want %d: %s%s", text, got.Status, want, got.Out, got.Err)
		}
	}
	if got := direct.Layup(t, "check", "--base", "/no/such/base.tar", base); got.Status != call.Failed ||
		!strings.Contains(got.Err, "check: --base: /no/such/base.tar: no such file") {
		t.Errorf("a base that is not there: exit %d: %s", got.Status, got.Err)
	}
}

func TestWithoutRulesTheDefaultsHold(t *testing.T) {
	t.Chdir(t.TempDir())
	wasteful := direct.Image(t, "wasteful", "layer one\nf 0644 0:0 a \"1234567890\"\nlayer two\n"+
		"f 0644 0:0 b \"12345678\"\nlayer three\nw b\n")
	const said = "layup: no rules given, so these hold: no-private-key, no-engine-dependent, lowestEfficiency 0.9, " +
		"highestUserWastedPercent 0.1; layup help check lists others\n"
	for _, c := range []struct {
		image, args, want string
	}{
		{wasteful, "", "lowestEfficiency highestUserWastedPercent"},
		{wasteful, "--except b", ""},
		{direct.Pack(t, "myfile"), "", ""},
		{direct.Image(t, "gated", gated), "", "no-private-key highestUserWastedPercent lowestEfficiency"},
		{direct.Image(t, "gated", gated), "--except *.key", "lowestEfficiency"},
		{wasteful, "--max-layers 3", ""},
	} {
		got := direct.Layup(t, append([]string{"check", "-f", "{{if not .pass}}{{.rule}}{{end}}", c.image},
			strings.Fields(c.args)...)...)
		failed, want := strings.Fields(got.Out), strings.Fields(c.want)
		slices.Sort(failed)
		slices.Sort(want)
		if !slices.Equal(failed, want) || got.Status != min(len(want), 1) {
			t.Errorf("%s: exit %d: %q failed, want %q", c.args, got.Status, failed, want)
		}
		if told := got.Err == said; told == strings.Contains(c.args, "max") {
			t.Errorf("%s: stderr %s", c.args, got.Err)
		}
	}
}

// max-size is the size that docker shows: that of inspect.
func TestMaxSizeIsWhatDockerShows(t *testing.T) {
	for _, name := range []string{"myfile", "links", "ugly", "opaque"} {
		image := direct.Pack(t, name)
		size, err := strconv.Atoi(strings.TrimSpace(direct.Layup(t, "inspect", "-f", "{{.Size}}", image).Out))
		if err != nil {
			t.Fatal(err)
		}
		for limit, want := range map[int]int{size: call.Answered, size - 1: call.Refuted} {
			if got := direct.Layup(t, "check", "--max-size", strconv.Itoa(limit), image); got.Status != want {
				t.Errorf("%s of %d bytes, at most %d: exit %d: %s", name, size, limit, got.Status, got.Out)
			}
		}
	}
}

func TestRuleFilesAreReadInTheWorkingDirectoryOnly(t *testing.T) {
	name := direct.Image(t, "gated", gated)
	dir := t.TempDir()
	t.Chdir(dir)
	direct.Put(t, filepath.Join(filepath.Dir(name), ".layup.yaml"),
		[]byte("rules:\n  max-wasted: 0\n")) // beside the image, so it must not count
	if got := direct.Layup(t, "check", name); strings.Contains(got.Out, "max-wasted") {
		t.Errorf("without rules: %s", got.Out)
	}
	direct.Put(t, ".dive-ci", []byte("# dive's\nrules:\n  # comment\n  lowestEfficiency: 0.95\n  highestWastedBytes: "+
		"'20MB'\n  highestUserWastedPercent: disabled\n"))
	if got := direct.Layup(t, "check", name); got.Status != call.Refuted || !strings.Contains(got.Err,
		"layup: rules from .dive-ci (2)\n") || strings.Contains(got.Out, "highestUser") ||
		!strings.Contains(got.Out, "pass    highestWastedBytes  20000000") || !strings.Contains(got.Out,
		"FAIL    lowestEfficiency") {
		t.Errorf(".dive-ci: exit %d: %s%s", got.Status, got.Out, got.Err)
	}
	direct.Put(t, ".layup.yaml", []byte("rules: {max-wasted: 2kB, no-setuid: [/usr/su, other], forbid: ['*.pem', "+
		"'*.p12'], no-sensitive: false, user-not-root: disabled}\n"))
	if got := direct.Layup(t, "check", name); got.Status != call.Answered || !strings.Contains(got.Err,
		"rules from .layup.yaml (4), not from .dive-ci") || strings.Count(got.Out, "\npass") != 4 {
		t.Errorf(".layup.yaml: exit %d: %s%s", got.Status, got.Out, got.Err)
	}
	direct.Put(t, "except.yaml",
		[]byte("rules: {no-setuid: true, no-private-key: true, except: ['/usr/{su,other}', '*.key']}"))
	if got := direct.Layup(t, "check", "--config", "except.yaml", name); got.Status != call.Answered ||
		!strings.Contains(got.Err, "rules from except.yaml (2)\n") {
		t.Errorf("except: exit %d: %s%s", got.Status, got.Out, got.Err)
	}
	if got := direct.Layup(t, "check", "--config", ".dive-ci", "--max-layers", "3", name); got.Status != call.Refuted ||
		!strings.Contains(got.Out, "pass    max-layers") {
		t.Errorf("--config beside a flag: exit %d: %s%s", got.Status, got.Out, got.Err)
	}
}

func TestDiveRulesFailAtTheirLimits(t *testing.T) {
	name := direct.Image(t, "dive", "layer A\nf 0644 0:0 a \"0123456789\"\nlayer B\nf 0644 0:0 b \"0123\"\nf 0644 0:0 c "+
		"\"012345\"\nlayer C\nw b\n") // 20 stored, 4 hidden; above layer 0: 4 of 10
	for rule, want := range map[string]int{
		"lowestEfficiency: 0.8": call.Answered, "lowestEfficiency: 0.81": call.Refuted,
		"lowestEfficiency: '0.8'": call.Answered,
		"highestWastedBytes: 5B":  call.Answered, "highestWastedBytes: 4B": call.Refuted,
		"highestWastedBytes: 4": call.Refuted, "highestWastedBytes: 0.005 k": call.Answered,
		"highestWastedBytes: 3 B": call.Refuted,
		"lowest-efficiency: 0.8":  call.Answered, "lowest-efficiency: 0.81": call.Refuted,
		"highest-wasted-bytes: 4B": call.Refuted, "highest-user-wasted-percent: 0.4": call.Refuted,
		"highestUserWastedPercent: 0.41": call.Answered, "highestUserWastedPercent: 0.4": call.Refuted,
		"highestUserWastedPercent: \"0.39\"": call.Refuted,
	} {
		if got := direct.Layup(t, "check", "--config", direct.Rules(t, "rules:\n  "+rule+"\n"), name); got.Status != want {
			t.Errorf("%s: exit %d want %d: %s%s", rule, got.Status, want, got.Out, got.Err)
		}
	}
}

func TestRuleFilesThatAreWrongAreRefused(t *testing.T) {
	name := direct.Image(t, "gated", gated)
	for _, c := range []struct{ say, text, want string }{
		{"an unknown rule", "rules:\n  highestWastedByte: 1\n", `line 2: unknown rule "highestWastedByte"` +
			"\nlayup: hint: did you mean highestWastedBytes?\n"},
		{"an unknown key", "rule:\n  max-wasted: 1\n", `line 1: unknown key "rule"; rules stand under the key rules`},
		{"an alias", "rules:\n  forbid: &a [x]\n  require: *a\n", "aliases and anchors are not read"},
		{"a bomb", "a: &a [x,x]\nb: &b [*a,*a]\nrules: *b\n", "aliases and anchors are not read"},
		{"a merge key", "rules:\n  <<: {max-wasted: 1}\n", `unknown rule "<<"`},
		{"a tag", "rules:\n  forbid: !!binary YQ==\n", "tags are not read"},
		{"two documents", "rules:\n  max-wasted: 1\n---\nrules: {}\n", "more than one document"},
		{"a rule twice", "rules:\n  max-wasted: 1\n  max-wasted: 2\n", `duplicate key "max-wasted"`},
		{"no value", "rules:\n  max-wasted:\n", "want a value"},
		{"a list for one value", "rules:\n  max-wasted: [1, 2]\n", "want one value"},
		{"a mapping for a value", "rules:\n  forbid: {a: b}\n", "want a value"},
		{"a list of rules", "rules: [a, b]\n", "want keys and values"},
		{"a huge number", "rules:\n  max-wasted: " + strings.Repeat("9", 400) + "\n", "not a size"},
		{"a number that is none", "rules:\n  lowestEfficiency: .nan\n", "not a number from 0 to 1"},
		{"an infinite number", "rules:\n  lowestEfficiency: .inf\n", "not a number from 0 to 1"},
		{"a negative number", "rules:\n  highestUserWastedPercent: -0.1\n", "not a number from 0 to 1"},
		{"a percentage for a ratio", "rules:\n  lowestEfficiency: 95\n", "not a number from 0 to 1"},
		{"a size without sense", "rules:\n  highestWastedBytes: 20XB\n", "not a size"},
		{"a bad pattern", "rules:\n  forbid: '{a'\n  require: 'a]{'\n", "not a pattern"},
		{"another language's false", "rules:\n  no-setuid: no\n", `no-setuid: "no": want true, false, disabled, or patterns`},
		{"another spelling of true", "rules:\n  no-setgid: True\n", `"True": want true`},
		{"true in a list", "rules:\n  no-world-writable: [/tmp, true]\n", `"true": want true`},
		{"no YAML", "rules: [\n", "line "},
		{"deep nesting", "rules: " + strings.Repeat("[", 60000), "exceeded max depth"},
		{"control characters", "rules:\n  \"\\e[31mred\": 1\n", `unknown rule "\x1b[31mred"`},
		{"a long file", strings.Repeat("# comment\n", 7000), "is longer than 65536 bytes"},
		{"an empty file", "", "no rules"},
	} {
		t.Run(c.say, func(t *testing.T) {
			got := direct.Layup(t, "check", "--config", direct.Rules(t, c.text), name)
			if got.Status != call.Failed || got.Out != "" || !strings.Contains(got.Err, c.want) || strings.Contains(got.Err,
				"\x1b") || strings.Contains(got.Err, "yaml.") {
				t.Errorf("exit %d: %s%s\nwant %s", got.Status, got.Out, got.Err, c.want)
			}
		})
	}
	for file, want := range map[string]string{"/no/such/file": "no such file", t.TempDir(): "is not a regular file"} {
		if got := direct.Layup(t, "check", "--config", file, name); got.Status != call.Failed || !strings.Contains(got.Err,
			want) {
			t.Errorf("%s: exit %d: %s", file, got.Status, got.Err)
		}
	}
}

// hostileGate is an image with names that attack the formats.
const hostileGate = "tag odd:1\nlayer A\n" + `f 4755 0:0 "a\x1b[31m\x00?" "1"
f 4755 0:0 "=cmd|' " "2"
f 4755 0:0 "]]>\xff\xfe<failure>" "3"
f 4755 0:0 "d:/%2e#?&\"'" "4"
f 4755 0:0 "\u202egnp" "5"
f 4755 0:0 "new\nline" "6"
` + "layer |1 TOKEN=\x01\x1b /bin/sh -c x\nd 0755 0:0 e\n"

func TestSARIFIsValidWhateverNamesThereAre(t *testing.T) {
	schema := sarifSchema(t)
	for _, text := range []string{gated, hostileGate, "layer A\nd 0755 0:0 e\n"} {
		name := direct.Image(t, "image", strings.ReplaceAll(text, `\x00`, ""))
		got := direct.Layup(t, "check", "--config", direct.Rules(t, ""), "--no-setuid", "--no-sensitive",
			"--no-world-writable", "--user-not-root", "--max-layers", "1", "-f", "sarif", name, name)
		var log any
		if err := json.Unmarshal([]byte(got.Out), &log); err != nil {
			t.Fatalf("%v: %s", err, got.Out)
		}
		if err := schema.Validate(log); err != nil {
			t.Errorf("%v\n%s", err, got.Out)
		}
		for _, r := range got.Out {
			if r < ' ' && r != '\n' || r == '\u202e' {
				t.Errorf("raw %q in %s", r, got.Out)
			}
		}
		if strings.Contains(text, "setuid") && !strings.Contains(got.Out, `"uri":"usr/su"`) {
			t.Errorf("no location: %s", got.Out)
		}
	}
}

// TestSARIFOfSecretsIsValid also shows that a baseline lets a build pass that holds no other secret.
func TestSARIFOfSecretsIsValid(t *testing.T) {
	text := "tag keys:1\nlayer A\n"
	for i, path := range []string{"root/.ssh/id_rsa", "new\nline", "\u202egnp", "]]>\xff\xfe<failure>"} {
		key := "-----BEGIN RSA PRIVATE " + "KEY-----\n" + strings.Repeat("kJ8sQz1Lm4", 30+i) + "\n-----END RSA PRIVATE " +
			"KEY-----\n"
		text += fmt.Sprintf("f 0600 0:0 %q %q\n", path, key)
	}
	name := direct.Image(t, "image", text)
	got := direct.Layup(t, "secrets", "-f", "sarif", name)
	var log any
	if err := json.Unmarshal([]byte(got.Out), &log); err != nil || got.Status != 1 {
		t.Fatalf("exit %d, %v: %s%s", got.Status, err, got.Out, got.Err)
	}
	if err := sarifSchema(t).Validate(log); err != nil || strings.Count(got.Out, `"ruleId"`) < 4 {
		t.Errorf("%v\n%s", err, got.Out)
	}
	known := filepath.Join(t.TempDir(), "known.json")
	if a := direct.Layup(t, "secrets", "-f", "json", "-o", known, name); a.Status != 1 {
		t.Fatal(a)
	}
	for _, c := range []struct {
		args   []string
		status int
	}{{nil, 1}, {[]string{"--baseline", known}, 0}} {
		args := append([]string{"check", "--no-secrets"}, append(c.args, name)...)
		if a := direct.Layup(t, args...); a.Status != c.status {
			t.Errorf("%q: exit %d: %s%s", args, a.Status, a.Out, a.Err)
		}
	}
}

// sarifSchema returns the schema of the standard.
func sarifSchema(t *testing.T) *jsonschema.Schema {
	t.Helper()
	f, err := os.Open(filepath.Join("testdata", "sarif-schema-2.1.0.json"))
	if err != nil {
		t.Fatal(err)
	}
	defer f.Close()
	doc, err := jsonschema.UnmarshalJSON(f)
	if err != nil {
		t.Fatal(err)
	}
	c := jsonschema.NewCompiler()
	c.AssertFormat()
	if err := c.AddResource("sarif.json", doc); err != nil {
		t.Fatal(err)
	}
	schema, err := c.Compile("sarif.json")
	if err != nil {
		t.Fatal(err)
	}
	return schema
}

func TestSARIFSchemaRefusesWhatIsWrong(t *testing.T) {
	schema := sarifSchema(t)
	for _, text := range []string{`{}`, `{"version":"2.1.0"}`, `{"version":"2.1.0","runs":[{"tool":{"driver":{}}}]}`,
		`{"version":"2.1.0","runs":[{"tool":{"driver":{"name":"x"}},"results":[{"level":"error"}]}]}`} {
		doc, err := jsonschema.UnmarshalJSON(strings.NewReader(text))
		if err != nil {
			t.Fatal(err)
		}
		if schema.Validate(doc) == nil {
			t.Errorf("%s is valid", text)
		}
	}
}

func TestJUnitIsXMLWhateverNamesThereAre(t *testing.T) {
	name := direct.Image(t, "image", strings.ReplaceAll(hostileGate, `\x00`, ""))
	got := direct.Layup(t, "check", "--config", direct.Rules(t, ""), "--no-setuid", "--no-sensitive", "--max-layers", "9",
		"-f", "junit", name)
	decoder, cases, failures := xml.NewDecoder(strings.NewReader(got.Out)), 0, 0
	for {
		token, err := decoder.Token()
		if err == io.EOF {
			break
		}
		if err != nil {
			t.Fatalf("%v: %s", err, got.Out)
		}
		if start, ok := token.(xml.StartElement); ok && start.Name.Local == "testcase" {
			cases++
		} else if ok && start.Name.Local == "failure" {
			failures++
		}
	}
	if cases != 3 || failures != 2 || !strings.Contains(got.Out, `tests="3" failures="2" errors="0"`) {
		t.Errorf("%d cases, %d failures: %s", cases, failures, got.Out)
	}
	if strings.ContainsAny(got.Out, "\x1b\x00\u202e") {
		t.Errorf("raw bytes: %q", got.Out)
	}
	if got := direct.Layup(t, "ls", "-f", "junit", name); got.Status != call.Failed || !strings.Contains(got.Err,
		`unknown --format "junit"`) {
		t.Errorf("another command takes junit: exit %d: %s", got.Status, got.Err)
	}
}

func TestFindingsAreBounded(t *testing.T) {
	var b strings.Builder
	b.WriteString("layer A\n")
	for i := range rules.Most + 500 {
		b.WriteString("f 4755 0:0 " + strings.Repeat("x", i%50+1) + "/" + strings.Repeat("y", i/50+1) + " \"\"\n")
	}
	got := direct.Items(t, "value message", "check", "--config", direct.Rules(t, ""), "--no-setuid", direct.Image(t,
		"many", b.String()))
	if len(got) != rules.Most || !strings.HasPrefix(got[0], "value=1500") || !strings.HasSuffix(got[rules.Most-1],
		"(and 500 more)") {
		t.Errorf("%d findings, first %q, last %q", len(got), got[0], got[len(got)-1])
	}
}
