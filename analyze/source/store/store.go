package store

import (
	"cmp"
	"context"
	"fmt"
	"path"
	"slices"
	"time"

	"layup/analyze/show"
	"layup/tarfs"
)

// Options say how a store is read.
type Options struct {
	Namespace string // of containerd; empty for all
	SubID     uint32 // see Layout
}

// Contents are the images and containers of a store.
type Contents struct {
	Driver     string // keeps the layers: overlay2, overlay, vfs, overlayfs
	Images     []*Image
	Containers []*Container
}

// An Image is an image of a store.
type Image struct {
	ID         string   // sha256:HEX of the config
	Tags       []string // sorted
	Digests    []string // NAME@DIGEST, sorted
	Config     []byte   // nil if Err is set
	Manifest   []byte   // as stored; nil if the store keeps none
	Parents    []string // IDs of the images on which it was built, the nearest first
	LastTagged time.Time
	Err        error // why it cannot be read
	// Intermediate is true if the image has no name and another one was built on it.
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
	Directory string // of its files, in the store
	Link      string // the short name under which overlay drivers mount it; empty if there is none
	Size      int64  // bytes of its files, as the engine counted; -1 unknown
	Split     string // its tar-split file; empty if there is none
	// Tar returns its tar; warn receives what cannot be shown as the engine shows it.
	Tar   func(warn func(tarfs.Code, string)) *Tar
	Files Files // contains Directory; set by containerd only
	// Differences compares the directory with the table of the layer's tar-split file or blob; nil if there is none.
	Differences func(ctx context.Context, table *tarfs.Layer) ([]Difference, error)
}

// read makes Tar use the tar-split file if there is one, else the layer's directory. That directory also holds the
// files of the directory below unless below is empty.
func (l *Layer) read(files Files, below string, layout Layout) {
	split, dir := l.Split, l.Directory
	l.Tar = func(warn func(tarfs.Code, string)) *Tar {
		layout := layout
		switch layout.Warn = warn; {
		case split != "":
			return TarSplit(files, split, dir, layout)
		case below != "":
			return Changes(files, below, dir, layout)
		}
		return Overlay(files, dir, layout)
	}
}

// compare sets Differences. The layer's directory must hold nothing but the layer.
func (l *Layer) compare(files Files, layout Layout) {
	dir := l.Directory
	l.Differences = func(ctx context.Context, table *tarfs.Layer) ([]Difference, error) {
		return Differences(ctx, files, dir, table, layout)
	}
}

// stacked appends a layer of Docker or podman to those below it. vfs copies those below into each directory.
func stacked(list []Layer, l Layer, files Files, driver string, layout Layout) []Layer {
	below := ""
	if len(list) > 0 && driver == "vfs" {
		below = list[len(list)-1].Directory
	}
	l.read(files, below, layout)
	if l.Split != "" && driver != "vfs" {
		l.compare(files, layout)
	}
	return append(list, l)
}

// diff returns the directory in which a driver of Docker or podman keeps what a layer changed.
func diff(driver, id string) string {
	if driver == "vfs" {
		return path.Join("vfs/dir", id)
	}
	return path.Join(driver, id, "diff")
}

// link returns the short name under which an overlay driver mounts a layer; empty if it has none.
func link(files Files, driver, id string) string {
	if driver == "vfs" {
		return ""
	}
	return word(files, path.Join(driver, id, "link"))
}

// mostLayers bounds a chain of parents; an engine takes 127.
const mostLayers = 10000

// chain returns the IDs of a layer and of those below it, the lowest first; none if top is empty.
func chain(top string, parent func(id string) (string, error)) ([]string, error) {
	var list []string
	for at := top; at != ""; {
		if list = append(list, at); len(list) > mostLayers {
			return nil, fmt.Errorf("more than %d layers below %s", mostLayers, show.Path(top))
		}
		var err error
		if at, err = parent(at); err != nil {
			return nil, err
		}
	}
	slices.Reverse(list)
	return list, nil
}

// A Container is a container, running or not.
type Container struct {
	ID, Name string
	ImageID  string // sha256:HEX; empty if unknown
	Image    string // as the user named it
	State    string // last written: running, paused, restarting, exited, created or dead; empty if unknown
	Created  string // RFC 3339
	Config   []byte // the engine's document about it; nil if there is none
	Host     []byte // a second document; nil if there is none
	Err      error  // why it cannot be read; only its ID is known then

	Layers func() ([]Layer, error)           // those of the image, then its own
	Graph  func() (map[string]string, error) // see Image
}

// byName orders containers.
func byName(a, b *Container) int { return cmp.Or(cmp.Compare(a.Name, b.Name), cmp.Compare(a.ID, b.ID)) }
