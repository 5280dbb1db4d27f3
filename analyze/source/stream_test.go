package source

import (
	"bytes"
	"context"
	"errors"
	"slices"
	"testing"

	"layup/analyze/source/document"
	"layup/fixtures/sample"
	"layup/tarfs"
)

func TestWindowIsTheLargestOfAnyFrame(t *testing.T) {
	plain := sample.Tar(t, "a")
	const (
		frame5    = "28b52ffd 20 05 290000 68656c6c6f"
		frame1MiB = "28b52ffd 00 50 010000"
	)
	for _, tt := range []struct {
		case_ string
		blob  []byte
		want  int64
	}{
		{"plain", plain, 0},
		{"gzip", sample.Gzip(t, plain), 0},
		{"text", []byte("text"), 0},
		{"nothing", nil, 0},
		{"zstd of one segment", sample.FromHex(t, frame5), 5},
		{"zstd of one segment, its size in two bytes", sample.FromHex(t, "28b52ffd 60 0001 010000"), 512},
		{"a window after a skippable frame",
			slices.Concat(sample.Skippable(4, "meta"), sample.FromHex(t, frame1MiB)), 1 << 20},
		{"a larger window in a later frame", sample.FromHex(t, frame5+frame1MiB+frame5), 1 << 20},
		{"a later frame that the decoder refuses", sample.FromHex(t, frame1MiB+sample.ZstdWindow2GiB), 1 << 20},
		{"more frames than are looked at", bytes.Repeat(sample.FromHex(t, frame1MiB), 1<<17), 128 << 20},
		{"xz, whose blocks cannot be found beforehand", sample.Xz(t, plain), 128 << 20},
	} {
		l := layerOf(tt.blob, plain)
		if got := l.Window(); got != tt.want {
			t.Errorf("%s: got %d, want %d", tt.case_, got, tt.want)
		}
	}
}

func TestABombEndsAtTheLimit(t *testing.T) {
	plain := slices.Concat(sample.Tar(t, "a")[:1024], make([]byte, 8<<20))
	for name, blob := range map[string][]byte{"gzip": sample.Gzip(t, plain), "zstd": sample.Zstd(t, plain)} {
		for _, verify := range []bool{true, false} {
			l := layerOf(blob, plain)
			l.Verify = verify
			l.Limits.RatioFloor, l.Limits.Ratio = 1<<20, 100
			got, err := l.Scan(t.Context(), ScanOptions{})
			limit, ok := errors.AsType[*tarfs.LimitError](err)
			if !ok || limit.Name != "ratio" || got.Unpacked > 2<<20 {
				t.Errorf("%s: got %v after %d bytes, want the limit of the ratio", name, err, got.Unpacked)
			}
			l.Limits.Ratio, l.Limits.LayerBytes = 0, 1<<20
			_, err = l.Scan(t.Context(), ScanOptions{})
			if limit, ok := errors.AsType[*tarfs.LimitError](err); !ok || limit.Name != "layer-bytes" {
				t.Errorf("%s: got %v, want the limit of the bytes", name, err)
			}
		}
	}
	l := layerOf(plain, plain)
	l.Limits.LayerBytes, l.Verify = 1<<20, false
	if _, err := l.Scan(t.Context(), ScanOptions{}); err == nil {
		t.Error("a plain layer passes the limit of the bytes")
	}
}

func TestCancellingStopsAtTheNextBuffer(t *testing.T) {
	plain := slices.Concat(sample.Tar(t, "a")[:1024], make([]byte, 8<<20))
	for name, blob := range compressed(t, plain) {
		ctx, cancel := context.WithCancel(t.Context())
		l := layerOf(blob, plain)
		got, err := l.Scan(ctx, ScanOptions{Progress: func(int64) { cancel() }})
		if err != context.Canceled || got.Unpacked > 1<<20 {
			t.Errorf("%s: got %v after %d bytes", name, err, got.Unpacked)
		}
		l.Verify = false
		if _, err := l.Scan(ctx, ScanOptions{}); err != context.Canceled {
			t.Errorf("%s, not verified: got %v", name, err)
		}
	}
}

func TestMeterStopsAtWhatNoHonestLayerHolds(t *testing.T) {
	limits := &document.Limits{LayerBytes: 1000, Ratio: 5, RatioFloor: 100}
	for _, tt := range []struct {
		case_       string
		count, read int64
		want        string
	}{
		{"small, however well it compresses", 100, 1, ""},
		{"large and badly compressed", 1000, 200, ""},
		{"exactly at the ratio", 500, 100, ""},
		{"one byte over the ratio", 501, 100, "ratio"},
		{"over the size", 1001, 1001, "layer-bytes"},
		{"not compressed", 999, 0, ""},
	} {
		m := &meter{count: tt.count, limits: limits}
		if tt.read > 0 {
			m.blob = &blobReader{read: tt.read}
		}
		var limit *tarfs.LimitError
		got := ""
		if errors.As(m.over(), &limit) {
			got = limit.Name
		}
		if got != tt.want {
			t.Errorf("%s: got %q, want %q", tt.case_, got, tt.want)
		}
	}
}
