package pattern

import (
	"encoding/binary"
	"math"
	"regexp/syntax"
	"slices"
	"strings"
	"unicode/utf8"
)

// A gram is four bytes of a text, each with the bit that tells small letters from capital ones: a filter for all
// spellings.
const (
	gramSize = 4
	fold     = 0x20
	folds    = 0x2020202020202020
)

// mostGrams is how many grams may tell the place of one expression.
const mostGrams = 2048

// A telltale is the grams of a place. The filter looks only at every other byte of a text: at the place itself or at
// one of its neighbours.
type telltale struct {
	at   []uint32 // at the place
	near []uint32 // at the byte after it, or at the byte before it
}

// telltaleOf returns the grams with which matches of a sequence begin; false if they are too many, or if a match may
// have fewer bytes.
func telltaleOf(seq []*syntax.Regexp) (telltale, bool) {
	a, err := newAutomaton(beginning(seq), false)
	if err != nil {
		return telltale{}, false
	}
	e := enumeration{automaton: a, bytes: make([][]byte, a.other)}
	for b := range byte(utf8.RuneSelf) {
		class := a.text[b]
		if f := b | fold; !slices.Contains(e.bytes[class], f) {
			e.bytes[class] = append(e.bytes[class], f)
		}
	}
	at, ok := e.grams(0, mostGrams)
	if !ok {
		return telltale{}, false
	}
	before := beforeThem(at)
	if after, ok := e.grams(1, len(before)); ok && cost(after) < 2*cost(before) {
		return telltale{at, after}, true
	}
	return telltale{at, before}, true
}

// telltaleOfWord returns the grams of the letters with which every match of a sequence begins, if they suffice.
func telltaleOfWord(seq []*syntax.Regexp) (telltale, bool) {
	word := literal(seq)
	if len(word) <= gramSize {
		return telltale{}, false
	}
	return telltale{[]uint32{gramOf(word)}, []uint32{gramOf(word[1:])}}, true
}

// rarest returns the place of the rarest gram of a word, which has at least four bytes, and what tells it.
func rarest(word string) (place int, tells telltale) {
	least := math.Inf(1)
	for i := range len(word) - gramSize + 1 {
		t := telltale{at: []uint32{gramOf(word[i:])}}
		switch {
		case i+gramSize < len(word):
			t.near = []uint32{gramOf(word[i+1:])}
		case i > 0:
			t.near = []uint32{gramOf(word[i-1:])}
		default:
			t.near = beforeThem(t.at)
		}
		if c := cost(t.at) + cost(t.near); c < least {
			place, tells, least = i, t, c
		}
	}
	return place, tells
}

// literal returns the letters of ASCII with which every match of a sequence begins.
func literal(seq []*syntax.Regexp) string {
	var b strings.Builder
	for _, re := range seq {
		if re.Op != syntax.OpLiteral || slices.ContainsFunc(re.Rune, func(r rune) bool { return r >= utf8.RuneSelf }) {
			break
		}
		b.WriteString(string(re.Rune))
	}
	return b.String()
}

// gramOf returns the gram of a word's first four bytes.
func gramOf(word string) uint32 { return gramAt([]byte(word)) }

func gramAt(text []byte) uint32 { return binary.LittleEndian.Uint32(text) | folds&0xffffffff }

// beforeThem returns the grams that begin at any byte before others.
func beforeThem(grams []uint32) (list []uint32) {
	for i, g := range grams {
		rest := g << 8
		if slices.ContainsFunc(grams[:i], func(other uint32) bool { return other<<8 == rest }) {
			continue
		}
		for b := range uint32(256) {
			if b&fold != 0 {
				list = append(list, rest|b)
			}
		}
	}
	return list
}

// beginning returns an expression that begins as a sequence does, and has at least the runes of a gram.
func beginning(seq []*syntax.Regexp) *syntax.Regexp {
	var parts []*syntax.Regexp
	least := 0
	for _, re := range seq {
		parts = append(parts, shorten(re))
		if least += shortest(re); least > gramSize {
			break
		}
	}
	return concat(parts)
}

// shorten returns an expression that repeats nothing more often than a gram can hold.
func shorten(re *syntax.Regexp) *syntax.Regexp {
	short := *re
	short.Sub = make([]*syntax.Regexp, len(re.Sub))
	for i, sub := range re.Sub {
		short.Sub[i] = shorten(sub)
	}
	if re.Op == syntax.OpRepeat {
		short.Min, short.Max = min(re.Min, gramSize+1), min(re.Max, gramSize+1)
	}
	return &short
}

// shortest returns the runes of the shortest match, or fewer.
func shortest(re *syntax.Regexp) int {
	switch re.Op {
	case syntax.OpLiteral:
		return len(re.Rune)
	case syntax.OpCharClass, syntax.OpAnyChar, syntax.OpAnyCharNotNL:
		return 1
	case syntax.OpCapture, syntax.OpPlus:
		return shortest(re.Sub[0])
	case syntax.OpRepeat:
		return re.Min * shortest(re.Sub[0])
	case syntax.OpConcat, syntax.OpAlternate:
		sum, least := 0, gramSize+1
		for _, sub := range re.Sub {
			n := shortest(sub)
			sum, least = sum+n, min(least, n)
		}
		if re.Op == syntax.OpConcat {
			return sum
		}
		return least
	}
	return 0
}

// An enumeration collects the grams that an automaton takes.
type enumeration struct {
	*automaton
	bytes [][]byte // by class, folded
	found []uint32
	most  int
}

// grams returns the grams after some first bytes; false if they are too many, or if a match may have fewer bytes.
func (e *enumeration) grams(after, most int) ([]uint32, bool) {
	e.found, e.most = nil, most
	if !e.from(start, 0, -after) {
		return nil, false
	}
	slices.Sort(e.found)
	return slices.Compact(e.found), true
}

func (e *enumeration) from(s int32, gram uint32, depth int) bool {
	if depth == gramSize {
		e.found = append(e.found, gram)
		return len(e.found) <= e.most
	}
	if e.states[s].accept || e.states[e.step(s, e.other+1)].accept || e.step(s, e.other) != dead {
		return false
	}
	for class := range e.other {
		to := e.step(s, class)
		if to == dead {
			continue
		}
		for _, b := range e.bytes[class] {
			more := gram
			if depth >= 0 {
				more |= uint32(b) << (8 * depth)
			}
			if !e.from(to, more, depth+1) {
				return false
			}
			if depth < 0 {
				break // which byte it is does not matter
			}
		}
	}
	return true
}

// A filter finds the places of a text where one of its grams begins.
type filter struct {
	bits  [1 << (hashBits - 6)]uint64  // of the hashes of all grams, also of those near a place
	exact [1 << (exactBits - 6)]uint64 // of shorter hashes of the grams at a place
	keys  []uint32                     // open addressing
	first []int32                      // of each key: the index in lists; -1 if there is no key
	mask  uint32
	lists [][]target
}

// A target is what a gram tells of.
type target struct {
	pattern int32
	branch  int32 // or mark, less the place in the word
}

// mark is the branch of the grams of a word that only says that its pattern is to be searched for.
const mark = -1

// The bits of hashes: many, so that few places are looked at in vain; few, so that they stay in a processor's caches.
const (
	hashBits  = 20
	exactBits = 17
)

func hash(gram uint32) uint32 { return gram * 0x4a968915 >> (32 - hashBits) }

func newFilter(of map[uint32][]target, near []uint32) *filter {
	size := 16
	for size < 4*len(of) {
		size *= 2
	}
	f := &filter{keys: make([]uint32, size), first: slices.Repeat([]int32{-1}, size), mask: uint32(size - 1)}
	for _, gram := range near {
		h := hash(gram)
		f.bits[h>>6] |= 1 << (h & 63)
	}
	for gram, list := range of {
		h := hash(gram)
		f.bits[h>>6] |= 1 << (h & 63)
		f.exact[h>>(hashBits-exactBits+6)] |= 1 << (h >> (hashBits - exactBits) & 63)
		at := h & f.mask
		for f.first[at] >= 0 {
			at = (at + 1) & f.mask
		}
		f.keys[at], f.first[at] = gram, int32(len(f.lists))
		f.lists = append(f.lists, list)
	}
	return f
}

// at returns what the gram at the beginning of a text tells of.
func (f *filter) at(text []byte) []target {
	gram := gramAt(text)
	h := hash(gram)
	if f.exact[h>>(hashBits-exactBits+6)]>>(h>>(hashBits-exactBits)&63)&1 == 0 {
		return nil
	}
	for at := h & f.mask; f.first[at] >= 0; at = (at + 1) & f.mask {
		if f.keys[at] == gram {
			return f.lists[f.first[at]]
		}
	}
	return nil
}

// next returns the first of every other place from one on where a gram may begin; if there is none, a place with less
// than four bytes after it.
func (f *filter) next(text []byte, from int) int {
	for len(text)-from >= 12 {
		w := (*[12]byte)(text[from:])
		x, y := binary.LittleEndian.Uint64(w[:8])|folds, binary.LittleEndian.Uint64(w[4:])|folds
		a, b, c, d := hash(uint32(x)), hash(uint32(x>>16)), hash(uint32(y)), hash(uint32(y>>16))
		switch {
		case f.bits[a>>6]>>(a&63)&1|f.bits[b>>6]>>(b&63)&1|f.bits[c>>6]>>(c&63)&1|f.bits[d>>6]>>(d&63)&1 == 0:
			from += 8
		case f.bits[a>>6]>>(a&63)&1 != 0:
			return from
		case f.bits[b>>6]>>(b&63)&1 != 0:
			return from + 2
		case f.bits[c>>6]>>(c&63)&1 != 0:
			return from + 4
		default:
			return from + 6
		}
	}
	for ; len(text)-from >= gramSize; from += 2 {
		if h := hash(gramAt(text[from:])); f.bits[h>>6]>>(h&63)&1 != 0 {
			return from
		}
	}
	return from
}
