package cache

import (
	"bytes"
	"crypto/rand"
	"crypto/sha256"
	"io"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"time"
)

func opened(t *testing.T, dir, version string, limit int64) *Cache {
	t.Helper()
	c, err := Open(dir, version, limit)
	if err != nil {
		t.Fatal(err)
	}
	return c
}

// file is that of the only object of a kind.
func file(t *testing.T, c *Cache, kind string) string {
	t.Helper()
	names, err := filepath.Glob(filepath.Join(c.Dir(), kind+"-*"))
	if err != nil || len(names) != 1 {
		t.Fatal(names, err)
	}
	return names[0]
}

func TestAnObjectIsKeptUnderItsKindAndKey(t *testing.T) {
	c := opened(t, filepath.Join(t.TempDir(), "a", "b"), "1", DefaultLimit)
	want := bytes.Repeat([]byte("data "), 1000)
	c.Put("table", Of("x", 1), "layer x", want)
	c.Put("seal", Of("x", 1), "layer x", nil)
	if got, ok := c.Get("table", Of("x", 1)); !ok || !bytes.Equal(got, want) {
		t.Fatalf("got %d bytes, %v", len(got), ok)
	}
	if got, ok := c.Get("seal", Of("x", 1)); !ok || len(got) > 0 {
		t.Fatal(got, ok)
	}
	for _, k := range [][2]string{{"table", Of("x", 2)}, {"table", Of("x1")}, {"points", Of("x", 1)}} {
		if _, ok := c.Get(k[0], k[1]); ok {
			t.Errorf("%q was not kept", k)
		}
	}
	if _, err := os.Stat(opened(t, filepath.Join(t.TempDir(), "new"), "1", 9).Dir()); err == nil {
		t.Error("a directory is made before there is an object")
	}
	if other := opened(t, c.Dir(), "2", DefaultLimit); other != nil {
		if _, ok := other.Get("table", Of("x", 1)); ok {
			t.Error("an object of another version was believed")
		}
		if list, err := other.Objects(); err != nil || len(list) == 0 || list[0].Err != ErrOther {
			t.Fatalf("another version of the program says %+v, %v", list, err)
		}
	}
	none := (*Cache)(nil)
	none.Put("table", "x", "", want)
	if _, ok := none.Get("table", "x"); ok {
		t.Error("nothing keeps something")
	}
	info, err := os.Stat(c.Dir())
	if err != nil || info.Mode().Perm() != 0o700 {
		t.Error(info.Mode(), err)
	}
}

// Of an object, each bit of each byte matters, and its length.
func TestADamagedObjectIsNotBelieved(t *testing.T) {
	c := opened(t, t.TempDir(), "1", DefaultLimit)
	c.Put("table", "x", "layer x", []byte("some data, some data, some data"))
	name := file(t, c, "table")
	good, err := os.ReadFile(name)
	if err != nil {
		t.Fatal(err)
	}
	write := func(b []byte) {
		if err := os.WriteFile(name, b, 0o600); err != nil {
			t.Fatal(err)
		}
	}
	for i := range len(good) * 8 {
		bad := bytes.Clone(good)
		bad[i/8] ^= 1 << (i % 8)
		write(bad)
		if _, ok := c.Get("table", "x"); ok {
			t.Fatalf("bit %d is flipped, and the object was believed", i)
		}
	}
	if list, err := c.Objects(); err != nil || len(list) != 1 || list[0].Err == nil {
		t.Errorf("%+v, %v", list, err)
	}
	for n := range good {
		write(good[:n])
		if _, ok := c.Get("table", "x"); ok {
			t.Fatalf("cut after %d of %d bytes, and the object was believed", n, len(good))
		}
	}
	write(append(bytes.Clone(good), 0))
	if _, ok := c.Get("table", "x"); ok {
		t.Fatal("a byte follows, and the object was believed")
	}
	older := bytes.Replace(good[:len(good)-sha256.Size], []byte(format), []byte(anyone+"0\n"), 1)
	sum := sha256.Sum256(older)
	write(append(older, sum[:]...))
	if list, err := c.Objects(); err != nil || len(list) != 1 || list[0].Err != ErrOther || list[0].Kind != "table" {
		t.Fatalf("in another format: %+v, %v", list, err)
	}
	write(good)
	if _, ok := c.Get("table", "x"); !ok {
		t.Fatal("the object is sound, and was not believed")
	}
	if err := os.Rename(name, strings.Replace(name, "table-", "points-", 1)); err != nil {
		t.Fatal(err)
	}
	if list, err := c.Objects(); err != nil || len(list) != 1 || list[0].Err == nil {
		t.Errorf("has another name, and is believed: %+v, %v", list, err)
	}
}

// filesOf is how many files the directory has, whatever their names.
func filesOf(t *testing.T, c *Cache) int {
	t.Helper()
	files, err := os.ReadDir(c.Dir())
	if err != nil {
		t.Fatal(err)
	}
	return len(files)
}

// An object that is written over time has no name before it is complete, and leaves nothing if it never is.
func TestAnObjectThatIsWrittenOverTime(t *testing.T) {
	c := opened(t, t.TempDir(), "1", 1<<20)
	piece := bytes.Repeat([]byte("piece "), 1000)
	for _, what := range []string{"complete", "empty", "again", "damaged", "none"} {
		want, w := []byte(nil), c.Create("points", what)
		if what == "none" {
			w = nil
		}
		for range map[string]int{"complete": 9, "again": 9, "damaged": 9}[what] {
			if _, err := w.Write(piece); err != nil {
				t.Fatal(err)
			}
			want = append(want, piece...)
		}
		if what == "again" {
			data, err := w.Again()
			if err != nil || !bytes.Equal(data, want) {
				t.Fatalf("%d bytes, %v", len(data), err)
			}
			want = data[:len(piece)]
			w.Write(want)
		}
		if list, err := c.Objects(); err != nil || len(list) > 0 {
			t.Errorf("%s: there before it is complete: %+v, %v", what, list, err)
		}
		if _, ok := c.Get("points", what); ok {
			t.Errorf("%s: believed before it is complete", what)
		}
		kept := what != "damaged" && what != "none"
		if kept && !w.Commit("layer x") {
			t.Errorf("%s: not kept", what)
		}
		w.Discard()
		if got, ok := c.Get("points", what); ok != kept || !bytes.Equal(got, want[:len(want)*map[bool]int{true: 1}[kept]]) {
			t.Errorf("%s: got %d bytes of %d, %v", what, len(got), len(want), ok)
		}
		if kept && w.Commit("layer x") {
			t.Errorf("%s: kept twice", what)
		}
		if _, _, err := c.Prune(0); err != nil || filesOf(t, c) > 0 {
			t.Errorf("%s: left behind: %d, %v", what, filesOf(t, c), err)
		}
	}
}

func TestAnObjectThatCannotBeCompletedLeavesNothing(t *testing.T) {
	c := opened(t, t.TempDir(), "1", 1<<20)
	piece := bytes.Repeat([]byte("piece "), 1000)
	large := c.Create("points", "large")
	for range 200 {
		large.Write(piece)
	}
	if large.Commit("") || filesOf(t, c) > 0 {
		t.Error("more than half of the limit was kept, or left behind")
	}
	c.Write("table", "broken", "", func(w io.Writer) error { w.Write(piece); return io.ErrUnexpectedEOF })
	if filesOf(t, c) > 0 {
		t.Error("an object with an error was kept, or left behind")
	}
}

func TestADirectoryOfOthersIsNotUsed(t *testing.T) {
	dir := t.TempDir()
	if err := os.Chmod(dir, 0o777); err != nil {
		t.Fatal(err)
	}
	if _, err := Open(dir, "1", DefaultLimit); err == nil || !strings.Contains(err.Error(), "others may write") {
		t.Error(err)
	}
	if err := os.Chmod(dir, 0o700); err != nil {
		t.Fatal(err)
	}
	if err := os.Chown(dir, 65534, 65534); err == nil {
		if _, err := Open(dir, "1", DefaultLimit); err == nil || !strings.Contains(err.Error(), "another user") {
			t.Error(err)
		}
	}
	name := filepath.Join(t.TempDir(), "file")
	if err := os.WriteFile(name, nil, 0o600); err != nil {
		t.Fatal(err)
	}
	if _, err := Open(name, "1", DefaultLimit); err == nil {
		t.Error("a file is not a directory")
	}
}

// Many write at once, and the directory never has more than its limit; what is read is right or not there.
func TestManyWritersKeepTheLimit(t *testing.T) {
	const limit = 1 << 20
	dir := t.TempDir()
	body := func(i int) []byte {
		b := make([]byte, 6000)
		for k := range b {
			b[k] = byte(k * k * (i + 7) >> 3)
		}
		return b
	}
	var wait sync.WaitGroup
	for worker := range 16 {
		c := opened(t, dir, "1", limit)
		wait.Go(func() {
			for i := range 60 {
				key := Of((worker*31 + i*7) % 400)
				c.Put("table", key, "", body((worker*31+i*7)%400))
				if got, ok := c.Get("table", key); ok && !bytes.Equal(got, body((worker*31+i*7)%400)) {
					t.Errorf("%s: another object", key)
				}
			}
		})
	}
	wait.Wait()
	files, err := os.ReadDir(dir)
	var all int64
	for _, f := range files {
		if info, err := f.Info(); err == nil {
			all += info.Size()
		}
	}
	if err != nil || all > limit || len(files) < 20 {
		t.Errorf("%d files have %d bytes of %d, %v", len(files), all, limit, err)
	}
}

func TestPruneRemovesWhatWasNotUsed(t *testing.T) {
	c := opened(t, t.TempDir(), "1", DefaultLimit)
	foreign := filepath.Join(c.Dir(), "sha256-"+strings.Repeat("a", 64))
	left := filepath.Join(c.Dir(), tempPrefix+rand.Text())
	for _, name := range []string{foreign, left} {
		if err := os.WriteFile(name, []byte("x"), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	for i := range 4 {
		kind := kinds[i]
		c.Put(kind, "x", "", []byte("data"))
		old := time.Now().Add(-time.Duration(9-i) * time.Hour)
		if err := os.Chtimes(file(t, c, kind), old, old); err != nil {
			t.Fatal(err)
		}
	}
	if _, ok := c.Get(kinds[1], "x"); !ok { // which counts as used now
		t.Fatal("an object is lost")
	}
	old := time.Now().Add(-time.Hour)
	if err := os.Chtimes(left, old, old); err != nil {
		t.Fatal(err)
	}
	files, _, err := c.Prune(2 * room(1))
	if err != nil || files != 3 {
		t.Fatal(files, err)
	}
	for i, want := range []bool{false, true, false, true} {
		if _, ok := c.Get(kinds[i], "x"); ok != want {
			t.Errorf("%s: %v", kinds[i], ok)
		}
	}
	if _, err := os.Stat(foreign); err != nil {
		t.Error("a file that is not the cache's was removed")
	}
	if _, err := os.Stat(left); err == nil {
		t.Error("what a killed process left is there")
	}
}
