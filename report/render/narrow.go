package render

import "slices"

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
			sum += min(widths[i], sh.floor(i))
		} else {
			sum += widths[i]
		}
	}
	return sum
}

// floor is how narrow a column may become before columns that can be spared are left out.
func (sh *sheet) floor(i int) int {
	if i == len(sh.columns)-1 || sh.columns[i].Path {
		return readable
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
