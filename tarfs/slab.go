package tarfs

const (
	slabBits = 12
	slabSize = 1 << slabBits // items of a slab
)

// slabs is a slice that grows without copying its items, so a million entries cost their own size and no garbage. Only
// the first slab grows by copying, because most layers are small: a pointer to an item is valid until the next add.
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

// cut drops the items from a number on, and keeps their memory.
func (s *slabs[T]) cut(n uint32) {
	for k := int(n >> slabBits); k < len(s.list); k++ {
		s.list[k] = s.list[k][:max(0, min(len(s.list[k]), int(n)-k<<slabBits))]
	}
	s.n = n
}

// reset empties the list and keeps its memory.
func (s *slabs[T]) reset() {
	for i := range s.list {
		s.list[i] = s.list[i][:0]
	}
	s.n = 0
}

const (
	chunkBits = 20
	chunkSize = 1 << chunkBits // bytes of a chunk; a longer text has a chunk of its own
)

// An arena holds texts. Like slabs, it grows without copying, so a text never crosses a chunk. An offset is the number
// of the chunk times its size, plus the place in the chunk. So adding n to the offset of a text skips its first n
// bytes, if the text is shorter than a chunk.
type arena struct {
	chunks [][]byte
	total  int // bytes
}

// put appends a text and returns its offset.
func (a *arena) put(b []byte) uint32 {
	last := len(a.chunks) - 1
	if last < 0 || len(a.chunks[last])+len(b) > chunkSize {
		var chunk []byte
		if last >= 0 {
			chunk = make([]byte, 0, max(chunkSize, len(b)))
		}
		a.chunks = append(a.chunks, chunk)
		last++
	}
	at := uint32(last)<<chunkBits + uint32(len(a.chunks[last]))
	a.chunks[last] = append(a.chunks[last], b...)
	a.total += len(b)
	return at
}

// full reports whether offsets may overflow if texts of n bytes together are added.
func (a *arena) full(n int) bool { return len(a.chunks)+2*(n>>chunkBits)+2 > 1<<(32-chunkBits) }

// bytes returns a text, or a piece of one.
func (a *arena) bytes(off uint32, n int) []byte {
	if n == 0 {
		return nil
	}
	at := int(off & (chunkSize - 1))
	return a.chunks[off>>chunkBits][at : at+n : at+n]
}
