package report_test

import (
	"crypto/sha256"
	"fmt"
	"net/url"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"layup/fixtures/direct"
)

const timed = `layer one
f 0644 1:2 new "new" mtime=2024-03-01T00:00:00Z
f 4755 0:0 old "older" mtime=2020-01-01T00:00:00Z
f 0600 0:0 key "-----BEGIN RSA PRIVATE KEY-----\nMII\n" mtime=2024-02-29T12:00:00.5Z
f 0600 0:0 live.key "-----BEGIN RSA PRIVATE KEY-----\nMIJ\n" mtime=2024-02-28T12:00:00Z
layer two
w key
`

func TestFindTakesAListOfDigests(t *testing.T) {
	image, list := direct.Image(t, "timed", timed), filepath.Join(t.TempDir(), "list")
	sum := func(s string) string { return fmt.Sprintf("%x", sha256.Sum256([]byte(s))) }
	direct.Put(t, list, []byte("# known\n"+sum("new")+"  known/evil\n"+sum("nowhere")+"\n"))
	direct.Expect(t, "the listed file", direct.Items(t, "path listed sha256", "find", "--sha256-file", list, image),
		"path=/new listed=known/evil sha256="+sum("new"))
	got := direct.Layup(t, "find", "--sha256-file", list, image)
	if lines := direct.Lines(got.Out); len(lines) != 2 || !strings.Contains(lines[0], "SHA256        LISTED AS   PATH") ||
		!strings.Contains(lines[1], sum("new")[:12]+"  known/evil  /new") {
		t.Errorf("got %s", got.Out)
	}
	direct.Put(t, list, []byte("12345\n"))
	want := fmt.Sprintf("layup: find: --sha256-file %q: line 1: \"12345\" is not a SHA-256 digest: want 64 hexadecimal "+
		"digits\n", list)
	if got := direct.Layup(t, "find", "--sha256-file", list, image); got.Err != want || got.Status != 2 || got.Out != "" {
		t.Errorf("exit %d: %swant %s", got.Status, got.Err, want)
	}
	if got := direct.Layup(t, "find", "--sha256-file", "no/such", image); !strings.Contains(got.Err,
		`--sha256-file "no/such": no such file`) || got.Status != 2 {
		t.Errorf("exit %d: %s", got.Status, got.Err)
	}
}

func TestFindSortsAndTakesATime(t *testing.T) {
	image := direct.Image(t, "timed", timed)
	for args, want := range map[string]string{
		"--sort mtime --type f":                             "/new /key /live.key /old",
		"--sort size --type f":                              "/key /live.key /old /new",
		"--sort path --type f":                              "/key /live.key /new /old",
		"--since 2024-02-29T12:00:00.5Z --type f":           "/key /new",
		"--since 2024-02-29T12:00:00.500000001Z --type f":   "/new",
		"--newer 2024-02-29T12:00:00.5Z --type f":           "/new",
		"--since 2024-03-01 --type f":                       "/new",
		"--since 2024-02-28 --sort mtime --hidden --type f": "/key",
		"--sensitive":        "/key /live.key",
		"--sensitive --live": "/live.key",
		"--sensitive --sort mtime --since 2024-02-01 *.key":  "/live.key",
		"--since 9999d --sort layer --type f --uid 1 --live": "/new",
	} {
		got := direct.Layup(t, append([]string{"find", "-f", "{{.path}}", "-q", image},
			strings.Fields(args)...)...)
		if paths := strings.Join(strings.Fields(got.Out), " "); paths != want {
			t.Errorf("find %s: got %s, want %s", args, paths, want)
		}
	}
}

func TestOfSeveralImagesOneMatchIsEnough(t *testing.T) {
	one, other := direct.Image(t, "timed", timed), direct.Pack(t, "myfile")
	got := direct.Layup(t, "find", "--name", "old", one, other)
	if got.Status != 0 || got.Err != "" || !strings.Contains(got.Out, "/old") {
		t.Errorf("one matches: exit %d: %s%s", got.Status, got.Out, got.Err)
	}
	got = direct.Layup(t, "find", "--name", "nowhere", one, other)
	if got.Status != 1 || got.Err != "layup: nothing matches nowhere in any of 2 images\n" || got.Out != "" {
		t.Errorf("none matches: exit %d: %s%s", got.Status, got.Out, got.Err)
	}
	got = direct.Layup(t, "find", "--name", "old", one, "no-such.tar")
	if got.Status != 2 || got.Out != "" {
		t.Errorf("one is not there: exit %d: %s%s", got.Status, got.Out, got.Err)
	}
	several := direct.Pack(t, "myfile", "links")
	got = direct.Layup(t, "find", "--all", several, "MYFILE")
	if got.Status != 0 || got.Err != "" {
		t.Errorf("--all: exit %d: %s", got.Status, got.Err)
	}
	got = direct.Layup(t, "hidden", "--name", "key", one, other)
	if got.Status != 0 || got.Err != "" {
		t.Errorf("hidden: exit %d: %s", got.Status, got.Err)
	}
}

func TestHiddenSaysHowManyVisibleFilesAreSensitive(t *testing.T) {
	image := direct.Image(t, "timed", timed)
	for args, want := range map[string]string{
		"--sensitive": "1 hidden, 36B; 1 visible file also matches: layup find --sensitive lists both, " +
			"layup secrets its keys\n",
		"--sensitive --name key": "1 hidden, 36B; no visible file matches\n",
		"--sensitive --name live.key": "nothing hidden matches; hidden are 36 bytes; 1 visible file also matches: " +
			"layup find --sensitive lists both, layup secrets its keys\n",
		"--name key": "1 hidden, 36B\n",
	} {
		got := direct.Layup(t, append([]string{"hidden", image}, strings.Fields(args)...)...)
		if !strings.HasSuffix(got.Out, want) {
			t.Errorf("hidden %s: got %swant %s", args, got.Out, want)
		}
	}
	if got := direct.Layup(t, "hidden", "--sensitive", "-f", "json", image); !strings.Contains(got.Out, `"live":1}`) {
		t.Errorf("got %s", got.Out)
	}
}

// A body file is read back: one row a line, eleven cells, and the exact bytes of every path.
func TestABodyFileIsReadBack(t *testing.T) {
	hostile := `layer one
f 0644 0:0 "a|b" "x"
f 0644 0:0 "a\nb|0|/fake (layer 0)|0|r/rrw-r--r--|0|0|0|0|0|0|0" "x"
f 0644 0:0 "100%25" "x"
f 0644 0:0 "passwd (layer 3, deleted by 5)" "x"
f 0644 0:0 "latin-\xe9\u202e\u2028\x1b" "x"
l "link -> a" -> "b | (c"
`
	for _, image := range []string{direct.Pack(t, "ugly"), direct.Image(t, "hostile", hostile),
		direct.Image(t, "timed", timed)} {
		var want []string
		raw := direct.Layup(t, "find", "-0", image)
		for path := range strings.SplitSeq(strings.TrimSuffix(raw.Out, "\x00"), "\x00") {
			want = append(want, path)
		}
		got := direct.Layup(t, "find", "-f", "bodyfile", image)
		var paths []string
		for _, line := range direct.Lines(got.Out) {
			cells := strings.Split(line, "|")
			if len(cells) != 11 {
				t.Fatalf("%d cells: %q", len(cells), line)
			}
			name, fate, found := strings.Cut(cells[1], " (layer ")
			name, _, _ = strings.Cut(name, " -> ")
			path, err := url.PathUnescape(name)
			if err != nil || !found || !strings.HasSuffix(fate, ")") || cells[0] != "0" {
				t.Errorf("%v: %q", err, line)
			}
			if len(paths) == 0 || paths[len(paths)-1] != path {
				paths = append(paths, path)
			}
		}
		if !slices.Equal(paths, want) {
			t.Errorf("%s: got %q, want %q", image, paths, want)
		}
	}
	got := direct.Layup(t, "find", "-f", "bodyfile", "--type", "f", direct.Image(t, "timed", timed))
	direct.Expect(t, "rows", direct.Lines(got.Out),
		"0|/key (layer 0, deleted by 1)|0|r/rrw-------|0|0|36|0|1709208000|0|0",
		"0|/live.key (layer 0)|0|r/rrw-------|0|0|36|0|1709121600|0|0",
		"0|/new (layer 0)|0|r/rrw-r--r--|1|2|3|0|1709251200|0|0",
		"0|/old (layer 0)|0|r/rrwsr-xr-x|0|0|5|0|1577836800|0|0")
	if got := direct.Layup(t, "ls", "-f", "bodyfile", "x"); !strings.Contains(got.Err, "unknown --format") {
		t.Errorf("ls: %s", got.Err)
	}
}

func TestTablesSayShortlyThatAnotherTypeHides(t *testing.T) {
	image := direct.Image(t, "typed", "layer one\nf 0644 0:0 big \"1\"\nlayer two\nd 0755 0:0 big\n")
	got := direct.Layup(t, "find", "--hidden", image)
	if want := "overwritten by 1 (other type)"; !strings.Contains(got.Out, want) {
		t.Errorf("want %q in\n%s%s", want, got.Out, got.Err)
	}
	direct.Expect(t, "the whole word", direct.Items(t, "path how", "find", "--hidden", image),
		"path=/big how=replaced-by-other-type")
}
