package call

import (
	"bytes"
	"errors"
	"slices"
	"strings"
	"testing"

	"layup/analyze/source"
	"layup/tarfs"
)

func TestWarningsAreCountedAfterFiveOfACode(t *testing.T) {
	var warnings []tarfs.Warning
	for i := range 7 {
		warnings = append(warnings, tarfs.Warning{Code: tarfs.DuplicateEntry, Layer: 1, Path: "/f" + string(rune('0'+i))})
	}
	warnings[6].More = 10
	warnings = append(warnings, tarfs.Warning{Code: tarfs.ParentNotListed, Layer: 0, Path: "/o\x1bpt"},
		tarfs.Warning{Code: source.HistoryAbsent, Layer: tarfs.NoLayer})
	expect := func(what string, got []string, want ...string) {
		for i := range want {
			want[i] += "\n"
		}
		if !slices.Equal(got, want) {
			t.Errorf("%s: got %q want %q", what, got, want)
		}
	}
	print := func(quiet, verbose bool) []string {
		var b bytes.Buffer
		con := &console{w: &b, quiet: quiet, verbose: verbose}
		con.warn("", warnings)
		return slices.Collect(strings.Lines(b.String()))
	}
	message := tarfs.DuplicateEntry.Message
	five := make([]string, 0, 6)
	for i := range 5 {
		five = append(five, "layup: warning: duplicate-entry: layer 1: /f"+string(rune('0'+i))+": "+message)
	}
	five = append(five, "layup: warning: duplicate-entry: 12 more")
	expect("usually", print(false, false), slices.Clone(five)...)
	expect("-v", print(false, true), append(slices.Clone(five),
		"layup: warning: parent-not-listed: layer 0: $'/o\\x1bpt': "+tarfs.ParentNotListed.Message,
		"layup: warning: history-absent: "+source.HistoryAbsent.Message)...)
	expect("-q", print(true, false))
}

func TestWorstStatusIsTwoThenThreeThenOne(t *testing.T) {
	order := []int{0, 1, 3, 2}
	for i, a := range order {
		for j, b := range order {
			if got := Worst(a, b); got != order[max(i, j)] {
				t.Errorf("worst of %d and %d: got %d", a, b, got)
			}
		}
	}
}

func TestMistakeOfOursIsALineAndNotAStack(t *testing.T) {
	var stderr bytes.Buffer
	con := &console{w: &stderr}
	status := guarded(con, func() int { panic(errors.New("a \x1b[31mred\x1b[0m mistake")) })
	if want := "layup: internal error: a \\x1b[31mred\\x1b[0m mistake; please report\n"; status != 2 ||
		stderr.String() != want {
		t.Errorf("exit %d, %q want %q", status, stderr.String(), want)
	}
}
