package catalogue_test

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/parquet-go/parquet-go"

	"layup/analyze"
	"layup/analyze/catalogue"
	"layup/analyze/catalogue/place"
	"layup/fixtures"
	"layup/fixtures/fleet"
)

// day is when images are seen, so that equal images give equal bytes.
var day = time.Date(2024, 1, 2, 3, 4, 5, 0, time.UTC)

// write writes the images of a fleet, and returns their directory.
func write(t testing.TB, f fleet.Fleet) string {
	t.Helper()
	dir := t.TempDir()
	if _, err := f.Write(dir); err != nil {
		t.Fatal(err)
	}
	return dir
}

// index indexes sources into a catalogue in a directory.
func index(t testing.TB, at string, digests bool, sources ...string) catalogue.Indexed {
	t.Helper()
	c, err := catalogue.Create(t.Context(), directory(t, at), &digests)
	if err != nil {
		t.Fatal(err)
	}
	done, err := c.Index(t.Context(), sources, catalogue.IndexOptions{Options: analyze.Default(), Now: day})
	if err != nil || len(done.Failures) > 0 {
		t.Fatalf("index: %v %v", err, done.Failures)
	}
	return done
}

func directory(t testing.TB, at string) place.Place {
	t.Helper()
	p, err := place.Open(t.Context(), at)
	if err != nil {
		t.Fatal(err)
	}
	return p
}

// reader opens a catalogue until the test ends.
func reader(t testing.TB, at string) *catalogue.Reader {
	t.Helper()
	c, err := catalogue.Open(t.Context(), directory(t, at))
	if err != nil {
		t.Fatal(err)
	}
	r, err := c.Read(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { r.Close() })
	return r
}

// ask returns all that a catalogue says, and what it says is wrong.
func ask(t testing.TB, at string, q catalogue.Query) (lines []string, errs []error) {
	t.Helper()
	c, err := catalogue.Open(t.Context(), directory(t, at))
	if err != nil {
		return nil, []error{err}
	}
	r, err := c.Read(t.Context())
	if err != nil {
		return nil, []error{err}
	}
	defer r.Close()
	found, err := r.Find(t.Context(), q)
	if err != nil {
		return nil, []error{err}
	}
	for i := range found.Len() {
		img := found.Image(i)
		lines = append(lines, fmt.Sprint(img.Name, " ", img.Reference, " ", img.ID, " ", img.Platform))
		for h := range img.Hits() {
			v := h.Version
			lines = append(lines, fmt.Sprint(img.Name, " ", v.Node().Path(), " ", v.Type(), v.Meta(), v.Layer(), h.Status,
				h.HiddenBy, v.Link(), v.Xattrs()))
		}
		for _, e := range img.Errors() {
			errs = append(errs, e)
		}
	}
	return lines, append(errs, r.Damaged...)
}

var small = fleet.Fleet{Seed: 3, Images: 6, Layers: 5, Twins: 2}

// partsOf returns the names of the parts below a directory.
func partsOf(t testing.TB, at string) []string {
	t.Helper()
	list, err := filepath.Glob(filepath.Join(at, "*", "*.parquet"))
	if err != nil || len(list) < 3 {
		t.Fatalf("%d parts: %v", len(list), err)
	}
	return list
}

// A flipped bit anywhere in a part is named, or nobody notices it; it never changes an answer. LAYUP_HOSTILE=1 flips a
// bit of every byte.
func TestAFlippedBitIsNamedAndNeverAWrongRow(t *testing.T) {
	at := filepath.Join(t.TempDir(), "catalogue")
	index(t, at, true, write(t, small))
	want, errs := ask(t, at, catalogue.Query{Digests: true})
	if len(errs) > 0 || len(want) < 50 {
		t.Fatalf("%d lines, %v", len(want), errs)
	}
	for _, part := range partsOf(t, at) {
		good, err := os.ReadFile(part)
		if err != nil {
			t.Fatal(err)
		}
		named := 0
		for i := range good {
			if os.Getenv("LAYUP_HOSTILE") == "" && i%3 != 0 {
				continue
			}
			bad := bytes.Clone(good)
			bad[i] ^= 1 << (i % 8)
			if err := os.WriteFile(part, bad, 0o644); err != nil {
				t.Fatal(err)
			}
			got, errs := ask(t, at, catalogue.Query{Digests: true})
			if len(errs) == 0 && !slices.Equal(got, want) {
				t.Fatalf("%s: byte %d of %d: another answer without an error", part, i, len(good))
			}
			if len(errs) > 0 {
				named++
				if !strings.Contains(errors.Join(errs...).Error(), filepath.Base(part)) {
					t.Errorf("%s: byte %d: is not named: %v", part, i, errs)
				}
			}
			for _, line := range got {
				if !slices.Contains(want, line) && len(errs) == 0 {
					t.Errorf("byte %d: %s", i, line)
				}
			}
		}
		if named == 0 {
			t.Errorf("%s: no flipped bit is named", part)
		}
		if err := os.WriteFile(part, good, 0o644); err != nil {
			t.Fatal(err)
		}
	}
}

// Whatever else is wrong with a file of the catalogue, it is named, and the rest answers.
func TestADamagedPartIsNamed(t *testing.T) {
	dir, other := write(t, small), write(t, fleet.Fleet{Seed: 4, Images: 3, Layers: 3})
	at := filepath.Join(t.TempDir(), "catalogue")
	index(t, at, false, dir)
	index(t, at, false, other)
	want, _ := ask(t, at, catalogue.Query{Digests: true})
	part := partsOf(t, at)[0]
	good, err := os.ReadFile(part)
	if err != nil {
		t.Fatal(err)
	}
	foreign := new(bytes.Buffer)
	type row struct{ Base, Path string }
	if err := parquet.Write(foreign, []row{{"a", "/a"}}); err != nil {
		t.Fatal(err)
	}
	for name, data := range map[string][]byte{
		"cut by a byte": good[:len(good)-1], "cut in the middle": good[:len(good)/2], "cut at its beginning": good[1:],
		"empty": {}, "a text": []byte("not Parquet at all"), "another Parquet file": foreign.Bytes(),
		"longer": append(bytes.Clone(good), 0), "its footer alone": good[len(good)-100:],
	} {
		if err := os.WriteFile(part, data, 0o644); err != nil {
			t.Fatal(err)
		}
		got, errs := ask(t, at, catalogue.Query{Digests: true})
		if len(errs) == 0 || !strings.Contains(errors.Join(errs...).Error(), filepath.Base(part)) {
			t.Errorf("%s: is not named: %v", name, errs)
		}
		if len(got) == 0 || len(got) >= len(want) {
			t.Errorf("%s: the rest has %d lines of %d", name, len(got), len(want))
		}
	}
	if err := os.Remove(part); err != nil {
		t.Fatal(err)
	}
	if _, errs := ask(t, at, catalogue.Query{Digests: true}); len(errs) == 0 {
		t.Error("a part that is gone is not missed")
	}
	if err := os.WriteFile(part, good, 0o644); err != nil {
		t.Fatal(err)
	}
	more := filepath.Join(at, "files", "foreign.parquet")
	if err := os.WriteFile(more, foreign.Bytes(), 0o644); err != nil {
		t.Fatal(err)
	}
	got, errs := ask(t, at, catalogue.Query{Digests: true})
	if len(errs) != 1 || !strings.Contains(errs[0].Error(), "foreign.parquet: is not a part of a catalogue") ||
		!slices.Equal(got, want) {
		t.Errorf("a foreign file beside the parts: %v", errs)
	}
}

// Two processes that index at once make the union, with each layer once.
func TestTwoIndexersAtOnceMakeTheUnion(t *testing.T) {
	dir := write(t, fleet.Fleet{Seed: 5, Images: 12, Layers: 9})
	files, err := filepath.Glob(filepath.Join(dir, "*"))
	if err != nil {
		t.Fatal(err)
	}
	alone, both := filepath.Join(t.TempDir(), "alone"), filepath.Join(t.TempDir(), "both")
	index(t, alone, false, files...)
	var wait sync.WaitGroup
	for _, list := range [][]string{files[:8], files[4:]} { // some are in both
		wait.Go(func() { index(t, both, false, list...) })
	}
	wait.Wait()
	want, _ := ask(t, alone, catalogue.Query{Digests: true})
	if got, errs := ask(t, both, catalogue.Query{Digests: true}); !slices.Equal(got, want) || len(errs) > 0 {
		t.Errorf("%d lines, want %d: %v", len(got), len(want), errs)
	}
}

// A catalogue that was not finished is finished by the same command: with the same parts, byte for byte.
func TestInterruptedIndexingGoesOnToTheSameBytes(t *testing.T) {
	one := fleet.Fleet{Seed: 6, Images: 10, Layers: 8}
	dir, archive := write(t, one), filepath.Join(t.TempDir(), "all.tar")
	data, err := fixtures.Packing{Format: fixtures.Docker25}.Pack(one.All()...)
	if err == nil {
		err = os.WriteFile(archive, data, 0o644)
	}
	if err != nil {
		t.Fatal(err)
	}
	interrupted(t, dir, 0)
	interrupted(t, dir, 30)
	interrupted(t, archive, 30)
}

// interrupted stops indexing after each number of files, with so many rows in a part, and goes on.
func interrupted(t *testing.T, from string, rows int) {
	t.Helper()
	yes, opt := true, catalogue.IndexOptions{Options: analyze.Default(), Now: day, Rows: rows}
	run := func(p place.Place) (done catalogue.Indexed, err error) {
		c, err := catalogue.Create(t.Context(), p, &yes)
		if err == nil {
			done, err = c.Index(t.Context(), []string{from}, opt)
		}
		return done, err
	}
	whole := filepath.Join(t.TempDir(), "whole")
	if _, err := run(directory(t, whole)); err != nil {
		t.Fatal(err)
	}
	want := contents(t, whole)
	if rows > 0 && len(want) < 10 {
		t.Errorf("only %d files with %d rows in a part", len(want), rows)
	}
	for stop := range len(want) {
		at := filepath.Join(t.TempDir(), "stopped")
		if _, err := run(&failing{Place: directory(t, at), after: stop}); err == nil {
			t.Fatalf("nothing stopped after %d files", stop)
		}
		if _, err := run(directory(t, at)); err != nil {
			t.Fatal(err)
		}
		if got := contents(t, at); !slices.Equal(got, want) {
			t.Errorf("%s: stopped after %d of %d files: %d files with other bytes", from, stop, len(want), len(got))
		}
		if again, err := run(directory(t, at)); err != nil || again.Layers != 0 || again.New != 0 {
			t.Errorf("a finished catalogue is read again: %+v %v", again, err)
		}
	}
}

// contents returns the names and bytes of all files below a directory.
func contents(t *testing.T, at string) (list []string) {
	t.Helper()
	for _, name := range append(partsOf(t, at), filepath.Join(at, "catalogue.json")) {
		data, err := os.ReadFile(name)
		if err != nil {
			t.Fatal(err)
		}
		list = append(list, strings.TrimPrefix(name, at)+string(data))
	}
	return list
}

// A failing place takes some files and no more.
type failing struct {
	place.Place
	after int
}

func (f *failing) Put(ctx context.Context, name string, write func(io.Writer) error) error {
	if f.after--; f.after < 0 {
		return errors.New("the disk is full")
	}
	return f.Place.Put(ctx, name, write)
}

// An image that could not be read is named in every answer, until it is read from the same place.
func TestWhatCouldNotBeReadIsNamedUntilItIsRead(t *testing.T) {
	dir := write(t, fleet.Fleet{Seed: 7, Images: 1, Layers: 2})
	at, name := filepath.Join(t.TempDir(), "catalogue"), filepath.Join(dir, "image-0000.tar")
	good, err := os.ReadFile(name)
	if err != nil {
		t.Fatal(err)
	}
	bad := bytes.Clone(good)
	bad[bytes.Index(good, []byte("/layer.tar"))-64+512] ^= 1 // in the first name of a layer
	if err := os.WriteFile(name, bad, 0o644); err != nil {
		t.Fatal(err)
	}
	c, err := catalogue.Create(t.Context(), directory(t, at), nil)
	if err != nil {
		t.Fatal(err)
	}
	done, err := c.Index(t.Context(), []string{name}, catalogue.IndexOptions{Options: analyze.Default(), Now: day})
	if err != nil || len(done.Failures) == 0 {
		t.Fatalf("a damaged layer is not a failure: %v", err)
	}
	if _, errs := ask(t, at, catalogue.Query{Names: []string{"nothing"}}); len(errs) == 0 {
		t.Error("an answer does not name the image that could not be read")
	}
	if err := os.WriteFile(name, good, 0o644); err != nil {
		t.Fatal(err)
	}
	index(t, at, false, name)
	if _, errs := ask(t, at, catalogue.Query{Names: []string{"nothing"}}); len(errs) > 0 {
		t.Errorf("what was read since is still named: %v", errs)
	}
}
