package complete

import (
	"errors"
	"strconv"
	"strings"
	"testing"
	"unicode/utf8"

	"layup/analyze/show"
)

// FuzzCompletedWord types the beginning of a name in one of the ways to quote it, lets it be completed, and reads the
// word as bash does. Whatever the name is, the shell runs nothing and gets the name.
func FuzzCompletedWord(f *testing.F) {
	for _, name := range []string{"it's", "$(id)", "a`id`b", "a\nb", "~x", "#x", " two  blanks ", `back\slash`, "!!",
		"{a,b}", "x;y|z&", "*?[a]", "latin-\xe9", "\u202egnp", "a:b=c@d", `"q"`, "\x1b[2J", "^x^y"} {
		for style := range uint8(4) {
			f.Add(name, uint8(1), style, true)
		}
	}
	f.Fuzz(func(t *testing.T, name string, typed, style uint8, bash bool) {
		if strings.IndexByte(name, 0) >= 0 || name == "" {
			return
		}
		n := int(typed) % (len(name) + 1)
		for n > 0 && n < len(name) && !utf8.RuneStart(name[n]) {
			n--
		}
		breaks := ""
		if bash {
			breaks = " \t\n\"'@><=;|&(:"
		}
		raw := []string{"", "'", `"`, "$'"}[style%4]
		raw += appended(name[:n], raw)
		w := readTyped(raw, breaks)
		if w.text != name[:n] {
			t.Fatalf("typed %q for %q: read %q", raw, name[:n], w.text)
		}
		line := raw[:w.cut] + w.complete(name[n:]) + w.quote()
		if got, err := readAsBash(line); err != nil || got != name {
			t.Errorf("typed %q for %q: completed %q: the shell reads %q, %v", raw, name, line, got, err)
		}
	})
}

// readAsBash reads one word as an interactive bash does. It is an error if bash would do anything but quote removal.
func readAsBash(line string) (string, error) {
	var b strings.Builder
	quote := ""
	for i := 0; i < len(line); i++ {
		c := line[i]
		switch {
		case quote == "" && strings.HasPrefix(line[i:], "$'"):
			quote, i = "$'", i+1
		case quote == "" && (c == '\'' || c == '"'):
			quote = string(c)
		case quote != "" && c == quote[len(quote)-1]:
			quote = ""
		case c == '\\' && quote != "'" && i+1 == len(line):
			return "", errors.New("a backslash quotes nothing")
		case c == '\\' && quote == "$'" && line[i+1] >= '0' && line[i+1] <= '7':
			n, err := strconv.ParseUint(line[i+1:min(i+4, len(line))], 8, 8)
			if err != nil {
				return "", err
			}
			b.WriteByte(byte(n))
			i += 3
		case c == '\\' && quote == "", c == '\\' && quote == `"` && strings.IndexByte("$`\"\\", line[i+1]) >= 0,
			c == '\\' && quote == "$'" && strings.IndexByte(`\'`, line[i+1]) >= 0:
			i++
			b.WriteByte(line[i])
		case c < ' ', quote == "$'" && c == '\\', quote == `"` && strings.IndexByte("$`!", c) >= 0,
			quote == "" && strings.IndexByte(" $`;&|<>()*?[]{}!", c) >= 0,
			quote == "" && i == 0 && strings.IndexByte("~#^", c) >= 0:
			return "", errors.New("the shell acts on " + show.Cut(line[i:]))
		default:
			b.WriteByte(c)
		}
	}
	if quote != "" {
		return "", errors.New("a quote is open")
	}
	return b.String(), nil
}
