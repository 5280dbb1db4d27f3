package tarfs_test

import (
	"errors"
	"io"
	"io/fs"
	"strings"
	"testing"
	"testing/fstest"
	"testing/iotest"

	"layup/tarfs"
)

// fsOf opens what a stack shows at its top.
func fsOf(t testing.TB, layers ...string) fs.FS {
	t.Helper()
	var list [][]item
	for _, text := range layers {
		list = append(list, layerOf(text))
	}
	s := stackOf(t, list, tarfs.Runtime)
	return s.tree.Top().FS(s.open)
}

func (s stack) open(v tarfs.Version) (io.ReadCloser, error) {
	return io.NopCloser(strings.NewReader(contentOf(v, s.tars))), nil
}

// An image without the four things that io/fs cannot express passes the standard library's own test.
func TestFSPassesTestFS(t *testing.T) {
	fsys := fsOf(t,
		"d ./ 0755; d etc 0755; f etc/passwd =root; f etc/gone =x; d usr/lib; f usr/lib/libc =elf; l lib -> usr/lib; "+
			"l etc/abs -> /usr/lib/libc; l up -> etc/../lib/libc; h etc/hard -> etc/passwd; f empty",
		"f etc/.wh.gone; f opt/implied/f =2; f etc/passwd =new 4755; d tmp 1777; f spaces-are-fine; l back -> ../../etc",
	)
	expected := []string{"etc/passwd", "etc/hard", "lib", "usr/lib/libc", "opt/implied/f", "tmp", "up", "empty"}
	if err := fstest.TestFS(fsys, expected...); err != nil {
		t.Fatal(err)
	}
	for name, want := range map[string]string{"etc/passwd": "new", "etc/hard": "root", "lib/libc": "elf", "up": "elf",
		"etc/abs": "elf", "back/passwd": "new"} {
		if got, err := fs.ReadFile(fsys, name); err != nil || string(got) != want {
			t.Errorf("%s: %q, %v; want %q", name, got, err, want)
		}
	}
	if _, err := fs.Stat(fsys, "etc/gone"); !errors.Is(err, fs.ErrNotExist) {
		t.Errorf("a removed file: %v", err)
	}
}

// rootNames returns the names in the root.
func rootNames(t *testing.T, fsys fs.FS) string {
	t.Helper()
	list, err := fs.ReadDir(fsys, ".")
	if err != nil {
		t.Fatal(err)
	}
	var names []string
	for _, e := range list {
		names = append(names, e.Name())
	}
	return strings.Join(names, " ")
}

func TestFSListsNamesThatAreNotUTF8ButCannotOpenThem(t *testing.T) {
	fsys := fsOf(t, "f caf\xe9 =1; f ok")
	if got := rootNames(t, fsys); got != "caf\xe9 ok" {
		t.Errorf("listed %q", got)
	}
	if _, err := fsys.Open("caf\xe9"); !errors.Is(err, fs.ErrInvalid) {
		t.Errorf("opened: %v, want %v", err, fs.ErrInvalid)
	}
}

func TestFSOpensNamesWithBackslashes(t *testing.T) {
	fsys := fsOf(t, `f a\b =1; f ..\evil`)
	if got := rootNames(t, fsys); got != `..\evil a\b` {
		t.Errorf("listed %q", got)
	}
	if got, err := fs.ReadFile(fsys, `a\b`); err != nil || string(got) != "1" {
		t.Errorf("%q, %v", got, err)
	}
}

func TestFSListsDanglingLinksButCannotOpenThem(t *testing.T) {
	checkDeadLink(t, fsOf(t, "l dead -> no/where"), "no/where", fs.ErrNotExist)
}

func TestFSListsLinksInALoopButCannotOpenThem(t *testing.T) {
	checkDeadLink(t, fsOf(t, "l dead -> dead"), "dead", tarfs.ErrLoop)
}

func checkDeadLink(t *testing.T, fsys fs.FS, target string, want error) {
	t.Helper()
	if got := rootNames(t, fsys); got != "dead" {
		t.Errorf("listed %q", got)
	}
	if got, err := fs.ReadLink(fsys, "dead"); err != nil || got != target {
		t.Errorf("read as a link: %q, %v", got, err)
	}
	if info, err := fs.Lstat(fsys, "dead"); err != nil || info.Mode().Type() != fs.ModeSymlink {
		t.Errorf("described: %v, %v", info, err)
	}
	if _, err := fsys.Open("dead"); !errors.Is(err, want) {
		t.Errorf("opened: %v, want %v", err, want)
	}
	if _, err := fs.Stat(fsys, "dead"); !errors.Is(err, want) {
		t.Errorf("followed: %v, want %v", err, want)
	}
}

func TestFSModes(t *testing.T) {
	fsys := fsOf(t, "f su 4755; f sg 2755; d tmp 1777; p p 0600; c c #1:3 0666; b b #8:0 0660; l l -> su; f x/y")
	for name, want := range map[string]fs.FileMode{
		"su": 0o755 | fs.ModeSetuid, "sg": 0o755 | fs.ModeSetgid, "tmp": 0o777 | fs.ModeSticky | fs.ModeDir,
		"p": 0o600 | fs.ModeNamedPipe,
		"c": 0o666 | fs.ModeDevice | fs.ModeCharDevice, "b": 0o660 | fs.ModeDevice, "l": 0o777 | fs.ModeSymlink,
		"x": 0o755 | fs.ModeDir,
	} {
		if info, err := fs.Lstat(fsys, name); err != nil || info.Mode() != want {
			t.Errorf("%s: %v, %v; want %v", name, info, err, want)
		}
	}
}

func TestFSErrorsArePathErrors(t *testing.T) {
	fsys := fsOf(t, "f a =1; d d")
	for op, call := range map[string]func() error{
		"open":     func() error { _, err := fsys.Open("a/b"); return err },
		"stat":     func() error { _, err := fs.Stat(fsys, "../a"); return err },
		"readlink": func() error { _, err := fs.ReadLink(fsys, "a"); return err },
		"readdir":  func() error { _, err := fs.ReadDir(fsys, "a"); return err },
		"lstat":    func() error { _, err := fs.Lstat(fsys, "/a"); return err },
	} {
		err := call()
		if path, ok := errors.AsType[*fs.PathError](err); !ok || path.Op != op {
			t.Errorf("%s: %v", op, err)
		}
	}
}

// Without a way to read contents everything but contents is there.
func TestFSWithoutContents(t *testing.T) {
	s := stackOf(t, [][]item{layerOf("f a =1; p p")}, tarfs.Runtime)
	fsys := s.tree.Top().FS(nil)
	for _, name := range []string{"a", "p"} {
		f, err := fsys.Open(name)
		if err != nil {
			t.Fatal(err)
		}
		if _, err := io.ReadAll(f); err == nil {
			t.Errorf("%s: read without a reader", name)
		}
		if err := errors.Join(f.Close()); err != nil {
			t.Errorf("%s: %v", name, err)
		}
		if err := f.Close(); !errors.Is(err, fs.ErrClosed) {
			t.Errorf("%s: closed twice: %v", name, err)
		}
	}
}

// A closed file answers nothing, and what fails in between names the file.
func TestFSFilesEndWithClose(t *testing.T) {
	s := stackOf(t, [][]item{layerOf("f a =1; d d; f d/x; f im/plied")}, tarfs.Runtime)
	broken := errors.New("broken")
	fsys := s.tree.Top().FS(func(tarfs.Version) (io.ReadCloser, error) {
		return io.NopCloser(iotest.ErrReader(broken)), nil
	})
	for _, name := range []string{"a", "d"} {
		f, err := fsys.Open(name)
		if err != nil {
			t.Fatal(err)
		}
		_, err = f.Read(make([]byte, 1))
		if path, ok := errors.AsType[*fs.PathError](err); !ok || path.Path != name || name == "a" && !errors.Is(err, broken) {
			t.Errorf("%s: read: %v", name, err)
		}
		if err := f.Close(); err != nil {
			t.Error(err)
		}
		_, stat := f.Stat()
		_, read := f.Read(nil)
		list := error(fs.ErrClosed)
		if d, ok := f.(fs.ReadDirFile); ok {
			_, list = d.ReadDir(-1)
		}
		for _, err := range []error{stat, read, list, f.Close()} {
			if !errors.Is(err, fs.ErrClosed) {
				t.Errorf("%s: %v, want %v", name, err, fs.ErrClosed)
			}
		}
	}
	if info, err := fs.Stat(fsys, "im"); err != nil || !info.ModTime().IsZero() {
		t.Errorf("an implied directory: %v, %v", info, err)
	}
}
