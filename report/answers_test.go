package report_test

import (
	"slices"
	"strings"
	"testing"

	"layup/analyze/show"
	"layup/fixtures/direct"
)

func TestFindTellsTheStoryOfAName(t *testing.T) {
	image := direct.Pack(t, "myfile")
	direct.Expect(t, "find", direct.Items(t, "path layer status hiddenBy how", "find", image, "MYFILE"),
		"path=/etc/MYFILE layer=1 status=overwritten hiddenBy=2 how=replaced",
		"path=/etc/MYFILE layer=2 status=overwritten hiddenBy=3 how=replaced",
		"path=/etc/MYFILE layer=3 status=deleted hiddenBy=4 how=whiteout",
		"path=/etc/MYFILE layer=6 status=live",
		"path=/usr/share/MYFILE layer=5 status=live")
	direct.Expect(t, "log", direct.Items(t, "path layer change contentSame mode", "log", image, "/etc/MYFILE",
		"--digests"),
		"path=/etc/MYFILE layer=1 change=add mode=0644", "path=/etc/MYFILE layer=2 change=modify contentSame=false mode=0644",
		"path=/etc/MYFILE layer=3 change=modify contentSame=true mode=0600", "path=/etc/MYFILE layer=4 change=delete",
		"path=/etc/MYFILE layer=6 change=add mode=0644")
	direct.Expect(t, "owner", direct.Items(t, "path layer createdBy instruction", "owner", image, "etc/MYFILE"),
		"path=/etc/MYFILE layer=6 createdBy=COPY MYFILE /etc/ # buildkit instruction=COPY MYFILE /etc/")
	direct.Expect(t, "hidden", direct.Items(t, "path layer hiddenBy size", "hidden", image),
		"path=/tmp/token layer=2 hiddenBy=4 size=8", "path=/etc/MYFILE layer=1 hiddenBy=2 size=4",
		"path=/etc/MYFILE layer=2 hiddenBy=3 size=4", "path=/etc/MYFILE layer=3 hiddenBy=4 size=4")
	for layer, want := range map[string]string{"1": "one\n", "2": "two\n", "3": "two\n", "6": "four\n"} {
		if got := direct.Layup(t, "cat", image, "/etc/MYFILE", "--layer", layer); got.Out != want || got.Status != 0 {
			t.Errorf("cat --layer %s: exit %d, %q want %q %s", layer, got.Status, got.Out, want, got.Err)
		}
	}
	if got := direct.Layup(t, "cat", image, "--upto", "2", "/etc/MYFILE", "/etc/shop.conf"); got.Out != "two\nport=80\n" ||
		got.Status != 0 {
		t.Errorf("cat --upto 2: exit %d, %q %s", got.Status, got.Out, got.Err)
	}
}

func TestFindNarrows(t *testing.T) {
	my, links, ugly := direct.Pack(t, "myfile"), direct.Pack(t, "links"), direct.Pack(t, "ugly")
	for _, c := range []struct {
		say, image string
		args       []string
		want       []string
	}{
		{"base names", my, []string{"my*"}, nil},
		{"base names in any case", my, []string{"my*", "-i", "--live"}, []string{"/etc/MYFILE", "/usr/share/MYFILE"}},
		{"whole paths", my, []string{"/etc/*", "--live"}, []string{"/etc/MYFILE", "/etc/passwd", "/etc/shop.conf"}},
		{"whole paths without the slash", my, []string{"etc/p*"}, []string{"/etc/passwd"}},
		{"any directory", my, []string{"**/share/**", "--type", "f"}, []string{"/usr/share/MYFILE"}},
		{"the root by any directory", my, []string{"**/etc", "--live"}, []string{"/etc"}},
		{"a directory written with a slash", my, []string{"tmp/", "--live"}, []string{"/tmp"}},
		{"several patterns", my, []string{"passwd", "token"}, []string{"/etc/passwd", "/tmp/token"}},
		{"what is hidden", my, []string{"--hidden", "token"}, []string{"/tmp/token"}},
		{"what one layer wrote", my, []string{"--layer", "1", "--type", "file"}, []string{"/etc/MYFILE", "/etc/shop.conf",
			"/usr/bin/shop"}},
		{"more than", my, []string{"--size", "+1KiB"}, []string{"/bin/sh", "/usr/bin/shop"}},
		{"more than so many kB", my, []string{"--size", "+1kB"}, []string{"/bin/sh", "/usr/bin/shop"}},
		{"less than", my, []string{"-size", "-5", "--live"}, nil},
		{"exactly", my, []string{"-size", "30c"}, []string{"/etc/passwd"}},
		{"exact mode", my, []string{"-perm", "0600"}, []string{"/etc/MYFILE", "/tmp/token"}},
		{"all of these bits", links, []string{"-perm", "-4000"}, []string{"/usr/bin/su"}},
		{"any of these bits", links, []string{"-perm", "/u+s,g+s"}, []string{"/usr/bin/su"}},
		{"uid", my, []string{"--uid", "33"}, []string{"/usr/share/MYFILE"}},
		{"gid below and uid above", links, []string{"--gid", "-9", "--uid", "+6"}, []string{"/etc/second"}},
		{"newer", links, []string{"--newer", "2024-02-01"}, []string{"/etc/second"}},
		{"newer than itself", links, []string{"--newer", "2024-02-29T12:00:00.5Z"}, nil},
		{"newer by a fraction", links, []string{"--newer", "2024-02-29T12:00:00.4Z"}, []string{"/etc/second"}},
		{"newer than a thousand weeks ago", links, []string{"--newer", "1000w", "--type", "b"}, []string{"/dev/sda"}},
		{"types", links, []string{"--type", "c,b,fifo"}, []string{"/dev/null", "/dev/pipe", "/dev/sda"}},
		{"content", my, []string{"--sha256", "AB929FCD5594"}, []string{"/etc/MYFILE"}},
		{"content that is nowhere", my, []string{"--sha256", strings.Repeat("0", 64)}, nil},
		{"an expression in the path", my, []string{"--regex", "etc.*file", "-i", "--live"}, []string{"/etc/MYFILE"}},
		{"an expression anchored in the base name", my, []string{"--regex", "^MY", "--live"}, []string{"/etc/MYFILE",
			"/usr/share/MYFILE"}},
		{"an expression anchored in the path", my, []string{"--regex", "^/usr/[^/]*$", "--live"}, []string{"/usr/bin",
			"/usr/share"}},
		{"bytes that are not UTF-8", ugly, []string{"latin-\xe9", "--live"}, []string{"/srv/latin-\ufffd"}},
		{"a byte that is another", ugly, []string{"latin-\xe8"}, nil},
		{"a replacement character for a byte", ugly, []string{"latin-\ufffd"}, nil},
		{"any byte", ugly, []string{"LATIN-?", "-i", "--live"}, []string{"/srv/latin-\ufffd"}},
		{"a class", ugly, []string{"[=+@]?*", "--live"}, []string{"/srv/+1", "/srv/=cmd|'calc'!A0",
			"/srv/@SUM(1)"}},
		{"a bracket that nothing closes", ugly, []string{"["}, nil},
	} {
		t.Run(c.say, func(t *testing.T) {
			var got []string
			for _, p := range direct.Items(t, "path", append([]string{"find", c.image}, c.args...)...) {
				if p = strings.TrimPrefix(p, "path="); !slices.Contains(got, p) {
					got = append(got, p)
				}
			}
			direct.Expect(t, strings.Join(c.args, " "), got, c.want...)
			status := 0
			if c.want == nil {
				status = 1
			}
			if got := direct.Layup(t, append([]string{"find", c.image}, c.args...)...); got.Status != status {
				t.Errorf("exit %d want %d: %s", got.Status, status, got.Err)
			}
		})
	}
}

func TestRawPathsAreExactAndEachOnce(t *testing.T) {
	got := direct.Layup(t, "find", "-q", direct.Pack(t, "ugly"), "-0", "a\n*", "latin-\xe9")
	if want := "/srv/a\nb\tc\rd\x00/srv/latin-\xe9\x00"; got.Out != want {
		t.Errorf("got %q want %q", got.Out, want)
	}
}

func TestListingsListWhatLsLists(t *testing.T) {
	my, links := direct.Pack(t, "myfile"), direct.Pack(t, "links")
	for _, c := range []struct {
		say  string
		args []string
		want string
	}{
		{"the root", []string{my}, "/bin /etc /tmp /usr"},
		{"a directory", []string{my, "/etc"}, "/etc/MYFILE /etc/passwd /etc/shop.conf"},
		{"a file", []string{my, "etc/passwd"}, "/etc/passwd"},
		{"a directory itself", []string{my, "--depth", "0", "/etc/"}, "/etc"},
		{"one level", []string{my, "--depth", "1", "/usr"}, "/usr /usr/bin /usr/share"},
		{"everything below", []string{my, "-R", "/usr"}, "/usr /usr/bin /usr/bin/shop /usr/share /usr/share/MYFILE"},
		{"after a layer", []string{my, "--upto", "2", "/tmp"}, "/tmp/token"},
		{"the largest first", []string{my, "-R", "--sort", "size", "/usr"},
			"/usr/bin/shop /usr/share/MYFILE /usr /usr/bin /usr/share"},
		{"the newest first", []string{links, "--sort", "mtime", "/etc"},
			"/etc/second /etc/above /etc/dangling /etc/formula /etc/ping /etc/pong /etc/relative /etc/self /etc/third"},
		{"the oldest layer first", []string{my, "--sort", "layer", "/etc"}, "/etc/passwd /etc/shop.conf /etc/MYFILE"},
		{"a symlink to a directory", []string{links, "--upto", "0", "/bin"}, "/usr/bin/sh /usr/bin/su"},
		{"a symlink to a file", []string{links, "--upto", "0", "/etc/relative"}, "/etc/relative"},
		{"a symlink to nothing", []string{links, "/etc/dangling"}, "/etc/dangling"},
		{"a symlink to itself", []string{links, "/etc/self"}, "/etc/self"},
		{"a layer's own entries", []string{my, "--layer", "4"}, "/etc /etc/MYFILE /tmp /tmp/token"},
		{"a layer's own entries at a path", []string{my, "--layer", "4", "/tmp"}, "/tmp /tmp/token"},
	} {
		t.Run(c.say, func(t *testing.T) {
			got := direct.Items(t, "path", append([]string{"ls"}, c.args...)...)
			if text := strings.ReplaceAll(strings.Join(got, " "), "path=", ""); text != c.want {
				t.Errorf("ls %v: %s want %s", c.args[1:], text, c.want)
			}
		})
	}
	direct.Expect(t, "what a layer wrote and deleted", direct.Items(t, "path layer status hiddenBy", "ls", my, "--layer",
		"4"),
		"path=/etc layer=4 status=live", "path=/etc/MYFILE layer=3 status=deleted hiddenBy=4",
		"path=/tmp layer=4 status=live", "path=/tmp/token layer=2 status=deleted hiddenBy=4")
	opaque := direct.Pack(t, "opaque")
	direct.Expect(t, "the top-most of what a layer deleted", direct.Items(t, "path layer status hiddenBy how", "ls",
		opaque, "--layer", "1"),
		"path=/app layer=1 status=live", "path=/app/new layer=1 status=live",
		"path=/app/old layer=0 status=deleted hiddenBy=1 how=opaque",
		"path=/app/sub layer=0 status=deleted hiddenBy=1 how=opaque", "path=/cache layer=1 status=live",
		"path=/gone layer=0 status=deleted hiddenBy=1 how=whiteout")
}

func TestItemsHaveTheMembersThatApply(t *testing.T) {
	image := direct.Pack(t, "links")
	for _, c := range []struct{ path, want string }{
		{"/etc/second", `{"path":"/etc/second","type":"file","mode":"0640",` +
			`"uid":7,"gid":8,"size":4,"mtime":"2024-02-29T12:00:00.5Z","layer":2,"metaLayer":2}`},
		{"/bin", `{"path":"/bin","type":"symlink","mode":"0777",` +
			`"uid":0,"gid":0,"mtime":"2024-01-01T00:00:00Z","layer":0,"metaLayer":0,"link":"usr/bin"}`},
		{"/dev/null", `{"path":"/dev/null","type":"char","mode":"0666",` +
			`"uid":0,"gid":0,"mtime":"2024-01-01T00:00:00Z","layer":0,"metaLayer":0,"device":"1:3"}`},
		{"/dev/pipe", `{"path":"/dev/pipe","type":"fifo","mode":"0600",` +
			`"uid":0,"gid":0,"mtime":"2024-01-01T00:00:00Z","layer":0,"metaLayer":0}`},
		{"/", `{"path":"/","type":"dir","mode":"0755","uid":0,"gid":0,"layer":-1,"metaLayer":-1,"implied":true}`},
	} {
		if got := direct.Layup(t, "ls", "--depth", "0", "-f", "jsonl", image, c.path); got.Out != c.want+"\n" {
			t.Errorf("%s\nwant %s %s", got.Out, c.want, got.Err)
		}
	}
	got := direct.Layup(t, "ls", "--upto", "0", "--digests", "-f", "jsonl", image, "/usr/bin/su")
	if want := `"xattrs":{"security.capability":"AQAAAgAEAAA="},"sha256":"`; !strings.Contains(got.Out, want) ||
		!strings.Contains(got.Out, `"mode":"4755"`) {
		t.Errorf("%s does not hold %s", got.Out, want)
	}
	direct.Expect(t, "hard links", direct.Items(t, "path hardlinks", "ls", image, "--upto", "1", "/etc/third"),
		"path=/etc/third hardlinks=/etc/second")
	direct.Expect(t, "a name that has become the only one", direct.Items(t, "path hardlinks", "ls", image, "/etc/third"),
		"path=/etc/third")
}

func TestOwnerFollowsSymlinksAndSaysWhatWasAsked(t *testing.T) {
	image := direct.Pack(t, "links")
	direct.Expect(t, "owner", direct.Items(t, "path asked layer type", "owner", image, "/lib/bin", "/etc/dangling/",
		"/lib"), "path=/usr/bin asked=/lib/bin layer=3 type=file", "path=/usr asked=/lib layer=3 type=dir")
	direct.Expect(t, "owner --no-follow", direct.Items(t, "path asked layer type", "owner", "--no-follow", image,
		"/lib/bin", "/etc/dangling", "/lib"),
		"path=/usr/bin asked=/lib/bin layer=3 type=file", "path=/etc/dangling layer=0 type=symlink",
		"path=/lib layer=3 type=symlink")
}

func TestWhatIsMissingIsALineEachAndExitOne(t *testing.T) {
	image := direct.Pack(t, "myfile")
	name := show.Shell(image)
	for _, c := range []struct {
		args     []string
		out, err string
	}{
		{[]string{"owner", image, "/bin/sh", "/tmp/token", "/etc/paswd", "/no/such"}, "/bin/sh\n",
			"layup: " + image + ": \"/tmp/token\": deleted by layer 4 (whiteout): RUN rm /etc/MYFILE /tmp/token\nlayup: " +
				"hint: layup log " + name + " /tmp/token\n" +
				"layup: " + image + ": \"/etc/paswd\": no such path in the image\nlayup: hint: did you mean layup owner " + name +
				" /etc/passwd?\n" +
				"layup: " + image + ": \"/no/such\": no such path in the image\n"},
		{[]string{"log", image, "/bin", "/no/such"}, "/bin\n", "layup: " + image + ": \"/no/such\": no layer ever held it\n"},
		{[]string{"ls", "--no-verify", image, "/tmp/token"}, "", "layup: " + image +
			": \"/tmp/token\": deleted by layer 4 (whiteout): RUN rm /etc/MYFILE /tmp/token\nlayup: " +
			"hint: layup log --no-verify " + name + " /tmp/token\n"},
		{[]string{"owner", image, "/etc/*"}, "", "layup: " + image + ": \"/etc/*\": no such path in the image\n" +
			"layup: hint: layup find " + name + " '/etc/*'  takes patterns\n"},
		{[]string{"log", image, "/etc/*.conf"}, "", "layup: " + image + ": \"/etc/*.conf\": no layer ever held it\n" +
			"layup: hint: layup find " + name + " '/etc/*.conf'  takes patterns\n"},
		{[]string{"find", image, "a b"}, "", "layup: " + image + ": nothing matches 'a b'\n"},
		{[]string{"ls", "--layer", "5", image, "/etc"}, "", "layup: " + image + ": \"/etc\": layer 5 has no entry there\n"},
	} {
		got := direct.Layup(t, append(c.args, "-q", "-f", "{{.path}}")...)
		if got.Out != c.out || got.Err != c.err || got.Status != 1 {
			t.Errorf("layup %q: exit %d\n%s%s\nwant 1\n%s%s", c.args, got.Status, got.Out, got.Err, c.out, c.err)
		}
	}
	links := direct.Pack(t, "links")
	got := direct.Layup(t, "owner", "-q", links, "/etc/relative")
	if want := "layup: " + links + ": \"/etc/relative\" leads to \"/usr/bin/su\": deleted by layer 3 " +
		"(replaced-by-other-type): RUN ln -sf usr /lib && rm -r /usr/bin && echo x > /usr/bin\nlayup: hint: layup log " +
		show.Shell(links) + " /usr/bin/su\n"; got.Err != want || got.Status != 1 {
		t.Errorf("a symlink to what was deleted: exit %d, %s want %s", got.Status, got.Err, want)
	}
	got = direct.Layup(t, "cat", image, "/tmp/token", "/etc/passwd")
	if got.Out != "root:x:0:0:root:/root:/bin/sh\n" || got.Status != 1 || !strings.Contains(got.Err,
		"deleted by layer 4") {
		t.Errorf("cat: exit %d, %q %s", got.Status, got.Out, got.Err)
	}
	got = direct.Layup(t, "cat", image, "/etc/MYFILE", "-q", "--layer", "4")
	if want := "layup: " + image + ": \"/etc/MYFILE\": layer 4 carries no version of it\nlayup: hint: carried by layers " +
		"1, 2, 3, 6\n"; got.Err != want || got.Status != 1 {
		t.Errorf("cat --layer 4: exit %d, %s want %s", got.Status, got.Err, want)
	}
}

func TestOnlyFilesArePrinted(t *testing.T) {
	image := direct.Pack(t, "links")
	for path, want := range map[string]string{"/etc": "is a directory, not a regular file",
		"/dev/null": "is a character device, not a regular file", "/dev/pipe": "is a FIFO, not a regular file"} {
		got := direct.Layup(t, "cat", image, "/etc/second", path)
		if got.Status != 2 || got.Out != "" || !strings.Contains(got.Err, want) {
			t.Errorf("cat %s: exit %d, %q %s", path, got.Status, got.Out, got.Err)
		}
	}
}

func TestLayerNumbersAreCheckedAgainstTheImage(t *testing.T) {
	image := direct.Pack(t, "myfile")
	for _, args := range [][]string{{"ls", "--layer", "7"}, {"ls", "--upto", "7"}, {"find", "--layer", "7"},
		{"tree", "--upto", "7"}, {"cat", "--layer", "7"}, {"cat", "--upto", "7"}} {
		got := direct.Layup(t, append(args, image, "/etc/passwd")...)
		if want := "layup: " + image + ": " + args[1] + " 7: the image has the layers 0 to 6\n"; got.Err != want ||
			got.Status != 2 || got.Out != "" {
			t.Errorf("layup %q: exit %d, %q, %s want %s", args, got.Status, got.Out, got.Err, want)
		}
	}
}

func TestLayerNumbersOfAnImageWithoutLayersAreRefused(t *testing.T) {
	image := direct.Image(t, "empty", "tag empty:1\nempty ENV A=b\n")
	got := direct.Layup(t, "ls", "--upto", "0", image)
	if want := "layup: " + image + ": --upto 0: the image has no layers\n"; got.Err != want || got.Status != 2 {
		t.Errorf("exit %d, %s want %s", got.Status, got.Err, want)
	}
}

func TestSeveralImagesHaveASectionEach(t *testing.T) {
	image := direct.Pack(t, "myfile", "opaque")
	got := direct.Layup(t, "ls", image)
	if want := "layup: hint: --image shop:1.2\nlayup: hint: --image opaque:1\n"; got.Status != 2 || got.Out != "" ||
		!strings.HasSuffix(got.Err, want) {
		t.Errorf("without a choice: exit %d, %s", got.Status, got.Err)
	}
	got = direct.Layup(t, "owner", "--all", "-f", "csv", "-q", image, "/etc/MYFILE")
	rows := direct.Lines(got.Out)
	if len(rows) != 2 || !strings.HasPrefix(rows[0], "source,image,path,") || !strings.HasPrefix(rows[1], image+
		",shop:1.2,/etc/MYFILE,") {
		t.Errorf("--all: %s", got.Out)
	}
	if want := "layup: " + image + ": opaque:1: \"/etc/MYFILE\": no such path in the image\n"; got.Status != 1 ||
		!strings.HasPrefix(got.Err, want) {
		t.Errorf("--all: exit %d, %s want %s", got.Status, got.Err, want)
	}
	other := direct.Pack(t, "links")
	direct.Expect(t, "several files", direct.Items(t, "image path", "find", "-name", "shop", "-name", "su", "--hidden",
		"--all", image, other), "image=example.org:5000/team/links:latest path=/usr/bin/su")
}

func TestTreeDrawsOwners(t *testing.T) {
	got := direct.Layup(t, "tree", "-q", direct.Pack(t, "myfile"), "--depth", "2")
	want := `/
├── [0] bin
│   └── [0] sh
├── [6] etc
│   ├── [6] MYFILE
│   ├── [0] passwd
│   └── [1] shop.conf
├── [4] tmp
└── [5] usr
    ├── [1] bin
    └── [5] share
`
	if got.Out != want {
		t.Errorf("got\n%s\nwant\n%s", got.Out, want)
	}
}

func TestLayersCountWhatTheyDo(t *testing.T) {
	direct.Expect(t, "layers", direct.Items(t, "index files added modified deleted hiddenBytes instruction", "layers",
		direct.Pack(t, "opaque")),
		"index=0 files=12 added=12 modified=0 deleted=0 hiddenBytes=25",
		"index=1 files=3 added=1 modified=2 deleted=6 hiddenBytes=0",
		"index=2 files=3 added=1 modified=2 deleted=1 hiddenBytes=11",
		"index=3 files=3 added=2 modified=1 deleted=0 hiddenBytes=0")
}

func TestImagesListsWhatIsThere(t *testing.T) {
	direct.Expect(t, "images", direct.Items(t, "kind number reference platform", "images", direct.Pack(t, "myfile",
		"links")),
		"kind=image number=0 reference=shop:1.2 platform=linux/amd64",
		"kind=image number=1 reference=example.org:5000/team/links:latest platform=linux/arm64/v8")
}

func TestPathOfALaterLayerIsNotThereYet(t *testing.T) {
	image := direct.Pack(t, "myfile")
	for _, command := range []string{"ls", "tree", "cat"} {
		want := "layup: " + image + ": \"/usr/share/MYFILE\": not there yet: layer 5 adds it\nlayup: hint: layup log " +
			image + " /usr/share/MYFILE\n"
		if got := direct.Layup(t, command, "-q", "--upto", "2", image, "/usr/share/MYFILE"); got.Err != want ||
			got.Status != 1 {
			t.Errorf("%s: exit %d, %s want %s", command, got.Status, got.Err, want)
		}
	}
	if got := direct.Layup(t, "ls", "-q", "--upto", "2", image, "/nosuch"); !strings.HasSuffix(got.Err,
		"\"/nosuch\": no such path in the image\n") {
		t.Errorf("a path of no layer: %s", got.Err)
	}
}

func TestAMessageShowsTheInstructionAsTablesDo(t *testing.T) {
	image := direct.Image(t, "copied", "layer one\nf 0644 0:0 gone \"1\"\nlayer /bin/sh -c #(nop) COPY dir:"+
		strings.Repeat("cd34", 16)+" in /opt/ \nw gone\n")
	got := direct.Layup(t, "owner", "-q", image, "/gone")
	if want := "\"/gone\": deleted by layer 1 (whiteout): COPY … in /opt/\n"; !strings.Contains(got.Err, want) {
		t.Errorf("want %q in %s", want, got.Err)
	}
}
