package source

import (
	"bytes"
	"errors"
	"io"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"layup/analyze/source/decode"
	"layup/analyze/source/disk"
	"layup/analyze/source/document"
	"layup/fixtures/sample"
)

// A sparse file of many terabytes costs its sender nothing, and who reads it hours.
func TestInputsOverTheLimitAreNotReadToTheirEnd(t *testing.T) {
	name := fileOf(t, "x.tar", sample.Tar(t, "a"))
	if err := os.Truncate(name, 1<<40); err != nil {
		t.Skipf("no sparse files of this size here: %v", err)
	}
	if got := refusal(t, name); !strings.Contains(got, "layer-bytes: 1099511627776 is over") {
		t.Errorf("a layer with zeros behind: got %q", got)
	}
	image := fileOf(t, "x.tar", archiveOf(t, sampleOf(t, "b").dockerMembers("x:1")...))
	if err := os.Truncate(image, 1<<40); err != nil {
		t.Fatal(err)
	}
	if got := files(t, one(t, image)); got != "b" {
		t.Errorf("an archive with zeros behind: got %q", got)
	}
	plain := sample.Tar(t, "a")
	limits := document.DefaultLimits()
	limits.LayerBytes = int64(len(plain)) - 1
	for _, verify := range []bool{true, false} {
		src := &countingAt{src: bytes.NewReader(plain)}
		l := &Layer{blob: io.NewSectionReader(src, 0, int64(len(plain))), limits: &limits, verify: verify}
		_, err := l.Scan(t.Context(), ScanOptions{})
		if err == nil || !strings.Contains(err.Error(), "--limit layer-bytes=") || src.size > decode.HeadSize {
			t.Errorf("a layer, verify %v: got %v after %d bytes", verify, err, src.size)
		}
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
		if err := img.Layers[0].check(); err != nil {
			t.Fatal(err)
		}
		if err := os.Chtimes(tt.touch, time.Time{}, time.Unix(1, 0)); err != nil {
			t.Fatal(err)
		}
		if err := img.Layers[0].check(); !errors.Is(err, disk.ErrChanged) {
			t.Errorf("%s: got %v", tt.name, err)
		}
	}
}
