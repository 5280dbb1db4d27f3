package source

import "layup/tarfs"

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
}

// DefaultLimits returns the limits for hostile input.
func DefaultLimits() Limits { panic("stub") }

// Set changes one limit by the name that --limit takes; value is a number with an optional unit (KiB, MiB, GiB), or none.
func (l *Limits) Set(name, value string) error { panic("stub") }
