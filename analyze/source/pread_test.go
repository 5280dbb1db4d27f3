package source

import (
	"archive/tar"
	"bytes"
	"fmt"
	"io"
	"layup/analyze/source/decode"
	"layup/analyze/source/document"
	"layup/fixtures/sample"
	"math/rand/v2"
	"strings"
	"testing"
)

// countingAt counts what is read.
type countingAt struct {
	src         io.ReaderAt
	reads, size int64
}

func (c *countingAt) ReadAt(p []byte, off int64) (int, error) {
	c.reads++
	c.size += int64(len(p))
	return c.src.ReadAt(p, off)
}

func TestWithoutVerificationOnlyHeadersAreRead(t *testing.T) {
	var b bytes.Buffer
	w := tar.NewWriter(&b)
	for i := range 20 {
		w.WriteHeader(&tar.Header{Name: fmt.Sprint("large", i), Size: 1 << 20, Format: tar.FormatUSTAR})
		w.Write(make([]byte, 1<<20))
	}
	for i := range 1000 {
		w.WriteHeader(&tar.Header{Name: fmt.Sprint("small", i), Size: 10, Format: tar.FormatUSTAR})
		io.WriteString(w, "ten bytes.")
	}
	w.Close()
	src := &countingAt{src: bytes.NewReader(b.Bytes())}
	l := layerOf(b.Bytes(), b.Bytes())
	l.Verify, blobOf(l).Bytes = false, io.NewSectionReader(src, 0, int64(b.Len()))
	got, err := l.Scan(t.Context(), ScanOptions{})
	if err != nil || got.Table.Len() != 1020 {
		t.Fatalf("got %d entries and %v", got.Table.Len(), err)
	}
	if small := int64(1000 * 1024); src.size > small+21*smallWindow+3*largeWindow || src.reads > 21+small/largeWindow+8 {
		t.Errorf("read %d bytes in %d reads of a layer of %d bytes", src.size, src.reads, b.Len())
	}
}

// The header-only reader and the reader of all bytes must show the same tar, whatever is asked of them.
func TestAHeaderReaderReadsAsAReaderOfAllBytes(t *testing.T) {
	data := make([]byte, 700_000)
	random := rand.New(rand.NewPCG(1, 2))
	for i := range data {
		data[i] = byte(random.Uint32())
	}
	for round := range 50 {
		h := NewHeaderReader(t.Context(), bytes.NewReader(data), int64(len(data)))
		for at := 0; ; {
			n := []int{1, 512, 5000, 65536, 90_000, 150_000}[random.IntN(6)]
			if random.IntN(2) == 0 {
				want := data[at:min(at+n, len(data))]
				got, err := h.Peek(n)
				if !bytes.Equal(got, want) || (err == io.EOF) != (len(want) < n) {
					t.Fatalf("round %d: Peek(%d) at %d: got %d bytes and %v, want %d", round, n, at, len(got), err, len(want))
				}
				continue
			}
			want := min(n, len(data)-at)
			got, err := h.Discard(n)
			if got != want || (err == io.EOF) != (want < n) {
				t.Fatalf("round %d: Discard(%d) at %d: got %d and %v, want %d", round, n, at, got, err, want)
			}
			if at += got; err != nil {
				break
			}
		}
	}
}

func TestALayerOverTheLimitIsNotReadToItsEnd(t *testing.T) {
	plain := sample.Tar(t, "a")
	limits := document.DefaultLimits()
	limits.LayerBytes = int64(len(plain)) - 1
	for _, verify := range []bool{true, false} {
		src := &countingAt{src: bytes.NewReader(plain)}
		l := &Layer{Content: &Blob{Bytes: io.NewSectionReader(src, 0, int64(len(plain)))}, Limits: &limits, Verify: verify}
		_, err := l.Scan(t.Context(), ScanOptions{})
		if err == nil || !strings.Contains(err.Error(), "--limit layer-bytes=") || src.size > decode.HeadSize {
			t.Errorf("a layer, verify %v: got %v after %d bytes", verify, err, src.size)
		}
	}
}
