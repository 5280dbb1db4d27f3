package store

import (
	"sync"

	"layup/tarfs"
)

// Spare is memory that reading and comparing one layer leaves for the next. The zero Spare is ready to use; several
// goroutines may use it at once.
type Spare struct{ comparers, splits sync.Pool }

func (l *Layout) spare() *Spare {
	if l.Spare == nil {
		return new(Spare)
	}
	return l.Spare
}

func (s *Spare) comparer() *comparer {
	if c, ok := s.comparers.Get().(*comparer); ok {
		return c
	}
	return &comparer{spare: s, pile: tarfs.NewPile(tarfs.Runtime)}
}

func (s *Spare) split() *splitReader {
	if r, ok := s.splits.Get().(*splitReader); ok {
		return r
	}
	return &splitReader{spare: s}
}
