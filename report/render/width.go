package render

import (
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
	width, end := 0, 0
	for i, r := range s {
		width += displaywidth.Rune(r)
		if width > most-1 {
			break
		}
		end = i + utf8.RuneLen(r)
	}
	return strings.TrimRight(s[:end], " ") + ellipsis
}

// cutFront cuts a safe string to a width at its beginning, the ellipsis included: the end of a path says most.
func cutFront(s string, most int) string {
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
