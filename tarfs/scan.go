package tarfs

import (
	"bytes"
	"crypto/sha256"
	"errors"
	"fmt"
	"hash"
	"io"
	"math"
)

// A Reader is what Scan reads; a *bufio.Reader of at least 512 bytes is one. Peek returns fewer bytes than asked for only together with
// an error, io.EOF at the end. Discard skips bytes and returns how many there were.
type Reader interface {
	Peek(n int) ([]byte, error)
	Discard(n int) (int, error)
}

// ScanOptions say how to scan.
type ScanOptions struct {
	Limits  Limits
	Digests bool // also compute the SHA-256 of every file's content
}

// A ScanError says where in the uncompressed tar reading ended, and why.
type ScanError struct {
	Offset int64  // of the header
	Name   string // of the entry, if it is known
	Err    error
}

// Error names the entry, where it is known, and the header's offset.
func (e *ScanError) Error() string {
	if e.Name == "" {
		return fmt.Sprintf("tar header at offset %d: %v", e.Offset, e.Err)
	}
	return fmt.Sprintf("entry %q at offset %d: %v", cut(e.Name), e.Offset, e.Err)
}

// Unwrap returns the cause.
func (e *ScanError) Unwrap() error { return e.Err }

// Scan reads one layer's tar to its end. On damage it returns the entries before it together with a *ScanError; then the rest is not read.
func Scan(r Reader, opt ScanOptions) (*Layer, error) {
	s := &scanner{r: r, lim: opt.Limits, layer: &Layer{}}
	if opt.Digests {
		s.hash = sha256.New()
	}
	for {
		more, err := s.next()
		if err != nil {
			s.layer.size = s.offset
			return s.layer, &ScanError{Offset: s.start, Name: string(s.name), Err: err}
		}
		if !more {
			break
		}
	}
	err := s.drain()
	s.layer.size = s.offset
	return s.layer, err
}

// scanner walks over one tar. Its errors in skipping are kept and come up at the next read, as with bufio.Scanner.
type scanner struct {
	r      Reader
	lim    Limits
	layer  *Layer
	offset int64     // bytes consumed
	start  int64     // where the header of the entry at hand begins
	name   []byte    // its name, in a buffer used again
	link   []byte    // its link target, likewise
	ext    extended  // what the headers before it say
	hash   hash.Hash // nil unless digests are wanted
	dir    []byte    // the directory part that entries share
	err    error
}

// block returns the next block without consuming it: io.EOF at the very end, io.ErrUnexpectedEOF inside.
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

// unexpected turns the end of the input into damage.
func unexpected(err error) error {
	if err == io.EOF || err == io.ErrUnexpectedEOF {
		return errEnd
	}
	return err
}

var errEnd = errors.New("unexpected end of archive")

// skip consumes bytes; what is missing comes up as an error of the next block.
func (s *scanner) skip(n int64) {
	for n > 0 && s.err == nil {
		k, err := s.r.Discard(int(min(n, 1<<30)))
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
		if err == io.EOF { // no end mark: accepted everywhere
			return false, nil
		}
		if err != nil {
			return false, unexpected(err)
		}
		if isZero(block) {
			return false, s.end()
		}
		var h header
		err = parseBlock(block, &h)
		s.name = append(s.name, h.name...)
		if err != nil {
			return false, err
		}
		done, err := s.entry(&h, block)
		if done || err != nil {
			return done, err
		}
	}
}

// end reads the end mark: two zero blocks, or one at the very end.
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

// drain reads what follows the end mark, for the diffID covers it, and notes whether it is more than zeros.
func (s *scanner) drain() error {
	for s.err == nil {
		b, err := s.r.Peek(blockSize)
		if !isZero(b) {
			s.layer.tail = true
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

// entry handles one header. It returns true when an entry is complete, false when the header only said something of the next.
func (s *scanner) entry(h *header, block []byte) (bool, error) {
	switch h.typeflag {
	case 'x', 'g', 'L', 'K':
		return false, s.extend(h)
	}
	var regions []region
	var sparse, leading bool
	if err := s.ext.apply(h); err != nil {
		return false, err
	}
	old := h.typeflag == 'S'
	stored := h.size
	if hasContent(h.typeflag) && stored < 0 {
		return false, fmt.Errorf("size %d is below zero", stored)
	}
	regions, sparse, leading, err := s.ext.paxSparse(h)
	if err != nil {
		return false, err
	}
	// The block goes away with the next read.
	s.name, s.link = append(s.name[:0], h.name...), append(s.link[:0], h.link...)
	h.name, h.link = s.name, s.link
	if old {
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
		if err := checkRegions(regions, h.size, stored); err != nil {
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

// padding passes over the rest of the last block; an archive may end before it.
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
	body, err := s.read(h.size)
	if err != nil {
		return err
	}
	s.padding(-h.size & (blockSize - 1))
	switch h.typeflag {
	case 'L':
		s.ext.longName = bytes.Clone(cstring(body))
	case 'K':
		s.ext.longLink = bytes.Clone(cstring(body))
	case 'x':
		return parsePAX(body, &s.ext, &s.lim)
	case 'g': // engines ignore what it says, but refuse it when it is damaged
		s.layer.global = true
		s.ext = extended{}
		return parsePAX(body, &extended{}, &s.lim)
	}
	return nil
}

// read returns n bytes of content.
func (s *scanner) read(n int64) ([]byte, error) {
	body := make([]byte, 0, min(n, 64<<10))
	for left := n; left > 0; {
		b, err := s.r.Peek(int(min(left, blockSize)))
		if int64(len(b)) < min(left, blockSize) {
			return nil, unexpected(err)
		}
		body = append(body, b...)
		left -= int64(len(b))
		s.skip(int64(len(b)))
	}
	return body, s.err
}

// kinds says by typeflag what an entry is. Types that engines refuse but that can be read carry flagRefused.
func kinds(typeflag byte, name []byte) (kind, flag) {
	switch typeflag {
	case '0':
		return kindFile, 0
	case 0:
		if bytes.HasSuffix(name, []byte{'/'}) { // a directory before typeflags were
			return kindDir, 0
		}
		return kindFile, 0
	case '7', 'S':
		return kindFile, flagRefused
	case '1':
		return kindHardlink, 0
	case '2':
		return kindSymlink, 0
	case '3':
		return kindChar, 0
	case '4':
		return kindBlock, 0
	case '5':
		return kindDir, 0
	case '6':
		return kindFifo, 0
	}
	return kindUnknown, 0
}

// record makes the table's entry of a header.
func (s *scanner) record(h *header) (*entry, error) {
	if err := s.checkName(h); err != nil {
		return nil, err
	}
	k, flags := kinds(h.typeflag, h.name)
	e := &entry{
		offset: s.offset, size: h.size, mtime: h.mtime, mtimeNS: h.mtimeNS,
		uid: id(h.uid), gid: id(h.gid), mode: uint16(h.mode & 0o7777), kind: k, flags: flags,
	}
	switch k {
	case kindChar, kindBlock:
		e.offset, e.size = int64(uint32(h.major))<<32|int64(uint32(h.minor)), 0
	case kindDir, kindSymlink, kindFifo:
		e.size = 0
	}
	return e, s.text(e, h)
}

// id is a user or group as the kernel takes it: 32 bits, of which all ones mean "leave as it is", and new files are root's.
func id(n int64) uint32 {
	if u := uint32(n); u != math.MaxUint32 {
		return u
	}
	return 0
}

func (s *scanner) checkName(h *header) error {
	if err := over("entries", int64(len(s.layer.entries)+1), int64(s.lim.Entries)); err != nil {
		return err
	}
	if err := over("path", int64(len(h.name)), int64(s.lim.Path)); err != nil {
		return err
	}
	if err := over("components", int64(bytes.Count(h.name, []byte{'/'})+1), int64(s.lim.Components)); err != nil {
		return err
	}
	if err := over("link", int64(len(h.link)), int64(s.lim.Link)); err != nil {
		return err
	}
	if len(h.name) > math.MaxUint16 || len(h.link) > math.MaxUint16 {
		return errors.New("a name of more than 65,535 bytes cannot be held")
	}
	return nil
}

// text puts the name, the link target and the attributes into the arena.
func (s *scanner) text(e *entry, h *header) error {
	l := s.layer
	room := len(h.name) + len(h.link) + s.ext.xattrBytes
	if int64(len(l.arena))+int64(room) > math.MaxUint32 || len(l.entries) >= math.MaxUint32-1 {
		return errors.New("the names of the layer are more than 4 GiB and cannot be held")
	}
	trimmed := bytes.TrimRight(h.name, "/")
	dir, name := splitName(h.name, trimmed)
	if len(l.dirs) == 0 || !bytes.Equal(dir, s.dir) {
		s.dir = dir
		l.dirs = append(l.dirs, span{uint32(len(l.arena)), uint16(len(dir))})
		l.arena = append(l.arena, dir...)
	}
	e.dir = uint32(len(l.dirs) - 1)
	e.name, e.nameLen = s.put(name), uint16(len(name))
	e.link, e.linkLen = s.put(h.link), uint16(len(h.link))
	for _, x := range s.ext.xattrs {
		e.flags |= flagXattrs
		if bytes.HasPrefix([]byte(x.Name), []byte("trusted.overlay.")) {
			e.flags |= flagOverlay
		}
		l.xattrs = append(l.xattrs, xattr{
			entry: uint32(len(l.entries)),
			name:  s.put([]byte(x.Name)), nameLen: uint32(len(x.Name)),
			value: s.put([]byte(x.Value)), valueLen: uint32(len(x.Value)),
		})
	}
	return nil
}

// splitName cuts a name behind the last slash of what is left of it without trailing slashes.
func splitName(name, trimmed []byte) (dir, base []byte) {
	at := bytes.LastIndexByte(trimmed, '/') + 1
	return name[:at], name[at:]
}

func (s *scanner) put(b []byte) uint32 {
	at := len(s.layer.arena)
	s.layer.arena = append(s.layer.arena, b...)
	return uint32(at)
}

// keep adds an entry whose content was all there.
func (s *scanner) keep(e *entry, digest [32]byte, regions []region, sparse bool) {
	l := s.layer
	if sparse {
		e.flags |= flagSparse
		l.sparse = append(l.sparse, sparseFile{uint32(len(l.entries)), uint32(len(l.regions)), uint32(len(regions))})
		l.regions = append(l.regions, regions...)
	}
	if s.hash != nil {
		l.digests = append(l.digests, digest)
	}
	l.entries = append(l.entries, *e)
}

var zeros [32 << 10]byte

// content passes over an entry's stored bytes, hashing them as the file they expand to where digests are wanted.
func (s *scanner) content(e *entry, stored int64, regions []region, sparse bool) (digest [32]byte, err error) {
	if s.hash == nil || e.kind != kindFile {
		s.skip(stored)
		return digest, s.err
	}
	if !sparse {
		regions = []region{{0, stored}}
	} else if err := over("sparse", e.size, s.lim.Sparse); err != nil {
		return digest, err
	}
	s.hash.Reset()
	var at int64
	for _, r := range regions {
		s.hashZeros(r.offset - at)
		if err := s.hashBytes(r.size); err != nil {
			return digest, err
		}
		at = r.offset + r.size
	}
	s.hashZeros(e.size - at)
	s.hash.Sum(digest[:0])
	return digest, s.err
}

func (s *scanner) hashZeros(n int64) {
	for ; n > 0; n -= int64(len(zeros)) {
		s.hash.Write(zeros[:min(n, int64(len(zeros)))])
	}
}

func (s *scanner) hashBytes(n int64) error {
	for n > 0 && s.err == nil {
		want := int(min(n, 4096))
		b, err := s.r.Peek(want)
		if len(b) == 0 {
			return unexpected(err)
		}
		s.hash.Write(b)
		n -= int64(len(b))
		s.skip(int64(len(b)))
	}
	return s.err
}
