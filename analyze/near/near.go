// Package near finds the word that somebody meant. It has the only edit distance of the program.
package near

import "strings"

// maxWord is the longest word, in bytes, that is compared with others: no name of a flag, command or format is as long.
const maxWord = 64

// Word returns the name most like what was typed, or "" if none is like it: at most a third of the letters may differ.
// What was typed may also be the beginning of the name. Letter case counts only in names that have upper case.
func Word(typed string, names []string) string {
	best, least := "", maxWord
	if len(typed) > maxWord {
		return ""
	}
	for _, name := range names {
		most := max(1, min(len(typed), len(name))/3)
		d := min(Distance(typed, name, most+1), Distance(strings.ToLower(typed), name, most+1))
		if len(typed) > 1 && strings.HasPrefix(name, typed) {
			d = min(d, 1)
		}
		if d <= most && d < least {
			best, least = name, d
		}
	}
	return best
}

// Hint is the end of a message, "did you mean NAME?", or "" if no name is like what was typed.
func Hint(typed string, names []string) string {
	if name := Word(typed, names); name != "" {
		return Meant(name)
	}
	return ""
}

// Meant asks whether a word, a path or a whole command was meant. All messages use this form.
func Meant(what string) string { return "did you mean " + what + "?" }

// Distance returns how many bytes must be inserted, deleted, changed or swapped with their neighbour to turn a into b,
// or limit if there are limit or more. It costs at most len(a) times limit steps, so it suits many long names.
func Distance(a, b string, limit int) int {
	if len(a)-len(b) >= limit || len(b)-len(a) >= limit {
		return limit
	}
	before, last, row := make([]int, len(b)+1), make([]int, len(b)+1), make([]int, len(b)+1)
	for j := range last {
		last[j] = j
	}
	for i := range len(a) {
		low, high := max(0, i-limit), min(len(b), i+limit+1) // what lies outside differs by limit or more
		if row[low] = limit; low == 0 {
			row[0] = i + 1
		}
		least := row[low]
		for j := low; j < high; j++ {
			cost := last[j]
			if a[i] != b[j] {
				cost = 1 + min(cost, row[j], last[j+1])
				if i > 0 && j > 0 && a[i] == b[j-1] && a[i-1] == b[j] {
					cost = min(cost, 1+before[j-1])
				}
			}
			row[j+1] = cost
			least = min(least, cost)
		}
		if high < len(b) {
			row[high+1] = limit
		}
		if least >= limit {
			return limit
		}
		before, last, row = last, row, before
	}
	return min(last[len(b)], limit)
}
