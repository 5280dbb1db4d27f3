// Package unified compares texts line by line, as diff -u does.
package unified

import (
	"bytes"
	"fmt"
	"slices"
)

// context is the number of equal lines around changes.
const context = 3

// A Hunk is a piece of two texts with changes. A and B are the first lines, counted from 1. If a text has no line in
// the hunk, it is the line before.
type Hunk struct {
	A, LenA, B, LenB int
	Lines            []Line
}

// A Line is a line of a hunk. The sign is ' ' for a line of both texts, '-' of the first, '+' of the second. The text
// includes the line feed, unless the last line has none.
type Line struct {
	Sign byte
	Text []byte
}

// Header returns the first line of a hunk, without its line feed.
func (h Hunk) Header() string {
	return "@@ -" + span(h.A, h.LenA) + " +" + span(h.B, h.LenB) + " @@"
}

func span(at, n int) string {
	if n == 1 {
		return fmt.Sprint(at)
	}
	return fmt.Sprintf("%d,%d", at, n)
}

// Text reports whether content can be compared line by line: it has no NUL.
func Text(content []byte) bool { return bytes.IndexByte(content, 0) < 0 }

// Hunks returns the differences of two texts, with three lines around each change. Time and memory are linear in the
// sizes of the texts, so texts with little in common may get more changes than necessary.
func Hunks(a, b []byte) []Hunk {
	linesA, linesB := slices.Collect(bytes.Lines(a)), slices.Collect(bytes.Lines(b))
	numbers := make(map[string]int, len(linesA))
	matches := Align(number(linesA, numbers), number(linesB, numbers))
	matches = append(matches, Match{len(linesA), len(linesB), 0})
	var hunks []Hunk
	i, j := 0, 0 // the lines before are in hunks, or not needed
	open := false
	for _, m := range matches {
		if m.A > i || m.B > j { // a change
			if !open {
				hunks, open = append(hunks, Hunk{A: i, B: j}), true
			}
			h := &hunks[len(hunks)-1]
			h.add('-', linesA[i:m.A])
			h.add('+', linesB[j:m.B])
		}
		i, j = m.A, m.B
		last := m.A+m.Len == len(linesA) && m.B+m.Len == len(linesB)
		equal := linesA[i : i+m.Len]
		if open && (last || m.Len > 2*context) {
			hunks[len(hunks)-1].add(' ', equal[:min(context, m.Len)])
			open = false
		}
		if open {
			hunks[len(hunks)-1].add(' ', equal)
		} else if before := min(context, m.Len); !last {
			hunks, open = append(hunks, Hunk{A: i + m.Len - before, B: j + m.Len - before}), true
			hunks[len(hunks)-1].add(' ', equal[m.Len-before:])
		}
		i, j = i+m.Len, j+m.Len
	}
	return settled(hunks)
}

// settled drops hunks without changes and numbers lines from 1.
func settled(hunks []Hunk) []Hunk {
	var kept []Hunk
	for _, h := range hunks {
		if slices.ContainsFunc(h.Lines, func(l Line) bool { return l.Sign != ' ' }) {
			if h.LenA > 0 {
				h.A++
			}
			if h.LenB > 0 {
				h.B++
			}
			kept = append(kept, h)
		}
	}
	return kept
}

func (h *Hunk) add(sign byte, lines [][]byte) {
	for _, l := range lines {
		h.Lines = append(h.Lines, Line{sign, l})
	}
	if sign != '+' {
		h.LenA += len(lines)
	}
	if sign != '-' {
		h.LenB += len(lines)
	}
}

// number gives equal lines equal numbers.
func number(lines [][]byte, numbers map[string]int) []int {
	list := make([]int, len(lines))
	for i, l := range lines {
		n, ok := numbers[string(l)]
		if !ok {
			n = len(numbers)
			numbers[string(l)] = n
		}
		list[i] = n
	}
	return list
}
