package catalogue

import (
	"bytes"
	"encoding/binary"
	"encoding/json"
	"errors"
	"io"
	"strconv"

	"github.com/parquet-go/parquet-go/bloom"
	"github.com/parquet-go/parquet-go/format"
)

// A guide tells from the end of a part what its row groups may hold, before the footer of Parquet is decoded.
type guide struct {
	Version string
	Folder  string
	Digests bool // of files are in it
	Groups  []hints
}

// Hints are about one row group.
type hints struct {
	Rows      int64
	Low, High []byte  // base names of the first row and the last; cut to mostBound
	Base, Sum stretch // the bits of the Bloom filters
	Prints    int64   // where the prints are: two bytes for each row, the first of its digest; 0 if there are none
}

// A stretch is a range of bytes of a part.
type stretch struct{ At, Size int64 }

// mostBound is the size of a bound, in bytes.
const mostBound = 64

// A guider collects what a guide says while a part is written.
type guider struct {
	groups []hints
	prints []byte // of all rows before the last one that has a digest
	rows   int64
}

// add notes rows of files/.
func (m *guider) add(rows []FileRow) {
	for i := range rows {
		base := []byte(rows[i].Base)
		base = base[:min(len(base), mostBound)]
		if m.rows%groupRows == 0 {
			m.groups = append(m.groups, hints{Low: base})
		}
		last := &m.groups[len(m.groups)-1]
		last.Rows++
		last.High = append(last.High[:0], base...)
		if m.rows++; rows[i].SHA256 != "" {
			m.prints = append(m.prints, make([]byte, 2*m.rows-int64(len(m.prints)))...)
			binary.BigEndian.PutUint16(m.prints[2*m.rows-2:], printOf(rows[i].SHA256))
		}
	}
}

// printOf returns the first two bytes of a digest of four digits or more.
func printOf(digits string) uint16 {
	n, _ := strconv.ParseUint(digits[:min(len(digits), 4)], 16, 16) // 0 for what is not a digest
	return uint16(n)
}

// close returns the guide of a part with this footer. It writes the prints at an offset.
func (m *guider) close(what guide, footer *format.FileMetaData, out io.Writer, at int64) ([]byte, error) {
	if m.groups != nil && len(m.groups) != len(footer.RowGroups) {
		return nil, errors.New("row groups have another size")
	}
	for i := range m.groups {
		g, of := &m.groups[i], &footer.RowGroups[i]
		if g.Rows != of.NumRows {
			return nil, errors.New("a row group has another size")
		}
		g.Base, g.Sum = filterOf(of, "base"), filterOf(of, "sha256")
		if m.prints != nil {
			g.Prints = at + int64(i)*2*groupRows
		}
	}
	if m.prints != nil {
		m.prints = append(m.prints, make([]byte, 2*m.rows-int64(len(m.prints)))...)
	}
	if _, err := out.Write(m.prints); err != nil {
		return nil, err
	}
	what.Version, what.Groups = Version, m.groups
	return json.Marshal(what)
}

// filterOf returns the bits of a Bloom filter. They are blocks of 32 bytes after a header that is shorter than one.
func filterOf(g *format.RowGroup, column string) stretch {
	meta := &g.Columns[fileColumns[column]].MetaData
	header := int64(meta.BloomFilterLength) % bloom.BlockSize
	return stretch{meta.BloomFilterOffset + header, int64(meta.BloomFilterLength) - header}
}

// lacks reports whether a row group cannot hold a text: by a Bloom filter.
func (p *part) lacks(filter stretch, text []byte) (bool, error) {
	if filter.Size < bloom.BlockSize {
		return false, nil
	}
	bits := io.NewSectionReader(p.checked, filter.At, filter.Size)
	there, err := bloom.CheckSplitBlock(bits, filter.Size, bloom.XXH64{}.Sum64(text))
	return !there, err
}

// mayHave reports whether the bounds of the row group leave room for a base name. They may be shorter than the names.
func (h *hints) mayHave(base []byte) bool {
	return bytes.Compare(h.Low, base) <= 0 && (bytes.Compare(base, h.High) <= 0 || bytes.HasPrefix(base, h.High))
}

// alike yields the rows of a row group with digests that may begin with one of several texts, in order. Without prints
// these are all rows.
func (g *group) alike(sums []string) func(yield func(int64) bool) {
	return func(yield func(int64) bool) {
		wanted := make([]bool, 1<<16)
		every := g.Prints == 0
		for _, s := range sums {
			if len(s) < 4 {
				every = true
			} else {
				wanted[printOf(s)] = true
			}
		}
		var prints []byte
		if !every {
			prints = make([]byte, 2*g.Rows)
			if err := readFull(g.part.checked, prints, g.Prints); err != nil {
				g.fail(err)
				return
			}
		}
		for row := range g.Rows {
			if (every || wanted[binary.BigEndian.Uint16(prints[2*row:])]) && !yield(row) {
				return
			}
		}
	}
}
