package source

import (
	"bufio"
	"io"
)

// A decoder undoes one compression.
type decoder interface {
	io.ReadCloser
	tail() bool // bytes after the compressed stream were ignored; valid after io.EOF
}

// sniff says by the first bytes what a stream is: none (a tar by its header's checksum, 1024 zero bytes, or empty), gzip, zstd,
// bzip2, xz, or empty for none of these. head holds up to 512 bytes or the whole input; size is the total size or -1.
func sniff(head []byte, size int64) string { panic("stub") }

// newDecoder undoes one compression; limits.Window bounds a zstd window and an xz dictionary.
func newDecoder(src *bufio.Reader, compression string, limits *Limits) (decoder, error) {
	panic("stub")
}
