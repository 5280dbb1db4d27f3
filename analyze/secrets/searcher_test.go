package secrets

import (
	"strings"
	"testing"

	"layup/analyze/secrets/ruleset"
)

// A rule whose expression fits much, as 40 hexadecimal digits, counts near its keyword alone: also if pieces end
// between them, and not because a large file has the keyword somewhere.
func TestAKeywordCountsNearby(t *testing.T) {
	s, err := New(Options{})
	if err != nil {
		t.Fatal(err)
	}
	const token = " 0123456789abcdef0123456789abcdef01234567 \n"
	fill := func(n int) string { return strings.Repeat(strings.Repeat("-", 63)+"\n", n/64) }
	for name, tt := range map[string]struct {
		text string
		want int
	}{
		"beside it":              {"sourcegraph" + token, 1},
		"before it":              {"sourcegraph" + fill(100<<10) + token, 1},
		"after it":               {token + fill(60<<10) + "sourcegraph", 1},
		"far before it":          {"sourcegraph" + fill(300<<10) + token, 0},
		"far after it":           {token + fill(300<<10) + "sourcegraph", 0},
		"in the piece before it": {fill(420<<10) + "sourcegraph" + fill(100<<10) + token + fill(100<<10), 1},
		"two pieces before it":   {fill(400<<10) + "sourcegraph" + fill(600<<10) + token, 0},
		"nowhere":                {fill(1<<20) + token, 0},
	} {
		f := s.begin("list.txt")
		for text := tt.text; text != ""; {
			n := min(len(text), 64<<10)
			f.feed([]byte(text[:n]))
			text = text[n:]
		}
		found := 0
		for _, r := range f.finish().Found {
			if s.rules[r.Rule].ID == "sourcegraph-access-token" {
				found++
			}
		}
		if found != tt.want {
			t.Errorf("%s: found %d times", name, found)
		}
	}
}

// The lines that end a match are not part of it, also if the expression wants nothing else.
func TestAMatchMayBeNothingButEndsOfLines(t *testing.T) {
	rules, err := ruleset.Parse("[[rules]]\nid = \"lines\"\nregex = '''[a\\n]{0,5}\\n{4}\\z'''\n")
	if err != nil {
		t.Fatal(err)
	}
	s, err := New(Options{Rules: rules})
	if err != nil {
		t.Fatal(err)
	}
	if found := s.text("xaaa\n\n\n\n\n\n"); len(found) == 0 {
		t.Error("nothing was found")
	}
}
