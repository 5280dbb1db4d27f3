package kinds

import (
	"errors"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"layup/analyze/source"
	"layup/analyze/source/disk"
	"layup/fixtures/sample"
)

// A sparse file of many terabytes costs its sender nothing, and its reader hours.
func TestInputsOverTheLimitAreNotReadToTheirEnd(t *testing.T) {
	name := fileOf(t, "x.tar", sample.Tar(t, "a"))
	if err := os.Truncate(name, 1<<40); err != nil {
		t.Skipf("no sparse files of this size here: %v", err)
	}
	if got := refusal(t, name); !strings.Contains(got, "layer-bytes: 1099511627776 is over") {
		t.Errorf("a layer followed by zeros: got %q", got)
	}
	image := fileOf(t, "x.tar", archiveOf(t, sampleOf(t, "b").dockerMembers("x:1")...))
	if err := os.Truncate(image, 1<<40); err != nil {
		t.Fatal(err)
	}
	if got := files(t, one(t, image)); got != "b" {
		t.Errorf("an archive followed by zeros: got %q", got)
	}
}

func TestAnInputThatChangesIsNoticed(t *testing.T) {
	path := fileOf(t, "x.tar", archiveOf(t, sampleOf(t, "a").dockerMembers("x:1")...))
	dir := unpack(t, sampleOf(t, "a").dockerMembers("x:1")...)
	for _, tt := range []struct{ name, touch string }{
		{path, path},
		{dir, filepath.Join(dir, strings.Repeat("0", 64), "layer.tar")},
	} {
		img := one(t, tt.name)
		if err := img.Layers[0].Content.(*source.Blob).Check(); err != nil {
			t.Fatal(err)
		}
		if err := os.Chtimes(tt.touch, time.Time{}, time.Unix(1, 0)); err != nil {
			t.Fatal(err)
		}
		if err := img.Layers[0].Content.(*source.Blob).Check(); !errors.Is(err, disk.ErrChanged) {
			t.Errorf("%s: got %v", tt.name, err)
		}
	}
}
