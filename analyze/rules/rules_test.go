package rules_test

import (
	"context"
	"fmt"
	"slices"
	"strings"
	"testing"

	"layup/analyze"
	"layup/analyze/digest"
	"layup/analyze/filter"
	"layup/analyze/rules"
	"layup/fixtures/harness"
	"layup/tarfs"
)

// open opens an image for every rule.
func open(t *testing.T, text string) *analyze.Image {
	opt := analyze.Default()
	opt.Secrets = true
	return harness.Open(t, text, opt)
}

// globs reads patterns that are valid.
func globs(t *testing.T, patterns ...string) filter.Patterns {
	t.Helper()
	list, err := filter.Globs(patterns...)
	if err != nil {
		t.Fatal(err)
	}
	return list
}

// checked returns "pass VALUE: MESSAGE", or a line "FAIL VALUE PATH LAYER: MESSAGE" for each finding.
func checked(img *analyze.Image, rule rules.Rule, except ...filter.Pattern) string {
	found, failed := rules.Check(context.Background(), img, []rules.Rule{rule}, except)
	var lines []string
	for _, f := range found {
		if f.Pass {
			lines = append(lines, fmt.Sprintf("pass %v: %s", f.Value, f.Message))
			continue
		}
		line := fmt.Sprintf("FAIL %v %s", f.Value, f.Path)
		if f.Layer != tarfs.NoLayer {
			line += fmt.Sprintf(" %d", f.Layer)
		}
		lines = append(lines, line+": "+f.Message)
	}
	if wrong := failed == 1 == found[0].Pass; wrong {
		lines = append(lines, fmt.Sprintf("counted as %d failed rules", failed))
	}
	return strings.Join(lines, "\n")
}

// wasteful stores 20 bytes and hides 5; of the 10 bytes above layer 0, it hides 4.
const wasteful = `layer one
f 0644 0:0 a "012345678"
f 0644 0:0 x "x"
layer two
f 0644 0:0 b "0123"
f 0644 0:0 c "012345"
layer three
w b
w x
`

func TestRulesAboutBytesAndLayersHoldAtTheirLimits(t *testing.T) {
	img := open(t, wasteful)
	const size = "20 bytes as docker images shows (about 8,192 more with containerd's store)"
	for _, c := range []struct {
		rule rules.Rule
		want string
	}{
		{rules.MaxWasted(5), "pass 5: 5 bytes hidden, at most 5 allowed"},
		{rules.MaxWasted(4), "FAIL 5 : 5 bytes hidden, at most 4 allowed"},
		{rules.HighestWastedBytes(6), "pass 5: 5 bytes hidden, fewer than 6 allowed"},
		{rules.HighestWastedBytes(5), "FAIL 5 : 5 bytes hidden, fewer than 5 allowed"},
		{rules.MaxWastedPercent(25), "pass 25: 25.00% of the stored bytes hidden, at most 25% allowed"},
		{rules.MaxWastedPercent(24.9), "FAIL 25 : 25.00% of the stored bytes hidden, at most 24.9% allowed"},
		{rules.MinEfficiency(0.75), "pass 0.75: efficiency 0.75 (live / stored), at least 0.75 wanted"},
		{rules.MinEfficiency(0.76), "FAIL 0.75 : efficiency 0.75 (live / stored), at least 0.76 wanted"},
		{rules.HighestUserWastedPercent(0.41), "pass 0.4: 0.4 of the bytes after layer 0 hidden, less than 0.41 allowed"},
		{rules.HighestUserWastedPercent(0.4), "FAIL 0.4 : 0.4 of the bytes after layer 0 hidden, less than 0.4 allowed"},
		{rules.MaxLayers(3), "pass 3: 3 layers, at most 3 allowed"},
		{rules.MaxLayers(2), "FAIL 3 : 3 layers, at most 2 allowed"},
		{rules.MaxSize(20), "pass 20: " + size + ", at most 20 allowed"},
		{rules.MaxSize(19), "FAIL 20 : " + size + ", at most 19 allowed"},
	} {
		if got := checked(img, c.rule); got != c.want {
			t.Errorf("got  %s\nwant %s", got, c.want)
		}
	}
}

func TestAnImageWithoutContentWastesNothing(t *testing.T) {
	img := open(t, "layer one\nd 0755 0:0 d\n")
	for _, rule := range []rules.Rule{rules.MaxWasted(0), rules.MaxWastedPercent(0), rules.MinEfficiency(1),
		rules.HighestUserWastedPercent(0.1), rules.MaxSize(0)} {
		if got := checked(img, rule); !strings.HasPrefix(got, "pass ") {
			t.Errorf("got %s", got)
		}
	}
	if got := checked(img, rules.HighestUserWastedPercent(0)); !strings.HasPrefix(got, "FAIL ") {
		t.Errorf("nothing is less than 0: got %s", got)
	}
}

func TestWhatIsExceptedCountsForNoRule(t *testing.T) {
	img := open(t, wasteful)
	for _, c := range []struct {
		rule   rules.Rule
		except string
		want   string
	}{
		{rules.MaxWasted(1), "b", "pass 1: 1 bytes hidden, at most 1 allowed (4 hidden bytes are excepted)"},
		{rules.MaxWasted(0), "b", "FAIL 1 : 1 bytes hidden, at most 0 allowed (4 hidden bytes are excepted)"},
		{rules.MaxWasted(4), "/c", "FAIL 5 : 5 bytes hidden, at most 4 allowed"}, // nothing of it is hidden
		{rules.HighestWastedBytes(2), "b", "pass 1: 1 bytes hidden, fewer than 2 allowed (4 hidden bytes are excepted)"},
		{rules.MaxWastedPercent(7), "/b", "pass 6.25: 6.25% of the stored bytes hidden, at most 7% allowed (4 hidden bytes " +
			"are excepted)"},
		{rules.MinEfficiency(0.93), "/b", "pass 0.9375: efficiency 0.9375 (live / stored), at least 0.93 wanted (4 hidden " +
			"bytes are excepted)"},
		{rules.HighestUserWastedPercent(0.1), "/b", "pass 0: 0 of the bytes after layer 0 hidden, less than 0.1 allowed (4 " +
			"hidden bytes are excepted)"},
	} {
		if got := checked(img, c.rule, globs(t, c.except)...); got != c.want {
			t.Errorf("got  %s\nwant %s", got, c.want)
		}
	}
	img = open(t, listed)
	forbid, err := rules.Forbid("*.key")
	if err != nil {
		t.Fatal(err)
	}
	for _, c := range []struct {
		rule   rules.Rule
		except string
		want   string
	}{
		{forbid, "new.*", "pass 0: none"},
		{rules.NoSetuid(nil), "su", "pass 0: none"},
		{rules.NoPrivateKey(nil), "old.key", "FAIL 1 /new.key 1: private-key, visible"},
		{rules.NoPrivateKey(globs(t, "new.key")), "old.key", "pass 0: none"},
		{rules.NoPrivateKey(nil), "none", "FAIL 2 /new.key 1: private-key, visible\n" +
			"FAIL 2 /old.key 0: private-key, deleted by layer 1"},
		{rules.NoEngineDependent(), "/etc/twice", "pass 0: none"},
	} {
		if got := checked(img, c.rule, globs(t, c.except)...); got != c.want {
			t.Errorf("got  %s\nwant %s", got, c.want)
		}
	}
}

const listed = `layer one
d 0755 0:0 etc
f 0644 0:0 etc/passwd "root:x:0:0:::\n"
f 0644 0:0 etc/twice "first"
f 0644 0:0 etc/twice "second"
f 4755 1:2 su "su"
f 2755 0:0 wall "wall"
d 6777 0:0 open
d 1777 0:0 tmp
l link -> su
f 0666 0:0 tmp/file "x"
f 0600 0:0 old.key "-----BEGIN RSA PRIVATE KEY-----\nMII\n"
layer |1 TOKEN=hunter2 /bin/sh -c two
w old.key
f 0644 0:0 new.key "-----BEGIN RSA PRIVATE KEY-----\nMII\n"
`

func TestRulesAboutPathsNameEachPath(t *testing.T) {
	img := open(t, listed)
	read := func(make func(string) (rules.Rule, error), glob string) rules.Rule {
		rule, err := make(glob)
		if err != nil {
			t.Fatal(err)
		}
		if rule.Limit != glob {
			t.Errorf("%s: the limit is %v", glob, rule.Limit)
		}
		return rule
	}
	for _, c := range []struct {
		say  string
		rule rules.Rule
		want string
	}{
		{"a visible path", read(rules.Forbid, "*.key"), "FAIL 1 /new.key 1: forbidden file"},
		{"a visible directory", read(rules.Forbid, "/tmp"), "FAIL 1 /tmp 0: forbidden dir"},
		{"a path that is only hidden", read(rules.Forbid, "/old.key"), "pass 0: none"},
		{"a hidden path", read(rules.ForbidDeleted, "*.key"), "FAIL 1 /old.key 0: still in the image, deleted by layer 1"},
		{"what no layer showed", read(rules.ForbidDeleted, "twice"),
			"FAIL 1 /etc/twice 0: still in the image, shown by no layer (replaced-in-layer)"},
		{"a path that is only visible", read(rules.ForbidDeleted, "/new.key"), "pass 0: none"},
		{"paths that are there", read(rules.Require, "/etc/*"), "pass 2: 2 match"},
		{"a hidden path is not there", read(rules.Require, "/old.key"), "FAIL 0 : nothing visible matches /old.key"},
		{"setuid", rules.NoSetuid(nil), "FAIL 1 /su 0: setuid file, mode 4755, owner 1:2"},
		{"setuid that is excepted", rules.NoSetuid(globs(t, "/su")), "pass 0: none"},
		{"setgid", rules.NoSetgid(nil), "FAIL 1 /wall 0: setgid file, mode 2755, owner 0:0"},
		{"setgid that is excepted", rules.NoSetgid(globs(t, "none", "wa*")), "pass 0: none"},
		{"writable by everyone", rules.NoWorldWritable(nil), "FAIL 2 /open 0: dir that everyone may write, mode 6777\n" +
			"FAIL 2 /tmp/file 0: file that everyone may write, mode 0666"},
		{"writable by everyone, one excepted", rules.NoWorldWritable(globs(t, "/open")),
			"FAIL 1 /tmp/file 0: file that everyone may write, mode 0666"},
		{"sensitive", rules.NoSensitive(nil), "FAIL 3 /new.key 1: private-key, visible\n" +
			"FAIL 3 /old.key 0: private-key, deleted by layer 1\n" +
			"FAIL 3  1: secret TOKEN in the history of layer 1 (build-argument)"},
		{"sensitive, files excepted", rules.NoSensitive(globs(t, "*.key")),
			"FAIL 1  1: secret TOKEN in the history of layer 1 (build-argument)"},
		{"what engines read in different ways", rules.NoEngineDependent(),
			"FAIL 1 /etc/twice 0: " + tarfs.DuplicateEntry.Name + ": " + tarfs.DuplicateEntry.Message},
	} {
		if got := checked(img, c.rule); got != c.want {
			t.Errorf("%s:\ngot  %s\nwant %s", c.say, got, c.want)
		}
	}
	clean := open(t, wasteful)
	for _, rule := range []rules.Rule{rules.NoSensitive(nil), rules.NoEngineDependent()} {
		if got := checked(clean, rule); got != "pass 0: none" {
			t.Errorf("a clean image: got %s", got)
		}
	}
	for _, make := range []func(string) (rules.Rule, error){rules.Forbid, rules.ForbidDeleted, rules.Require} {
		if _, err := make("[a]b["); err == nil {
			t.Error("a bad pattern makes a rule")
		}
	}
}

func TestRootIsKnownByNumberNameAndPasswd(t *testing.T) {
	const one, two = "root:x:0:0:::\\napp:x:7:7:::\\n", "root:x:0:0:::\\napp:x:0:7:::\\n"
	for _, c := range []struct{ user, passwd, want string }{
		{"", one, "FAIL  : the config names no user, so root runs"},
		{":app", one, "FAIL :app : the config names no user, so root runs"},
		{"root", one, `FAIL root : user "root" is root`},
		{"0:7", one, `FAIL 0:7 : user "0:7" is root`},
		{"4294967296", one, `FAIL 4294967296 : user "4294967296" is root`},
		{"app", two, `FAIL app : user "app" may be root: /etc/passwd has the number 0 for more names than root`},
		{"app", one, `pass app: user "app"`},
		{"7", two, `pass 7: user "7"`},
	} {
		text := "layer one\nf 0644 0:0 etc/passwd \"" + c.passwd + "\"\n"
		if c.user != "" {
			text = "user " + c.user + "\n" + text
		}
		if got := checked(open(t, text), rules.UserNotRoot()); got != c.want {
			t.Errorf("%q: got %s, want %s", c.user, got, c.want)
		}
	}
}

func TestOtherRootsAreFoundWhereverPasswdIs(t *testing.T) {
	const two = `"root:x:0:0:::\napp:x:0:7:::\n"`
	const may = `FAIL app : user "app" may be root: /etc/passwd `
	const found = may + "has the number 0 for more names than root"
	for _, c := range []struct{ say, entries, want string }{
		{"a symlink to another name", "f 0644 0:0 srv/users " + two + "\nl etc/passwd -> /srv/users", found},
		{"a symlink to a layer below", "f 0644 0:0 srv/users " + two + "\nlayer two\nl etc/passwd -> ../srv/users", found},
		{"a hard link to another name", "f 0644 0:0 srv/users " + two + "\nh etc/passwd -> srv/users", found},
		{"a link of the directory", "f 0644 0:0 usr/etc/passwd " + two + "\nl etc -> usr/etc", found},
		{"another file is not asked",
			"f 0644 0:0 srv/passwd " + two + "\nf 0644 0:0 etc/passwd \"root:x:0:0:::\\n\"", `pass app: user "app"`},
		{"a link to nowhere", "l etc/passwd -> /srv/users", `pass app: user "app"`},
		{"what looks like a certificate", `f 0644 0:0 etc/passwd "-----BEGIN \ntoor:x:0:0:::\n"`, found},
		{"more than is looked at in passing", `f 0644 0:0 etc/passwd "toor:x:0:0:::\n" repeat=9000`, found},
		{"too large", `f 0644 0:0 etc/passwd "toor:x:0:0:::\n" repeat=900000`,
			may + "has 12,600,000 bytes, and only 8,388,608 are read"},
	} {
		img := open(t, "user app\nlayer one\n"+c.entries+"\n")
		if got := checked(img, rules.UserNotRoot()); got != c.want {
			t.Errorf("%s: got %s, want %s", c.say, got, c.want)
		}
	}
}

func TestABaseIsTheFirstLayers(t *testing.T) {
	img := open(t, wasteful)
	var ids []string
	for _, l := range img.LayerFacts() {
		ids = append(ids, l.DiffID)
	}
	other := digest.Of(nil)
	for _, c := range []struct {
		ids  []string
		want string
	}{
		{ids[:2], "pass 2: begins with the 2 layers of the base"},
		{ids, "pass 3: begins with the 3 layers of the base"},
		{nil, "pass 0: begins with the 0 layers of the base"},
		{[]string{ids[0], other}, "FAIL 1  1: only the first 1 of the 2 layers of the base"},
		{[]string{ids[1]}, "FAIL 0  0: only the first 0 of the 1 layers of the base"},
		{append(slices.Clone(ids), other), "FAIL 3 : only the first 3 of the 4 layers of the base"},
		{[]string{""}, "FAIL 0  0: only the first 0 of the 1 layers of the base"},
	} {
		if got := checked(img, rules.Base("base", c.ids)); got != c.want {
			t.Errorf("got  %s\nwant %s", got, c.want)
		}
	}
}

func TestEveryRuleHasItsFindingsInOrder(t *testing.T) {
	img := open(t, listed)
	named := func(name string, r rules.Rule) rules.Rule { r.Name = name; return r }
	found, failed := rules.Check(t.Context(), img, []rules.Rule{named("first", rules.MaxLayers(2)),
		named("second", rules.NoWorldWritable(nil)), named("third", rules.MaxLayers(1))}, nil)
	var got []string
	for _, f := range found {
		got = append(got, fmt.Sprintf("%s %v %v", f.Rule, f.Limit, f.Pass))
	}
	want := []string{"first 2 true", "second <nil> false", "second <nil> false", "third 1 false"}
	if failed != 2 || !slices.Equal(got, want) {
		t.Errorf("%d failed: got %q, want %q", failed, got, want)
	}
}

// An image lists its files in any order, and the findings come in path order, few or too many.
func TestFindingsBeyondTheMostAreCounted(t *testing.T) {
	for _, files := range []int{50, rules.Most + 2500} {
		var text strings.Builder
		text.WriteString("layer one\n")
		for i := range files {
			fmt.Fprintf(&text, "f 4755 0:0 f%04d \"\"\n", files-1-i)
		}
		img := open(t, text.String())
		found, failed := rules.Check(t.Context(), img, []rules.Rule{rules.NoSetuid(nil), rules.NoSetgid(nil)}, nil)
		found = found[:len(found)-1] // nothing is setgid
		last := found[len(found)-1]
		if failed != 1 || len(found) != min(files, rules.Most) || last.Value != int64(files) ||
			strings.HasSuffix(last.Message, "(and 2,500 more)") != (files > rules.Most) {
			t.Errorf("%d files: %d failed, %d findings, the last %+v", files, failed, len(found), last)
		}
		for i, f := range found {
			if want := fmt.Sprintf("/f%04d", i); f.Path != want {
				t.Fatalf("%d files: finding %d is about %s, want %s", files, i, f.Path, want)
			}
		}
	}
}
