package report

import (
	"bytes"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"layup/fixtures"
)

const keyFile = `f 0600 0:0 root/.ssh/id_rsa "-----BEGIN RSA PRIVATE KEY-----\nMIIE\n"` + "\n"

// image packs an image that a test writes down.
func image(t *testing.T, name, text string) string {
	t.Helper()
	img, err := fixtures.Parse(name, text)
	if err != nil {
		t.Fatal(err)
	}
	return write(t, name+".tar", img)
}

// leaky is an image that leaks what it can.
func leaky(t *testing.T, name string) string {
	return image(t, name, "tag leaky:1\nlayer COPY . /\n"+keyFile+
		"f 0644 0:0 srv/big \"0123456789abcdef\" repeat=1000\nf 0644 0:0 srv/small \"x\"\nl srv/link -> small\nf 0644 0:0 srv/twice \"secret\"\nf 0644 0:0 srv/twice \"\"\n"+
		"layer |1 TOKEN=s3cret-value /bin/sh -c rm -r /root /srv\nw root\nw srv\nempty ENV API_KEY=other-secret\n")
}

func TestHiddenNarrowsAndMarks(t *testing.T) {
	name := leaky(t, "leaky")
	for _, c := range []struct {
		say  string
		args []string
		want []string
	}{
		{"files", []string{"--type", "f"}, []string{"path=/srv/big", "path=/root/.ssh/id_rsa sensitive=private-key", "path=/srv/small", "path=/srv/twice"}},
		{"large ones", []string{"--min-size", "16000"}, []string{"path=/srv/big"}},
		{"a glob", []string{"small"}, []string{"path=/srv/small"}},
		{"a glob of paths", []string{"/root/**/id_*"}, []string{"path=/root/.ssh/id_rsa sensitive=private-key"}},
		{"what is sensitive", []string{"--sensitive"}, []string{"path=/root/.ssh/id_rsa sensitive=private-key"}},
		{"what no layer showed", []string{"--unseen", "--type", "f", "twice"}, []string{"path=/srv/twice status=unseen how=replaced-in-layer", "path=/srv/twice"}},
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
			expect(t, c.say, items(t, "path status how sensitive", append([]string{"hidden", name}, c.args...)...), want...)
		})
	}
	if got := layup(t, "hidden", name, "no-such-name"); got.status != 1 || !strings.Contains(got.err, "nothing matches no-such-name") {
		t.Errorf("exit %d: %s", got.status, got.err)
	}
	for _, narrow := range [][]string{{"--min-size", "1MB"}, {"--type", "c"}, {"no-such-name"}} {
		if got := layup(t, append([]string{"hidden", name}, narrow...)...); !strings.HasSuffix(got.out, "\nnothing hidden matches; hidden are 16,044 bytes\n") {
			t.Errorf("%q: it is denied that anything is hidden: %s", narrow, got.out)
		}
	}
	expect(t, "find --unseen", items(t, "path status", "find", "--unseen", "--type", "f", name, "twice"), "path=/srv/twice status=deleted", "path=/srv/twice status=unseen")
	if got := layup(t, "hidden", name); !strings.HasSuffix(got.out, "; --unseen lists 1 entry more that no layer ever showed, 6B\n") {
		t.Errorf("unseen content is not mentioned: %s", got.out)
	}
}

func TestSecretsAreMaskedUnlessAskedFor(t *testing.T) {
	name := leaky(t, "leaky")
	for _, format := range []string{"table", "json", "csv"} {
		got := layup(t, "hidden", "-f", format, name)
		if strings.Contains(got.out+got.err, "s3cret-value") || strings.Contains(got.out+got.err, "other-secret") {
			t.Errorf("%s shows a secret: %s", format, got.out)
		}
	}
	got := layup(t, "hidden", "-f", "json", "--show-secrets", name)
	for _, want := range []string{`{"where":"build-argument","name":"TOKEN","value":"s3cret-value","layer":1,"step":1}`, `{"where":"env","name":"API_KEY","value":"other-secret","step":2}`} {
		if !strings.Contains(got.out, want) {
			t.Errorf("%s\ndoes not hold %s", got.out, want)
		}
	}
}

func TestSeveralImagesInOneCall(t *testing.T) {
	a, b := leaky(t, "a"), leaky(t, "b")
	for _, args := range [][]string{{"waste", a, b}, {"hidden", a, b, "id_rsa"}, {"hidden", "--name", "id_rsa", a, b}, {"find", "--name", "id_rsa", a, b}} {
		got := layup(t, append(args, "-f", "csv")...)
		if got.status != 0 || !strings.Contains(got.out, a+",leaky:1,") || !strings.Contains(got.out, b+",leaky:1,") {
			t.Errorf("layup %q: exit %d: %s%s", args, got.status, got.out, got.err)
		}
	}
}

func TestAllOpensEachFileOfADirectory(t *testing.T) {
	dir := t.TempDir()
	for name, from := range map[string]string{"one.tar": leaky(t, "one"), "two": leaky(t, "two"), "sub/three.tar": leaky(t, "three")} {
		data, err := os.ReadFile(from)
		if err != nil {
			t.Fatal(err)
		}
		put(t, filepath.Join(dir, name), data)
	}
	put(t, filepath.Join(dir, "README"), []byte("what is here\n"))
	if err := os.Symlink("one.tar", filepath.Join(dir, "link.tar")); err != nil {
		t.Skipf("no symlinks here: %v", err)
	}
	for _, command := range []string{"waste", "hidden", "find"} {
		got := layup(t, command, "--all", dir, "-f", "csv")
		for name, want := range map[string]bool{"one.tar": true, "two": true, "link.tar": false, "sub/three.tar": false} {
			if strings.Contains(got.out, "\r\n"+filepath.Join(dir, name)+",leaky:1,") != want {
				t.Errorf("%s: %s is answered for: %v", command, name, !want)
			}
		}
		for _, skipped := range []string{"README: not a tar archive", "link.tar: a symlink", "sub: a directory"} {
			if !strings.Contains(got.err, "layup: skipped "+dir+"/"+skipped) || got.status != 0 {
				t.Errorf("%s: exit %d, does not say that it skipped %s: %s", command, got.status, skipped, got.err)
			}
		}
	}
	data, _ := os.ReadFile(filepath.Join(dir, "two"))
	put(t, filepath.Join(dir, "cut.tar"), data[:len(data)/2])
	put(t, filepath.Join(dir, "broken.tar"), bytes.ReplaceAll(data, []byte(`"RepoTags":`), []byte(`"RepoTags";`)))
	if got := layup(t, "waste", "--all", "--keep-going", dir); got.status != 2 || !strings.HasPrefix(got.out, "SOURCE ") || !strings.Contains(strings.SplitN(got.out, "\n", 2)[0], "HIDDEN") {
		t.Errorf("what could not be read has a table: exit %d: %s", got.status, got.out)
	}
	if got := layup(t, "waste", "--all", dir); got.status != 2 || got.out != "" || !strings.Contains(got.err, "cut.tar") {
		t.Errorf("a damaged file is passed over: exit %d: %s%s", got.status, got.out, got.err)
	}
	if got := layup(t, "waste", "--all", t.TempDir()); got.status != 2 || !strings.Contains(got.err, "nor is any of its files an image") {
		t.Errorf("an empty directory: exit %d: %s", got.status, got.err)
	}
}

func put(t *testing.T, name string, data []byte) {
	t.Helper()
	if err := os.MkdirAll(filepath.Dir(name), 0o755); err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(name, data, 0o644); err != nil {
		t.Fatal(err)
	}
}
