package kinds

import (
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"layup/analyze/source"
	"layup/fixtures/sample"
)

// answer is what an archive says of the image itself: its layers' digests and names. Tags are left out: no digest
// covers them.
func answer(t *testing.T, path string) (string, error) {
	a, err := Open(t.Context(), path, testOptions(t))
	if err != nil {
		return "", err
	}
	defer a.Close()
	images, _, err := a.Choose(t.Context(), source.Selection{})
	if err != nil {
		return "", err
	}
	text := images[0].ID + " " + images[0].Platform
	for _, l := range images[0].Layers {
		s, err := l.Scan(t.Context(), source.ScanOptions{})
		if err != nil {
			return "", fmt.Errorf("layer %d: %w", l.Index, err)
		}
		text += " " + s.DiffID + strings.Join(sample.Names(s.Table), ",")
	}
	return text, nil
}

func TestNoFlippedByteOfAnArchiveChangesTheAnswer(t *testing.T) {
	s := sampleOf(t, "a", "b")
	l := newLayout()
	l.top(l.image(s, nil), "t")
	layout := archiveOf(t, l.members()...)
	for name, whole := range map[string][]byte{
		"docker save": archiveOf(t, s.dockerMembers("x:1")...),
		"a layout":    layout,
		"engine 25":   archiveOf(t, append(l.members(), s.blobManifest("x:1"))...),
		"gzip":        sample.Gzip(t, layout),
		"zstd":        sample.Zstd(t, layout),
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			path := filepath.Join(t.TempDir(), "x")
			read := func(content []byte) (string, error) {
				if err := os.WriteFile(path, content, 0o600); err != nil {
					t.Fatal(err)
				}
				return answer(t, path)
			}
			want, err := read(whole)
			if err != nil {
				t.Fatal(err)
			}
			const step = 7 // prime to the sizes of fields, so that every field is hit
			for i := 0; i < len(whole); i += step {
				changed := append([]byte(nil), whole...)
				changed[i] ^= 1 << (i % 8)
				if got, err := read(changed); err == nil && got != want {
					t.Errorf("byte %d: got %s, want %s", i, got, want)
				}
			}
		})
	}
}
