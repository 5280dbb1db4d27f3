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
		if len(r.in)-r.at >= fastInput {
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
		r.whole = min(r.whole+1, history)
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
	if distance > r.whole {
		return false, r.corrupt()
	}
	match(r.window, r.to, distance, length)
	r.to += length
	r.whole = min(r.whole+length, history)
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
	v := int(e>>16) + int(r.bits&(1<<(e&63)-1)>>(e>>8&15))
	r.drop(e)
	return v
}

// match copies a match of the window to its end; it may write up to 15 bytes too many.
func match(window []byte, to, distance, length int) {
	from, end := to-distance, to+length
	switch {
	case distance >= 16:
		for {
			*(*[16]byte)(window[to:]) = *(*[16]byte)(window[from:])
			from += 16
			if to += 16; to >= end {
				return
			}
		}
	case distance >= 8:
		for ; to < end; to += 8 {
			*(*[8]byte)(window[to:]) = *(*[8]byte)(window[from:])
			from += 8
		}
	case distance == 1:
		word := uint64(window[from]) * 0x0101010101010101
		for ; to < end; to += 8 {
			binary.LittleEndian.PutUint64(window[to:], word)
		}
	default:
		for ; to < end; to++ {
			window[to] = window[from]
			from++
		}
	}
}

// fast decodes symbols while there are 24 bytes of input and room for the longest match. It returns true at the block's end. The next
// symbol is looked up before a match is copied, so that both go on at once. What the loop keeps in variables is stored at its end.
func (r *Reader) fast() (done bool, err error) {
	in, at, bits, left := r.in, r.at, r.bits, uint8(r.left)
	window, to := r.window, r.to
	lit, dist := &r.lit, &r.dist
	reach := r.whole - to // what a match may reach back, less where it begins
	last, limit := len(in)-fastInput, len(window)-slack

	bits |= binary.LittleEndian.Uint64(in[at:]) << (left & 63)
	at += int(63-left) >> 3
	left |= 56
	e := lit[bits&(1<<litBits-1)]
	for at <= last && to <= limit {
		saved := bits
		bits >>= e & 63
		left -= uint8(e)
		if e&literal != 0 {
			window[to] = byte(e >> 16)
			to++
			e = lit[bits&(1<<litBits-1)]
			saved = bits
			bits >>= e & 63
			left -= uint8(e)
			if e&literal != 0 {
				window[to] = byte(e >> 16)
				to++
				e = lit[bits&(1<<litBits-1)]
				saved = bits
				bits >>= e & 63
				left -= uint8(e)
				if e&literal != 0 {
					window[to] = byte(e >> 16)
					to++
					bits |= binary.LittleEndian.Uint64(in[at:]) << (left & 63)
					at += int(63-left) >> 3
					left |= 56
					e = lit[bits&(1<<litBits-1)]
					continue
				}
			}
		}
		if e&exceptional != 0 {
			if e&further != 0 {
				e = lit[e>>16&0x3fff+uint32(bits)&(1<<(e>>8&15)-1)]
				saved = bits
				bits >>= e & 63
				left -= uint8(e)
			}
			if e&literal != 0 {
				window[to] = byte(e >> 16)
				to++
				bits |= binary.LittleEndian.Uint64(in[at:]) << (left & 63)
				at += int(63-left) >> 3
				left |= 56
				e = lit[bits&(1<<litBits-1)]
				continue
			}
			if e&exceptional != 0 {
				done = e&endOfBlock != 0
				if !done {
					err = errCorrupt
				}
				break
			}
		}
		length := int(e>>16) + int(saved&(1<<(e&63)-1)>>(e>>8&15))

		bits |= binary.LittleEndian.Uint64(in[at:]) << (left & 63)
		at += int(63-left) >> 3
		left |= 56
		e = dist[bits&(1<<distBits-1)]
		if e&exceptional != 0 {
			if e&further != 0 {
				bits >>= distBits
				left -= distBits
				e = dist[e>>16&0x3fff+uint32(bits)&(1<<(e>>8&15)-1)]
			}
			if e&exceptional != 0 {
				err = errCorrupt
				break
			}
		}
		distance := int(e>>16) + int(bits&(1<<(e&63)-1)>>(e>>8&15))
		bits >>= e & 63
		left -= uint8(e)
		if distance > reach+to {
			err = errCorrupt
			break
		}
		bits |= binary.LittleEndian.Uint64(in[at:]) << (left & 63)
		at += int(63-left) >> 3
		left |= 56
		e = lit[bits&(1<<litBits-1)]
		if distance >= 16 && length <= 16 { // most are so
			*(*[16]byte)(window[to:]) = *(*[16]byte)(window[to-distance:])
		} else {
			match(window, to, distance, length)
		}
		to += length
	}
	r.at, r.bits, r.left, r.to = at, bits, uint(left), to
	r.whole = min(reach+to, history)
	if err != nil {
		err = r.corrupt()
	}
	return done, err
}

// fastInput is how many bytes fast wants at hand: three times it takes up to eight.
const fastInput = 24

var errCorrupt = CorruptError(0)
