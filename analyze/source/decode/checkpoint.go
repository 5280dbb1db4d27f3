package decode

import (
	"bufio"
	"encoding/binary"
	"errors"
	"io"
	"sort"

	"github.com/klauspost/compress/zstd"

	"layup/analyze/source/decode/inflate"
)

// A Checkpoint is a place in a gzip stream from which it can be inflated.
type Checkpoint struct {
	In   int64  // offset of the byte, in the stream, in which the next block begins
	Bits uint8  // of that byte that belong to what is before
	Out  int64  // bytes of content before it
	past []byte // the last of them, up to 32 KiB, as zstd: most are not read again
}

// Checkpoints are those of one gzip stream, in order. There is none at its beginning.
type Checkpoints struct{ list []Checkpoint }

const (
	between = 4 << 20 // bytes of content from one checkpoint to the next, or a little more
	history = 32 << 10
	most    = 256 // of a stream, so that they need 8 MiB at most; of a longer one, every second is dropped again
)

// A Store is where checkpoints go as they are found. It keeps its errors.
type Store interface {
	io.Writer
	// Again takes back all that was written.
	Again() ([]byte, error)
}

// Note stores checkpoints of a gzip decoder while it is read, for ParseCheckpoints. Position returns how many bytes of
// the stream the source has given. It reports false, and notes nothing, unless the decoder is our own.
func Note(d Decoder, position func() int64, to Store) bool { return note(d, position, to, between) }

func note(d Decoder, position func() int64, to Store, every int64) bool {
	gz, ok := d.(*gzipDecoder)
	if !ok {
		return false
	}
	own, ok := gz.inflate.(*inflate.Reader)
	if !ok {
		return false
	}
	pack, err := zstd.NewWriter(nil, zstd.WithEncoderLevel(zstd.SpeedFastest), zstd.WithEncoderConcurrency(1),
		zstd.WithWindowSize(history), zstd.WithLowerEncoderMem(true), zstd.WithEncoderCRC(false))
	if err != nil {
		return false
	}
	n := &notes{to: to, every: every}
	own.Mark(func(ahead, out int64, past []byte) {
		if out += gz.start; out-n.last.Out >= n.every {
			at := position()*8 + ahead
			n.past = pack.EncodeAll(past, n.past[:0])
			n.add(Checkpoint{at >> 3, uint8(at & 7), out, n.past})
		}
	})
	return true
}

// notes are checkpoints while they are noted.
type notes struct {
	to           Store
	every        int64
	count        int
	last         Checkpoint // without its content
	past, binary []byte     // used again
}

func (n *notes) add(p Checkpoint) {
	n.put(p)
	if n.count < most {
		return
	}
	n.every *= 2
	data, err := n.to.Again()
	if err != nil {
		return
	}
	all, err := ParseCheckpoints(data)
	if err != nil {
		return
	}
	n.count, n.last = 0, Checkpoint{}
	for i := 1; i < len(all.list); i += 2 {
		n.put(all.list[i])
	}
}

func (n *notes) put(p Checkpoint) {
	n.binary = p.appendBinary(n.binary[:0], n.last)
	_, _ = n.to.Write(n.binary) // which keeps its error
	p.past = nil
	n.last, n.count = p, n.count+1
}

// Before returns the last checkpoint that is not after an offset of the content; false if that is the beginning.
func (c *Checkpoints) Before(out int64) (Checkpoint, bool) {
	i := sort.Search(len(c.list), func(i int) bool { return c.list[i].Out > out })
	if i == 0 {
		return Checkpoint{}, false
	}
	return c.list[i-1], true
}

// After returns the first checkpoint at an offset of the content or after it; false if that is the end.
func (c *Checkpoints) After(out int64) (Checkpoint, bool) {
	i := sort.Search(len(c.list), func(i int) bool { return c.list[i].Out >= out })
	if i == len(c.list) {
		return Checkpoint{}, false
	}
	return c.list[i], true
}

// ResumeGzip inflates from a checkpoint on. The source begins with the byte at In. The checksum of the member around
// the checkpoint is not compared. The error says that the checkpoint is damaged.
func ResumeGzip(src *bufio.Reader, p Checkpoint) (Decoder, error) {
	past, err := p.history()
	if err != nil {
		return nil, err
	}
	own := new(inflate.Reader)
	own.Resume(src, uint(p.Bits), past)
	return &gzipDecoder{src: src, inflate: own, members: 1, inside: true, resumed: true}, nil
}

// history returns the content before the checkpoint.
func (p Checkpoint) history() ([]byte, error) {
	d, err := zstd.NewReader(nil, zstd.WithDecoderConcurrency(1), zstd.WithDecoderMaxMemory(history),
		zstd.WithDecoderLowmem(true))
	if err != nil {
		return nil, err
	}
	defer d.Close()
	past, err := d.DecodeAll(p.past, make([]byte, 0, history))
	if err != nil || len(past) > history {
		return nil, errCheckpoints
	}
	return past, nil
}

// appendBinary appends a checkpoint that follows another one to bytes, for ParseCheckpoints.
func (p Checkpoint) appendBinary(b []byte, before Checkpoint) []byte {
	b = binary.AppendUvarint(b, uint64(p.In-before.In))
	b = binary.AppendUvarint(b, uint64(p.Bits))
	b = binary.AppendUvarint(b, uint64(p.Out-before.Out))
	b = binary.AppendUvarint(b, uint64(len(p.past)))
	return append(b, p.past...)
}

var errCheckpoints = errors.New("not checkpoints of a gzip stream")

// ParseCheckpoints reads what Note stored.
func ParseCheckpoints(b []byte) (*Checkpoints, error) {
	c := new(Checkpoints)
	var before Checkpoint
	for len(b) > 0 {
		var n [4]uint64
		for i := range n {
			var k int
			if n[i], k = binary.Uvarint(b); k <= 0 || n[i] > 1<<62 {
				return nil, errCheckpoints
			}
			b = b[k:]
		}
		if n[1] > 7 || n[3] > uint64(len(b)) {
			return nil, errCheckpoints
		}
		p := Checkpoint{before.In + int64(n[0]), uint8(n[1]), before.Out + int64(n[2]), b[:n[3]:n[3]]}
		if p.In < before.In || p.Out <= before.Out {
			return nil, errCheckpoints
		}
		c.list, b, before = append(c.list, p), b[n[3]:], p
	}
	return c, nil
}
