package inflate

import (
	"encoding/binary"
	"io"
)

// block decodes symbols until the block ends or the window is full: fast as long as there are sixteen bytes of input at hand and the window
// has room, otherwise one by one.
func (r *Reader) block() error {
	for {
		if !r.room() {
			return errFull
		}
		if len(r.in)-r.at >= 16 {
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

// fast decodes symbols while sixteen bytes of input and room for the longest match are there. It returns true at the block's end.
func (r *Reader) fast() (bool, error) {
	in, at := r.in, r.at
	bits, left := r.bits, r.left
	window, to := r.window, r.to
	lit, dist := &r.lit, &r.dist
	start := to
	whole := r.whole
	last := len(in) - 16
	limit := len(window) - slack
	done := false
	var err error

	for at <= last && to <= limit {
		bits |= binary.LittleEndian.Uint64(in[at:]) << (left & 63)
		at += int((63 - left) >> 3)
		left |= 56

		e := lit[bits&(1<<litBits-1)]
		if e&literal != 0 {
			bits >>= e & 63
			left -= uint(e & 63)
			window[to] = byte(e >> 16)
			to++
			e = lit[bits&(1<<litBits-1)]
			if e&literal != 0 {
				bits >>= e & 63
				left -= uint(e & 63)
				window[to] = byte(e >> 16)
				to++
				e = lit[bits&(1<<litBits-1)]
				if e&literal != 0 {
					bits >>= e & 63
					left -= uint(e & 63)
					window[to] = byte(e >> 16)
					to++
					continue
				}
			}
			bits |= binary.LittleEndian.Uint64(in[at:]) << (left & 63)
			at += int((63 - left) >> 3)
			left |= 56
		}
		if e&exceptional != 0 {
			if e&further != 0 {
				bits >>= litBits
				left -= litBits
				e = lit[e>>16&0x3fff+uint32(bits)&(1<<(e>>8&15)-1)]
				if e&literal != 0 {
					bits >>= e & 63
					left -= uint(e & 63)
					window[to] = byte(e >> 16)
					to++
					continue
				}
			}
			if e&exceptional != 0 {
				if e&endOfBlock == 0 {
					err = errCorrupt
					break
				}
				bits >>= e & 63
				left -= uint(e & 63)
				done = true
				break
			}
		}
		length := int(e>>16) + int(bits&(1<<(e&63)-1)>>(e>>8&15))
		bits >>= e & 63
		left -= uint(e & 63)

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
		left -= uint(e & 63)
		if distance > whole+to-start {
			err = errCorrupt
			break
		}
		if distance >= 16 && length <= 16 { // most are so
			*(*[16]byte)(window[to:]) = *(*[16]byte)(window[to-distance:])
		} else {
			match(window, to, distance, length)
		}
		to += length
	}
	r.at, r.bits, r.left, r.to = at, bits, left, to
	r.whole = min(whole+to-start, history)
	if err != nil {
		err = r.corrupt()
	}
	return done, err
}

var errCorrupt = CorruptError(0)
