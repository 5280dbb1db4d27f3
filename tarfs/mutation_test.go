package tarfs_test

import (
	"flag"
	"math/rand/v2"
	"testing"

	"layup/tarfs"
)

var mutations = flag.Int("mutations", 30000, "how many mutated tars are read both by Scan and by archive/tar")

// Bytes changed by chance, checksums set right again, reach every field of a header and of what extends it.
func TestScanMatchesArchiveTarOnMutations(t *testing.T) {
	for seed := range uint64(*mutations) {
		random := rand.New(rand.NewPCG(seed, 2))
		c := streams[random.IntN(len(streams))]
		data := mutate(random, c.data)
		if d := compareWithLibrary(data); d != "" {
			t.Fatalf("seed %d, from %q:\n%s", seed, c.name, d)
		}
	}
}

// letters are the bytes that mean something somewhere.
const letters = "\x00\x01 /09785-+.,=\nSLKxg1\x80\xff\xc0ustar"

// mutate changes up to three bytes and sets the checksums of what were headers.
func mutate(random *rand.Rand, data []byte) []byte {
	out := join(data)
	if len(out) == 0 {
		return out
	}
	for range 1 + random.IntN(3) {
		at := random.IntN(len(out))
		if random.IntN(2) == 0 { // most of a header is unused
			at = at/blockSize*blockSize + []int{0, 1, 100, 108, 120, 124, 130, 135, 136, 140, 147, 156, 157, 257, 263, 264, 329, 337, 345, 386, 398, 482, 483, 494, 508}[random.IntN(25)]
			at = min(at, len(out)-1)
		}
		out[at] = letters[random.IntN(len(letters))]
	}
	for at := 0; at+blockSize <= len(out); at += blockSize {
		if tarfs.IsHeader(data[at : at+blockSize]) {
			sum(out[at : at+blockSize])
		}
	}
	return out
}
