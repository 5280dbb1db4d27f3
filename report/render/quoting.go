package render

import (
	"strconv"
	"strings"
	"unicode"
	"unicode/utf8"
)

// maxMarks is how many combining marks may stand on one character; no script needs more, and a pile of them paints over the lines around.
const maxMarks = 8

// Safe makes a string from an image harmless for a terminal, so that its exact bytes can be told.
//
// A string of printable characters stays as it is, backslashes included. All others are written in the $'…' form that
// bash, zsh and ksh read, so that a name can be pasted into a command: \n, \t and \r; \xNN for other control characters
// below U+0080 and for each byte that is no UTF-8; \uNNNN and \UNNNNNNNN for characters above that are not printable
// or not visible (C1 controls, bidirectional and zero width characters, tags, variation selectors, odd spaces, private
// and unassigned code points, piled up combining marks); \\ and \' for the two that this form itself needs.
// Spaces at an end, and a string that itself begins with $', are quoted too, so that no two strings look the same.
func Safe(s string) string {
	if harmless(s) {
		return s
	}
	b := append(make([]byte, 0, len(s)+16), "$'"...)
	marks := maxMarks
	for i := 0; i < len(s); {
		r, n := utf8.DecodeRuneInString(s[i:])
		switch {
		case r == utf8.RuneError && n == 1:
			b, marks = appendHex(b, s[i]), maxMarks
		case odd(r), combining(r) && marks >= maxMarks:
			b, marks = appendEscape(b, r), maxMarks
		case combining(r):
			b, marks = append(b, s[i:i+n]...), marks+1
		case r == '\\' || r == '\'':
			b, marks = append(b, '\\', byte(r)), 0
		default:
			b, marks = append(b, s[i:i+n]...), 0
		}
		i += n
	}
	return string(append(b, '\''))
}

// harmless reports whether a string can be shown as it is.
func harmless(s string) bool {
	if s == "" {
		return true
	}
	if s[0] == ' ' || s[len(s)-1] == ' ' || strings.HasPrefix(s, "$'") {
		return false
	}
	i := 0
	for i < len(s) && s[i] >= ' ' && s[i] <= '~' {
		i++
	}
	marks := maxMarks
	if i > 0 {
		marks = 0
	}
	for ; i < len(s); marks++ {
		r, n := utf8.DecodeRuneInString(s[i:])
		switch {
		case r == utf8.RuneError && n == 1, odd(r):
			return false
		case !combining(r):
			marks = -1
		case marks >= maxMarks:
			return false
		}
		i += n
	}
	return true
}

// odd reports whether a character does something to a terminal, or shows nothing that a reader could tell.
func odd(r rune) bool {
	if r < utf8.RuneSelf {
		return r < ' ' || r == 0x7f
	}
	const brailleBlank = 0x2800
	return !strconv.IsPrint(r) || r == brailleBlank ||
		unicode.In(r, unicode.Variation_Selector, unicode.Other_Default_Ignorable_Code_Point)
}

// combining reports whether a character is painted over the one before.
func combining(r rune) bool { return r >= 0x300 && unicode.In(r, unicode.Mn, unicode.Me) }

const hexDigits = "0123456789abcdef"

func appendHex(b []byte, c byte) []byte {
	return append(b, '\\', 'x', hexDigits[c>>4], hexDigits[c&15])
}

// appendEscape writes a character in the notation of Safe.
func appendEscape(b []byte, r rune) []byte {
	switch {
	case r == '\n':
		return append(b, `\n`...)
	case r == '\t':
		return append(b, `\t`...)
	case r == '\r':
		return append(b, `\r`...)
	case r < utf8.RuneSelf:
		return appendHex(b, byte(r))
	case r <= 0xffff:
		return appendDigits(append(b, `\u`...), r, 4)
	}
	return appendDigits(append(b, `\U`...), r, 8)
}

func appendDigits(b []byte, r rune, n int) []byte {
	for shift := 4 * (n - 1); shift >= 0; shift -= 4 {
		b = append(b, hexDigits[r>>shift&15])
	}
	return b
}
