package source

import (
	"bufio"
	"bytes"
	"encoding/binary"
	"errors"
	"fmt"
	"io"

	"layup/tarfs"
)

// The compressions that are told apart by content.
const (
	compressionNone  = "none"
	compressionGzip  = "gzip"
	compressionZstd  = "zstd"
	compressionBzip2 = "bzip2"
	compressionXz    = "xz"
)

// A decoder undoes one compression.
type decoder interface {
	io.ReadCloser
	tail() bool // bytes after the compressed stream were ignored; valid after io.EOF
}

// A trailerError is damage behind the content: all of it was handed out before.
type trailerError struct{ text string }

func (e *trailerError) Error() string { return e.text }

// newDecoder undoes one compression; limits.Window bounds a zstd window and an xz dictionary.
func newDecoder(src *bufio.Reader, compression string, limits *Limits) (decoder, error) {
	switch compression {
	case compressionGzip:
		return newGzipDecoder(src), nil
	case compressionZstd:
		return newZstdDecoder(src, limits.Window)
	case compressionBzip2:
		return newBzip2Decoder(src), nil
	case compressionXz:
		return newXzDecoder(src, limits.Window), nil
	}
	return nil, fmt.Errorf("compression %q is unknown", compression)
}

const blockSize = 512

var (
	gzipMagic  = []byte{0x1f, 0x8b, 8}
	zstdMagic  = []byte{0x28, 0xb5, 0x2f, 0xfd}
	xzMagic    = []byte{0xfd, '7', 'z', 'X', 'Z', 0}
	bzip2Magic = []byte("BZh")
	bzip2Block = []byte("1AY&SY")                           // after the level: the first block
	bzip2End   = []byte{0x17, 0x72, 0x45, 0x38, 0x50, 0x90} // or the end of an empty stream
	ustarMagic = []byte("ustar")
)

// sniff says by the first bytes what a stream is: none (a tar by its header's checksum or its magic, a block of zeros, or empty),
// gzip, zstd, bzip2, xz, or empty for none of these. head holds up to 512 bytes or the whole input; size is the total size or -1.
//
// Magic bytes go before the checksum, as in engines: a file that is both must not show an auditor another tree than a host. Only
// bzip2's three letters may well begin a file's name, so without a bzip2 block behind them they yield to a tar header.
func sniff(head []byte, size int64) string {
	switch {
	case size == 0 || len(head) == 0:
		return compressionNone
	case bytes.HasPrefix(head, gzipMagic):
		return compressionGzip
	case bytes.HasPrefix(head, zstdMagic), isSkippable(head):
		return compressionZstd
	case bytes.HasPrefix(head, xzMagic):
		return compressionXz
	case isBzip2(head, true):
		return compressionBzip2
	case isTar(head):
		return compressionNone
	case isBzip2(head, false):
		return compressionBzip2
	}
	return ""
}

// isSkippable reports whether head begins a zstd frame that holds no content (RFC 8878, 3.1.2).
func isSkippable(head []byte) bool {
	return len(head) >= 4 && binary.LittleEndian.Uint32(head)&^0xf == 0x184d2a50
}

func isBzip2(head []byte, sure bool) bool {
	if !bytes.HasPrefix(head, bzip2Magic) || len(head) < 4 || head[3] < '1' || head[3] > '9' {
		return false
	}
	return !sure || bytes.HasPrefix(head[4:], bzip2Block) || bytes.HasPrefix(head[4:], bzip2End)
}

// isTar reports whether head begins a tar. A header of the right magic and a wrong checksum is a damaged tar, which the reader of
// the tar can name better than "no tar".
func isTar(head []byte) bool {
	const magicAt = 257
	if len(head) > magicAt && bytes.HasPrefix(head[magicAt:], ustarMagic) {
		return true
	}
	if len(head) < blockSize {
		return false
	}
	return zeros(head[:blockSize]) || tarfs.IsHeader(head)
}

func zeros(b []byte) bool {
	for _, c := range b {
		if c != 0 {
			return false
		}
	}
	return true
}

// errCut is an end of the input where more must follow.
var errCut = errors.New("unexpected end")

// cut turns the end of the input into an error that says where it came too early; other errors stay.
func cut(err error, compression, where string) error {
	if errors.Is(err, io.EOF) || errors.Is(err, io.ErrUnexpectedEOF) {
		return fmt.Errorf("%s: %w %s", compression, errCut, where)
	}
	return err
}
