package bolt_test

import (
	"bytes"
	"errors"
	"fmt"
	"math/rand/v2"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"go.etcd.io/bbolt"

	"layup/analyze/source/bolt"
)

// dump prints a database as our reader sees it.
func dump(b bolt.Bucket, indent string, depth int, to *strings.Builder) error {
	if depth > 20 {
		return errors.New("buckets within buckets without end")
	}
	for item, err := range b.All() {
		if err != nil {
			return err
		}
		if item.Bucket == nil {
			fmt.Fprintf(to, "%s%x=%x\n", indent, item.Key, item.Value)
			continue
		}
		fmt.Fprintf(to, "%s%x:\n", indent, item.Key)
		if err := dump(*item.Bucket, indent+" ", depth+1, to); err != nil {
			return err
		}
	}
	return nil
}

// oracle prints a database as bbolt sees it.
func oracle(t *testing.T, path string) string {
	t.Helper()
	db, err := bbolt.Open(path, 0o600, &bbolt.Options{ReadOnly: true})
	if err != nil {
		t.Fatal(err)
	}
	defer db.Close()
	var out strings.Builder
	var walk func(b *bbolt.Bucket, indent string)
	walk = func(b *bbolt.Bucket, indent string) {
		for c, k, v := first(b.Cursor()); k != nil; k, v = c.Next() {
			if below := b.Bucket(k); v == nil && below != nil {
				fmt.Fprintf(&out, "%s%x:\n", indent, k)
				walk(below, indent+" ")
				continue
			}
			fmt.Fprintf(&out, "%s%x=%x\n", indent, k, v)
		}
	}
	err = db.View(func(tx *bbolt.Tx) error {
		for c, k, _ := first(tx.Cursor()); k != nil; k, _ = c.Next() {
			fmt.Fprintf(&out, "%x:\n", k)
			walk(tx.Bucket(k), " ")
		}
		return nil
	})
	if err != nil {
		t.Fatal(err)
	}
	return out.String()
}

func first(c *bbolt.Cursor) (*bbolt.Cursor, []byte, []byte) {
	k, v := c.First()
	return c, k, v
}

// random creates a database in several transactions, with nested buckets, long values and deleted keys. Values have a
// share of their usual length.
func random(t testing.TB, seed uint64, page, share int) string {
	t.Helper()
	path := filepath.Join(t.TempDir(), "random.db")
	db, err := bbolt.Open(path, 0o600, &bbolt.Options{PageSize: page, NoSync: true, NoFreelistSync: true})
	if err != nil {
		t.Fatal(err)
	}
	rnd := rand.New(rand.NewPCG(seed, 1))
	for range 3 + rnd.IntN(5) {
		if err := db.Update(func(tx *bbolt.Tx) error { return change(tx, rnd, share) }); err != nil {
			t.Fatal(err)
		}
	}
	if err := db.Close(); err != nil {
		t.Fatal(err)
	}
	return path
}

func change(tx *bbolt.Tx, rnd *rand.Rand, share int) error {
	for range 1 + rnd.IntN(4) {
		b, err := tx.CreateBucketIfNotExists([]byte(fmt.Sprint("top", rnd.IntN(3))))
		for range rnd.IntN(3) {
			if err == nil {
				b, err = b.CreateBucketIfNotExists([]byte(fmt.Sprint("below", rnd.IntN(4))))
			}
		}
		if err != nil {
			return err
		}
		for range rnd.IntN(300) {
			key := []byte(fmt.Sprint("key", rnd.IntN(1000)))
			if rnd.IntN(5) == 0 {
				err = b.Delete(key)
			} else {
				size := rnd.IntN(40) * rnd.IntN(40) * rnd.IntN(10) / share
				err = b.Put(key, bytes.Repeat([]byte{byte(rnd.IntN(256))}, size))
			}
			if err != nil {
				return err
			}
		}
	}
	return nil
}

func TestReadsWhatBboltReads(t *testing.T) {
	for seed := range uint64(10) {
		for _, page := range []int{1024, 4096, 65536} {
			path := random(t, seed, page, 1)
			data, err := os.ReadFile(path)
			if err != nil {
				t.Fatal(err)
			}
			var got strings.Builder
			db, err := bolt.Open(bytes.NewReader(data), int64(len(data)))
			if err == nil {
				err = dump(db.Root(), "", 0, &got)
			}
			if want := oracle(t, path); err != nil || got.String() != want {
				t.Fatalf("seed %d, pages of %d: %v; got %d bytes, want %d", seed, page, err, got.Len(), len(want))
			}
		}
	}
}

func TestFindsEveryKeyThatItLists(t *testing.T) {
	data, err := os.ReadFile(random(t, 7, 1024, 1))
	if err != nil {
		t.Fatal(err)
	}
	db, err := bolt.Open(bytes.NewReader(data), int64(len(data)))
	if err != nil {
		t.Fatal(err)
	}
	found := 0
	var walk func(b bolt.Bucket)
	walk = func(b bolt.Bucket) {
		for item, err := range b.All() {
			if err != nil {
				t.Fatal(err)
			}
			again, ok, err := b.Find(string(item.Key))
			if err != nil || !ok || !bytes.Equal(again.Value, item.Value) {
				t.Fatalf("%q: listed, but not found: %v", item.Key, err)
			}
			if found++; item.Bucket != nil {
				walk(*item.Bucket)
			}
		}
		if _, ok, err := b.Find("no such key"); ok || err != nil {
			t.Fatalf("found a key that is not there: %v", err)
		}
	}
	walk(db.Root())
	if found < 100 {
		t.Errorf("only %d keys: the database proves little", found)
	}
}

func TestTakesTheOlderMetaIfTheNewerIsDamaged(t *testing.T) {
	data, err := os.ReadFile(random(t, 3, 4096, 1))
	if err != nil {
		t.Fatal(err)
	}
	db, err := bolt.Open(bytes.NewReader(data), int64(len(data)))
	if err != nil {
		t.Fatal(err)
	}
	newest := db.Transaction()
	for _, at := range []int{16, 4096 + 16} {
		broken := bytes.Clone(data)
		broken[at+48]++
		db, err := bolt.Open(bytes.NewReader(broken), int64(len(data)))
		if err != nil || db.Transaction() > newest || db.Transaction() < newest-1 {
			t.Errorf("meta at %d damaged: %v", at, err)
		}
	}
	data[16+48]++
	data[4096+16+48]++
	if _, err := bolt.Open(bytes.NewReader(data), int64(len(data))); err == nil {
		t.Error("both metas are damaged, and yet it opens")
	}
}

func FuzzDamage(f *testing.F) {
	data, err := os.ReadFile(random(f, 1, 1024, 10))
	if err != nil {
		f.Fatal(err)
	}
	f.Add(uint32(100), byte(1), uint32(5000), byte(200))
	f.Fuzz(func(t *testing.T, at uint32, to byte, at2 uint32, to2 byte) {
		broken := bytes.Clone(data)
		const metas = 2048 // damage there changes the checksum, and nothing else is read
		for _, c := range []struct {
			at uint32
			to byte
		}{{at, to}, {at2, to2}} {
			broken[metas+int(c.at)%(len(broken)-metas)] = c.to
		}
		db, err := bolt.Open(bytes.NewReader(broken), int64(len(broken)))
		if err != nil {
			t.Fatal(err)
		}
		visit(db.Root(), 0) // damage may be an error, but never a panic or an endless loop
	})
}

// visit reads all of a bucket, and the buckets in it.
func visit(b bolt.Bucket, depth int) {
	for item, err := range b.All() {
		if err == nil && item.Bucket != nil && depth < 8 {
			visit(*item.Bucket, depth+1)
		}
	}
}
