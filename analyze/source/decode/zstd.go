package decode

import (
	"bufio"
	"encoding/binary"
	"errors"
	"fmt"
	"io"
	"os"

	"github.com/klauspost/compress/zstd"

	"layup/tarfs"
)

// A zstdDecoder undoes the frames of a zstd stream one after the other (RFC 8878). Our own code finds the frames and
// bounds every window before the library allocates it.
type zstdDecoder struct {
	plain
	src  *bufio.Reader
	walk zstdWalk
	left int64 // bytes of the current piece that the library has not read
	lib  *zstd.Decoder
	more bool // the next frame asks for a larger window than the large one that the library has
	err  error
}

func newZstdDecoder(src *bufio.Reader, window int64) (*zstdDecoder, error) {
	d := &zstdDecoder{src: src, walk: zstdWalk{src: src, limit: window}}
	return d, d.open()
}

func (d *zstdDecoder) open() (err error) {
	d.lib, err = zstd.NewReader((*zstdPieces)(d), zstd.WithDecoderConcurrency(1), zstd.WithDecoderLowmem(true),
		zstd.WithDecoderMaxWindow(maxZstdWindow), zstd.WithDecoderMaxMemory(1<<63))
	if err != nil {
		return fmt.Errorf("zstd: %w", err)
	}
	return nil
}

// Close frees the window.
func (d *zstdDecoder) Close() error {
	if d.lib != nil {
		d.lib.Close()
		d.lib = nil
		freed(d.walk.window)
	}
	return nil
}

func (d *zstdDecoder) Read(p []byte) (int, error) {
	if d.lib == nil {
		return 0, os.ErrClosed
	}
	n, err := d.lib.Read(p)
	if d.more && err == io.EOF { // of the frames before
		if n > 0 {
			return n, nil
		}
		d.more = false
		if err := errors.Join(d.Close(), d.open()); err != nil {
			return 0, err
		}
		return d.Read(p)
	}
	switch {
	case err == nil || err == io.EOF && d.err == nil:
		return n, err
	case d.err != nil:
		return n, d.err
	case errors.Is(err, zstd.ErrCRCMismatch):
		return n, errors.New("zstd: content does not match its checksum")
	case errors.Is(err, io.ErrUnexpectedEOF):
		return n, errors.New("zstd: corrupt data: a block ends too early")
	}
	return n, fmt.Errorf("zstd: corrupt data: %w", err)
}

// zstdPieces is what the library reads from the decoder: all frames except the skippable ones.
type zstdPieces zstdDecoder

func (d *zstdPieces) Read(p []byte) (int, error) {
	if d.more {
		return 0, io.EOF
	}
	for d.left == 0 {
		before := d.walk.window
		if d.left, d.err = d.walk.next(); d.err == io.EOF {
			d.err = nil
			return 0, io.EOF
		} else if d.err != nil {
			return 0, d.err
		}
		if d.more = before >= largeWindow && d.walk.window > before; d.more {
			return 0, io.EOF
		}
	}
	n, err := d.src.Read(p[:min(int64(len(p)), d.left)])
	d.left -= int64(n)
	if err != nil && n == 0 {
		d.err = cut(err, Zstd, "in a block")
		return 0, d.err
	}
	return n, nil
}

// maxZstdWindow is more than any zstd decoder takes.
const maxZstdWindow = 1 << 32

// A zstdWalk finds the frames and blocks of a stream without decoding them.
type zstdWalk struct {
	src      tarfs.Reader
	limit    int64
	window   int64 // the largest that a frame asks for, so far
	inside   bool  // in a frame
	last     bool  // the block before was the frame's last
	checksum bool  // the frame has one
}

// next returns the length of the next piece of a frame: header, block or checksum. The caller consumes it. The error is
// io.EOF at the end.
func (w *zstdWalk) next() (int64, error) {
	switch {
	case !w.inside:
		return w.frame()
	case !w.last:
		return w.block()
	}
	w.inside = false
	if w.checksum {
		return 4, nil
	}
	return w.frame()
}

// frame skips the skippable frames and measures the header of the next one.
func (w *zstdWalk) frame() (int64, error) {
	for {
		head, err := w.src.Peek(18) // the longest header
		if err != nil && (err != io.EOF || len(head) == 0) {
			return 0, err
		}
		if !isSkippable(head) {
			return w.header(head)
		}
		if len(head) < 8 {
			return 0, cut(io.EOF, Zstd, "in a skippable frame")
		}
		size := 8 + int64(binary.LittleEndian.Uint32(head[4:]))
		if err := Discard(w.src, size); err != nil {
			return 0, cut(err, Zstd, "in a skippable frame")
		}
	}
}

// header reads the header of a frame (RFC 8878, 3.1.1.1): the memory it asks for, and whether it needs a dictionary.
func (w *zstdWalk) header(head []byte) (int64, error) {
	if len(head) < 4 || [4]byte(head) != [4]byte(zstdMagic) {
		return 0, errors.New("zstd: no frame follows, but other data")
	}
	var h zstdHeader
	if !h.parse(head[4:]) {
		return 0, cut(io.EOF, Zstd, "in a frame header")
	}
	switch {
	case h.reserved:
		return 0, errors.New("zstd: frame header is damaged: its reserved bit is set")
	case h.dictionary != 0:
		return 0, fmt.Errorf("zstd: frame needs dictionary %d, which the image does not hold", h.dictionary)
	case h.window > maxZstdWindow:
		return 0, fmt.Errorf("zstd: frame asks for a window of %d bytes, more than any decoder has", h.window)
	case w.limit > 0 && h.window > uint64(w.limit):
		return 0, fmt.Errorf("zstd: %w", &tarfs.LimitError{Name: LimitName, Value: int64(h.window), Limit: w.limit})
	}
	w.window = max(w.window, int64(h.window))
	w.inside, w.last, w.checksum = true, false, h.checksum
	return 4 + int64(h.size), nil
}

// block measures a block (RFC 8878, 3.1.1.2).
func (w *zstdWalk) block() (int64, error) {
	head, err := w.src.Peek(3)
	if err != nil {
		return 0, cut(err, Zstd, "in a block header")
	}
	const repeated, reserved = 1, 3
	bits := int64(head[0]) | int64(head[1])<<8 | int64(head[2])<<16
	w.last = bits&1 != 0
	switch bits >> 1 & 3 {
	case repeated:
		return 3 + 1, nil
	case reserved:
		return 0, errors.New("zstd: corrupt data: a block of reserved type")
	}
	return 3 + bits>>3, nil
}

type zstdHeader struct {
	size       int // bytes of the header, without the magic
	window     uint64
	dictionary uint32
	checksum   bool
	reserved   bool
}

// parse reads the bytes after the magic. It reports whether there are enough.
func (h *zstdHeader) parse(b []byte) bool {
	if len(b) == 0 {
		return false
	}
	descriptor := b[0]
	single := descriptor&(1<<5) != 0
	dictionary := [...]int{0, 1, 2, 4}[descriptor&3]
	content := [...]int{0, 2, 4, 8}[descriptor>>6]
	if content == 0 && single {
		content = 1
	}
	h.checksum, h.reserved = descriptor&(1<<2) != 0, descriptor&(1<<3) != 0
	h.size = 1 + dictionary + content
	if !single {
		h.size++
	}
	if len(b) < h.size {
		return false
	}
	b = b[1:h.size]
	if !single {
		base := uint64(1) << (10 + b[0]>>3)
		h.window = base + base/8*uint64(b[0]&7)
		b = b[1:]
	}
	h.dictionary = uint32(littleEndian(b[:dictionary]))
	if single {
		h.window = littleEndian(b[dictionary:])
		if content == 2 {
			h.window += 256
		}
	}
	return true
}

// littleEndian decodes up to eight bytes.
func littleEndian(b []byte) uint64 {
	var all [8]byte
	copy(all[:], b)
	return binary.LittleEndian.Uint64(all[:])
}

// zstdBlocks is how many blocks ZstdWindow looks at: about 16 GiB of content if they are full.
const zstdBlocks = 1 << 17

// ZstdWindow returns the largest window, in bytes, that a frame of a stream asks for and the limit allows. It reads
// only the headers of frames. It finds frames as the decoder does, so it stops where the decoder stops. If a stream has
// too many blocks to look at, it returns the limit.
func ZstdWindow(src tarfs.Reader, limit int64) int64 {
	w := zstdWalk{src: src, limit: limit}
	for range zstdBlocks {
		n, err := w.next()
		if err != nil || Discard(src, n) != nil {
			return w.window
		}
	}
	return limit
}
