package report_test

import (
	"os"
	"path/filepath"
	"strings"
	"testing"

	"layup/fixtures/direct"
)

func TestNamesOfOtherProgramsLeadToTheCommandThatAnswers(t *testing.T) {
	const images, storage = "layup: hint: layup images ", "containers-storage:/var/lib/containers/storage:"
	for _, c := range []struct{ name, err, hints string }{
		{"docker:x", "docker: is not a kind of source here", "docker-daemon:x  (in the running engine)|" +
			"docker://x  (in a registry)"},
		{"podman:x", "podman: is not a kind of source here", storage + "x  (in the store of podman)|" +
			"docker-daemon:x  (in the running engine, with its socket in DOCKER_HOST)"},
		{"podman://x:1", "podman:// is not a kind of source here", storage + "x:1  (in the store of podman)|" +
			"docker-daemon:x:1  (in the running engine, with its socket in DOCKER_HOST)"},
		{"https://host.example/a/b:1", "https:// is not a kind of source here",
			"docker://host.example/a/b:1  (in a registry)"},
		{"oci://host.example/chart", "oci:// is not a kind of source here",
			"docker://host.example/chart  (in a registry)|oci:host.example/chart  (an OCI layout)"},
		{"registry://a/b", "registry:// is not a kind of source here", "docker://a/b  (in a registry)"},
		{"docker-daemon://x", "docker-daemon:// is not a kind of source here", "docker-daemon:x  (in the running engine)"},
		{"oci-dir:no", "oci-dir: is not a kind of source here", "oci:no  (an OCI layout)"},
		{"docker-archive://no.tar", "docker-archive:// is not a kind of source here",
			"docker-archive:no.tar  (a file of docker save or podman save)"},
		{"podman-archive:no.tar", "podman-archive: is not a kind of source here",
			"docker-archive:no.tar  (a file of docker save or podman save)"},
		{"file:no such", "file: is not a kind of source here", "'no such'  (a file or a directory)"},
		{"containerd:x", "containerd: is not a kind of source here",
			"containerd-root:/var/lib/containerd:x  (in the store of containerd)"},
		{"docker-root:shop:1.2", "no such directory", "docker-root:/var/lib/docker:shop:1.2  (an image or a container in " +
			"that store)|docker-daemon:shop:1.2  (in the running engine)"},
		{"containers-storage:[overlay@/g+/run:overlay.x=y]a:1", "no such directory",
			"containers-storage:/g:a:1  (the store and the image)"},
	} {
		want := "layup: " + c.name + ": " + c.err + "\n"
		for hint := range strings.SplitSeq(c.hints, "|") {
			want += images + hint + "\n"
		}
		got := direct.Layup(t, "images", c.name)
		if got.Err != want || got.Status != 2 || got.Out != "" {
			t.Errorf("%s: exit %d, %s\n%swant\n%s", c.name, got.Status, got.Out, got.Err, want)
		}
	}
}

func TestTheHintRepeatsTheCommandLineWithoutItsPassword(t *testing.T) {
	got := direct.Layup(t, "owner", "--creds", "me:pass word", "https://host.example/a", "/etc/my file", "-f", "json")
	want := "layup: hint: layup owner --creds 'me:********' docker://host.example/a '/etc/my file' -f json  " +
		"(in a registry)\n"
	if !strings.HasSuffix(got.Err, want) {
		t.Errorf("got %swant %s", got.Err, want)
	}
}

func TestMissingStoresSayWhereTheyMayBe(t *testing.T) {
	for name, hint := range map[string]string{
		"docker-root:/no/such": "docker info -f '{{.DockerRootDir}}'  says where it is; of a rootless engine it is " +
			"docker-root:~/.local/share/docker",
		"containers-storage:./no": "podman info -f '{{.Store.GraphRoot}}'  says where it is; of a rootless engine it is " +
			"containers-storage:~/.local/share/containers/storage",
		"containerd-root:/no": "containerd config dump | grep ^root  says where it is; of a rootless engine it is " +
			"containerd-root:~/.local/share/containerd",
	} {
		want := "layup: " + name + ": no such directory\nlayup: hint: " + hint + "\n"
		if got := direct.Layup(t, "images", name); got.Err != want || got.Status != 2 {
			t.Errorf("%s: exit %d: %swant %s", name, got.Status, got.Err, want)
		}
	}
}

func TestATildeAfterTheColonIsTheHomeDirectory(t *testing.T) {
	image, home := direct.Pack(t, "myfile"), t.TempDir()
	t.Setenv("HOME", home)
	if err := os.Rename(image, filepath.Join(home, "shop.tar")); err != nil {
		t.Fatal(err)
	}
	for _, name := range []string{"docker-archive:~/shop.tar", "docker-archive:~/shop.tar:shop:1.2",
		"docker-archive:" + home + "/shop.tar"} {
		if got := direct.Layup(t, "owner", name, "/etc/MYFILE"); got.Status != 0 && got.Status != 1 || got.Out == "" {
			t.Errorf("%s: exit %d: %s", name, got.Status, got.Err)
		}
	}
	for _, name := range []string{"~/shop.tar", "docker-archive:./~/shop.tar", "docker-archive:~shop.tar"} {
		if got := direct.Layup(t, "layers", name); got.Status != 2 {
			t.Errorf("%s: exit %d: %s", name, got.Status, got.Out)
		}
	}
	got := direct.Layup(t, "layers", "docker-archive:~/shop.tar", "-o", filepath.Join(home, "shop.tar"))
	if !strings.Contains(got.Err, "which is read: it would be lost") {
		t.Errorf("-o replaces the image: exit %d: %s", got.Status, got.Err)
	}
}

func TestFlagsOfOtherProgramsLeadToOurs(t *testing.T) {
	for args, want := range map[string]string{
		"waste --source docker x": "waste: unknown flag --source\nlayup: hint: the name says where it is: " +
			"docker-archive:FILE, docker-daemon:REF, docker://REF, docker-root:DIR:REF\n",
		"layers --input x.tar":             "layers: unknown flag --input\nlayup: hint: a file is named as it is",
		"check --ci-config .dive-ci x":     "hint: layup check --config FILE IMAGE\n",
		"check --lowestEfficiency 0.9 x":   "hint: --min-efficiency RATIO\n",
		"owner --tls-verify=false x /":     "owner: unknown flag --tls-verify\nlayup: hint: --insecure allows HTTP",
		"find x --source y --name MYFILE":  "find: unknown flag --source\n",
		"find x -source y --name MYFILE":   "find: unknown flag -source\n",
		"inspect --json x --format '{{.}}": "inspect: unknown flag --json\nlayup: hint: -f json\n",
	} {
		got := direct.Layup(t, strings.Fields(args)...)
		if !strings.Contains(got.Err, want) || got.Status != 2 {
			t.Errorf("%s: exit %d: %s want %s", args, got.Status, got.Err, want)
		}
	}
}
