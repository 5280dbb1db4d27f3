package catalogue

import (
	"errors"
	"fmt"
	"io"
	"sort"

	"github.com/parquet-go/parquet-go"
)

// A column reads values of one column of a row group, a page at a time. A value is valid until the next one is read.
type column struct {
	chunk parquet.ColumnChunk
	index parquet.OffsetIndex // nil before the first page
	pages parquet.Pages
	page  parquet.Page
	rows  int64 // of the row group

	from, to int64 // the rows of the page
	texts    []byte
	offsets  []uint32
	dict     parquet.Dictionary // nil unless the page holds indexes into it
	indexes  []int32
	int32s   []int32
	int64s   []int64
	bits     []byte
	lists    [][]string // by row; only of lists
	list     bool
}

// load makes the page current that has a row.
func (c *column) load(row int64) error {
	if row >= c.from && row < c.to {
		return nil
	}
	if row < 0 || row >= c.rows {
		return fmt.Errorf("row %d of %d", row, c.rows)
	}
	if c.pages == nil {
		index, err := c.chunk.OffsetIndex()
		if err != nil {
			return err
		}
		c.index, c.pages = index, c.chunk.Pages()
	}
	at := sort.Search(c.index.NumPages(), func(i int) bool { return c.index.FirstRowIndex(i) > row }) - 1
	if at < 0 {
		return errors.New("no page has the first row")
	}
	first := c.index.FirstRowIndex(at)
	if first != c.to || c.page == nil {
		if err := c.pages.SeekToRow(first); err != nil {
			return err
		}
	}
	parquet.Release(c.page)
	page, err := c.pages.ReadPage()
	if err != nil {
		if c.page = nil; err == io.EOF {
			err = io.ErrUnexpectedEOF
		}
		return err
	}
	c.page, c.from, c.to = page, first, first+page.NumRows()
	if row >= c.to {
		return errors.New("a page has fewer rows than its index says")
	}
	return c.decode()
}

// decode finds the values of the page.
func (c *column) decode() error {
	c.texts, c.offsets, c.dict, c.indexes, c.int32s, c.int64s, c.bits = nil, nil, nil, nil, nil, nil, nil
	if c.list {
		return c.decodeLists()
	}
	if c.page.NumValues() != c.page.NumRows() || c.page.NumNulls() > 0 {
		return errors.New("a column lacks values")
	}
	data := c.page.Data()
	if c.dict = c.page.Dictionary(); c.dict != nil {
		c.indexes = data.Int32()
		return nil
	}
	switch c.chunk.Type().Kind() {
	case parquet.ByteArray:
		c.texts, c.offsets = data.ByteArray()
	case parquet.Int32:
		c.int32s = data.Int32()
	case parquet.Int64:
		c.int64s = data.Int64()
	case parquet.Boolean:
		c.bits = data.Boolean()
	}
	return nil
}

// decodeLists reads the values of a page of lists.
func (c *column) decodeLists() error {
	c.lists = make([][]string, c.page.NumRows())
	if c.page.NumNulls() == c.page.NumValues() {
		return nil
	}
	values, at := make([]parquet.Value, 256), -1
	for r := c.page.Values(); ; {
		n, err := r.ReadValues(values)
		for _, v := range values[:n] {
			if v.RepetitionLevel() == 0 {
				at++
			}
			if at < 0 || at >= len(c.lists) {
				return errors.New("a list begins outside its row")
			}
			if !v.IsNull() {
				c.lists[at] = append(c.lists[at], string(v.ByteArray()))
			}
		}
		if err == io.EOF {
			return nil
		}
		if err != nil {
			return err
		}
	}
}

// text returns the bytes of a row. They are valid until another page is loaded.
func (c *column) text(row int64) ([]byte, error) {
	if err := c.load(row); err != nil {
		return nil, err
	}
	i := row - c.from
	if c.dict != nil {
		return c.dict.Index(c.indexes[i]).ByteArray(), nil
	}
	return c.texts[c.offsets[i]:c.offsets[i+1]], nil
}

// number returns the number of a row; 1 for true.
func (c *column) number(row int64) (int64, error) {
	if err := c.load(row); err != nil {
		return 0, err
	}
	i := row - c.from
	switch {
	case c.dict != nil:
		v := c.dict.Index(c.indexes[i])
		if v.Kind() == parquet.Int32 {
			return int64(v.Int32()), nil
		}
		return v.Int64(), nil
	case c.int32s != nil:
		return int64(c.int32s[i]), nil
	case c.int64s != nil:
		return c.int64s[i], nil
	}
	return int64(c.bits[i/8] >> (i % 8) & 1), nil
}

// values returns the list of a row.
func (c *column) values(row int64) ([]string, error) {
	if err := c.load(row); err != nil {
		return nil, err
	}
	return c.lists[row-c.from], nil
}

func (c *column) close() {
	parquet.Release(c.page)
	if c.pages != nil {
		c.pages.Close() // only read from
	}
	c.page, c.pages, c.from, c.to = nil, nil, 0, 0
}
