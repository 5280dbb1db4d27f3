package complete

import (
	"context"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"
)

func TestCompletionOfCrowdsIsBoundedAndSharesWhatAllShare(t *testing.T) {
	names := make([]string, 0, 1000)
	for _, first := range "ba" {
		for i := range 500 {
			names = append(names, "lib"+string(first)+string(rune('a'+i/26%26))+string(rune('a'+i%26)))
		}
	}
	found := few(t.Context(), "/usr/", "lib", slices.Values(names))
	if len(found) != mostCandidates || found[0].word != "/usr/libaaa" || !strings.HasPrefix(found[len(found)-1].word,
		"/usr/libb") {
		t.Errorf("%d candidates, %q to %q", len(found), found[0].word, found[len(found)-1].word)
	}
}

func TestCompletionWaitsForNoImage(t *testing.T) {
	t.Setenv("LAYUP_COMPLETION_TIME", "1ms")
	blocked := make(chan bool)
	got := inTime(t.Context(), func(context.Context) string { <-blocked; return "too late" })
	close(blocked)
	if got != "" { // waiting would never end
		t.Errorf("got %q", got)
	}
	for set, want := range map[string]time.Duration{"": usualPatience, "2s": 2 * time.Second, "-1s": usualPatience,
		"soon": usualPatience} {
		if t.Setenv("LAYUP_COMPLETION_TIME", set); patience() != want {
			t.Errorf("%q: got %v want %v", set, patience(), want)
		}
	}
}

func TestLineIsReadAsBashReadsIt(t *testing.T) {
	t.Setenv("LAYUP_TEST_PLACE", "/place")
	home, err := os.UserHomeDir()
	if err != nil {
		t.Fatal(err)
	}
	for line, want := range map[string][]string{
		"layup ls ":                      {"layup", "ls", ""},
		"layup ls x":                     {"layup", "ls", "x"},
		`layup "a b" c\ d 'e f'g $'h\ni`: {"layup", "a b", "c d", "e fg", "h\ni"},
		`layup "a\b\"c" 'd\`:             {"layup", `a\b"c`, `d\`},
		"layup ls >out 2>x img /e":       {"layup", "ls", "2", "img", "/e"},
		"layup $LAYUP_TEST_PLACE/x '$LAYUP_TEST_PLACE' ~/y $(id) `id`": {"layup", "/place/x", "$LAYUP_TEST_PLACE",
			filepath.Join(home, "y"), "$", "id", "`id`"},
		`layup ls a\`: {"layup", "ls", "a"},
		"":            {""},
	} {
		words, _ := typedLine(line)
		var got []string
		for _, w := range words {
			got = append(got, w.text)
		}
		if !slices.Equal(got, want) {
			t.Errorf("%q: got %q want %q", line, got, want)
		}
	}
	if _, redirected := typedLine("layup ls > o"); !redirected {
		t.Error("the target of a redirection is taken for an argument")
	}
}
