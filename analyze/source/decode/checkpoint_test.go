package decode

import (
	"bufio"
	"bytes"
	"compress/gzip"
	"io"
	"math"
	"math/rand/v2"
	"slices"
	"testing"
)

// members compresses contents as members of one stream, each at its own level.
func members(t *testing.T, contents ...[]byte) (stream, all []byte) {
	t.Helper()
	var b bytes.Buffer
	for i, content := range contents {
		w, err := gzip.NewWriterLevel(&b, []int{gzip.BestSpeed, gzip.HuffmanOnly, gzip.NoCompression, 6}[i%4])
		if err != nil {
			t.Fatal(err)
		}
		w.Name = "member"
		if _, err := w.Write(content); err != nil {
			t.Fatal(err)
		}
		if err := w.Close(); err != nil {
			t.Fatal(err)
		}
		all = append(all, content...)
	}
	return b.Bytes(), all
}

// A counted reader counts what it gave.
type counted struct {
	io.Reader
	n int64
}

func (c *counted) Read(p []byte) (int, error) {
	n, err := c.Reader.Read(p[:min(len(p), 1+int(c.n)%5000)]) // in odd pieces
	c.n += int64(n)
	return n, err
}

// A held store is one in memory.
type held struct{ bytes.Buffer }

func (h *held) Again() ([]byte, error) {
	all := bytes.Clone(h.Bytes())
	h.Reset()
	return all, nil
}

// noted reads a whole stream, and returns its checkpoints every so many bytes.
func noted(t *testing.T, stream []byte, every int64) *Checkpoints {
	t.Helper()
	from := &counted{Reader: bytes.NewReader(stream)}
	src := bufio.NewReaderSize(from, 4096)
	d, to := NewGzip(src), new(held)
	if !note(d, func() int64 { return from.n - int64(src.Buffered()) }, to, every) {
		t.Skip("another decoder than our own, by LAYUP_INFLATE")
	}
	if _, err := io.Copy(io.Discard, struct{ io.Reader }{d}); err != nil {
		t.Fatal(err)
	}
	c, err := ParseCheckpoints(to.Bytes())
	if err != nil {
		t.Fatal(err)
	}
	return c
}

func TestAStreamIsResumedAtEachCheckpoint(t *testing.T) {
	rnd := rand.New(rand.NewPCG(1, 2))
	text := func(n int) []byte {
		b := make([]byte, n)
		for i := range b {
			b[i] = "etaoin shrdlu\n"[rnd.IntN(rnd.IntN(13)+1)]
		}
		return b
	}
	small := make([][]byte, 300)
	for i := range small {
		small[i] = text(rnd.IntN(3000))
	}
	for name, contents := range map[string][][]byte{
		"one member":          {text(2_000_000)},
		"two, stored between": {text(700_000), text(900_000), text(500_000), text(300_000)},
		"many small members":  small,
		"an empty member":     {text(200_000), {}, {}, text(200_000)},
	} {
		t.Run(name, func(t *testing.T) {
			stream, all := members(t, contents...)
			c := noted(t, stream, 50_000)
			if len(c.list) < 4 {
				t.Fatalf("%d checkpoints", len(c.list))
			}
			for i, p := range c.list {
				past, err := p.history()
				if err != nil || len(past) == 0 || !bytes.HasSuffix(all[:p.Out], past) {
					t.Fatalf("checkpoint %d has other content before it: %d bytes, %v", i, len(past), err)
				}
				d, err := ResumeGzip(bufio.NewReader(bytes.NewReader(stream[p.In:])), p)
				if err != nil {
					t.Fatal(err)
				}
				got, err := io.ReadAll(d)
				if err != nil || !bytes.Equal(got, all[p.Out:]) {
					t.Fatalf("from %d of %d: got %d bytes, %v", p.Out, len(all), len(got), err)
				}
			}
			for _, at := range []int64{0, 49_999, 150_000, int64(len(all)) - 1, int64(len(all)) + 9} {
				p, ok := c.Before(at)
				after, more := c.After(at)
				last := c.list[len(c.list)-1].Out
				if ok != (c.list[0].Out <= at) || ok && p.Out > at || more && after.Out < at || !more && last >= at {
					t.Errorf("around %d: %d %v, %d %v", at, p.Out, ok, after.Out, more)
				}
			}
		})
	}
}

func TestCheckpointsOfALongStreamAreBounded(t *testing.T) {
	stream, all := members(t, slices.Repeat([][]byte{make([]byte, 2000)}, 3*most)...)
	c := noted(t, stream, 1000)
	apart := int64(math.MaxInt64) // the least distance
	for i, p := range c.list[1:] {
		apart = min(apart, p.Out-c.list[i].Out)
	}
	if len(c.list) >= most || len(c.list) < most/4 || apart <= 2000 {
		t.Fatalf("%d checkpoints of %d bytes, %d apart", len(c.list), len(all), apart)
	}
}

func FuzzCheckpoints(f *testing.F) {
	f.Add([]byte{1, 2, 3, 0, 4, 0, 9, 2, 'a', 'b'})
	f.Fuzz(func(t *testing.T, b []byte) {
		c, err := ParseCheckpoints(b)
		if err != nil {
			return
		}
		for _, p := range c.list {
			if d, err := ResumeGzip(bufio.NewReader(bytes.NewReader(b)), p); err == nil {
				_, _ = io.CopyN(io.Discard, d, 1<<20)
			}
		}
	})
}
