package filter_test

import (
	"crypto/sha256"
	"errors"
	"fmt"
	"strings"
	"testing"
	"time"

	"layup/analyze"
	"layup/analyze/filter"
	"layup/analyze/source/advice"
	"layup/fixtures/harness"
	"layup/tarfs"
)

const searched = `layer one
f 0600 0:0 key "-----BEGIN RSA PRIVATE KEY-----\nMII\n"
f 0644 5:6 conf "one"
f 4755 0:0 su "1234567890"
d 1777 0:0 tmp
l ln -> conf
layer two
f 0640 7:8 conf "two!" mtime=2024-02-29T12:00:00.5Z
f 0644 0:0 dir/implied ""
w key
`

// open opens an image for every filter.
func open(t *testing.T, text string) *analyze.Image {
	opt := analyze.Default()
	opt.Digests, opt.Secrets = true, true
	return harness.Open(t, text, opt)
}

func TestFiltersKeepWhatTheyName(t *testing.T) {
	img := open(t, searched)
	one := fmt.Sprintf("%x", sha256.Sum256([]byte("one")))
	digest := func(prefix string) filter.Test {
		test, err := filter.Digest(prefix)
		if err != nil {
			t.Fatal(err)
		}
		return test
	}
	paths, err := filter.Globs("ln", "su")
	if err != nil {
		t.Fatal(err)
	}
	half := time.Date(2024, 2, 29, 12, 0, 0, 500_000_000, time.UTC)
	for _, c := range []struct {
		say  string
		test filter.Test
		want string // path and layer of what is kept
	}{
		{"no test keeps all", filter.All(), "/conf 0, /conf 1, /dir 1, /dir/implied 1, /key 0, /ln 0, /su 0, /tmp 0"},
		{"all tests must keep", filter.All(filter.Hidden, filter.Layer(0), filter.Sensitive), "/key 0"},
		{"one test of two", filter.All(filter.Live, filter.Hidden), ""},
		{"any pattern", filter.Match(paths), "/ln 0, /su 0"},
		{"live", filter.Live, "/conf 1, /dir 1, /dir/implied 1, /ln 0, /su 0, /tmp 0"},
		{"hidden", filter.Hidden, "/conf 0, /key 0"},
		{"sensitive", filter.Sensitive, "/key 0"},
		{"a layer", filter.Layer(1), "/conf 1, /dir 1, /dir/implied 1"},
		{"types", filter.Types(tarfs.Dir, tarfs.Symlink), "/dir 1, /ln 0, /tmp 0"},
		{"a size", filter.Size(filter.Bound{N: 4}), "/conf 1"},
		{"more than a size", filter.Size(filter.Bound{Sign: '+', N: 9}), "/key 0, /su 0"},
		{"less than a size", filter.Size(filter.Bound{Sign: '-', N: 4}), "/conf 0, /dir/implied 1"},
		{"a user", filter.UID(filter.Bound{N: 7}), "/conf 1"},
		{"users above", filter.UID(filter.Bound{Sign: '+', N: 5}), "/conf 1"},
		{"a group", filter.GID(filter.Bound{N: 6}), "/conf 0"},
		{"groups below", filter.All(filter.GID(filter.Bound{Sign: '-', N: 7}), filter.UID(filter.Bound{Sign: '+', N: 0})),
			"/conf 0"},
		{"a mode", filter.Mode(0, 0o640), "/conf 1"},
		{"the mode of a symlink", filter.Mode(0, 0o777), "/ln 0"},
		{"all bits", filter.Mode('-', 0o4700), "/su 0"},
		{"any bit", filter.Mode('/', 0o5000), "/su 0, /tmp 0"},
		{"any of no bits keeps all", filter.All(filter.Mode('/', 0), filter.Layer(1)), "/conf 1, /dir 1, /dir/implied 1"},
		{"newer than its own time", filter.Newer(half), ""},
		{"newer by less than a second", filter.Newer(half.Add(-time.Nanosecond)), "/conf 1"},
		{"newer than all times, and without a time", filter.All(filter.Newer(time.Unix(0, 0)), filter.Types(tarfs.Dir)),
			"/tmp 0"},
		{"a digest", digest("sha256:" + strings.ToUpper(one)), "/conf 0"},
		{"the beginning of a digest", digest(one[:8]), "/conf 0"},
		{"a digest of no file", digest("00000000"), ""},
	} {
		var got []string
		for h := range img.Find(false, c.test) {
			if v := h.Version; !v.Node().IsRoot() {
				got = append(got, fmt.Sprintf("%s %d", v.Node().Path(), v.Layer()))
			}
		}
		if list := strings.Join(got, ", "); list != c.want {
			t.Errorf("%s: got %s, want %s", c.say, list, c.want)
		}
	}
}

func TestDigestsHaveEightToSixtyFourDigits(t *testing.T) {
	for _, bad := range []string{"", "1234567", "sha256:1234567", strings.Repeat("0", 65), "0123456x", "sha512:01234567"} {
		if _, err := filter.Digest(bad); err == nil {
			t.Errorf("%q is a digest", bad)
		}
	}
}

const named = `layer one
d 0755 0:0 etc
f 0644 0:0 etc/Passwd ""
f 0644 0:0 etc/a[b] ""
f 0644 0:0 "etc/caf\xe9" ""
f 0644 0:0 "etc/caf\xe8" ""
f 0644 0:0 bin/[ ""
f 0644 0:0 usr/lib/etc/x ""
`

func TestPatternsMatchNamesOrWholePaths(t *testing.T) {
	img := open(t, named)
	glob := func(pattern string) (filter.Pattern, error) { return filter.Glob(pattern, false) }
	fold := func(pattern string) (filter.Pattern, error) { return filter.Glob(pattern, true) }
	re := func(pattern string) (filter.Pattern, error) { return filter.Regexp(pattern, false) }
	for _, c := range []struct {
		say     string
		read    func(string) (filter.Pattern, error)
		pattern string
		want    string
	}{
		{"a base name", glob, "etc", "/etc, /usr/lib/etc"},
		{"a path", glob, "/etc", "/etc"},
		{"a path without its first slash", glob, "usr/lib", "/usr/lib"},
		{"a path after a dot", glob, "./etc", "/etc"},
		{"a path that ends in slashes", glob, "etc//", "/etc"},
		{"the root", glob, "/", "/"},
		{"one level", glob, "/*/etc", ""},
		{"any level", glob, "/**/etc", "/etc, /usr/lib/etc"},
		{"a case that differs", glob, "passwd", ""},
		{"a case that is ignored", fold, "PASS*", "/etc/Passwd"},
		{"a choice", glob, "{Passwd,x}", "/etc/Passwd, /usr/lib/etc/x"},
		{"a bracket that nothing closes", glob, "[", "/bin/["},
		{"a bracket in a path", glob, "/bin/[", "/bin/["},
		{"brackets that mean themselves", glob, `a\[b\]`, "/etc/a[b]"},
		{"a byte that is not UTF-8", glob, "caf\xe9", "/etc/caf\xe9"},
		{"a byte that is not UTF-8, in any case", fold, "CAF\xe9", "/etc/caf\xe9"},
		{"any byte that is not UTF-8", glob, "caf?", "/etc/caf\xe8, /etc/caf\xe9"},
		{"an expression in a path", re, "b/e", "/usr/lib/etc, /usr/lib/etc/x"},
		{"an expression at the beginning of a name", re, "^P", "/etc/Passwd"},
		{"an expression at the beginning of a path", re, "^/u.r$", "/usr"},
		{"an expression in its case", re, "passwd", ""},
	} {
		pattern, err := c.read(c.pattern)
		if err != nil {
			t.Errorf("%s: %v", c.say, err)
			continue
		}
		var got []string
		for v := range img.Top().Walk(img.Tree().Root(), -1) {
			if pattern(v.Node()) {
				got = append(got, v.Node().Path())
			}
		}
		if list := strings.Join(got, ", "); list != c.want {
			t.Errorf("%s: %q matches %q, want %q", c.say, c.pattern, list, c.want)
		}
	}
	if p, err := filter.Regexp("PASSWD", true); err != nil || !p(node(t, img, "/etc/Passwd")) {
		t.Errorf("an expression in any case does not match: %v", err)
	}
}

func node(t *testing.T, img *analyze.Image, path string) tarfs.Node {
	t.Helper()
	n, ok := img.Tree().Lookup(path)
	if !ok {
		t.Fatalf("%s is not there", path)
	}
	return n
}

func TestBadPatternsAreErrorsWithAHint(t *testing.T) {
	for _, bad := range []string{"[a]b[", "{a", "a]{", `\`} {
		_, err := filter.Glob(bad, false)
		hinted, ok := errors.AsType[*advice.Hinted](err)
		if bad == "{a" { // nothing closes it, so it means itself
			if err != nil {
				t.Errorf("%q: %v", bad, err)
			}
			continue
		}
		if !ok || !strings.Contains(hinted.Hint, "backslash") || !strings.Contains(err.Error(), "not a pattern") {
			t.Errorf("%q: got %v", bad, err)
		}
	}
	if _, err := filter.Globs("good", "[a]b["); err == nil {
		t.Error("one bad pattern of several is accepted")
	}
	if _, err := filter.Regexp("(", false); err == nil || !strings.Contains(err.Error(), `"(": not a regular expression`) {
		t.Errorf("got %v", err)
	}
}

func TestGlobsAreKnownByTheirCharacters(t *testing.T) {
	for path, want := range map[string]bool{"/etc/passwd": false, "*": true, "a?": true, "[a]": true, "{a,b}": true,
		`a\b`: true, "": false, "a]}": false} {
		if got := filter.IsGlob(path); got != want {
			t.Errorf("%q: %v, want %v", path, got, want)
		}
	}
}
