// Package show writes texts and numbers for people: names that cannot harm a terminal, words for a shell, sizes and
// counts.
package show

import (
	"fmt"
	"strconv"
	"strings"
	"unicode"
	"unicode/utf8"
)

// maxMarks is how many combining marks one character may have. No script needs more, and more would cover other lines.
const maxMarks = 8

// Safe makes a text from an image harmless for a terminal and still shows its exact bytes.
//
// A text of printable characters stays as it is, backslashes included. All others are in the $'…' form of bash, zsh and
// ksh, and can be pasted into a command. Its escapes are \n, \t, \r, \\ and \'; \xNN for other control characters below
// U+0080 and for bytes that are not UTF-8; \uNNNN and \UNNNNNNNN for other characters that nobody sees (C1 controls,
// bidirectional and zero-width characters, tags, variation selectors, odd spaces, private and unassigned code points,
// piled up combining marks). A text with spaces at an end, or one that begins with $', is also quoted: no two texts
// look alike.
func Safe(s string) string {
	if harmless(s) {
		return s
	}
	return string(append(appendSafe(append(make([]byte, 0, len(s)+16), "$'"...), s, true), '\''))
}

// Line escapes what a terminal would obey, line breaks included, and leaves the rest of a message as it is. It protects
// messages that forget to quote.
func Line(message string) string {
	if harmless(message) {
		return message
	}
	return string(appendSafe(make([]byte, 0, len(message)+16), message, false))
}

// Lines is Line for each line of a text.
func Lines(text string) string {
	lines := strings.Split(text, "\n")
	for i, line := range lines {
		lines[i] = Line(line)
	}
	return strings.Join(lines, "\n")
}

// Shell quotes an argument for a shell: the command can be pasted. It may hold any bytes except NUL.
func Shell(arg string) string {
	if safe := Safe(arg); safe != arg {
		return safe
	}
	plain := func(r rune) bool {
		return r >= 'a' && r <= 'z' || r >= 'A' && r <= 'Z' || r >= '0' && r <= '9' || strings.ContainsRune("/._-+:@=,%^", r)
	}
	if arg == "" || strings.ContainsFunc(arg, func(r rune) bool { return !plain(r) }) {
		return "'" + InQuotes(arg) + "'"
	}
	return arg
}

// InQuotes returns an argument as a shell takes it between single quotes.
func InQuotes(arg string) string { return strings.ReplaceAll(arg, "'", `'\''`) }

// Masked stands for a password or a token, and does not tell its length.
const Masked = "********"

// OneLine is a text with single spaces instead of all white space.
func OneLine(s string) string { return strings.Join(strings.Fields(s), " ") }

// MaxCut is how many bytes of a text Cut keeps.
const MaxCut = 80

// Cut quotes a text from an image, cut to MaxCut bytes.
func Cut(s string) string { return CutTo(s, MaxCut) }

// CutTo is Cut with a given number of bytes.
func CutTo(s string, most int) string {
	if len(s) > most {
		return strconv.Quote(s[:most]) + "…"
	}
	return strconv.Quote(s)
}

// Path quotes the name of a file, which may be longer than other texts.
func Path(name string) string { return CutTo(name, 200) }

// Octal writes each byte that is not printable ASCII as a backslash and three octal digits, and a backslash before
// other backslashes and before the quotes around the text: what C and the $'…' form of shells read.
func Octal(s string, quote byte) string {
	var b []byte
	for _, c := range []byte(s) {
		switch {
		case c == quote || c == '\\':
			b = append(b, '\\', c)
		case c < ' ' || c > '~':
			b = fmt.Appendf(b, `\%03o`, c)
		default:
			b = append(b, c)
		}
	}
	return string(b)
}

// appendSafe writes a text with escapes for odd characters and, if quoted is set, for backslashes and quotes.
func appendSafe(b []byte, s string, quoted bool) []byte {
	marks := maxMarks
	for i := 0; i < len(s); {
		r, n := utf8.DecodeRuneInString(s[i:])
		switch {
		case r == utf8.RuneError && n == 1:
			b, marks = fmt.Appendf(b, `\x%02x`, s[i]), maxMarks
		case Odd(r), combining(r) && marks >= maxMarks:
			b, marks = appendEscape(b, r), maxMarks
		case combining(r):
			b, marks = append(b, s[i:i+n]...), marks+1
		case quoted && (r == '\\' || r == '\''):
			b, marks = append(b, '\\', byte(r)), 0
		default:
			b, marks = append(b, s[i:i+n]...), 0
		}
		i += n
	}
	return b
}

// harmless reports whether a text can be shown as it is.
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
		case r == utf8.RuneError && n == 1, Odd(r):
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

// Odd reports whether a character may control a terminal or is invisible.
func Odd(r rune) bool {
	if r < utf8.RuneSelf {
		return r < ' ' || r == 0x7f
	}
	const brailleBlank = 0x2800
	return !strconv.IsPrint(r) || r == brailleBlank ||
		unicode.In(r, unicode.Variation_Selector, unicode.Other_Default_Ignorable_Code_Point)
}

// combining reports whether a character is drawn over the previous one.
func combining(r rune) bool { return r >= 0x300 && unicode.In(r, unicode.Mn, unicode.Me) }

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
		return fmt.Appendf(b, `\x%02x`, r)
	case r <= 0xffff:
		return fmt.Appendf(b, `\u%04x`, r)
	}
	return fmt.Appendf(b, `\U%08x`, r)
}
