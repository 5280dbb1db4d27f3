package temporary

import (
	"os"
	"path/filepath"
	"runtime"
	"slices"
	"strings"
	"testing"
	"time"
)

// kill ends the use of a directory as the end of its process does.
func (d *Dir) kill() {
	d.held.Close()
	d.Root.Close()
	d.outer.Close()
}

func onUnix(t *testing.T) {
	t.Helper()
	if runtime.GOOS == "windows" {
		t.Skip("leftovers are found by locks of Unix")
	}
}

func must[T any](v T, err error) T {
	if err != nil {
		panic(err)
	}
	return v
}

// listed are the names in a directory.
func listed(t *testing.T, dir string) (names []string) {
	t.Helper()
	for _, e := range must(os.ReadDir(dir)) {
		names = append(names, e.Name())
	}
	return names
}

// begin makes a tree of two files and a directory for a target.
func begin(t *testing.T, target string) *Dir {
	t.Helper()
	d, err := NewDir(target)
	if err != nil {
		t.Fatal(err)
	}
	for _, name := range []string{"a", "b"} {
		if err := d.Root.WriteFile(name, nil, 0o600); err != nil {
			t.Fatal(err)
		}
	}
	if err := d.Root.Mkdir("d", 0); err != nil { // nobody may enter it
		t.Fatal(err)
	}
	return d
}

func TestLeftoversAreRemovedByTheNextWriterOfTheTarget(t *testing.T) {
	onUnix(t)
	parent := t.TempDir()
	f := must(Create(filepath.Join(parent, "x.tar")))
	f.File.Close()
	begin(t, filepath.Join(parent, "new")).kill()
	if left := listed(t, parent); len(left) != 2 {
		t.Fatalf("left: %q", left)
	}
	other := must(Create(filepath.Join(parent, "other")))
	if left := listed(t, parent); len(left) != 3 {
		t.Errorf("the writer of another target removed something: %q", left)
	}
	other.Discard()
	if f := must(Create(filepath.Join(parent, "x.tar"))); f.Commit() != nil {
		t.Error("no file")
	}
	d := begin(t, filepath.Join(parent, "new"))
	if err := d.Commit(); err != nil || d.Close() != nil {
		t.Error(err)
	}
	if left := listed(t, parent); !slices.Equal(left, []string{"new", "x.tar"}) {
		t.Errorf("left: %q", left)
	}
}

func TestExistingDirectoryIsEmptyAgainAfterAKill(t *testing.T) {
	onUnix(t)
	for moved := range 5 {
		target := t.TempDir()
		d := begin(t, target)
		if moved > 0 { // otherwise it was killed before it began to move
			names := must(namesIn(d.Root))
			if err := d.outer.WriteFile(d.name+"/"+moving, []byte(strings.Join(names, "\x00")+"\x00"), 0o600); err != nil {
				t.Fatal(err)
			}
			for _, name := range names[:moved-1] {
				if err := os.Rename(filepath.Join(d.Path(), name), filepath.Join(target, name)); err != nil {
					t.Fatal(err)
				}
			}
		}
		d.kill()
		if err := CheckDir(target); err != nil || len(listed(t, target)) > 0 {
			t.Errorf("%d moved: %v, left: %q", moved-1, err, listed(t, target))
		}
	}
}

// What others own, made or use is not a leftover, whatever its name is.
func TestOnlyLeftoversAreRemoved(t *testing.T) {
	onUnix(t)
	parent := t.TempDir()
	target := filepath.Join(parent, "x")
	alive := must(Create(target))
	defer alive.Discard()
	building := begin(t, target)
	defer building.Close()
	before := listed(t, parent)
	name := func(n string) string {
		before = append(before, prefix("x")+strings.Repeat(n, chance))
		return filepath.Join(parent, before[len(before)-1])
	}
	if err := os.WriteFile(name("A"), nil, 0o600); err != nil { // as extract writes a file of an image
		t.Fatal(err)
	}
	if err := os.Chtimes(filepath.Join(parent, before[len(before)-1]), time.Unix(0, 0), time.Unix(1, 0)); err != nil {
		t.Fatal(err)
	}
	if err := os.Mkdir(name("B"), 0o755); err != nil { // as extract makes a directory that no entry names
		t.Fatal(err)
	}
	if err := os.MkdirAll(filepath.Join(name("C"), "evidence"), 0o700); err != nil {
		t.Fatal(err)
	}
	if err := os.Symlink("/", name("D")); err != nil {
		t.Fatal(err)
	}
	if os.Geteuid() == 0 {
		at := name("E")
		if err := os.WriteFile(at, nil, 0o600); err != nil || os.Chown(at, 1, 1) != nil {
			t.Fatal("no file of another user", err)
		}
	}
	before = append(before, ".x.layup-abc")
	if err := os.WriteFile(filepath.Join(parent, ".x.layup-abc"), nil, 0o600); err != nil {
		t.Fatal(err)
	}
	again := must(Create(target))
	again.Discard()
	slices.Sort(before)
	if after := listed(t, parent); !slices.Equal(before, after) {
		t.Errorf("got %q, want %q", after, before)
	}
}

// What a user puts in the place of a moved file later is not removed.
func TestLaterFilesStayInTheDirectory(t *testing.T) {
	onUnix(t)
	target := t.TempDir()
	d := begin(t, target)
	if err := d.outer.WriteFile(d.name+"/"+moving, []byte("../b\x00a\x00b\x00d\x00"), 0o600); err != nil {
		t.Fatal(err)
	}
	if err := os.Rename(filepath.Join(d.Path(), "a"), filepath.Join(target, "a")); err != nil {
		t.Fatal(err)
	}
	d.kill()
	long := time.Now().Add(-time.Hour)
	if err := os.Chtimes(d.Path(), long, long); err != nil { // the kill was an hour ago
		t.Fatal(err)
	}
	if err := CheckDir(target); err == nil || !slices.Equal(listed(t, target), []string{"a"}) {
		t.Errorf("got %v, left: %q", err, listed(t, target))
	}
}

func TestDiscardedFileCannotBeCommitted(t *testing.T) {
	target := filepath.Join(t.TempDir(), "x")
	f := must(Create(target))
	f.Discard()
	f.Discard()
	if err := f.Commit(); err == nil || len(listed(t, filepath.Dir(target))) > 0 {
		t.Errorf("got %v, left: %q", err, listed(t, filepath.Dir(target)))
	}
}

// A name of 255 bytes has room for nothing more.
func TestLongTargetsHaveTemporaryNames(t *testing.T) {
	target := filepath.Join(t.TempDir(), strings.Repeat("é", 127))
	for range 2 {
		f := must(Create(target))
		if err := f.Commit(); err != nil {
			t.Error(err)
		}
	}
	if left := listed(t, filepath.Dir(target)); len(left) != 1 {
		t.Errorf("left: %q", left)
	}
}
