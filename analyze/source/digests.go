package source

import (
	"crypto/sha256"
	"crypto/sha512"
	"encoding/hex"
	"fmt"
	"hash"
	"slices"
	"sync"
)

// digests are computed side by side over one stream, each algorithm once.
type digests struct {
	names  []string
	hashes []hash.Hash

	// Where a processor is idle it hashes, a buffer at a time, while this one goes on.
	beside func(func()) bool // nil where there is never one
	full   [2][]byte         // buffers in turn
	turn   int
	alone  int // bytes to hash here before it is asked again
	busy   sync.WaitGroup
}

// The bytes that an idle processor is given at once, and those to go by after there was none.
const (
	besideBuffer = 256 << 10
	besidePause  = 16 << 20
)

func newDigests(algorithms ...string) (*digests, error) {
	d := new(digests)
	for _, name := range algorithms {
		if slices.Contains(d.names, name) {
			continue
		}
		var h hash.Hash
		switch name { // the algorithms that the OCI image specification registers
		case "sha256":
			h = sha256.New()
		case "sha512":
			h = sha512.New()
		default:
			return nil, fmt.Errorf("digest algorithm %q is unknown", name)
		}
		d.names, d.hashes = append(d.names, name), append(d.hashes, h)
	}
	return d, nil
}

func (d *digests) write(p []byte) {
	for d.beside != nil && d.alone <= 0 && len(p) > 0 {
		b := d.full[d.turn]
		if b == nil {
			b = make([]byte, 0, besideBuffer)
		}
		n := min(len(p), cap(b)-len(b))
		d.full[d.turn] = append(b, p[:n]...)
		p = p[n:]
		if len(b)+n == cap(b) {
			d.pass()
		}
	}
	if len(p) > 0 { // else another processor may be hashing
		d.alone -= len(p)
		d.hash(p)
	}
}

func (d *digests) hash(p []byte) {
	for _, h := range d.hashes {
		h.Write(p)
	}
}

// pass hands the full buffer over, or hashes it here.
func (d *digests) pass() {
	d.busy.Wait() // bytes are hashed in order
	b := d.full[d.turn]
	d.turn = 1 - d.turn
	if d.full[d.turn] != nil {
		d.full[d.turn] = d.full[d.turn][:0]
	}
	d.busy.Add(1)
	if !d.beside(func() { d.hash(b); d.busy.Done() }) {
		d.hash(b)
		d.busy.Done()
		d.alone = besidePause
	}
}

// settle waits until all that was written is hashed.
func (d *digests) settle() {
	d.busy.Wait()
	d.hash(d.full[d.turn])
	d.full[d.turn] = d.full[d.turn][:0]
}

// sum returns the digest so far as ALGORITHM:HEX.
func (d *digests) sum(algorithm string) string {
	d.settle()
	i := slices.Index(d.names, algorithm)
	return algorithm + ":" + hex.EncodeToString(d.hashes[i].Sum(nil))
}

// tarRecord is the length to whose multiples tar writers pad an archive.
const tarRecord = 10240

// pad adds the zeros that bring count bytes of a tar to whole records, and returns how many they are if the digest is then the one wanted,
// else 0. Tools that write zstd:chunked drop them, though the diffID covers them.
func (d *digests) pad(count int64, want string) int64 {
	n := -count % tarRecord
	if n == 0 {
		return 0
	}
	n += tarRecord
	d.write(make([]byte, n))
	if d.sum(algorithm(want)) != want {
		return 0
	}
	return n
}
