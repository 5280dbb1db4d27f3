package store

import (
	"context"
	"time"

	"layup/tarfs"
)

// Options say how a store is read.
type Options struct {
	Namespace string // of containerd; empty for all
	SubID     uint32 // as of Layout
}

// Contents are the images and containers of a store.
type Contents struct {
	Driver     string // that keeps the layers: overlay2, overlay, vfs, overlayfs
	Images     []*Image
	Containers []*Container
}

// An Image is an image of a store.
type Image struct {
	ID         string   // sha256:HEX of the config
	Tags       []string // sorted
	Digests    []string // NAME@DIGEST, sorted
	Config     []byte   // nil where Err says why
	Manifest   []byte   // as stored; nil where the store keeps none
	Parents    []string // IDs of the images that it was built on there, the nearest first
	LastTagged time.Time
	Err        error // why it cannot be read
	// Only others were built on it: it has no name.
	Intermediate bool

	Layers func() ([]Layer, error)                  // oldest first
	Graph  func() (data map[string]string, e error) // what Docker prints as GraphDriver.Data; nil for other engines
}

// The roles of layers.
const (
	RoleImage     = "image"
	RoleInit      = "init"
	RoleContainer = "container"
)

// A Layer is a layer of an image or of a container.
type Layer struct {
	Role      string
	DiffID    string // empty if unknown
	Directory string // where its files lie in the store
	Link      string // the short name under which overlay drivers mount it; empty where there is none
	Size      int64  // bytes of its files, as the engine counted; -1 unknown
	Split     string // its tar-split file; empty where there is none
	// Tar puts it together; warn is told of what cannot be shown as the engine shows it.
	Tar   func(warn func(tarfs.Code, string)) *Tar
	Files Files // in which the directory lies; nil where nobody asks
	// Differences holds the directory against the table that the layer's tar-split file gave; nil where there is none.
	Differences func(ctx context.Context, table *tarfs.Layer) ([]Difference, error)
}

// fromSplit has a layer put together from its tar-split file, and held against it.
func (l *Layer) fromSplit(files Files, layout Layout) {
	split, dir := l.Split, l.Directory
	l.Tar = func(func(tarfs.Code, string)) *Tar { return TarSplit(files, split, dir, layout) }
	l.Differences = func(ctx context.Context, table *tarfs.Layer) ([]Difference, error) {
		return Differences(ctx, files, dir, table, layout)
	}
}

// A Container is a container that was not removed.
type Container struct {
	ID, Name string
	ImageID  string // sha256:HEX; empty if unknown
	Image    string // as it was asked for
	State    string // running, paused, restarting, exited, created, dead, as it was written last; empty where the store does not say
	Created  string // RFC 3339
	Config   []byte // the engine's document of it; nil where there is none
	Host     []byte // a second one; nil where there is none
	Err      error  // why it cannot be read; of it only the ID is known then

	Layers func() ([]Layer, error)           // those of the image, then its own
	Graph  func() (map[string]string, error) // as of Image
}
