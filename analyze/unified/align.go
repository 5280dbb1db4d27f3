package unified

// A Match is a run of equal elements in two sequences.
type Match struct{ A, B, Len int }

// Align returns a longest common subsequence of two sequences as runs, in order. If the sequences differ so much that
// this takes too long, it is not always the longest. Source: E. Myers, An O(ND) Difference Algorithm and Its
// Variations, 1986, the variation in linear space.
func Align(a, b []int) []Match {
	commonA, one := common(a, b)
	commonB, two := common(b, a)
	n := len(commonA) + len(commonB)
	s := &search{
		a: commonA, goneA: make([]bool, len(commonA)), b: commonB, goneB: make([]bool, len(commonB)),
		ahead: make([]int, n+3), back: make([]int, n+3), offset: len(commonB) + 1,
		patience: max(leastPatience, min(work/max(n, 1), mostPatience)),
	}
	s.run(box{0, len(s.a), 0, len(s.b)})
	var matches []Match
	x, y := 0, 0
	for {
		for x < len(s.a) && s.goneA[x] {
			x++
		}
		for y < len(s.b) && s.goneB[y] {
			y++
		}
		if x == len(s.a) || y == len(s.b) {
			return matches
		}
		i, j := one[x], two[y]
		if n := len(matches) - 1; n >= 0 && matches[n].A+matches[n].Len == i && matches[n].B+matches[n].Len == j {
			matches[n].Len++
		} else {
			matches = append(matches, Match{i, j, 1})
		}
		x, y = x+1, y+1
	}
}

// common returns the elements that the other sequence also has, and their places. All other elements differ for
// certain.
func common(list, other []int) (elements, places []int) {
	there := make(map[int]bool, len(other))
	for _, v := range other {
		there[v] = true
	}
	for i, v := range list {
		if there[v] {
			elements, places = append(elements, v), append(places, i)
		}
	}
	return elements, places
}

// A box is a range of both sequences.
type box struct{ a0, a1, b0, b1 int }

// A search finds the elements that are not in the common subsequence. A diagonal is a place in a minus a place in b.
type search struct {
	a, b         []int
	goneA, goneB []bool
	ahead, back  []int // by diagonal + offset: the place in a that the path from either end has reached
	offset       int
	patience     int // edits to try from either end before taking the best so far
}

// work is roughly the number of steps of a search at most. The patience has its own bounds: short sequences are aligned
// exactly.
const (
	work          = 1 << 26
	leastPatience = 64
	mostPatience  = 2048
)

// run aligns a box: equal elements at both ends, then the two boxes before and after a point of the path.
func (s *search) run(first box) {
	todo := []box{first}
	for len(todo) > 0 {
		x := todo[len(todo)-1]
		todo = todo[:len(todo)-1]
		for x.a0 < x.a1 && x.b0 < x.b1 && s.a[x.a0] == s.b[x.b0] {
			x.a0, x.b0 = x.a0+1, x.b0+1
		}
		for x.a0 < x.a1 && x.b0 < x.b1 && s.a[x.a1-1] == s.b[x.b1-1] {
			x.a1, x.b1 = x.a1-1, x.b1-1
		}
		i, j := x.a0, x.b0
		if x.a0 < x.a1 && x.b0 < x.b1 {
			i, j = s.split(x)
		}
		if i == x.a0 && j == x.b0 || i == x.a1 && j == x.b1 { // nothing in common, or one is empty
			for k := x.a0; k < x.a1; k++ {
				s.goneA[k] = true
			}
			for k := x.b0; k < x.b1; k++ {
				s.goneB[k] = true
			}
			continue
		}
		todo = append(todo, box{x.a0, i, x.b0, j}, box{i, x.a1, j, x.b1})
	}
}

// A front is the range of diagonals that the paths from one end have reached.
type front struct{ low, high int }

// grow widens the range by one edit, within the box. A round uses every second diagonal from low to high.
func (f *front) grow(x box, reached []int, offset, nowhere int) {
	if f.low > x.a0-x.b1 {
		f.low--
		reached[f.low-1+offset] = nowhere
	} else {
		f.low++
	}
	if f.high < x.a1-x.b0 {
		f.high++
		reached[f.high+1+offset] = nowhere
	} else {
		f.high--
	}
}

// split searches from both ends at once and returns the point where the paths meet. If patience ends first, it returns
// the farthest point of either.
func (s *search) split(x box) (i, j int) {
	start, end := x.a0-x.b0, x.a1-x.b1
	odd := (start-end)&1 != 0
	f, b := front{start, start}, front{end, end}
	s.ahead[start+s.offset], s.back[end+s.offset] = x.a0, x.a1
	s.ahead[start-1+s.offset], s.ahead[start+1+s.offset] = -1, -1
	s.back[end-1+s.offset], s.back[end+1+s.offset] = len(s.a)+1, len(s.a)+1
	for range s.patience {
		f.grow(x, s.ahead, s.offset, -1)
		if i, d, met := s.forward(x, f, b, odd); met {
			return i, i - d
		}
		b.grow(x, s.back, s.offset, len(s.a)+1)
		if i, d, met := s.backward(x, f, b, odd); met {
			return i, i - d
		}
	}
	return s.farthest(x, f, b)
}

// forward moves every path from the beginning by one edit and by the equal elements after it.
func (s *search) forward(x box, f, b front, odd bool) (i, d int, met bool) {
	for d := f.high; d >= f.low; d -= 2 {
		i := max(s.ahead[d-1+s.offset]+1, s.ahead[d+1+s.offset])
		for i < x.a1 && i-d < x.b1 && s.a[i] == s.b[i-d] {
			i++
		}
		s.ahead[d+s.offset] = i
		if odd && d >= b.low && d <= b.high && s.back[d+s.offset] <= i {
			return i, d, true
		}
	}
	return 0, 0, false
}

// backward moves every path from the end by one edit and by the equal elements before it.
func (s *search) backward(x box, f, b front, odd bool) (i, d int, met bool) {
	for d := b.high; d >= b.low; d -= 2 {
		i := min(s.back[d-1+s.offset], s.back[d+1+s.offset]-1)
		for i > x.a0 && i-d > x.b0 && s.a[i-1] == s.b[i-1-d] {
			i--
		}
		s.back[d+s.offset] = i
		if !odd && d >= f.low && d <= f.high && i <= s.ahead[d+s.offset] {
			return i, d, true
		}
	}
	return 0, 0, false
}

// farthest returns the point that is farthest from the beginning or from the end.
func (s *search) farthest(x box, f, b front) (i, j int) {
	done := -1
	for d := f.high; d >= f.low; d -= 2 {
		at := min(s.ahead[d+s.offset], x.a1, x.b1+d)
		if at >= x.a0 && at-d >= x.b0 && at-x.a0+at-d-x.b0 > done {
			done, i, j = at-x.a0+at-d-x.b0, at, at-d
		}
	}
	for d := b.high; d >= b.low; d -= 2 {
		at := max(s.back[d+s.offset], x.a0, x.b0+d)
		if at <= x.a1 && at-d <= x.b1 && x.a1-at+x.b1-(at-d) > done {
			done, i, j = x.a1-at+x.b1-(at-d), at, at-d
		}
	}
	return i, j
}
