package near

import (
	"math/rand/v2"
	"testing"
)

func TestWordIsTheOneThatWasMeant(t *testing.T) {
	names := []string{"owner", "find", "layers", "layer-bytes", "highestWastedBytes", "json", "jsonl"}
	for typed, want := range map[string]string{
		"onwer": "owner", "fnd": "find", "layer": "layers", "layer-b": "layer-bytes", "LAYERS": "layers", "jsonn": "json",
		"highestWastedByte": "highestWastedBytes", "nothing": "", "": "", "x": "", "o": "",
	} {
		if got := Word(typed, names); got != want {
			t.Errorf("%q: got %q, want %q", typed, got, want)
		}
	}
	if got := Hint("onwer", names); got != "did you mean owner?" {
		t.Errorf("got %q", got)
	}
}

// The full table of distances is the oracle.
func TestDistanceIsThatOfAllPairs(t *testing.T) {
	word := func() string {
		b := make([]byte, rand.N(9))
		for i := range b {
			b[i] = 'a' + byte(rand.N(3))
		}
		return string(b)
	}
	for range 20_000 {
		a, b, limit := word(), word(), 1+rand.N(10)
		if got, want := Distance(a, b, limit), min(whole(a, b), limit); got != want {
			t.Fatalf("%q to %q within %d: got %d, want %d", a, b, limit, got, want)
		}
	}
}

func whole(a, b string) int {
	d := make([][]int, len(a)+1)
	for i := range d {
		d[i] = make([]int, len(b)+1)
		for j := range d[i] {
			switch {
			case i == 0 || j == 0:
				d[i][j] = i + j
			case a[i-1] == b[j-1]:
				d[i][j] = d[i-1][j-1]
			default:
				d[i][j] = 1 + min(d[i-1][j-1], d[i-1][j], d[i][j-1])
				if i > 1 && j > 1 && a[i-1] == b[j-2] && a[i-2] == b[j-1] {
					d[i][j] = min(d[i][j], 1+d[i-2][j-2])
				}
			}
		}
	}
	return d[len(a)][len(b)]
}
