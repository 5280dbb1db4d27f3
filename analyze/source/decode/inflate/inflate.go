// Package inflate decompresses DEFLATE data (RFC 1951) fast. Nearly all layers in registries are compressed with gzip,
// and inflating them costs the most time.
//
// It holds 64 bits of input, and fills them eight bytes at a time. One table lookup gives a literal, or a length with
// the number of its extra bits; only long codes need a second table. It copies matches in words, and writes to a window
// that holds the history. Input and window are arrays of known sizes, so the compiler can drop most bounds checks.
// There is no assembly and no unsafe code.
package inflate

import (
	"bufio"
	"errors"
	"fmt"
	"io"
)

// A CorruptError says that the data is not a DEFLATE stream. It is the approximate offset of the damage, in bytes from
// the beginning of the stream.
type CorruptError int64

// Error names the offset.
func (e CorruptError) Error() string { return fmt.Sprintf("corrupt data at byte %d", int64(e)) }

const (
	history   = 32 << 10 // how far back a match may reach
	output    = 192 << 10
	limit     = history + output // symbols begin up to here
	inputMask = 1<<16 - 1        // the last place at which eight bytes of input may begin
	slack     = 320              // room for the longest match, three literals, and the rest of the last copied word
)

// A Reader inflates one stream. It consumes exactly the bytes of the stream from its source. The zero Reader needs a
// Reset.
type Reader struct {
	src  *bufio.Reader
	end  int    // length of input
	at   int    // bytes of input that are consumed or in bits
	told int    // bytes of input that the source has discarded
	bits uint64 // not used yet, the lowest first; above left they are zero, or the next bits of the input
	left uint   // number of bits
	base int64  // bytes that the source has discarded
	eof  bool   // the source has nothing after input

	input [inputMask + 8]byte // what the source has buffered

	window [history + output + slack]byte
	from   int // read by the caller up to here
	to     int // written up to here

	step   func(*Reader) error // the next step
	final  bool                // the current block is the last
	stored int                 // bytes left of a stored block
	lit    litTable
	dist   distTable
	err    error

	slid int64 // bytes that have left the window
	mark Mark  // nil if nobody asks
	skip uint  // bits before the first block
}

// A Mark is called before each block: the stream can be resumed there. Ahead is how many bits lie between
// where the source stands and the block, perhaps less than 0. Out is how many bytes the stream gave before, and history
// the last of them, up to 32 KiB, valid only during the call.
type Mark func(ahead, out int64, history []byte)

// Mark sets a function that Reset keeps.
func (r *Reader) Mark(mark Mark) { r.mark = mark }

// Resume goes on before a block that a Mark got: the source begins with the block's byte, of which so many bits, less
// than 8, belong to what is before.
func (r *Reader) Resume(src *bufio.Reader, bits uint, past []byte) {
	r.Reset(src)
	r.to = copy(r.window[:history], past)
	r.from, r.skip, r.step = r.to, bits, (*Reader).resume
}

func (r *Reader) resume() error {
	_, err := r.take(r.skip)
	r.step = (*Reader).header
	return err
}

// Reset begins a new stream.
func (r *Reader) Reset(src *bufio.Reader) {
	r.src, r.end, r.at, r.told, r.bits, r.left, r.base, r.eof = src, 0, 0, 0, 0, 0, 0, false
	r.from, r.to = 0, 0
	r.step, r.final, r.stored, r.err, r.slid = (*Reader).header, false, 0, nil, 0
}

// Read reads inflated bytes. The error is io.EOF at the end of the stream, io.ErrUnexpectedEOF if the source ends
// before it, a CorruptError, or an error of the source. Read returns all bytes before the error first.
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

// errFull ends a step when the window is full. Read does not return it.
var errFull = errors.New("window is full")

func (r *Reader) room() bool { return r.to+slack <= len(r.window) }

// slide moves the history to the beginning of the window if there is little room after it.
func (r *Reader) slide() {
	if r.room() && r.to < history+output/2 {
		return
	}
	keep := min(r.to, history)
	copy(r.window[:], r.window[r.to-keep:r.to])
	r.slid += int64(r.to - keep)
	r.from, r.to = keep, keep
}

// giveBack discards used input from the source. Whole bytes in bits stay in the source.
func (r *Reader) giveBack() {
	r.at -= int(r.left >> 3)
	r.left &= 7
	r.bits &= 1<<r.left - 1
	n, _ := r.src.Discard(r.at - r.told) // they are buffered: there is no error
	r.base += int64(n)
	r.told = r.at
}

// more gets more input and keeps what is not used yet. It returns false at the end of the source.
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

// fill adds input to bits up to 56 or more, or as much as the source has.
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
	if r.mark != nil {
		r.mark(int64(r.at-r.told)*8-int64(r.left), r.slid+int64(r.to), r.window[max(0, r.to-history):r.to])
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

// storedHeader reads the length of a stored block. It begins at a whole byte.
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

// copyStored copies a stored block to the window until the block ends or the window is full.
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
