package pattern

import (
	"math/rand/v2"
	"testing"
)

// The filter finds each gram of all rules at every place of a text, in every spelling, from wherever the search begins.
func TestTheFilterFindsEveryGramAtEveryPlace(t *testing.T) {
	var all []telltale
	of, near := map[uint32][]target{}, []uint32(nil)
	for _, at := range records() {
		var p Pattern
		p.take(record{at})
		for _, tells := range p.tells {
			for _, g := range tells.at {
				of[g] = append(of[g], target{})
			}
			all, near = append(all, tells), append(near, tells.near...)
		}
	}
	f := newFilter(of, near)
	random := rand.New(rand.NewPCG(3, 4))
	for _, tells := range all {
		for _, g := range tells.at {
			for place := range 13 {
				text := make([]byte, place, 40)
				for i := range text {
					text[i] = byte(random.IntN(256))
				}
				text = spell(text, tells, g, random)
				from := random.IntN(place + 1)
				if text = append(text, make([]byte, random.IntN(20))...); !finds(f, text, from, place) {
					t.Fatalf("%q at %d from %d: not found", text, place, from)
				}
			}
		}
	}
}

// spell appends a gram, and what may follow it if that tells it also.
func spell(text []byte, tells telltale, gram uint32, random *rand.Rand) []byte {
	add := func(b uint32) { text = append(text, byte(b)&^byte(fold*random.IntN(2))) }
	for i := range gramSize {
		add(gram >> (8 * i))
	}
	for _, n := range tells.near {
		if n&0xffffff == gram>>8 {
			add(n >> 24)
			break
		}
	}
	return text
}

// finds reports whether the filter finds a place.
func finds(f *filter, text []byte, from, place int) bool {
	for at := f.next(text, from); at <= len(text)-gramSize; at = f.next(text, at+2) {
		if at-1 <= place && place <= at+1 {
			return len(f.at(text[place:])) > 0
		}
	}
	return false
}
