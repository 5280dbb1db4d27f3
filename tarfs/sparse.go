package tarfs

import (
	"errors"
	"fmt"
	"io"
	"math"
	"strconv"
	"strings"
)

var errSparse = errors.New("sparse map is damaged")

// paxSparse applies GNU's sparse records of PAX. It reports whether the entry is sparse, and whether a map begins the
// content (format 1.0). Source: GNU tar manual, Sparse Formats.
func (x *extended) paxSparse(h *header) (regions []region, sparse, leading bool, err error) {
	major, minor := x.sparse["GNU.sparse.major"], x.sparse["GNU.sparse.minor"]
	switch {
	case major == "0" && (minor == "0" || minor == "1"):
	case major == "1" && minor == "0":
		leading = true
	case major != "" || minor != "", x.sparse["GNU.sparse.map"] == "":
		return nil, false, false, nil
	}
	if name := x.sparse["GNU.sparse.name"]; name != "" {
		if strings.IndexByte(name, 0) >= 0 {
			return nil, false, false, errors.New("PAX GNU.sparse.name holds NUL")
		}
		h.name = []byte(name)
	}
	var p decimals
	p.set(&h.size, "GNU.sparse.realsize", x.sparse["GNU.sparse.realsize"])
	p.set(&h.size, "GNU.sparse.size", x.sparse["GNU.sparse.size"])
	if p.err != nil || leading {
		return nil, true, leading, p.err
	}
	regions, err = x.map01()
	return regions, true, false, err
}

// map01 reads the map of formats 0.0 and 0.1.
func (x *extended) map01() ([]region, error) {
	var numbers []string
	if m := x.sparse["GNU.sparse.map"]; m != "" {
		numbers = strings.Split(m, ",")
	}
	n, err := strconv.ParseInt(x.sparse["GNU.sparse.numblocks"], 10, 32)
	if err != nil || n < 0 || int64(len(numbers)) != 2*n {
		return nil, errSparse
	}
	regions := make([]region, n)
	for i := range regions {
		offset, err1 := strconv.ParseInt(numbers[2*i], 10, 64)
		size, err2 := strconv.ParseInt(numbers[2*i+1], 10, 64)
		if err1 != nil || err2 != nil {
			return nil, errSparse
		}
		regions[i] = region{offset, size}
	}
	return regions, nil
}

// map10 reads the map at the beginning of the content in format 1.0: decimal lines in whole blocks. It returns the
// bytes that the map takes.
func (s *scanner) map10(stored int64) (regions []region, used int64, err error) {
	var line []byte
	var numbers []int64
	want := int64(1)
	for int64(len(numbers)) < want {
		if used += blockSize; used > stored {
			return nil, 0, errSparse
		}
		if err := over("header", used, int64(s.lim.Header)); err != nil {
			return nil, 0, err
		}
		block, err := s.block()
		if err != nil {
			return nil, 0, unexpected(err)
		}
		for _, c := range block {
			if c != '\n' {
				line = append(line, c)
				continue
			}
			n, perr := strconv.ParseInt(string(line), 10, 64)
			if perr != nil || n < 0 {
				return nil, 0, errSparse
			}
			line = line[:0]
			if numbers = append(numbers, n); len(numbers) == 1 {
				if n > math.MaxInt32 {
					return nil, 0, errSparse
				}
				want += 2 * n
			}
			if int64(len(numbers)) == want {
				break
			}
		}
		s.skip(blockSize)
	}
	for i := 1; i < len(numbers); i += 2 {
		regions = append(regions, region{numbers[i], numbers[i+1]})
	}
	return regions, used, nil
}

// gnuSparse reads the map of an old GNU sparse file (typeflag S) from its header block and the blocks after it.
func (s *scanner) gnuSparse(h *header, block []byte) (regions []region, err error) {
	if !h.gnu {
		return nil, errSparse
	}
	p := fields{block: block}
	h.size = p.number("sparse size", 483, 495)
	if p.err != nil {
		return nil, p.err
	}
	regions, err = gnuRegions(block, 386, 4, nil)
	extended := block[482] != 0
	for used := blockSize; extended && err == nil; used += blockSize {
		if err := over("header", int64(used), int64(s.lim.Header)); err != nil {
			return nil, err
		}
		more, berr := s.block()
		if berr != nil {
			return nil, unexpected(berr)
		}
		regions, err = gnuRegions(more, 0, 21, regions)
		extended = more[504] != 0
		s.skip(blockSize)
	}
	return regions, err
}

func gnuRegions(block []byte, at, n int, regions []region) ([]region, error) {
	p := fields{block: block}
	for i := range n {
		from := at + 24*i
		if block[from] == 0 {
			break
		}
		offset, size := p.number("sparse offset", from, from+12), p.number("sparse size", from+12, from+24)
		regions = append(regions, region{offset, size})
	}
	return regions, p.err
}

// checkRegions checks what readers of the content rely on: regions are in order and inside the file, and together as
// long as the stored data.
func checkRegions(regions []region, size, stored int64) error {
	if size < 0 {
		return fmt.Errorf("%w: size %d is below zero", errSparse, size)
	}
	var end, sum int64
	for _, r := range regions {
		if r.offset < end || r.size < 0 || r.offset > size || r.size > size-r.offset {
			return fmt.Errorf("%w: region at %d of %d bytes is out of order or outside the file", errSparse, r.offset, r.size)
		}
		end = r.offset + r.size
		sum += r.size
	}
	if sum != stored {
		return fmt.Errorf("%w: it names %d bytes, %d are stored", errSparse, sum, stored)
	}
	return nil
}

var zeros [32 << 10]byte

// content passes over an entry's stored bytes. If digests are wanted, it hashes the file that they expand to.
func (s *scanner) content(e *entry, stored int64, regions []region, sparse bool) (digest [32]byte, err error) {
	s.marked = 0
	var copied io.Writer
	if s.keepers != nil && e.kind == File && (!sparse || s.sparse) {
		copied = s.keepers(s.name, e.offset, stored)
	}
	if s.mark != nil && e.kind == File && !sparse && 0 < stored && stored <= MarkSize {
		return s.look(stored, copied)
	}
	if s.hash == nil || e.kind != File || s.dense && sparse {
		return digest, s.pass(stored, copied)
	}
	if !sparse {
		regions = []region{{0, stored}}
	} else {
		s.expanded += min(e.size, math.MaxInt64-s.expanded) // without overflow
		if err := over("sparse", s.expanded, s.lim.Sparse); err != nil {
			return digest, err
		}
	}
	s.hash.Reset()
	var at int64
	for _, r := range regions {
		s.hashZeros(r.offset - at)
		if err := s.each(r.size, func(b []byte) error { s.hash.Write(b); return copyTo(&copied, b) }); err != nil {
			return digest, err
		}
		at = r.offset + r.size
	}
	s.hashZeros(e.size - at)
	return s.digest(), s.err
}

// pass passes over content that is not hashed. It copies it as long as a writer, which may be nil, takes it.
func (s *scanner) pass(n int64, copied io.Writer) error {
	for n > 0 && copied != nil && s.err == nil {
		part := min(n, copySize)
		if err := s.each(part, func(b []byte) error { return copyTo(&copied, b) }); err != nil {
			return err
		}
		n -= part
	}
	s.skip(n)
	return s.err
}

// copySize is how many bytes are copied before a writer that has enough is noticed.
const copySize = 4096

// copyTo writes to a copy, if there is one, and drops the writer after it has enough.
func copyTo(copied *io.Writer, b []byte) error {
	if *copied == nil {
		return nil
	}
	_, err := (*copied).Write(b)
	if err == ErrEnough {
		*copied, err = nil, nil
	}
	return err
}

// look shows small content to the mark, copies it, and hashes it if digests are wanted.
func (s *scanner) look(stored int64, copied io.Writer) (digest [32]byte, err error) {
	if s.small, err = s.read(s.small[:0], stored); err != nil {
		return digest, err
	}
	if err := copyTo(&copied, s.small); err != nil {
		return digest, err
	}
	s.marked = s.mark(s.name, s.small)
	if s.hash != nil {
		s.hash.Reset()
		s.hash.Write(s.small)
		digest = s.digest()
	}
	return digest, nil
}

// digest returns the hash. It uses one buffer again and again: a new one would be garbage for every entry.
func (s *scanner) digest() [32]byte {
	s.hash.Sum(s.sum[:0])
	return s.sum
}

func (s *scanner) hashZeros(n int64) {
	for ; n > 0; n -= int64(len(zeros)) {
		s.hash.Write(zeros[:min(n, int64(len(zeros)))])
	}
}

// each calls use with the next n bytes, piece by piece.
func (s *scanner) each(n int64, use func([]byte) error) error {
	for n > 0 && s.err == nil {
		b, err := s.r.Peek(int(min(n, 4096)))
		if len(b) == 0 {
			return unexpected(err)
		}
		if err := use(b); err != nil {
			return err
		}
		n -= int64(len(b))
		s.skip(int64(len(b)))
	}
	return s.err
}
