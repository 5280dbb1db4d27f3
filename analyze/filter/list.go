package filter

import (
	"bufio"
	"encoding/hex"
	"errors"
	"fmt"
	"io"
	"iter"
	"strings"

	"layup/analyze"
	"layup/analyze/expression"
	"layup/analyze/show"
	"layup/tarfs"
)

// A List is a set of SHA-256 digests, each with the name that the list gives it.
type List struct {
	names map[[sumSize]byte]string
	named bool // any digest has a name
}

const (
	sumSize  = 32        // bytes of a SHA-256
	listSize = 256 << 20 // bytes of a list
	listLine = 64 << 10  // bytes of a line
)

// tagged matches a line of sha256sum --tag and of BSD: SHA256 (NAME) = HEX.
var tagged = expression.Lazy(`^\\?SHA256 \((.*)\) = ([0-9A-Fa-f]+)$`)

// ReadList reads a list of digests: one a line, as hexadecimal digits with or without sha256:, or as sha256sum writes
// them with a name. Empty lines and those that begin with # do not count. The error names the line.
func ReadList(r io.Reader) (*List, error) {
	l := &List{names: map[[sumSize]byte]string{}}
	limited := &io.LimitedReader{R: r, N: listSize + 1}
	lines := bufio.NewScanner(limited)
	lines.Buffer(nil, listLine)
	number := 0
	for lines.Scan() {
		number++
		if err := l.add(strings.TrimSpace(strings.TrimPrefix(lines.Text(), "\ufeff"))); err != nil {
			return nil, fmt.Errorf("line %d: %w", number, err)
		}
	}
	switch err := lines.Err(); {
	case limited.N == 0:
		return nil, fmt.Errorf("is longer than %d MiB", listSize>>20)
	case errors.Is(err, bufio.ErrTooLong):
		return nil, fmt.Errorf("line %d: is longer than %d KiB", number+1, listLine>>10)
	case err != nil:
		return nil, err
	case len(l.names) == 0:
		return nil, errors.New("holds no digest: nothing could match")
	}
	return l, nil
}

// add reads one line.
func (l *List) add(line string) error {
	if line == "" || line[0] == '#' {
		return nil
	}
	sum, name := line, ""
	if m := tagged().FindStringSubmatch(line); m != nil {
		name, sum = m[1], m[2]
	} else if end := strings.IndexAny(line, " \t"); end >= 0 {
		sum, name = line[:end], strings.TrimPrefix(strings.TrimLeft(line[end:], " \t"), "*")
	}
	if line[0] == '\\' { // sha256sum begins a line so if the name is escaped
		sum, name = strings.TrimPrefix(sum, `\`), strings.NewReplacer(`\\`, `\`, `\n`, "\n", `\r`, "\r").Replace(name)
	}
	raw, err := hex.DecodeString(strings.TrimPrefix(strings.ToLower(sum), "sha256:"))
	if err != nil || len(raw) != sumSize {
		return fmt.Errorf("%s is not a SHA-256 digest: want 64 hexadecimal digits", show.Cut(sum))
	}
	key := [sumSize]byte(raw)
	if l.names[key] == "" {
		l.names[key], l.named = name, l.named || name != ""
	}
	return nil
}

// Test keeps files with content of a digest in the list.
func (l *List) Test(h analyze.Hit) bool {
	_, listed := l.of(h.Version)
	return listed
}

// Name returns the name that the list gives a version's content; empty if it gives none.
func (l *List) Name(v tarfs.Version) string {
	name, _ := l.of(v)
	return name
}

// Sums yields the digests of the list as 64 digits.
func (l *List) Sums() iter.Seq[string] {
	return func(yield func(string) bool) {
		for sum := range l.names {
			if !yield(hex.EncodeToString(sum[:])) {
				return
			}
		}
	}
}

func (l *List) of(v tarfs.Version) (name string, listed bool) {
	sum, ok := v.Digest()
	if !ok || v.Type() != tarfs.File {
		return "", false
	}
	name, listed = l.names[sum]
	return name, listed
}

// Named reports whether the list gives any name.
func (l *List) Named() bool { return l != nil && l.named }
