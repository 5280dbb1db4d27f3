package decode

import (
	"bytes"
	"encoding/binary"
	"hash/crc32"
	"io"
	"runtime"
	"testing"

	"github.com/ulikunitz/xz"

	"layup/fixtures/sample"
)

func crcOf(b []byte) uint32 { return crc32.ChecksumIEEE(b) }

// xzBlockAt is the offset of the first block's header, after the stream's header.
const xzBlockAt = 12

// editBlockHeader changes the first block header and sets its checksum right again.
func editBlockHeader(t testing.TB, stream []byte, edit func(header []byte)) []byte {
	t.Helper()
	b := bytes.Clone(stream)
	header := b[xzBlockAt:][:4*(int(b[xzBlockAt])+1)]
	edit(header)
	end := len(header) - 4
	binary.LittleEndian.PutUint32(header[end:], crcOf(header[:end]))
	return b
}

func withDictionary(t testing.TB, stream []byte, code byte) []byte {
	return editBlockHeader(t, stream, func(header []byte) {
		at := bytes.Index(header, []byte{0x21, 1})
		header[at+2] = code
	})
}

func withFilter(t testing.TB, stream []byte, id byte) []byte {
	return editBlockHeader(t, stream, func(header []byte) {
		header[bytes.Index(header, []byte{0x21, 1})] = id
	})
}

func withCheck(stream []byte, kind byte) []byte {
	b := bytes.Clone(stream)
	b[7] = kind
	binary.LittleEndian.PutUint32(b[8:], crcOf(b[6:8]))
	return b
}

func TestXzOfEveryChecksumAndManyBlocks(t *testing.T) {
	content := bytes.Repeat(sample.Tar(t, "a", "b"), 50)
	for _, tt := range []struct {
		case_  string
		config xz.WriterConfig
	}{
		{"no checksum", xz.WriterConfig{NoCheckSum: true}},
		{"CRC-32", xz.WriterConfig{CheckSum: xz.CRC32}},
		{"CRC-64", xz.WriterConfig{CheckSum: xz.CRC64}},
		{"SHA-256", xz.WriterConfig{CheckSum: xz.SHA256}},
		{"blocks of 20,000 bytes", xz.WriterConfig{BlockSize: 20_000}},
		{"a dictionary as small as can be", xz.WriterConfig{DictCap: 4096}},
	} {
		data := sample.Compressed(t, func(w io.Writer) (io.WriteCloser, error) { return tt.config.NewWriter(w) }, content)
		got, _, err := decode(data, "xz")
		if err != nil || !bytes.Equal(got, content) {
			t.Errorf("%s: got %d bytes and %v, want %d", tt.case_, len(got), err, len(content))
		}
	}
}

// A decoder that makes a dictionary for every block allocates 8 MiB forty times here.
func TestBlocksOfAnXzStreamShareOneDictionary(t *testing.T) {
	config := xz.WriterConfig{BlockSize: 16, DictCap: 8 << 20}
	content := make([]byte, 640)
	data := sample.Compressed(t, func(w io.Writer) (io.WriteCloser, error) { return config.NewWriter(w) }, content)
	var before, after runtime.MemStats
	runtime.ReadMemStats(&before)
	got, _, err := decode(data, "xz")
	runtime.ReadMemStats(&after)
	if err != nil || !bytes.Equal(got, content) {
		t.Fatalf("got %d bytes and %v", len(got), err)
	}
	if n := after.TotalAlloc - before.TotalAlloc; n > 20<<20 {
		t.Errorf("40 blocks of 16 bytes allocate %d bytes, want one dictionary of 8 MiB and little more", n)
	}
}

func TestXzSizesInABlockHeaderAreChecked(t *testing.T) {
	block := &xzBlock{}
	for _, tt := range []struct {
		case_ string
		body  []byte
		good  bool
	}{
		{"no sizes", []byte{0, 0x21, 1, 10, 0, 0, 0}, true},
		{"both sizes", []byte{0xc0, 5, 0x85, 1, 0x21, 1, 10, 0}, true},
		{"a size of ten bytes", []byte{0x40, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 1, 0x21, 1, 10}, false},
		{"a size with a byte too many", []byte{0x40, 0x81, 0, 0x21, 1, 10}, false},
		{"a size cut", []byte{0x40, 0x81}, false},
		{"no filter", []byte{0}, false},
		{"padding that is not zero", []byte{0, 0x21, 1, 10, 1}, false},
		{"a dictionary of no size", []byte{0, 0x21, 1, 41, 0}, false},
		{"reserved flags", []byte{0x04, 0x21, 1, 10, 0}, false},
		{"two filters", []byte{0x01, 0x03, 1, 0, 0x21, 1, 10}, false},
	} {
		if _, err := block.parse(tt.body); (err == nil) != tt.good {
			t.Errorf("%s: got %v, want good %v", tt.case_, err, tt.good)
		}
	}
}
