package filter_test

import (
	"crypto/sha256"
	"fmt"
	"strings"
	"testing"
	"time"

	"layup/analyze"
	"layup/analyze/filter"
)

func TestListsOfDigestsAreReadAsSha256sumWritesThem(t *testing.T) {
	img := open(t, searched)
	sum := func(s string) string { return fmt.Sprintf("%x", sha256.Sum256([]byte(s))) }
	one, two := sum("one"), sum("two!")
	for _, c := range []struct{ say, list, want string }{
		{"digits alone", one + "\n", "/conf 0 "},
		{"with the algorithm", "sha256:" + one, "/conf 0 "},
		{"upper case, and an end of line of Windows", strings.ToUpper(one) + "\r\n\r\n", "/conf 0 "},
		{"as sha256sum writes", one + "  etc/evil.conf\n" + two + " *b in\n", "/conf 0 etc/evil.conf, /conf 1 b in"},
		{"a name that sha256sum escapes", `\` + one + `  a\nb\\c`, "/conf 0 a\nb\\c"},
		{"as sha256sum --tag writes", "SHA256 (a (b) = c) = " + two + "\n", "/conf 1 a (b) = c"},
		{"comments, and a mark of byte order", "\ufeff# known\n\n  # more\n\t" + one + " \n", "/conf 0 "},
		{"a digest of no file", strings.Repeat("0", 64), ""},
		{"twice", one + "\n" + one + " again\n" + one + " once more", "/conf 0 again"},
	} {
		list, err := filter.ReadList(strings.NewReader(c.list))
		if err != nil {
			t.Errorf("%s: %v", c.say, err)
			continue
		}
		var got []string
		for h := range img.Find(false, list.Test) {
			got = append(got, fmt.Sprintf("%s %d %s", h.Version.Node().Path(), h.Version.Layer(), list.Name(h.Version)))
		}
		if text := strings.Join(got, ", "); text != c.want {
			t.Errorf("%s: got %q, want %q", c.say, text, c.want)
		}
	}
}

func TestABadLineOfAListIsNamed(t *testing.T) {
	good := strings.Repeat("a", 64)
	const not = " is not a SHA-256 digest: want 64 hexadecimal digits"
	for _, c := range []struct{ list, want string }{
		{good + "\nxyz\n", `line 2: "xyz"` + not},
		{"\n\n" + good[1:], `line 3: "` + good[1:] + `"` + not},
		{good + "a", `line 1: "` + good + `a"` + not},
		{"sha512:" + good, `line 1: "sha512:` + good + `"` + not},
		{"MD5 (x) = " + good[:32], `line 1: "MD5"` + not},
		{good + "\n" + strings.Repeat("b", 1<<17), "line 2: is longer than 64 KiB"},
		{"# nothing\n", "holds no digest: nothing could match"},
		{"", "holds no digest: nothing could match"},
	} {
		if _, err := filter.ReadList(strings.NewReader(c.list)); err == nil || err.Error() != c.want {
			t.Errorf("%.40q: got %v, want %s", c.list, err, c.want)
		}
	}
}

// A list is a set: a hundred thousand digests cost one lookup for each file.
func TestALongListIsFast(t *testing.T) {
	var text strings.Builder
	for i := range 100_000 {
		fmt.Fprintf(&text, "%x  name %d\n", sha256.Sum256(fmt.Appendf(nil, "%d", i)), i)
	}
	began := time.Now()
	list, err := filter.ReadList(strings.NewReader(text.String()))
	if err != nil {
		t.Fatal(err)
	}
	img := open(t, "layer one\nf 0644 0:0 a \"99999\"\nf 0644 0:0 b \"-1\"\n")
	for range 10_000 {
		n := 0
		for h := range img.Find(false, func(h analyze.Hit) bool { return list.Test(h) }) {
			if n++; list.Name(h.Version) != "name 99999" {
				t.Fatalf("got %q", list.Name(h.Version))
			}
		}
		if n != 1 {
			t.Fatalf("%d found", n)
		}
	}
	if took := time.Since(began); took > 5*time.Second {
		t.Errorf("took %v", took)
	}
}
