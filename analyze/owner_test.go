package analyze_test

import (
	"errors"
	"fmt"
	"strings"
	"testing"

	"layup/analyze"
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
