package source

import (
	"crypto/sha512"
	"fmt"
	"slices"
	"strings"
	"testing"

	"layup/fixtures/sample"
)

func TestWhatIsNotNamedIsComputed(t *testing.T) {
	plain := sample.Tar(t, "a")
	blob := sample.Gzip(t, plain)
	l := layerOf(blob, plain)
	l.Digest, l.DiffID = "", ""
	got, err := l.Scan(t.Context(), ScanOptions{})
	if err != nil || got.Digest != sample.Digest(blob) || got.DiffID != sample.Digest(plain) {
		t.Errorf("got %s and %s, %v", got.Digest, got.DiffID, err)
	}
}

func TestEveryRegisteredAlgorithmVerifies(t *testing.T) {
	plain := sample.Tar(t, "a")
	for _, blob := range [][]byte{plain, sample.Gzip(t, plain)} {
		l := layerOf(blob, plain)
		l.Digest = fmt.Sprintf("sha512:%x", sha512.Sum512(blob))
		if got, err := l.Scan(t.Context(), ScanOptions{}); err != nil || got.Digest != l.Digest || got.DiffID != l.DiffID {
			t.Errorf("got %s, %v", got.Digest, err)
		}
		l.Digest = "sha512:00"
		if _, err := l.Scan(t.Context(), ScanOptions{}); err == nil {
			t.Error("a wrong sha512 is not an error")
		}
		l.Digest = "md5:00"
		if _, err := l.Scan(t.Context(), ScanOptions{}); err == nil || !strings.Contains(err.Error(), `"md5"`) {
			t.Errorf("md5: got %v", err)
		}
	}
}

func TestSizeIsCheckedAgainstTheDescriptor(t *testing.T) {
	plain := sample.Tar(t, "a")
	l := layerOf(plain, plain)
	l.Size = 10
	want := fmt.Sprintf("size is %d bytes, its descriptor says 10", len(plain))
	if got, err := l.Scan(t.Context(), ScanOptions{}); err == nil || err.Error() != want || got.Table.Len() != 1 {
		t.Errorf("got %v and %d entries, want %q and what is there", err, got.Table.Len(), want)
	}
}

func TestPaddingThatZstdChunkedDropsIsMadeUpFor(t *testing.T) {
	short := sample.Tar(t, "a")
	padded := slices.Concat(short, make([]byte, 10240-len(short)))
	tooLong := slices.Concat(padded, make([]byte, 10240))
	noEnd := short[:1024]
	for _, tt := range []struct {
		case_         string
		blob, claimed []byte
		codes         string
	}{
		{"dropped padding", sample.Zstd(t, short), padded, "3:archive-padding-dropped"},
		{"dropped padding, decompressed by another tool", short, padded, "3:archive-padding-dropped"},
		{"padding that is there", sample.Zstd(t, padded), padded, ""},
		{"more than one record", sample.Zstd(t, short), tooLong, "3:diff-id-mismatch"},
		{"an archive without an end mark", sample.Zstd(t, noEnd),
			slices.Concat(noEnd, make([]byte, 10240-len(noEnd))), "3:diff-id-mismatch"},
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
	plain := sample.Tar(t, "a")
	const oci, docker = "application/vnd.oci.image.layer.v1.tar", "application/vnd.docker.image.rootfs.diff.tar"
	for _, tt := range []struct {
		hint  string
		blob  []byte
		lies  bool
		case_ string
	}{
		{oci + "+gzip", sample.Gzip(t, plain), false, "gzip"},
		{oci + "+gzip", plain, true, "plain"},
		{oci + "+gzip", sample.Zstd(t, plain), true, "zstd"},
		{docker + ".gzip", sample.Gzip(t, plain), false, "gzip"},
		{docker + ".gzip", plain, true, "plain"},
		{oci + "+zstd", sample.Gzip(t, plain), true, "gzip"},
		{oci + "+zstd", sample.Zstd(t, plain), false, "zstd"},
		{oci, plain, false, "plain"},
		{oci, sample.Gzip(t, plain), true, "gzip"},
		{docker, sample.Xz(t, plain), true, "xz"},
		{oci + "+gzip", nil, false, "an empty blob"},
		{"", sample.Gzip(t, plain), false, "gzip"},
		{"application/octet-stream", sample.Gzip(t, plain), false, "gzip"},
		{"0123/layer.tar", sample.Gzip(t, plain), false, "gzip"},
	} {
		l := layerOf(tt.blob, plain)
		blobOf(l).Hint, l.Verify = tt.hint, false
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
	plain := sample.Tar(t, "a")
	l := layerOf(plain, plain)
	blobOf(l).Outer, l.Digest, l.Size = "xz", "sha256:00", 7
	got, err := l.Scan(t.Context(), ScanOptions{})
	if err != nil || got.Compression != "xz" || got.Digest != l.Digest || got.DiffID != sample.Digest(plain) {
		t.Errorf("got %+v, %v", got, err)
	}
	l = layerOf(sample.Gzip(t, plain), plain)
	blobOf(l).Outer = "xz"
	if _, err := l.Scan(t.Context(), ScanOptions{}); err == nil || err.Error() != "not a tar (gzip inside xz)" {
		t.Errorf("got %v", err)
	}
}
