package rpm

import (
	"bytes"
	"encoding/binary"
	"io"
)

// The parts of a Berkeley DB hash database; src/dbinc/db_page.h. Numbers have the byte order of the machine that wrote
// it.
const (
	bdbHashMagic   = 0x061561
	bdbPageHead    = 26
	bdbUnsorted    = 2  // page type: hash, keys not sorted
	bdbHash        = 13 // page type: hash, keys sorted
	bdbOverflow    = 7  // page type: a value that spans pages
	bdbKeyData     = 1  // entry type: the bytes themselves
	bdbOffPage     = 3  // entry type: where the bytes begin
	bdbOffPageSize = 12
)

// A bdb is a Berkeley DB hash database.
type bdb struct {
	r     io.ReaderAt
	order binary.ByteOrder
	page  int64 // bytes
	pages int64
	left  int64 // bytes of the pages of values that may still be read
}

// readBDB reads the values of a hash database. It does not look at which bucket a page belongs to: every page with keys
// counts, as they do in a scan.
func readBDB(r io.ReaderAt, size int64, take func([]byte) error) error {
	head, err := at(r, 0, 72)
	if err != nil {
		return err
	}
	d := &bdb{r: r, order: binary.LittleEndian, left: size}
	if d.order.Uint32(head[12:]) != bdbHashMagic {
		d.order = binary.BigEndian
	}
	d.page = int64(d.order.Uint32(head[20:]))
	if d.order.Uint32(head[12:]) != bdbHashMagic || d.page < 512 || d.page > 64<<10 || d.page&(d.page-1) != 0 {
		return damaged("not a Berkeley DB hash database")
	}
	d.pages = size / d.page
	var first error
	for n := int64(1); n < d.pages && d.left >= 0; n++ {
		if err := d.values(n, take); err != nil && first == nil {
			first = err
		}
	}
	return first
}

// values reads the values of one page, if it has any. Each key is followed by its value.
func (d *bdb) values(n int64, take func([]byte) error) error {
	page, err := at(d.r, n*d.page, int(d.page))
	if err != nil {
		return err
	}
	if page[25] != bdbUnsorted && page[25] != bdbHash {
		return nil
	}
	entries := int(d.order.Uint16(page[20:]))
	if bdbPageHead+2*entries > len(page) {
		return damaged("page %d names more entries than it can hold", n)
	}
	var first error
	end := len(page) // of the entry: they are stored from the end of the page on
	for i := range entries {
		from := int(d.order.Uint16(page[bdbPageHead+2*i:]))
		if from < bdbPageHead+2*entries || from >= end {
			return damaged("an entry of page %d is outside it", n)
		}
		item := page[from:end]
		end = from
		if i%2 == 0 {
			continue
		}
		value, err := d.value(item)
		if err == nil && len(value) > 8 { // else it is the number that the next package gets
			err = take(value)
		}
		if err != nil && first == nil {
			first = err
		}
	}
	return first
}

// value returns the bytes of an entry.
func (d *bdb) value(item []byte) ([]byte, error) {
	switch {
	case item[0] == bdbKeyData:
		return item[1:], nil
	case item[0] != bdbOffPage || len(item) < bdbOffPageSize:
		return nil, nil
	}
	next, size := int64(d.order.Uint32(item[4:])), int64(d.order.Uint32(item[8:]))
	if size > mostHeader {
		return nil, damaged("a value of %d bytes", size)
	}
	var value bytes.Buffer
	for int64(value.Len()) < size {
		if d.left -= d.page; d.left < 0 {
			return nil, damaged("values in more pages than the database has")
		}
		if next <= 0 || next >= d.pages {
			return nil, damaged("a value goes on in page %d, which is not there", next)
		}
		page, err := at(d.r, next*d.page, int(d.page))
		if err != nil {
			return nil, err
		}
		used := int64(d.order.Uint16(page[22:]))
		if page[25] != bdbOverflow || used == 0 || bdbPageHead+used > d.page {
			return nil, damaged("page %d does not go on with a value", next)
		}
		value.Write(page[bdbPageHead : bdbPageHead+used])
		next = int64(d.order.Uint32(page[16:]))
	}
	return value.Bytes()[:size], nil
}
