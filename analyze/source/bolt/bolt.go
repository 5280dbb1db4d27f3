// Package bolt reads the databases in which containerd keeps its state (bbolt's file format, version 2). It does not
// lock, map or write them. It trusts nothing in a file: damage is an error, never a panic. It reads at most as many
// pages as the file has.
package bolt

import (
	"bytes"
	"encoding/binary"
	"errors"
	"fmt"
	"hash/fnv"
	"io"
	"iter"
)

// The layout of a file. Source: go.etcd.io/bbolt, internal/common: page.go, meta.go, bucket.go.
const (
	magic      = 0xed0cdaed
	version    = 2
	headerSize = 16
	metaSize   = 64
	summed     = 56 // bytes of a meta that its checksum covers

	flagBranch = 1
	flagLeaf   = 2

	elementSize  = 16
	bucketHeader = 16
	isBucket     = 1

	maxDepth = 64
	maxPage  = 64 << 20 // bytes of a page with its overflow
)

// ErrNotBolt says that a file is not a database of this format.
var ErrNotBolt = errors.New("not a bolt database")

// A DB is an open database after its last transaction.
type DB struct {
	r    io.ReaderAt
	size int64
	page int64 // bytes of a page
	meta meta
}

type meta struct {
	pageSize uint32
	root     uint64
	pages    uint64
	txid     uint64
}

// Open reads the two meta pages and takes the undamaged page of the later transaction.
func Open(r io.ReaderAt, size int64) (*DB, error) {
	db := &DB{r: r, size: size}
	first, err0 := db.readMeta(0)
	if err0 == nil {
		db.page, db.meta = int64(first.pageSize), first
		second, err := db.readMeta(db.page)
		if err == nil && second.txid > first.txid && second.pageSize == first.pageSize {
			db.meta = second
		}
		return db, nil
	}
	// The first is damaged: the offset of the second is the page size.
	for page := int64(1 << 10); page <= 1<<16; page <<= 1 {
		if m, err := db.readMeta(page); err == nil && int64(m.pageSize) == page {
			db.page, db.meta = page, m
			return db, nil
		}
	}
	return nil, err0
}

// Transaction returns the number of the last transaction.
func (db *DB) Transaction() uint64 { return db.meta.txid }

func (db *DB) readMeta(at int64) (meta, error) {
	var b [headerSize + metaSize]byte
	if _, err := db.r.ReadAt(b[:], at); err == io.EOF || err == io.ErrUnexpectedEOF {
		return meta{}, ErrNotBolt
	} else if err != nil {
		return meta{}, err
	}
	m := b[headerSize:]
	if binary.LittleEndian.Uint32(m) != magic {
		return meta{}, ErrNotBolt
	}
	if v := binary.LittleEndian.Uint32(m[4:]); v != version {
		return meta{}, fmt.Errorf("bolt database of version %d, not %d", v, version)
	}
	sum := fnv.New64a()
	sum.Write(m[:summed])
	if sum.Sum64() != binary.LittleEndian.Uint64(m[summed:]) {
		return meta{}, errors.New("damaged bolt database: the checksum of a meta page is wrong")
	}
	found := meta{
		pageSize: binary.LittleEndian.Uint32(m[8:]),
		root:     binary.LittleEndian.Uint64(m[16:]),
		pages:    binary.LittleEndian.Uint64(m[40:]),
		txid:     binary.LittleEndian.Uint64(m[48:]),
	}
	if found.pageSize < 1<<9 || found.pageSize > 1<<20 {
		return meta{}, fmt.Errorf("damaged bolt database: a page size of %d", found.pageSize)
	}
	return found, nil
}

// A Bucket is a set of keys, some of which are buckets.
type Bucket struct {
	db     *DB
	root   uint64
	inline []byte // the page, if the value holds it
}

// Root returns the bucket of buckets.
func (db *DB) Root() Bucket { return Bucket{db: db, root: db.meta.root} }

// An Item is a key with its value, or with the bucket that it names.
type Item struct {
	Key, Value []byte
	Bucket     *Bucket // nil if the key has a Value
}

// A node is a page in memory.
type node struct {
	b     []byte
	count int
	leaf  bool
}

func damaged(format string, args ...any) error {
	return fmt.Errorf("damaged bolt database: "+format, args...)
}

// read returns a page with its overflow.
func (db *DB) read(id uint64) (node, error) {
	if id < 2 || id >= db.meta.pages || id > uint64(db.size/db.page) {
		return node{}, damaged("page %d is out of range", id)
	}
	var head [headerSize]byte
	at := int64(id) * db.page
	if _, err := db.r.ReadAt(head[:], at); err != nil {
		return node{}, short(err)
	}
	if said := binary.LittleEndian.Uint64(head[:]); said != id {
		return node{}, damaged("page %d says that it is %d", id, said)
	}
	length := (int64(binary.LittleEndian.Uint32(head[12:])) + 1) * db.page
	if length > maxPage || length > db.size-at {
		return node{}, damaged("page %d overflows the file", id)
	}
	b := make([]byte, length)
	if _, err := db.r.ReadAt(b, at); err != nil && err != io.EOF {
		return node{}, short(err)
	}
	return parse(b)
}

func short(err error) error {
	if err == io.EOF || err == io.ErrUnexpectedEOF {
		return damaged("the file ends before its pages do")
	}
	return err
}

func parse(b []byte) (node, error) {
	if len(b) < headerSize {
		return node{}, damaged("a page of %d bytes", len(b))
	}
	n := node{b: b, count: int(binary.LittleEndian.Uint16(b[10:]))}
	switch flags := binary.LittleEndian.Uint16(b[8:]); flags {
	case flagLeaf:
		n.leaf = true
	case flagBranch:
	default:
		return node{}, damaged("a page of kind %d, neither a branch nor a leaf", flags)
	}
	if headerSize+n.count*elementSize > len(b) {
		return node{}, damaged("a page of %d bytes with %d elements", len(b), n.count)
	}
	return n, nil
}

// bytes cuts a piece out of a page.
func (n node) bytes(from, length int64) ([]byte, error) {
	if from < 0 || length < 0 || from > int64(len(n.b)) || length > int64(len(n.b))-from {
		return nil, damaged("an element points out of its page")
	}
	return n.b[from : from+length : from+length], nil
}

// child returns the page number of an element of a branch, and its key.
func (n node) child(i int) (id uint64, key []byte, err error) {
	at := headerSize + i*elementSize
	e := n.b[at:]
	key, err = n.bytes(int64(at)+int64(binary.LittleEndian.Uint32(e)), int64(binary.LittleEndian.Uint32(e[4:])))
	return binary.LittleEndian.Uint64(e[8:]), key, err
}

// item returns an element of a leaf.
func (db *DB) item(n node, i int) (Item, error) {
	at := headerSize + i*elementSize
	e := n.b[at:]
	number := func(at int) int64 { return int64(binary.LittleEndian.Uint32(e[at:])) }
	pos, ksize, vsize := number(4), number(8), number(12)
	key, err := n.bytes(int64(at)+pos, ksize)
	if err != nil {
		return Item{}, err
	}
	value, err := n.bytes(int64(at)+pos+ksize, vsize)
	if err != nil {
		return Item{}, err
	}
	if binary.LittleEndian.Uint32(e)&isBucket == 0 {
		return Item{Key: key, Value: value}, nil
	}
	if len(value) < bucketHeader {
		return Item{}, damaged("a bucket of %d bytes", len(value))
	}
	b := &Bucket{db: db, root: binary.LittleEndian.Uint64(value)}
	if b.root == 0 {
		b.inline = value[bucketHeader:]
	}
	return Item{Key: key, Bucket: b}, nil
}

// page returns the bucket's first page.
func (b Bucket) page() (node, error) {
	if b.inline != nil {
		n, err := parse(b.inline)
		if err == nil && !n.leaf {
			err = damaged("a branch inside a value")
		}
		return n, err
	}
	return b.db.read(b.root)
}

// All yields the keys of a bucket in their order. It ends with the first error.
func (b Bucket) All() iter.Seq2[Item, error] {
	return func(yield func(Item, error) bool) {
		w := walk{db: b.db, left: b.db.size/b.db.page + 1, yield: yield}
		n, err := b.page()
		if err == nil {
			err = w.visit(n, 0)
		}
		if err != nil && err != errStop {
			yield(Item{}, err)
		}
	}
}

var errStop = errors.New("no more is wanted")

// A walk goes through the pages of one bucket, at most as many as the file has.
type walk struct {
	db    *DB
	left  int64
	last  []byte
	yield func(Item, error) bool
}

func (w *walk) visit(n node, depth int) error {
	if w.left--; w.left < 0 || depth > maxDepth {
		return damaged("its pages lead in a circle")
	}
	for i := range n.count {
		if !n.leaf {
			id, _, err := n.child(i)
			if err != nil {
				return err
			}
			below, err := w.db.read(id)
			if err != nil {
				return err
			}
			if err := w.visit(below, depth+1); err != nil {
				return err
			}
			continue
		}
		item, err := w.db.item(n, i)
		if err != nil {
			return err
		}
		if w.last != nil && bytes.Compare(w.last, item.Key) >= 0 {
			return damaged("keys out of order")
		}
		if w.last = item.Key; !w.yield(item, nil) {
			return errStop
		}
	}
	return nil
}

// Find returns the item of a key; false if there is none.
func (b Bucket) Find(key string) (Item, bool, error) {
	n, err := b.page()
	for depth := 0; err == nil && !n.leaf && n.count > 0; depth++ {
		if depth == maxDepth {
			return Item{}, false, damaged("its pages lead in a circle")
		}
		n, err = b.db.below(n, key)
	}
	if err != nil || !n.leaf {
		return Item{}, false, err
	}
	for i := range n.count {
		item, err := b.db.item(n, i)
		if err != nil {
			return Item{}, false, err
		}
		if string(item.Key) == key {
			return item, true, nil
		}
	}
	return Item{}, false, nil
}

// below returns the page in which a key must be. The branch must have elements.
func (db *DB) below(n node, key string) (node, error) {
	at := uint64(0)
	for i := range n.count {
		id, first, err := n.child(i)
		if err != nil {
			return node{}, err
		}
		if i > 0 && string(first) > key {
			break
		}
		at = id
	}
	return db.read(at)
}

// Bucket returns the bucket at a path of keys; false if there is none.
func (b Bucket) Bucket(keys ...string) (Bucket, bool, error) {
	for _, key := range keys {
		item, ok, err := b.Find(key)
		if err != nil || !ok || item.Bucket == nil {
			return Bucket{}, false, err
		}
		b = *item.Bucket
	}
	return b, true, nil
}

// Value returns the value of a key; nil if there is none.
func (b Bucket) Value(key string) ([]byte, error) {
	item, ok, err := b.Find(key)
	if err != nil || !ok || item.Bucket != nil {
		return nil, err
	}
	return item.Value, nil
}
