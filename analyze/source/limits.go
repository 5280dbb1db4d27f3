package source

import (
	"fmt"
	"math"
	"strconv"
	"strings"
	"time"

	"layup/analyze/near"
	"layup/analyze/source/registry"
	"layup/tarfs"
)

// Limits bound what an input may ask of the machine; zero or negative means none.
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

// The names of the limits, as --limit takes them and messages show them. Those of a layer's entries are tarfs's.
const (
	limitManifest     = "manifest"
	limitConfig       = "config"
	limitJSONDepth    = "json-depth"
	limitLayers       = "layers"
	limitIndexDepth   = "index-depth"
	limitDescriptors  = "descriptors"
	limitHistory      = "history"
	limitLayerBytes   = "layer-bytes"
	limitImageBytes   = "image-bytes"
	limitImageEntries = "image-entries"
	limitRatio        = "ratio"
	limitRatioFloor   = "ratio-floor"
	limitWindow       = "window"

	limitHTTPHeaders    = "http-headers"
	limitHTTPStall      = "http-stall"
	limitHTTPRetryAfter = "http-retry-after"
	limitHTTPTries      = "http-tries"
	limitHTTPRedirects  = "http-redirects"
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
		{name: limitManifest, bytes: true, large: &l.Manifest},
		{name: limitConfig, bytes: true, large: &l.Config},
		{name: limitJSONDepth, small: &l.JSONDepth},
		{name: limitLayers, small: &l.Layers},
		{name: limitIndexDepth, small: &l.IndexDepth},
		{name: limitDescriptors, small: &l.Descriptors},
		{name: limitHistory, small: &l.History},
		{name: limitLayerBytes, bytes: true, large: &l.LayerBytes},
		{name: limitImageBytes, bytes: true, large: &l.ImageBytes},
		{name: limitImageEntries, small: &l.ImageEntries},
		{name: limitRatio, large: &l.Ratio},
		{name: limitRatioFloor, bytes: true, large: &l.RatioFloor},
		{name: limitWindow, bytes: true, large: &l.Window},
		{name: limitHTTPHeaders, small: &l.HTTPHeaders},
		{name: limitHTTPStall, small: &l.HTTPStall},
		{name: limitHTTPRetryAfter, small: &l.HTTPRetryAfter},
		{name: limitHTTPTries, small: &l.HTTPTries},
		{name: limitHTTPRedirects, small: &l.HTTPRedirects},
	}
}

// Timing returns the limits for the network as a registry's client takes them.
func (l *Limits) Timing() registry.Timing {
	const most = 1 << 20 // twelve days of seconds stand for no limit
	or := func(n int) int {
		if n <= 0 || n > most {
			return most
		}
		return n
	}
	return registry.Timing{
		Headers:    time.Duration(or(l.HTTPHeaders)) * time.Second,
		Stall:      time.Duration(or(l.HTTPStall)) * time.Second,
		RetryAfter: time.Duration(or(l.HTTPRetryAfter)) * time.Second,
		Tries:      or(l.HTTPTries),
		Redirects:  or(l.HTTPRedirects),
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

// Set changes one limit by the name that --limit takes; value is a number, for bytes with an optional unit (KiB, MiB, GiB, KB, MB,
// GB), or none.
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
		return 0, fmt.Errorf("%q is no number of bytes: want digits, with KiB, MiB, GiB, KB, MB or GB where they help, or none", value)
	case err != nil:
		return 0, fmt.Errorf("%q is no number: want digits, or none", value)
	case n == 0:
		return 0, fmt.Errorf("%q would refuse everything: want a number above zero, or none", value)
	case int64(n) > math.MaxInt64/factor:
		return 0, fmt.Errorf("%q is too large; none sets no limit", value)
	}
	return int64(n) * factor, nil
}
