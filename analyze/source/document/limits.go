package document

import (
	"fmt"
	"math"
	"strconv"
	"strings"

	"layup/analyze/near"
	"layup/analyze/source/decode"
	"layup/tarfs"
)

// Limits bound what an input may ask of the machine. Zero or less is no limit.
type Limits struct {
	tarfs.Limits
	Manifest     int64 // bytes of a manifest, an index or manifest.json
	Config       int64 // bytes of a config
	JSONDepth    int
	Layers       int
	IndexDepth   int
	Descriptors  int   // descriptors of all indexes
	History      int   // history entries
	LayerBytes   int64 // decompressed bytes of a layer
	ImageBytes   int64 // decompressed bytes of an image
	ImageEntries int
	Ratio        int64 // decompressed to stored, where more than RatioFloor bytes come out
	RatioFloor   int64
	Window       int64 // bytes of a zstd window, an xz dictionary

	HTTPHeaders    int // seconds for a registry to begin an answer
	HTTPStall      int // seconds in which less than 1 KiB is a stall
	HTTPRetryAfter int // seconds that a registry may ask to wait
	HTTPTries      int // of what fails fast
	HTTPRedirects  int
}

// The names of the limits, as --limit takes them and messages show them. Package tarfs names those of a layer's entries.
const (
	LimitManifest     = "manifest"
	LimitConfig       = "config"
	LimitJSONDepth    = "json-depth"
	LimitLayers       = "layers"
	LimitIndexDepth   = "index-depth"
	LimitDescriptors  = "descriptors"
	LimitHistory      = "history"
	LimitLayerBytes   = "layer-bytes"
	LimitImageBytes   = "image-bytes"
	LimitImageEntries = "image-entries"
	LimitRatio        = "ratio"
	LimitRatioFloor   = "ratio-floor"
	LimitWindow       = decode.LimitName

	LimitHTTPHeaders    = "http-headers"
	LimitHTTPStall      = "http-stall"
	LimitHTTPRetryAfter = "http-retry-after"
	LimitHTTPTries      = "http-tries"
	LimitHTTPRedirects  = "http-redirects"
)

const (
	kib = 1 << 10
	mib = 1 << 20
	gib = 1 << 30
)

// DefaultLimits returns the limits for hostile input.
func DefaultLimits() Limits {
	return Limits{
		Limits:       tarfs.DefaultLimits(),
		Manifest:     4 * mib,
		Config:       8 * mib,
		JSONDepth:    64,
		Layers:       1000,
		IndexDepth:   8,
		Descriptors:  10_000,
		History:      10_000,
		LayerBytes:   64 * gib,
		ImageBytes:   256 * gib,
		ImageEntries: 20_000_000,
		Ratio:        5000,
		RatioFloor:   4 * gib,
		Window:       128 * mib,

		HTTPHeaders:    15,
		HTTPStall:      20,
		HTTPRetryAfter: 10,
		HTTPTries:      3,
		HTTPRedirects:  10,
	}
}

// A limit is one row of the table that Set and Names read.
type limit struct {
	name  string
	bytes bool // a number of bytes, which may carry a unit
	small *int // one of the two is set
	large *int64
}

func (l *Limits) table() []limit {
	return []limit{
		{name: "entries", small: &l.Entries},
		{name: "path", bytes: true, small: &l.Path},
		{name: "components", small: &l.Components},
		{name: "link", bytes: true, small: &l.Link},
		{name: "header", bytes: true, small: &l.Header},
		{name: "xattrs", small: &l.Xattrs},
		{name: "xattr-bytes", bytes: true, small: &l.XattrBytes},
		{name: "sparse", bytes: true, large: &l.Sparse},
		{name: "name-bytes", bytes: true, small: &l.NameBytes},
		{name: "implied", small: &l.Implied},
		{name: "link-steps", small: &l.LinkSteps},
		{name: LimitManifest, bytes: true, large: &l.Manifest},
		{name: LimitConfig, bytes: true, large: &l.Config},
		{name: LimitJSONDepth, small: &l.JSONDepth},
		{name: LimitLayers, small: &l.Layers},
		{name: LimitIndexDepth, small: &l.IndexDepth},
		{name: LimitDescriptors, small: &l.Descriptors},
		{name: LimitHistory, small: &l.History},
		{name: LimitLayerBytes, bytes: true, large: &l.LayerBytes},
		{name: LimitImageBytes, bytes: true, large: &l.ImageBytes},
		{name: LimitImageEntries, small: &l.ImageEntries},
		{name: LimitRatio, large: &l.Ratio},
		{name: LimitRatioFloor, bytes: true, large: &l.RatioFloor},
		{name: LimitWindow, bytes: true, large: &l.Window},
		{name: LimitHTTPHeaders, small: &l.HTTPHeaders},
		{name: LimitHTTPStall, small: &l.HTTPStall},
		{name: LimitHTTPRetryAfter, small: &l.HTTPRetryAfter},
		{name: LimitHTTPTries, small: &l.HTTPTries},
		{name: LimitHTTPRedirects, small: &l.HTTPRedirects},
	}
}

// Names returns the names that Set takes, those of a layer's entries first.
func (l *Limits) Names() []string {
	var names []string
	for _, row := range l.table() {
		names = append(names, row.name)
	}
	return names
}

// Set changes one limit by the name that --limit takes. The value is a number, or none. A number of bytes may have a unit:
// KiB, MiB, GiB, KB, MB or GB.
func (l *Limits) Set(name, value string) error {
	for _, row := range l.table() {
		if row.name == name {
			return row.set(value)
		}
	}
	if hint := near.Hint(name, l.Names()); hint != "" {
		return fmt.Errorf("limit %q is unknown: %s", name, hint)
	}
	return fmt.Errorf("limit %q is unknown: it is one of %s", name, strings.Join(l.Names(), ", "))
}

func (row limit) set(value string) error {
	n, err := row.parse(value)
	if err != nil {
		return fmt.Errorf("limit %s: %w", row.name, err)
	}
	if row.small != nil {
		*row.small = int(min(n, math.MaxInt))
	} else {
		*row.large = n
	}
	return nil
}

// units are the factors of a number of bytes; the longer suffix comes first.
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
		return 0, fmt.Errorf("%q is not a number of bytes: want digits, perhaps with KiB, MiB, GiB, KB, MB or GB, or none", value)
	case err != nil:
		return 0, fmt.Errorf("%q is not a number: want digits, or none", value)
	case n == 0:
		return 0, fmt.Errorf("%q would refuse everything: want a number above zero, or none", value)
	case int64(n) > math.MaxInt64/factor:
		return 0, fmt.Errorf("%q is too large; none sets no limit", value)
	}
	return int64(n) * factor, nil
}

// OverLayers returns an error if an image has too many layers.
func (l *Limits) OverLayers(n int) error { return Over(LimitLayers, int64(n), int64(l.Layers)) }

// OverDescriptors returns an error if indexes list too much.
func (l *Limits) OverDescriptors(n int) error {
	return Over(LimitDescriptors, int64(n), int64(l.Descriptors))
}

// maxHeld is the most bytes of manifests, indexes and configs in memory: an index may name thousands.
const maxHeld = 64 << 20

// Hold adds a document of n bytes to those held in memory. The error says that they are too many.
func Hold(held *int64, n int) error {
	if *held += int64(n); *held > maxHeld {
		return fmt.Errorf("manifests and configs have more than %d MiB together", maxHeld>>20)
	}
	return nil
}
