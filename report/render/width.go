package render

import (
	"slices"
	"strings"
	"unicode/utf8"

	"github.com/clipperhouse/displaywidth"
)

// ellipsis stands for what was cut off.
const ellipsis = "…"

// displayWidth is how many columns of a terminal a safe string takes, counted by characters as terminals do.
func displayWidth(s string) int {
	width := 0
	for i := 0; i < len(s); i++ {
		if s[i] >= utf8.RuneSelf {
			for _, r := range s[i:] {
				width += displaywidth.Rune(r)
			}
			return width
		}
		width++
	}
	return width
}

// cutTo cuts a safe string to a width, the ellipsis included.
func cutTo(s string, most int) string {
	if displayWidth(s) <= most {
		return s
	}
	if most < 1 {
		return ""
	}
	return strings.TrimRight(s[:fitting(s, most-1)], " "+ellipsis) + ellipsis
}

// nearSpace is how many columns a cut gives up so that it is between words.
const nearSpace = 12

// cutWords is cutTo, but cuts between words if a space is near.
func cutWords(s string, most int) string {
	if displayWidth(s) <= most || most < 1 {
		return cutTo(s, most)
	}
	end := fitting(s, most-1)
	space := strings.LastIndexByte(s[:end], ' ')
	if s[end] != ' ' && space > 0 && displayWidth(s[space:end]) <= nearSpace {
		return strings.TrimRight(s[:space], " ") + " " + ellipsis
	}
	return cutTo(s, most)
}

// fitting returns how many bytes of a safe string fit into a width.
func fitting(s string, most int) (end int) {
	width := 0
	for i, r := range s {
		if width += displaywidth.Rune(r); width > most {
			break
		}
		end = i + utf8.RuneLen(r)
	}
	return end
}

// wrapTo divides a safe string into lines of a width, between words if there is a space.
func wrapTo(s string, most int) (lines []string) {
	for displayWidth(s) > most {
		end := fitting(s, most)
		if end == 0 {
			_, end = utf8.DecodeRuneInString(s) // wider than the column
		} else if space := strings.LastIndexByte(s[:end+1], ' '); space > 0 {
			end = space
		}
		lines, s = append(lines, strings.TrimRight(s[:end], " ")), strings.TrimLeft(s[end:], " ")
	}
	if s != "" || len(lines) == 0 {
		lines = append(lines, s)
	}
	return lines
}

// cutPath cuts a safe path to a width at its beginning, the ellipsis included: the end of a path says most. If the path
// fits, the target of a symlink is cut at its end.
func cutPath(s string, most int) string {
	if displayWidth(s) <= most {
		return s
	}
	if name, _, link := strings.Cut(s, " -> "); link {
		if displayWidth(name+" -> ") < most {
			return cutTo(s, most)
		}
		if s = name; displayWidth(s) <= most {
			return s
		}
	}
	width, begin := 0, len(s)
	for begin > 0 {
		r, size := utf8.DecodeLastRuneInString(s[:begin])
		width += displaywidth.Rune(r)
		if width > most-1 {
			return ellipsis + s[begin:]
		}
		begin -= size
	}
	return s
}

// narrow leaves columns out of the sheet and of its first rows if the terminal is too narrow for what remains after
// cutting: what would be lost at the end of the line is the answer. It returns the columns that stay; nil are all.
func (sh *sheet) narrow(first [][]string) []int {
	if sh.terminal.Width == 0 || !slices.ContainsFunc(sh.columns, func(c Column) bool { return c.Spare }) {
		return nil
	}
	widths := sh.measure(first)
	keep := make([]int, len(widths))
	for i := range keep {
		keep[i] = i
	}
	for i, c := range slices.Backward(sh.columns) {
		if c.Spare && sh.least(widths, keep) > sh.terminal.Width {
			keep = slices.DeleteFunc(keep, func(k int) bool { return k == i })
		}
	}
	if len(keep) == len(widths) {
		return nil
	}
	sh.columns = only(sh.columns, keep)
	for i, row := range first {
		first[i] = only(row, keep)
	}
	return keep
}

// least is how wide the columns must be together: cut as far as they may be, and the answer readable.
func (sh *sheet) least(widths, keep []int) int {
	sum := len(gap) * (len(keep) - 1)
	for _, i := range keep {
		if last := i == len(widths)-1; last || sh.columns[i].cuts() {
			sum += min(widths[i], sh.floor(i, readable))
		} else {
			sum += widths[i]
		}
	}
	return sum
}

// floor is how narrow a column may become if those that hold the answer must not be narrower than the width answer: a
// path, the first column, which names what the row is about, and the last one.
func (sh *sheet) floor(i, answer int) int {
	if i == 0 || i == len(sh.columns)-1 || sh.columns[i].Path {
		return answer
	}
	return narrowest
}

// only returns the elements at the places to keep; nil are all.
func only[T any](list []T, keep []int) []T {
	if keep == nil {
		return list
	}
	kept := make([]T, 0, len(keep))
	for _, i := range keep {
		if i < len(list) {
			kept = append(kept, list[i])
		}
	}
	return kept
}
