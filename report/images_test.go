package report

import (
	"errors"
	"strings"
	"testing"

	"layup/analyze/source"
	"layup/report/render"
)

// Images that differ in their platform alone must be told apart, and an error be seen, on the narrowest usual terminal.
func TestImagesKeepsReferencePlatformAndErrorAtEightyColumns(t *testing.T) {
	list := []source.Listed{
		{Kind: source.KindImage, Reference: "registry.example/a/long/path/to/shop:1.2", Platform: "linux/arm64",
			ID: strings.Repeat("a", 64), Digest: strings.Repeat("b", 64), Created: "2024-01-01T00:00:00Z", Size: 1234,
			Directory: "overlay2/" + strings.Repeat("c", 64)},
		{Kind: source.KindImage, Number: 1, Size: -1, Err: errors.New("config: damaged JSON at byte 7")},
	}
	var b strings.Builder
	doc := render.Doc{Sections: []render.Section{imagesTable.Section(list)}}
	if err := (render.Format{}).Write(&b, doc, render.Terminal{Width: 80}); err != nil {
		t.Fatal(err)
	}
	for _, want := range []string{"REFERENCE", "to/shop:1.2", "PLATFORM", "linux/arm64", "ERROR", "config: damaged JSON"} {
		if !strings.Contains(b.String(), want) {
			t.Errorf("%q is left out of\n%s", want, b.String())
		}
	}
}
