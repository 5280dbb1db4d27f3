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
	"crypto/sha256"
	"encoding/binary"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"time"

	"github.com/klauspost/compress/zstd"
)

// format begins every object. It changes with the format of objects or with what is in them.
const (
	format = anyone + "3\n"
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
	packing packing
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
	return &Cache{Least: DefaultLeast, dir: dir, version: version, limit: limit, make: made}, nil
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

// A label is what an object says of itself. It stands after the data, as JSON.
type label struct {
	Kind    string    `json:"kind"`
	Key     string    `json:"key"`   // the digest of the key
	About   string    `json:"about"` // for people
	Version string    `json:"version"`
	Made    time.Time `json:"made"`
	Size    int64     `json:"size"`            // bytes of the data
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
		if data, err = unpack(stored, l.Size); err != nil {
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
	at := len(raw) - trailer
	if at < len(format) || !bytes.HasPrefix(raw, []byte(anyone)) ||
		sha256.Sum256(raw[:len(raw)-sha256.Size]) != [sha256.Size]byte(raw[len(raw)-sha256.Size:]) {
		return l, nil, errDamaged
	}
	if !bytes.HasPrefix(raw, []byte(format)) {
		return l, nil, ErrOther
	}
	text := at - int(binary.LittleEndian.Uint32(raw[at:]))
	if text < len(format) || json.Unmarshal(raw[text:at], &l) != nil {
		return l, nil, errDamaged
	}
	return l, raw[len(format):text], nil
}

// trailer is the size of what ends an object in bytes: the size of its label, and the checksum of all before it.
const trailer = 4 + sha256.Size

// mostData bounds the data of an object in bytes: the table of the largest layer that the limits allow has less.
const mostData = 512 << 20

func unpack(stored []byte, size int64) ([]byte, error) {
	d, err := zstd.NewReader(nil, zstd.WithDecoderConcurrency(1), zstd.WithDecoderMaxMemory(mostData),
		zstd.WithDecoderLowmem(true))
	if err != nil {
		return nil, err
	}
	defer d.Close()
	if size < 0 || size > mostData {
		return nil, errDamaged
	}
	return d.DecodeAll(stored, make([]byte, 0, size))
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
