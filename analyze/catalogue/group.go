package catalogue

import (
	"bytes"
	"errors"
	"fmt"
	"sort"

	"github.com/parquet-go/parquet-go"
)

// A group is a row group that is being read.
type group struct {
	*hints
	part    *part
	number  int                   // in the part
	chunks  []parquet.ColumnChunk // nil before a column is read
	numbers map[string]int        // of the columns
	columns []*column
	err     error // the first
}

// columnNumbers returns the numbers of the columns of rows by their names.
func columnNumbers(s *parquet.Schema) map[string]int {
	numbers := map[string]int{}
	for i, path := range s.Columns() {
		numbers[path[0]] = i
	}
	return numbers
}

// fileColumns never changes.
var fileColumns = columnNumbers(parquet.SchemaOf(new(FileRow)))

// lists are the columns with a list in each row.
var lists = map[string]bool{"xattrs": true, "xattrValues": true, "references": true, "layers": true, "createdBy": true}

// newGroup returns a row group of files/. It decodes no footer.
func newGroup(p *part, number int) *group {
	return &group{hints: &p.guide.Groups[number], part: p, number: number, numbers: fileColumns,
		columns: make([]*column, len(fileColumns))}
}

// chunk returns the pages of a column.
func (g *group) chunk(name string) (parquet.ColumnChunk, error) {
	if g.chunks == nil {
		f, err := decode[FileRow](g.part)
		if err != nil {
			return nil, err
		}
		all := f.RowGroups()
		if len(all) != len(g.part.guide.Groups) || all[g.number].NumRows() != g.Rows {
			return nil, errors.New("has other row groups than it says at its end")
		}
		g.chunks = all[g.number].ColumnChunks()
	}
	return g.chunks[g.numbers[name]], nil
}

// column returns a column by its name.
func (g *group) column(name string) (*column, error) {
	n := g.numbers[name]
	if g.columns[n] == nil {
		chunk, err := g.chunk(name)
		if err != nil {
			return nil, err
		}
		g.columns[n] = &column{chunk: chunk, rows: g.Rows, list: lists[name]}
	}
	return g.columns[n], nil
}

func (g *group) close() {
	for _, c := range g.columns {
		if c != nil {
			c.close()
		}
	}
}

func (g *group) fail(err error) {
	if g.err == nil {
		g.err = err
	}
}

// text returns the bytes of a row, or nothing after an error.
func (g *group) text(name string, row int64) []byte {
	c, err := g.column(name)
	if err != nil {
		g.fail(err)
		return nil
	}
	b, err := c.text(row)
	g.fail(err)
	return b
}

func (g *group) integer(name string, row int64) int64 {
	c, err := g.column(name)
	if err != nil {
		g.fail(err)
		return 0
	}
	n, err := c.number(row)
	g.fail(err)
	return n
}

// list returns the values of a list in a row.
func (g *group) list(name string, row int64) []string {
	c, err := g.column(name)
	if err != nil {
		g.fail(err)
		return nil
	}
	list, err := c.values(row)
	g.fail(err)
	return list
}

// str returns the text of a row as a string: one of those that are there already, if it has these bytes.
func (g *group) str(name string, row int64, there ...string) string {
	b := g.text(name, row)
	for _, s := range there {
		if s == string(b) {
			return s
		}
	}
	return string(b)
}

// exact returns the exact bytes of a name: of the second column, if the first one holds other bytes.
func (g *group) exact(name string, row int64) []byte {
	text := g.text(name, row)
	if bytes.Contains(text, replacement) {
		if b := g.text(name+"Bytes", row); len(b) > 0 {
			return b
		}
	}
	return text
}

var replacement = []byte("\uFFFD")

// row reads a whole row, or all of it but the digest.
func (g *group) row(at int64, digest bool) (r FileRow, err error) {
	r = FileRow{Base: string(g.text("base", at)), Path: string(g.text("path", at)), Layer: string(g.text("layer", at)),
		Kind: string(g.text("kind", at)), Implied: g.integer("implied", at) != 0, Mode: int32(g.integer("mode", at)),
		UID: g.integer("uid", at), GID: g.integer("gid", at), Size: g.integer("size", at), MTime: g.integer("mtime", at),
		MTimeNS: int32(g.integer("mtimeNS", at)), Link: string(g.text("link", at)), Major: g.integer("major", at),
		Minor: g.integer("minor", at), Inode: g.integer("inode", at),
		Hardlink: string(g.text("hardlink", at)), PathBytes: bytes.Clone(g.text("pathBytes", at)),
		LinkBytes: bytes.Clone(g.text("linkBytes", at)), HardlinkBytes: bytes.Clone(g.text("hardlinkBytes", at))}
	if digest {
		r.SHA256 = string(g.text("sha256", at))
	}
	names, values := g.list("xattrs", at), g.list("xattrValues", at)
	if len(names) != len(values) {
		g.fail(errors.New("an entry has more names of attributes than values, or fewer"))
	}
	for i := range min(len(names), len(values)) {
		r.Xattrs, r.XattrValues = append(r.Xattrs, names[i]), append(r.XattrValues, []byte(values[i]))
	}
	return r, g.err
}

// A span is a range of rows.
type span struct{ from, to int64 }

// within returns the rows of a range on pages that may hold a text, by the bounds of the pages.
func (g *group) within(name string, text []byte, in span) ([]span, error) {
	chunk, err := g.chunk(name)
	if err != nil {
		return nil, err
	}
	bounds, err := chunk.ColumnIndex()
	if err != nil {
		return nil, err
	}
	pages, err := chunk.OffsetIndex()
	if err != nil {
		return nil, err
	}
	n := pages.NumPages()
	if bounds.NumPages() != n {
		return nil, fmt.Errorf("has %d pages and bounds of %d", n, bounds.NumPages())
	}
	first := max(0, sort.Search(n, func(i int) bool { return pages.FirstRowIndex(i) > in.from })-1)
	var list []span
	for i := first; i < n; i++ {
		s := span{max(in.from, pages.FirstRowIndex(i)), in.to}
		if i+1 < n {
			s.to = min(s.to, pages.FirstRowIndex(i+1))
		}
		if s.from >= in.to {
			break
		}
		if !mayHold(bounds, i, text) {
			continue
		}
		if last := len(list) - 1; last >= 0 && list[last].to == s.from {
			list[last].to = s.to
		} else {
			list = append(list, s)
		}
	}
	return list, nil
}

// mayHold reports whether the bounds of a page leave room for a text. The bounds may be shorter than the values: the
// upper one is then not below any value that begins with it.
func mayHold(bounds parquet.ColumnIndex, page int, text []byte) bool {
	if bounds.NullPage(page) {
		return false
	}
	low, high := bounds.MinValue(page).ByteArray(), bounds.MaxValue(page).ByteArray()
	return bytes.Compare(low, text) <= 0 && (bytes.Compare(text, high) <= 0 || bytes.HasPrefix(text, high))
}

// all is the range of all rows.
func (g *group) all() span { return span{0, g.Rows} }

// equal returns the rows of a range that hold a text in a column.
func (g *group) equal(name string, text []byte, in span) (list []span, err error) {
	pages, err := g.within(name, text, in)
	if err != nil {
		return nil, err
	}
	c, err := g.column(name)
	if err != nil {
		return nil, err
	}
	for _, s := range pages {
		for row := s.from; row < s.to; row++ {
			b, err := c.text(row)
			if err != nil {
				return nil, err
			}
			if !bytes.Equal(b, text) {
				continue
			}
			if last := len(list) - 1; last >= 0 && list[last].to == row {
				list[last].to++
			} else {
				list = append(list, span{row, row + 1})
			}
		}
	}
	return list, nil
}
