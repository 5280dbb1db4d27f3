// Package inflate undoes DEFLATE (RFC 1951), fast: the layers of nearly every image in a registry are stored so, and nothing else costs
// as much as inflating them.
//
// What makes it fast: 64 bits of input are held at once and filled up eight bytes at a time; one look into a table gives a literal, or a
// length with the number of its extra bits; codes too long for the table go to a second one; matches are copied in words; output goes
// straight into a window that holds the history. Input and window are arrays of known sizes, which spares the compiler most of its checks.
// There is no assembly and nothing unsafe.
package inflate

import (
	"bufio"
	"fmt"
	"io"
)

// A CorruptError is data that no DEFLATE stream holds: the offset in bytes, from the stream's beginning, near which it was found.
type CorruptError int64

func (e CorruptError) Error() string { return fmt.Sprintf("corrupt data at byte %d", int64(e)) }

const (
	history   = 32 << 10 // how far back a match may reach
	output    = 192 << 10
	limit     = history + output // symbols begin up to here
	inputMask = 1<<16 - 1        // where eight bytes of input may begin
	slack     = 320              // room for the longest match, three literals, and words that are copied past their end
)

// A Reader inflates one stream. It takes not one byte more from its source than the stream holds. The zero Reader needs a Reset.
type Reader struct {
	src  *bufio.Reader
	end  int    // of the input at hand
	at   int    // of it, consumed; bits came before it
	told int    // of it, how much the source was told to discard
	bits uint64 // not used yet, the lowest first; what is above count is either zero or what follows in the input
	left uint   // of bits
	base int64  // bytes that the source was told to discard
	eof  bool   // the source has no more than the input at hand

	input [inputMask + 8]byte // what the source has buffered

	window [history + output + slack]byte
	from   int // handed out up to here
	to     int // written up to here

	step   func(*Reader) error // what comes next; nil after the end
	final  bool                // the block at hand is the last
	stored int                 // bytes left of a stored block
	lit    litTable
	dist   distTable
	err    error
}

// Reset begins a new stream.
func (r *Reader) Reset(src *bufio.Reader) {
	r.src, r.end, r.at, r.told, r.bits, r.left, r.base, r.eof = src, 0, 0, 0, 0, 0, 0, false
	r.from, r.to = 0, 0
	r.step, r.final, r.stored, r.err = (*Reader).header, false, 0, nil
}

// Read hands out inflated bytes. The error is io.EOF at the stream's end, io.ErrUnexpectedEOF where the source ends before it, a CorruptError,
// or the source's own; it comes after all bytes before it.
func (r *Reader) Read(p []byte) (int, error) {
	if len(p) == 0 {
		return 0, nil
	}
	for r.from == r.to {
		if r.err != nil {
			return 0, r.err
		}
		r.slide()
		for r.err == nil && r.room() {
			r.err = r.step(r)
		}
		if r.err == errFull {
			r.err = nil
		}
		r.giveBack()
	}
	n := copy(p, r.window[r.from:r.to])
	r.from += n
	return n, nil
}

// errFull is no error: the window is full.
var errFull = fmt.Errorf("window is full")

func (r *Reader) room() bool { return r.to+slack <= len(r.window) }

// slide moves the history to the beginning of the window once there is no room behind it.
func (r *Reader) slide() {
	if r.room() && r.to < history+output/2 {
		return
	}
	keep := min(r.to, history)
	copy(r.window[:], r.window[r.to-keep:r.to])
	r.from, r.to = keep, keep
}

// giveBack tells the source what was used, so that whole bytes among the bits are its again.
func (r *Reader) giveBack() {
	r.at -= int(r.left >> 3)
	r.left &= 7
	r.bits &= 1<<r.left - 1
	n, _ := r.src.Discard(r.at - r.told) // they were peeked at, so they are there
	r.base += int64(n)
	r.told = r.at
}

// more gets further input behind what is not used yet; at the source's end it returns false.
func (r *Reader) more() (bool, error) {
	if r.eof {
		return false, nil
	}
	r.giveBack()
	_, err := r.src.Peek(r.end - r.at + 1)
	if err == io.EOF {
		r.eof = true
		err = nil
	}
	in, _ := r.src.Peek(min(r.src.Buffered(), len(r.input)))
	r.end, r.at, r.told = copy(r.input[:], in), 0, 0
	return r.end > 0, err
}

// fill brings the bits up to 56 or more, or to what the source has.
func (r *Reader) fill() error {
	for r.left <= 56 {
		if r.at == r.end {
			ok, err := r.more()
			if err != nil {
				return err
			}
			if !ok {
				r.bits &= 1<<r.left - 1
				return nil
			}
			continue
		}
		r.bits |= uint64(r.input[r.at]) << r.left
		r.at++
		r.left += 8
	}
	return nil
}

// take returns the next n bits, at most 16.
func (r *Reader) take(n uint) (uint32, error) {
	if r.left < n {
		if err := r.fill(); err != nil {
			return 0, err
		}
		if r.left < n {
			return 0, io.ErrUnexpectedEOF
		}
	}
	v := uint32(r.bits) & (1<<n - 1)
	r.bits >>= n
	r.left -= n
	return v, nil
}

func (r *Reader) corrupt() error { return CorruptError(r.base + int64(r.at-r.told) - int64(r.left>>3)) }

// header reads the three bits before a block, or ends the stream.
func (r *Reader) header() error {
	if r.final {
		return io.EOF
	}
	h, err := r.take(3)
	if err != nil {
		return err
	}
	r.final = h&1 != 0
	switch h >> 1 {
	case 0:
		return r.storedHeader()
	case 1:
		r.lit, r.dist = fixedLit, fixedDist
	case 2:
		if err := r.tables(); err != nil {
			return err
		}
	default:
		return r.corrupt()
	}
	r.step = (*Reader).block
	return nil
}

// storedHeader reads the length of a stored block, which begins at a whole byte.
func (r *Reader) storedHeader() error {
	drop := r.left & 7
	r.bits >>= drop
	r.left -= drop
	size, err := r.take(16)
	if err != nil {
		return err
	}
	check, err := r.take(16)
	if err != nil {
		return err
	}
	if size != check^0xffff {
		return r.corrupt()
	}
	r.stored = int(size)
	r.step = (*Reader).copyStored
	return nil
}

// copyStored copies bytes of a stored block as far as they and the window reach.
func (r *Reader) copyStored() error {
	r.at -= int(r.left >> 3) // whole bytes
	r.bits, r.left = 0, 0
	for r.stored > 0 {
		if r.at == r.end {
			ok, err := r.more()
			if err != nil {
				return err
			}
			if !ok {
				return io.ErrUnexpectedEOF
			}
		}
		if !r.room() {
			return errFull
		}
		n := min(r.stored, len(r.window)-slack-r.to+1)
		n = copy(r.window[r.to:r.to+n], r.input[r.at:r.end])
		r.at += n
		r.to += n
		r.stored -= n
	}
	r.step = (*Reader).header
	return nil
}
