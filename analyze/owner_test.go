package analyze_test

import (
	"errors"
	"fmt"
	"strings"
	"testing"

	"layup/analyze"
	"layup/fixtures"
	"layup/tarfs"
)

const links = `
layer one
d 0755 0:0 usr
f 0755 0:0 usr/bin/sh "sh"
l bin -> usr/bin
f 0644 0:0 etc/passwd "root"
l etc/link -> ../etc/passwd
l etc/up -> ../../../../etc/passwd
l etc/abs -> /etc/link
l etc/dead -> /nowhere/x
l loop -> loop
layer two
w etc/passwd
f 0644 0:0 etc/shadow "x"
layer three
f 0644 0:0 etc/passwd "new"
h etc/alias -> usr/bin/sh
w bin
layer four
w etc/shadow
`

func TestOwnerFollowsSymlinks(t *testing.T) {
	img := load(t, links)
	for _, test := range []struct {
		asked  string
		follow bool
		upto   int
		want   string // asked => path layer contentLayer, or the error
	}{
		{"/etc/passwd", true, analyze.Last, "/etc/passwd => /etc/passwd 2 2"},
		{"etc/passwd/", true, analyze.Last, "/etc/passwd => /etc/passwd 2 2"},
		{"etc//./passwd", true, analyze.Last, "/etc/passwd => /etc/passwd 2 2"},
		{"/etc/link", true, analyze.Last, "/etc/link => /etc/passwd 2 2"},
		{"/etc/link", false, analyze.Last, "/etc/link => /etc/link 0 0"},
		{"/etc/abs", true, 0, "/etc/abs => /etc/passwd 0 0"},
		{"/etc/up", true, 0, "/etc/up => /etc/passwd 0 0"},
		{"/bin/sh", true, 1, "/bin/sh => /usr/bin/sh 0 0"},
		{"/bin/sh", false, 1, "/bin/sh => /usr/bin/sh 0 0"},
		{"/bin/../lib", true, 1, `"/bin/../lib": no such path in the image`},
		{"/bin/../bin/sh", true, 1, "/bin/../bin/sh => /usr/bin/sh 0 0"},
		{"/../etc/passwd", true, 0, "/../etc/passwd => /etc/passwd 0 0"},
		{"/etc/alias", true, analyze.Last, "/etc/alias => /etc/alias 2 0"},
		{"/", true, analyze.Last, "/ => / -1 -1"},
		{"", true, analyze.Last, "/ => / -1 -1"},
		{"/etc/passwd", true, 1, `"/etc/passwd": deleted by layer 1 (whiteout)`},
		{"/etc/link", true, 1, `"/etc/link": deleted by layer 1 (whiteout)`},
		{"/etc/shadow", true, 0, `"/etc/shadow": not there yet: layer 1 adds it`},
		{"/etc/shadow", true, analyze.Last, `"/etc/shadow": deleted by layer 3 (whiteout)`},
		{"/etc/dead", true, analyze.Last, `"/etc/dead": no such path in the image`},
		{"/etc/dead", false, analyze.Last, "/etc/dead => /etc/dead 0 0"},
		{"/etc/passwd/x", true, analyze.Last, `"/etc/passwd/x": no such path in the image`},
		{"/loop", true, analyze.Last, `"/loop": symlink loop: more than 40 links`},
		{"/loop/x", false, analyze.Last, `"/loop/x": symlink loop: more than 40 links`},
	} {
		o, err := img.Owner(test.asked, test.follow, test.upto)
		got := ""
		if err != nil {
			got = err.Error()
		} else {
			got = fmt.Sprint(o.Asked, " => ", o.Version.Node().Path(), " ", o.Version.Layer(), " ", o.Version.ContentLayer())
		}
		if got != test.want {
			t.Errorf("%q, follow %t, up to %d: got %s, want %s", test.asked, test.follow, test.upto, got, test.want)
		}
	}
}

func TestWhatIsNotThereNamesWhatMayBeMeant(t *testing.T) {
	img := load(t, `
layer one
f 0644 0:0 etc/nginx/nginx.conf "x"
f 0644 0:0 etc/logrotate.d/nginx.conf "x"
f 0644 0:0 etc/MYFILE "x"
f 0644 0:0 a/myfile "x"
l bin/passwd -> busybox
f 0644 0:0 etc/passwd "x"
f 0644 0:0 etc/pam.d/passwd "x"
f 0644 0:0 etc/gone.conf "x"
f 0644 0:0 "long/`+strings.Repeat("n", 200)+`" "x"
layer two
w etc/gone.conf
`)
	for asked, want := range map[string]string{
		"/etc/nginx/ngnix.conf":              "/etc/nginx/nginx.conf", // two bytes differ
		"/ect/nginx/nginx.conf":              "/etc/nginx/nginx.conf", // of two the one with more of the directories
		"/etc/myfile":                        "/etc/MYFILE",           // not the first of that name
		"/b/MYFILE":                          "/etc/MYFILE",
		"/etc/gone.cnf":                      "", // a deleted file is not a suggestion
		"/etc/xy":                            "",
		"/e":                                 "", // all of so short a name would differ
		"/long/x" + strings.Repeat("n", 199): "/long/" + strings.Repeat("n", 200),
		"/long/" + strings.Repeat("n", 100):  "",
		"/long/" + strings.Repeat("n", 199) + "xx": "/long/" + strings.Repeat("n", 200),
		"/long/xxxx" + strings.Repeat("n", 196):    "",
		"/etc/pasword":                             "/etc/passwd",
		"/passwd":                                  "/etc/passwd", // a file, and not so deep
	} {
		_, err := img.Owner(asked, true, analyze.Last)
		e, ok := errors.AsType[*analyze.NotFoundError](err)
		if !ok || e.Similar != want || e.DeletedBy != tarfs.NoLayer {
			t.Errorf("%s: got %q, %v, want %q", asked, e.Similar, err, want)
		}
	}
}

// logOf returns "layer change path mode" for each change.
func logOf(img *analyze.Image, path string) string {
	var list []string
	for _, c := range img.Log(path) {
		list = append(list, fmt.Sprintf("%d %s %s %o", c.Layer, c.Kind, c.Version.Node().Path(), c.Version.Meta().Mode))
	}
	return strings.Join(list, ", ")
}

func TestLogSaysWhatEachLayerDid(t *testing.T) {
	for _, test := range []struct{ say, image, path, want string }{
		{"written, written again, deleted, and back", `
layer one
f 0644 0:0 a "1"
layer two
f 0600 0:0 a "1"
layer three
w a
layer four
f 0644 0:0 a "1"
`, "/a", "0 add /a 644, 1 modify /a 600, 2 delete /a 600, 3 add /a 644"},
		{"layers that say nothing of it are left out",
			"layer one\nf 0644 0:0 a \"1\"\nlayer two\nf 0644 0:0 b \"1\"\n", "a", "0 add /a 644"},
		{"a directory listed again",
			"layer one\nd 0755 0:0 d\nlayer two\nd 0700 0:0 d\n", "d", "0 add /d 755, 1 metadata /d 700"},
		{"a directory implied and listed",
			"layer one\nf 0644 0:0 d/a \"1\"\nlayer two\nd 0700 0:0 d\n", "d", "0 add /d 755, 1 metadata /d 700"},
		{"a directory that becomes a file",
			"layer one\nd 0755 0:0 d\nlayer two\nf 0644 0:0 d \"1\"\n", "d", "0 add /d 755, 1 replace /d 644"},
		{"what lay in it",
			"layer one\nf 0600 0:0 d/a \"1\"\nlayer two\nf 0644 0:0 d \"1\"\n", "d/a", "0 add /d/a 600, 1 delete /d/a 600"},
		{"a file that becomes a directory and is listed again",
			"layer one\nf 0644 0:0 d \"1\"\nlayer two\nd 0755 0:0 d\nlayer three\nd 0700 0:0 d\n", "d",
			"0 add /d 644, 1 replace /d 755, 2 metadata /d 700"},
		{"an opaque marker above",
			"layer one\nf 0600 0:0 d/a \"1\"\nlayer two\no d\nlayer three\nf 0644 0:0 d/a \"1\"\n", "d/a",
			"0 add /d/a 600, 1 opaque /d/a 600, 2 add /d/a 644"},
		{"an opaque marker and the file in one layer",
			"layer one\nf 0600 0:0 d/a \"1\"\nlayer two\no d\nf 0644 0:0 d/a \"1\"\n", "d/a",
			"0 add /d/a 600, 1 opaque /d/a 600, 1 add /d/a 644"},
		{"a deleted directory above",
			"layer one\nf 0600 0:0 d/a \"1\"\nlayer two\nw d\n", "d/a", "0 add /d/a 600, 1 delete /d/a 600"},
		{"a symlink written again", "layer one\nl a -> b\nlayer two\nl a -> c\n", "a", "0 add /a 777, 1 modify /a 777"},
		{"a hard link over a file",
			"layer one\nf 0644 0:0 a \"1\"\nlayer two\nf 0600 0:0 b \"2\"\nh a -> b\n", "a", "0 add /a 644, 1 modify /a 644"},
		{"the root",
			"layer one\nf 0644 0:0 a \"1\"\n" +
				"layer two\nd 0700 0:0 .\nlayer three\nd 0711 0:0 .\n", "/", "1 metadata / 700, 2 metadata / 711"},
		{"a root that nobody lists", "layer one\nf 0644 0:0 a \"1\"\n", "/", ""},
		{"a directory that is a symlink",
			"layer one\nl bin -> usr/bin\nf 0644 0:0 usr/bin/sh \"1\"\n", "/bin/sh", "0 add /usr/bin/sh 644"},
		{"a symlink at the end", "layer one\nl sh -> bash\nf 0644 0:0 bash \"1\"\n", "sh", "0 add /sh 777"},
		{"a directory that was a symlink once",
			"layer one\nl bin -> usr/bin\nf 0644 0:0 usr/bin/sh \"1\"\n" +
				"layer two\nw bin\nlayer three\nf 0600 0:0 usr/bin/sh \"2\"\n", "/bin/sh",
			"0 add /usr/bin/sh 644, 2 modify /usr/bin/sh 600"},
		{"what never was", "layer one\nf 0644 0:0 a \"1\"\n", "/b", ""},
		{"what never was, through a loop", "layer one\nl a -> a\n", "/a/b", ""},
	} {
		if got := logOf(load(t, test.image), test.path); got != test.want {
			t.Errorf("%s:\ngot  %s\nwant %s", test.say, got, test.want)
		}
	}
}

func TestLogComparesContent(t *testing.T) {
	src, err := fixtures.Parse("test", "tag test:1\nlayer one\nf 0644 0:0 a \"1\"\nlayer two\nf 0600 0:0 a \"1\"\n"+
		"layer three\nf 0600 0:0 a \"2\"\nlayer four\nl a -> b\nlayer five\nl a -> b\n")
	if err != nil {
		t.Fatal(err)
	}
	file, err := fixtures.Packing{Format: fixtures.Docker25}.Pack(src)
	if err != nil {
		t.Fatal(err)
	}
	name := write(t, file)
	for _, digests := range []bool{true, false} {
		opt := analyze.Default()
		opt.Digests = digests
		var got []string
		for _, c := range open(t, name, opt).Log("a") {
			same := "unknown"
			if c.Same != nil {
				same = fmt.Sprint(*c.Same)
			}
			got = append(got, c.Kind+" "+same)
		}
		want := "add unknown, modify true, modify false, replace unknown, modify unknown"
		if !digests {
			want = "add unknown, modify unknown, modify unknown, replace unknown, modify unknown"
		}
		if s := strings.Join(got, ", "); s != want {
			t.Errorf("digests %t: got %s, want %s", digests, s, want)
		}
	}
}
