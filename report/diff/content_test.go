package diff

import (
	"bufio"
	"bytes"
	"strings"
	"testing"
	"unicode"

	"layup/analyze"
	"layup/analyze/unified"
	"layup/fixtures"
	"layup/fixtures/harness"
)

// On a terminal, a patch holds nothing that the terminal obeys, in names or in lines. A program gets the exact bytes.
func TestPatchesAreHarmlessOnATerminalAndElseExact(t *testing.T) {
	archive := harness.Pack(t, fixtures.Packing{Format: fixtures.Docker20}, harness.Load(t, "ugly"))
	img, err := analyze.Open(t.Context(), archive, analyze.Default())
	if err != nil {
		t.Fatal(err)
	}
	defer img.Close()
	c, err := analyze.Compare(t.Context(), img.After(-1), img.After(analyze.Last), 0)
	if err != nil {
		t.Fatal(err)
	}
	evil := []byte("\x1b]0;title\x07\ttab\u202e\xff\r\nsecond \x00\x9b2J")
	files := 0
	for d := range c.Paths() {
		files++
		for _, seen := range []bool{true, false} {
			var b bytes.Buffer
			p := &patch{w: bufio.NewWriter(&b), seen: seen}
			p.hunks(d, unified.Hunks(nil, evil))
			if err := p.w.Flush(); err != nil {
				t.Fatal(err)
			}
			odd := strings.IndexFunc(b.String(), func(r rune) bool {
				return r != '\n' && r != '\t' && (unicode.IsControl(r) || unicode.Is(unicode.Cf, r) || r == unicode.ReplacementChar)
			})
			if seen && odd >= 0 {
				t.Errorf("%q: raw bytes on a terminal: %q", d.Path(), b.String())
			}
			if !seen && !bytes.Contains(b.Bytes(), []byte("\n+\x1b]0;title\x07\ttab\u202e\xff\r\n+second \x00\x9b2J\n\\ No "+
				"newline at end of file\n")) {
				t.Errorf("%q: not exact: %q", d.Path(), b.String())
			}
			if lines := strings.Count(b.String(), "\n"); lines != 6 {
				t.Errorf("%q: %d lines: %q", d.Path(), lines, b.String())
			}
		}
	}
	if files < 5 {
		t.Errorf("only %d names", files)
	}
}
