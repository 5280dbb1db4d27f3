package tarfs

import "math"

var zeros [32 << 10]byte

// content passes over an entry's stored bytes. If digests are wanted, it hashes the file that they expand to.
func (s *scanner) content(e *entry, stored int64, regions []region, sparse bool) (digest [32]byte, err error) {
	s.marked = 0
	if s.mark != nil && e.kind == File && !sparse && 0 < stored && stored <= MarkSize {
		return s.look(stored)
	}
	if s.keepers != nil && e.kind == File && !sparse && s.hash == nil {
		if w := s.keepers(s.name, stored); w != nil {
			return digest, s.each(stored, func(b []byte) error { _, err := w.Write(b); return err })
		}
	}
	if s.hash == nil || e.kind != File || s.dense && sparse {
		s.skip(stored)
		return digest, s.err
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
		if err := s.each(r.size, func(b []byte) error { s.hash.Write(b); return nil }); err != nil {
			return digest, err
		}
		at = r.offset + r.size
	}
	s.hashZeros(e.size - at)
	return s.digest(), s.err
}

// look shows small content to the mark, and hashes it if digests are wanted.
func (s *scanner) look(stored int64) (digest [32]byte, err error) {
	if s.small, err = s.read(s.small[:0], stored); err != nil {
		return digest, err
	}
	s.marked = s.mark(s.small)
	if s.hash != nil {
		s.hash.Reset()
		s.hash.Write(s.small)
		digest = s.digest()
	}
	return digest, nil
}

// digest returns the hash. It uses one buffer again and again: a new one would be garbage for every entry.
func (s *scanner) digest() [32]byte { return [32]byte(s.hash.Sum(s.sum[:0])) }

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
