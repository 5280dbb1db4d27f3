package report_test

import (
	"bytes"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"layup/fixtures/direct"
)

const keyFile = `f 0600 0:0 root/.ssh/id_rsa "-----BEGIN RSA PRIVATE KEY-----\nMIIE\n"` + "\n"

// leaky is an image with secrets in files and in its history.
func leaky(t *testing.T, name string) string {
	return direct.Image(t, name, "tag leaky:1\nlayer COPY . /\n"+keyFile+
		"f 0644 0:0 srv/big \"0123456789abcdef\" repeat=1000\nf 0644 0:0 srv/small \"x\"\nl srv/link -> small\nf 0644 0:0 "+
		"srv/twice \"secret\"\nf 0644 0:0 srv/twice \"\"\n"+
		"layer |1 TOKEN=s3cret-value /bin/sh -c rm -r /root /srv\nw root\nw srv\nempty ENV API_KEY=other-secret\n")
}

func TestHiddenNarrowsAndMarks(t *testing.T) {
	name := leaky(t, "leaky")
	for _, c := range []struct {
		say  string
		args []string
		want []string
	}{
		{"files", []string{"--type", "f"}, []string{"path=/srv/big", "path=/root/.ssh/id_rsa sensitive=private-key",
			"path=/srv/small", "path=/srv/twice"}},
		{"large ones", []string{"--min-size", "16000"}, []string{"path=/srv/big"}},
		{"a glob", []string{"small"}, []string{"path=/srv/small"}},
		{"a glob of paths", []string{"/root/**/id_*"}, []string{"path=/root/.ssh/id_rsa sensitive=private-key"}},
		{"what is sensitive", []string{"--sensitive"}, []string{"path=/root/.ssh/id_rsa sensitive=private-key"}},
		{"what no layer showed", []string{"--unseen", "--type", "f", "twice"},
			[]string{"path=/srv/twice status=unseen how=replaced-in-layer", "path=/srv/twice"}},
	} {
		t.Run(c.say, func(t *testing.T) {
			var want []string
			for _, w := range c.want {
				if !strings.Contains(w, "status") {
					w = strings.Replace(w, " sensitive", " status=deleted how=whiteout sensitive", 1)
					if !strings.Contains(w, "status") {
						w += " status=deleted how=whiteout"
					}
				}
				want = append(want, w)
			}
			direct.Expect(t, c.say, direct.Items(t, "path status how sensitive", append([]string{"hidden", name}, c.args...)...),
				want...)
		})
	}
	if got := direct.Layup(t, "hidden", name, "no-such-name"); got.Status != 1 || !strings.Contains(got.Err,
		"nothing matches no-such-name") {
		t.Errorf("exit %d: %s", got.Status, got.Err)
	}
	for _, narrow := range [][]string{{"--min-size", "1MB"}, {"--type", "c"}, {"no-such-name"}} {
		if got := direct.Layup(t, append([]string{"hidden", name}, narrow...)...); !strings.HasSuffix(got.Out,
			"\nnothing hidden matches; hidden are 16,044 bytes\n") {
			t.Errorf("%q: it is denied that anything is hidden: %s", narrow, got.Out)
		}
	}
	direct.Expect(t, "find --unseen", direct.Items(t, "path status", "find", "--unseen", "--type", "f", name, "twice"),
		"path=/srv/twice status=deleted", "path=/srv/twice status=unseen")
	if got := direct.Layup(t, "hidden", name); !strings.HasSuffix(got.Out,
		"; --unseen lists 1 entry more that no layer ever showed, 6B\n") {
		t.Errorf("unseen content is not mentioned: %s", got.Out)
	}
}

func TestSecretsAreMaskedUnlessAskedFor(t *testing.T) {
	name := leaky(t, "leaky")
	for _, format := range []string{"table", "json", "csv"} {
		got := direct.Layup(t, "hidden", "-f", format, name)
		if strings.Contains(got.Out+got.Err, "s3cret-value") || strings.Contains(got.Out+got.Err, "other-secret") {
			t.Errorf("%s shows a secret: %s", format, got.Out)
		}
	}
	got := direct.Layup(t, "hidden", "-f", "json", "--show-secrets", name)
	for _, want := range []string{`{"where":"build-argument","name":"TOKEN","value":"s3cret-value","layer":1,"step":1}`,
		`{"where":"env","name":"API_KEY","value":"other-secret","step":2}`} {
		if !strings.Contains(got.Out, want) {
			t.Errorf("%s\ndoes not hold %s", got.Out, want)
		}
	}
}

func TestSeveralImagesInOneCall(t *testing.T) {
	a, b := leaky(t, "a"), leaky(t, "b")
	for _, args := range [][]string{{"waste", a, b}, {"hidden", a, b, "id_rsa"}, {"hidden", "--name", "id_rsa", a, b},
		{"find", "--name", "id_rsa", a, b}} {
		got := direct.Layup(t, append(args, "-f", "csv")...)
		if got.Status != 0 || !strings.Contains(got.Out, a+",leaky:1,") || !strings.Contains(got.Out, b+",leaky:1,") {
			t.Errorf("layup %q: exit %d: %s%s", args, got.Status, got.Out, got.Err)
		}
	}
}

func TestAllOpensEachFileOfADirectory(t *testing.T) {
	dir := t.TempDir()
	for name, from := range map[string]string{"one.tar": leaky(t, "one"), "two": leaky(t, "two"), "sub/three.tar": leaky(t,
		"three")} {
		data, err := os.ReadFile(from)
		if err != nil {
			t.Fatal(err)
		}
		direct.Put(t, filepath.Join(dir, name), data)
	}
	direct.Put(t, filepath.Join(dir, "README"), []byte("what is here\n"))
	if err := os.Symlink("one.tar", filepath.Join(dir, "link.tar")); err != nil {
		t.Skipf("no symlinks here: %v", err)
	}
	for _, command := range []string{"waste", "hidden", "find"} {
		got := direct.Layup(t, command, "--all", dir, "-f", "csv")
		for name, want := range map[string]bool{"one.tar": true, "two": true, "link.tar": false, "sub/three.tar": false} {
			if strings.Contains(got.Out, "\r\n"+filepath.Join(dir, name)+",leaky:1,") != want {
				t.Errorf("%s: %s is answered for: %v", command, name, !want)
			}
		}
		for _, skipped := range []string{"README: not a tar archive", "link.tar: a symlink", "sub: a directory"} {
			if !strings.Contains(got.Err, "layup: skipped "+dir+"/"+skipped) || got.Status != 0 {
				t.Errorf("%s: exit %d, does not say that it skipped %s: %s", command, got.Status, skipped, got.Err)
			}
		}
	}
	data, _ := os.ReadFile(filepath.Join(dir, "two"))
	direct.Put(t, filepath.Join(dir, "cut.tar"), data[:len(data)/2])
	direct.Put(t, filepath.Join(dir, "broken.tar"), bytes.ReplaceAll(data, []byte(`"RepoTags":`), []byte(`"RepoTags";`)))
	if got := direct.Layup(t, "waste", "--all", "--keep-going", dir); got.Status != 2 || !strings.HasPrefix(got.Out,
		"SOURCE ") || !strings.Contains(strings.SplitN(got.Out, "\n", 2)[0], "HIDDEN") {
		t.Errorf("what could not be read has a table: exit %d: %s", got.Status, got.Out)
	}
	if got := direct.Layup(t, "waste", "--all", dir); got.Status != 2 || got.Out != "" || !strings.Contains(got.Err,
		"cut.tar") {
		t.Errorf("a damaged file is passed over: exit %d: %s%s", got.Status, got.Out, got.Err)
	}
	if got := direct.Layup(t, "waste", "--all", t.TempDir()); got.Status != 2 || !strings.Contains(got.Err,
		"nor is anything in it an image") {
		t.Errorf("an empty directory: exit %d: %s", got.Status, got.Err)
	}
}

func TestWhatLiesInNoLayerHasADash(t *testing.T) {
	image := direct.Image(t, "kept", "env TOKEN=ghp_a1B2c3D4e5a1B2c3D4e5a1B2c3D4e5F6a1b2\nlayer one\nf 0644 0:0 x \"1\"\n")
	got := direct.Layup(t, "secrets", image)
	if want := "    -  -       github-pat  ********  config.Env.TOKEN\n"; !strings.Contains(got.Out, want) {
		t.Errorf("want %q in\n%s%s", want, got.Out, got.Err)
	}
}
