// Package decode recognises a compression by content and undoes it: gzip, zstd, xz and bzip2. What a stream asks of the
// machine is bounded before it is allocated.
package decode

import (
	"bufio"
	"bytes"
	"compress/bzip2"
	"encoding/binary"
	"errors"
	"fmt"
	"io"
	"math"
	"runtime/debug"

	"layup/tarfs"
)

// The compressions that Sniff recognises.
const (
	None  = "none"
	Gzip  = "gzip"
	Zstd  = "zstd"
	Bzip2 = "bzip2"
	Xz    = "xz"
)

// A Decoder undoes one compression.
type Decoder interface {
	io.ReadCloser
	Tail() bool // bytes after the compressed stream were ignored; valid after io.EOF
}

// plain is for decoders that own nothing and ignore nothing.
type plain struct{}

func (plain) Close() error { return nil }

func (plain) Tail() bool { return false }

// largeWindow is the size in bytes of a window that is collected at once when nobody needs it any more: without that
// the next one is allocated beside it.
const largeWindow = 32 << 20

// freed makes room for another window after one of that many bytes was dropped.
func freed(window int64) {
	if window >= largeWindow {
		debug.FreeOSMemory() // a collection alone may leave it too torn for the next one
	}
}

// A TrailerError is damage after the content. The decoder returned all content before it.
type TrailerError struct{ text string }

// Error says what is wrong with the trailer.
func (e *TrailerError) Error() string { return e.text }

// IsTrailer reports whether an error is damage after the content.
func IsTrailer(err error) bool {
	_, ok := err.(*TrailerError)
	return ok
}

// LimitName is what messages call the limit of New's window.
const LimitName = "window"

// New undoes one compression. Window bounds a zstd window and an xz dictionary in bytes; 0 sets no bound.
func New(src *bufio.Reader, compression string, window int64) (Decoder, error) {
	switch compression {
	case Gzip:
		return NewGzip(src), nil
	case Zstd:
		return newZstdDecoder(src, window)
	case Bzip2:
		return &bzip2Decoder{r: bzip2.NewReader(src)}, nil
	case Xz:
		return &xzDecoder{src: src, limit: window}, nil
	}
	return nil, fmt.Errorf("compression %q is unknown", compression)
}

// A Resetter is a decoder that can be used again.
type Resetter interface {
	Decoder
	Reset(src *bufio.Reader) // begins a new stream
}

// NewGzip undoes gzip.
func NewGzip(src *bufio.Reader) Resetter { return &gzipDecoder{src: src, inflate: newInflater()} }

// HeadSize is how many bytes Sniff looks at: a block of a tar.
const HeadSize = 512

// GzipMagic begins every gzip member that layers use.
var GzipMagic = []byte{0x1f, 0x8b, 8}

var (
	zstdMagic  = []byte{0x28, 0xb5, 0x2f, 0xfd}
	xzMagic    = []byte{0xfd, '7', 'z', 'X', 'Z', 0}
	bzip2Magic = []byte("BZh")
	bzip2Block = []byte("1AY&SY")                           // after the level: the first block
	bzip2End   = []byte{0x17, 0x72, 0x45, 0x38, 0x50, 0x90} // or the end of an empty stream
	ustarMagic = []byte("ustar")
)

// Sniff returns what a stream is by its first bytes: None, Gzip, Zstd, Bzip2, Xz, or "" for none of these. None is a
// tar by its header's checksum or its magic, a block of zeros, or an empty input. Head has up to HeadSize bytes or the
// whole input; size is the total size in bytes, or -1 if it is not known.
//
// As in engines, magic bytes count before the checksum: an auditor must see the tree that a host sees. A file's name
// may begin with the three letters of bzip2: without a bzip2 block after them, a tar header counts first.
func Sniff(head []byte, size int64) string {
	switch {
	case size == 0 || len(head) == 0:
		return None
	case bytes.HasPrefix(head, GzipMagic):
		return Gzip
	case bytes.HasPrefix(head, zstdMagic), isSkippable(head):
		return Zstd
	case bytes.HasPrefix(head, xzMagic):
		return Xz
	case isBzip2(head, true):
		return Bzip2
	case isTar(head):
		return None
	case isBzip2(head, false):
		return Bzip2
	}
	return ""
}

// isSkippable reports whether head begins a zstd frame without content (RFC 8878, 3.1.2).
func isSkippable(head []byte) bool {
	return len(head) >= 4 && binary.LittleEndian.Uint32(head)&^0xf == 0x184d2a50
}

func isBzip2(head []byte, sure bool) bool {
	if !bytes.HasPrefix(head, bzip2Magic) || len(head) < 4 || head[3] < '1' || head[3] > '9' {
		return false
	}
	return !sure || bytes.HasPrefix(head[4:], bzip2Block) || bytes.HasPrefix(head[4:], bzip2End)
}

// isTar reports whether head begins a tar. A header with the right magic and a wrong checksum is a damaged tar: the
// reader of the tar says what is wrong.
func isTar(head []byte) bool {
	const magicAt = 257
	if len(head) > magicAt && bytes.HasPrefix(head[magicAt:], ustarMagic) {
		return true
	}
	return len(head) >= HeadSize && (IsZero(head[:HeadSize]) || tarfs.IsHeader(head))
}

// IsZero reports whether all bytes are zero.
func IsZero(b []byte) bool { return len(bytes.TrimLeft(b, "\x00")) == 0 }

// errCut is an end of the input before the end of the stream.
var errCut = errors.New("unexpected end")

// cut turns the end of the input into an error that says where it came. Other errors stay.
func cut(err error, compression, where string) error {
	if errors.Is(err, io.EOF) || errors.Is(err, io.ErrUnexpectedEOF) {
		return fmt.Errorf("%s: %w %s", compression, errCut, where)
	}
	return err
}

// Discard skips n bytes. The error is io.EOF if there are fewer.
func Discard(r tarfs.Reader, n int64) error {
	for n > 0 {
		done, err := r.Discard(int(min(n, math.MaxInt)))
		if err != nil {
			return err
		}
		n -= int64(done)
	}
	return nil
}
