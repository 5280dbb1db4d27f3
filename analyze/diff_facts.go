package analyze

// A DiffStat counts what differs.
type DiffStat struct {
	Added, Removed, Changed int
	By                      map[Aspect]int // the part of Changed by single aspect; a path may count in several
	BytesAdded              int64          // sizes of files that only B has
	BytesRemoved            int64          // sizes of files that only A has
	BytesBefore, BytesAfter int64          // sizes of files that changed
	DirTimes                int            // directories that differ only in their time
}

// Paths is how many paths differ.
func (s *DiffStat) Paths() int { return s.Added + s.Removed + s.Changed }

// Count adds a difference.
func (s *DiffStat) Count(d Difference) {
	switch d.Change {
	case Added:
		s.Added++
		s.BytesAdded += d.B.Size()
		return
	case Removed:
		s.Removed++
		s.BytesRemoved += d.A.Size()
		return
	}
	s.Changed++
	s.BytesBefore += d.A.Size()
	s.BytesAfter += d.B.Size()
	if d.What == DirMTime {
		s.DirTimes++
	}
	if s.By == nil {
		s.By = map[Aspect]int{}
	}
	for bit := Content; bit < LayerStack; bit <<= 1 {
		if d.What&bit != 0 {
			s.By[bit]++
		}
	}
}

// Stat counts the paths that differ.
func (c *Comparison) Stat() *DiffStat {
	s := &DiffStat{}
	for d := range c.Paths() {
		s.Count(d)
	}
	return s
}
