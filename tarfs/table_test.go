package tarfs

import (
	"bytes"
	"fmt"
	"math"
	"math/rand/v2"
	"slices"
	"testing"
	"unsafe"
)

// A table gives back every entry as it was, whatever numbers it has.
func TestTablesKeepEntriesInLittleRoom(t *testing.T) {
	rnd := rand.New(rand.NewPCG(3, 4))
	numbers := []int64{0, 1, 511, 512, 1 << 20, math.MaxUint32, math.MaxUint32 * blockSize,
		math.MaxUint32*blockSize + 512, math.MaxInt64, math.MaxInt64 &^ 511, -1, math.MinInt64}
	pick := func() int64 { return numbers[rnd.IntN(len(numbers))] }
	var table entries
	var known recent
	var want []entry
	for range 50_000 {
		e := entry{
			offset: pick(), size: pick(), mtime: pick(), mtimeNS: uint32(rnd.IntN(3)),
			dir: uint32(pick()), name: uint32(pick()), link: uint32(pick()), uid: uint32(pick()), gid: uint32(pick()),
			nameLen: uint16(pick()), linkLen: uint16(rnd.IntN(2)), mode: uint16(rnd.IntN(4)),
			kind: Type(rnd.IntN(int(Other) + 1)), flags: flag(rnd.IntN(int(flagFar))),
		}
		if e.kind == Char || e.kind == Block {
			e.size = 0 // the offset holds the numbers of the device
		}
		want = append(want, e)
		table.add(&e, &known)
	}
	for i, e := range want {
		got, size, flags := table.at(uint32(i)), table.size(uint32(i)), table.flags(uint32(i))&^flagFar
		if got != e || size != e.size || flags != e.flags {
			t.Fatalf("%d: got %+v, want %+v", i, got, e)
		}
	}
	if n := unsafe.Sizeof(compact{}); n != 24 {
		t.Errorf("an entry takes %d bytes", n)
	}
	var alike entries
	known = recent{}
	for i := range 1000 { // files of one owner and time with two modes
		alike.add(&entry{offset: int64(i) * blockSize, size: 7, mtime: 1, mode: uint16(0o644 + i%2)}, &known)
	}
	if alike.far.n > 0 || alike.facts.n > 2 {
		t.Errorf("%d distant entries, %d facts", alike.far.n, alike.facts.n)
	}
}

func TestDigitsAtOnceEqualDigitsOneByOne(t *testing.T) {
	rnd := rand.New(rand.NewPCG(1, 2))
	const usual, odd = "01234567", "01234567 \x0089/\x80\xb0a"
	fast := 0
	for range 300_000 {
		b := make([]byte, 8+4*rnd.IntN(2))
		for i := range b {
			b[i] = usual[rnd.IntN(len(usual))]
		}
		for range rnd.IntN(3) { // mostly at the end of a field, else anywhere
			b[len(b)-1-rnd.IntN(2)*rnd.IntN(len(b))] = odd[rnd.IntN(len(odd))]
		}
		got, ok := octal(b)
		want, wantOK := anyOctal(b)
		if got != want || ok != wantOK {
			t.Fatalf("%q: got %d, %t, want %d, %t", b, got, ok, want, wantOK)
		}
		if ok {
			fast++
		}
	}
	if fast < 50_000 {
		t.Errorf("only %d fields were numbers", fast)
	}
}

func TestSumOfBytesIsTheirSum(t *testing.T) {
	rnd := rand.New(rand.NewPCG(3, 4))
	for range 20_000 {
		b := make([]byte, 8*rnd.IntN(65))
		top := 1 + rnd.IntN(256)
		want := int64(0)
		for i := range b {
			if b[i] = byte(rnd.IntN(top)); rnd.IntN(50) == 0 {
				b[i] = 0xff
			}
			want += int64(b[i])
		}
		if got := sumBytes(b); got != want {
			t.Fatalf("%x: got %d, want %d", b, got, want)
		}
	}
}

// A stored table is the same table: of every archive that the tests know, with digests, marks and without.
func checkStored(t testing.TB, l *Layer) {
	t.Helper()
	b, err := stored(l)
	if err != nil {
		t.Fatal(err)
	}
	got, err := ParseLayer(b, l.lim)
	if err != nil {
		t.Fatal(err)
	}
	again, err := stored(got)
	if err != nil || !bytes.Equal(again, b) {
		t.Fatalf("stored again: %d bytes, not %d, %v", len(again), len(b), err)
	}
	want, _ := Merge([]*Layer{l, l}, Runtime)
	tree, _ := Merge([]*Layer{got, l}, Runtime)
	if a, b := fmt.Sprint(facetsOf(want)), fmt.Sprint(facetsOf(tree)); a != b {
		t.Fatalf("got\n%s\nwant\n%s", b, a)
	}
}

func stored(l *Layer) ([]byte, error) {
	var b bytes.Buffer
	err := l.WriteBinary(&b)
	return b.Bytes(), err
}

// facetsOf is all that a tree says of its versions.
func facetsOf(tree *Tree) (list []string) {
	for v := range tree.Versions() {
		digest, known := v.Digest()
		list = append(list, fmt.Sprint(v.Node().Path(), v.Type(), v.Meta(), v.Size(), v.Stored(), v.Extents(), v.Xattrs(),
			v.Link(), v.Mark(), digest, known))
	}
	return append(list, fmt.Sprint(tree.Warnings()))
}

func TestAStoredTableIsTheSame(t *testing.T) {
	l := &Layer{lim: DefaultLimits(), size: 1 << 40, endMark: true, tail: 77, second: true}
	var known recent
	for i := range 3 * slabSize {
		name := fmt.Sprintf("f%07d", i)
		if i%1000 == 0 {
			l.dirs = append(l.dirs, span{l.arena.put([]byte("some/dir/")), 9})
		}
		e := entry{offset: int64(i) << 9, size: int64(i % 7), dir: uint32(len(l.dirs) - 1), mtime: -int64(i), kind: File}
		e.name, e.nameLen = l.arena.put([]byte(name)), uint16(len(name))
		switch i % 500 {
		case 1:
			e.size = 1 << 40
		case 2:
			e.flags = flagSparse
			l.sparse = append(l.sparse, sparseFile{uint32(i), l.regions.n, 1})
			l.regions.add(region{0, e.size})
		case 3:
			e.flags = flagXattrs
			l.xattrs.add(xattr{entry: uint32(i), name: e.name, nameLen: 2, value: e.name, valueLen: 5})
		case 4:
			e.kind, e.offset, e.size = Char, 5<<32|1, 0
		}
		l.entries.add(&e, &known)
		l.digests.add([32]byte{byte(i), 31: 9})
		l.marks = append(l.marks, uint8(i))
	}
	checkStored(t, l)
	checkStored(t, l.Without(true, false))
	checkStored(t, l.Without(true, true))
	checkStored(t, new(Layer))
	if l.digests.n == 0 || l.Without(true, false).digests.n != 0 || l.Without(false, true).Marked() {
		t.Error("Without drops what it should not, or changes the layer itself")
	}
	l.tags.add(1)
	if _, err := stored(l); err == nil {
		t.Error("a table of tags was stored")
	}
}

// Whatever the bytes, a table that is read leads nowhere: no panic, no endless memory.
func FuzzParseLayer(f *testing.F) {
	l := &Layer{dirs: []span{{0, 0}}}
	var known recent
	for i := range 3 {
		l.entries.add(&entry{name: l.arena.put([]byte("name")), nameLen: 4, kind: File, size: 2, offset: int64(i)}, &known)
	}
	l.xattrs.add(xattr{})
	table, err := stored(l)
	if err != nil {
		f.Fatal(err)
	}
	f.Add(table)
	f.Fuzz(func(t *testing.T, b []byte) {
		l, err := ParseLayer(b, DefaultLimits())
		if err != nil {
			return
		}
		tree, _ := Merge([]*Layer{l, l}, Runtime)
		facetsOf(tree)
	})
}

// The hash of a key is one for one content, however it is written, and another for any other content, order or key.
func TestHashOfAKeyTellsContentsApart(t *testing.T) {
	const chunk = 4 << 10
	var key, other TagKey
	key[0], other[0] = 1, 2
	long := bytes.Repeat([]byte("0123456789abcdef"), 3*chunk/16)
	turned := slices.Concat(long[chunk:], long[:chunk-1], []byte("!"))
	seen := map[string]string{}
	for say, content := range map[string][]byte{
		"nothing": nil, "a zero": make([]byte, 1), "two zeros": make([]byte, 2), "zeros of a tag": make([]byte, 16),
		"a chunk": long[:chunk], "less": long[:chunk-1], "more": long[:chunk+1], "two": long[:2*chunk], "three": long,
		"turned": turned, "zeros": make([]byte, chunk), "more zeros": make([]byte, chunk+1),
	} {
		h := key.Hash()
		h.Write(content)
		whole := h.Sum(nil)
		if twice := h.Sum(nil); !bytes.Equal(whole, twice) {
			t.Errorf("%s: asked twice, it is another", say)
		}
		for _, step := range []int{1, 7, 4096, chunk, chunk + 1} {
			h.Reset()
			for rest := content; len(rest) > 0; rest = rest[min(step, len(rest)):] {
				h.Write(rest[:min(step, len(rest))])
			}
			if !bytes.Equal(h.Sum(nil), whole) {
				t.Errorf("%s: in steps of %d it is another", say, step)
			}
		}
		h = other.Hash()
		h.Write(content)
		for _, sum := range []string{string(whole), string(h.Sum(nil))} {
			if before, ok := seen[sum]; ok || len(sum) < 16 {
				t.Errorf("%s has the hash of %s", say, before)
			}
			seen[sum] = say
		}
	}
}
