package document

import (
	"bytes"
	"fmt"
	"math"
	"strconv"
	"strings"

	"layup/analyze/near"
	"layup/analyze/source/decode"
	"layup/tarfs"
)

// Limits bound what an input may ask of the machine. Zero or less sets no limit.
type Limits struct {
	tarfs.Limits
	Manifest     int64 // bytes of a manifest, an index or manifest.json
	Config       int64 // bytes of a config
	Statement    int64 // bytes of a statement of provenance
	JSONDepth    int
	Layers       int
	IndexDepth   int
	Descriptors  int   // descriptors of all indexes
	Requests     int   // of one pull: for blobs and manifests, and with --all for what is about each manifest
	References   int   // names of all images
	Signatures   int   // signatures and attestations of the chosen images that are compared with keys
	History      int   // history entries
	LayerBytes   int64 // decompressed bytes of a layer
	ImageBytes   int64 // decompressed bytes of an image
	ImageEntries int
	Ratio        int64 // decompressed to stored, if more than RatioFloor bytes come out
	RatioFloor   int64
	Window       int64 // bytes of a zstd window, an xz dictionary

	HTTPHeaders    int // seconds for a registry to begin an answer
	HTTPStall      int // seconds in which less than 1 KiB is a stall
	HTTPRetryAfter int // seconds that a registry may ask to wait
	HTTPTries      int // of a request that fails fast
	HTTPRedirects  int
}

// The names of limits that other packages also use, as --limit takes them and messages show them.
const (
	LimitManifest    = "manifest"
	LimitConfig      = "config"
	LimitStatement   = "statement"
	LimitLayers      = "layers"
	LimitIndexDepth  = "index-depth"
	LimitDescriptors = "descriptors"
	LimitRequests    = "requests"
	LimitReferences  = "references"
	LimitSignatures  = "signatures"
	LimitLayerBytes  = "layer-bytes"
	LimitImageBytes  = "image-bytes"
	LimitRatio       = "ratio"

	limitJSONDepth = "json-depth"
	limitHistory   = "history"
)

const (
	kib = 1 << 10
	mib = 1 << 20
	gib = 1 << 30
)

// DefaultLimits returns the limits for hostile input.
func DefaultLimits() Limits {
	l := Limits{Limits: tarfs.DefaultLimits()}
	for _, row := range l.table() {
		if row.normal > 0 {
			row.set(row.normal)
		}
	}
	return l
}

// A limit is one row of the table of limits.
type limit struct {
	name   string
	field  any   // of Limits: *int or *int64
	bytes  bool  // a number of bytes, which may have a unit
	normal int64 // the default; 0 for the limits of a layer's entries, which package tarfs knows
}

func (l *Limits) table() []limit {
	return []limit{
		{"entries", &l.Entries, false, 0},
		{"path", &l.Path, true, 0},
		{"components", &l.Components, false, 0},
		{"link", &l.Link, true, 0},
		{"header", &l.Header, true, 0},
		{"xattrs", &l.Xattrs, false, 0},
		{"xattr-bytes", &l.XattrBytes, true, 0},
		{"records", &l.Records, false, 0},
		{"sparse", &l.Sparse, true, 0},
		{"name-bytes", &l.NameBytes, true, 0},
		{"implied", &l.Implied, false, 0},
		{"link-steps", &l.LinkSteps, false, 0},
		{LimitManifest, &l.Manifest, true, 4 * mib},
		{LimitConfig, &l.Config, true, 8 * mib},
		{LimitStatement, &l.Statement, true, 8 * mib},
		{limitJSONDepth, &l.JSONDepth, false, 64},
		{LimitLayers, &l.Layers, false, 1000},
		{LimitIndexDepth, &l.IndexDepth, false, 8},
		{LimitDescriptors, &l.Descriptors, false, 10_000},
		{LimitRequests, &l.Requests, false, 15_000},
		{LimitReferences, &l.References, false, 100_000},
		{LimitSignatures, &l.Signatures, false, 500},
		{limitHistory, &l.History, false, 10_000},
		{LimitLayerBytes, &l.LayerBytes, true, 64 * gib},
		{LimitImageBytes, &l.ImageBytes, true, 256 * gib},
		{"image-entries", &l.ImageEntries, false, 20_000_000},
		{LimitRatio, &l.Ratio, false, 5000},
		{"ratio-floor", &l.RatioFloor, true, 4 * gib},
		{decode.LimitName, &l.Window, true, 128 * mib},
		{"http-headers", &l.HTTPHeaders, false, 15},
		{"http-stall", &l.HTTPStall, false, 20},
		{"http-retry-after", &l.HTTPRetryAfter, false, 10},
		{"http-tries", &l.HTTPTries, false, 3},
		{"http-redirects", &l.HTTPRedirects, false, 10},
	}
}

// Names returns the names that Set takes.
func (l *Limits) Names() []string {
	var names []string
	for _, row := range l.table() {
		names = append(names, row.name)
	}
	return names
}

// Set changes one limit by the name that --limit takes. The value is a number, or none. A number of bytes may have a
// unit: KiB, MiB, GiB, KB, MB or GB.
func (l *Limits) Set(name, value string) error {
	for _, row := range l.table() {
		if row.name != name {
			continue
		}
		n, err := row.parse(value)
		if err != nil {
			return fmt.Errorf("limit %s: %w", name, err)
		}
		row.set(n)
		return nil
	}
	if hint := near.Hint(name, l.Names()); hint != "" {
		return fmt.Errorf("limit %q is unknown: %s", name, hint)
	}
	return fmt.Errorf("limit %q is unknown: it is one of %s", name, strings.Join(l.Names(), ", "))
}

func (row limit) set(n int64) {
	switch field := row.field.(type) {
	case *int:
		*field = int(min(n, math.MaxInt))
	case *int64:
		*field = n
	}
}

// units are the factors of a number of bytes.
var units = [...]struct {
	suffix string
	factor int64
}{{"KiB", kib}, {"MiB", mib}, {"GiB", gib}, {"KB", 1e3}, {"MB", 1e6}, {"GB", 1e9}}

func (row limit) parse(value string) (int64, error) {
	if value == "none" {
		return 0, nil
	}
	digits, factor := value, int64(1)
	for _, u := range units {
		if rest, ok := strings.CutSuffix(value, u.suffix); ok && row.bytes {
			digits, factor = rest, u.factor
			break
		}
	}
	n, err := strconv.ParseUint(digits, 10, 63)
	switch {
	case err != nil && row.bytes:
		const want = "want digits, perhaps with KiB, MiB, GiB, KB, MB or GB, or none"
		return 0, fmt.Errorf("%q is not a number of bytes: %s", value, want)
	case err != nil:
		return 0, fmt.Errorf("%q is not a number: want digits, or none", value)
	case n == 0:
		return 0, fmt.Errorf("%q would refuse everything: want a positive number, or none", value)
	case int64(n) > math.MaxInt64/factor:
		return 0, fmt.Errorf("%q is too large; none sets no limit", value)
	}
	return int64(n) * factor, nil
}

// Over returns an error if a value is more than the limit of that name. A limit of zero or less is none.
func Over[N int | int64](name string, value, limit N) error {
	if limit <= 0 || value <= limit {
		return nil
	}
	return &tarfs.LimitError{Name: name, Value: int64(value), Limit: int64(limit)}
}

// maxHeld is how many bytes manifests, indexes and configs may have in memory: an index may name thousands.
const maxHeld = 64 << 20

// ErrHeld says that the documents of a source are too many.
var ErrHeld = fmt.Errorf("manifests and configs have more than %d MiB together, or too many values", maxHeld>>20)

// Hold adds a document to those held in memory. The error is ErrHeld. A value of a list or an object needs more memory
// than the two bytes that it may have in the document.
func Hold(held *int64, doc []byte) error {
	const value = 48
	if *held += int64(len(doc) + value*bytes.Count(doc, []byte{','})); *held > maxHeld {
		return ErrHeld
	}
	return nil
}
