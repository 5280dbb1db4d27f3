package tarfs

import (
	"math/rand/v2"
	"testing"
)

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
