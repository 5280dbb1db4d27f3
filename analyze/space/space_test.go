package space_test

import (
	"archive/tar"
	"bufio"
	"bytes"
	"fmt"
	"math/rand/v2"
	"path"
	"testing"

	"layup/analyze/space"
	"layup/tarfs"
)

// randomLayer writes files, hard links and whiteouts in a few directories: the same names come up again. Links may
// lead to files of lower layers.
func randomLayer(r *rand.Rand, files []string) (*bufio.Reader, []string) {
	var b bytes.Buffer
	w := tar.NewWriter(&b)
	for range 1 + r.IntN(25) {
		dir := []string{"", "a/", "a/b/", "a/b/c/", "a/d/", "e/", "e/f/"}[r.IntN(7)]
		h := &tar.Header{Name: fmt.Sprint(dir, r.IntN(4)), Mode: 0o644, Size: int64(r.IntN(20))}
		switch n := r.IntN(10); {
		case n < 3 && len(files) > 0:
			h.Typeflag, h.Linkname, h.Size = tar.TypeLink, files[r.IntN(len(files))], 0
		case n == 3:
			h.Name, h.Size = dir+".wh."+path.Base(h.Name), 0
		default:
			files = append(files, h.Name)
		}
		if err := w.WriteHeader(h); err != nil {
			panic(err)
		}
		w.Write(make([]byte, h.Size))
	}
	if err := w.Close(); err != nil {
		panic(err)
	}
	return bufio.NewReader(&b), files
}

func TestSizesAreThoseOfTheBodiesBelow(t *testing.T) {
	linked := 0
	for seed := range uint64(2000) {
		r := rand.New(rand.NewPCG(seed, 0))
		var layers []*tarfs.Layer
		var files []string
		for range 1 + r.IntN(4) {
			var stream *bufio.Reader
			stream, files = randomLayer(r, files)
			l, err := tarfs.Scan(stream, tarfs.ScanOptions{Limits: tarfs.DefaultLimits()})
			if err != nil {
				t.Fatal(err)
			}
			layers = append(layers, l)
		}
		tree, _ := tarfs.Merge(layers, tarfs.Runtime)
		for upto := range layers {
			snap := tree.At(upto)
			sizes, tops := space.Visible(tree, snap, nil), space.Tops(tree, snap)
			for v := range snap.Walk(tree.Root(), -1) {
				if v.Type() != tarfs.Dir {
					continue
				}
				if _, several := v.LinkGroup(); several {
					t.Fatal("a directory has hard links")
				}
				size, layer, names := added(snap, v.Node(), len(layers))
				linked += names
				if top, ok := tops[v.Node().Path()]; ok && top != size {
					t.Fatalf("seed %d, upto %d, %s: %d at the top, want %d", seed, upto, v.Node().Path(), top, size)
				}
				if sizes.Bytes(v.Node()) != size || sizes.Layer(v.Node()) != layer {
					t.Fatalf("seed %d, upto %d, %s: %d of layer %d, want %d of layer %d", seed, upto, v.Node().Path(),
						sizes.Bytes(v.Node()), sizes.Layer(v.Node()), size, layer)
				}
			}
		}
	}
	if linked < 1000 {
		t.Errorf("only %d files had several names", linked)
	}
}

// added adds up the bodies below a directory one by one, and says how many names showed one that was counted.
func added(snap *tarfs.Snapshot, dir tarfs.Node, layers int) (size int64, layer, again int) {
	seen := map[uint64]bool{}
	sums := make([]int64, layers)
	for v := range snap.Walk(dir, -1) {
		id, ok := v.Inode()
		if !ok || v.Type() != tarfs.File {
			continue
		}
		if seen[id] {
			again++
			continue
		}
		seen[id] = true
		sums[v.ContentLayer()] += v.Stored()
	}
	layer, most := tarfs.NoLayer, int64(0)
	for i, n := range sums {
		if size += n; n > most {
			layer, most = i, n
		}
	}
	return size, layer, again
}
