package decode

import (
	"bufio"
	"bytes"
	"encoding/binary"
	"errors"
	"fmt"
	"hash/crc32"
	"io"
	"os"

	"github.com/klauspost/compress/flate"

	"layup/analyze/source/decode/inflate"
)

// An inflater undoes DEFLATE and takes from its source not one byte more than the stream holds.
type inflater interface {
	io.Reader
	Reset(src *bufio.Reader)
}

// newInflater returns our own decoder, or the library's if the environment asks for it, to compare the two.
func newInflater() inflater {
	if os.Getenv("LAYUP_INFLATE") == "klauspost" {
		return new(klauspost)
	}
	return new(inflate.Reader)
}

type klauspost struct{ r io.ReadCloser }

func (k *klauspost) Read(p []byte) (int, error) { return k.r.Read(p) }

func (k *klauspost) Reset(src *bufio.Reader) {
	if k.r == nil {
		k.r = flate.NewReader(src)
		return
	}
	// Reset of a flate reader without a dictionary cannot fail.
	_ = k.r.(flate.Resetter).Reset(src, nil)
}

// A gzipDecoder reads the members of a gzip stream one after the other (RFC 1952). Like engines, it ignores what
// follows the last member: the checksums prove the content before.
type gzipDecoder struct {
	plain
	src     *bufio.Reader
	inflate inflater
	members int
	inside  bool   // of a member
	crc     uint32 // of the member's content so far
	size    uint32 // of the member's content so far, modulo 4 GiB
	count   int64  // of all content so far
	start   int64  // of all content before the member
	resumed bool   // inside the member: its checksum is not known
	ignored bool
	err     error
}

func (d *gzipDecoder) Reset(src *bufio.Reader) { *d = gzipDecoder{src: src, inflate: d.inflate} }

func (d *gzipDecoder) Tail() bool { return d.ignored }

func (d *gzipDecoder) Read(p []byte) (int, error) {
	if len(p) == 0 {
		return 0, nil
	}
	for d.err == nil {
		if !d.inside {
			d.err = d.open()
			continue
		}
		n, err := d.inflate.Read(p)
		d.crc = crc32.Update(d.crc, crc32.IEEETable, p[:n])
		d.size += uint32(n)
		d.count += int64(n)
		switch {
		case err == io.EOF:
			d.inside = false
			d.err = d.trailer()
		case err != nil:
			d.err = inflateError(err)
		}
		if n > 0 {
			return n, nil
		}
	}
	return 0, d.err
}

func inflateError(err error) error {
	var own inflate.CorruptError
	var library flate.CorruptInputError
	if !errors.As(err, &own) && !errors.As(err, &library) {
		return cut(err, Gzip, "in the compressed data")
	}
	return fmt.Errorf("gzip: corrupt data at byte %d of the member", max(int64(own), int64(library)))
}

// open begins the next member, or ends the stream with io.EOF.
func (d *gzipDecoder) open() error {
	head, err := d.src.Peek(4)
	if err != nil && err != io.EOF {
		return err
	}
	if d.members > 0 && !isMember(head) {
		if len(head) == 0 {
			return io.EOF
		}
		d.ignored = true
		return Drain(d.src)
	}
	h := gzipHeader{src: d.src}
	if err := h.read(); err != nil {
		return cut(err, Gzip, "in the header")
	}
	d.members++
	d.inside, d.crc, d.size, d.start, d.resumed = true, 0, 0, d.count, false
	d.inflate.Reset(d.src)
	return nil
}

// isMember reports whether another member follows: the magic of DEFLATE in gzip, without the reserved flags.
func isMember(head []byte) bool {
	return bytes.HasPrefix(head, GzipMagic) && (len(head) < 4 || head[3]&gzipReserved == 0)
}

// Drain reads a source to its end and returns io.EOF, or what stopped it.
func Drain(src *bufio.Reader) error {
	for {
		if _, err := src.Discard(1 << 30); err != nil {
			return err
		}
	}
}

// trailer compares a member's content with its CRC-32 and its length.
func (d *gzipDecoder) trailer() error {
	var b [8]byte
	if _, err := io.ReadFull(d.src, b[:]); err != nil {
		if err == io.EOF || err == io.ErrUnexpectedEOF {
			return &TrailerError{cut(err, Gzip, "in the trailer").Error()}
		}
		return err
	}
	crc, size := binary.LittleEndian.Uint32(b[:]), binary.LittleEndian.Uint32(b[4:])
	switch {
	case d.resumed:
	case crc != d.crc:
		return &TrailerError{fmt.Sprintf("gzip: content does not match its checksum: want %08x, got %08x", crc, d.crc)}
	case size != d.size:
		return &TrailerError{fmt.Sprintf("gzip: content does not match its size: want %d, got %d bytes (modulo 4 GiB)",
			size, d.size)}
	}
	return nil
}

// The flags of a member's header.
const (
	gzipHeaderCRC = 1 << 1
	gzipExtra     = 1 << 2
	gzipName      = 1 << 3
	gzipComment   = 1 << 4
	gzipReserved  = 0xe0
)

// A gzipHeader reads a member's header. It does not keep names and comments, which may have any length.
type gzipHeader struct {
	src *bufio.Reader
	crc uint32
}

func (h *gzipHeader) read() error {
	var b [10]byte
	if err := h.full(b[:]); err != nil {
		return err
	}
	flags := b[3]
	if !bytes.HasPrefix(b[:], GzipMagic) || flags&gzipReserved != 0 {
		return fmt.Errorf("gzip: header % x is damaged", b[:4])
	}
	if flags&gzipExtra != 0 {
		if err := h.extra(); err != nil {
			return err
		}
	}
	for _, flag := range []byte{gzipName, gzipComment} {
		if flags&flag != 0 {
			if err := h.text(); err != nil {
				return err
			}
		}
	}
	if flags&gzipHeaderCRC == 0 {
		return nil
	}
	want := uint16(h.crc)
	if err := h.full(b[:2]); err != nil {
		return err
	}
	if got := binary.LittleEndian.Uint16(b[:2]); got != want {
		return fmt.Errorf("gzip: header does not match its checksum: want %04x, got %04x", got, want)
	}
	return nil
}

func (h *gzipHeader) full(b []byte) error {
	_, err := io.ReadFull(h.src, b)
	h.crc = crc32.Update(h.crc, crc32.IEEETable, b)
	return err
}

func (h *gzipHeader) extra() error {
	var b [2]byte
	if err := h.full(b[:]); err != nil {
		return err
	}
	return h.full(make([]byte, binary.LittleEndian.Uint16(b[:])))
}

// text skips the bytes up to a NUL.
func (h *gzipHeader) text() error {
	for {
		b, err := h.src.ReadSlice(0)
		h.crc = crc32.Update(h.crc, crc32.IEEETable, b)
		if err != bufio.ErrBufferFull {
			return err
		}
	}
}
