package report

import (
	"strings"
	"unicode/utf8"

	"layup/report/render"
)

// plain holds what a shell leaves as it is, besides letters and digits.
const plain = "/._-+:@=,%^"

// quoted returns an argument as a shell takes it, so that a hint can be pasted; names of an image may hold any byte.
func quoted(arg string) string {
	if safe := render.Safe(arg); safe != arg {
		return safe // the $'…' form, which a shell reads
	}
	for _, r := range arg {
		alnum := r >= 'a' && r <= 'z' || r >= 'A' && r <= 'Z' || r >= '0' && r <= '9'
		if !alnum && !strings.ContainsRune(plain, r) {
			return "'" + strings.ReplaceAll(arg, "'", `'\''`) + "'"
		}
	}
	if arg == "" {
		return "''"
	}
	return arg
}

// harmless escapes in a message what a terminal would obey: the net below those who quote the strings they put into it.
func harmless(message string) string {
	if render.Safe(message) == message {
		return message
	}
	var b strings.Builder
	for len(message) > 0 {
		_, n := utf8.DecodeRuneInString(message)
		r := message[:n]
		if safe := render.Safe(r); r != " " && safe != r {
			r = strings.TrimSuffix(strings.TrimPrefix(safe, "$'"), "'")
		}
		b.WriteString(r)
		message = message[n:]
	}
	return b.String()
}

// harmlessLines is harmless for each line of a text.
func harmlessLines(text string) string {
	lines := strings.Split(text, "\n")
	for i, line := range lines {
		lines[i] = harmless(line)
	}
	return strings.Join(lines, "\n")
}
