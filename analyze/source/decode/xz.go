package decode

import (
	"bufio"
	"bytes"
	"crypto/sha256"
	"encoding/binary"
	"errors"
	"fmt"
	"hash"
	"hash/crc32"
	"io"
	"os"

	"github.com/ulikunitz/xz/lzma"

	"layup/tarfs"
)

// An xzDecoder undoes the streams of an xz file one after the other (the .xz file format, version 1.2.0). Our own code
// reads the container and the library the LZMA2 data in it. So a dictionary is bounded before it is allocated, all
// blocks share it, and one hash remembers a million blocks.
type xzDecoder struct {
	plain
	src    *bufio.Reader
	limit  int64 // bytes of a dictionary
	check  byte  // the kind of checksum of the current stream, as its header says
	opened bool  // in a stream
	some   bool  // a stream was read before
	block  *xzBlock
	index  xzIndex

	lzma  *lzma.Reader2 // reads feed
	dict  int64         // bytes of its dictionary
	feed  bytes.Reader  // one chunk
	chunk []byte
	left  int // bytes of the chunk's content not read yet
	err   error
}

// An xzBlock is the current block. Sizes are in bytes; those wanted are -1 if the header does not say them.
type xzBlock struct {
	header               int64
	stored, size         int64 // compressed and content, so far
	wantStored, wantSize int64
	hash                 hash.Hash
}

// Close frees the dictionary.
func (d *xzDecoder) Close() error {
	if d.err == nil {
		d.err = os.ErrClosed
	}
	if d.lzma != nil {
		d.lzma = nil
		freed(d.dict)
	}
	return nil
}

func (d *xzDecoder) Read(p []byte) (int, error) {
	if len(p) == 0 {
		return 0, nil
	}
	for d.err == nil && d.left == 0 {
		d.err = d.advance()
	}
	if d.err != nil {
		return 0, d.err
	}
	n, err := d.lzma.Read(p[:min(len(p), d.left)])
	d.left -= n
	d.block.size += int64(n)
	if d.block.hash != nil {
		d.block.hash.Write(p[:n])
	}
	if err != nil {
		d.err = fmt.Errorf("xz: corrupt data: %w", err)
	}
	return n, nil
}

// advance reads what comes next: the header of a stream or block, a chunk, the end of a block or stream.
func (d *xzDecoder) advance() error {
	switch {
	case !d.opened:
		return d.openStream()
	case d.block == nil:
		return d.openBlock()
	}
	return d.openChunk()
}

// openStream reads the header of a stream after padding, or ends with io.EOF.
func (d *xzDecoder) openStream() error {
	for {
		head, err := d.src.Peek(4)
		switch {
		case err == io.EOF && len(head) == 0 && d.some:
			return io.EOF
		case err != nil:
			return cut(err, Xz, "in a stream header")
		}
		if !d.some || !IsZero(head) {
			break
		}
		if _, err := d.src.Discard(4); err != nil {
			return err
		}
	}
	var b [12]byte
	if err := d.full(b[:], "in a stream header"); err != nil {
		return err
	}
	if !bytes.HasPrefix(b[:], xzMagic) {
		return errors.New("xz: no stream follows, but other data")
	}
	if crc32.ChecksumIEEE(b[6:8]) != binary.LittleEndian.Uint32(b[8:]) {
		return errors.New("xz: stream header does not match its checksum")
	}
	if b[6] != 0 || newXzCheck(b[7]) == nil && b[7] != 0 {
		return fmt.Errorf("xz: flags %02x%02x of the stream are unknown", b[6], b[7])
	}
	d.check, d.opened, d.some, d.index = b[7], true, true, xzIndex{hash: sha256.New()}
	return nil
}

// openBlock reads the header of a block, or the index that ends the stream.
func (d *xzDecoder) openBlock() error {
	const where = "in a block header"
	first, err := d.src.Peek(1)
	if err != nil {
		return cut(err, Xz, where)
	}
	if first[0] == 0 {
		d.opened = false
		return d.index.end(d.src, d.check)
	}
	b := make([]byte, 4*(int(first[0])+1))
	if err := d.full(b, where); err != nil {
		return err
	}
	body, sum := b[:len(b)-4], b[len(b)-4:]
	if crc32.ChecksumIEEE(body) != binary.LittleEndian.Uint32(sum) {
		return errors.New("xz: block header does not match its checksum")
	}
	block := &xzBlock{header: int64(len(b)), hash: newXzCheck(d.check)}
	dict, err := block.parse(body[1:])
	if err != nil {
		return err
	}
	if d.limit > 0 && dict > d.limit {
		return fmt.Errorf("xz: dictionary: %w", &tarfs.LimitError{Name: LimitName, Value: dict, Limit: d.limit})
	}
	d.block = block
	if dict > d.dict {
		d.lzma = nil
		freed(d.dict)
		d.dict = dict
	}
	return nil
}

// openChunk reads one chunk of LZMA2 data, or the end of the block.
func (d *xzDecoder) openChunk() error {
	const where = "in a chunk"
	head, err := d.src.Peek(6)
	if len(head) == 0 {
		return cut(err, Xz, where)
	}
	if head[0] == 0 {
		if _, err := d.src.Discard(1); err != nil {
			return err
		}
		d.block.stored++
		return d.closeBlock()
	}
	if len(head) < 6 { // a chunk and the index after it are longer
		return cut(err, Xz, where)
	}
	total, content := chunkSize(head)
	if total == 0 || d.block.stored == 0 && head[0] != 1 && head[0] < 0xe0 {
		return fmt.Errorf("xz: corrupt data: a chunk cannot begin with byte %#02x here", head[0])
	}
	if cap(d.chunk) < total {
		d.chunk = make([]byte, total)
	}
	d.chunk = d.chunk[:total]
	if err := d.full(d.chunk, where); err != nil {
		return err
	}
	d.block.stored += int64(total)
	d.feed.Reset(d.chunk)
	d.left = content
	if d.lzma != nil {
		return nil
	}
	d.lzma, err = lzma.Reader2Config{DictCap: int(max(d.dict, lzma.MinDictCap))}.NewReader2(&d.feed)
	if err != nil {
		return fmt.Errorf("xz: corrupt data: %w", err)
	}
	return nil
}

// chunkSize returns the bytes that a chunk takes and those that come out; 0 if there is no such chunk.
func chunkSize(head []byte) (total, content int) {
	control := head[0]
	low := int(binary.BigEndian.Uint16(head[1:])) + 1
	if control < 0x80 {
		if control > 2 {
			return 0, 0
		}
		return 3 + low, low
	}
	total = 5 + int(binary.BigEndian.Uint16(head[3:])) + 1
	if control >= 0xc0 { // new properties
		total++
	}
	return total, int(control&0x1f)<<16 + low
}

// closeBlock checks the padding, sizes and checksum of a block.
func (d *xzDecoder) closeBlock() error {
	b := d.block
	d.block = nil
	padding := make([]byte, -b.stored&3)
	if err := d.full(padding, "after a block"); err != nil {
		return err
	}
	var got []byte
	if b.hash != nil {
		got = b.hash.Sum(nil)
	}
	want := make([]byte, len(got))
	if err := d.full(want, "in a checksum"); err != nil {
		return err
	}
	switch {
	case !IsZero(padding):
		return errors.New("xz: corrupt data: the padding of a block is not zero")
	case b.wantStored >= 0 && b.wantStored != b.stored, b.wantSize >= 0 && b.wantSize != b.size:
		return errors.New("xz: block does not match the size in its header")
	case !bytes.Equal(want, got):
		return errors.New("xz: content does not match its checksum")
	}
	d.index.add(b.header+b.stored+int64(len(got)), b.size)
	return nil
}

func (d *xzDecoder) full(b []byte, where string) error {
	_, err := io.ReadFull(d.src, b)
	return cut(err, Xz, where)
}
