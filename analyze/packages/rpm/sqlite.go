package rpm

import (
	"encoding/binary"
	"io"
	"strings"
)

// The parts of a SQLite database; https://sqlite.org/fileformat2.html. Numbers are big-endian.
const (
	sqliteMagic    = "SQLite format 3\x00"
	sqliteHead     = 100
	sqliteInterior = 5  // page type: table, leads to other pages
	sqliteLeaf     = 13 // page type: table, holds rows
	sqliteTable    = "Packages"
	mostDepth      = 20
)

// A database is a SQLite database: its pages, some of them newer in the write-ahead log.
type database struct {
	r      io.ReaderAt
	page   int64 // bytes
	usable int64 // bytes of a page that hold data
	pages  int64
	log    map[int64]int64 // pages in the log, by number: where they are
	newer  io.ReaderAt
	left   int64 // pages that may still be read: no page is needed twice
}

// readSQLite reads the column blob of the table Packages (hnum INTEGER PRIMARY KEY, blob BLOB).
func readSQLite(r io.ReaderAt, size int64, log io.ReaderAt, ends int64, take func([]byte) error) error {
	head, err := at(r, 0, sqliteHead)
	if err != nil {
		return err
	}
	d := &database{r: r, page: int64(binary.BigEndian.Uint16(head[16:])), newer: log}
	if d.page == 1 {
		d.page = 64 << 10
	}
	if string(head[:16]) != sqliteMagic || d.page < 512 || d.page&(d.page-1) != 0 {
		return damaged("not a SQLite database")
	}
	d.pages, d.usable = size/d.page, d.page-int64(head[20])
	if d.usable < 480 {
		return damaged("pages with %d usable bytes", d.usable)
	}
	if log != nil && ends > 0 {
		if err := d.readLog(ends); err != nil {
			return err
		}
	}
	d.left = 2 * d.pages
	root := int64(0)
	err = d.rows(1, 0, func(row []value) error {
		if len(row) >= 4 && string(row[0].text) == "table" && strings.EqualFold(string(row[1].text), sqliteTable) {
			root = row[3].number
		}
		return nil
	})
	if err != nil || root == 0 {
		return orElse(err, damaged("it has no table %s", sqliteTable))
	}
	d.left = 2 * d.pages
	return d.rows(root, 0, func(row []value) error {
		if len(row) < 2 {
			return damaged("a row of %s without its blob", sqliteTable)
		}
		return take(row[1].text)
	})
}

func orElse(err, other error) error {
	if err != nil {
		return err
	}
	return other
}

// read returns a page; the first has the number 1.
func (d *database) read(n int64) ([]byte, error) {
	if d.left--; d.left < 0 {
		return nil, damaged("a page is used twice")
	}
	if where, ok := d.log[n]; ok {
		return at(d.newer, where, int(d.page))
	}
	if n < 1 || n > d.pages {
		return nil, damaged("page %d is not there", n)
	}
	return at(d.r, (n-1)*d.page, int(d.page))
}

// rows calls use for the rows of a table in their order. After damage it goes on with the next page, and returns the
// first error.
func (d *database) rows(n int64, depth int, use func([]value) error) (first error) {
	note := func(err error) {
		if first == nil {
			first = err
		}
	}
	page, err := d.read(n)
	if err != nil {
		return err
	}
	head := page
	if n == 1 {
		head = page[sqliteHead:]
	}
	kind, cells := head[0], int(binary.BigEndian.Uint16(head[3:]))
	pointers := 8
	if kind == sqliteInterior {
		pointers = 12
	}
	if kind != sqliteInterior && kind != sqliteLeaf || depth > mostDepth || pointers+2*cells > len(head) {
		return damaged("page %d is not part of a table", n)
	}
	for i := range cells {
		cell := int64(binary.BigEndian.Uint16(head[pointers+2*i:]))
		switch {
		case cell+4 > d.usable:
			note(damaged("a cell of page %d is outside it", n))
		case kind == sqliteInterior:
			note(d.rows(int64(binary.BigEndian.Uint32(page[cell:])), depth+1, use))
		default:
			note(d.row(page[cell:d.usable], use))
		}
		if d.left < 0 {
			return first
		}
	}
	if kind == sqliteInterior {
		note(d.rows(int64(binary.BigEndian.Uint32(head[8:])), depth+1, use))
	}
	return first
}

// row reads a cell: its size, its number, and a record that may go on in overflow pages.
func (d *database) row(cell []byte, use func([]value) error) error {
	size, n := varint(cell)
	_, m := varint(cell[n:])
	if n == 0 || m == 0 || size > mostHeader {
		return damaged("a row of %d bytes", size)
	}
	cell = cell[n+m:]
	most, least := d.usable-35, (d.usable-12)*32/255-23
	local := int64(size)
	if local > most {
		if local = least + (int64(size)-least)%(d.usable-4); local > most {
			local = least
		}
	}
	over := int64(0)
	if local < int64(size) {
		over = 4
	}
	if local+over > int64(len(cell)) {
		return damaged("a row is longer than its page")
	}
	payload := cell[:local:local]
	if over > 0 {
		var err error
		if payload, err = d.overflow(payload, int64(size), int64(binary.BigEndian.Uint32(cell[local:]))); err != nil {
			return err
		}
	}
	row, err := values(payload)
	if err != nil {
		return err
	}
	return use(row)
}

// overflow appends what a row has in overflow pages.
func (d *database) overflow(payload []byte, size, next int64) ([]byte, error) {
	for int64(len(payload)) < size {
		page, err := d.read(next)
		if err != nil {
			return nil, err
		}
		next = int64(binary.BigEndian.Uint32(page))
		payload = append(payload, page[4:min(d.usable, 4+size-int64(len(payload)))]...)
	}
	return payload, nil
}

// A value is a column of a row: a number, or the bytes of a text or a blob.
type value struct {
	number int64
	text   []byte
}

// values reads a record: the size of its header, the types of its columns, and their values.
func values(payload []byte) (row []value, err error) {
	size, n := varint(payload)
	if n == 0 || size < uint64(n) || size > uint64(len(payload)) {
		return nil, damaged("a record without its header")
	}
	types, body := payload[n:size], payload[size:]
	for len(types) > 0 && len(row) < 16 {
		kind, n := varint(types)
		if n == 0 {
			return nil, damaged("a record with half a type")
		}
		types = types[n:]
		length := uint64(0)
		switch {
		case kind >= 12:
			length = (kind - 12) / 2
		case kind <= 7:
			length = [...]uint64{0, 1, 2, 3, 4, 6, 8, 8}[kind]
		}
		if length > uint64(len(body)) {
			return nil, damaged("a record is shorter than its header says")
		}
		v := value{text: body[:length:length]}
		switch {
		case kind == 9:
			v.number = 1
		case kind <= 6:
			for _, b := range v.text {
				v.number = v.number<<8 | int64(b)
			}
		}
		row, body = append(row, v), body[length:]
	}
	return row, nil
}

// varint reads a number of one to nine bytes; n is 0 if there is none.
func varint(b []byte) (value uint64, n int) {
	for n = 0; n < min(9, len(b)); n++ {
		if n == 8 {
			return value<<8 | uint64(b[n]), 9
		}
		value = value<<7 | uint64(b[n]&0x7f)
		if b[n] < 0x80 {
			return value, n + 1
		}
	}
	return 0, 0
}
