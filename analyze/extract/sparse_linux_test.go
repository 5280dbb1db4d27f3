package extract_test

import (
	"os"
	"path/filepath"
	"syscall"
	"testing"

	"layup/analyze/extract"
)

func TestSparseFilesAreExtractedWithTheirHoles(t *testing.T) {
	plan := everything(t, load(t, sparseTar(t), true), 0)
	dir := filepath.Join(t.TempDir(), "out")
	if _, err := plan.Into(t.Context(), dir, extract.Options{}); err != nil {
		t.Fatal(err)
	}
	info, err := os.Stat(filepath.Join(dir, "sparse"))
	if err != nil {
		t.Fatal(err)
	}
	if used := info.Sys().(*syscall.Stat_t).Blocks * 512; info.Size() != 2*hole+1 || used > 1<<20 {
		t.Errorf("%d bytes, %d of them stored", info.Size(), used)
	}
	f, err := os.Open(filepath.Join(dir, "sparse"))
	if err != nil {
		t.Fatal(err)
	}
	defer f.Close()
	b := make([]byte, 3)
	if _, err := f.ReadAt(b, hole-1); err != nil || string(b) != "\x00x\x00" {
		t.Errorf("got %q, %v", b, err)
	}
	if b := inPlace(t, plan); len(b) > 20480 {
		t.Errorf("as a tar %d bytes", len(b))
	}
}
