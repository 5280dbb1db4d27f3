package tarfs_test

import (
	"bufio"
	"errors"
	"fmt"
	"io"
	"strings"
	"testing"
	"testing/iotest"

	"layup/tarfs"
)

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
