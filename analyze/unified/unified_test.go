package unified_test

import (
	"bytes"
	"fmt"
	"math/rand/v2"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"layup/analyze/unified"
	"layup/fixtures/sample"
)

// longest computes the length of a longest common subsequence in the simplest way.
func longest(a, b []int) int {
	row := make([]int, len(b)+1)
	for _, x := range a {
		diagonal := 0
		for j, y := range b {
			next := row[j+1]
			if x == y {
				row[j+1] = diagonal + 1
			} else {
				row[j+1] = max(next, row[j])
			}
			diagonal = next
		}
	}
	return row[len(b)]
}

func TestAlignmentIsALongestCommonSubsequence(t *testing.T) {
	r := rand.New(rand.NewPCG(1, 2))
	for range 20_000 {
		a, b := make([]int, r.IntN(30)), make([]int, r.IntN(30))
		kinds := 1 + r.IntN(8)
		for i := range a {
			a[i] = r.IntN(kinds)
		}
		for i := range b {
			b[i] = r.IntN(kinds)
		}
		n, i, j := 0, 0, 0
		for _, m := range unified.Align(a, b) {
			if m.A < i || m.B < j || m.Len < 1 {
				t.Fatalf("%v %v: matches out of order", a, b)
			}
			for k := range m.Len {
				if a[m.A+k] != b[m.B+k] {
					t.Fatalf("%v %v: %v are not alike", a, b, m)
				}
			}
			n, i, j = n+m.Len, m.A+m.Len, m.B+m.Len
		}
		if want := longest(a, b); n != want {
			t.Fatalf("%v %v: %d in common, want %d", a, b, n, want)
		}
	}
}

// apply applies hunks to the first text and returns the second.
func apply(t *testing.T, a []byte, hunks []unified.Hunk) []byte {
	t.Helper()
	var out []byte
	rest, at := bytes.SplitAfter(a, []byte("\n")), 1
	for _, h := range hunks {
		first := h.A
		if h.LenA == 0 {
			first++
		}
		for ; at < first; at++ {
			out, rest = append(out, rest[0]...), rest[1:]
		}
		for _, l := range h.Lines {
			if l.Sign != '+' {
				if !bytes.Equal(rest[0], l.Text) {
					t.Fatalf("line %d: %q, the hunk has %q", at, rest[0], l.Text)
				}
				rest, at = rest[1:], at+1
			}
			if l.Sign != '-' {
				out = append(out, l.Text...)
			}
		}
	}
	return append(out, bytes.Join(rest, nil)...)
}

func text(r *rand.Rand, lines, kinds int) []byte {
	var b strings.Builder
	for range r.IntN(lines + 1) {
		fmt.Fprintf(&b, "%d\n", r.IntN(kinds))
	}
	if r.IntN(4) == 0 {
		b.WriteString("no end")
	}
	return []byte(b.String())
}

func TestHunksTurnOneTextIntoTheOther(t *testing.T) {
	r := rand.New(rand.NewPCG(3, 4))
	for range 5_000 {
		a, b := text(r, 60, 1+r.IntN(20)), text(r, 60, 1+r.IntN(20))
		if got := apply(t, a, unified.Hunks(a, b)); !bytes.Equal(got, b) {
			t.Fatalf("%q becomes %q, want %q", a, got, b)
		}
	}
}

// write writes hunks as a patch for a file.
func write(w *bytes.Buffer, name string, hunks []unified.Hunk) {
	fmt.Fprintf(w, "--- a/%s\n+++ b/%s\n", name, name)
	for _, h := range hunks {
		w.WriteString(h.Header() + "\n")
		for _, l := range h.Lines {
			w.WriteByte(l.Sign)
			w.Write(l.Text)
			if !bytes.HasSuffix(l.Text, []byte("\n")) {
				w.WriteString("\n\\ No newline at end of file\n")
			}
		}
	}
}

func TestPatchAcceptsHunks(t *testing.T) {
	if _, err := exec.LookPath("patch"); err != nil {
		t.Skip("patch is not installed")
	}
	r := rand.New(rand.NewPCG(5, 6))
	for range 50 {
		a, b := text(r, 60, 1+r.IntN(20)), text(r, 60, 1+r.IntN(20))
		dir := t.TempDir()
		name := filepath.Join(dir, "f")
		if err := os.WriteFile(name, a, 0o644); err != nil {
			t.Fatal(err)
		}
		var patch bytes.Buffer
		write(&patch, "f", unified.Hunks(a, b))
		cmd := exec.CommandContext(t.Context(), "patch", "-p1", "-s", "-F0", "-d", dir)
		cmd.Stdin = &patch
		if len(a) == 0 && len(b) == 0 || bytes.Equal(a, b) {
			continue
		}
		if out, err := cmd.CombinedOutput(); err != nil {
			t.Fatalf("patch: %v: %s", err, out)
		}
		got, err := os.ReadFile(name)
		if err != nil && len(b) > 0 || !bytes.Equal(got, b) {
			t.Fatalf("%q becomes %q, want %q", a, got, b)
		}
	}
}

// What has little in common must not take quadratic time: a million lines on either side.
func TestTextsWithoutOrderEndSoon(t *testing.T) {
	if testing.Short() {
		t.Skip("takes seconds")
	}
	r := rand.New(rand.NewPCG(7, 8))
	random := func(kinds int) []byte {
		b := make([]byte, 0, 1<<20)
		for len(b) < 1<<20 {
			b = append(b, byte('a'+r.IntN(kinds)), '\n')
		}
		return b
	}
	begin := sample.CPUTime()
	a, b := random(2), random(2)
	if got := apply(t, a, unified.Hunks(a, b)); !bytes.Equal(got, b) {
		t.Error("another text")
	}
	a, b = random(26), random(26)
	if got := apply(t, a, unified.Hunks(a, b)); !bytes.Equal(got, b) {
		t.Error("another text")
	}
	if took := sample.CPUTime() - begin; took > 10*time.Second {
		t.Errorf("%v of processor time", took)
	}
}
