package tarfs

import (
	"errors"
	"fmt"
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
