package place

import (
	"context"
	"errors"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"testing"
)

// text returns what a Put writes.
func text(s string) func(io.Writer) error {
	return func(w io.Writer) error { _, err := io.WriteString(w, s); return err }
}

// read returns the content of a file of a place.
func read(t *testing.T, p Place, name string) string {
	t.Helper()
	f, err := p.Open(t.Context(), name)
	if err != nil {
		t.Fatal(err)
	}
	defer f.Close()
	content, err := io.ReadAll(io.NewSectionReader(f, 0, f.Size()))
	if err != nil {
		t.Fatal(err)
	}
	return string(content)
}

// keeps checks what every place promises.
func keeps(t *testing.T, p Place) {
	ctx := t.Context()
	if files, err := p.List(ctx, "files"); err != nil || len(files) > 0 {
		t.Errorf("a place that does not exist: %v, %v", files, err)
	}
	if _, err := p.Open(ctx, "files/b"); !errors.Is(err, fs.ErrNotExist) {
		t.Errorf("no file: %v", err)
	}
	for name, content := range map[string]string{"files/b": "one", "files/a": "two", "files/x/c": "3", "top": ""} {
		if err := p.Put(ctx, name, text(content)); err != nil {
			t.Fatal(err)
		}
	}
	if err := p.Put(ctx, "files/a", text("other")); err != nil {
		t.Fatal(err)
	}
	broken := errors.New("broken")
	err := p.Put(ctx, "files/b", func(w io.Writer) error { return errors.Join(text("half")(w), broken) })
	if !errors.Is(err, broken) {
		t.Errorf("a write that fails: %v", err)
	}
	want := []Info{{"files/a", 5}, {"files/b", 3}}
	if files, err := p.List(ctx, "files"); err != nil || !slices.Equal(files, want) {
		t.Errorf("files: %v, %v", files, err)
	}
	if files, err := p.List(ctx, "."); err != nil || !slices.Equal(files, []Info{{"top", 0}}) {
		t.Errorf("top: %v, %v", files, err)
	}
	for name, content := range map[string]string{"files/b": "one", "files/a": "other", "files/x/c": "3", "top": ""} {
		if got := read(t, p, name); got != content {
			t.Errorf("%s holds %q", name, got)
		}
	}
	for range 2 {
		if err := p.Remove(ctx, "files/b"); err != nil {
			t.Error(err)
		}
	}
	if files, err := p.List(ctx, "files"); err != nil || !slices.Equal(files, want[:1]) {
		t.Errorf("files after Remove: %v, %v", files, err)
	}
	for _, name := range []string{"../x", "/x", "", ".", "files/.hidden", "a//b"} {
		if p.Put(ctx, name, text("x")) == nil {
			t.Errorf("%q is a name", name)
		}
	}
	ended, end := context.WithCancel(ctx)
	end()
	if err := p.Put(ended, "files/late", text("x")); !errors.Is(err, context.Canceled) {
		t.Errorf("after the end: %v", err)
	}
}

func TestADirectoryIsAPlace(t *testing.T) {
	dir := filepath.Join(t.TempDir(), "new", "catalogue")
	p, err := Open(t.Context(), dir)
	if err != nil {
		t.Fatal(err)
	}
	if _, err := os.Stat(dir); err == nil {
		t.Error("Open makes a directory")
	}
	keeps(t, p)
	if p.String() != dir {
		t.Errorf("is called %s", p)
	}
	if names, err := os.ReadDir(filepath.Join(dir, "files")); err != nil || len(names) != 2 { // a, x
		t.Errorf("left in the folder: %v, %v", names, err)
	}
}

func TestAPlaceHasAKnownScheme(t *testing.T) {
	for _, location := range []string{"", "gs://bucket/x", "http://host/x"} {
		if p, err := Open(t.Context(), location); err == nil {
			t.Errorf("%q is the place %s", location, p)
		}
	}
}
