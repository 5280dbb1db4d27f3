package html

import (
	"bufio"
	"bytes"
	"encoding/base64"
	"encoding/binary"
	"fmt"

	"github.com/klauspost/compress/flate"
)

// A Table is a list of columns, each of its own length, for what has too many rows for JSON.
type Table struct {
	name    string
	columns []*Column
}

// A Column is a compressed list of numbers or of names.
type Column struct {
	name, kind string
	count      int
	most       uint64 // the largest number; of names, their bytes together
	raw        []byte // not compressed yet
	stored     bytes.Buffer
	deflate    *flate.Writer
	lengths    *Column // of names
}

// The kinds of columns.
const (
	numbers = "numbers" // varints
	signed  = "signed"  // zigzag varints
	names   = "names"   // bytes; the lengths are in a column of their own
)

// NewTable returns a table without columns. The page's script finds it by its name.
func NewTable(name string) *Table { return &Table{name: name} }

func (t *Table) column(name, kind string) *Column {
	c := &Column{name: name, kind: kind}
	c.deflate, _ = flate.NewWriter(&c.stored, 6) // the level is valid
	t.columns = append(t.columns, c)
	return c
}

// Numbers adds a column of numbers that are not negative.
func (t *Table) Numbers(name string) *Column { return t.column(name, numbers) }

// Signed adds a column of any numbers.
func (t *Table) Signed(name string) *Column { return t.column(name, signed) }

// Names adds a column of byte strings.
func (t *Table) Names(name string) *Column {
	c := t.column(name, names)
	c.lengths = t.column(name+"Length", numbers)
	return c
}

// Add appends a number to a column of numbers.
func (c *Column) Add(n uint64) {
	c.count++
	c.most = max(c.most, n)
	c.raw = binary.AppendUvarint(c.raw, n)
	c.pack(false)
}

// AddSigned appends a number to a signed column.
func (c *Column) AddSigned(n int64) { c.Add(uint64(n<<1) ^ uint64(n>>63)) }

// AddName appends a byte string to a column of names.
func (c *Column) AddName(s string) {
	c.lengths.Add(uint64(len(s)))
	c.count++
	c.most += uint64(len(s))
	c.raw = append(c.raw, s...)
	c.pack(false)
}

// pack compresses what has come together.
func (c *Column) pack(all bool) {
	if len(c.raw) < 32<<10 && !all {
		return
	}
	c.deflate.Write(c.raw) // into memory: it cannot fail
	c.raw = c.raw[:0]
}

// write writes the table as JSON and frees it.
func (t *Table) write(w *bufio.Writer) error {
	w.WriteString(`{"columns":[`)
	for i, c := range t.columns {
		c.pack(true)
		c.deflate.Close()
		if i > 0 {
			w.WriteByte(',')
		}
		fmt.Fprintf(w, `{"name":%q,"kind":%q,"count":%d,"most":%d,"data":"`, c.name, c.kind, c.count, c.most)
		encoder := base64.NewEncoder(base64.StdEncoding, w)
		encoder.Write(c.stored.Bytes())
		if err := encoder.Close(); err != nil {
			return err
		}
		w.WriteString(`"}`)
	}
	_, err := w.WriteString("]}")
	return err
}
