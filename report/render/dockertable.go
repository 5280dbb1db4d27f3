package render

import (
	"io"
	"strings"
	"time"
	"unicode/utf8"

	"github.com/clipperhouse/displaywidth"
	"github.com/docker/cli/cli/command/formatter/tabwriter"
	"github.com/docker/go-units"
)

// DockerSize is n bytes exactly as docker history prints them, 1e+03kB included.
func DockerSize(n int64) string { return units.HumanSizeWithPrecision(float64(n), 3) }

// DockerAge is a duration in words, as docker history prints it: 9 minutes, About an hour, Less than a second.
func DockerAge(d time.Duration) string { return units.HumanDuration(d) }

// DockerTable writes lines with a tab after each cell as docker's list commands lay them out: columns of at least ten,
// three between them. It uses docker's own writer, because users compare the bytes with docker's. The error says that
// the widest cells make the table too large.
func DockerTable(w io.Writer, text string) error {
	if laidOut(text) > mostDockerOutput {
		return &boundError{"the table would be " + over(mostDockerOutput) +
			", because each row is as wide as the widest: --format json lists the same"}
	}
	t := tabwriter.NewWriter(w, 10, 1, 3, ' ', 0)
	if _, err := io.WriteString(t, text); err != nil {
		return err
	}
	return t.Flush()
}

// laidOut is about how many bytes a table takes: every cell is as wide as the widest of its column, except in the last.
func laidOut(text string) int {
	var widest []int
	rows := 0
	for line := range strings.Lines(text) {
		cells := strings.Split(line, "\t")
		for i, cell := range cells[:len(cells)-1] {
			if i == len(widest) {
				widest = append(widest, 0)
			}
			widest[i] = max(widest[i], len(cell))
		}
		rows++
	}
	total := len(text)
	for _, w := range widest {
		total += rows * w
	}
	return total
}

// dockerWidth is the width of a character by Unicode's East Asian width alone, as docker takes it, also of characters
// that join the one before.
func dockerWidth(r rune) int {
	switch {
	case r >= 0x1f1e6 && r <= 0x1f1ff: // letters of flags
		return 1
	case r >= 0x302a && r <= 0x302d, r == 0x3099, r == 0x309a: // wide marks
		return 2
	}
	return min(max(displaywidth.Rune(r), 1), 2)
}

// DockerCut cuts a text to a width as docker does, the ellipsis included: wide characters take two columns, all others
// one.
func DockerCut(s string, most int) string {
	if utf8.RuneCountInString(s) <= most/2 {
		return s
	}
	width, end := 0, 0
	for i, r := range s {
		width += dockerWidth(r)
		if width <= most-1 {
			end = i + utf8.RuneLen(r)
		}
	}
	if width <= most {
		return s
	}
	return s[:end] + ellipsis
}
