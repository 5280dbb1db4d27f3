package catalogue

import (
	"crypto/sha256"
	"errors"
	"flag"
	"fmt"
	"iter"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"testing"
	"time"

	"layup/analyze/catalogue/place"
)

// How the goals for 100 million rows are measured, by hand (4.3 GB, a quarter of an hour):
//
//	go test ./analyze/catalogue -run '^$' -bench Needle -benchtime 20x -rows 100000000 -at /var/tmp/rows
var (
	needleRows = flag.Int("rows", 1_000_000, "rows of the catalogue that BenchmarkNeedle asks")
	needleAt   = flag.String("at", "", "where the catalogue is, or is made; empty: a temporary directory")
)

const (
	partRows   = 1_000_000
	layerRows  = 2950 // of a layer, as in Zhao et al. 2019
	partLayers = partRows / layerRows
	stackSize  = 10 // layers of an image
)

func layerKey(n int) string { return fmt.Sprintf("sha256:%064x", n*7919) }

// nameOfRow returns the base name of a file: no other row has it.
func nameOfRow(n int) string { return fmt.Sprintf("%08x-module.py", n) }

func digestOf(n int) string { return hexOf(sha256.Sum256(strconv.AppendInt(nil, int64(n), 10))) }

// syntheticRows yields the rows of a part in their order: each layer has /usr and /usr/lib, and files with names of
// their own below directories that some layers share.
func syntheticRows(part int) iter.Seq[FileRow] {
	return func(yield func(FileRow) bool) {
		dir := func(base, path string, layer int) bool {
			return yield(FileRow{Base: base, Path: path, Layer: layerKey(part*partLayers + layer), Kind: "dir", Mode: 0o755,
				MTime: 1_700_000_000})
		}
		for n := range partRows - 2*partLayers - 1000 {
			id := part*partRows + n
			base := nameOfRow(id)
			row := FileRow{Base: base, Path: fmt.Sprintf("/usr/lib/package%03d/%s", n*31%1000, base), Kind: "file",
				Layer: layerKey(part*partLayers + n*17%partLayers), Mode: 0o644, Size: int64(n * 7919 % 50_000),
				MTime: 1_700_000_000 + int64(n*17%partLayers), SHA256: digestOf(id)}
			if !yield(row) {
				return
			}
		}
		for n := range partLayers {
			if !dir("lib", "/usr/lib", n) {
				return
			}
		}
		for n := range 1000 {
			base := fmt.Sprintf("package%03d", n)
			if !dir(base, "/usr/lib/"+base, n%partLayers) {
				return
			}
		}
		for n := range partLayers {
			if !dir("usr", "/usr", n) {
				return
			}
		}
	}
}

// synthetic makes a catalogue of so many rows, unless it is there.
func synthetic(b *testing.B, rows int, at string) *Catalogue {
	b.Helper()
	p, err := place.Open(b.Context(), at)
	if err != nil {
		b.Fatal(err)
	}
	_, err = os.Stat(filepath.Join(at, header))
	yes := true
	c, createErr := Create(b.Context(), p, &yes)
	if createErr != nil {
		b.Fatal(createErr)
	}
	if err == nil {
		return c
	}
	parts := max(rows/partRows, 1)
	var layers []LayerRow
	var images []ImageRow
	for part := range parts {
		name := fmt.Sprintf("files/part-%032x.parquet", part)
		if err := put(b.Context(), c, name, syntheticRows(part)); err != nil {
			b.Fatal(err)
		}
		for n := range partLayers {
			key := layerKey(part*partLayers + n)
			layers = append(layers, LayerRow{Key: key, DiffID: key, Digest: key, Entries: layerRows, Part: name})
		}
		for n := range partLayers / 3 {
			one := ImageRow{Source: fmt.Sprintf("docker://registry.example/team%d/app%d", part, n), ID: layerKey(n),
				Reference: fmt.Sprintf("registry.example/team%d/app%d:1", part, n), Platform: "linux/amd64", Kind: "image",
				Seen: time.Unix(0, 0).UTC().Format(time.RFC3339)}
			for k := range stackSize {
				one.Layers = append(one.Layers, layerKey((part*partLayers+n*3+k)%(parts*partLayers)))
			}
			images = append(images, one)
		}
	}
	err = errors.Join(putAll(b.Context(), c, layersFolder+"/part-0.parquet", layers),
		putAll(b.Context(), c, imagesFolder+"/part-0.parquet", images))
	if err != nil {
		b.Fatal(err)
	}
	return c
}

func BenchmarkNeedle(b *testing.B) {
	at := *needleAt
	if at == "" {
		at = b.TempDir()
	}
	c := synthetic(b, *needleRows, at)
	parts := max(*needleRows/partRows, 1)
	id := (parts/2)*partRows + 500_000
	for name, q := range map[string]Query{
		"name":    {Names: []string{nameOfRow(id)}},
		"nothing": {Names: []string{"MYFILE"}},
		"digest":  {Sums: []string{digestOf(id)}},
		"pattern": {Test: Test{Base: func(base string) bool { return base == nameOfRow(id) }}},
	} {
		b.Run(name, func(b *testing.B) {
			var took []time.Duration
			for b.Loop() {
				began := time.Now()
				r, err := c.Read(b.Context())
				if err != nil || len(r.Damaged) > 0 {
					b.Fatal(err, r.Damaged)
				}
				f, err := r.Find(b.Context(), q)
				if err != nil {
					b.Fatal(err)
				}
				for i := range f.Len() {
					f.Image(i)
				}
				if (f.Len() == 0) != (name == "nothing") {
					b.Fatalf("%d images", f.Len())
				}
				r.Close()
				took = append(took, time.Since(began))
			}
			slices.Sort(took)
			b.ReportMetric(float64(took[len(took)/2].Microseconds())/1000, "ms/median")
		})
	}
}
