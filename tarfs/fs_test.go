package tarfs_test

import (
	"bufio"
	"errors"
	"fmt"
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

// want holds each body once: "layer path bytes", then live, or the layer that hides it and how.
func TestEveryBodyIsAccountedForOnce(t *testing.T) {
	for _, c := range []struct {
		name   string
		layers []string
		want   string
	}{
		{"a live file", []string{"f a =one"}, "0 /a 3 live"},
		{"an overwritten file", []string{"f a =one", "f a =two2"}, "0 /a 3 1 replaced; 1 /a 4 live"},
		{"a deleted directory", []string{"d d; f d/x =1; f d/y =22", "f .wh.d"}, "0 /d/x 1 1 whiteout; 0 /d/y 2 1 whiteout"},
		{"an opaque directory", []string{"d d; f d/x =1", "d d; f d/.wh..wh..opq"}, "0 /d/x 1 1 opaque"},
		{"one of three hard links is removed", []string{"f a =one; h b -> a; h c -> a", "f .wh.a"}, "0 /b 3 live"},
		{"all hard links are removed, one after the other", []string{"f a =one; h b -> a", "f .wh.a", "f .wh.b"},
			"0 /b 3 2 whiteout"},
		{"a link into a lower layer outlives its target", []string{"f a =one", "h b -> a", "f .wh.a"}, "0 /b 3 live"},
		{"a duplicate in its layer", []string{"f a =secret; f a =x"}, "0 /a 6 0 replaced-in-layer; 0 /a 1 live"},
		{"a duplicate that a hard link keeps", []string{"f a =secret; h b -> a; f a =x"}, "0 /b 6 live; 0 /a 1 live"},
		{"a directory's file that another entry takes away", []string{"d d; f d/x =one; f d =y"},
			"0 /d/x 3 0 replaced-in-layer; 0 /d 1 live"},
		{"what a whiteout carries", []string{"f a =1", "f .wh.a =hidden"},
			"0 /a 1 1 whiteout; 1 /.wh.a 6 1 whiteout-content"},
		{"what an opaque marker carries", []string{"d d; f d/.wh..wh..opq =x"}, "0 /d/.wh..wh..opq 1 0 whiteout-content"},
		{"an entry below a file", []string{"f a =1; f ./../a/b//c =22"}, "0 /a 1 live; 0 /a/b/c 2 0 ignored"},
		{"a root that is a file", []string{"f . =12"}, "0 / 2 0 ignored"},
		{"the same layer twice", []string{"f a =one", "f a =one"}, "0 /a 3 1 replaced; 1 /a 3 live"},
		{"an empty file and what is none", []string{"f a; d d; l s -> a; p p; V label =12345"}, ""},
	} {
		t.Run(c.name, func(t *testing.T) {
			var layers [][]item
			for _, l := range c.layers {
				layers = append(layers, layerOf(l))
			}
			s := stackOf(t, layers, tarfs.Runtime)
			var got []string
			for b := range s.tree.Bodies() {
				line := fmt.Sprintf("%d %s %d", b.Layer(), b.Version().Node().Path(), b.Stored())
				if by, how := b.Version().HiddenBy(); b.Live() {
					line += " live"
				} else {
					line += fmt.Sprintf(" %d %s", by, how)
				}
				got = append(got, line)
				if one, ok := b.Version().Body(); !ok || one != b {
					t.Errorf("%s: the version belongs to another body", line)
				}
			}
			if text := strings.Join(got, "; "); text != c.want {
				t.Errorf("got  %s\nwant %s", text, c.want)
			}
			for v := range s.tree.Unseen() {
				if data := contentOf(v, s.tars); len(data) != int(v.Size()) {
					t.Errorf("%s: content %q", v.Node().Path(), data)
				}
				if _, ok := s.tree.Top().Of(v.Node()); ok || v.Node().IsRoot() || v.Node().Parent() != s.tree.Root() {
					t.Errorf("%s is part of the tree", v.Node().Path())
				}
			}
		})
	}
}

// A tar gives a file's content, whether it is read at any place or from its beginning to its end.
func TestExpandPutsExtentsTogether(t *testing.T) {
	const tar = "......abc..defg."
	for _, c := range []struct {
		name         string
		extents      []tarfs.Extent
		size         int64
		stored, want string
	}{
		{"an empty file", nil, 0, "", ""},
		{"one piece", []tarfs.Extent{{TarOffset: 6, Size: 3}}, 3, "abc", "abc"},
		{"nothing but a hole", nil, 5, "", "\x00\x00\x00\x00\x00"},
		{"a hole before", []tarfs.Extent{{2, 6, 3}}, 5, "abc", "\x00\x00abc"},
		{"a hole after", []tarfs.Extent{{0, 6, 3}}, 5, "abc", "abc\x00\x00"},
		{"a hole between", []tarfs.Extent{{0, 6, 3}, {5, 11, 4}}, 9, "abcdefg", "abc\x00\x00defg"},
		{"an empty extent", []tarfs.Extent{{0, 6, 2}, {2, 8, 0}, {2, 8, 1}}, 3, "abc", "abc"},
	} {
		for how, open := range map[string]func() io.ReaderAt{
			"at any place": func() io.ReaderAt { return strings.NewReader(tar) },
			"forward":      func() io.ReaderAt { return tarfs.NewForward(bufio.NewReader(strings.NewReader(tar)), 0) },
			"forward, byte by byte": func() io.ReaderAt {
				return tarfs.NewForward(iotest.OneByteReader(strings.NewReader(tar)), 0)
			},
			"forward, from later": func() io.ReaderAt { return tarfs.NewForward(strings.NewReader(tar[6:]), 6) },
		} {
			if err := iotest.TestReader(tarfs.Stored(open(), c.extents), []byte(c.stored)); err != nil {
				t.Errorf("%s, stored, %s: %v", c.name, how, err)
			}
			whole := tarfs.Expand(tarfs.Stored(open(), c.extents), c.extents, c.size)
			if err := iotest.TestReader(whole, []byte(c.want)); err != nil {
				t.Errorf("%s, expanded, %s: %v", c.name, how, err)
			}
		}
	}
}

func TestExpandMissesWhatATarLost(t *testing.T) {
	extents := []tarfs.Extent{{0, 6, 3}, {5, 11, 4}}
	for _, tar := range []string{"......abc..def", "......abc..", "......abc", "......", ""} {
		for how, at := range map[string]io.ReaderAt{
			"at any place": strings.NewReader(tar),
			"forward":      tarfs.NewForward(strings.NewReader(tar), 0),
			"discarding":   tarfs.NewForward(bufio.NewReader(strings.NewReader(tar)), 0),
		} {
			b, err := io.ReadAll(tarfs.Expand(tarfs.Stored(at, extents), extents, 10))
			if want := "abc\x00\x00def"; !errors.Is(err, tarfs.ErrShort) || !strings.HasPrefix(want, string(b)) {
				t.Errorf("%q, %s: got %q, %v; want %v", tar, how, b, err, tarfs.ErrShort)
			}
		}
	}
	if _, err := tarfs.NewForward(strings.NewReader("abc"), 2).ReadAt(nil, 1); err == nil {
		t.Error("a Forward went back")
	}
}
