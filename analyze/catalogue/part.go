package catalogue

import (
	"bytes"
	"encoding/binary"
	"errors"
	"fmt"
	"hash/crc32"
	"io"
	"sync"

	"layup/analyze/catalogue/place"
)

// A part is a Parquet file with sums between its last page and its footer, where readers of Parquet do not look: the
// pages have sums of their own in Parquet, but its indexes, Bloom filters and footer do not. After the body come
//
//	a CRC-32C for each block of the body, 4 bytes, little endian
//	a guide
//	mark, 8 bytes
//	size of the body, 8 bytes
//	size of the guide, 4 bytes
//	CRC-32C of what follows the trailer: the footer, its size and PAR1
//	CRC-32C of the sums, of the guide and of the trailer before it
const (
	mark    = "layup-p2"
	block   = 16 << 10 // bytes
	trailer = len(mark) + 8 + 4 + 4 + 4
	ending  = 8        // bytes of the size of the footer and of PAR1
	most    = 64 << 20 // bytes of a footer, of all sums, and of a guide
)

var castagnoli = crc32.MakeTable(crc32.Castagnoli)

// A summer writes a part. What comes after hold is the end of the file: indexes, then the footer.
type summer struct {
	w    io.Writer
	size int64
	crc  uint32 // of the block that is not full
	sums []byte
	held *bytes.Buffer // nil before hold
}

func (s *summer) Write(p []byte) (int, error) {
	if s.held != nil {
		return s.held.Write(p)
	}
	n, err := s.w.Write(p)
	s.add(p[:n])
	return n, err
}

func (s *summer) add(p []byte) {
	for len(p) > 0 {
		n := min(len(p), block-int(s.size%block))
		s.crc = crc32.Update(s.crc, castagnoli, p[:n])
		if s.size += int64(n); s.size%block == 0 {
			s.sums, s.crc = binary.LittleEndian.AppendUint32(s.sums, s.crc), 0
		}
		p = p[n:]
	}
}

// hold keeps what is written from now on until close.
func (s *summer) hold() { s.held = new(bytes.Buffer) }

// close writes what was held, with the sums and a guide before the footer. The guide is made last, and may write more
// at an offset before the footer.
func (s *summer) close(guide func(out io.Writer, at int64) ([]byte, error)) error {
	end := s.held.Bytes()
	s.held = nil
	if len(end) < ending {
		return errors.New("no footer was written")
	}
	footer := len(end) - ending - int(binary.LittleEndian.Uint32(end[len(end)-ending:]))
	if footer < 0 {
		return errors.New("the footer is longer than what was written last")
	}
	if _, err := s.Write(end[:footer]); err != nil {
		return err
	}
	note, err := guide(s, s.size)
	if err != nil {
		return err
	}
	if s.size%block != 0 {
		s.sums = binary.LittleEndian.AppendUint32(s.sums, s.crc)
	}
	sums := append(append(s.sums, note...), mark...)
	sums = binary.LittleEndian.AppendUint64(sums, uint64(s.size))
	sums = binary.LittleEndian.AppendUint32(sums, uint32(len(note)))
	sums = binary.LittleEndian.AppendUint32(sums, crc32.Checksum(end[footer:], castagnoli))
	sums = binary.LittleEndian.AppendUint32(sums, crc32.Checksum(sums, castagnoli))
	if _, err := s.w.Write(sums); err != nil {
		return err
	}
	_, err = s.w.Write(end[footer:])
	return err
}

var (
	errForeign = errors.New("is not a part of a catalogue, or of one that another version of layup made")
	errDamaged = errors.New("is damaged: it does not match its checksums")
)

// A checked reads a part and checks every byte that it returns. Several goroutines may use it at once.
type checked struct {
	file place.File
	body int64  // bytes
	sums []byte // of the blocks of the body
	note []byte // the guide
	end  []byte // of the file, from its footer on

	mu    sync.Mutex
	at    int64 // number of the block in last
	last  []byte
	fetch []byte // a buffer
}

// newChecked reads and checks the end of a file.
func newChecked(file place.File) (*checked, error) {
	size := file.Size()
	tail := make([]byte, min(size, 64<<10))
	if err := readFull(file, tail, size-int64(len(tail))); err != nil {
		return nil, err
	}
	if len(tail) < ending || string(tail[len(tail)-4:]) != "PAR1" {
		return nil, fmt.Errorf("is not a Parquet file, or cut")
	}
	end := ending + int64(binary.LittleEndian.Uint32(tail[len(tail)-ending:]))
	if end > most || size-end < int64(trailer) {
		return nil, errDamaged
	}
	tail, err := longer(file, tail, end+int64(trailer))
	if err != nil {
		return nil, err
	}
	c := &checked{file: file, end: tail[len(tail)-int(end):], at: -1}
	t := tail[:len(tail)-int(end)]
	t = t[len(t)-trailer:]
	if string(t[:len(mark)]) != mark {
		return nil, errForeign
	}
	t = t[len(mark):]
	c.body = int64(binary.LittleEndian.Uint64(t))
	sums, note := (c.body+block-1)/block*4, int64(binary.LittleEndian.Uint32(t[8:]))
	if c.body < 0 || sums > most || note > most || c.body+sums+note+int64(trailer)+end != size ||
		binary.LittleEndian.Uint32(t[12:]) != crc32.Checksum(c.end, castagnoli) {
		return nil, errDamaged
	}
	if tail, err = longer(file, tail, end+int64(trailer)+sums+note); err != nil {
		return nil, err
	}
	all := tail[:len(tail)-int(end)]
	all = all[len(all)-trailer-int(sums+note):]
	last := len(all) - 4
	if binary.LittleEndian.Uint32(all[last:]) != crc32.Checksum(all[:last], castagnoli) {
		return nil, errDamaged
	}
	c.sums, c.note = all[:sums], all[sums:sums+note]
	return c, nil
}

// longer returns at least so many of the last bytes of a file, of which it has some.
func longer(file place.File, tail []byte, n int64) ([]byte, error) {
	if n <= int64(len(tail)) {
		return tail, nil
	}
	all := make([]byte, n)
	missing := n - int64(len(tail))
	copy(all[missing:], tail)
	return all, readFull(file, all[:missing], file.Size()-n)
}

// readFull fills a buffer from an offset on.
func readFull(r io.ReaderAt, b []byte, at int64) error {
	n, err := r.ReadAt(b, at)
	if n == len(b) {
		return nil
	}
	if err == nil || err == io.EOF {
		err = io.ErrUnexpectedEOF
	}
	return err
}

// ReadAt reads from the part as it was before the sums were added to it.
func (c *checked) ReadAt(p []byte, at int64) (n int, err error) {
	c.mu.Lock()
	defer c.mu.Unlock()
	for n < len(p) {
		if at+int64(n) >= c.Size() || at < 0 {
			return n, io.EOF
		}
		after := at + int64(n) - c.body
		if after >= 0 {
			n += copy(p[n:], c.end[after:])
			continue
		}
		from, err := c.blocks(at+int64(n), min(int64(len(p)-n), -after))
		if err != nil {
			return n, err
		}
		n += copy(p[n:], from)
	}
	return n, nil
}

// Size is the size of the part without its sums.
func (c *checked) Size() int64 { return c.body + int64(len(c.end)) }

// blocks returns checked bytes of the body from an offset on, at least one. The body has n from there.
func (c *checked) blocks(at, n int64) ([]byte, error) {
	first := at / block
	if first == c.at {
		return c.last[at%block:], nil
	}
	const once = 64 // blocks
	end := min((at+n+block-1)/block, first+once)
	size := min(end*block, c.body) - first*block
	if int64(cap(c.fetch)) < size {
		c.fetch = make([]byte, size)
	}
	b := c.fetch[:size]
	if err := readFull(c.file, b, first*block); err != nil {
		return nil, err
	}
	for i := first; i < end; i++ {
		one := b[(i-first)*block : min((i-first+1)*block, size)]
		if crc32.Checksum(one, castagnoli) != binary.LittleEndian.Uint32(c.sums[i*4:]) {
			return nil, errDamaged
		}
		if i == end-1 {
			c.at, c.last = i, append(c.last[:0], one...)
		}
	}
	return b[at%block:], nil
}
