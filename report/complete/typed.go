package complete

import (
	"os"
	"strconv"
	"strings"

	"layup/analyze/expression"
	"layup/analyze/show"
)

// A typedWord is one word of a command line, with its quotes, up to the cursor if that is in it.
type typedWord struct {
	raw  string
	text string // what a shell makes of it, with variables and ~ expanded if the environment is enough for that
	open string // the quote that is open at its end: ' or " or $', or \ ; empty if none is
	cut  int    // where the part begins that the shell replaces with a candidate
}

// typedLine divides a command line up to the cursor into words. The last is the one being typed, empty after a space.
// It reports whether that is the target of a redirection: a file, whatever the command. It omits earlier redirections.
func typedLine(line string) (words []typedWord, redirected bool) {
	for {
		line = strings.TrimLeft(line, " \t\n")
		n := wordEnd(line)
		if n == 0 && line != "" { // < or > or another operator
			line, redirected = line[1:], strings.ContainsAny(line[:1], "<>")
			continue
		}
		last := n == len(line)
		if !redirected || last {
			words = append(words, readTyped(line[:n], ""))
		}
		if last {
			return words, redirected
		}
		line, redirected = line[n:], false
	}
}

// wordEnd returns where the first word of a line ends.
func wordEnd(line string) int {
	end, quote := 0, ""
	for end < len(line) {
		if quote == "" && strings.IndexByte(" \t\n<>|&;()", line[end]) >= 0 {
			return end
		}
		n, now := step(line[end:], quote)
		end, quote = end+n, now
	}
	return end
}

// number matches a backslash in $'…' with what it quotes: a byte as a number, or one character.
var number = expression.Lazy(`^\\([0-7]{1,3}|x[0-9A-Fa-f]{1,2}|(?s:.))?`)

// step returns the length of the first character or quote of a line, and which quote is open after it.
func step(line, quote string) (n int, open string) {
	switch {
	case line[0] == '\\' && quote == "$'":
		return len(number().FindString(line)), quote
	case line[0] == '\\' && quote != "'":
		return min(2, len(line)), quote
	case quote == "" && strings.HasPrefix(line, "$'"):
		return 2, "$'"
	case quote == "" && (line[0] == '\'' || line[0] == '"'):
		return 1, line[:1]
	case quote != "" && line[0] == quote[len(quote)-1]:
		return 1, ""
	}
	return 1, quote
}

// readTyped reads a word; breaks are the characters at which the shell also divides words for completion.
func readTyped(raw, breaks string) typedWord {
	w := typedWord{raw: raw}
	var b strings.Builder
	for i, quote := 0, ""; i < len(raw); {
		n, open := step(raw[i:], quote)
		part := raw[i : i+n]
		switch {
		case open != quote: // a quote itself
			if open != "" {
				w.cut = i + n
			}
		case part == `\` && quote != "'":
			open = `\`
		case n > 1 && part[0] == '\\':
			b.WriteString(escaped(part[1:], quote))
		default:
			b.WriteString(part)
		}
		i, quote = i+n, open
		w.open = open
	}
	if w.open == "" || w.open == `\` {
		w.cut = lastBreak(raw, breaks)
	}
	if w.text = b.String(); w.open == "" {
		w.text = expanded(raw, w.text)
	}
	return w
}

// letters are what stands for a control character after a backslash in $'…', and these characters.
const letters, controls = "abefnrtvE", "\a\b\x1b\f\n\r\t\v\x1b"

// escaped is what a backslash before c stands for. In $'…' c may be a number.
func escaped(c, quote string) string {
	switch {
	case quote == "$'" && (c[0] >= '0' && c[0] <= '7' || c[0] == 'x' && len(c) > 1):
		base := 8
		if c[0] == 'x' {
			c, base = c[1:], 16
		}
		n, _ := strconv.ParseUint(c, base, 16)
		return string([]byte{byte(n)})
	case quote == "$'":
		if i := strings.Index(letters, c); i >= 0 {
			return controls[i : i+1]
		}
		if c != `\` && c != "'" && c != `"` && c != "?" {
			return `\` + c
		}
	case quote == `"` && !strings.Contains("$`\"\\\n", c):
		return `\` + c
	case c == "\n":
		return ""
	}
	return c
}

// lastBreak returns the position after the last dividing character that is not quoted.
func lastBreak(raw, breaks string) int {
	cut := 0
	for i, quote := 0, ""; i < len(raw); {
		n, open := step(raw[i:], quote)
		if quote == "" && open == "" && n == 1 && strings.IndexByte(breaks, raw[i]) >= 0 {
			cut = i + 1
			if strings.IndexByte("$@", raw[i]) >= 0 { // these begin what is completed
				cut = i
			}
		}
		i, quote = i+n, open
	}
	return cut
}

// expanded replaces ~ with the home directory, and variables with their values if the word is not quoted. It never runs
// anything.
func expanded(raw, text string) string {
	if home, err := os.UserHomeDir(); err == nil && strings.HasPrefix(raw, "~/") {
		return home + text[1:]
	}
	if raw == text && !strings.ContainsAny(raw, "`(") {
		return os.ExpandEnv(text)
	}
	return text
}

// complete returns the word with rest after it, as the shell must insert it at w.cut.
func (w typedWord) complete(rest string) string {
	raw := w.raw
	if w.open == `\` {
		raw = raw[:len(raw)-1] // appended quotes what follows it once more
	}
	return raw[min(w.cut, len(raw)):] + appended(rest, w.open)
}

// quote closes the quote that is open at the word's end; empty if none is.
func (w typedWord) quote() string {
	if w.open == "" || w.open == `\` {
		return ""
	}
	return w.open[len(w.open)-1:]
}

// appended quotes what follows an open quote, or none. What a terminal could obey becomes $'…'.
func appended(s, open string) string {
	if trimmed := strings.Trim(s, " "); show.Safe(trimmed) != trimmed {
		quote := strings.TrimPrefix(open, `\`)
		switch quote {
		case "$'":
			return show.Octal(s, '\'')
		case "":
			return "$'" + show.Octal(s, '\'') + "'"
		}
		return quote + "$'" + show.Octal(s, '\'') + "'" + quote
	}
	switch open {
	case "'":
		return show.InQuotes(s)
	case "$'":
		return show.Octal(s, '\'')
	case `"`:
		s = backslashed(s, func(r rune) bool { return strings.ContainsRune("$`\"\\", r) })
		return strings.ReplaceAll(s, "!", `"'!'"`) // a backslash does not quote it there
	}
	return backslashed(s, func(r rune) bool { return r < 0x80 && show.Shell(string(r)) != string(r) || r == '^' })
}

// backslashed puts a backslash before the characters that need one.
func backslashed(s string, needs func(r rune) bool) string {
	var b strings.Builder
	for _, r := range s {
		if needs(r) {
			b.WriteByte('\\')
		}
		b.WriteRune(r)
	}
	return b.String()
}
