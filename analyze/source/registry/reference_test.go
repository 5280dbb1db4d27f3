package registry

import (
	"strings"
	"testing"
)

func TestReferencesAreReadAsDockerReadsThem(t *testing.T) {
	digest := "sha256:" + strings.Repeat("a", 64)
	for text, want := range map[string]string{
		"nginx":                           "docker.io/library/nginx",
		"nginx:1.2":                       "docker.io/library/nginx:1.2",
		"someone/nginx":                   "docker.io/someone/nginx",
		"index.docker.io/library/nginx:1": "docker.io/library/nginx:1",
		"localhost/a":                     "localhost/a",
		"localhost:5000/a/b:1.2":          "localhost:5000/a/b:1.2",
		"127.0.0.1:5000/a@" + digest:      "127.0.0.1:5000/a@" + digest,
		"127.0.0.1:5000/a:t@" + digest:    "127.0.0.1:5000/a:t@" + digest,
		"[::1]:5000/a:t":                  "[::1]:5000/a:t",
		"registry.example/a__b/c-d.e:T_1": "registry.example/a__b/c-d.e:T_1",
		"registry.example/":               "registry.example",
		"localhost:5000/":                 "localhost:5000",
		"registry.example:443/a":          "registry.example:443/a",
	} {
		got, err := Parse(text)
		if err != nil || got.String() != want {
			t.Errorf("%s: got %s %v, want %s", text, got, err, want)
		}
	}
}

func TestReferencesThatMeanNothingAreRefused(t *testing.T) {
	for text, want := range map[string]string{
		"":                               "empty",
		"registry.example:5000":          "host without a repository",
		"registry.example":               "host without a repository",
		"localhost:5000":                 "host without a repository",
		"[::1]:5000":                     "host without a repository",
		"A":                              "bad repository",
		"registry.example/A":             "bad repository",
		"registry.example/a:":            "bad tag",
		"registry.example/a:b c":         "bad tag",
		"registry.example/../x":          "bad repository",
		"registry.example/a//b":          "bad repository",
		"registry.example/a@sha256:12":   "bad digest",
		"registry.example/a@md5:1":       "bad digest",
		"user:pw@registry.example/a":     "bad digest",
		"registry.example?x/a":           "bad registry",
		"https://registry.example/a":     "bad re",
		"registry.example/a\x1b[31m":     `\x1b`,
		strings.Repeat("a", 300) + "/b":  "bad repository",
		"reg.example:port/a":             "bad registry",
		"registry.example/" + "@sha256:": "bad digest",
	} {
		if got, err := Parse(text); err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("%q: got %s %v, want %q", text, got, err, want)
		}
	}
}
