package kinds

import (
	"bytes"
	"context"
	"errors"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"layup/analyze/source/advice"
	"layup/analyze/source/document"
	"layup/fixtures/sample"
	"layup/tarfs"
)

func TestAnEndlessPipeOfZerosIsNotAnArchive(t *testing.T) {
	zero, err := os.Open("/dev/zero")
	if err != nil {
		t.Skip(err)
	}
	defer zero.Close()
	opt := testOptions(t)
	opt.Stdin = zero
	if _, err := Open(t.Context(), "-", opt); err == nil || !strings.Contains(err.Error(), "1 MiB is zeros") {
		t.Errorf("got %v", err)
	}
}

func TestCancelEndsTheWaitForAPipe(t *testing.T) {
	r, w, err := os.Pipe()
	if err != nil {
		t.Fatal(err)
	}
	defer w.Close()
	ctx, cancel := context.WithTimeout(t.Context(), 50*time.Millisecond)
	defer cancel()
	opt := testOptions(t)
	opt.Stdin = r
	if _, err := Open(ctx, "-", opt); !errors.Is(err, context.DeadlineExceeded) {
		t.Errorf("got %v", err)
	}
}

func TestSpoolingLeavesNoFile(t *testing.T) {
	opt := testOptions(t)
	a, err := Open(t.Context(), fileOf(t, "x", sample.Gzip(t, sample.Tar(t, "a"))), opt)
	if err != nil {
		t.Fatal(err)
	}
	defer a.Close()
	if left, err := os.ReadDir(opt.TempDir); err != nil || len(left) > 0 {
		t.Errorf("got %v, %v", left, err)
	}
}

func TestNoRoomForTheSpoolNamesTheDirectory(t *testing.T) {
	opt := testOptions(t)
	opt.TempDir = filepath.Join(opt.TempDir, "gone")
	_, err := Open(t.Context(), fileOf(t, "x", sample.Gzip(t, sample.Tar(t, "a"))), opt)
	hinted, ok := errors.AsType[*advice.Hinted](err)
	if !ok || !strings.Contains(err.Error(), opt.TempDir) || !strings.Contains(hinted.Hint, "--tmpdir") {
		t.Errorf("got %v", err)
	}
}

func TestSpoolIsBounded(t *testing.T) {
	bomb := archiveOf(t, member{name: "a", body: "x" + strings.Repeat("\x00", 8<<20)})
	for _, tt := range []struct {
		name    string
		content []byte
		set     func(l *document.Limits)
	}{
		{document.LimitImageBytes, bomb, func(l *document.Limits) { l.ImageBytes = 4 << 20 }},
		{document.LimitImageBytes, sample.Gzip(t, bomb), func(l *document.Limits) { l.ImageBytes = 4 << 20 }},
		{document.LimitRatio, sample.Gzip(t, bomb), func(l *document.Limits) { l.RatioFloor, l.Ratio = 4<<20, 100 }},
	} {
		opt := testOptions(t)
		opt.Stdin = pipeOf(t, bytes.NewReader(tt.content))
		tt.set(&opt.Limits)
		_, err := Open(t.Context(), "-", opt)
		if limit, ok := errors.AsType[*tarfs.LimitError](err); !ok || limit.Name != tt.name {
			t.Errorf("%s: got %v", tt.name, err)
		}
	}
}
