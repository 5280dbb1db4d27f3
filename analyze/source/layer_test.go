package source

import (
	"archive/tar"
	"bytes"
	"context"
	"crypto/sha256"
	"crypto/sha512"
	"errors"
	"fmt"
	"io"
	"math/rand/v2"
	"slices"
	"strings"
	"testing"

	"layup/tarfs"
)

func digestOf(b []byte) string { return fmt.Sprintf("sha256:%x", sha256.Sum256(b)) }

// layerOf is a layer of this blob, named truthfully.
func layerOf(blob, plain []byte) *Layer {
	limits := DefaultLimits()
	return &Layer{
		Index: 3, Digest: digestOf(blob), DiffID: digestOf(plain), Size: int64(len(blob)),
		blob: io.NewSectionReader(bytes.NewReader(blob), 0, int64(len(blob))), verify: true, limits: &limits,
	}
}

func rawNames(table *tarfs.Layer) []string {
	var names []string
	for e := range table.Raw() {
		names = append(names, e.Name)
	}
	return names
}

func codes(s Scanned) string {
	var all []string
	for _, w := range s.Warnings {
		all = append(all, fmt.Sprintf("%d:%s", w.Layer, w.Code))
	}
	return strings.Join(all, " ")
}

func TestALayerReadsAlikeInEveryCompression(t *testing.T) {
	plain := tarOf(t, "etc/a", "etc/b")
	for _, tt := range []struct {
		compression string
		blob        []byte
	}{
		{"none", plain},
		{"gzip", gzipOf(t, plain)},
		{"zstd", zstdOf(t, plain)},
		{"xz", xzOf(t, plain)},
	} {
		for _, verify := range []bool{true, false} {
			for _, digests := range []bool{true, false} {
				l := layerOf(tt.blob, plain)
				l.verify = verify
				var read int64
				got, err := l.Scan(t.Context(), ScanOptions{Digests: digests, Progress: func(n int64) { read += n }})
				if err != nil {
					t.Errorf("%s: %v", tt.compression, err)
				}
				if want := []string{"etc/a", "etc/b"}; !slices.Equal(rawNames(got.Table), want) {
					t.Errorf("%s: got %q, want %q", tt.compression, rawNames(got.Table), want)
				}
				if got.Compression != tt.compression || got.Unpacked != int64(len(plain)) || read != int64(len(tt.blob)) {
					t.Errorf("%s: got %s, %d unpacked, %d read, want %d and %d", tt.compression, got.Compression, got.Unpacked, read, len(plain), len(tt.blob))
				}
				if got.Digest != l.Digest || got.DiffID != l.DiffID || len(got.Warnings) > 0 {
					t.Errorf("%s: got digest %s, diffID %s, warnings %v", tt.compression, got.Digest, got.DiffID, got.Warnings)
				}
			}
		}
	}
}

func TestWhatIsNotNamedIsComputed(t *testing.T) {
	plain := tarOf(t, "a")
	blob := gzipOf(t, plain)
	l := layerOf(blob, plain)
	l.Digest, l.DiffID = "", ""
	got, err := l.Scan(t.Context(), ScanOptions{})
	if err != nil || got.Digest != digestOf(blob) || got.DiffID != digestOf(plain) {
		t.Errorf("got %s and %s, %v", got.Digest, got.DiffID, err)
	}
}

func TestEveryRegisteredAlgorithmVerifies(t *testing.T) {
	plain := tarOf(t, "a")
	for _, blob := range [][]byte{plain, gzipOf(t, plain)} {
		l := layerOf(blob, plain)
		l.Digest = fmt.Sprintf("sha512:%x", sha512.Sum512(blob))
		if got, err := l.Scan(t.Context(), ScanOptions{}); err != nil || got.Digest != l.Digest || got.DiffID != l.DiffID {
			t.Errorf("got %s, %v", got.Digest, err)
		}
		l.Digest = "sha512:00"
		if _, err := l.Scan(t.Context(), ScanOptions{}); err == nil {
			t.Error("a wrong sha512 is no error")
		}
		l.Digest = "md5:00"
		if _, err := l.Scan(t.Context(), ScanOptions{}); err == nil || !strings.Contains(err.Error(), `"md5"`) {
			t.Errorf("md5: got %v", err)
		}
	}
}

func TestNoFlippedByteOfALayerGoesUnnoticed(t *testing.T) {
	plain := tarOf(t, "a", "b")
	for name, blob := range map[string][]byte{"plain": plain, "gzip": gzipOf(t, plain), "zstd": zstdOf(t, plain)} {
		for i := range blob {
			l := layerOf(blob, plain)
			bad := flip(blob, i)
			l.blob = io.NewSectionReader(bytes.NewReader(bad), 0, int64(len(bad)))
			want := "content does not match its digest: want " + l.Digest + ", got " + digestOf(bad)
			if _, err := l.Scan(t.Context(), ScanOptions{}); err == nil || err.Error() != want {
				t.Fatalf("%s, byte %d: got %v, want %q", name, i, err, want)
			}
			l.Digest = "" // as in archives that name only the diffID
			got, err := l.Scan(t.Context(), ScanOptions{})
			if err == nil && (name == "plain" || !slices.Equal(rawNames(got.Table), []string{"a", "b"}) || got.DiffID != l.DiffID) {
				t.Fatalf("%s, byte %d, by diffID alone: no error", name, i)
			}
			if got.Table == nil {
				t.Fatalf("%s, byte %d: no table", name, i)
			}
		}
	}
}

func TestNoTruncatedLayerGoesUnnoticed(t *testing.T) {
	plain := tarOf(t, "a", "b")
	for name, blob := range map[string][]byte{"plain": plain, "gzip": gzipOf(t, plain), "zstd": zstdOf(t, plain)} {
		for i := range blob {
			l := layerOf(blob, plain)
			l.blob = io.NewSectionReader(bytes.NewReader(blob), 0, int64(i))
			if _, err := l.Scan(t.Context(), ScanOptions{}); err == nil || !strings.Contains(err.Error(), "size is") {
				t.Fatalf("%s cut after %d bytes: got %v", name, i, err)
			}
		}
	}
}

func TestALayerTellsTheCause(t *testing.T) {
	plain := tarOf(t, "etc/a", "etc/b")
	gz, zs := gzipOf(t, plain), zstdOf(t, plain)
	badHeader := flip(plain, 1024+5)
	other := tarOf(t, "other")
	const tail, mismatch = "3:compressed-stream-damaged-tail", "3:diff-id-mismatch"
	for _, tt := range []struct {
		case_       string
		blob, plain []byte // what the digest and the diffID are of
		stored      []byte // if it is not the blob
		want        string // the error
		codes       string
	}{
		{"gzip cut in the trailer", gz[:len(gz)-4], plain, nil, "gzip: unexpected end in the trailer", tail},
		{"gzip of a wrong checksum", flip(gz, len(gz)-8), plain, nil, "gzip: content does not match its checksum: want", tail},
		{"gzip cut in an entry", gz[:len(gz)-20], plain, nil, "unexpected end in the compressed data", ""},
		{"gzip with zeros behind", concat(gz, make([]byte, 100)), plain, nil, "", tail},
		{"zstd cut", zs[:len(zs)-20], plain, nil, "zstd: unexpected end in a block", ""},
		{"a bad header", badHeader, badHeader, nil, "tar header at offset 1024: ", ""},
		{"a bad header in gzip", gzipOf(t, badHeader), badHeader, nil, "tar header at offset 1024: ", ""},
		{"another tar", plain, other, nil, "content does not match its diffID: want " + digestOf(other) + ", got " + digestOf(plain), mismatch},
		{"another tar in gzip", gz, other, nil, "content does not match its diffID: want ", mismatch},
		{"another tar of a bad header", badHeader, plain, nil, "content does not match its diffID: want ", mismatch},
		{"another blob", gz, plain, gzipOf(t, other), "content does not match its digest: want " + digestOf(gz) + ", got ", ""},
		{"gzip inside gzip", gzipOf(t, gz), gz, nil, "not a tar (gzip inside gzip)", ""},
		{"zstd inside gzip", gzipOf(t, zs), plain, nil, "not a tar (zstd inside gzip)", ""},
		{"text inside gzip", gzipOf(t, []byte("text")), []byte("text"), nil, "not a tar (inside gzip)", ""},
		{"text", []byte("{}"), plain, nil, "not a tar: neither a tar header nor gzip, zstd, bzip2 or xz", ""},
		{"nothing", nil, nil, nil, "", ""},
		{"nothing, where there must be something", nil, plain, nil, "content does not match its diffID", mismatch},
		{"nothing in gzip", gzipOf(t, nil), nil, nil, "", ""},
		{"an empty tar", make([]byte, 1024), make([]byte, 1024), nil, "", ""},
		{"a dictionary", fromHex(t, zstdDictionary), plain, nil, "zstd: frame needs dictionary 7", ""},
		{"a window", fromHex(t, zstdWindow2GiB), plain, nil, "zstd: window: 2147483648 is over the limit of 134217728", ""},
	} {
		l := layerOf(tt.blob, tt.plain)
		if tt.stored != nil {
			l.blob = io.NewSectionReader(bytes.NewReader(tt.stored), 0, int64(len(tt.stored)))
		}
		got, err := l.Scan(t.Context(), ScanOptions{})
		switch {
		case (err == nil) != (tt.want == ""):
			t.Errorf("%s: got %v, want %q", tt.case_, err, tt.want)
		case err != nil && !strings.Contains(err.Error(), tt.want):
			t.Errorf("%s: got %q, want %q", tt.case_, err, tt.want)
		case codes(got) != tt.codes:
			t.Errorf("%s: got warnings %q, want %q", tt.case_, codes(got), tt.codes)
		}
	}
}

func TestWhatStandsBeforeTheDamageIsRead(t *testing.T) {
	plain := tarOf(t, "a", "b", "c")
	cutC := plain[:2*1024+700]
	gz := gzipOf(t, plain)
	for _, tt := range []struct {
		case_ string
		blob  []byte
		want  []string
	}{
		{"a tar cut in the third file", cutC, []string{"a", "b"}},
		{"the same in gzip", gzipOf(t, cutC), []string{"a", "b"}},
		{"the same in zstd", zstdOf(t, cutC), []string{"a", "b"}},
		{"gzip cut in the trailer", gz[:len(gz)-1], []string{"a", "b", "c"}},
	} {
		for _, verify := range []bool{true, false} {
			l := layerOf(tt.blob, plain)
			l.verify = verify
			l.DiffID = ""
			got, err := l.Scan(t.Context(), ScanOptions{})
			if names := rawNames(got.Table); err == nil || !slices.Equal(names, tt.want) {
				t.Errorf("%s, verify %v: got %q and %v, want %q", tt.case_, verify, names, err, tt.want)
			}
		}
	}
}

func TestSizeIsCheckedAgainstTheDescriptor(t *testing.T) {
	plain := tarOf(t, "a")
	l := layerOf(plain, plain)
	l.Size = 10
	want := fmt.Sprintf("size is %d bytes, its descriptor says 10", len(plain))
	if got, err := l.Scan(t.Context(), ScanOptions{}); err == nil || err.Error() != want || got.Table.Len() != 1 {
		t.Errorf("got %v and %d entries, want %q and what is there", err, got.Table.Len(), want)
	}
}

func TestPaddingThatZstdChunkedDropsIsMadeUpFor(t *testing.T) {
	short := tarOf(t, "a")
	padded := concat(short, make([]byte, 10240-len(short)))
	tooLong := concat(padded, make([]byte, 10240))
	noEnd := short[:1024]
	for _, tt := range []struct {
		case_         string
		blob, claimed []byte
		codes         string
	}{
		{"dropped padding", zstdOf(t, short), padded, "3:archive-padding-dropped"},
		{"dropped padding, decompressed by another tool", short, padded, "3:archive-padding-dropped"},
		{"padding that is there", zstdOf(t, padded), padded, ""},
		{"more than one record", zstdOf(t, short), tooLong, "3:diff-id-mismatch"},
		{"an archive without an end mark", zstdOf(t, noEnd), concat(noEnd, make([]byte, 10240-len(noEnd))), "3:diff-id-mismatch"},
	} {
		l := layerOf(tt.blob, tt.claimed)
		got, err := l.Scan(t.Context(), ScanOptions{})
		if codes(got) != tt.codes || (err == nil) != (tt.codes != "3:diff-id-mismatch") {
			t.Errorf("%s: got %q and %v, want %q", tt.case_, codes(got), err, tt.codes)
		}
		if err == nil && got.DiffID != l.DiffID {
			t.Errorf("%s: diffID is %s, want that of the config", tt.case_, got.DiffID)
		}
	}
}

func TestMediaTypesThatLieAreFlagged(t *testing.T) {
	plain := tarOf(t, "a")
	const oci, docker = "application/vnd.oci.image.layer.v1.tar", "application/vnd.docker.image.rootfs.diff.tar"
	for _, tt := range []struct {
		hint  string
		blob  []byte
		lies  bool
		case_ string
	}{
		{oci + "+gzip", gzipOf(t, plain), false, "gzip"},
		{oci + "+gzip", plain, true, "plain"},
		{oci + "+gzip", zstdOf(t, plain), true, "zstd"},
		{docker + ".gzip", gzipOf(t, plain), false, "gzip"},
		{docker + ".gzip", plain, true, "plain"},
		{oci + "+zstd", gzipOf(t, plain), true, "gzip"},
		{oci + "+zstd", zstdOf(t, plain), false, "zstd"},
		{oci, plain, false, "plain"},
		{oci, gzipOf(t, plain), true, "gzip"},
		{docker, xzOf(t, plain), true, "xz"},
		{oci + "+gzip", nil, false, "an empty blob"},
		{"", gzipOf(t, plain), false, "gzip"},
		{"application/octet-stream", gzipOf(t, plain), false, "gzip"},
		{"0123/layer.tar", gzipOf(t, plain), false, "gzip"},
	} {
		l := layerOf(tt.blob, plain)
		l.hint, l.verify = tt.hint, false
		got, err := l.Scan(t.Context(), ScanOptions{})
		want := ""
		if tt.lies {
			want = "3:media-type-mismatch"
		}
		if err != nil || codes(got) != want {
			t.Errorf("%q over %s: got %q and %v, want %q", tt.hint, tt.case_, codes(got), err, want)
		}
	}
}

func TestALayerOfACompressedInputIsNotComparedWithItsSpool(t *testing.T) {
	plain := tarOf(t, "a")
	l := layerOf(plain, plain)
	l.outer, l.Digest, l.Size = "xz", "sha256:00", 7
	got, err := l.Scan(t.Context(), ScanOptions{})
	if err != nil || got.Compression != "xz" || got.Digest != l.Digest || got.DiffID != digestOf(plain) {
		t.Errorf("got %+v, %v", got, err)
	}
	l = layerOf(gzipOf(t, plain), plain)
	l.outer = "xz"
	if _, err := l.Scan(t.Context(), ScanOptions{}); err == nil || err.Error() != "not a tar (gzip inside xz)" {
		t.Errorf("got %v", err)
	}
}

func TestABombEndsAtTheLimit(t *testing.T) {
	plain := concat(tarOf(t, "a")[:1024], make([]byte, 8<<20))
	for name, blob := range map[string][]byte{"gzip": gzipOf(t, plain), "zstd": zstdOf(t, plain)} {
		for _, verify := range []bool{true, false} {
			l := layerOf(blob, plain)
			l.verify = verify
			l.limits.RatioFloor, l.limits.Ratio = 1<<20, 100
			got, err := l.Scan(t.Context(), ScanOptions{})
			limit, ok := errors.AsType[*tarfs.LimitError](err)
			if !ok || limit.Name != "ratio" || got.Unpacked > 2<<20 {
				t.Errorf("%s: got %v after %d bytes, want the limit of the ratio", name, err, got.Unpacked)
			}
			l.limits.Ratio, l.limits.LayerBytes = 0, 1<<20
			_, err = l.Scan(t.Context(), ScanOptions{})
			if limit, ok := errors.AsType[*tarfs.LimitError](err); !ok || limit.Name != "layer-bytes" {
				t.Errorf("%s: got %v, want the limit of the bytes", name, err)
			}
		}
	}
	l := layerOf(plain, plain)
	l.limits.LayerBytes, l.verify = 1<<20, false
	if _, err := l.Scan(t.Context(), ScanOptions{}); err == nil {
		t.Error("a plain layer passes the limit of the bytes")
	}
}

func TestCancellingStopsAtTheNextBuffer(t *testing.T) {
	plain := concat(tarOf(t, "a")[:1024], make([]byte, 8<<20))
	for name, blob := range map[string][]byte{"plain": plain, "gzip": gzipOf(t, plain), "zstd": zstdOf(t, plain)} {
		ctx, cancel := context.WithCancel(t.Context())
		l := layerOf(blob, plain)
		got, err := l.Scan(ctx, ScanOptions{Progress: func(int64) { cancel() }})
		if err != context.Canceled || got.Unpacked > 1<<20 {
			t.Errorf("%s: got %v after %d bytes", name, err, got.Unpacked)
		}
		l.verify = false
		if _, err := l.Scan(ctx, ScanOptions{}); err != context.Canceled {
			t.Errorf("%s, not verified: got %v", name, err)
		}
	}
}

func TestAnInputThatChangedIsNoLayer(t *testing.T) {
	changed := errors.New("input changed while being read")
	plain := tarOf(t, "a")
	for _, verify := range []bool{true, false} {
		l := layerOf(plain, plain)
		l.verify, l.check = verify, func() error { return changed }
		if _, err := l.Scan(t.Context(), ScanOptions{}); err != changed {
			t.Errorf("verify %v: got %v", verify, err)
		}
	}
	l := layerOf(gzipOf(t, plain), plain)
	l.check = func() error { return changed }
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
	plain := tarOf(t, "a", "b")
	for _, verify := range []bool{true, false} {
		l := layerOf(plain, plain)
		l.verify = verify
		l.blob = io.NewSectionReader(bytes.NewReader(plain[:1500]), 0, int64(len(plain)))
		if _, err := l.Scan(t.Context(), ScanOptions{}); !errors.Is(err, errShrunk) {
			t.Errorf("verify %v: got %v", verify, err)
		}
	}
}

func TestALayerThatCannotBeReadSaysWhy(t *testing.T) {
	why := errors.New("layer is encrypted")
	l := &Layer{err: why, Digest: "sha256:00"}
	got, err := l.Scan(t.Context(), ScanOptions{})
	if err != why || got.Table == nil || got.Table.Len() != 0 || got.Digest != l.Digest {
		t.Errorf("Scan: got %+v, %v", got, err)
	}
	if _, err := l.Tar(t.Context(), 0); err != why {
		t.Errorf("Tar: got %v", err)
	}
	if got := l.Window(); got != 0 {
		t.Errorf("Window: got %d", got)
	}
}

func TestTarGivesTheTarFromAnyOffset(t *testing.T) {
	plain := tarOf(t, "a", "b", "c")
	for name, blob := range map[string][]byte{"plain": plain, "gzip": gzipOf(t, plain), "zstd": zstdOf(t, plain), "xz": xzOf(t, plain)} {
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
	gz := gzipOf(t, plain)
	r, err := layerOf(gz[:len(gz)-30], plain).Tar(t.Context(), 0)
	if err != nil {
		t.Fatal(err)
	}
	if _, err := io.ReadAll(r); err == nil {
		t.Error("a tar that is cut reads to a clean end")
	}
}

func TestWindowIsTheLargestOfAnyFrame(t *testing.T) {
	plain := tarOf(t, "a")
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
		{"gzip", gzipOf(t, plain), 0},
		{"text", []byte("text"), 0},
		{"nothing", nil, 0},
		{"zstd of one segment", fromHex(t, frame5), 5},
		{"zstd of one segment, its size in two bytes", fromHex(t, "28b52ffd 60 0001 010000"), 512},
		{"a window behind a skippable frame", concat(skippable(4, "meta"), fromHex(t, frame1MiB)), 1 << 20},
		{"a larger window in a later frame", concat(fromHex(t, frame5), fromHex(t, frame1MiB), fromHex(t, frame5)), 1 << 20},
		{"a later frame that the decoder refuses", concat(fromHex(t, frame1MiB), fromHex(t, zstdWindow2GiB)), 1 << 20},
		{"more frames than are looked at", bytes.Repeat(fromHex(t, frame1MiB), zstdBlocks), 128 << 20},
		{"xz, whose blocks cannot be found beforehand", xzOf(t, plain), 128 << 20},
	} {
		l := layerOf(tt.blob, plain)
		if got := l.Window(); got != tt.want {
			t.Errorf("%s: got %d, want %d", tt.case_, got, tt.want)
		}
	}
}

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
	l.verify, l.blob = false, io.NewSectionReader(src, 0, int64(b.Len()))
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
		h := newHeaderReader(t.Context(), bytes.NewReader(data), int64(len(data)))
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
