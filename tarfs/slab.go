package tarfs

// slabSize is how many items a slab holds.
const slabSize = 1 << slabBits

const slabBits = 12

// A slab list is a slice that grows without copying what it holds, so that a million entries cost their own size and no garbage. Only the
// first slab grows by copying, for most layers are small: pointers into a list are good until the next add.
type slabs[T any] struct {
	list [][]T
	n    uint32
}

// at returns the item of a number below n.
func (s *slabs[T]) at(i uint32) *T { return &s.list[i>>slabBits][i&(slabSize-1)] }

// add appends an item and returns its number.
func (s *slabs[T]) add(item T) uint32 {
	k := int(s.n >> slabBits)
	if k == len(s.list) {
		var slab []T
		if k > 0 {
			slab = make([]T, 0, slabSize)
		}
		s.list = append(s.list, slab)
	}
	s.list[k] = append(s.list[k], item)
	s.n++
	return s.n - 1
}

// reset empties the list and keeps its memory.
func (s *slabs[T]) reset() {
	for i := range s.list {
		s.list[i] = s.list[i][:0]
	}
	s.n = 0
}
