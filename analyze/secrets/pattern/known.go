package pattern

import (
	"crypto/sha256"
	_ "embed"
	"encoding/binary"
	"slices"
	"sync"
)

// table holds what New found out about the expressions of this program, so that no start finds it out anew. Table
// writes it; a test compares both. A record is the key of an expression, the number of its branches, and for each the
// part with which its tail begins, the numbers of its grams, and the grams: those at the place, and those near it,
// unless beforeThem tells those.
//
//go:embed known.bin
var table string

const (
	keySize = 16
	noGrams = 0xffff // instead of the number of branches: no grams tell the expression
)

// keyOf tells an expression from others.
func keyOf(expr string) (key [keySize]byte) {
	sum := sha256.Sum256([]byte(expr))
	copy(key[:], sum[:])
	return key
}

// records are the places of what the table says, by expression.
var records = sync.OnceValue(func() map[[keySize]byte]int {
	places := map[[keySize]byte]int{}
	for r := (record{}); r.at < len(table); {
		var key [keySize]byte
		r.at += copy(key[:], table[r.at:])
		places[key] = r.at
		n := r.number()
		for range n % noGrams {
			r.number()
			r.at += 4 * (r.number() + r.number())
		}
	}
	return places
})

// A record is read from a place of the table on.
type record struct{ at int }

func (r *record) number() int {
	r.at += 2
	return int(table[r.at-2]) | int(table[r.at-1])<<8
}

func (r *record) grams(n int) []uint32 {
	list := make([]uint32, n)
	for i := range list {
		low := uint32(r.number())
		list[i] = low | uint32(r.number())<<16
	}
	return list
}

// known takes what the table says of the expression, if it names it.
func (p *Pattern) known() bool {
	at, ok := records()[keyOf(p.expr)]
	if ok {
		p.take(record{at})
	}
	return ok
}

// take takes what a record says of the expression.
func (p *Pattern) take(r record) {
	n := r.number()
	if p.always = n == noGrams; p.always {
		return
	}
	for range n {
		p.tails = append(p.tails, r.number())
		at, near := r.number(), r.number()
		tells := telltale{at: r.grams(at), near: r.grams(near)}
		if near == 0 {
			tells.near = beforeThem(tells.at)
		}
		p.tells = append(p.tells, tells)
	}
}

// Table returns the table of some expressions. It finds everything out anew.
func Table(exprs []string) (b []byte, err error) {
	number := func(n int) { b = binary.LittleEndian.AppendUint16(b, uint16(n)) }
	done := map[string]bool{}
	for _, expr := range exprs {
		if done[expr] {
			continue
		}
		done[expr] = true
		p := &Pattern{expr: expr}
		if err := p.divide(); err != nil {
			return nil, err
		}
		key := keyOf(expr)
		b = append(b, key[:]...)
		if p.always {
			number(noGrams)
			continue
		}
		number(len(p.tails))
		for i, t := range p.tells {
			if slices.Equal(t.near, beforeThem(t.at)) {
				t.near = nil
			}
			number(p.tails[i])
			number(len(t.at))
			number(len(t.near))
			for _, gram := range append(slices.Clone(t.at), t.near...) {
				b = binary.LittleEndian.AppendUint32(b, gram)
			}
		}
	}
	return b, nil
}
