package inflate

import (
	"bufio"
	"bytes"
	"compress/flate"
	"errors"
	"io"
	"math/rand/v2"
	"testing"
	"testing/iotest"

	kflate "github.com/klauspost/compress/flate"
)

// tail follows every stream. A reader must not consume any of it.
const tail = "what follows the stream"

// inflated reads a stream through a small buffer in small pieces. It returns also the rest of the source.
func inflated(stream []byte, buffer int, wrap func(io.Reader) io.Reader, pieces int) (out, rest []byte, err error) {
	src := bufio.NewReaderSize(wrap(bytes.NewReader(stream)), buffer)
	var r Reader
	r.Reset(src)
	b := make([]byte, pieces)
	for err == nil {
		var n int
		n, err = r.Read(b)
		out = append(out, b[:n]...)
		if len(out) >= most {
			out = out[:most]
			break
		}
	}
	if err == io.EOF {
		err = nil
	}
	rest, _ = io.ReadAll(src)
	return out, rest, err
}

// most is the number of inflated bytes that are compared: a few bytes may inflate to gigabytes.
const most = 2 << 20

func plain(r io.Reader) io.Reader { return r }

// library reads a stream with a library.
func library(stream []byte, reader func(io.Reader) io.ReadCloser) (out, rest []byte, err error) {
	src := bufio.NewReader(bytes.NewReader(stream))
	out, err = io.ReadAll(io.LimitReader(reader(src), most))
	rest, _ = io.ReadAll(src)
	return out, rest, err
}

// compare checks that bytes, verdict and, for a good stream, the rest are those of the standard library, which engines
// use. klauspost's decoder is a second witness. It accepts some streams that the standard library and zlib refuse
// (codes of blocks that no symbol ends), so it is asked only about streams that they accept.
func compare(t *testing.T, stream []byte) {
	t.Helper()
	want, wantRest, wantErr := library(stream, flate.NewReader)
	got, rest, err := inflated(stream, 64<<10, plain, 64<<10)
	if (err == nil) != (wantErr == nil) {
		t.Fatalf("got error %v, want %v (after %d and %d bytes)", err, wantErr, len(got), len(want))
	}
	if errors.Is(wantErr, io.ErrUnexpectedEOF) && !errors.Is(err, io.ErrUnexpectedEOF) && !isCorrupt(err) {
		t.Fatalf("got %v, want an early end", err)
	}
	if err != nil {
		return
	}
	if !bytes.Equal(got, want) {
		t.Fatalf("got %d bytes, want %d, and they differ", len(got), len(want))
	}
	if len(got) < most && !bytes.Equal(rest, wantRest) {
		t.Fatalf("leaves %d bytes of the source, want %d", len(rest), len(wantRest))
	}
	if witness, _, err := library(stream, kflate.NewReader); err != nil || !bytes.Equal(got, witness) {
		t.Fatalf("klauspost reads %d bytes of %d, %v", len(witness), len(got), err)
	}
}

func isCorrupt(err error) bool {
	var c CorruptError
	return errors.As(err, &c)
}

func deflated(t testing.TB, level int, data []byte) []byte {
	t.Helper()
	var b bytes.Buffer
	w, err := flate.NewWriter(&b, level)
	if err != nil {
		t.Fatal(err)
	}
	if _, err := w.Write(data); err != nil {
		t.Fatal(err)
	}
	if err := w.Close(); err != nil {
		t.Fatal(err)
	}
	return b.Bytes()
}

// samples are contents of many shapes.
func samples() map[string][]byte {
	rnd := rand.New(rand.NewPCG(1, 2))
	random := make([]byte, 200_000)
	for i := range random {
		random[i] = byte(rnd.Uint32())
	}
	text := bytes.Repeat([]byte("the quick brown fox jumps over the lazy dog, again and again; "), 5000)
	for i := range text {
		if rnd.IntN(40) == 0 {
			text[i] = byte('a' + rnd.IntN(26))
		}
	}
	skewed := make([]byte, 300_000) // long codes: frequencies fall by half from symbol to symbol
	for i := range skewed {
		n := 0
		for n < 200 && rnd.IntN(2) == 0 {
			n++
		}
		skewed[i] = byte(n)
	}
	far := append(append(bytes.Clone(random[:32768]), random[:32768]...), random[:100]...) // distance 32 KiB
	short := bytes.Repeat([]byte("ab"), 100_000)
	for period := 3; period < 20; period++ {
		short = append(short, bytes.Repeat(random[:period], 100)...)
	}
	return map[string][]byte{
		"nothing": nil, "one byte": {7}, "random": random, "text": text, "skewed": skewed, "far": far,
		"zeros": make([]byte, 1_000_000), "short periods": short,
	}
}

func TestInflatesWhatIsDeflated(t *testing.T) {
	for name, data := range samples() {
		for level := flate.HuffmanOnly; level <= flate.BestCompression; level++ {
			stream := append(deflated(t, level, data), tail...)
			for _, pieces := range []int{1 << 20, 64 << 10, 1000, 13} {
				got, rest, err := inflated(stream, 4096, plain, pieces)
				if err != nil || !bytes.Equal(got, data) || string(rest) != tail {
					t.Errorf("%s, level %d, in pieces of %d: got %d bytes of %d, %d left, %v", name, level, pieces, len(got),
						len(data), len(rest), err)
				}
			}
		}
	}
}

func TestSplitInputChangesNothing(t *testing.T) {
	for name, data := range samples() {
		stream := append(deflated(t, flate.DefaultCompression, data[:min(len(data), 40_000)]), tail...)
		for _, wrap := range []func(io.Reader) io.Reader{iotest.OneByteReader, iotest.HalfReader, iotest.DataErrReader} {
			got, rest, err := inflated(stream, 16, wrap, 777)
			if err != nil || !bytes.Equal(got, data[:min(len(data), 40_000)]) || string(rest) != tail {
				t.Errorf("%s: got %d bytes, %d left, %v", name, len(got), len(rest), err)
			}
		}
	}
}

func TestEveryCutIsAnEarlyEnd(t *testing.T) {
	stream := deflated(t, flate.BestCompression, samples()["text"][:3000])
	for n := range stream {
		if _, _, err := inflated(stream[:n], 64, plain, 4096); !errors.Is(err, io.ErrUnexpectedEOF) {
			t.Fatalf("cut at %d of %d: got %v", n, len(stream), err)
		}
	}
}

func TestEveryFlippedBitIsReadAsTheLibraryReadsIt(t *testing.T) {
	for _, level := range []int{flate.HuffmanOnly, flate.BestSpeed, flate.BestCompression} {
		stream := deflated(t, level, samples()["text"][:1500])
		for i := range len(stream) * 8 {
			flipped := bytes.Clone(stream)
			flipped[i/8] ^= 1 << (i % 8)
			compare(t, append(flipped, tail...))
		}
	}
}

func TestReadErrorsComeAfterTheBytesBeforeThem(t *testing.T) {
	data := samples()["text"]
	stream := deflated(t, flate.BestSpeed, data)
	broken := errors.New("disk on fire")
	src := io.MultiReader(bytes.NewReader(stream[:len(stream)/2]), iotest.ErrReader(broken))
	var r Reader
	r.Reset(bufio.NewReader(src))
	got, err := io.ReadAll(&r)
	if err != broken || len(got) == 0 || !bytes.HasPrefix(data, got) {
		t.Errorf("got %d bytes and %v", len(got), err)
	}
}

// No writer makes these streams. The library decides what they are.
func TestCraftedStreams(t *testing.T) {
	for _, test := range []struct {
		say  string
		bits []bit
	}{
		{"an empty stored block", []bit{{1, 1}, {0, 2}, {0, 5}, {0, 16}, {0xffff, 16}}},
		{"a stored block whose lengths disagree", []bit{{1, 1}, {0, 2}, {0, 5}, {1, 16}, {0xffff, 16}}},
		{"a block of type 3", []bit{{1, 1}, {3, 2}}},
		{"an empty fixed block", []bit{{1, 1}, {1, 2}, {0, 7}}},
		{"two empty fixed blocks", []bit{{0, 1}, {1, 2}, {0, 7}, {1, 1}, {1, 2}, {0, 7}}},
		{"a fixed block with length symbol 286", []bit{{1, 1}, {1, 2}, {rev(0xc6, 8), 8}, {0, 5}, {0, 7}}},
		{"a fixed block with distance symbol 30", []bit{{1, 1}, {1, 2}, {rev(0x30, 8), 8}, {rev(1, 7), 7}, {rev(30, 5), 5},
			{0, 7}}},
		{"a match before any byte", []bit{{1, 1}, {1, 2}, {rev(1, 7), 7}, {0, 5}, {0, 7}}},
		{"the longest match, of the byte before", []bit{{1, 1}, {1, 2}, {rev(0x30+65, 8), 8}, {rev(0xc5, 8), 8}, {0, 5},
			{0, 7}}},
		{"a match one byte too far", []bit{{1, 1}, {1, 2}, {rev(0x30+65, 8), 8}, {rev(1, 7), 7}, {rev(1, 5), 5}, {0, 7}}},
		{"too many literal codes", []bit{{1, 1}, {2, 2}, {30, 5}, {0, 5}, {0, 4}}},
		{"too many distance codes", []bit{{1, 1}, {2, 2}, {0, 5}, {30, 5}, {0, 4}}},
		{"a code of lengths of one code", dynamic([]uint8{0, 0, 0, 0, 1})},
		{"an over-subscribed code of lengths", dynamic([]uint8{1, 1, 1})},
		{"an incomplete code of lengths", dynamic([]uint8{2, 2, 2})},
		{"no code of lengths", dynamic([]uint8{0, 0, 0})},
	} {
		t.Run(test.say, func(t *testing.T) {
			stream := pack(test.bits)
			compare(t, append(stream, make([]byte, 40)...))
			compare(t, append(stream, bytes.Repeat([]byte{0xff}, 40)...))
			compare(t, stream)
		})
	}
}

type bit struct {
	value uint32
	n     int
}

// rev reverses the bits of a code: it is stored from its highest bit.
func rev(code uint32, n int) (r uint32) {
	for range n {
		r = r<<1 | code&1
		code >>= 1
	}
	return r
}

func dynamic(pre []uint8) []bit {
	bits := []bit{{1, 1}, {2, 2}, {0, 5}, {0, 5}, {uint32(len(pre) - 4&15), 4}}
	for _, n := range pre {
		bits = append(bits, bit{uint32(n), 3})
	}
	return bits
}

func pack(bits []bit) []byte {
	var out []byte
	at := 0
	for _, b := range bits {
		for i := range b.n {
			if at%8 == 0 {
				out = append(out, 0)
			}
			out[at/8] |= byte(b.value>>i&1) << (at % 8)
			at++
		}
	}
	return out
}

// FuzzInflate compares the decoder with the library.
func FuzzInflate(f *testing.F) {
	for _, data := range samples() {
		for _, level := range []int{flate.HuffmanOnly, flate.NoCompression, flate.BestSpeed, flate.BestCompression} {
			stream := deflated(f, level, data[:min(len(data), 2000)])
			f.Add(stream, uint16(16), uint16(100))
		}
	}
	f.Fuzz(func(t *testing.T, stream []byte, buffer, pieces uint16) {
		compare(t, stream)
		want, _, wantErr := inflated(stream, 64<<10, plain, 64<<10)
		if len(want) > 64<<10 {
			return // byte by byte that takes too long
		}
		got, _, err := inflated(stream, int(buffer), iotest.OneByteReader, int(pieces)+1)
		if (err == nil) != (wantErr == nil) || !bytes.Equal(got, want) {
			t.Fatalf("in pieces: got %d bytes and %v; at once %d and %v", len(got), err, len(want), wantErr)
		}
	})
}

func BenchmarkInflate(b *testing.B) {
	data := bytes.Repeat(samples()["text"], 20)
	stream := deflated(b, flate.DefaultCompression, data)
	buf := make([]byte, 256<<10)
	for _, bench := range []struct {
		name string
		read func(src *bufio.Reader) io.Reader
	}{
		{"own", func(src *bufio.Reader) io.Reader { r := new(Reader); r.Reset(src); return r }},
		{"klauspost", func(src *bufio.Reader) io.Reader { return kflate.NewReader(src) }},
		{"standard", func(src *bufio.Reader) io.Reader { return flate.NewReader(src) }},
	} {
		b.Run(bench.name, func(b *testing.B) {
			b.SetBytes(int64(len(data)))
			for b.Loop() {
				r := bench.read(bufio.NewReaderSize(bytes.NewReader(stream), 64<<10))
				for {
					if _, err := r.Read(buf); err == io.EOF {
						break
					} else if err != nil {
						b.Fatal(err)
					}
				}
			}
		})
	}
}
