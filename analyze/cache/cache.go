// Package cache keeps what was found in verified layers for the next process: objects by kind and key, each a file of
// one directory.
//
// Nothing in the directory is believed before its checksum and its key are compared. What is damaged, of another
// version of the program, or cannot be read is as if it were not there; what cannot be written is left out. So the
// cache costs time at worst, and never an answer. Several processes may use it at once: an object is written under a
// temporary name, and then renamed. It is not synced to the disk: what a crash of the machine damages is not believed.
package cache

import (
	"bytes"
	"cmp"
	"crypto/rand"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"time"

	"github.com/klauspost/compress/zstd"
)

// format begins every object. It changes with the format of objects or with what is in them.
const (
	format = anyone + "2\n"
	anyone = "layup cache " // of any version
)

// DefaultLimit is how many bytes a cache may have.
const DefaultLimit = 1 << 30

// DefaultLeast is how many bytes a layer in a file has at least to be remembered: a smaller one is read as fast.
const DefaultLeast = 256 << 10

// kinds are those of objects: of package source the first four, of package repository the others.
var kinds = []string{"seal", "table", "points", "merge", "document", "manifest"}

// A Cache is a directory of objects. The methods of a nil Cache find and keep nothing.
type Cache struct {
	Least int64 // bytes of a layer in a file that is remembered

	dir, version string
	limit        int64

	make    func() error // makes the directory, once
	encoder func() (*zstd.Encoder, error)
	mu      sync.Mutex
	size    int64 // of the directory as it was last looked at, and what was written since
	written int64 // since then
	looked  bool
}

// Open opens the directory; the first Put makes it if it is new. An object is of one version of the program: text that
// changes whenever another build may find something else. The error says why the directory must not be used: it belongs
// to another user, or others may write to it.
func Open(dir, version string, limit int64) (*Cache, error) {
	if err := check(dir); err != nil && !errors.Is(err, fs.ErrNotExist) {
		return nil, err
	}
	made := sync.OnceValue(func() error { return cmp.Or(plain(os.MkdirAll(dir, 0o700)), check(dir)) })
	return &Cache{Least: DefaultLeast, dir: dir, version: version, limit: limit, make: made,
		encoder: sync.OnceValues(newEncoder)}, nil
}

// check says why a directory must not be used.
func check(dir string) error {
	info, err := os.Stat(dir)
	switch {
	case err != nil:
		return plain(err)
	case !info.IsDir():
		return errors.New("not a directory")
	case !owned(info):
		return errors.New("belongs to another user")
	case writable(info):
		return errors.New("others may write to it: chmod 700 makes it your own")
	}
	return nil
}

// plain drops the path from an error of a file: messages have it already.
func plain(err error) error {
	if e := (*os.PathError)(nil); errors.As(err, &e) {
		return e.Err
	}
	return err
}

// Dir is the directory.
func (c *Cache) Dir() string { return c.dir }

// Limit is how many bytes it may have.
func (c *Cache) Limit() int64 { return c.limit }

// A label is what an object says of itself. It stands before the data, as one line of JSON.
type label struct {
	Kind    string    `json:"kind"`
	Key     string    `json:"key"`   // the digest of the key
	About   string    `json:"about"` // for people
	Version string    `json:"version"`
	Made    time.Time `json:"made"`
	Plain   bool      `json:"plain,omitempty"` // the data is not compressed
}

// sum is the digest of a key.
func (c *Cache) sum(kind, key string) string {
	sum := sha256.Sum256([]byte(c.version + "\x00" + kind + "\x00" + key))
	return hex.EncodeToString(sum[:])
}

// path is that of an object's file.
func (c *Cache) path(kind, sum string) string { return filepath.Join(c.dir, nameOf(kind, sum)) }

func nameOf(kind, sum string) string { return kind + "-" + sum }

// fresh is how long an object counts as used lately.
const fresh = time.Hour

// Get returns an object's data; false if there is none that can be believed.
func (c *Cache) Get(kind, key string) ([]byte, bool) {
	if c == nil {
		return nil, false
	}
	sum := c.sum(kind, key)
	path := c.path(kind, sum)
	file, err := os.Open(path)
	if err != nil {
		return nil, false
	}
	defer file.Close()
	info, err := file.Stat()
	if err != nil || !info.Mode().IsRegular() || info.Size() > c.limit {
		return nil, false
	}
	raw := make([]byte, info.Size())
	if _, err := io.ReadFull(file, raw); err != nil {
		return nil, false
	}
	l, stored, err := open(raw)
	if err != nil || l.Kind != kind || l.Key != sum || l.Version != c.version {
		return nil, false
	}
	data := stored
	if !l.Plain {
		if data, err = unpack(stored); err != nil {
			return nil, false
		}
	}
	if now := time.Now(); now.Sub(info.ModTime()) > fresh {
		_ = os.Chtimes(path, now, now) // at worst it is removed early
	}
	return data, true
}

// ErrOther is the error of an object that another version of the program wrote. It is not believed, but not damaged.
var ErrOther = errors.New("is of another version of layup")

var errDamaged = errors.New("is damaged: its checksum is wrong")

// open compares the checksum of an object, and returns its label and its data, which are compressed.
func open(raw []byte) (l label, stored []byte, err error) {
	at := len(raw) - sha256.Size
	if at < len(format) || !bytes.HasPrefix(raw, []byte(anyone)) ||
		sha256.Sum256(raw[:at]) != [sha256.Size]byte(raw[at:]) {
		return l, nil, errDamaged
	}
	rest, ok := bytes.CutPrefix(raw, []byte(format))
	if !ok {
		return l, nil, ErrOther
	}
	line, stored, ok := bytes.Cut(rest[:len(rest)-sha256.Size], []byte("\n"))
	if !ok || json.Unmarshal(line, &l) != nil {
		return l, nil, errDamaged
	}
	return l, stored, nil
}

// mostData bounds the data of an object in bytes: the table of the largest layer that the limits allow has less.
const mostData = 512 << 20

func unpack(stored []byte) ([]byte, error) {
	d, err := zstd.NewReader(nil, zstd.WithDecoderConcurrency(1), zstd.WithDecoderMaxMemory(mostData),
		zstd.WithDecoderLowmem(true))
	if err != nil {
		return nil, err
	}
	defer d.Close()
	return d.DecodeAll(stored, nil)
}

// window is how far back the compression looks: little memory is worth more than a smaller object.
const window = 128 << 10

func newEncoder() (*zstd.Encoder, error) {
	return zstd.NewWriter(nil, zstd.WithEncoderLevel(zstd.SpeedFastest), zstd.WithEncoderConcurrency(1),
		zstd.WithWindowSize(window), zstd.WithLowerEncoderMem(true))
}

// pack returns the parts of an object's file: label, data and checksum. Checkpoints are compressed already.
func (c *Cache) pack(kind, sum, about string, data []byte) (parts [][]byte, err error) {
	l := label{kind, sum, about, c.version, time.Now().UTC().Truncate(time.Second), kind == "points"}
	line, err := json.Marshal(l)
	if err != nil {
		return nil, err
	}
	if !l.Plain {
		e, err := c.encoder()
		if err != nil {
			return nil, err
		}
		data = e.EncodeAll(data, nil)
	}
	parts = [][]byte{slices.Concat([]byte(format), line, []byte("\n")), data}
	check := sha256.New()
	for _, p := range parts {
		check.Write(p)
	}
	return append(parts, check.Sum(nil)), nil
}

// Put keeps an object, if there is room. It removes those that were not used for the longest time. About tells people
// what it is of.
func (c *Cache) Put(kind, key, about string, data []byte) {
	if c == nil || len(data) > mostData || c.make() != nil {
		return
	}
	sum := c.sum(kind, key)
	parts, err := c.pack(kind, sum, about, data)
	if err != nil || !c.makeRoom(int64(len(parts[0])+len(parts[1])+len(parts[2]))) {
		return
	}
	temp := filepath.Join(c.dir, tempPrefix+rand.Text())
	if err = write(temp, parts); err == nil {
		err = os.Rename(temp, c.path(kind, sum))
	}
	if err != nil {
		_ = os.Remove(temp) // the next one removes it otherwise
	}
}

func write(name string, parts [][]byte) error {
	f, err := os.OpenFile(name, os.O_WRONLY|os.O_CREATE|os.O_EXCL, 0o600)
	if err != nil {
		return err
	}
	for _, p := range parts {
		if _, wrErr := f.Write(p); wrErr != nil {
			err = wrErr
		}
	}
	return cmp.Or(err, f.Close())
}

// tempPrefix begins the name of an object that is not complete.
const tempPrefix = ".new-"

// step is the part of the limit that is written before the directory is looked at again, and slack the part that stays
// free: sixteen processes at once do not exceed the limit.
const (
	step  = 256
	slack = 16
)

// makeRoom makes sure that so many bytes more do not exceed the limit.
func (c *Cache) makeRoom(more int64) bool {
	more = room(more)
	c.mu.Lock()
	defer c.mu.Unlock()
	if more > c.limit/2 {
		return false
	}
	if !c.looked || c.written > c.limit/step || c.size+more > c.limit-c.limit/slack {
		_, _, left, _ := c.prune(c.limit - c.limit/8 - more) // what cannot be removed counts
		c.size, c.written, c.looked = left, 0, true
	}
	c.size, c.written = c.size+more, c.written+more
	return true
}

// Default returns the directory of the user's cache, by the environment; empty if there is none.
func Default(getenv func(string) string) string {
	if dir := getenv("LAYUP_CACHE_DIR"); dir != "" {
		return dir
	}
	if dir := getenv("XDG_CACHE_HOME"); filepath.IsAbs(dir) {
		return filepath.Join(dir, "layup")
	}
	if home := getenv("HOME"); home != "" {
		return filepath.Join(home, ".cache", "layup")
	}
	if dir, err := os.UserCacheDir(); err == nil {
		return filepath.Join(dir, "layup")
	}
	return ""
}

// Of returns a key of several parts.
func Of(parts ...any) string {
	var b strings.Builder
	for _, p := range parts {
		fmt.Fprintf(&b, "%q ", fmt.Sprint(p))
	}
	return b.String()
}
