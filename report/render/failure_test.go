package render

import (
	"errors"
	"strings"
	"syscall"
	"testing"
)

// A closingPipe takes left bytes and then fails like a pipe that nobody reads.
type closingPipe struct {
	left, calls int
	failed      bool
}

func (p *closingPipe) Write(b []byte) (int, error) {
	p.calls++
	if p.failed || len(b) > p.left {
		n := min(p.left, len(b))
		p.left, p.failed = 0, true
		return n, syscall.EPIPE
	}
	p.left -= len(b)
	return len(b), nil
}

var allFormats = []string{"table", "json", "jsonl", "csv", "tsv", "{{.path}}", `table {{.path}}\t{{.size}}`}

func TestAWriteThatFailsAnywhereIsAnError(t *testing.T) {
	for _, format := range allFormats {
		f, err := Parse(format, Formats)
		if err != nil {
			t.Fatal(err)
		}
		for _, d := range []Doc{sample(), two()} {
			whole := len(write(t, format, d, Terminal{}))
			for left := range whole {
				if err := f.Write(&closingPipe{left: left}, d, Terminal{}); !errors.Is(err, syscall.EPIPE) {
					t.Errorf("%s: after %d of %d bytes: error %v", format, left, whole, err)
				}
			}
			if err := f.Write(&closingPipe{left: whole}, d, Terminal{}); err != nil {
				t.Errorf("%s: after all %d bytes: %v", format, whole, err)
			}
		}
	}
}

func TestAClosedPipeEndsALongListingEarly(t *testing.T) {
	const rows = 6_000
	for _, format := range allFormats {
		f, _ := Parse(format, Formats)
		whole := len(write(t, format, listing(rows), Terminal{}))
		for left := 0; left < whole; left += whole / 7 {
			d, asked := listing(rows), 0
			inner := d.Sections[0].Rows
			d.Sections[0].Rows = func(yield func([]Value) bool) {
				inner(func(row []Value) bool {
					asked++
					return yield(row)
				})
			}
			p := &closingPipe{left: left}
			if err := f.Write(p, d, Terminal{}); !errors.Is(err, syscall.EPIPE) {
				t.Errorf("%s: after %d of %d bytes: error %v", format, left, whole, err)
			}
			if held := strings.HasPrefix(format, "{{"); left == 0 && !held && asked == rows {
				t.Errorf("%s: all %d rows were asked for", format, rows)
			}
		}
	}
}

// A shortWriter writes less than it is given and says nothing.
type shortWriter struct{}

func (shortWriter) Write(b []byte) (int, error) { return len(b) / 2, nil }

func TestAShortWriteIsAnError(t *testing.T) {
	for _, format := range allFormats {
		f, _ := Parse(format, Formats)
		if err := f.Write(shortWriter{}, sample(), Terminal{}); err == nil {
			t.Errorf("%s: no error", format)
		}
	}
}
