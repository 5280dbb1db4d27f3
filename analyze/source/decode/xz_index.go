package decode

import (
	"bufio"
	"crypto/sha256"
	"encoding/binary"
	"errors"
	"fmt"
	"hash"
	"hash/crc32"
	"hash/crc64"
	"io"
	"slices"

	"github.com/ulikunitz/xz/lzma"
)

// The checksums that xz blocks may have; 0 is none.
const (
	xzCRC32  = 1
	xzCRC64  = 4
	xzSHA256 = 10
)

// newXzCheck returns the hash of a kind of checksum; nil if there is none or the kind is unknown.
func newXzCheck(kind byte) hash.Hash {
	switch kind {
	case xzCRC32:
		return reversed{crc32.NewIEEE()}
	case xzCRC64:
		return reversed{crc64.New(crc64.MakeTable(crc64.ECMA))}
	case xzSHA256:
		return sha256.New()
	}
	return nil
}

// reversed is a checksum whose bytes are stored lowest first, as xz does and Go does not.
type reversed struct{ hash.Hash }

func (r reversed) Sum(b []byte) []byte {
	b = r.Hash.Sum(b)
	slices.Reverse(b[len(b)-r.Size():])
	return b
}

// parse reads a block header without its length and checksum, and returns the size of the dictionary.
func (b *xzBlock) parse(body []byte) (dict int64, err error) {
	const filters, stored, size, lzma2 = 0x03, 0x40, 0x80, 0x21
	damaged := errors.New("xz: block header is damaged")
	flags := body[0]
	body = body[1:]
	b.wantStored, b.wantSize = -1, -1
	for _, field := range []struct {
		flag byte
		to   *int64
	}{{stored, &b.wantStored}, {size, &b.wantSize}} {
		if flags&field.flag == 0 {
			continue
		}
		n, used := xzNumber(body)
		if used == 0 {
			return 0, damaged
		}
		*field.to, body = n, body[used:]
	}
	if flags&^(filters|stored|size) != 0 || len(body) < 3 {
		return 0, damaged
	}
	if flags&filters != 0 || body[0] != lzma2 {
		return 0, fmt.Errorf("xz: filter %#02x is not supported, only LZMA2 is", body[0])
	}
	dict, err = lzma.DecodeDictCap(body[2])
	if body[1] != 1 || err != nil || !IsZero(body[3:]) {
		return 0, damaged
	}
	return dict, nil
}

// xzNumber decodes a number of at most nine bytes and returns how many it took. It took 0 if they are not a number.
func xzNumber(b []byte) (n int64, used int) {
	value, used := binary.Uvarint(b[:min(len(b), 9)])
	if used > 1 && b[used-1] == 0 {
		return 0, 0
	}
	return int64(value), used
}

// An xzIndex checks that the index at the end of a stream lists the blocks that were read.
type xzIndex struct {
	blocks int64
	hash   hash.Hash // over the sizes of each block
}

func (x *xzIndex) add(unpadded, size int64) {
	x.blocks++
	addSizes(x.hash, unpadded, size)
}

func addSizes(h hash.Hash, unpadded, size int64) {
	var b [16]byte
	binary.LittleEndian.PutUint64(b[:], uint64(unpadded))
	binary.LittleEndian.PutUint64(b[8:], uint64(size))
	h.Write(b[:])
}

// end reads the index, its checksum and the stream's footer.
func (x *xzIndex) end(src *bufio.Reader, check byte) error {
	const where = "in the index"
	r := &indexReader{src: src}
	r.bytes(1) // that it is the index
	listed := r.number()
	wrong := errors.New("xz: index does not list the blocks of the stream")
	if r.err == nil && listed != x.blocks {
		return wrong
	}
	sizes := sha256.New()
	for i := int64(0); i < listed && r.err == nil; i++ {
		unpadded := r.number()
		addSizes(sizes, unpadded, r.number())
	}
	padding := r.bytes(int(-r.read & 3))
	sum, size := r.crc, r.read+4
	stored := r.bytes(4)
	footer := r.bytes(12)
	switch {
	case r.err != nil:
		return cut(r.err, Xz, where)
	case sum != binary.LittleEndian.Uint32(stored):
		return errors.New("xz: index does not match its checksum")
	case [32]byte(sizes.Sum(nil)) != [32]byte(x.hash.Sum(nil)) || !IsZero(padding):
		return wrong
	}
	return checkFooter(footer, size, check)
}

func checkFooter(footer []byte, size int64, check byte) error {
	switch {
	case string(footer[10:]) != "YZ" || crc32.ChecksumIEEE(footer[4:10]) != binary.LittleEndian.Uint32(footer):
		return errors.New("xz: stream footer does not match its checksum")
	case footer[8] != 0 || footer[9] != check || 4*(int64(binary.LittleEndian.Uint32(footer[4:]))+1) != size:
		return errors.New("xz: stream footer does not match the stream")
	}
	return nil
}

// An indexReader keeps the first error and the checksum of what it read.
type indexReader struct {
	src  *bufio.Reader
	read int64
	crc  uint32
	buf  [12]byte
	err  error
}

// bytes returns the next n; zeros after an error.
func (r *indexReader) bytes(n int) []byte {
	b := make([]byte, n)
	if r.err == nil {
		_, r.err = io.ReadFull(r.src, b)
		r.read += int64(n)
		r.crc = crc32.Update(r.crc, crc32.IEEETable, b)
	}
	return b
}

func (r *indexReader) number() int64 {
	b := r.buf[:0]
	for len(b) < 9 && r.err == nil {
		c, err := r.src.ReadByte()
		if err != nil {
			r.err = err
			break
		}
		b = append(b, c)
		if c < 0x80 {
			break
		}
	}
	n, used := xzNumber(b)
	if used == 0 && r.err == nil {
		r.err = errors.New("xz: index is damaged")
	}
	r.read += int64(len(b))
	r.crc = crc32.Update(r.crc, crc32.IEEETable, b)
	return n
}
