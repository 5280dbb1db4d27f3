package pattern

import (
	"encoding/binary"
	"regexp/syntax"
	"slices"
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

// gramsOf returns the grams with which matches of a sequence begin; false if they are too many, or if a match may have
// fewer bytes.
func gramsOf(seq []*syntax.Regexp) ([]uint32, bool) {
	if lit := seq[0]; lit.Op == syntax.OpLiteral && len(lit.Rune) >= gramSize && ascii(lit.Rune[:gramSize]) {
		return []uint32{gramOf(string(lit.Rune[:gramSize]))}, true
	}
	a, err := newAutomaton(beginning(seq), false)
	if err != nil {
		return nil, false
	}
	e := enumeration{automaton: a, bytes: make([][]byte, a.other)}
	for b := range byte(utf8.RuneSelf) {
		class := a.text[b]
		if f := b | fold; !slices.Contains(e.bytes[class], f) {
			e.bytes[class] = append(e.bytes[class], f)
		}
	}
	if !e.from(start, 0, 0) {
		return nil, false
	}
	slices.Sort(e.found)
	return slices.Compact(e.found), true
}

// ascii reports whether all runes are letters of ASCII that nothing else is the other spelling of, or are no letters.
func ascii(runes []rune) bool {
	return !slices.ContainsFunc(runes, func(r rune) bool { return r >= utf8.RuneSelf })
}

// gramOf returns the gram of a word's first four bytes.
func gramOf(word string) uint32 { return binary.LittleEndian.Uint32([]byte(word)) | folds&0xffffffff }

// beginning returns an expression that begins as a sequence does, and has at least the runes of a gram.
func beginning(seq []*syntax.Regexp) *syntax.Regexp {
	var parts []*syntax.Regexp
	least := 0
	for _, re := range seq {
		parts = append(parts, shorten(re))
		if least += shortest(re); least >= gramSize {
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
		short.Min, short.Max = min(re.Min, gramSize), min(re.Max, gramSize)
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
		sum, least := 0, gramSize
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
}

func (e *enumeration) from(s int32, gram uint32, depth int) bool {
	if depth == gramSize {
		e.found = append(e.found, gram)
		return len(e.found) <= mostGrams
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
			if !e.from(to, gram|uint32(b)<<(8*depth), depth+1) {
				return false
			}
		}
	}
	return true
}

// cost estimates how often one of the grams begins at a byte of text.
func cost(grams []uint32) (sum float64) {
	for _, g := range grams {
		p := 1.0
		for range gramSize {
			p *= frequency[byte(g)]
			g >>= 8
		}
		sum += p
	}
	return sum
}

// frequency is how often a folded byte occurs in text, roughly.
var frequency = func() (table [256]float64) {
	for b := range table {
		table[b] = 0.002
	}
	for i, b := range []byte(" etaoinsrhldcumfpgwybvkxjqz") {
		table[b] = []float64{.16, .08, .06, .055, .05, .05, .045, .045, .04, .03, .03, .025, .025, .02, .02, .02, .018,
			.014, .012, .012, .012, .008, .006, .003, .002, .002, .001}[i]
	}
	for _, b := range []byte("0123456789./-,=\"'():;") {
		table[b] = 0.01
	}
	return table
}()

// A filter finds the places of a text where one of its grams begins.
type filter struct {
	bits  [1 << (hashBits - 6)]uint64
	keys  []uint32 // open addressing; a gram that is not there has the value -1
	first []int32  // of each key: the index in lists
	mask  uint32
	lists [][]target
}

// A target is what a gram tells of.
type target struct {
	pattern int32
	branch  int32 // or mark
}

// mark is the branch of a word that only says that its pattern is to be searched for.
const mark = -1

const hashBits = 18

func hash(gram uint32) uint32 { return gram * 0x9E3779B1 >> (32 - hashBits) }

func newFilter(of map[uint32][]target) *filter {
	size := 16
	for size < 4*len(of) {
		size *= 2
	}
	f := &filter{keys: make([]uint32, size), first: slices.Repeat([]int32{-1}, size), mask: uint32(size - 1)}
	for gram, list := range of {
		h := hash(gram)
		f.bits[h>>6] |= 1 << (h & 63)
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
	gram := binary.LittleEndian.Uint32(text) | uint32(folds&0xffffffff)
	for at := hash(gram) & f.mask; f.first[at] >= 0; at = (at + 1) & f.mask {
		if f.keys[at] == gram {
			return f.lists[f.first[at]]
		}
	}
	return nil
}

// next returns the first place from one on where a gram may begin; the length of the text if there is none.
func (f *filter) next(text []byte, from int) int {
	for len(text)-from >= 8 {
		x := binary.LittleEndian.Uint64(text[from:]) | folds
		a, b, c, d := hash(uint32(x)), hash(uint32(x>>8)), hash(uint32(x>>16)), hash(uint32(x>>24))
		if f.bits[a>>6]>>(a&63)&1|f.bits[b>>6]>>(b&63)&1|f.bits[c>>6]>>(c&63)&1|f.bits[d>>6]>>(d&63)&1 == 0 {
			from += 4
			continue
		}
		for f.bits[a>>6]>>(a&63)&1 == 0 {
			from++
			x >>= 8
			a = hash(uint32(x))
		}
		return from
	}
	for ; len(text)-from >= gramSize; from++ {
		h := hash(binary.LittleEndian.Uint32(text[from:]) | uint32(folds&0xffffffff))
		if f.bits[h>>6]>>(h&63)&1 != 0 {
			return from
		}
	}
	return len(text)
}
