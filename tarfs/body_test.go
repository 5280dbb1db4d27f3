package tarfs_test

import (
	"fmt"
	"strings"
	"testing"

	"layup/tarfs"
)

// Every body is accounted for once: "layer path bytes", then live, or the layer that hid it and how.
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
		{"all hard links are removed, one after the other", []string{"f a =one; h b -> a", "f .wh.a", "f .wh.b"}, "0 /b 3 2 whiteout"},
		{"a link into a lower layer outlives its target", []string{"f a =one", "h b -> a", "f .wh.a"}, "0 /b 3 live"},
		{"a duplicate in its layer", []string{"f a =secret; f a =x"}, "0 /a 6 0 replaced-in-layer; 0 /a 1 live"},
		{"a duplicate that a hard link keeps", []string{"f a =secret; h b -> a; f a =x"}, "0 /b 6 live; 0 /a 1 live"},
		{"a directory's file that another entry takes away", []string{"d d; f d/x =one; f d =y"}, "0 /d/x 3 0 replaced-in-layer; 0 /d 1 live"},
		{"what a whiteout carries", []string{"f a =1", "f .wh.a =hidden"}, "0 /a 1 1 whiteout; 1 /.wh.a 6 1 whiteout-content"},
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
					t.Errorf("%s: the version tells of another body", line)
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
