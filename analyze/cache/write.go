package cache

import (
	"cmp"
	"crypto/rand"
	"crypto/sha256"
	"encoding/binary"
	"encoding/json"
	"errors"
	"hash"
	"io"
	"os"
	"path/filepath"
	"sync"
	"time"

	"github.com/klauspost/compress/zstd"
)

// Put keeps an object, if there is room. It removes those that were not used for the longest time. About tells people
// what it is of.
func (c *Cache) Put(kind, key, about string, data []byte) {
	c.Write(kind, key, about, func(w io.Writer) error {
		_, err := w.Write(data)
		return err
	})
}

// Write is Put of what a function writes, which must not write another object meanwhile. Nothing is kept if it has an
// error.
func (c *Cache) Write(kind, key, about string, data func(io.Writer) error) {
	if c == nil {
		return
	}
	w := c.Create(kind, key)
	w.plain = false
	if c.packing.pack(w, data) != nil {
		w.Discard()
		return
	}
	w.Commit(about)
}

// window is how far back the compression looks: little memory is worth more than a smaller object.
const window = 128 << 10

// A packing compresses one object after another.
type packing struct {
	mu      sync.Mutex
	encoder *zstd.Encoder
}

// pack compresses what a function writes.
func (p *packing) pack(w *Writer, data func(io.Writer) error) (err error) {
	p.mu.Lock()
	defer p.mu.Unlock()
	if p.encoder == nil {
		p.encoder, err = zstd.NewWriter(nil, zstd.WithEncoderLevel(zstd.SpeedFastest), zstd.WithEncoderConcurrency(1),
			zstd.WithWindowSize(window), zstd.WithLowerEncoderMem(true))
		if err != nil {
			return err
		}
	}
	p.encoder.Reset(w)
	from := &counter{w: p.encoder}
	err = cmp.Or(data(from), p.encoder.Close())
	w.size = from.n
	return err
}

// A counter counts what goes through it.
type counter struct {
	w io.Writer
	n int64
}

func (c *counter) Write(b []byte) (int, error) {
	if c.n += int64(len(b)); c.n > mostData {
		return 0, errRoom
	}
	return c.w.Write(b)
}

// A Writer is an object that is being written, without its name until Commit. Its errors are kept: Commit tells.
type Writer struct {
	cache     *Cache
	kind, sum string
	plain     bool  // it is not compressed
	size      int64 // of the data

	file  *os.File // nil before the first byte
	check hash.Hash
	bytes int64 // of the file
	err   error
}

// errRoom says that an object is too large for the cache.
var errRoom = errors.New("the cache has no room")

// Create begins an object that is not compressed. Discard must be called at the end, before or after Commit.
func (c *Cache) Create(kind, key string) *Writer {
	return &Writer{cache: c, kind: kind, sum: c.sum(kind, key), plain: true, check: sha256.New()}
}

// Write adds data.
func (w *Writer) Write(b []byte) (int, error) {
	w.size += int64(len(b))
	if w.size > mostData {
		w.err = cmp.Or(w.err, errRoom)
	}
	return len(b), w.add(b)
}

// add appends bytes to the file, which it makes first.
func (w *Writer) add(b []byte) error {
	if w.file == nil && w.err == nil {
		if w.err = w.cache.make(); w.err == nil {
			name := filepath.Join(w.cache.dir, tempPrefix+rand.Text())
			w.file, w.err = os.OpenFile(name, os.O_RDWR|os.O_CREATE|os.O_EXCL, 0o600)
		}
		b = append([]byte(format), b...)
	}
	if w.err != nil {
		return w.err
	}
	before := w.bytes
	w.bytes += int64(len(b))
	if more := room(w.bytes) - room(before); more > 0 && !w.cache.makeRoom(more, room(w.bytes)) {
		w.err = errRoom
		return w.err
	}
	w.check.Write(b)
	_, w.err = w.file.Write(b)
	return w.err
}

// Again takes back all data, to write other data instead.
func (w *Writer) Again() ([]byte, error) {
	if w.file == nil || w.err != nil {
		return nil, w.err
	}
	data := make([]byte, w.size)
	if _, w.err = w.file.ReadAt(data, int64(len(format))); w.err == nil {
		w.err = w.file.Truncate(int64(len(format)))
	}
	if w.err == nil {
		_, w.err = w.file.Seek(0, io.SeekEnd)
	}
	w.size, w.bytes = 0, int64(len(format))
	w.check.Reset()
	w.check.Write([]byte(format))
	return data, w.err
}

// Commit gives the object its name. It reports whether there is an object now.
func (w *Writer) Commit(about string) bool {
	defer w.Discard()
	line, err := json.Marshal(label{w.kind, w.sum, about, w.cache.version, time.Now().UTC().Truncate(time.Second), w.size,
		w.plain})
	if err != nil || w.add(binary.LittleEndian.AppendUint32(line, uint32(len(line)))) != nil ||
		w.add(w.check.Sum(nil)) != nil {
		return false
	}
	name := w.file.Name()
	if w.err = w.file.Close(); w.err == nil {
		w.err = os.Rename(name, w.cache.path(w.kind, w.sum))
	}
	if w.err != nil {
		return false
	}
	w.file, w.err = nil, os.ErrClosed
	return true
}

// Discard removes what was written, unless it has its name. A nil Writer has nothing.
func (w *Writer) Discard() {
	if w == nil || w.file == nil {
		return
	}
	w.file.Close()
	_ = os.Remove(w.file.Name()) // the next process removes it otherwise
	w.file, w.err = nil, cmp.Or(w.err, os.ErrClosed)
}

// tempPrefix begins the name of an object that is not complete.
const tempPrefix = ".new-"

// step is the part of the limit that is written before the directory is looked at again, and slack the part that stays
// free: sixteen processes at once do not exceed the limit.
const (
	step  = 256
	slack = 16
)

// makeRoom makes sure that so many bytes more, of an object of so many, do not exceed the limit.
func (c *Cache) makeRoom(more, object int64) bool {
	c.mu.Lock()
	defer c.mu.Unlock()
	if object > c.limit/2 {
		return false
	}
	if !c.looked || c.written > c.limit/step || c.size+more > c.limit-c.limit/slack {
		_, _, left, _ := c.prune(c.limit - c.limit/8 - more) // what cannot be removed counts
		c.size, c.written, c.looked = left, 0, true
	}
	c.size, c.written = c.size+more, c.written+more
	return true
}
