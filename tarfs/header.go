package tarfs

import (
	"bytes"
	"encoding/binary"
	"errors"
	"fmt"
	"math/bits"
	"slices"
)

const blockSize = 512

// header is one entry while it is read: the fields of the block, then what extended headers say instead.
type header struct {
	name, link   []byte
	typeflag     byte
	mode         int64
	uid, gid     int64
	size         int64
	mtime        int64
	mtimeNS      uint32
	major, minor int64
	gnu          bool // the GNU dialect, which alone has old sparse files
}

// parseBlock reads the fields of a header block after checking its sum. The block must not be all zeros. Source:
// POSIX.1-1988 ustar, the GNU and star dialects. It decides as archive/tar does, because the engines read with
// archive/tar.
func parseBlock(b []byte, h *header) error {
	*h = header{}
	if !hasSum(b) {
		return errors.New("header checksum is wrong")
	}
	p := fields{block: b}
	h.name = cstring(b[0:100])
	h.link = cstring(b[157:257])
	h.typeflag = b[156]
	h.mode = p.number("mode", 100, 108)
	h.uid = p.number("uid", 108, 116)
	h.gid = p.number("gid", 116, 124)
	h.size = p.number("size", 124, 136)
	h.mtime = p.number("mtime", 136, 148)
	magic, version := string(b[257:263]), string(b[263:265])
	h.gnu = magic == "ustar " && version == " \x00"
	ustar := magic == "ustar\x00"
	if ustar || h.gnu {
		h.major = p.number("device number", 329, 337)
		h.minor = p.number("device number", 337, 345)
	}
	if ustar && isStar(b) {
		p.number("time", 476, 488)
		p.number("time", 488, 500)
	}
	h.name = prefixed(b, h.name, ustar, h.gnu)
	return p.err
}

// prefixed joins the prefix field, if the dialect has one, and the name.
func prefixed(b, name []byte, ustar, gnu bool) []byte {
	var prefix []byte
	switch {
	case ustar && isStar(b): // star keeps times after a shorter prefix
		prefix = cstring(b[345:476])
	case ustar:
		prefix = cstring(b[345:500])
	case gnu && !gnuTimes(b):
		// Old Go versions wrote a ustar prefix under GNU magic; archive/tar still reads it.
		if p := cstring(b[345:500]); isASCII(p) {
			prefix = p
		}
	}
	if len(prefix) == 0 {
		return name
	}
	joined := make([]byte, 0, len(prefix)+1+len(name))
	return append(append(append(joined, prefix...), '/'), name...)
}

func isStar(b []byte) bool { return string(b[508:512]) == "tar\x00" }

// gnuTimes reports whether the fields that GNU uses for access and change times hold times or nothing.
func gnuTimes(b []byte) bool {
	p := fields{block: b}
	for _, at := range []int{345, 357} {
		if b[at] != 0 {
			p.number("time", at, at+12)
		}
	}
	return p.err == nil
}

func isASCII(b []byte) bool {
	return !slices.ContainsFunc(b, func(c byte) bool { return c >= 0x80 || c == 0 })
}

// cstring cuts a field at its first NUL.
func cstring(b []byte) []byte {
	if i := bytes.IndexByte(b, 0); i >= 0 {
		return b[:i]
	}
	return b
}

// hasSum reports whether the checksum is right: the sum of unsigned bytes, or of signed bytes as old Sun tars wrote it.
// The field of the sum itself counts as spaces.
func hasSum(b []byte) bool {
	want, ok := octal(b[148:156])
	sum := sumBytes(b[:blockSize]) - sumBytes(b[148:156]) + 8*' '
	if !ok || want == sum {
		return ok
	}
	for i, c := range b[:blockSize] {
		if c >= 0x80 && (i < 148 || i >= 156) {
			sum -= 256
		}
	}
	return want == sum
}

// sumBytes adds up to 512 bytes, sixteen at a time, in four lanes of 16 bits. The sum of two ASCII bytes fits one byte,
// so ASCII is added before it is spread over the lanes.
func sumBytes(b []byte) int64 {
	const even, high = 0x00ff00ff00ff00ff, 0x8080808080808080
	var lanes uint64
	for ; len(b) >= 16; b = b[16:] {
		v, w := binary.LittleEndian.Uint64(b), binary.LittleEndian.Uint64(b[8:])
		if (v|w)&high == 0 {
			v += w
		} else {
			lanes += w&even + w>>8&even
		}
		lanes += v&even + v>>8&even
	}
	sum := int64(lanes&0xffff + lanes>>16&0xffff + lanes>>32&0xffff + lanes>>48)
	for _, c := range b {
		sum += int64(c)
	}
	return sum
}

// IsHeader reports whether a block of 512 bytes is a tar header, by its checksum: no other mark is common to all
// dialects.
func IsHeader(block []byte) bool {
	return len(block) >= blockSize && !isZero(block[:blockSize]) && hasSum(block[:blockSize])
}

// isZero reports whether a block, or a part of one, is zeros.
func isZero(b []byte) bool { return (len(b) == 0 || b[0] == 0) && bytes.Equal(b, zeros[:len(b)]) }

// fields reads numbers from a block and keeps the first error.
type fields struct {
	block []byte
	err   error
}

func (p *fields) number(what string, from, to int) int64 {
	b := p.block[from:to]
	n, ok := number(b)
	if !ok && p.err == nil {
		p.err = fmt.Errorf("%s %q is not a number", what, bytes.TrimRight(b, "\x00 "))
	}
	return n
}

// number reads octal digits or, if the first bit is set, a big-endian two's complement number (the GNU extension).
func number(b []byte) (int64, bool) {
	if b[0]&0x80 == 0 {
		return octal(b)
	}
	inverse := byte(0)
	if b[0]&0x40 != 0 {
		inverse = 0xff
	}
	var n uint64
	for i, c := range b {
		c ^= inverse
		if i == 0 {
			c &= 0x7f
		}
		if n>>56 > 0 {
			return 0, false
		}
		n = n<<8 | uint64(c)
	}
	if n>>63 > 0 {
		return 0, false
	}
	if inverse == 0xff {
		return ^int64(n), true
	}
	return int64(n), true
}

// octal reads digits between spaces and NULs. It ignores what follows a NUL after the digits. An empty field is 0.
func octal(b []byte) (int64, bool) {
	switch len(b) { // nearly all fields have these forms
	case 8:
		v := binary.LittleEndian.Uint64(b)
		if isSevenDigits(v) {
			return joinDigits(bits.ReverseBytes64(v) >> 8), true
		}
		if v&0x00fff8f8f8f8f8f8 == 0x0000303030303030 { // six digits and a NUL
			return joinDigits(bits.ReverseBytes64(v) >> 16), true
		}
	case 12:
		high, v := binary.LittleEndian.Uint32(b), binary.LittleEndian.Uint64(b[4:])
		if isSevenDigits(v) && high&0xf8f8f8f8 == 0x30303030 {
			return joinDigits(uint64(bits.ReverseBytes32(high)))<<21 | joinDigits(bits.ReverseBytes64(v)>>8), true
		}
	}
	return anyOctal(b)
}

// isSevenDigits reports whether eight bytes are seven digits and a NUL or a space.
func isSevenDigits(v uint64) bool { return v&0xdff8f8f8f8f8f8f8 == 0x0030303030303030 }

// joinDigits joins the lowest three bits of every byte.
func joinDigits(v uint64) int64 {
	v &= 0x0707070707070707
	v = (v | v>>5) & 0x003f003f003f003f
	v = (v | v>>10) & 0x00000fff00000fff
	return int64((v | v>>20) & 0xffffff)
}

// anyOctal reads digits one by one.
func anyOctal(b []byte) (int64, bool) {
	var n int64
	for b = bytes.TrimLeft(b, " \x00"); len(b) > 0 && b[0] != 0; b = b[1:] {
		c := b[0] - '0'
		if c > 7 {
			return n, b[0] == ' ' && len(bytes.Trim(b, " \x00")) == 0
		}
		if n>>60 != 0 {
			return 0, false
		}
		n = n<<3 | int64(c)
	}
	return n, true
}
