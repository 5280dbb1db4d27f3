package report

import (
	"bytes"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"layup/fixtures"
)

// result is what a command printed and how it ended.
type result struct {
	out, err string
	status   int
}

// layup runs one command line in this process.
func layup(t *testing.T, args ...string) result {
	t.Helper()
	var out, err bytes.Buffer
	status := Main(t.Context(), args, os.Stdin, &out, &err)
	return result{out.String(), err.String(), status}
}

// pack writes images as a docker save file and returns its name.
func pack(t *testing.T, names ...string) string {
	t.Helper()
	var images []*fixtures.Image
	for _, name := range names {
		images = append(images, load(t, name))
	}
	return write(t, strings.Join(names, "-")+".tar", images...)
}

// load reads an image of this package's own, which other tests do not change.
func load(t *testing.T, name string) *fixtures.Image {
	t.Helper()
	text, err := os.ReadFile(filepath.Join("testdata", name+".txt"))
	if err != nil {
		t.Fatal(err)
	}
	img, err := fixtures.Parse(name, string(text))
	if err != nil {
		t.Fatal(err)
	}
	return img
}

func write(t *testing.T, name string, images ...*fixtures.Image) string {
	t.Helper()
	data, err := fixtures.Packing{Name: "docker-save-20", Format: fixtures.Docker20}.Pack(images...)
	if err != nil {
		t.Fatal(err)
	}
	name = filepath.Join(t.TempDir(), name)
	if err := os.WriteFile(name, data, 0o600); err != nil {
		t.Fatal(err)
	}
	return name
}

// lines are what was printed, without the line end at the end.
func lines(s string) []string {
	if s == "" {
		return nil
	}
	return strings.Split(strings.TrimSuffix(s, "\n"), "\n")
}
