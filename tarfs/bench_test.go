package tarfs_test

import (
	"fmt"
	"io"
	"runtime"
	"testing"

	"layup/tarfs"
)

// A generated layer is a tar of n empty files that is never in memory: its name function writes the i-th name into a header.
type generated struct {
	n, i, at int
	name     func(b []byte, i int) []byte
	block    []byte
	field    []byte
	base     int // sum of the header without its name
}

func newGenerated(n int, name func(b []byte, i int) []byte) *generated {
	g := &generated{n: n, name: name, block: member{mode: 0o644, mtime: defaultTime}.header()}
	copy(g.block[148:156], "        ")
	for _, c := range g.block {
		g.base += int(c)
	}
	g.fill()
	return g
}

func (g *generated) fill() {
	if g.i >= g.n {
		clear(g.block)
		return
	}
	g.field = g.name(g.field[:0], g.i)
	clear(g.block[:100])
	copy(g.block, g.field)
	n := g.base
	for _, c := range g.field {
		n += int(c)
	}
	for at := 153; at >= 148; at-- {
		g.block[at] = '0' + byte(n&7)
		n >>= 3
	}
	g.block[154], g.block[155] = 0, ' '
}

func (g *generated) Peek(n int) ([]byte, error) {
	if g.i == g.n+2 {
		return nil, io.EOF
	}
	if left := g.block[g.at:]; n > len(left) {
		return left, io.ErrShortBuffer
	}
	return g.block[g.at : g.at+n], nil
}

func (g *generated) Discard(n int) (int, error) {
	for left := n; left > 0; {
		step := min(left, blockSize-g.at)
		g.at += step
		left -= step
		if g.at == blockSize {
			g.at = 0
			g.i++
			g.fill()
		}
	}
	return n, nil
}

// spread puts about a hundred names into a directory, and a hundred directories into one above.
func spread(b []byte, i int) []byte {
	return fmt.Appendf(b, "usr/lib/d%d/d%d/file-%d.txt", i/10000, i/100, i)
}

func flat(b []byte, i int) []byte { return fmt.Appendf(b, "d/%d", i) }

func deep(b []byte, i int) []byte {
	return fmt.Appendf(b, "1/2/3/4/5/6/7/8/9/10/11/12/13/14/15/16/17/18/19/20/%d/%d/f", i/1000, i)
}

func scanGenerated(t testing.TB, n int, name func([]byte, int) []byte) *tarfs.Layer {
	t.Helper()
	l, err := tarfs.Scan(newGenerated(n, name), tarfs.ScanOptions{Limits: tarfs.DefaultLimits()})
	if err != nil || l.Len() != n {
		t.Fatalf("%d entries of %d: %v", l.Len(), n, err)
	}
	return l
}

func heap() uint64 {
	runtime.GC()
	var m runtime.MemStats
	runtime.ReadMemStats(&m)
	return m.HeapAlloc
}

// perEntry reports time and memory by entry: what make holds when it is done.
func perEntry[T any](b *testing.B, entries int, make func() T) {
	var kept uint64
	for b.Loop() {
		b.StopTimer()
		before := heap()
		b.StartTimer()
		v := make()
		b.StopTimer()
		kept = heap() - before
		runtime.KeepAlive(v)
		b.StartTimer()
	}
	b.ReportMetric(float64(b.Elapsed().Nanoseconds())/float64(b.N)/float64(entries), "ns/entry")
	b.ReportMetric(float64(kept)/float64(entries), "B/entry")
}

var sizes = []int{100_000, 1_000_000}

func BenchmarkScan(b *testing.B) {
	for _, n := range sizes {
		b.Run(fmt.Sprint(n), func(b *testing.B) { perEntry(b, n, func() *tarfs.Layer { return scanGenerated(b, n, spread) }) })
	}
}

func BenchmarkMerge(b *testing.B) {
	for _, n := range sizes {
		for _, c := range []struct {
			name string
			file func([]byte, int) []byte
		}{{"spread", spread}, {"one-directory", flat}, {"deep", deep}} {
			l := scanGenerated(b, n, c.file)
			b.Run(fmt.Sprintf("%s/%d", c.name, n), func(b *testing.B) {
				perEntry(b, n, func() *tarfs.Tree { return mergeAll(l) })
			})
		}
	}
}

func mergeAll(layers ...*tarfs.Layer) *tarfs.Tree {
	tree, _ := tarfs.Merge(layers, tarfs.Runtime)
	return tree
}

// Ten thousand whiteouts must cost about what ten thousand other entries do.
func BenchmarkWhiteouts(b *testing.B) {
	const n = 10_000
	below := scanGenerated(b, 100_000, flat)
	for _, c := range []struct {
		name string
		file func([]byte, int) []byte
	}{
		{"none", func(b []byte, i int) []byte { return fmt.Appendf(b, "d/new.%d", i) }},
		{"ten-thousand", func(b []byte, i int) []byte { return fmt.Appendf(b, "d/.wh.%d", i) }},
	} {
		above := scanGenerated(b, n, c.file)
		b.Run(c.name, func(b *testing.B) { perEntry(b, n+below.Len(), func() *tarfs.Tree { return mergeAll(below, above) }) })
	}
}

// As many layers as an overlay takes, all with the same ten thousand names.
func BenchmarkLayers(b *testing.B) {
	l := scanGenerated(b, 10_000, spread)
	const layers = 127
	list := make([]*tarfs.Layer, layers)
	for i := range list {
		list[i] = l
	}
	b.Run(fmt.Sprint(layers), func(b *testing.B) { perEntry(b, layers*l.Len(), func() *tarfs.Tree { return mergeAll(list...) }) })
}

func BenchmarkWalk(b *testing.B) {
	tree := mergeAll(scanGenerated(b, 1_000_000, spread))
	for b.Loop() {
		n := 0
		for range tree.Top().Walk(tree.Root(), -1) {
			n++
		}
		if n < 1_000_000 {
			b.Fatal(n)
		}
	}
}
