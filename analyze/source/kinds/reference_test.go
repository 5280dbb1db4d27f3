package kinds

import (
	"errors"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"layup/analyze/source/advice"
	"layup/analyze/source/archive"
	"layup/analyze/source/document"
	"layup/analyze/source/input"
	"layup/fixtures/sample"
)

func TestABareWordIsAFile(t *testing.T) {
	t.Chdir(t.TempDir())
	for name, hint := range map[string]string{
		"nginx:latest":           "docker://nginx:latest",
		"localhost:5000/a/b:1.2": "docker://localhost:5000/a/b:1.2",
		"registry.example/a/b@sha256:" + strings.Repeat("0", 64): "docker://registry.example/a/b@sha256:",
		"nginx":       "docker://nginx",
		"shop.tar":    "",
		"./nginx":     "",
		"/nginx":      "",
		"Not A Name":  "",
		"there.tar:1": "there.tar --image 1",
	} {
		if strings.HasPrefix(hint, "there") {
			if err := os.WriteFile("there.tar", nil, 0o600); err != nil {
				t.Fatal(err)
			}
		}
		_, err := Open(t.Context(), name, testOptions(t))
		got := ""
		if hinted, ok := errors.AsType[*advice.Hinted](err); ok {
			got = hinted.Hint
		}
		if err == nil || err.Error() != name+": no such file" || hint == "" != (got == "") || !strings.Contains(got, hint) {
			t.Errorf("%s: got %v, hint %q", name, err, got)
		}
	}
}

func TestAColonInAFilesNameIsNotATag(t *testing.T) {
	dir := t.TempDir()
	for _, name := range []string{"a", "a:b", "a:b:c"} {
		if err := os.WriteFile(filepath.Join(dir, name), nil, 0o600); err != nil {
			t.Fatal(err)
		}
	}
	digest := "sha256:" + strings.Repeat("0", 64)
	for rest, want := range map[string][2]string{
		"a":            {"a", ""},
		"a:b":          {"a:b", ""},
		"a:b:c":        {"a:b:c", ""},
		"a:b:d":        {"a:b", "d"},
		"a:x/y:1":      {"a", "x/y:1"},
		"a@" + digest:  {"a", digest},
		"a:@" + digest: {"a", digest},
		"a:@3":         {"a", "@3"},
		"a@3":          {"a", "@3"},
		"gone:tag":     {"gone", ""},
	} {
		path, ref := input.SplitImage(filepath.Join(dir, rest))
		if path != filepath.Join(dir, want[0]) || ref != want[1] {
			t.Errorf("%s: got %q and %q, want %q", rest, path, ref, want)
		}
	}
}

func TestAPrefixInsistsOnTheKind(t *testing.T) {
	s := sampleOf(t, "a")
	l := newLayout()
	l.top(l.image(s, nil), "t")
	docker, oci := fileOf(t, "d", archiveOf(t, s.dockerMembers("x:1")...)), fileOf(t, "o", archiveOf(t, l.members()...))
	dir := unpack(t, l.members()...)
	for name, want := range map[string]string{
		"docker-archive:" + docker: archive.Docker,
		"oci-archive:" + oci:       archive.OCIArchive,
		"oci:" + dir:               archive.OCI,
		"oci:" + dir + ":t":        archive.OCI,
		"oci-archive:" + docker:    "not an OCI layout",
		"docker-archive:" + oci:    "not a docker save archive",
		"oci:" + oci:               "is a file, not a directory",
		"oci-archive:" + dir:       "is a directory, not a tar",
		"docker-archive:" + fileOf(t, "l", sample.Tar(t, "a")): "not a docker save archive",
		"docker-archive:" + dir + "/gone":                      "no such file",
	} {
		a, err := Open(t.Context(), name, testOptions(t))
		got := ""
		if err != nil {
			got = err.Error()
		} else {
			got = a.Kind()
			a.Close()
		}
		if !strings.Contains(got, want) {
			t.Errorf("%s: got %q, want %q", name, got, want)
		}
	}
}

func TestFamiliarNames(t *testing.T) {
	for ref, want := range map[string]string{
		"nginx": "nginx:latest", "nginx:1": "nginx:1", "docker.io/library/nginx": "nginx:latest", "docker.io/a/b:1": "a/b:1",
		"localhost:5000/a": "localhost:5000/a:latest", "a@sha256:0": "a@sha256:0", "library/nginx:1": "nginx:1",
	} {
		if got := document.Familiar(ref); got != want {
			t.Errorf("%s: got %s, want %s", ref, got, want)
		}
	}
}

func TestErrorsQuoteStrangeNames(t *testing.T) {
	_, err := Open(t.Context(), "a\x1b[2J\n", testOptions(t))
	if err == nil || strings.ContainsAny(err.Error(), "\x1b\n") {
		t.Errorf("got %q", err)
	}
}
