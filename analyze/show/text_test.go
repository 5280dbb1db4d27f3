package show

import (
	"os/exec"
	"strconv"
	"strings"
	"testing"
	"unicode/utf8"
)

// ugly are names that occur in images.
var ugly = []struct{ what, raw, safe string }{
	{"nothing", "", ""},
	{"an ordinary path", "/etc/nginx/nginx.conf", "/etc/nginx/nginx.conf"},
	{"spaces within", "My Documents  (old)", "My Documents  (old)"},
	{"a unit of systemd", `system-systemd\x2dcryptsetup.slice`, `system-systemd\x2dcryptsetup.slice`},
	{"accents, both forms", "caf\u00e9 cafe\u0301", "caf\u00e9 cafe\u0301"},
	{"wide", "/世界/🎉", "/世界/🎉"},
	{"right to left letters", "שלום", "שלום"},
	{"CSI", "a\x1b[31mred", `$'a\x1b[31mred'`},
	{"OSC 52 writes the clipboard", "\x1b]52;c;ZXZpbA==\a", `$'\x1b]52;c;ZXZpbA==\x07'`},
	{"8-bit CSI as a byte", "\x9b31m", `$'\x9b31m'`},
	{"8-bit CSI as a character", "\u009b31m", `$'\u009b31m'`},
	{"carriage return", "good\rbad", `$'good\rbad'`},
	{"bell, backspace, delete, NUL", "\a\b\x7f\x00", `$'\x07\x08\x7f\x00'`},
	{"newline and tab", "a\nb\tc", `$'a\nb\tc'`},
	{"backslash and quote beside a newline", "it's\\\n", `$'it\'s\\\n'`},
	{"not UTF-8", "caf\xe9", `$'caf\xe9'`},
	{"overlong slash", "\xc0\xaf", `$'\xc0\xaf'`},
	{"surrogate", "\xed\xa0\x80", `$'\xed\xa0\x80'`},
	{"U+FFFD itself", "a\ufffd", "a\ufffd"},
	{"right to left override", "fdp.\u202eexe", `$'fdp.\u202eexe'`},
	{"isolates", "\u2066a\u2069", `$'\u2066a\u2069'`},
	{"zero width", "a\u200bb\u200d\u2060", `$'a\u200bb\u200d\u2060'`},
	{"byte order mark", "\ufeffa", `$'\ufeffa'`},
	{"line separator", "a\u2028b", `$'a\u2028b'`},
	{"tag characters", "a\U000e0041", `$'a\U000e0041'`},
	{"variation selectors", "a\ufe0f\U000e0100", `$'a\ufe0f\U000e0100'`},
	{"Hangul filler", "\u3164", `$'\u3164'`},
	{"soft hyphen", "a\u00adb", `$'a\u00adb'`},
	{"no-break and ideographic space", "a\u00a0b\u3000", `$'a\u00a0b\u3000'`},
	{"braille blank", "\u2800", `$'\u2800'`},
	{"private use", "\ue000", `$'\ue000'`},
	{"spaces at the ends", " a ", `$' a '`},
	{"looks quoted", "$'a'", `$'$\'a\''`},
	{"a mark on nothing", "\u0301a", `$'\u0301a'`},
	{"a mark on an escape", "\n\u0301", `$'\n\u0301'`},
}

func TestSafeShowsWhatIsOdd(t *testing.T) {
	for _, c := range ugly {
		if got := Safe(c.raw); got != c.safe {
			t.Errorf("%s: Safe(%q) = %s, want %s", c.what, c.raw, got, c.safe)
		}
	}
}

func TestPiledUpMarksAreEscapedAfterTheEighth(t *testing.T) {
	mark := "\u0301"
	eight := "a" + strings.Repeat(mark, 8)
	if got := Safe(eight); got != eight {
		t.Errorf("eight marks: got %q", got)
	}
	got := Safe("a" + strings.Repeat(mark, 2000))
	if want := "$'" + eight + strings.Repeat(`\u0301`, 1992) + "'"; got != want {
		t.Errorf("2000 marks: got %d bytes, want %d", len(got), len(want))
	}
}

func FuzzSafeTellsTheExactBytes(f *testing.F) {
	for _, c := range ugly {
		f.Add(c.raw)
	}
	f.Add(strings.Repeat("\u0301", 30))
	f.Fuzz(func(t *testing.T, raw string) {
		safe := Safe(raw)
		if got := unquoted(t, safe); got != raw {
			t.Errorf("Safe(%q) = %s, which reads %q", raw, safe, got)
		}
		if !utf8.ValidString(safe) {
			t.Errorf("Safe(%q) = %q is not UTF-8", raw, safe)
		}
		for _, r := range safe {
			if Odd(r) {
				t.Errorf("Safe(%q) = %q shows %U", raw, safe, r)
			}
		}
		if strings.TrimSpace(safe) != safe {
			t.Errorf("Safe(%q) = %q has spaces at an end", raw, safe)
		}
	})
}

func TestQuotedArgumentsComeBackFromTheShell(t *testing.T) {
	bash, err := exec.LookPath("bash")
	if err != nil {
		t.Skip("no bash here")
	}
	for _, arg := range []string{"/etc/passwd", "", "two words", "it's", "$(id) `id` \\ \"", "a\nb", "\x1b[31m",
		"latin-\xe9", "\u202egnp", "é", "-rf", "~", "#x", "*", "{a,b}", "$'x'", " end "} {
		out, err := exec.CommandContext(t.Context(), bash, "-c", "printf '%s' "+Shell(arg)).Output()
		if err != nil || string(out) != arg {
			t.Errorf("%q as %s: got %q, %v", arg, Shell(arg), out, err)
		}
	}
}

func TestMessagesAreHarmless(t *testing.T) {
	for s, want := range map[string]string{"plain: \"text\" 'é' \\n": "plain: \"text\" 'é' \\n",
		"a\x1b[2Jb\nc \xff \u202e": "a\\x1b[2Jb\\nc \\xff \\u202e"} {
		if got := Line(s); got != want {
			t.Errorf("%q: got %q want %q", s, got, want)
		}
	}
}

// unquoted reads the $'…' form as a shell does.
func unquoted(t *testing.T, s string) string {
	inner, quoted := strings.CutPrefix(s, "$'")
	if !quoted {
		return s
	}
	inner, quoted = strings.CutSuffix(inner, "'")
	if !quoted {
		t.Fatalf("%q is not closed", s)
	}
	var b strings.Builder
	for i := 0; i < len(inner); i++ {
		if inner[i] != '\\' {
			b.WriteByte(inner[i])
			continue
		}
		i++
		digits := map[byte]int{'x': 2, 'u': 4, 'U': 8}[inner[i]]
		if digits == 0 {
			b.WriteString(map[byte]string{'n': "\n", 't': "\t", 'r': "\r", '\\': `\`, '\'': "'"}[inner[i]])
			continue
		}
		n, err := strconv.ParseUint(inner[i+1:i+1+digits], 16, 32)
		if err != nil {
			t.Fatalf("%q: %v", s, err)
		}
		if digits == 2 {
			b.WriteByte(byte(n))
		} else {
			b.WriteRune(rune(n))
		}
		i += digits
	}
	return b.String()
}
