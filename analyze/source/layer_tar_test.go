package source

import (
	"bytes"
	"errors"
	"io"
	"testing"

	"layup/analyze/source/disk"
	"layup/fixtures/sample"
)

func TestTarGivesTheTarFromAnyOffset(t *testing.T) {
	plain := sample.Tar(t, "a", "b", "c")
	for name, blob := range compressed(t, plain) {
		for _, offset := range []int{0, 1, 512, len(plain) - 1, len(plain), len(plain) + 5} {
			r, err := layerOf(blob, plain).Tar(t.Context(), int64(offset))
			if err != nil {
				t.Fatalf("%s from %d: %v", name, offset, err)
			}
			got, err := io.ReadAll(r)
			if want := plain[min(offset, len(plain)):]; err != nil || !bytes.Equal(got, want) || r.Close() != nil {
				t.Errorf("%s from %d: got %d bytes and %v, want %d", name, offset, len(got), err, len(want))
			}
		}
	}
	if _, err := layerOf([]byte("text"), nil).Tar(t.Context(), 0); err == nil {
		t.Error("text is read as a tar")
	}
	gz := sample.Gzip(t, plain)
	r, err := layerOf(gz[:len(gz)-30], plain).Tar(t.Context(), 0)
	if err != nil {
		t.Fatal(err)
	}
	if _, err := io.ReadAll(r); err == nil {
		t.Error("a tar that is cut reads to a clean end")
	}
}

// A file may grow while it is read: its size is that at the beginning. Only damage is explained by the change.
func TestAChangedInputExplainsDamageAndEndsASecondReading(t *testing.T) {
	changed := errors.New("input changed while being read")
	plain := sample.Tar(t, "a")
	for _, verify := range []bool{true, false} {
		l := layerOf(plain, plain)
		l.Verify, blobOf(l).Check = verify, func() error { return changed }
		if _, err := l.Scan(t.Context(), ScanOptions{}); err != nil {
			t.Errorf("verify %v: got %v", verify, err)
		}
		blobOf(l).Bytes = io.NewSectionReader(bytes.NewReader(bytes.Repeat([]byte("x"), len(plain))), 0, int64(len(plain)))
		if _, err := l.Scan(t.Context(), ScanOptions{}); err != changed {
			t.Errorf("verify %v, damaged: got %v", verify, err)
		}
	}
	bare := layerOf(plain, plain)
	bare.Digest, bare.DiffID = "", ""
	for _, tt := range []struct{ changed, want error }{
		{disk.ErrChanged, disk.ErrChanged}, {disk.ErrGrown, nil}, {nil, nil},
	} {
		blobOf(bare).Check = func() error { return tt.changed }
		if _, err := bare.Scan(t.Context(), ScanOptions{}); err != tt.want {
			t.Errorf("no digest proves the content, and the input says %v: got %v", tt.changed, err)
		}
	}
	l := layerOf(sample.Gzip(t, plain), plain)
	blobOf(l).Check = func() error { return changed }
	r, err := l.Tar(t.Context(), 512)
	if err != nil {
		t.Fatal(err)
	}
	if _, err := io.ReadAll(r); err != changed {
		t.Errorf("Tar to its end: got %v", err)
	}
	if err := r.Close(); !errors.Is(err, changed) {
		t.Errorf("Close: got %v", err)
	}
}

func TestAnInputThatShrankIsNotADamagedLayer(t *testing.T) {
	plain := sample.Tar(t, "a", "b")
	for _, verify := range []bool{true, false} {
		l := layerOf(plain, plain)
		l.Verify = verify
		blobOf(l).Bytes = io.NewSectionReader(bytes.NewReader(plain[:1500]), 0, int64(len(plain)))
		if _, err := l.Scan(t.Context(), ScanOptions{}); !errors.Is(err, errShrunk) {
			t.Errorf("verify %v: got %v", verify, err)
		}
	}
}
