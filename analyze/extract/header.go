package extract

import (
	"fmt"
	"math"
	"path"
	"strconv"
	"strings"

	"layup/tarfs"
)

const blockSize = 512

// The numbers that the fields of a ustar header can hold.
const (
	mostID   = 1<<21 - 1
	mostSize = 1<<33 - 1
)

var typeflags = [...]byte{tarfs.File: '0', tarfs.Dir: '5', tarfs.Symlink: '2', tarfs.Char: '3', tarfs.Block: '4',
	tarfs.Fifo: '6'}

// header returns everything before the content of an item: PAX records for what ustar cannot say, the header, and the
// map of a sparse file. Then stored bytes of content follow. Source: POSIX.1-2024, pax; GNU tar manual,
// PAX 1.0 sparse format.
func (p *Plan) header(i int) (blocks []byte, stored int64) {
	v := p.items[i].version
	h := &ustar{name: p.name(i), typeflag: typeflags[v.Type()], meta: v.Meta(), link: v.Link()}
	h.major, h.minor = v.Device()
	if !v.HasMTime() {
		h.meta.MTime = 0
	}
	var sparse []byte
	switch first := int(p.items[i].first); {
	case first != i:
		h.typeflag, h.link, h.major, h.minor = '1', p.name(first), 0, 0
	case v.Type() == tarfs.File:
		stored = v.Stored()
		if h.size = stored; stored < v.Size() {
			sparse = sparseMap(v.Extents(), v.Size())
			h.size += int64(len(sparse))
			h.sparse(v.Size())
		}
	case v.Type() == tarfs.Dir:
		h.name = strings.TrimPrefix(h.name+"/", "/")
		if h.name == "" {
			h.name = "./"
		}
	}
	if h.typeflag != '1' {
		for _, x := range v.Xattrs() {
			h.record("SCHILY.xattr."+x.Name, x.Value)
		}
	}
	return append(h.blocks(), sparse...), stored
}

// sparseMap is the map of format 1.0: decimal lines in whole blocks. An empty piece at the end stands for a hole at the
// end.
func sparseMap(extents []tarfs.Extent, size int64) []byte {
	n := len(extents)
	atEnd := n > 0 && extents[n-1].FileOffset+extents[n-1].Size == size
	if !atEnd {
		n++
	}
	b := strconv.AppendInt(nil, int64(n), 10)
	for _, e := range extents {
		b = fmt.Appendf(b, "\n%d\n%d", e.FileOffset, e.Size)
	}
	if !atEnd {
		b = fmt.Appendf(b, "\n%d\n0", size)
	}
	b = append(b, '\n')
	return append(b, make([]byte, padding(int64(len(b))))...)
}

// padding returns how many bytes fill the last block.
func padding(n int64) int64 { return -n & (blockSize - 1) }

// ustar is one header before it is written.
type ustar struct {
	name, link   string
	typeflag     byte
	meta         tarfs.Meta
	size         int64
	major, minor uint32
	records      []byte // PAX
}

func (h *ustar) sparse(size int64) {
	h.record("GNU.sparse.major", "1")
	h.record("GNU.sparse.minor", "0")
	h.record("GNU.sparse.name", h.name)
	h.record("GNU.sparse.realsize", strconv.FormatInt(size, 10))
	h.name = path.Join(path.Dir(h.name), "GNUSparseFile.0", path.Base(h.name))
}

// record adds a PAX record. Its length includes its own digits.
func (h *ustar) record(key, value string) {
	n := len(key) + len(value) + 3
	size := n + len(strconv.Itoa(n))
	size = n + len(strconv.Itoa(size))
	h.records = fmt.Appendf(h.records, "%d %s=%s\n", size, key, value)
}

// blocks returns the header, after an extended header if it needs one.
func (h *ustar) blocks() []byte {
	name, link := h.text("path", h.name), h.text("linkpath", h.link)
	uid, gid := h.number("uid", int64(h.meta.UID), mostID), h.number("gid", int64(h.meta.GID), mostID)
	size, mtime := h.number("size", h.size, mostSize), h.meta.MTime
	if mtime < 0 || mtime > mostSize || h.meta.MTimeNS != 0 {
		h.record("mtime", decimal(mtime, h.meta.MTimeNS))
		mtime = max(0, min(mtime, mostSize))
	}
	b := block(name, link, h.typeflag, []int64{int64(h.meta.Mode), uid, gid, size, mtime, int64(h.major), int64(h.minor)})
	if len(h.records) == 0 {
		return b
	}
	base := path.Base(h.name)
	ext := block("PaxHeaders.0/"+base[:min(len(base), 80)], "", 'x', []int64{0o644, 0, 0, int64(len(h.records)), 0, 0, 0})
	ext = append(ext, h.records...)
	return append(append(ext, make([]byte, padding(int64(len(h.records))))...), b...)
}

// text returns what fits in the field of a name. A longer name gets a record.
func (h *ustar) text(key, name string) string {
	if len(name) <= 100 {
		return name
	}
	h.record(key, name)
	return name[:100]
}

// number returns n, or 0 if n is more than the field can hold and gets a record.
func (h *ustar) number(key string, n, most int64) int64 {
	if n <= most {
		return n
	}
	h.record(key, strconv.FormatInt(n, 10))
	return 0
}

// decimal writes seconds and nanoseconds as PAX does. Before 1970 both count backwards.
func decimal(sec int64, ns uint32) string {
	if ns == 0 {
		return strconv.FormatInt(sec, 10)
	}
	sign := ""
	if sec < 0 && sec > math.MinInt64 {
		sign, sec, ns = "-", -sec-1, 1e9-ns
	}
	return strings.TrimRight(fmt.Sprintf("%s%d.%09d", sign, sec, ns), "0")
}

// block is one header block; numbers are mode, uid, gid, size, mtime, devmajor, devminor.
func block(name, link string, typeflag byte, numbers []int64) []byte {
	b := make([]byte, blockSize)
	copy(b, name)
	for i, field := range [...]struct{ from, to int }{
		{100, 108}, {108, 116}, {116, 124}, {124, 136}, {136, 148}, {329, 337}, {337, 345},
	} {
		number(b[field.from:field.to], numbers[i])
	}
	b[156] = typeflag
	copy(b[157:257], link)
	copy(b[257:], "ustar\x0000")
	copy(b[148:], "        ")
	sum := 0
	for _, c := range b {
		sum += int(c)
	}
	copy(b[148:], fmt.Sprintf("%06o\x00 ", sum))
	return b
}

// number fills a field with octal digits or, if they do not fit, with a binary number, as GNU does for devices.
func number(field []byte, n int64) {
	digits := len(field) - 1
	if n < 1<<(3*digits) {
		copy(field, fmt.Sprintf("%0*o", digits, n))
		return
	}
	for i := digits; i > 0; i-- {
		field[i] = byte(n)
		n >>= 8
	}
	field[0] = 0x80
}
