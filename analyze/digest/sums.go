package digest

import (
	"hash"
	"slices"
	"sync"
)

// Sums are digests of one stream, computed together, each algorithm once.
type Sums struct {
	names  []string
	hashes []hash.Hash

	// Beside runs a function on an idle processor, or reports that there is none; may be nil. An idle processor hashes a
	// buffer at a time while the caller goes on.
	Beside func(func()) bool

	full  [2][]byte // buffers in turn
	turn  int
	alone int // bytes to hash here before Beside is asked again
	busy  sync.WaitGroup
}

// The bytes that an idle processor gets at once, and the bytes to hash here after there was none.
const (
	besideBuffer = 256 << 10
	besidePause  = 16 << 20
)

// NewSums returns the sums of some algorithms over nothing yet.
func NewSums(algorithms ...string) (*Sums, error) {
	s := &Sums{alone: besideBuffer} // a small stream is not worth a buffer
	for _, name := range algorithms {
		if slices.Contains(s.names, name) {
			continue
		}
		h, err := New(name)
		if err != nil {
			return nil, err
		}
		s.names, s.hashes = append(s.names, name), append(s.hashes, h)
	}
	return s, nil
}

// Write adds bytes to all sums. It never fails.
func (s *Sums) Write(p []byte) (int, error) {
	all := len(p)
	for s.Beside != nil && s.alone <= 0 && len(p) > 0 {
		b := s.full[s.turn]
		if b == nil {
			b = make([]byte, 0, besideBuffer)
		}
		n := min(len(p), cap(b)-len(b))
		s.full[s.turn] = append(b, p[:n]...)
		p = p[n:]
		if len(b)+n == cap(b) {
			s.pass()
		}
	}
	if len(p) > 0 { // otherwise another processor may be hashing
		s.alone -= len(p)
		s.hash(p)
	}
	return all, nil
}

func (s *Sums) hash(p []byte) {
	for _, h := range s.hashes {
		h.Write(p)
	}
}

// pass gives the full buffer to an idle processor, or hashes it here.
func (s *Sums) pass() {
	s.busy.Wait() // bytes are hashed in order
	b := s.full[s.turn]
	s.turn = 1 - s.turn
	s.full[s.turn] = s.full[s.turn][:0] // nil before its first use
	s.busy.Add(1)
	if !s.Beside(func() { s.hash(b); s.busy.Done() }) {
		s.hash(b)
		s.busy.Done()
		s.alone = besidePause
	}
}

// Wait returns after the functions that Beside was given.
func (s *Sums) Wait() { s.busy.Wait() }

// Sum returns the digest of all bytes written so far. NewSums was given the algorithm.
func (s *Sums) Sum(algorithm string) string {
	s.Wait()
	s.hash(s.full[s.turn])
	s.full[s.turn] = s.full[s.turn][:0]
	return Sum(algorithm, s.hashes[slices.Index(s.names, algorithm)])
}

// tarRecord is the length of a record, in bytes: writers of tar pad an archive to whole records.
const tarRecord = 10240

// Pad adds the zeros that bring count bytes of a tar to whole records. It returns how many it added if the digest is
// then the one wanted, else 0. Tools that write zstd:chunked drop these zeros, although the diffID covers them.
func (s *Sums) Pad(count int64, want string) int64 {
	n := -count % tarRecord
	if n == 0 {
		return 0
	}
	n += tarRecord
	s.Write(make([]byte, n))
	if s.Sum(Algorithm(want)) != want {
		return 0
	}
	return n
}
