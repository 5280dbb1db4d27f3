package extract_test

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"layup/analyze"
	"layup/analyze/extract"
	"layup/analyze/temporary"
	"layup/fixtures/harness"
	"layup/tarfs"
)

// open opens an image that is given as text.
func open(t *testing.T, text string) *analyze.Image {
	t.Helper()
	return harness.Open(t, text, analyze.Default())
}

// If another process replaces directories by symlinks during extraction, it fails, and writes nothing to their targets.
func TestExchangedDirectoriesLeadNowhere(t *testing.T) {
	for name, way := range map[string]string{"near": "", "far": strings.Repeat("w/", 40)} { // far ones are opened at once
		t.Run(name, func(t *testing.T) { exchanged(t, way) })
	}
}

func exchanged(t *testing.T, way string) {
	count := 60
	if way != "" {
		count = 8
	}
	var text strings.Builder
	text.WriteString("layer ADD\n")
	for i := range count {
		fmt.Fprintf(&text, "d 0755 0:0 d%d\nd 0777 0:0 d%d/%se\n", i, i, way)
	}
	for k := range 20 {
		for i := range count {
			dir := fmt.Sprintf("d%d/%se", i, way)
			fmt.Fprintf(&text, "f 0666 0:0 %s/f%d \"x\" xattr.user.k=00\np 0666 0:0 %s/p%d\nl %s/l%d -> f%d\n", dir, k, dir, k,
				dir, k, k)
		}
	}
	img := open(t, text.String())
	for round := range 4 {
		outside := t.TempDir()
		for k := range 20 { // what a followed link would change
			if err := os.WriteFile(filepath.Join(outside, fmt.Sprintf("p%d", k)), []byte("alive"), 0o400); err != nil {
				t.Fatal(err)
			}
		}
		before := stateOf(t, outside)
		dir := t.TempDir()
		var stop atomic.Bool
		done := make(chan int)
		go func() { done <- exchange(dir, outside, way, &stop) }()
		_, err := everything(t, img, 0).Into(t.Context(), filepath.Join(dir, "out"), extract.Options{KeepGoing: round%2 == 1})
		stop.Store(true)
		swapped := <-done
		if err == nil && swapped > 0 {
			t.Logf("round %d: %d exchanges went by unnoticed", round, swapped)
		}
		if after := stateOf(t, outside); !slices.Equal(before, after) {
			t.Errorf("round %d, %d exchanges: outside was changed: %.300q", round, swapped, after)
		}
	}
}

// exchange replaces directories and FIFOs of the unfinished tree by symlinks to outside, until it is stopped. It uses
// an os.Root, so it does not follow its own links.
func exchange(dir, outside, way string, stop *atomic.Bool) (swapped int) {
	root, err := os.OpenRoot(dir)
	if err != nil {
		return 0
	}
	defer root.Close()
	for begin := time.Now(); !stop.Load() && time.Since(begin) < 10*time.Second; {
		names, _ := fs.Glob(root.FS(), ".*.layup-*/tree/d*/"+way+"e")
		for _, name := range names {
			if info, err := root.Lstat(name); err != nil || !info.IsDir() {
				continue
			}
			if root.Rename(name, name+".away") == nil && root.Symlink(outside, name) == nil {
				swapped++
			}
		}
		fifos, _ := fs.Glob(root.FS(), ".*.layup-*/tree/d*/"+way+"e.away/p*")
		for _, name := range fifos {
			if root.Remove(name) == nil {
				root.Symlink(filepath.Join(outside, filepath.Base(name)), name)
			}
		}
	}
	return swapped
}

// stateOf lists what is in a directory, with modes, times and contents.
func stateOf(t *testing.T, dir string) []string {
	t.Helper()
	var list []string
	err := filepath.WalkDir(dir, func(name string, d fs.DirEntry, err error) error {
		if err != nil {
			return err
		}
		info, err := d.Info()
		if err != nil {
			return err
		}
		content, _ := os.ReadFile(name)
		list = append(list, fmt.Sprintf("%s %v %v %q", name, info.Mode(), info.ModTime(), content))
		return nil
	})
	if err != nil {
		t.Fatal(err)
	}
	return list
}

// A name that exists, as on a file system that ignores case, is never written to.
func TestNamesThatCollideAreRefused(t *testing.T) {
	img := open(t, "layer ADD\nd 0755 0:0 a\nf 0644 0:0 a/file \"one\"\nf 0644 0:0 b \"two\"\n")
	dir := t.TempDir()
	var stop atomic.Bool
	done := make(chan struct{})
	go func() { // adds a name as soon as the directory exists
		defer close(done)
		for begin := time.Now(); !stop.Load() && time.Since(begin) < 10*time.Second; {
			names, _ := filepath.Glob(filepath.Join(dir, ".*.layup-*", "tree"))
			for _, name := range names {
				os.Symlink("/nowhere", filepath.Join(name, "b"))
			}
		}
	}()
	defer func() { stop.Store(true); <-done }()
	for range 200 {
		_, err := everything(t, img, 0).Into(t.Context(), filepath.Join(dir, "out"), extract.Options{})
		if err == nil { // the extraction was faster
			if err := os.RemoveAll(filepath.Join(dir, "out")); err != nil {
				t.Fatal(err)
			}
			continue
		}
		if !extract.Refused(err) || !strings.Contains(err.Error(), `"/b": file exists`) {
			t.Errorf("got %v", err)
		}
		return
	}
	t.Skip("the collision never came in time")
}

func TestFailureEmptiesADirectoryThatWasEmpty(t *testing.T) {
	long := strings.Repeat("n", 256)
	img := open(t, "layer ADD\nd 0500 0:0 a\nf 0644 0:0 a/file \"one\"\nf 0644 0:0 "+long+" \"two\"\n")
	dir := t.TempDir()
	_, err := everything(t, img, 0).Into(t.Context(), dir, extract.Options{})
	if err == nil || !extract.Refused(err) {
		t.Errorf("got %v", err)
	}
	if left, err := os.ReadDir(dir); err != nil || len(left) > 0 {
		t.Errorf("left: %v %v", left, err)
	}
	r, err := everything(t, img, 0).Into(t.Context(), dir, extract.Options{KeepGoing: true})
	if err != nil || len(r.LeftOut) == 0 || r.LeftOut[len(r.LeftOut)-1].Kind != extract.Unstorable {
		t.Errorf("got %+v, %v", r, err)
	}
	t.Cleanup(func() { os.Chmod(filepath.Join(dir, "a"), 0o700) }) // so that it can be removed
	if b, err := os.ReadFile(filepath.Join(dir, "a", "file")); err != nil || string(b) != "one" {
		t.Errorf("got %q, %v", b, err)
	}
}

func TestOnlyNewOrEmptyDirectoriesAreFilled(t *testing.T) {
	dir := t.TempDir()
	must := func(err error) {
		if err != nil {
			t.Fatal(err)
		}
	}
	must(os.Mkdir(filepath.Join(dir, "full"), 0o755))
	must(os.WriteFile(filepath.Join(dir, "full", "x"), nil, 0o644))
	must(os.Mkdir(filepath.Join(dir, "empty"), 0o755))
	must(os.Symlink("empty", filepath.Join(dir, "link")))
	must(os.Symlink("nowhere", filepath.Join(dir, "dangling")))
	notDirectory := errors.New("exists and is not a directory")
	for name, want := range map[string]error{
		"new": nil, "empty": nil, "link": nil, "full": temporary.ErrNotEmpty, "full/x": notDirectory,
		"dangling": errors.New("is a dangling symlink"), "new/": nil, "empty/": nil, "new/.": nil,
		"full/x/": notDirectory, "none/new": fs.ErrNotExist,
	} {
		err := temporary.CheckDir(dir + "/" + name) // Join would take the slash off
		if (err == nil) != (want == nil) || want != nil &&
			!strings.Contains(err.Error(), strings.TrimPrefix(want.Error(), "file does ")) && !errors.Is(err, want) {
			t.Errorf("%s: got %v want %v", name, err, want)
		}
	}
}

func TestStrippedPathsMayNotCollide(t *testing.T) {
	img := open(t, "layer ADD\nd 0755 0:0 a\nd 0755 0:0 b\nf 0644 0:0 a/x \"one\"\nf 0644 0:0 b/x \"two\"\nd 0700 0:0 "+
		"a/d\nd 0755 0:0 b/d\nf 0644 0:0 b/d/y \"three\"\n")
	walk := img.Top().Walk(img.Tree().Root(), -1)
	_, err := extract.NewPlan(img, walk, 1)
	var collision *extract.CollisionError
	if !errors.As(err, &collision) || collision.Path != "/x" {
		t.Errorf("got %v", err)
	}
	plan, err := extract.NewPlan(img, func(yield func(tarfs.Version) bool) {
		for v := range walk {
			if v.Node().Path() != "/a/x" && !yield(v) {
				return
			}
		}
	}, 1)
	if err != nil {
		t.Fatal(err)
	}
	dir := filepath.Join(t.TempDir(), "out")
	if _, err := plan.Into(t.Context(), dir, extract.Options{}); err != nil {
		t.Fatal(err)
	}
	b, err := os.ReadFile(filepath.Join(dir, "d", "y"))
	info, statErr := os.Stat(filepath.Join(dir, "d"))
	if err != nil || statErr != nil || string(b) != "three" || info.Mode().Perm() != 0o700 {
		t.Errorf("got %q, %v, %v, %v", b, info, err, statErr)
	}
}
