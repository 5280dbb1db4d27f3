package call

import (
	"cmp"
	"slices"
	"strings"
)

// Nearest returns the name most like what was typed, or nothing if none is like it.
func Nearest(typed string, names []string) string {
	type rated struct {
		name     string
		distance int
	}
	var best []rated
	for _, name := range names {
		d := distance(strings.ToLower(typed), name)
		if strings.HasPrefix(name, typed) && len(typed) > 1 {
			d = min(d, 1)
		}
		if d <= max(1, min(len(typed), len(name))/3) {
			best = append(best, rated{name, d})
		}
	}
	if len(best) == 0 {
		return ""
	}
	return slices.MinFunc(best, func(a, b rated) int { return cmp.Compare(a.distance, b.distance) }).name
}

// distance counts the bytes to insert, delete, replace or swap with their neighbour to make b of a.
func distance(a, b string) int {
	if len(a) > 64 { // no name of ours is that long: do not compute
		return len(a)
	}
	before, last, row := []int(nil), make([]int, len(b)+1), make([]int, len(b)+1)
	for j := range last {
		last[j] = j
	}
	for i := range len(a) {
		row[0] = i + 1
		for j := range len(b) {
			cost := 1
			if a[i] == b[j] {
				cost = 0
			}
			row[j+1] = min(last[j]+cost, last[j+1]+1, row[j]+1)
			if i > 0 && j > 0 && a[i] == b[j-1] && a[i-1] == b[j] {
				row[j+1] = min(row[j+1], before[j-1]+1)
			}
		}
		before, last, row = last, row, make([]int, len(b)+1)
	}
	return last[len(b)]
}
