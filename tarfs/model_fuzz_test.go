package tarfs_test

import (
	"cmp"
	"flag"
	"fmt"
	"maps"
	"math/rand/v2"
	"slices"
	"strings"
	"testing"

	"layup/tarfs"
)

// The names are few, so that entries meet.
var modelNames = []string{
	"a", "b", "a/b", "b/a", "a/b/a", "a/a", "l", "l/a", "l/b", "a/l", "a/l/b", ".wh.a", ".wh.b", ".wh.l", "a/.wh.b",
	"a/.wh.a", "l/.wh.a", "a/b/.wh.a",
	".wh..wh..opq", "a/.wh..wh..opq", "a/b/.wh..wh..opq", "l/.wh..wh..opq", "b/.wh..wh..opq", "../a", "/b", "./a/../b",
	".", "..", ".wh.",
	"a/.wh..", ".wh..wh.a", ".wh.a/b", ".wh..wh.b/a",
}

var modelLinks = []string{"a", "b", "/b", "../b", "a/b", "l", "/", ".", "b/a", "../../a", "/a/l", "a/../b", "b/a/..",
	"../.."}

var modelKinds = []byte{'f', 'd', 'f', 'd', 'l', 'l', 'h', 'h', 'c', 'c', 'p', '7', 'V', 'b'}

// layersOf makes layers of three bytes an entry. A first byte of 255 begins the next layer.
func layersOf(data []byte) [][]item {
	layers := [][]item{nil}
	for n := 0; len(data) > 0 && n < 40; n++ {
		if data[0] == 255 {
			if data = data[1:]; len(layers) < 5 {
				layers = append(layers, nil)
			}
			continue
		}
		if len(data) < 3 {
			break
		}
		it := modelItem(data[0], data[1], data[2])
		it.uid = int64(n) // each entry's metadata is its own
		if it.kind == 'f' && data[2]&1 == 0 {
			it.data = fmt.Sprintf("%d", n)
		}
		data = data[3:]
		layers[len(layers)-1] = append(layers[len(layers)-1], it)
	}
	return layers
}

func modelItem(kind, name, rest byte) item {
	it := item{kind: modelKinds[int(kind)%len(modelKinds)], name: modelNames[int(name)%len(modelNames)],
		mode: 0o600 + int64(rest&7), mtime: int64(kind)}
	switch it.kind {
	case 'l', 'h':
		it.link = modelLinks[int(rest)%len(modelLinks)]
	case 'c', 'b':
		it.minor = int64(rest & 1)
	case 'd':
		if rest&8 != 0 {
			it.xattrs = []string{fmt.Sprintf("user.k=%d", rest)}
		}
	}
	return it
}

func FuzzMergeMatchesModel(f *testing.F) {
	for _, seed := range modelSeeds {
		f.Add([]byte(seed))
	}
	f.Fuzz(func(t *testing.T, data []byte) {
		layers := layersOf(data)
		for _, view := range []tarfs.View{tarfs.Runtime, tarfs.Spec} {
			if difference := compareWithModel(t, layers, view); difference != "" {
				t.Fatalf("view %d\n%s%s", view, notation(layers), difference)
			}
		}
	})
}

// notation writes layers so that they can be pasted into a table.
func notation(layers [][]item) string {
	var b strings.Builder
	for n, items := range layers {
		fmt.Fprintf(&b, "layer %d\n", n)
		for _, it := range items {
			fmt.Fprintf(&b, "    %s\n", it)
		}
	}
	return b.String()
}

// compareWithModel says how the package and the model differ.
func compareWithModel(t testing.TB, layers [][]item, view tarfs.View) string {
	s := stackOf(t, layers, view)
	model, broken := modelOf(layers, view)
	var failed []int
	for _, e := range s.errs {
		failed = append(failed, e.Layer)
	}
	hidden := slices.Sorted(slices.Values(s.hidden()))
	warned := slices.DeleteFunc(slices.Sorted(slices.Values(s.warned())), func(line string) bool {
		// If a layer replaces the directory of its marker, the warning may be there or not: the marker hides nothing.
		return strings.HasPrefix(line, tarfs.OpaqueHidesNothing.Name) && !model.warnings[line]
	})
	return cmp.Or(
		differ("broken layers", []string{fmt.Sprint(failed)}, []string{fmt.Sprint(broken)}),
		differ("visible", s.visible(s.tree.Top()), model.list()),
		differ("hidden", hidden, model.hiddenList()),
		differ("warnings", warned, slices.Sorted(maps.Keys(model.warnings))),
		compareSnapshots(s, layers, view),
	)
}

// compareSnapshots demands that an older view of a tree answers as a tree without the newer layers.
func compareSnapshots(s stack, layers [][]item, view tarfs.View) string {
	for n := range layers {
		model, _ := modelOf(layers[:n+1], view)
		if d := differ(fmt.Sprintf("after layer %d", n), s.visible(s.tree.At(n)), model.list()); d != "" {
			return d
		}
	}
	return ""
}

// differ shows the lines that only one side has.
func differ(what string, got, want []string) string {
	if slices.Equal(got, want) {
		return ""
	}
	var b strings.Builder
	fmt.Fprintf(&b, "%s:\n", what)
	for _, line := range got {
		if !slices.Contains(want, line) {
			fmt.Fprintf(&b, "  got only  %s\n", line)
		}
	}
	for _, line := range want {
		if !slices.Contains(got, line) {
			fmt.Fprintf(&b, "  want only %s\n", line)
		}
	}
	return b.String()
}

// modelSeeds are stacks in layersOf's encoding: whiteouts, opaque markers, links, duplicates over three layers.
var modelSeeds = []string{
	"\x01\x00\x00\x00\x02\x00\xff\x00\x0b\x01\x01\x00\x00\x00\x05\x00",
	"\x01\x00\x00\x00\x02\x00\xff\x01\x00\x00\x00\x13\x01\x00\x05\x00\xff\x00\x05\x02",
	"\x00\x00\x00\x06\x01\x00\xff\x00\x0b\x01\x06\x06\x01\xff\x06\x00\x05",
	"\x01\x00\x00\x04\x06\x00\x00\x07\x00\xff\x00\x07\x00\x08\x00\x00",
	"\x04\x06\x05\x00\x07\x00\xff\x01\x00\x00",
}

// Random entries meet in unexpected ways. The seeds are fixed.
func TestMergeMatchesModel(t *testing.T) {
	for seed := range uint64(*modelStacks) {
		random := rand.New(rand.NewPCG(seed, 1))
		data := make([]byte, 20+random.IntN(100))
		for i := range data {
			if data[i] = byte(random.IntN(256)); random.IntN(25) == 0 {
				data[i] = 255
			}
		}
		layers := layersOf(data)
		for _, view := range []tarfs.View{tarfs.Runtime, tarfs.Spec} {
			if difference := compareWithModel(t, layers, view); difference != "" {
				t.Fatalf("seed %d, view %d\n%s%s", seed, view, notation(layers), difference)
			}
		}
	}
}

var modelStacks = flag.Int("model-stacks", 2000, "how many random stacks are compared with the model")

// A piled is a pile with the layers that it should hold.
type piled struct {
	pile   *tarfs.Pile
	stack  stack // tars and errors; the tree is the pile's
	tables []*tarfs.Layer
	listed map[tarfs.Version]string // all versions, kept up to date by Added and Hidden
	undo   []map[tarfs.Version]string
}

func version(v tarfs.Version) string {
	by, how := v.HiddenBy()
	return fmt.Sprintf("%s %s %d since %d, hidden by %d %s", v.Node().Path(), v.Type(), v.Layer(), v.Since(), by, how)
}

func newPiled(view tarfs.View) *piled {
	p := &piled{pile: tarfs.NewPile(view), listed: map[tarfs.Version]string{}}
	for v := range p.pile.Tree().Versions() {
		p.listed[v] = version(v)
	}
	return p
}

func (p *piled) push(data []byte, table *tarfs.Layer) {
	p.stack.tars, p.tables = append(p.stack.tars, data), append(p.tables, table)
	p.undo = append(p.undo, maps.Clone(p.listed))
	if err := p.pile.Push(table); err != nil {
		p.stack.errs = append(p.stack.errs, &tarfs.LayerError{Layer: len(p.tables) - 1, Err: err})
	}
	for v := range p.pile.Hidden() {
		p.listed[v] = version(v)
	}
	for v := range p.pile.Added() {
		if older, ok := v.Older(); ok && v.Relists() {
			delete(p.listed, older)
		}
		p.listed[v] = version(v)
	}
}

func (p *piled) pop() {
	n := len(p.tables) - 1
	p.pile.Pop()
	p.stack.tars, p.tables = p.stack.tars[:n], p.tables[:n]
	p.listed, p.undo = p.undo[n], p.undo[:n]
	p.stack.errs = slices.DeleteFunc(p.stack.errs, func(e *tarfs.LayerError) bool { return e.Layer == n })
}

// dump describes everything in a tree that a merge decides.
func dump(s stack) (lines []string) {
	for n := range s.tree.Layers() {
		lines = append(lines, s.visible(s.tree.At(n))...)
	}
	lines = append(lines, s.hidden()...)
	lines = append(lines, s.warned()...)
	for v := range s.tree.Unseen() {
		lines = append(lines, "unseen "+version(v))
	}
	for b := range s.tree.Bodies() {
		lines = append(lines, fmt.Sprint("body ", b.Layer(), " ", b.Stored(), " ", b.Live(), " ", version(b.Version())))
	}
	for _, e := range s.errs {
		lines = append(lines, e.Error())
	}
	return lines
}

// A pile is at any time what a merge of its layers is, whatever was on it before.
func TestPileIsTheMergeOfItsLayers(t *testing.T) {
	for seed := range uint64(*modelStacks) / 20 {
		random := rand.New(rand.NewPCG(seed, 2))
		data := make([]byte, 60+random.IntN(100))
		for i := range data {
			if data[i] = byte(random.IntN(256)); random.IntN(25) == 0 {
				data[i] = 255
			}
		}
		layers := layersOf(data)
		view := tarfs.View(seed % 2)
		p := newPiled(view)
		for range 20 {
			if depth := p.pile.Depth(); depth > 0 && (depth > 5 || random.IntN(5) < 2) {
				p.pop()
			} else {
				tar := tarOf(layers[random.IntN(len(layers))])
				p.push(tar, mustScan(t, tar))
			}
			p.stack.tree = p.pile.Tree()
			merged := stack{tars: p.stack.tars}
			merged.tree, merged.errs = tarfs.Merge(p.tables, view)
			if d := differ("pile", dump(p.stack), dump(merged)); d != "" {
				t.Fatalf("seed %d\n%s%s", seed, notation(layers), d)
			}
			listed, want := slices.Sorted(maps.Values(p.listed)), []string(nil)
			for v := range merged.tree.Versions() {
				want = append(want, version(v))
			}
			last := p.stack.tree.Root()
			for n := range p.stack.tree.Nodes() {
				child, ok := n.Parent().Child(n.Name())
				if after, also := n.Parent().ChildAfter(last, n.Name()); after != child || also != ok {
					t.Fatalf("seed %d: after %s, %s is another node", seed, last.Path(), n.Path())
				}
				last = n
			}
			slices.Sort(want)
			if d := differ("versions", listed, want); d != "" {
				t.Fatalf("seed %d\n%s%s", seed, notation(layers), d)
			}
		}
	}
}
