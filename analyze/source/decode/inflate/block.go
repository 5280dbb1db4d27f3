package inflate

import (
	"encoding/binary"
	"io"
)

// block decodes symbols until the block ends or the window is full: fast as long as there is input at hand and the window
// has room, otherwise one by one.
func (r *Reader) block() error {
	for {
		if !r.room() {
			return errFull
		}
		if r.end-r.at >= fastInput {
			done, err := r.fast()
			if err != nil {
				return err
			}
			if done {
				r.step = (*Reader).header
				return nil
			}
			if !r.room() {
				return errFull
			}
		}
		done, err := r.slow()
		if err != nil {
			return err
		}
		if done {
			r.step = (*Reader).header
			return nil
		}
	}
}

// slow decodes one symbol, with what input there is.
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

// symbol looks up the next code, and takes that part of it which led to a second table. The bits must be filled.
func (r *Reader) symbol(table []uint32, tableBits uint) (uint32, error) {
	e := table[r.bits&(1<<tableBits-1)]
	if e&exceptional != 0 && e&further != 0 {
		if r.left < tableBits {
			return 0, io.ErrUnexpectedEOF
		}
		r.drop(e)
		e = table[e>>16&0x3fff+uint32(r.bits)&(1<<(e>>8&15)-1)]
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

// fast decodes symbols while there are 24 bytes of input and room for the longest match. It returns true at the block's end. The next
// symbol is looked up before the bits are filled up (enough for that are left) and before a match is copied, so that all goes on at
// once. What the loop keeps in variables is stored at its end. Of left only the lowest six bits count.
func (r *Reader) fast() (done bool, err error) {
	at, bits, left, to := uint(r.at), r.bits, uint32(r.left), uint(r.to)
	last := uint(r.end - fastInput)

	bits |= r.word(at) << (left & 63)
	at += uint(^left >> 3 & 7)
	left |= 56
	e := r.lit[bits&(1<<litBits-1)]
	for at <= last && to <= limit {
		saved := bits
		bits >>= e & 63
		left -= e
		if int32(e) < 0 {
			r.window[to] = byte(e >> 16)
			to++
			e = r.lit[bits&(1<<litBits-1)]
			saved = bits
			bits >>= e & 63
			left -= e
			if int32(e) < 0 {
				r.window[to] = byte(e >> 16)
				to++
				e = r.lit[bits&(1<<litBits-1)]
				saved = bits
				bits >>= e & 63
				left -= e
				if int32(e) < 0 {
					r.window[to] = byte(e >> 16)
					to++
					e = r.lit[bits&(1<<litBits-1)]
					bits |= r.word(at) << (left & 63)
					at += uint(^left >> 3 & 7)
					left |= 56
					continue
				}
			}
		}
		if int16(e) < 0 {
			if e&further != 0 {
				e = r.lit[e>>16&0x3fff+uint32(bits)&(1<<(e>>8&15)-1)]
				saved = bits
				bits >>= e & 63
				left -= e
			}
			if int32(e) < 0 {
				r.window[to] = byte(e >> 16)
				to++
				bits |= r.word(at) << (left & 63)
				at += uint(^left >> 3 & 7)
				left |= 56
				e = r.lit[bits&(1<<litBits-1)]
				continue
			}
			if int16(e) < 0 {
				done = e&endOfBlock != 0
				if !done {
					err = errCorrupt
				}
				break
			}
		}
		length := uint(e>>16) + uint(saved&(1<<(e&63)-1)>>(e>>8&63))

		e = r.dist[bits&(1<<distBits-1)]
		bits |= r.word(at) << (left & 63)
		at += uint(^left >> 3 & 7)
		left |= 56
		if int16(e) < 0 {
			if e&further != 0 {
				bits >>= distBits
				left -= distBits
				e = r.dist[e>>16&0x3fff+uint32(bits)&(1<<(e>>8&15)-1)]
			}
			if int16(e) < 0 {
				err = errCorrupt
				break
			}
		}
		distance := uint(e>>16) + uint(bits&(1<<(e&63)-1)>>(e>>8&63))
		bits >>= e & 63
		left -= e
		from := to - distance
		if from >= to {
			err = errCorrupt
			break
		}
		e = r.lit[bits&(1<<litBits-1)]
		bits |= r.word(at) << (left & 63)
		at += uint(^left >> 3 & 7)
		left |= 56
		end := to + length
		if distance >= 16 { // most are so
			*(*[16]byte)(r.window[to : to+16]) = *(*[16]byte)(r.window[from : from+16])
			for length > 16 {
				from += 16
				to += 16
				length -= 16
				*(*[16]byte)(r.window[to : to+16]) = *(*[16]byte)(r.window[from : from+16])
			}
		} else {
			r.overlap(to, from, end)
		}
		to = end
	}
	r.at, r.bits, r.left, r.to = int(at), bits, uint(left&63), int(to)
	if err != nil {
		err = r.corrupt()
	}
	return done, err
}

// word returns eight bytes of input. The mask changes nothing, but spares a check.
func (r *Reader) word(at uint) uint64 {
	return binary.LittleEndian.Uint64(r.input[at&inputMask : at&inputMask+8])
}

// overlap copies a match from less than 16 bytes before, in words; it may write up to 7 bytes too many.
func (r *Reader) overlap(to, from, end uint) {
	distance := to - from
	if distance >= 8 {
		for ; to < end; to += 8 {
			*(*[8]byte)(r.window[to : to+8]) = *(*[8]byte)(r.window[from : from+8])
			from += 8
		}
		return
	}
	// What repeats fills a word; the next one begins where it begins again.
	bits := 8 * distance
	word := binary.LittleEndian.Uint64(r.window[from:from+8]) & (1<<bits - 1)
	word |= word << bits
	word |= word << (2 * bits)
	word |= word << (4 * bits)
	for step := 8 - 8%distance; to < end; to += step {
		binary.LittleEndian.PutUint64(r.window[to:to+8], word)
	}
}

// match copies a match of the window to its end.
func (r *Reader) match(distance, length int) {
	for range length {
		r.window[r.to] = r.window[r.to-distance]
		r.to++
	}
}

// fastInput is how many bytes fast wants at hand: three times it takes up to eight.
const fastInput = 24

var errCorrupt = CorruptError(0)
