package decode

import (
	"bufio"
	"bytes"
	"errors"
	"io"
	"strings"
	"testing"
	"testing/iotest"

	"layup/fixtures/sample"
	"layup/tarfs"
)

// hello is "hello, layer\n" in bzip2, for which there is no writer here.
const (
	testWindow  = 128 << 20
	hello       = "hello, layer\n"
	helloBzip2  = "425a683931415926535986ddac0a0000035180001040042244902020003100302003d21402de58d0bc5dc914e142421b76b028"
	emptyBzip2  = "425a683917724538509000000000"
	hugeWindow  = "28b52ffd 00 ff 010000"             // 3.75 TiB
	hugeSegment = "28b52ffd e0 ffffffffffffff7f 0100" // one segment, as large as can be said
)

func concat(parts ...[]byte) []byte { return bytes.Join(parts, nil) }

func TestSniffTellsStreamsByTheirFirstBytes(t *testing.T) {
	plain := sample.Tar(t, "a")
	v7 := bytes.Clone(plain[:512])
	copy(v7[257:], make([]byte, 8)) // no magic
	setChecksum(v7)
	damaged := bytes.Clone(plain)
	damaged[0] ^= 1
	named := sample.Tar(t, "BZh9 is a name")
	for _, tt := range []struct {
		case_ string
		head  []byte
		want  string
	}{
		{"nothing", nil, "none"},
		{"a tar", plain, "none"},
		{"a tar without magic", v7, "none"},
		{"a tar of a damaged header, for the tar's reader to name", damaged, "none"},
		{"an empty tar", make([]byte, 1024), "none"},
		{"a tar whose first name begins as bzip2 does", named, "none"},
		{"zeros that are not a block", make([]byte, 100), ""},
		{"gzip", sample.Gzip(t, plain), "gzip"},
		{"gzip and a tar at once, which engines take for gzip", polyglot(plain), "gzip"},
		{"gzip cut in its header", sample.Gzip(t, plain)[:5], "gzip"},
		{"gzip of a method that does not exist", []byte{0x1f, 0x8b, 0, 0}, ""},
		{"zstd", sample.Zstd(t, plain), "zstd"},
		{"zstd that begins with a skippable frame", sample.Skippable(4, "meta"), "zstd"},
		{"bzip2", sample.FromHex(t, helloBzip2), "bzip2"},
		{"bzip2 of nothing", sample.FromHex(t, emptyBzip2), "bzip2"},
		{"bzip2's magic and other data", []byte("BZh9 what"), "bzip2"},
		{"xz", sample.Xz(t, plain), "xz"},
		{"text", []byte(`{"layers":[]}`), ""},
		{"text of a block", bytes.Repeat([]byte("text "), 200), ""},
	} {
		if got := Sniff(tt.head[:min(len(tt.head), 512)], int64(len(tt.head))); got != tt.want {
			t.Errorf("%s: got %q, want %q", tt.case_, got, tt.want)
		}
	}
}

func setChecksum(header []byte) {
	copy(header[148:156], "        ")
	sum := 0
	for _, c := range header[:512] {
		sum += int(c)
	}
	for i := 5; i >= 0; i-- {
		header[148+i] = byte('0' + sum&7)
		sum >>= 3
	}
	header[154] = 0
}

func polyglot(plain []byte) []byte {
	b := bytes.Clone(plain)
	copy(b, GzipMagic)
	setChecksum(b)
	return b
}

// decode reads all that comes out of a source that gives its bytes in the most awkward way.
func decode(data []byte, compression string) (content []byte, tail bool, err error) {
	d, err := New(bufio.NewReader(iotest.OneByteReader(bytes.NewReader(data))), compression, testWindow)
	if err != nil {
		return nil, false, err
	}
	content, err = io.ReadAll(d)
	return content, d.Tail(), errors.Join(err, d.Close())
}

func TestAllPiecesOfAStreamAreRead(t *testing.T) {
	a, b := sample.Tar(t, "a"), sample.Tar(t, "b")
	ab := concat(a, b)
	gzA, gzB, zsA, zsB := sample.Gzip(t, a), sample.Gzip(t, b), sample.Zstd(t, a), sample.Zstd(t, b)
	empty, xzA, xzB := sample.Gzip(t, nil), sample.Xz(t, a), sample.Xz(t, b)
	hello3 := sample.FromHex(t, helloBzip2+emptyBzip2+helloBzip2)
	for _, tt := range []struct {
		case_, compression string
		data, want         []byte
		tail               bool
	}{
		{"one member", "gzip", gzA, a, false},
		{"two members", "gzip", concat(gzA, gzB), ab, false},
		{"empty members between", "gzip", concat(empty, gzA, empty, gzB, empty), ab, false},
		{"zeros after the last member", "gzip", concat(gzA, make([]byte, 512)), a, true},
		{"garbage after the last member", "gzip", concat(gzA, []byte("garbage")), a, true},
		{"one byte after the last member", "gzip", concat(gzA, []byte{0x1f}), a, true},
		{"what begins as a member but is not one", "gzip", concat(gzA, []byte{0x1f, 0x8b, 8, 0xff, 1, 2}), a, true},
		{"a member after garbage, which no engine reads", "gzip", concat(gzA, []byte{0}, gzB), a, true},
		{"all that a member's header may hold", "gzip", fullHeader(t, a), a, false},
		{"one frame", "zstd", zsA, a, false},
		{"two frames", "zstd", concat(zsA, zsB), ab, false},
		{"a skippable frame first", "zstd", concat(sample.Skippable(4, "meta"), zsA), a, false},
		{"a skippable frame between", "zstd", concat(zsA, sample.Skippable(0, ""), zsB), ab, false},
		{"a skippable frame last", "zstd", concat(zsA, sample.Skippable(4, "meta")), a, false},
		{"skippable frames only", "zstd", concat(sample.Skippable(4, "meta"), sample.Skippable(0, "")), nil, false},
		{"one stream", "bzip2", sample.FromHex(t, helloBzip2), []byte(hello), false},
		{"streams, one of them empty", "bzip2", hello3, []byte(hello + hello), false},
		{"one stream", "xz", xzA, a, false},
		{"two streams", "xz", concat(xzA, xzB), ab, false},
		{"padding between streams and after", "xz", concat(xzA, make([]byte, 4), xzB, make([]byte, 8)), ab, false},
		{"an empty stream", "xz", concat(sample.Xz(t, nil), xzA), a, false},
	} {
		got, tail, err := decode(tt.data, tt.compression)
		if err != nil || tail != tt.tail || !bytes.Equal(got, tt.want) {
			t.Errorf("%s, %s: got %d bytes, tail %v, error %v, want %d bytes, tail %v",
				tt.compression, tt.case_, len(got), tail, err, len(tt.want), tt.tail)
		}
	}
}

// fullHeader is a member with a long extra field, a name longer than any buffer, a comment and a checksum of all that.
func fullHeader(t *testing.T, content []byte) []byte {
	plain := sample.Gzip(t, content)
	head := concat([]byte{0x1f, 0x8b, 8, gzipHeaderCRC | gzipExtra | gzipName | gzipComment, 0, 0, 0, 0, 0, 3},
		[]byte{0xff, 0xff}, make([]byte, 0xffff), bytes.Repeat([]byte("n"), 200_000), []byte{0}, []byte("comment"), []byte{0})
	sum := crcOf(head)
	return concat(head, []byte{byte(sum), byte(sum >> 8)}, plain[10:])
}

func TestDamagedStreamsSayWhatIsWrong(t *testing.T) {
	a := sample.Tar(t, "a", "b")
	gz, zs, x := sample.Gzip(t, a), sample.Zstd(t, a), sample.Xz(t, a)
	withName := fullHeader(t, a)
	withName[20] ^= 1
	bz, window2GiB := sample.FromHex(t, helloBzip2), sample.FromHex(t, sample.ZstdWindow2GiB)
	const window, skippable = "zstd: window: 2147483648 is over the limit", "zstd: unexpected end in a skippable frame"
	for _, tt := range []struct {
		case_, compression string
		data               []byte
		want               string
	}{
		{"nothing but magic", "gzip", gz[:3], "gzip: unexpected end in the header"},
		{"cut in the data", "gzip", gz[:len(gz)/2], "gzip: unexpected end in the compressed data"},
		{"cut before the trailer", "gzip", gz[:len(gz)-8], "gzip: unexpected end in the trailer"},
		{"cut in the trailer", "gzip", gz[:len(gz)-1], "gzip: unexpected end in the trailer"},
		{"another checksum", "gzip", sample.Flip(gz, len(gz)-8), "gzip: content does not match its checksum: want "},
		{"another length", "gzip", sample.Flip(gz, len(gz)-1), "gzip: content does not match its size: want "},
		{"unknown flags", "gzip", concat([]byte{0x1f, 0x8b, 8, 0xe0}, gz[4:]), "gzip: header 1f 8b 08 e0 is damaged"},
		{"a header with another checksum", "gzip", withName, "gzip: header does not match its checksum"},
		{"a second member cut in its header", "gzip", concat(gz, gz[:6]), "gzip: unexpected end in the header"},
		{"a block of a type that does not exist", "gzip", concat(gz[:10], []byte{7, 0, 0}), "gzip: corrupt data at byte"},
		{"cut in a block", "zstd", zs[:len(zs)/2], "zstd: unexpected end in a block"},
		{"cut in the checksum", "zstd", zs[:len(zs)-1], "zstd: unexpected end in a block"},
		{"cut in the header", "zstd", zs[:5], "zstd: unexpected end in a frame header"},
		{"another checksum", "zstd", sample.Flip(zs, len(zs)-1), "zstd: content does not match its checksum"},
		{"a skippable frame longer than the rest", "zstd", concat(zs, sample.Skippable(9, "meta")), skippable},
		{"a skippable frame cut in its header", "zstd", concat(zs, sample.Skippable(9, "")[:6]), skippable},
		{"data after the frames", "zstd", concat(zs, []byte("garbage")), "zstd: no frame follows"},
		{"a window of 2 GiB", "zstd", window2GiB, window},
		{"a window of 2 GiB in a later frame", "zstd", concat(zs, window2GiB), window},
		{"a window that nobody has", "zstd", sample.FromHex(t, hugeWindow), "zstd: frame asks for a window of"},
		{"a segment that nobody holds", "zstd", sample.FromHex(t, hugeSegment), "zstd: frame asks for a window of 92233"},
		{"a dictionary", "zstd", sample.FromHex(t, sample.ZstdDictionary), "zstd: frame needs dictionary 7"},
		{"cut", "bzip2", bz[:len(bz)-4], "bzip2: unexpected end in the compressed data"},
		{"nothing but magic", "bzip2", []byte("BZh9 what is this"), "bzip2: "},
		{"another checksum", "bzip2", sample.Flip(bz, len(bz)-2), "bzip2: "},
		{"data after the stream", "bzip2", concat(bz, []byte("garbage")), "bzip2: "},
		{"cut in the header", "xz", x[:7], "xz: unexpected end in a stream header"},
		{"cut in the block's header", "xz", x[:14], "xz: unexpected end in a block header"},
		{"cut in the data", "xz", x[:len(x)/2], "xz: unexpected end in a chunk"},
		{"cut in the footer", "xz", x[:len(x)-1], "xz: unexpected end in the index"},
		{"data after the stream", "xz", concat(x, []byte("garbage garbage")), "xz: no stream follows"},
		{"padding that is not a multiple of four", "xz", concat(x, make([]byte, 6)), "xz: unexpected end in a stream header"},
		{"a dictionary of 4 GiB", "xz", withDictionary(t, x, 40), "xz: dictionary: window: 4294967295 is over the limit"},
		{"a dictionary of 4 GiB later on", "xz", concat(x, withDictionary(t, x, 40)), "xz: dictionary: window: 4294967295"},
		{"a filter that is not LZMA2", "xz", withFilter(t, x, 4), "xz: filter 0x04 is not supported"},
		{"an unknown checksum", "xz", withCheck(x, 5), "xz: flags 0005 of the stream are unknown"},
	} {
		_, _, err := decode(tt.data, tt.compression)
		if err == nil || !strings.HasPrefix(err.Error(), tt.want) {
			t.Errorf("%s, %s: got %v, want %q", tt.compression, tt.case_, err, tt.want)
		}
	}
}

func TestDamageOfATrailerComesAfterTheContent(t *testing.T) {
	a := sample.Tar(t, "a", "b")
	gz := sample.Gzip(t, a)
	for _, tt := range []struct {
		case_ string
		data  []byte
	}{
		{"cut", gz[:len(gz)-3]},
		{"missing", gz[:len(gz)-8]},
		{"wrong", sample.Flip(gz, len(gz)-8)},
	} {
		got, _, err := decode(tt.data, "gzip")
		if _, ok := errors.AsType[*TrailerError](err); !ok || !bytes.Equal(got, a) {
			t.Errorf("%s: got %d bytes and %v, want %d bytes and damage of the trailer", tt.case_, len(got), err, len(a))
		}
	}
}

// everyStream is one sound stream of each compression.
func everyStream(t *testing.T) map[string][]byte {
	a := sample.Tar(t, "a", "b")
	return map[string][]byte{"gzip": sample.Gzip(t, a), "zstd": sample.Zstd(t, a), "xz": sample.Xz(t, a),
		"bzip2": sample.FromHex(t, helloBzip2)}
}

func TestNoFlippedByteOfAStreamGoesUnnoticed(t *testing.T) {
	for compression, data := range everyStream(t) {
		want, _, err := decode(data, compression)
		if err != nil {
			t.Fatal(err)
		}
		for i := range data {
			got, _, err := decode(sample.Flip(data, i), compression)
			// gzip does not cover its own header's time, flags for the system, and the like.
			if err == nil && !bytes.Equal(got, want) {
				t.Errorf("%s: byte %d flipped: other content and no error", compression, i)
			}
			if errors.Is(err, io.ErrNoProgress) || err != nil && !strings.Contains(err.Error(), compression) {
				t.Errorf("%s: byte %d flipped: error %v does not name the compression", compression, i, err)
			}
		}
	}
}

func TestNoTruncationOfAStreamGoesUnnoticed(t *testing.T) {
	for compression, data := range everyStream(t) {
		for i := 4; i < len(data); i++ {
			_, _, err := decode(data[:i], compression)
			if err == nil || !strings.Contains(err.Error(), "unexpected end") {
				t.Errorf("%s: cut after %d of %d bytes: got %v, want an unexpected end", compression, i, len(data), err)
			}
		}
	}
}

func TestReadErrorsOfTheSourceStayWhatTheyAre(t *testing.T) {
	for compression, data := range everyStream(t) {
		for i := range data {
			broken := io.MultiReader(bytes.NewReader(data[:i]), iotest.ErrReader(errDisk))
			d, err := New(bufio.NewReader(broken), compression, testWindow)
			if err == nil {
				_, err = io.ReadAll(d)
			}
			if !errors.Is(err, errDisk) {
				t.Errorf("%s: disk failed after %d bytes: got %v", compression, i, err)
			}
		}
	}
}

var errDisk = errors.New("disk failed")

func TestManyEmptyMembersAreQuick(t *testing.T) {
	a := sample.Tar(t, "a")
	for compression, data := range map[string][]byte{
		"gzip": concat(bytes.Repeat(sample.Gzip(t, nil), 200_000), sample.Gzip(t, a)),
		"zstd": concat(bytes.Repeat(sample.FromHex(t, "28b52ffd 20 00 010000"), 200_000), sample.Zstd(t, a)),
	} {
		d, err := New(bufio.NewReader(bytes.NewReader(data)), compression, testWindow)
		if err != nil {
			t.Fatal(err)
		}
		var got []byte
		allocs := testing.AllocsPerRun(1, func() { // two runs, the second of which meets the end
			b, err := io.ReadAll(d)
			if err != nil {
				t.Fatal(err)
			}
			got = append(got, b...)
		})
		if !bytes.Equal(got, a) || allocs > 1000 {
			t.Errorf("%s: got %d bytes with %v allocations, want %d bytes and few", compression, len(got), allocs, len(a))
		}
	}
}

func TestAnXzDictionaryIsBoundedBeforeItIsAllocated(t *testing.T) {
	const window = 1 << 20
	d, err := New(bufio.NewReader(bytes.NewReader(sample.Xz(t, sample.Tar(t, "a")))), "xz", window) // 8 MiB
	if err != nil {
		t.Fatal(err)
	}
	_, err = io.ReadAll(d)
	if limit, ok := errors.AsType[*tarfs.LimitError](err); !ok || limit.Name != "window" || limit.Value != 8<<20 {
		t.Errorf("got %v, want the limit of the window", err)
	}
}
