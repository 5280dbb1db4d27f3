package inflate

import (
	"io"
	"math/bits"
)

// An entry of a table says what a code means:
//
//	a literal       literal | byte<<16 | bits<<8 | bits
//	a length        base<<16 | code's bits<<8 | bits of the code and what follows it
//	a distance      base<<16 | code's bits<<8 | bits of the code and what follows it
//	a longer code   exceptional | further | first of the second table<<16 | its bits<<8 | bits of this one
//	the block's end exceptional | endOfBlock | bits<<8 | bits
//	no code         exceptional | 1<<8 | 1
//
// The lowest byte is the number of bits to take from the input; in a second table, with the bits of the first.
const (
	literal     = 1 << 31
	exceptional = 1 << 15
	further     = 1 << 14
	endOfBlock  = 1 << 13
	invalid     = exceptional | 1<<8 | 1
)

// The sizes of first tables in bits, and of all tables in entries: enough for complete codes of 288, 30 and 19 symbols.
const (
	litBits     = 11
	distBits    = 8
	preBits     = 7
	litEntries  = 2342
	distEntries = 402
	preEntries  = 128
	maxBits     = 15
)

type (
	litTable  [litEntries]uint32
	distTable [distEntries]uint32
)

const (
	litSymbols  = 286 // literals, the end of a block, lengths
	distSymbols = 30
)

// The meanings of symbols: their entries without the bits of the code. RFC 1951, 3.2.5.
var (
	litMeaning  = litMeanings()
	distMeaning = distMeanings()
	preMeaning  = preMeanings()
)

func litMeanings() (m [288]uint32) {
	for i := range 256 {
		m[i] = literal | uint32(i)<<16
	}
	m[256] = exceptional | endOfBlock
	base := uint32(3)
	for i := range 28 {
		extra := uint32(0)
		if i >= 8 {
			extra = uint32(i-4) / 4
		}
		m[257+i] = base<<16 | extra
		base += 1 << extra
	}
	m[285] = 258 << 16
	m[286], m[287] = exceptional, exceptional
	return m
}

func distMeanings() (m [32]uint32) {
	base := uint32(1)
	for i := range distSymbols {
		extra := uint32(0)
		if i >= 4 {
			extra = uint32(i-2) / 2
		}
		m[i] = base<<16 | extra
		base += 1 << extra
	}
	m[30], m[31] = exceptional, exceptional
	return m
}

func preMeanings() (m [19]uint32) {
	for i := range m {
		m[i] = uint32(i) << 16
	}
	return m
}

var fixedLit, fixedDist = fixedTables()

func fixedTables() (lit litTable, dist distTable) {
	var lengths [288]uint8
	for i := range lengths {
		switch {
		case i < 144:
			lengths[i] = 8
		case i < 256:
			lengths[i] = 9
		case i < 280:
			lengths[i] = 7
		default:
			lengths[i] = 8
		}
	}
	build(lit[:], litBits, lengths[:], litMeaning[:])
	for i := range 32 {
		lengths[i] = 5
	}
	build(dist[:], distBits, lengths[:32], distMeaning[:])
	return lit, dist
}

// build fills a table for the canonical code of the given lengths. It returns false if the code is over-subscribed or
// incomplete. It accepts a single code of one bit, and no code at all; it then marks unused entries as invalid.
func build(table []uint32, tableBits uint, lengths []uint8, meaning []uint32) bool {
	var count [maxBits + 1]int
	for _, n := range lengths {
		count[n]++
	}
	count[0] = 0
	longest, room := 0, 1
	for n := 1; n <= maxBits; n++ {
		if room = room<<1 - count[n]; room < 0 {
			return false
		}
		if count[n] > 0 {
			longest = n
		}
	}
	if room > 0 {
		if longest > 1 || count[1] > 1 {
			return false
		}
		for i := range 1 << tableBits {
			table[i] = invalid
		}
	}
	if longest == 0 {
		return true
	}
	var sorted [288]uint16
	var next [maxBits + 2]int
	for n := 1; n <= maxBits; n++ {
		next[n+1] = next[n] + count[n]
	}
	total := next[maxBits+1]
	for symbol, n := range lengths {
		if n != 0 {
			sorted[next[n]] = uint16(symbol)
			next[n]++
		}
	}
	fillTable(table, tableBits, lengths, meaning, sorted[:total], &count)
	return true
}

// fillTable enters the symbols, shortest codes first. A code is stored from its highest bit, so the table has its bits
// reversed. The first 1<<n entries are for codes of up to n bits; doubling them lets any bit follow.
func fillTable(
	table []uint32, tableBits uint, lengths []uint8, meaning []uint32, sorted []uint16, count *[maxBits + 1]int,
) {
	code := uint16(0)
	for n := uint(1); n <= tableBits; n++ {
		for _, symbol := range sorted[:count[n]] {
			table[bits.Reverse16(code)>>(16-n)] = entry(meaning[symbol], n)
			code++
		}
		sorted = sorted[count[n]:]
		if n < tableBits {
			copy(table[1<<n:2<<n], table[:1<<n])
			code <<= 1
		}
	}
	if len(sorted) > 0 {
		fillSecond(table, tableBits, lengths, meaning, sorted, count, code)
	}
}

// fillSecond enters the symbols with codes that are too long for the first table. Codes with the same index in the
// first table share a second table. code is the first long code, cut to the bits of the first table.
func fillSecond(
	table []uint32, tableBits uint, lengths []uint8, meaning []uint32, sorted []uint16, count *[maxBits + 1]int,
	code uint16,
) {
	last := tableBits
	prefix, second, secondBits := -1, 1<<tableBits, uint(0)
	end := second
	for _, symbol := range sorted {
		n := uint(lengths[symbol])
		code <<= n - last
		last = n
		reversed := int(bits.Reverse16(code) >> (16 - n))
		code++
		if at := reversed & (1<<tableBits - 1); at != prefix {
			prefix, second = at, end
			secondBits = n - tableBits
			for used := count[n]; used < 1<<secondBits; {
				secondBits++
				used = used<<1 + count[tableBits+secondBits]
			}
			end = second + 1<<secondBits
			table[prefix] = uint32(exceptional|further|second<<16) | uint32(secondBits)<<8 | uint32(tableBits)
		}
		e := entry(meaning[symbol], n)
		for i := reversed >> tableBits; i < 1<<secondBits; i += 1 << (n - tableBits) {
			table[second+i] = e
		}
		count[n]--
	}
}

// entry adds the length of a code to the meaning of its symbol: to the bits to take and the place of the extra bits.
func entry(meaning uint32, n uint) uint32 { return meaning + uint32(n)<<8 + uint32(n) }

// order is the order in which a stream stores the code of lengths. RFC 1951, 3.2.7.
var order = [19]uint8{16, 17, 18, 0, 8, 7, 9, 6, 10, 5, 11, 4, 12, 3, 13, 2, 14, 1, 15}

// tables reads the codes of a dynamic block.
func (r *Reader) tables() error {
	sizes, err := r.take(14)
	if err != nil {
		return err
	}
	nlit, ndist, npre := int(sizes&31)+257, int(sizes>>5&31)+1, int(sizes>>10)+4
	if nlit > litSymbols || ndist > distSymbols {
		return r.corrupt()
	}
	var pre [19]uint8
	for _, i := range order[:npre] {
		n, err := r.take(3)
		if err != nil {
			return err
		}
		pre[i] = uint8(n)
	}
	var table [preEntries]uint32
	if !build(table[:], preBits, pre[:], preMeaning[:]) {
		return r.corrupt()
	}
	var lengths [litSymbols + distSymbols]uint8
	if err := r.lengths(lengths[:nlit+ndist], &table); err != nil {
		return err
	}
	if !build(r.lit[:], litBits, lengths[:nlit], litMeaning[:]) ||
		!build(r.dist[:], distBits, lengths[nlit:nlit+ndist], distMeaning[:]) {
		return r.corrupt()
	}
	return nil
}

// lengths reads the lengths of both codes. One run may cover the end of the first and the beginning of the second.
func (r *Reader) lengths(lengths []uint8, table *[preEntries]uint32) error {
	for i := 0; i < len(lengths); {
		if err := r.fill(); err != nil {
			return err
		}
		e := table[r.bits&(preEntries-1)]
		n := uint(e & 0xff)
		switch {
		case n > r.left:
			return io.ErrUnexpectedEOF
		case e&exceptional != 0:
			return r.corrupt()
		}
		r.bits >>= n
		r.left -= n
		symbol := uint8(e >> 16)
		if symbol < 16 {
			lengths[i] = symbol
			i++
			continue
		}
		again, value, err := r.repeat(symbol, lengths[:i])
		if err != nil {
			return err
		}
		if again > len(lengths)-i {
			return r.corrupt()
		}
		for range again {
			lengths[i] = value
			i++
		}
	}
	return nil
}

// repeat reads how often a length is repeated, and which length.
func (r *Reader) repeat(symbol uint8, before []uint8) (again int, value uint8, err error) {
	var n uint32
	switch symbol {
	case 16:
		if len(before) == 0 {
			return 0, 0, r.corrupt()
		}
		n, err = r.take(2)
		return int(n) + 3, before[len(before)-1], err
	case 17:
		n, err = r.take(3)
		return int(n) + 3, 0, err
	}
	n, err = r.take(7)
	return int(n) + 11, 0, err
}
