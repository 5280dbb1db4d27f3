package tarfs

import (
	"bytes"
	"cmp"
	"crypto/sha256"
	"errors"
	"fmt"
	"hash"
	"io"
	"math"
	"slices"
	"strings"
)

// A Reader is what Scan reads. A *bufio.Reader with a buffer of at least 512 bytes is one. Peek returns fewer than n
// bytes only together with an error, io.EOF at the end. Discard skips n bytes and returns how many it skipped.
type Reader interface {
	Peek(n int) ([]byte, error)
	Discard(n int) (int, error)
}

// ScanOptions say what Scan does besides reading the headers.
type ScanOptions struct {
	Limits  Limits
	Digests bool    // compute the SHA-256 of every file's content
	Tags    *TagKey // with Digests, keep only a tag of each; without, a tag by TagKey.Hash of each content; may be nil
	Dense   bool    // but not of sparse files: their holes may be endless
	Mark    Mark    // called with the content of small files; may be nil
	Dialect Dialect
	// Keep returns a writer that gets the content of a regular file while Scan passes over it; nil for no copy. It may be
	// nil itself. The name is as in the tar, and valid only during the call. The
	// offset is that of the content in the tar. A writer that returns ErrEnough gets no more of the file.
	Keep   func(name []byte, offset, size int64) io.Writer
	Sparse bool // Keep is also called for sparse files: for their stored pieces, one after another
}

// ErrEnough is the error of a writer of [ScanOptions] that needs no more of its file.
var ErrEnough = errors.New("enough of the file")

// A Mark says in eight bits what content of at most [MarkSize] bytes looks like; see [Version.Mark]. Zero means none.
// The name is as in the tar. It and the content are valid only during the call.
type Mark func(name, content []byte) uint8

// MarkSize is the size in bytes of the largest file that is shown to a [Mark].
const MarkSize = 64 << 10

// A ScanError says where in the uncompressed tar Scan stopped, and why.
type ScanError struct {
	Offset int64  // of the header
	Name   string // of the entry; empty if unknown
	Err    error
}

// Error names the entry, if it is known, and the offset of its header.
func (e *ScanError) Error() string {
	if e.Name == "" {
		return fmt.Sprintf("tar header at offset %d: %v", e.Offset, e.Err)
	}
	return fmt.Sprintf("entry %q at offset %d: %v", cut(e.Name), e.Offset, e.Err)
}

// Unwrap returns the cause.
func (e *ScanError) Unwrap() error { return e.Err }

// Scan reads the tar of one layer to its end. If the tar is damaged, it stops there, and returns the entries before the
// damage together with a *ScanError.
func Scan(r Reader, opt ScanOptions) (*Layer, error) {
	s := &scanner{
		r: r, lim: opt.Limits, layer: &Layer{lim: opt.Limits, dialect: opt.Dialect},
		mark: opt.Mark, dense: opt.Dense, keepers: opt.Keep, sparse: opt.Sparse,
	}
	switch {
	case opt.Digests && opt.Tags != nil:
		s.hash, s.tag = sha256.New(), opt.Tags.Tag
	case opt.Digests:
		s.hash = sha256.New()
	case opt.Tags != nil:
		s.hash, s.tag = opt.Tags.Hash(), func(sum [32]byte) uint64 { return TagOf(sum[:]) }
	}
	more, err := s.next()
	for more && err == nil {
		more, err = s.next()
	}
	if err != nil {
		err = &ScanError{Offset: s.start, Name: string(s.name), Err: err}
	} else {
		err = s.drain()
	}
	s.layer.size = s.offset
	return s.layer, err
}

// scanner walks over one tar. It keeps an error in skipping until the next read, as a bufio.Scanner does.
type scanner struct {
	r      Reader
	lim    Limits
	layer  *Layer
	offset int64     // bytes consumed
	start  int64     // offset of the current entry's header
	name   []byte    // name of the current entry; a reused buffer
	link   []byte    // link target of the current entry; a reused buffer
	header header    // of the current entry, reused
	made   entry     // of the current entry, reused
	recent recent    // facts of the entries before
	ext    extended  // what extended headers say of the current entry
	bodies [3][]byte // of extended headers, in reused buffers: PAX, GNU L, GNU K
	hash   hash.Hash // nil unless digests or tags are wanted
	sum    [32]byte  // a reused buffer for the hash

	tag func(sum [32]byte) uint64 // of a hash; nil if hashes are kept whole

	dense  bool   // sparse files get no digest
	mark   Mark   // ScanOptions.Mark
	small  []byte // content for the mark; a reused buffer
	marked uint8  // the mark of the current entry
	dir    []byte // the directory part of the entry before
	err    error

	keepers func(name []byte, offset, size int64) io.Writer // ScanOptions.Keep
	sparse  bool                                            // ScanOptions.Sparse

	expanded int64 // bytes of sparse files hashed
	records  int   // that lim.Records bounds
	counted  int   // bytes that lim.Held counts for this layer
}

// block returns the next block without consuming it. The error is io.EOF at the end, io.ErrUnexpectedEOF inside a
// block.
func (s *scanner) block() ([]byte, error) {
	if s.err != nil {
		return nil, s.err
	}
	b, err := s.r.Peek(blockSize)
	switch {
	case len(b) == blockSize:
		return b, nil
	case err == nil || err == io.EOF && len(b) > 0:
		return nil, io.ErrUnexpectedEOF
	}
	return nil, err
}

// unexpected makes an error of the end of the input.
func unexpected(err error) error {
	if err == io.EOF || err == io.ErrUnexpectedEOF {
		return errEnd
	}
	return err
}

var errEnd = errors.New("unexpected end of archive")

// skip consumes n bytes. If some are missing, the next read returns the error.
func (s *scanner) skip(n int64) {
	for n > 0 && s.err == nil {
		k, err := s.r.Discard(int(min(n, math.MaxInt)))
		s.offset += int64(k)
		n -= int64(k)
		if err == nil && k == 0 {
			err = io.ErrNoProgress
		}
		if err != nil {
			s.err = unexpected(err)
		}
	}
}

// next reads one entry with its extended headers. It returns false at the end of the archive.
func (s *scanner) next() (bool, error) {
	s.ext = extended{}
	for {
		s.start, s.name = s.offset, s.name[:0]
		block, err := s.block()
		if err == io.EOF { // without an end mark, as every reader accepts
			return false, nil
		}
		if err != nil {
			return false, unexpected(err)
		}
		if isZero(block) {
			return false, s.end()
		}
		h := &s.header
		err = parseBlock(block, h)
		s.name = append(s.name, h.name...)
		if err != nil {
			return false, err
		}
		done, err := s.entry(h, block)
		if done || err != nil {
			return done, err
		}
	}
}

// end reads the end mark: two zero blocks, or one at the end of the input.
func (s *scanner) end() error {
	s.skip(blockSize)
	block, err := s.block()
	if err == io.EOF {
		return nil
	}
	if err != nil {
		return unexpected(err)
	}
	if !isZero(block) {
		return errors.New("one zero block, then data")
	}
	s.skip(blockSize)
	s.layer.endMark = true
	return nil
}

// drain reads what follows the end mark, because the diffID covers it, and notes whether it is more than zeros.
func (s *scanner) drain() error {
	for s.err == nil {
		b, err := s.r.Peek(blockSize)
		if !isZero(b) && s.layer.tail == 0 {
			s.layer.tail, s.layer.second = s.offset, IsHeader(b)
		}
		s.skip(int64(len(b)))
		if err == io.EOF {
			return nil
		}
		if err != nil {
			return err
		}
	}
	return s.err
}

// entry handles one header. It returns true after a complete entry, false after an extended header.
func (s *scanner) entry(h *header, block []byte) (bool, error) {
	switch h.typeflag {
	case 'x', 'g', 'L', 'K':
		return false, s.extend(h)
	}
	if err := s.ext.apply(h); err != nil {
		return false, err
	}
	if h.typeflag == 0 && bytes.HasSuffix(h.name, []byte{'/'}) {
		h.typeflag = '5' // a directory from before typeflags
	}
	stored := h.size
	if hasContent(h.typeflag) && stored < 0 {
		return false, fmt.Errorf("size %d is below zero", stored)
	}
	regions, sparse, leading, err := s.ext.paxSparse(h)
	if err != nil {
		return false, err
	}
	// The next read overwrites the block.
	s.name, s.link = append(s.name[:0], h.name...), append(s.link[:0], h.link...)
	h.name, h.link = s.name, s.link
	if h.typeflag == 'S' {
		b := bytes.Clone(block)
		s.skip(blockSize)
		if regions, err = s.gnuSparse(h, b); err != nil {
			return false, err
		}
		sparse = true
	} else {
		s.skip(blockSize)
	}
	return true, s.body(h, stored, regions, sparse, leading)
}

func hasContent(typeflag byte) bool { return typeflag < '1' || typeflag > '6' }

// body records the entry and passes over its content.
func (s *scanner) body(h *header, stored int64, regions []region, sparse, leading bool) error {
	if !hasContent(h.typeflag) {
		if sparse {
			return errSparse
		}
		stored = 0
	}
	pad := -stored & (blockSize - 1)
	if leading {
		more, used, err := s.map10(stored)
		if err != nil {
			return err
		}
		regions, stored = more, stored-used
	}
	if sparse {
		if err := cmp.Or(s.count(len(regions)), checkRegions(regions, h.size, stored)); err != nil {
			return err
		}
		regions = slices.DeleteFunc(regions, func(r region) bool { return r.size == 0 })
		if err := s.hold(len(regions) * regionSize); err != nil {
			return err
		}
	}
	e, err := s.record(h)
	if err != nil {
		return err
	}
	digest, err := s.content(e, stored, regions, sparse)
	if err != nil {
		return err
	}
	s.keep(e, digest, regions, sparse)
	s.padding(pad)
	return nil
}

// padding passes over the rest of the last block. An archive may end before it.
func (s *scanner) padding(n int64) {
	if s.err != nil || n == 0 {
		return
	}
	k, err := s.r.Discard(int(n))
	s.offset += int64(k)
	if err != nil && err != io.EOF && err != io.ErrUnexpectedEOF {
		s.err = err
	}
}

// extend reads a PAX header or a GNU long name.
func (s *scanner) extend(h *header) error {
	if h.size < 0 {
		return fmt.Errorf("size %d is below zero", h.size)
	}
	if err := over("header", h.size, int64(s.lim.Header)); err != nil {
		return err
	}
	s.skip(blockSize)
	buffer := &s.bodies[max(0, strings.IndexByte("xLK", h.typeflag))]
	body, err := s.read((*buffer)[:0], h.size)
	if err != nil {
		return err
	}
	*buffer = body
	s.padding(-h.size & (blockSize - 1))
	switch h.typeflag {
	case 'L':
		s.ext.longName = cstring(body)
	case 'K':
		s.ext.longLink = cstring(body)
	case 'x':
		return cmp.Or(s.count(bytes.Count(body, newline)), parsePAX(body, &s.ext, &s.lim))
	case 'g': // engines ignore a valid one and refuse a damaged one
		s.layer.global = true
		s.ext = extended{}
		return cmp.Or(s.count(bytes.Count(body, newline)), parsePAX(body, &extended{}, &s.lim))
	}
	return nil
}

var newline = []byte{'\n'}

// count counts what is small in the tar and costs time: records and regions.
func (s *scanner) count(n int) error {
	s.records += n
	return over("records", int64(s.records), int64(s.lim.Records))
}

// read appends n bytes of content.
func (s *scanner) read(body []byte, n int64) ([]byte, error) {
	body = slices.Grow(body, int(min(n, 64<<10)))
	err := s.each(n, func(b []byte) error { body = append(body, b...); return nil })
	return body, err
}
