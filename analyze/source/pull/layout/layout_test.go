package layout

import (
	"bytes"
	"context"
	"errors"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"layup/analyze/digest"
)

// begin opens a partial directory in which each text is a blob.
func begin(t *testing.T, texts ...string) (*Partial, Layout) {
	t.Helper()
	p, err := Open(filepath.Join(t.TempDir(), "partial"), false)
	if err != nil {
		t.Fatal(err)
	}
	l := Layout{Index: []byte(`{"schemaVersion":2}`)}
	for _, text := range texts {
		b := Blob{Digest: digest.Of([]byte(text)), Size: int64(len(text))}
		if err := p.Fetch(t.Context(), b, from(text, new(int64)), func(int64) {}); err != nil {
			t.Fatal(err)
		}
		l.Blobs = append(l.Blobs, b)
	}
	return p, l
}

// from returns the rest of a text, and notes the offset.
func from(text string, at *int64) From {
	return func(_ context.Context, offset int64) (io.ReadCloser, error) {
		*at = offset
		return io.NopCloser(strings.NewReader(text[offset:])), nil
	}
}

func TestTarDependsOnTheBlobsOnly(t *testing.T) {
	var made [2][]byte
	for i, texts := range [][]string{{"one", "two"}, {"two", "one"}} {
		p, l := begin(t, texts...)
		target := filepath.Join(t.TempDir(), "image.tar")
		if err := p.Tar(t.Context(), l, target); err != nil {
			t.Fatal(err)
		}
		if _, err := os.Stat(p.dir); !errors.Is(err, fs.ErrNotExist) {
			t.Errorf("the partial directory is left: %v", err)
		}
		made[i], _ = os.ReadFile(target)
	}
	if len(made[0]) == 0 || !bytes.Equal(made[0], made[1]) {
		t.Errorf("tars of %d and %d bytes differ", len(made[0]), len(made[1]))
	}
}

func TestDirectoryHoldsTheLayoutAndNothingElse(t *testing.T) {
	p, l := begin(t, "one")
	if err := p.root.WriteFile("stray", nil, 0o600); err != nil {
		t.Fatal(err)
	}
	target := filepath.Join(t.TempDir(), "layout")
	if err := p.Directory(t.Context(), l, target); err != nil {
		t.Fatal(err)
	}
	list, err := fs.Glob(os.DirFS(target), "*")
	if err != nil || strings.Join(list, " ") != "blobs index.json oci-layout" || !Is(target) {
		t.Errorf("holds %v, %v", list, err)
	}
	text, err := os.ReadFile(filepath.Join(target, l.Blobs[0].name()))
	if err != nil || string(text) != "one" {
		t.Errorf("the blob holds %q, %v", text, err)
	}
}

// What a killed process left is continued if it is the beginning of the blob, and fetched again if it is not.
func TestFetchContinuesWhatIsRight(t *testing.T) {
	const text = "0123456789"
	b := Blob{Digest: digest.Of([]byte(text)), Size: int64(len(text))}
	for left, want := range map[string]int64{"": 0, "0123": 4, "01x": 0, text + "more": -1} {
		p, _ := begin(t)
		if err := p.in.WriteFile(partial(b), []byte(left), 0o600); err != nil {
			t.Fatal(err)
		}
		at, counted := int64(-1), int64(0)
		err := p.Fetch(t.Context(), b, from(text, &at), func(n int64) { counted += n })
		whole, hasErr := p.Has(t.Context(), b)
		if err != nil || hasErr != nil || !whole || at != want || counted != b.Size {
			t.Errorf("%q: %v %v, whole %v, asked at %d, want %d, counted %d", left, err, hasErr, whole, at, want, counted)
		}
	}
}

func TestWrongContentIsNeverABlob(t *testing.T) {
	b := Blob{Digest: digest.Of([]byte("right")), Size: 5}
	for _, text := range []string{"wrong", "righ", "right!"} {
		p, _ := begin(t)
		at := int64(0)
		if err := p.Fetch(t.Context(), b, from(text, &at), func(int64) {}); err == nil {
			t.Errorf("%q was taken", text)
		}
		if whole, err := p.Has(t.Context(), b); whole || err != nil {
			t.Errorf("%q: whole %v, %v", text, whole, err)
		}
	}
	p, l := begin(t, "right")
	if err := p.root.WriteFile(b.name(), []byte("wrong"), 0o600); err != nil {
		t.Fatal(err)
	}
	target := filepath.Join(t.TempDir(), "image.tar")
	if err := p.Tar(t.Context(), l, target); !errors.Is(err, digest.ErrMismatch) {
		t.Errorf("a blob that changed: got %v", err)
	}
	if _, err := os.Stat(target); !errors.Is(err, fs.ErrNotExist) {
		t.Error("the target is there")
	}
}

// A blob at hand replaces what lies under its name, and is never written into it.
func TestContentIsWrittenIntoFilesOfItsOwn(t *testing.T) {
	for say, plant := range map[string]func(from, to string) error{"hard link": os.Link, "symlink": os.Symlink} {
		outside := filepath.Join(t.TempDir(), "outside")
		if err := os.WriteFile(outside, []byte("mine"), 0o600); err != nil {
			t.Fatal(err)
		}
		p, l := begin(t, "other")
		b := Blob{Digest: digest.Of([]byte("text")), Size: 4, Content: []byte("text")}
		for _, one := range []Blob{b, {Digest: digest.Of([]byte("fetched")), Size: 7}} {
			if err := plant(outside, filepath.Join(p.dir, one.name())); err != nil {
				t.Fatal(err)
			}
			if whole, err := p.Has(t.Context(), one); whole || err != nil {
				t.Errorf("%s: whole %v, %v", say, whole, err)
			}
		}
		if err := plant(outside, filepath.Join(p.dir, b.name())); err != nil {
			t.Fatal(err)
		}
		l.Blobs = append(l.Blobs, b)
		target := filepath.Join(t.TempDir(), "layout")
		if err := p.Directory(t.Context(), l, target); err != nil {
			t.Fatal(err)
		}
		info, err := os.Lstat(filepath.Join(target, b.name()))
		got, readErr := os.ReadFile(filepath.Join(target, b.name()))
		mine, outErr := os.ReadFile(outside)
		if err := errors.Join(err, readErr, outErr); err != nil || !info.Mode().IsRegular() || string(got) != "text" {
			t.Errorf("%s: %v %q, %v", say, info.Mode(), got, err)
		}
		if string(mine) != "mine" {
			t.Errorf("%s: a file outside was written: %q", say, mine)
		}
	}
}
