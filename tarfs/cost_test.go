package tarfs_test

import (
	"fmt"
	"io"
	"runtime"
	"strings"
	"testing"
	"time"

	"layup/fixtures/sample"
	"layup/tarfs"
)

// A shape makes layers of about n entries. A careless merge takes quadratic time for them.
type shape struct {
	name   string
	n      int
	layers func(n int) []string // tars
}

// lines makes a tar of n entries. line returns the i-th in the notation.
func lines(n int, line func(i int) string) string {
	var items []item
	for i := range n {
		items = append(items, layerOf(line(i))...)
	}
	return string(tarOf(items))
}

func nth(format string) func(int) string {
	return func(i int) string { return strings.ReplaceAll(format, "%", fmt.Sprint(i)) }
}

// many repeats a layer's bytes.
func many(n int, tars ...string) []string {
	var list []string
	for range n {
		list = append(list, tars...)
	}
	return list
}

var shapes = []shape{
	{"one directory", 5000, func(n int) []string { return []string{lines(n, nth("f d/%"))} }},
	{"a whiteout for every file", 2500, func(n int) []string {
		return []string{lines(n, nth("f d/%")), lines(n, nth("f d/.wh.%"))}
	}},
	{"whiteouts that hide nothing", 2500, func(n int) []string { return []string{lines(n, nth("f d/.wh.%"))} }},
	{"duplicates of one path", 5000, func(n int) []string { return []string{lines(n, nth("f a"))} }},
	{"a file over a directory again and again", 2500, func(n int) []string { return []string{lines(n, nth("d d; f d"))} }},
	{"a full directory replaced again and again", 5000, func(n int) []string {
		return []string{lines(n/20, func(i int) string {
			return "d d; " + strings.Repeat(fmt.Sprintf("f d/%d; f d/x; ", i), 9) + "f d"
		})}
	}},
	{"hard links to one file", 5000, func(n int) []string {
		return []string{string(tarOf(append(layerOf("f a"), manyItems(n, "h l% -> a")...)))}
	}},
	{"a chain of hard links", 5000, func(n int) []string {
		return []string{string(tarOf(append(layerOf("f 0"), linked(n)...)))}
	}},
	{"hard links into a lower layer", 2500, func(n int) []string {
		return []string{lines(n, nth("f a%")), lines(n, nth("h b% -> a%"))}
	}},
	{"hard links that lead nowhere", 5000, func(n int) []string { return []string{lines(n, nth("h l% -> x%"))} }},
	{"opaque markers everywhere", 2500, func(n int) []string {
		return []string{lines(n, nth("f d%/x")), lines(n, nth("f d%/.wh..wh..opq"))}
	}},
	{"one opaque marker again and again", 5000, func(n int) []string {
		return []string{lines(n, nth("f d/.wh..wh..opq"))}
	}},
	{"an opaque directory lost and marked again", 1500, func(n int) []string {
		return []string{lines(n/3, nth("d d; f d/.wh..wh..opq; f d")), lines(n/3, nth("d d; f d/.wh..wh..opq; f d"))}
	}},
	{"a full directory hidden and listed empty in many layers", 5000, func(n int) []string {
		return append([]string{lines(n, nth("f d/%"))}, many(n/50, lines(1, nth("f .wh.d")), lines(1, nth("d d; f d/x")))...)
	}},
	{"a full directory opaque in many layers", 5000, func(n int) []string {
		return append([]string{lines(n, nth("f d/%"))}, many(n/50, lines(1, nth("f d/.wh..wh..opq; f d/x")))...)
	}},
	{"a few names hidden out of many in many layers", 5000, func(n int) []string {
		list := []string{lines(n, nth("f d/%"))}
		for i := range n / 200 {
			list = append(list, lines(1, func(int) string { return fmt.Sprintf("f d/.wh.%d; d e; f e/.wh..wh..opq", i) }))
		}
		return list
	}},
	{"alternating directories", 5000, func(n int) []string { return []string{lines(n/2, nth("f a/%; f b/%"))} }},
	{"parents through symlinks", 5000, func(n int) []string {
		return []string{string(tarOf(append(layerOf("d r; l a -> r; l b -> r"), manyItems(n/2, "f a/%; f b/%")...)))}
	}},
	{"odd names", 2500, func(n int) []string { return []string{lines(n, nth("f /../a%; f .wh.x/%; f .wh..wh.%"))} }},
	{"deep paths", 500, func(n int) []string { return []string{lines(n, nth("f "+strings.Repeat("d/", 50)+"f%"))} }},
	{"attributes of one file", 500, func(n int) []string { return []string{string(archive(attributed(n)))} }},
	{"one table in many layers", 5000, func(n int) []string { return many(20, lines(n/20, nth("f d/%"))) }},
}

func manyItems(n int, line string) []item {
	var items []item
	for i := range n {
		items = append(items, layerOf(strings.ReplaceAll(line, "%", fmt.Sprint(i)))...)
	}
	return items
}

func linked(n int) []item {
	var items []item
	for i := range n {
		items = append(items, layerOf(fmt.Sprintf("h %d -> %d", i+1, i))...)
	}
	return items
}

// attributed is a file with n/2 attributes. The last is set many times.
func attributed(n int) member {
	m := member{name: "a"}
	for i := range 10 * n {
		m.pax = append(m.pax, fmt.Sprintf("SCHILY.xattr.user.%08d=v", min(i, n/2-1)))
	}
	return m
}

// cost is the least processor time of three to scan, merge and list a stack.
func cost(t testing.TB, tars []string) time.Duration {
	least := time.Hour
	for range 3 {
		begin := sample.CPUTime()
		tree := merged(t, tars)
		for range tree.Top().Walk(tree.Root(), -1) {
		}
		for range tree.Versions() {
		}
		least = min(least, sample.CPUTime()-begin)
	}
	return least
}

func merged(t testing.TB, tars []string) *tarfs.Tree {
	var tables []*tarfs.Layer
	for _, data := range tars {
		tables = append(tables, mustScan(t, []byte(data)))
	}
	tree, _ := tarfs.Merge(tables, tarfs.Runtime)
	return tree
}

// Four times the entries may cost four times as much, and some for the noise of a busy machine; quadratic work costs
// sixteen times.
func TestCostIsProportional(t *testing.T) {
	if testing.Short() {
		t.Skip("measures time")
	}
	for _, s := range shapes {
		t.Run(s.name, func(t *testing.T) {
			small, large := s.layers(s.n), s.layers(4*s.n)
			for try := range 4 {
				a, b := cost(t, small), cost(t, large)
				if b < 10*a+5*time.Millisecond {
					return
				}
				if try == 3 {
					t.Errorf("%d entries take %v, %d take %v", s.n, a, 4*s.n, b)
				}
			}
		})
	}
}

// A generated layer is a tar of n empty files that is never whole in memory. Its function name appends the i-th name.
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

// perEntry reports the time of make and the memory that its result holds, per entry.
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
		b.Run(fmt.Sprint(n), func(b *testing.B) {
			perEntry(b, n, func() *tarfs.Layer { return scanGenerated(b, n, spread) })
		})
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
	b.Run(fmt.Sprint(layers), func(b *testing.B) {
		perEntry(b, layers*l.Len(), func() *tarfs.Tree { return mergeAll(list...) })
	})
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
