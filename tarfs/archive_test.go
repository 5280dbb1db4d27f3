package tarfs_test

import (
	"bufio"
	"bytes"
	"encoding/binary"
	"fmt"
	"slices"
	"strings"
	"testing"

	"layup/tarfs"
)

// A member is one header of a test archive and the data after it, byte by byte. A library refuses to write most of what
// must be read.
type member struct {
	name, link       string
	flag             byte // typeflag; 0 is written as '0', see rawFlag
	rawFlag          bool // write a flag of 0 as it is
	mode, uid, gid   int64
	mtime            int64
	major, minor     int64
	data             string
	size             int64    // if it is not len(data); noSize means 0
	pax              []string // "key=value" records, in this order
	global           bool     // the records are in a global header
	longName         string   // in a GNU L header
	longLink         string   // in a GNU K header
	magic            string   // "ustar\x0000" unless given
	patch            func(header []byte)
	spoil            func(header []byte) // after the checksum
	unpadded         bool
	extension, after string // blocks between header and data; blocks after the data
}

// noSize asks for a size field of zero although there is data.
const noSize = -1 << 62

const (
	blockSize   = 512
	ustarMagic  = "ustar\x0000"
	gnuMagic    = "ustar  \x00"
	v7Magic     = "\x00\x00\x00\x00\x00\x00\x00\x00"
	endOfTar    = 2 * blockSize
	defaultTime = 1600000000
)

// archive packs members and ends the archive with two zero blocks.
func archive(members ...member) []byte { return append(blocks(members...), make([]byte, endOfTar)...) }

// blocks packs members without an end.
func blocks(members ...member) []byte {
	var b []byte
	for _, m := range members {
		b = append(b, m.bytes()...)
	}
	return b
}

func (m member) bytes() []byte {
	var b []byte
	if len(m.pax) > 0 {
		flag := byte('x')
		if m.global {
			flag = 'g'
		}
		b = append(b, member{name: "PaxHeaders.0/x", flag: flag, data: records(m.pax)}.bytes()...)
	}
	if m.longName != "" {
		b = append(b, member{name: "././@LongLink", flag: 'L', magic: gnuMagic, data: m.longName + "\x00"}.bytes()...)
	}
	if m.longLink != "" {
		b = append(b, member{name: "././@LongLink", flag: 'K', magic: gnuMagic, data: m.longLink + "\x00"}.bytes()...)
	}
	b = append(b, m.header()...)
	b = append(append(b, m.extension...), m.data...)
	if !m.unpadded {
		b = append(b, make([]byte, -len(b)&(blockSize-1))...)
	}
	return append(b, m.after...)
}

// records encodes PAX records with their lengths.
func records(list []string) string {
	var b strings.Builder
	for _, r := range list {
		n := len(r) + 2
		for len(fmt.Sprint(n))+len(r)+2 != n {
			n = len(fmt.Sprint(n)) + len(r) + 2
		}
		fmt.Fprintf(&b, "%d %s\n", n, r)
	}
	return b.String()
}

func (m member) header() []byte {
	h := make([]byte, blockSize)
	copy(h[0:100], m.name)
	octal(h[100:108], m.mode)
	octal(h[108:116], m.uid)
	octal(h[116:124], m.gid)
	octal(h[124:136], m.sizeField())
	octal(h[136:148], m.mtime)
	h[156] = m.flag
	if m.flag == 0 && !m.rawFlag {
		h[156] = '0'
	}
	copy(h[157:257], m.link)
	magic := m.magic
	if magic == "" {
		magic = ustarMagic
	}
	copy(h[257:265], magic)
	if magic == ustarMagic {
		octal(h[329:337], m.major)
		octal(h[337:345], m.minor)
	}
	if m.patch != nil {
		m.patch(h)
	}
	sum(h)
	if m.spoil != nil {
		m.spoil(h)
	}
	return h
}

func (m member) sizeField() int64 {
	switch m.size {
	case 0:
		return int64(len(m.data))
	case noSize:
		return 0
	}
	return m.size
}

// octal writes n with leading zeros and a NUL, or in base 256 if it does not fit.
func octal(field []byte, n int64) {
	text := fmt.Sprintf("%0*o", len(field)-1, n)
	if n >= 0 && len(text) < len(field) {
		copy(field, text)
		return
	}
	base256(field, n)
}

func base256(field []byte, n int64) {
	fill := byte(0)
	if n < 0 {
		fill = 0xff
	}
	for i := range field {
		field[i] = fill
	}
	var b [8]byte
	binary.BigEndian.PutUint64(b[:], uint64(n))
	tail := min(len(field)-1, 8)
	copy(field[len(field)-tail:], b[8-tail:])
	field[0] |= 0x80
}

// sum writes the checksum of a header.
func sum(h []byte) {
	copy(h[148:156], "        ")
	n := 0
	for _, c := range h {
		n += int(c)
	}
	copy(h[148:156], fmt.Sprintf("%06o\x00 ", n))
}

// scan reads a tar with a buffer of the size that programs use.
func scan(data []byte, opt tarfs.ScanOptions) (*tarfs.Layer, error) {
	return tarfs.Scan(bufio.NewReaderSize(bytes.NewReader(data), 4096), opt)
}

// mustScan reads a tar that is valid.
func mustScan(t testing.TB, data []byte) *tarfs.Layer {
	t.Helper()
	l, err := scan(data, tarfs.ScanOptions{Limits: tarfs.DefaultLimits()})
	if err != nil {
		t.Fatal(err)
	}
	return l
}

// contentOf reads the content of a version from the tars of its stack.
func contentOf(v tarfs.Version, tars [][]byte) string {
	if v.Type() != tarfs.File {
		return ""
	}
	b := make([]byte, v.Size())
	for _, e := range v.Extents() {
		copy(b[e.FileOffset:e.FileOffset+e.Size], tars[v.ContentLayer()][e.TarOffset:])
	}
	return string(b)
}

// A meanReader gives Scan no more than it must: Peek returns at most a block. The source ends with an error that the
// test chooses.
type meanReader struct {
	data []byte
	err  error
}

func (r *meanReader) Peek(n int) ([]byte, error) {
	if n > blockSize {
		n = blockSize
		if len(r.data) >= n {
			return r.data[:n], bufio.ErrBufferFull
		}
	}
	if n > len(r.data) {
		return slices.Clone(r.data), r.err
	}
	return slices.Clone(r.data[:n]), nil
}

func (r *meanReader) Discard(n int) (int, error) {
	if n > len(r.data) {
		n = len(r.data)
		r.data = nil
		return n, r.err
	}
	r.data = r.data[n:]
	return n, nil
}

var _ tarfs.Reader = (*meanReader)(nil)
