package disk

import (
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"sync"
	"testing"
)

// opened makes a directory of files that hold their names.
func opened(t *testing.T, names ...string) (*Dir, string) {
	t.Helper()
	dir := t.TempDir()
	for _, name := range names {
		if err := os.WriteFile(filepath.Join(dir, name), []byte(name), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	root, err := os.OpenRoot(dir)
	if err != nil {
		t.Fatal(err)
	}
	d := &Dir{Root: root}
	t.Cleanup(func() { d.Close() })
	return d, dir
}

func TestFewFilesAreOpen(t *testing.T) {
	var names []string
	for i := range 3 * MaxOpen {
		names = append(names, fmt.Sprintf("%03d", i))
	}
	d, _ := opened(t, names...)
	var list []*File
	for _, name := range names {
		f, err := d.Open(name)
		if err != nil {
			t.Fatal(err)
		}
		list = append(list, f)
	}
	var wait sync.WaitGroup
	for range 4 {
		wait.Go(func() {
			for i, f := range list {
				got := make([]byte, 3)
				if _, err := f.ReadAt(got, 0); err != nil || string(got) != names[i] || f.Check() != nil {
					t.Errorf("%s: got %q, %v", names[i], got, err)
				}
			}
		})
	}
	wait.Wait()
	if n := len(d.live); n != MaxOpen {
		t.Errorf("%d files are open, want %d", n, MaxOpen)
	}
}

func TestAFileThatChangesWhileClosedIsNoticed(t *testing.T) {
	for what, change := range map[string]func(name string) error{
		"replaced": func(name string) error { return os.Rename(name+"b", name) },
		"removed":  os.Remove,
		"shorter":  func(name string) error { return os.Truncate(name, 0) },
		"a link":   func(name string) error { return errors.Join(os.Remove(name), os.Symlink("ab", name)) },
	} {
		d, dir := opened(t, "a", "ab")
		f, err := d.Open("a")
		if err != nil {
			t.Fatal(err)
		}
		if err := f.Close(); err != nil { // as making room for others does
			t.Fatal(err)
		}
		if err := change(filepath.Join(dir, "a")); err != nil {
			t.Fatal(err)
		}
		if _, err := f.ReadAt(make([]byte, 1), 0); err == nil || what != "a link" && !errors.Is(err, ErrChanged) {
			t.Errorf("%s: got %v", what, err)
		}
	}
}
