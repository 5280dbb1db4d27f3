package kinds

import (
	"fmt"
	"strings"
	"testing"

	"layup/analyze/source"
	"layup/fixtures/sample"
	"layup/tarfs"
)

func TestDataAfterAnArchiveIsAWarning(t *testing.T) {
	first := archiveOf(t, sampleOf(t, "a").dockerMembers("x:1")...)
	second := archiveOf(t, sampleOf(t, "b").dockerMembers("x:2")...)
	padded := append(append([]byte(nil), first...), make([]byte, 10240)...)
	for _, tt := range []struct {
		case_   string
		content []byte
		want    string
	}{
		{"nothing", first, ""},
		{"zeros", padded, ""},
		{"text", append(append([]byte(nil), first...), "hello"...), fmt.Sprintf("5 bytes at offset %d", len(first))},
		{"an archive", append(append([]byte(nil), first...), second...),
			fmt.Sprintf("%d bytes; a second archive begins at offset %d", len(second), len(first))},
		{"an archive after zeros", append(append([]byte(nil), padded...), second...),
			fmt.Sprintf("%d bytes; a second archive begins at offset %d", len(second), len(padded))},
		{"a compressed archive", append(append([]byte(nil), first...), sample.Gzip(t, second)...),
			fmt.Sprintf("a second archive begins at offset %d", len(first))},
		{"two compressed archives", append(sample.Gzip(t, first), sample.Gzip(t, second)...),
			fmt.Sprintf("a second archive begins at offset %d", len(first))},
		{"two frames of zstd", append(sample.Zstd(t, first), sample.Zstd(t, second)...),
			fmt.Sprintf("a second archive begins at offset %d", len(first))},
	} {
		a := openFile(t, fileOf(t, "x", tt.content))
		images, _, err := a.Choose(t.Context(), source.Selection{})
		if err != nil || files(t, images[0]) != "a" {
			t.Errorf("%s: got %v", tt.case_, err)
			continue
		}
		got := ""
		for _, w := range append(images[0].Warnings, a.Warnings()...) {
			if got += w.Text() + "\n"; w.Code != tarfs.DataAfterEnd || w.Layer != tarfs.NoLayer {
				t.Errorf("%s: got %v", tt.case_, w)
			}
		}
		if strings.Count(got, tt.want) != 2 && tt.want != "" || tt.want == "" && got != "" {
			t.Errorf("%s: got %q, want %q twice", tt.case_, got, tt.want)
		}
	}
}
