package catalogue

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"math/rand/v2"
	"path/filepath"
	"slices"
	"testing"

	"layup/analyze/catalogue/place"
)

// A memory is a file of a place.
type memory struct{ *bytes.Reader }

func (memory) Close() error { return nil }

func unguided(io.Writer, int64) ([]byte, error) { return nil, nil }

// A part of any size is read whole, however reads lie across its blocks, its body and its footer.
func TestAPartOfAnySizeIsRead(t *testing.T) {
	random := rand.New(rand.NewPCG(1, 2))
	for _, size := range []int{1, block - 4097, block - 1, block, block + 1, 2*block - 1, 2 * block, 3*block - 50} {
		for _, footer := range []int{1, 100, block, block + 5} {
			all := make([]byte, size+footer+ending)
			for i := range all {
				all[i] = byte(random.Uint32())
			}
			copy(all[size+footer:], []byte{byte(footer), byte(footer >> 8), 0, 0, 'P', 'A', 'R', '1'})
			out := new(bytes.Buffer)
			s := &summer{w: out}
			if _, err := s.Write(all[:size]); err != nil {
				t.Fatal(err)
			}
			s.hold()
			if _, err := s.Write(all[size:]); err != nil || s.close(unguided) != nil {
				t.Fatal(err)
			}
			c, err := newChecked(memory{bytes.NewReader(out.Bytes())})
			if err != nil {
				t.Fatal(err)
			}
			for range 40 {
				from := random.IntN(len(all))
				got := make([]byte, min(4096, len(all)-from))
				if _, err := c.ReadAt(got, int64(from)); err != nil || !bytes.Equal(got, all[from:from+len(got)]) {
					t.Fatalf("%d and %d bytes, %d from %d on: %v", size, footer, len(got), from, err)
				}
			}
		}
	}
}

// A search that matches too much fails as such: no part is damaged, and none is left out.
func TestTooManyMatchesAreNotDamage(t *testing.T) {
	p, err := place.Open(t.Context(), filepath.Join(t.TempDir(), "catalogue"))
	if err != nil {
		t.Fatal(err)
	}
	c, err := Create(t.Context(), p, nil)
	if err != nil {
		t.Fatal(err)
	}
	rows := []FileRow{{Base: "a", Path: "/a", Layer: "k", Kind: "file"}, {Base: "b", Path: "/b", Layer: "k", Kind: "file"}}
	name := "files/part-1.parquet"
	err = errors.Join(put(t.Context(), c, name, slices.Values(rows)),
		putAll(t.Context(), c, "layers/part-1.parquet", []LayerRow{{Key: "k", Entries: 2, Part: name}}),
		putAll(t.Context(), c, "images/part-1.parquet", []ImageRow{{Source: "s", Layers: []string{"k"}}}))
	if err != nil {
		t.Fatal(err)
	}
	r, err := c.Read(t.Context())
	if err != nil || len(r.Damaged) > 0 {
		t.Fatal(err, r.Damaged)
	}
	defer r.Close()
	r.most = 1
	_, err = r.Find(t.Context(), Query{})
	if _, ok := errors.AsType[*excess](err); !ok || len(r.Damaged) > 0 {
		t.Errorf("two rows, one allowed: %v, damaged: %v", err, r.Damaged)
	}
}

// removals notes what is removed.
type removals struct {
	place.Place
	names []string
}

func (r *removals) Remove(ctx context.Context, name string) error {
	r.names = append(r.names, name)
	return r.Place.Remove(ctx, name)
}

// A row may name a part that sealing has removed meanwhile: another row of the layer counts. Sealing removes rows that
// name a part before the part.
func TestAPartThatWasMergedIsNotMissed(t *testing.T) {
	p, err := place.Open(t.Context(), filepath.Join(t.TempDir(), "catalogue"))
	if err != nil {
		t.Fatal(err)
	}
	noted := &removals{Place: p}
	c, err := Create(t.Context(), noted, nil)
	if err != nil {
		t.Fatal(err)
	}
	for i, base := range []string{"a", "b"} {
		part := fmt.Sprintf("part-%d.parquet", 5+i)
		rows := []FileRow{{Base: base, Path: "/" + base, Layer: base, Kind: "file"}}
		err = errors.Join(err, put(t.Context(), c, "files/"+part, slices.Values(rows)),
			putAll(t.Context(), c, "layers/"+part, []LayerRow{{Key: base, Entries: 1, Part: "files/" + part}}))
	}
	_, sealErr := c.Seal(t.Context())
	gone := []LayerRow{{Key: "a", Digest: "d", Entries: 1, Part: "files/part-00.parquet"}}
	if err = errors.Join(err, sealErr, putAll(t.Context(), c, "layers/part-0.parquet", gone)); err != nil {
		t.Fatal(err)
	}
	if want := []string{"layers/", "layers/", "files/p", "files/p"}; len(noted.names) < 4 {
		t.Errorf("removed: %v", noted.names)
	} else {
		for i, name := range noted.names[:4] {
			if name[:len(want[i])] != want[i] {
				t.Errorf("removed in the order %v", noted.names)
			}
		}
	}
	r, err := c.Read(t.Context())
	if err != nil || len(r.Damaged) > 0 {
		t.Fatal(err, r.Damaged)
	}
	r.Close()
}
