package inflate

import (
	"encoding/binary"
	"io"
)

// block decodes symbols until the block ends or the window is full: fast while there is enough input and room in the
// window, otherwise one by one.
func (r *Reader) block() error {
	for {
		if !r.room() {
			return errFull
		}
		var done bool
		var err error
		if r.end-r.at >= fastInput {
			done, err = r.fast()
		} else {
			done, err = r.slow()
		}
		if err != nil {
			return err
		}
		if done {
			r.step = (*Reader).header
			return nil
		}
	}
}

// slow decodes one symbol with whatever input there is.
func (r *Reader) slow() (done bool, err error) {
	if err := r.fill(); err != nil {
		return false, err
	}
	e, err := r.symbol(r.lit[:], litBits)
	if err != nil {
		return false, err
	}
	switch {
	case e&literal != 0:
		r.drop(e)
		r.window[r.to] = byte(e >> 16)
		r.to++
		return false, nil
	case e&endOfBlock != 0 && e&exceptional != 0:
		r.drop(e)
		return true, nil
	}
	length := r.value(e)
	if err := r.fill(); err != nil {
		return false, err
	}
	e, err = r.symbol(r.dist[:], distBits)
	if err != nil {
		return false, err
	}
	distance := r.value(e)
	if distance > r.to {
		return false, r.corrupt()
	}
	r.match(distance, length)
	return false, nil
}

// symbol looks up the next code. The caller has filled the bits.
func (r *Reader) symbol(table []uint32, tableBits uint) (uint32, error) {
	e := table[r.bits&(1<<tableBits-1)]
	if e&exceptional != 0 && e&further != 0 {
		e = table[second(e, r.bits>>tableBits)]
	}
	switch {
	case uint(e&0xff) > r.left:
		return 0, io.ErrUnexpectedEOF
	case e&exceptional != 0 && e&endOfBlock == 0:
		return 0, r.corrupt()
	}
	return e, nil
}

func (r *Reader) drop(e uint32) {
	r.bits >>= e & 63
	r.left -= uint(e & 63)
}

// value takes a length or a distance with its extra bits.
func (r *Reader) value(e uint32) int {
	v := int(e>>16) + int(r.bits&(1<<(e&63)-1)>>(e>>8&63))
	r.drop(e)
	return v
}

// fast decodes symbols while there are 24 bytes of input and room for the longest match. It returns true at the end of
// the block. It looks up the next symbol before it fills the bits and before it copies a match: the processor can do
// these in parallel. Variables hold the state during the loop; only the lowest six bits of left count.
func (r *Reader) fast() (done bool, err error) {
	at, bits, left, to := uint(r.at), r.bits, uint32(r.left), uint(r.to)
	last, saved, bad := uint(r.end-fastInput), uint64(0), false
	at, bits, left = r.refill(at, bits, left)
	e := r.lit[bits&(1<<litBits-1)]
	for at <= last && to <= limit {
		saved, bits, left = bits, bits>>(e&63), left-e
		if int32(e) < 0 {
			r.window[to], to = byte(e>>16), to+1
			e = r.lit[bits&(1<<litBits-1)]
			saved, bits, left = bits, bits>>(e&63), left-e
			if int32(e) < 0 {
				r.window[to], to = byte(e>>16), to+1
				e = r.lit[bits&(1<<litBits-1)]
				saved, bits, left = bits, bits>>(e&63), left-e
				if int32(e) < 0 {
					r.window[to], to = byte(e>>16), to+1
					e = r.lit[bits&(1<<litBits-1)]
					at, bits, left = r.refill(at, bits, left)
					continue
				}
			}
		}
		if int16(e) < 0 {
			if e&further == 0 {
				done, bad = e&endOfBlock != 0, e&endOfBlock == 0
				break
			}
			bits, left, e = saved, left+e, r.lit[second(e, bits)]
			at, bits, left = r.refill(at, bits, left)
			continue
		}
		length := uint(e>>16) + uint(saved&(1<<(e&63)-1)>>(e>>8&63))
		e = r.dist[bits&(1<<distBits-1)]
		at, bits, left = r.refill(at, bits, left)
		if e&further != 0 {
			e = r.dist[second(e, bits>>distBits)]
		}
		distance := uint(e>>16) + uint(bits&(1<<(e&63)-1)>>(e>>8&63)) // 0 if the code is invalid
		bits, left = bits>>(e&63), left-e
		from := to - distance
		if from >= to {
			bad = true
			break
		}
		e = r.lit[bits&(1<<litBits-1)]
		at, bits, left = r.refill(at, bits, left)
		if distance >= 16 && length <= 16 {
			*(*[16]byte)(r.window[to : to+16]) = *(*[16]byte)(r.window[from : from+16])
		} else {
			r.copyMatch(to, from, to+length)
		}
		to += length
	}
	r.at, r.bits, r.left, r.to = int(at), bits, uint(left&63), int(to)
	if bad {
		return false, r.corrupt()
	}
	return done, nil
}

// refill adds input to bits up to 56 or more.
func (r *Reader) refill(at uint, bits uint64, left uint32) (uint, uint64, uint32) {
	return at + uint(^left>>3&7), bits | r.word(at)<<(left&63), left | 56
}

// second returns the index in a second table for the bits after those of the first table.
func second(e uint32, bits uint64) uint32 { return e>>16&0x3fff + uint32(bits)&(1<<(e>>8&15)-1) }

// word returns eight bytes of input. The mask changes nothing, but avoids a bounds check.
func (r *Reader) word(at uint) uint64 {
	return binary.LittleEndian.Uint64(r.input[at&inputMask : at&inputMask+8])
}

// copyMatch copies a match in words. It may write up to 15 bytes too many.
func (r *Reader) copyMatch(to, from, end uint) {
	distance := to - from
	if distance >= 16 {
		for ; to < end; to += 16 {
			*(*[16]byte)(r.window[to : to+16]) = *(*[16]byte)(r.window[from : from+16])
			from += 16
		}
		return
	}
	if distance >= 8 {
		for ; to < end; to += 8 {
			*(*[8]byte)(r.window[to : to+8]) = *(*[8]byte)(r.window[from : from+8])
			from += 8
		}
		return
	}
	// Fill a word with repetitions. A step is as many whole repetitions as fit.
	bits := 8 * distance
	word := binary.LittleEndian.Uint64(r.window[from:from+8]) & (1<<bits - 1)
	word |= word << bits
	word |= word << (2 * bits)
	word |= word << (4 * bits)
	for step := 8 - 8%distance; to < end; to += step {
		binary.LittleEndian.PutUint64(r.window[to:to+8], word)
	}
}

// match copies a match to the end of the window.
func (r *Reader) match(distance, length int) {
	for range length {
		r.window[r.to] = r.window[r.to-distance]
		r.to++
	}
}

// fastInput is the input that fast needs for a symbol, in bytes: it takes up to eight bytes three times.
const fastInput = 24
