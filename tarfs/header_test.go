package tarfs

import (
	"math"
	"math/rand/v2"
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
